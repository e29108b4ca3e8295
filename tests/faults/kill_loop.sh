#!/bin/bash
# kill_loop.sh [KILLS [SEED]]: kill -9 at random moments; nothing that was acknowledged is lost, nothing wrong is visible, nothing removed
# comes back. 1,000 kills by default (200 of a larder built with a sanitizer), of every kind in turn; TAP. Four loops run side by side, on
# a store each. The same seed, 1 by default, makes the same choices.
here=$(cd "$(dirname "$0")" && pwd)
larder=${LARDER:-$here/../../build/larder}
kills=${1:-1000}
if [ $# = 0 ] && grep -qE '__(asan|tsan)_init' "$larder"; then kills=200; fi
seed=${2:-1}
loops=()
for loop in 1 2 3 4; do
	python3 "$here/kill_loop.py" "$larder" $((kills / 4)) "$seed.$loop" &
	loops+=($!)
done
failed=0
for loop in "${loops[@]}"; do
	wait "$loop" || failed=1
done
if [ $failed = 0 ]; then
	echo "ok 1 - $kills times kill -9 (seed $seed)"
else
	echo "not ok 1 - $kills times kill -9 (seed $seed)"
fi
echo "1..1"
