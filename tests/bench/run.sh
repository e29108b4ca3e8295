#!/bin/sh
# run.sh [import|history|hits|misses|push|uploads|patrol|check]...: the benches; see README.md.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
LARDER=${LARDER:-$here/../../build/larder}
export LARDER
if [ ! -x "$LARDER" ]; then
	echo "no $LARDER: build it first (sh conf/start.sh --build-only)" >&2
	exit 1
fi
if [ $# -gt 0 ]; then
	exec python3 "$here/bench.py" "$@"
fi
python3 "$here/bench.py" import history hits misses push uploads patrol check >"$here/RESULTS.md.new"
mv "$here/RESULTS.md.new" "$here/RESULTS.md"
cat "$here/RESULTS.md"
