#!/bin/bash
# seeded.sh [all]: tries the tests on daemons with a bug each (seeded/, sewn in by the linker). A bug is caught when the test fails, and for that
# reason. Without an argument one test is tried on each bug, with "all" every test that is known to catch it. TAP.
here=$(cd "$(dirname "$0")" && pwd)
export LARDER_BUILD=${LARDER_BUILD:-$(cd "$here/../../build" && pwd)}
which=${1:-one}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0

# A bug, the test that catches it, and what it says then. The first of each bug is the one that is tried without "all".
BUGS='
no_fsync           | order                           | named before its bytes were flushed
no_directory_fsync | order                           | its directory is flushed: there is no such call
synchronous_normal | order                           | told before its row was durable
row_before_blob    | order                           | its row is written before its name is durable
fsync_retried      | order                           | the bytes could not be flushed, and PUT answers 201
no_digest_check    | miss_wrong_small.vtc            | resp.status
no_digest_check    | uploads.bats: other bytes than  | = 422
no_digest_check    | miss_wrong_large.vtc            | Bad exit status: 0x0000
tail_not_held_back | miss_wrong_large.vtc            | Bad exit status: 0x0000
chunked_archive    | miss_crowd.vtc                  | resp.http.content-length
chunked_archive    | behind.bats: by HTTP/1.0        | through nginx_10
'

run_test() { # TEST
	case $1 in
	order) python3 "$here/order.py" "$LARDER" ;;
	*.vtc) sh "$here/../support/vtc.sh" "$here/../e2e/$1" ;;
	*.bats:*) bats --tap -f "${1#*: }" "$here/../e2e/${1%%:*}" ;;
	esac
}

say() { # RESULT NAME [FILE]
	number=$((number + 1))
	echo "$1 $number - $2"
	[ "$1" = ok ] || sed 's/^/# /' "${3:-/dev/null}" | tail -n 40
}

try_bug() { # BUG TEST REASON
	local name="$1 is caught by $2" status=0
	export LARDER=$LARDER_BUILD/tests/seeded_$1 LARDER_SEEDED_BUG=$1
	TMPDIR=$work run_test "$2" >"$work/out" 2>&1 || status=$?
	if [ "$status" != 0 ] && grep -qF "$3" "$work/out"; then
		say ok "$name"
	else
		say "not ok" "$name (it ended with $status)" "$work/out"
	fi
}

try_bugs() {
	local bug test reason last=
	while IFS='|' read -r bug test reason; do
		read -r bug <<<"$bug"
		read -r test <<<"$test"
		read -r reason <<<"$reason"
		[ -n "$bug" ] || continue
		[ "$which" = all ] || [ "$bug" != "$last" ] || continue
		last=$bug
		try_bug "$bug" "$test" "$reason" </dev/null
	done <<<"$BUGS"
}

none_runs_by_mistake() {
	local daemon status
	for daemon in "$LARDER_BUILD"/tests/seeded_*; do
		[ -x "$daemon" ] || return 1
		status=0
		env -u LARDER_SEEDED_BUG "$daemon" --version >"$work/said" 2>&1 || status=$?
		if [ "$status" != 3 ] || ! grep -q 'for tests alone' "$work/said"; then
			return 1
		fi
	done
}

check() { # FUNCTION
	if "$1"; then
		say ok "${1//_/ }"
	else
		say "not ok" "${1//_/ }" "$work/said"
	fi
}

none_is_installed() {
	cmake --install "$LARDER_BUILD" --prefix "$work/usr" >/dev/null &&
		[ "$(find "$work/usr" -type f -perm -100 -printf '%P\n')" = bin/larder ] &&
		"$work/usr/bin/larder" --version >/dev/null &&
		! grep -q 'seeded bug' "$work/usr/bin/larder"
}

if [ ! -x "$LARDER_BUILD/tests/seeded_no_fsync" ]; then
	echo "ok 1 - seeded bugs are caught # skip this build has a sanitizer, and no daemons with a bug"
	echo "1..1"
	exit
fi
if strace -qq -o /dev/null true 2>/dev/null; then
	try_bugs
else
	BUGS=$(grep -v '| order ' <<<"$BUGS")
	try_bugs
fi
check none_runs_by_mistake
check none_is_installed
echo "1..$number"
