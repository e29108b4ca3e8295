#!/bin/bash
# failing_calls.sh [POINTS [SEED]]: what the system refuses larder, one call after the other, costs nothing that was acknowledged, shows
# nobody wrong bytes, and is over when the system is well again. 300 points by default, `all` for every one there is; TAP. The same
# seed, 1 by default, chooses the same points.
here=$(cd "$(dirname "$0")" && pwd)
points=${1:-300}
seed=${2:-1}
build=${LARDER_BUILD:-$here/../../build}
larder=${LARDER:-$build/larder}
[ "$points" != all ] || points=0
echo "1..1"
if ldd "$larder" | grep -q libtsan; then
	echo "ok 1 - failing calls # skip the thread sanitizer does not see the calls that are stood in for"
	exit
fi
if [ ! -e "$build/tests/libfailing_calls.so" ]; then
	echo "# no $build/tests/libfailing_calls.so: LARDER_BUILD is where larder was built with its tests"
	echo "not ok 1 - failing calls"
	exit
fi
if python3 "$here/failing_calls.py" "$larder" "$build/tests/libfailing_calls.so" "$points" "$seed"; then
	echo "ok 1 - $points points of failing calls (seed $seed)"
else
	echo "not ok 1 - $points points of failing calls (seed $seed)"
fi
