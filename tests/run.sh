#!/bin/sh
# sh tests/run.sh [unit|fuzz|e2e|faults|lint|PATTERN|-PATTERN]...: installs what the tests need, builds, runs them (all, or those whose
# name matches a PATTERN and no -PATTERN) and ends with "N passed, N failed". Exit status 0 when none failed.
#
#   LARDER_BUILD=DIR         where to build (build/)
#   LARDER_CMAKE_ARGS=...    more arguments for cmake, such as -DLARDER_SANITIZE=address
#   LARDER_JOBS=N            how many files of tests at once (twice as many as there are processors: they wait a lot)
#   TMPDIR=DIR               where their files go (in memory where there is room, else /tmp)
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
build=${LARDER_BUILD:-$top/build}
jobs=${LARDER_JOBS:-$((2 * $(nproc)))}
tab=$(printf '\t')

# The tests flush what they write, thousands of times, and few are about the disk: those say so themselves.
scratch() {
	room=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
	memory=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB$/\1/p' /proc/meminfo)
	if [ -w /dev/shm ] && [ "${room:-0}" -ge 4000000 ] && [ "${memory:-0}" -ge 8000000 ]; then
		echo /dev/shm
	else
		echo /tmp
	fi
}

out=$(mktemp -d "${TMPDIR:-$(scratch)}/larder-tests.XXXXXX")
trap 'rm -rf "$out"' EXIT
trap 'exit 130' INT TERM

give_up() {
	[ -z "${2:-}" ] || tail -n 60 "$2"
	echo "$1" >&2
	echo "0 passed, 1 failed"
	exit 1
}

build() {
	# BUILD_TESTING said aloud: conf/start.sh builds in the same place without the tests.
	# shellcheck disable=SC2086
	cmake -S "$top" -B "$build" -DBUILD_TESTING=ON ${LARDER_CMAKE_ARGS:-} >"$out/build" 2>&1 &&
		cmake --build "$build" -j "$(nproc)" >>"$out/build" 2>&1
}

# One line a job: KIND, NAME and the command, separated by tabs.
list_jobs() {
	(
		cd "$top/tests" || exit 1
		for file in faults/*.sh e2e/*.bats e2e/*.vtc lint/*.sh; do
			[ -e "$file" ] || continue
			case $file in
			*.bats) printf 'tap\t%s\tbats\t--tap\t%s\n' "$file" "$top/tests/$file" ;;
			*.vtc) printf 'one\t%s\tsh\t%s\t%s\n' "$file" "$top/tests/support/vtc.sh" "$top/tests/$file" ;;
			*) printf 'tap\t%s\tbash\t%s\n' "$file" "$top/tests/$file" ;;
			esac
		done
	)
	ctest --test-dir "$build" --show-only=json-v1 | jq -r '.tests[] | select(.command != null)
		| (if .name | startswith("unit/") then "tap" else "one" end) + "\t" + .name + "\t" + (.command | join("\t"))'
}

# Those that take a minute, or wait for one, begin first, so that none of them is alone in the end.
long='^faults/(kill|power|failing|upstreams|names|index)|^e2e/(api|push|crawling|fortnight|beside|catalog|check|jobs|feed|uploads|repair|miss_stop)'
long="$long|^unit/test_(fortnight|lockfile_fortnight|patrol$|causes|overtaking)"
long_first() {
	awk -F '\t' -v long="$long" '$2 ~ long { print; next } { rest[n++] = $0 } END { for (i = 0; i < n; i++) print rest[i] }'
}

# The jobs that the arguments name; all without any.
choose_jobs() {
	pattern=$(printf '%s\n' "$@" | grep -v '^-' | sed -E 's,^(unit|fuzz|e2e|faults|lint)$,^\1/,' | paste -s -d '|')
	without=$(printf '%s\n' "$@" | sed -n 's/^-//p' | paste -s -d '|')
	awk -F '\t' -v pattern="$pattern" -v without="$without" '$2 ~ pattern && (without == "" || $2 !~ without)'
}

# A sanitizer's report is a failure, wherever the process that made it ran. That a thread was gone before it could be looked at for
# leaks is none.
count_reports() {
	for report in "$out"/report.*; do
		[ -e "$report" ] || continue
		grep -qvE '^==[0-9]+==Unable to get registers from thread [0-9]+\.$' "$report" || continue
		echo "FAIL sanitizer report $(sed -n '/ERROR:\|WARNING:\|runtime error:/{p;q}' "$report")" >>"$out/results"
		echo "--- sanitizer report"
		head -n 80 "$report"
	done
}

count() {
	grep -c "^$1 " "$out/results"
}

sh "$top/tests/support/install.sh" || give_up "cannot run the tests without these packages"
command -v ccache >/dev/null && export CMAKE_C_COMPILER_LAUNCHER=ccache
build || give_up "larder does not build" "$out/build"

# Python is started thousands of times: the system's own, which takes a tenth of the time of one that a version manager looks for.
mkdir "$out/bin"
[ ! -x /usr/bin/python3 ] || ln -s /usr/bin/python3 "$out/bin/python3"
export PATH="$out/bin:$PATH"
export LARDER="$build/larder" LARDER_BUILD="$build" TMPDIR="$out" CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS="detect_leaks=1:abort_on_error=0:log_path=$out/report.asan:${ASAN_OPTIONS:-}"
export UBSAN_OPTIONS="print_stacktrace=1:log_path=$out/report.ubsan:${UBSAN_OPTIONS:-}"
export TSAN_OPTIONS="io_sync=0:suppressions=$top/tests/support/tsan.supp:log_path=$out/report.tsan:${TSAN_OPTIONS:-}"
: >"$out/results"
list_jobs | choose_jobs "$@" | long_first >"$out/jobs"
[ -s "$out/jobs" ] || give_up "no test matches: $*"
[ $# != 0 ] || grep -q "${tab}unit/" "$out/jobs" || give_up "the unit tests were not built"
tr '\n' '\0' <"$out/jobs" | xargs -0 -n 1 -P "$jobs" sh "$top/tests/support/job.sh" "$out"
count_reports
sed -n 's/^SKIP /skipped: /p' "$out/results"
sed -n 's/^FAIL /failed: /p' "$out/results"
passed=$(count PASS) failed=$(count FAIL) skipped=$(count SKIP)
line="$passed passed, $failed failed"
[ "$skipped" = 0 ] || line="$line, $skipped skipped"
echo "$line"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
