#!/bin/bash
# valgrind.sh [PATTERN]...: valgrind's memcheck over the unit tests (all of them, or those whose name matches one of the patterns): reads and
# writes out of bounds or after free, decisions on what was never set, and memory that nobody holds any more. By hand, needs valgrind and
# takes half an hour. Builds below LARDER_BUILD (build/). Prints a line a test, and of one that fails what is wrong with it. Exit status 1
# when anything was found. There are no suppressions. Left out unless it is named: test_overtaking, which tells who was slower by tens of
# milliseconds, and here they pass before anything has begun.
#
#   LARDER_JOBS=N          how many tests at once (as many as there are processors)
#   LARDER_FORTNIGHTS=N    how many of the fortnights that chance makes (1: each takes minutes here)
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LARDER_BUILD:-$top/build}/valgrind
limit=1800 # seconds; a test that takes longer hangs
export LARDER_FORTNIGHTS=${LARDER_FORTNIGHTS:-1} CMOCKA_MESSAGE_OUTPUT=TAP

# try_one OUT TEST: valgrind's words go to OUT/NAME.PID, the test's to OUT/NAME.said. True: all is well. Children are not looked at: they
# are killed in the middle, with all that they hold, or are other programs.
try_one() {
	local out=$1 name=${2##*/}
	rm -f "$out/$name".*
	timeout -k 10 "$limit" valgrind -q --fair-sched=yes --child-silent-after-fork=yes --leak-check=full --show-leak-kinds=definite \
		--log-file="$out/$name.%p" "$2" >"$out/$name.said" 2>&1 </dev/null
	status=$?
	find "$out" -name "$name.[0-9]*" -empty -delete
	if compgen -G "$out/$name.[0-9]*" >/dev/null; then found=yes; else found=; fi
	[ "$status$found" = 0 ]
}

# look_at OUT TEST: one test. Where the test itself fails it is tried once more (what it leaves behind then is no finding): everything
# takes longer here, and a few of them wait for something only for so long.
look_at() {
	local out=$1 name=${2##*/} began=$SECONDS status found
	if try_one "$@" || { [ "$status" != 0 ] && [ "$status" != 124 ] && try_one "$@"; }; then
		echo "ok      $name ($((SECONDS - began)) s)"
		return
	fi
	touch "$out/found"
	{
		echo "not ok  $name: status $status"
		{
			grep -vE '^(ok|1\.\.)' "$out/$name.said"
			cat "$out/$name".[0-9]* 2>/dev/null
		} | tail -n 200 | sed 's/^/        /'
	} >"$out/$name.shown"
	cat "$out/$name.shown"
}

if [ "${1:-}" = --one ]; then
	look_at "$2" "$3"
	exit
fi
command -v valgrind >/dev/null || {
	echo "there is no valgrind, which looks at the memory" >&2
	exit 77
}
out=$(mktemp -d "${TMPDIR:-/tmp}/larder-valgrind.XXXXXX") || exit 3
trap 'rm -rf "$out"' EXIT
trap 'exit 130' INT TERM
mkdir "$out/tmp" || exit 3
export TMPDIR="$out/tmp"
{
	cmake -S "$top" -B "$build" -DBUILD_TESTING=ON -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-g -O1" &&
		cmake --build "$build" -j "$(nproc)"
} >"$out/build" 2>&1 || {
	tail -n 60 "$out/build"
	exit 3
}
find "$build/tests" -maxdepth 1 -name 'test_*' -type f -executable | sort |
	if [ $# = 0 ]; then grep -v '/test_overtaking$'; else grep -E "$(printf '%s\n' "$@" | paste -s -d '|')"; fi >"$out/tests" || {
	echo "no unit test matches: $*" >&2
	exit 2
}
xargs -a "$out/tests" -d '\n' -n 1 -P "${LARDER_JOBS:-$(nproc)}" bash "$0" --one "$out"
[ ! -e "$out/found" ]
