#!/bin/bash
# coverage.sh [-v] [PARSER]...: how many branches of each parser the committed corpora take; by hand, needs clang and llvm. Builds below
# LARDER_BUILD (build/) in a place of its own. Exit status 1 when a parser stays below 90 %. -v lists every branch that is not taken.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=${LARDER_BUILD:-$here/../../build}/coverage
for tool in clang llvm-profdata llvm-cov; do
	command -v "$tool" >/dev/null && continue
	echo "there is no $tool, which counts the branches" >&2
	exit 77
done
mkdir -p "$build" || exit 3
build_targets() {
	local targets
	targets=$(cd "$here" && printf '%s ' fuzz_*.c)
	cmake -S "$here/../.." -B "$build" -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DBUILD_TESTING=ON -DLARDER_COVERAGE=ON || return
	# shellcheck disable=SC2086
	cmake --build "$build" -j "$(nproc)" --target ${targets//.c/}
}

if ! build_targets >"$build/log" 2>&1; then
	tail -n 40 "$build/log" >&2
	exit 3
fi
exec python3 "$here/coverage.py" "$build" "$@"
