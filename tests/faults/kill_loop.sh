#!/bin/bash
# kill_loop.sh [ROUNDS [SEED]]: kill -9 at random moments; nothing that was acknowledged is lost, nothing wrong is visible. 100 rounds by
# default, of every kind in turn; TAP. The seed is printed: the same one kills at the same moments.
here=$(cd "$(dirname "$0")" && pwd)
rounds=${1:-100}
seed=${2:-$RANDOM}
if python3 "$here/kill_loop.py" "${LARDER:-$here/../../build/larder}" "$rounds" "$seed"; then
	echo "ok 1 - $rounds rounds of kill -9 (seed $seed)"
else
	echo "not ok 1 - $rounds rounds of kill -9 (seed $seed)"
fi
echo "1..1"
