#!/bin/bash
# analyse.sh [tidy|gcc|valgrind]...: what takes minutes and so is run by hand: clang-tidy (.clang-tidy says what for), gcc's own analyser,
# and valgrind.sh. cppcheck is quick and stands in tests/lint. Builds below LARDER_BUILD (build/); what is found goes to
# standard output. Exit status 1 when anything was.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LARDER_BUILD:-$top/build}/analyse
cd "$top" || exit 3
found=0

# build_with NAME FLAGS [TARGET]...
build_with() {
	local name=$1 flags=$2
	shift 2
	cmake -S "$top" -B "$build/$name" -DBUILD_TESTING=ON -DCMAKE_C_FLAGS="$flags" >/dev/null &&
		cmake --build "$build/$name" -j "$(nproc)" --target "$@" 2>&1
}

analyse_tidy() {
	build_with tidy "" storage server | grep -E ': error: '
	find storage server -name '*.c' | sort | xargs -P "$(nproc)" -n 8 clang-tidy -p "$build/tidy" --quiet 2>/dev/null | grep -E ': (warning|error): '
}

# From the beginning: what was compiled before says nothing now.
analyse_gcc() {
	rm -rf "$build/gcc"
	build_with gcc "-fanalyzer -fdiagnostics-plain-output" larder | grep -E 'warning: .*\[-Wanalyzer' | sort -u |
		while IFS= read -r line; do is_explained "$line" || printf '%s\n' "$line"; done
}

# is_explained WARNING: analyse.gcc says of this check in this file why it is none.
is_explained() {
	local file check
	while read -r file check _; do
		case $1 in *"/$file:"*"[$check]") return 0 ;; esac
	done <"$top/tests/support/analyse.gcc"
	return 1
}

analyse_valgrind() {
	bash "$top/tests/support/valgrind.sh" 2>&1 | grep -v '^ok '
}

mkdir -p "$build" || exit 3
[ $# != 0 ] || set -- tidy gcc valgrind
for what in "$@"; do
	echo "=== $what"
	case $what in
	tidy) report=$(analyse_tidy) ;;
	gcc) report=$(analyse_gcc) ;;
	valgrind) report=$(analyse_valgrind) ;;
	*) report="there is no analyser $what" ;;
	esac
	[ -n "$report" ] || continue
	printf '%s\n' "$report"
	found=1
done
exit "$found"
