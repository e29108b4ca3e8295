#!/bin/bash
# coverage.sh [-v] [PATTERN]...: how many branches of larder's own code the tests take (all of them, or those whose name matches; see
# tests/run.sh), folder by folder; by hand, needs clang and llvm. -v lists every branch that is not taken. Builds below LARDER_BUILD
# (build/). A process that is killed has counted, too. Exit status 1 below 85 %.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${LARDER_BUILD:-$top/build}/coverage
verbose=
[ "${1:-}" != -v ] || { verbose=-v && shift; }
[ $# != 0 ] || set -- unit fuzz e2e faults
for tool in clang llvm-profdata llvm-cov; do
	command -v "$tool" >/dev/null && continue
	echo "there is no $tool, which counts the branches" >&2
	exit 77
done
rm -rf "$build/profiles"
mkdir -p "$build/profiles" || exit 3
# %4m: processes of one program add to four files, so that they need not wait for each other; %c: as they go.
LLVM_PROFILE_FILE="$build/profiles/%4m%c.profraw" LARDER_BUILD=$build \
	LARDER_CMAKE_ARGS="-DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DLARDER_COVERAGE=ON" \
	sh "$top/tests/run.sh" "$@" | tail -n 20
exec python3 "$top/tests/support/coverage.py" "$build" $verbose
