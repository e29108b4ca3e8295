#!/bin/bash
# kill_nth.sh [STRIDE [FIRST [KIND]...]]: kill -9 at the Nth change of a file in everything that changes a store, for every STRIDEth N;
# 1 is all of them. 24 by default (128 of a larder built with a sanitizer), from the first on; TAP.
here=$(cd "$(dirname "$0")" && pwd)
build=${LARDER_BUILD:-$here/../../build}
larder=${LARDER:-$build/larder}
stride=${1:-24}
if [ $# = 0 ] && grep -qE '__(asan|tsan)_init' "$larder"; then stride=128; fi
first=${2:-1}
exec python3 "$here/kill_nth.py" "$larder" "$build/tests/libdying.so" "$stride" "$first" "${@:3}"
