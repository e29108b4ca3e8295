#!/bin/sh
# job.sh DIR "KIND<tab>NAME<tab>COMMAND...": runs one file of tests for tests/run.sh, prints a line about it (and its output when it
# failed) and adds a line a test to DIR/results: "PASS name", "FAIL name" or "SKIP name reason".
#   tap: the command prints TAP, a line a test        one: the command is one test, and its exit status the result
set -u
out=$1
limit=900 # seconds; a file of tests that takes longer hangs
tab=$(printf '\t')
IFS=$tab
# shellcheck disable=SC2086
set -f -- $2
unset IFS
kind=$1 name=$2
shift 2
log=$out/log.$(echo "$name" | tr / _)
results=$log.results

began=$(date +%s)
timeout -k 10 "$limit" "$@" >"$log" 2>&1 </dev/null
status=$?
took=$(($(date +%s) - began))

if [ "$kind" = tap ]; then
	# cmocka says "not ok 3 # SKIP name", bats "ok 3 name # skip reason".
	sed -nE "s,^not ok [0-9]+ # SKIP (.*)\$,SKIP $name \1,p; t
		s,^ok [0-9]+ (- )?(.*) # skip ?(.*)\$,SKIP $name \2 (\3),Ip; t
		s,^ok [0-9]+ (- )?(.*)\$,PASS $name \2,p
		s,^not ok [0-9]+ (- )?(.*)\$,FAIL $name \2,p" "$log" >"$results"
	if ! grep -q . "$results" && [ "$status" = 0 ]; then
		echo "FAIL $name holds no test" >"$results"
	elif [ "$status" != 0 ] && ! grep -q '^FAIL' "$results"; then
		echo "FAIL $name ended with status $status" >>"$results"
	fi
elif [ "$status" = 0 ]; then
	echo "PASS $name" >"$results"
elif [ "$status" = 77 ]; then
	echo "SKIP $name $(tail -n 1 "$log")" >"$results"
else
	echo "FAIL $name (status $status)" >"$results"
fi

if grep -q '^FAIL' "$results"; then
	{
		echo "not ok  $name"
		grep '^FAIL' "$results"
		if [ "$kind" = tap ]; then grep -v '^ok ' "$log"; else cat "$log"; fi | tail -n 200 | sed 's/^/        /'
	} >"$log.shown"
	cat "$log.shown"
else
	slow=
	[ "$took" -lt 5 ] || slow=", $took s"
	echo "ok      $name ($(grep -c '^PASS' "$results")$slow)"
fi
cat "$results" >>"$out/results"
