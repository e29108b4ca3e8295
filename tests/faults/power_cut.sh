#!/bin/bash
# power_cut.sh [CUTS [SEED]]: the power is cut under larder, on ext4 and xfs in files of their own; what was acknowledged is there
# afterwards. 100 cuts by default, SEED 1; TAP. Skipped where no filesystem can be mounted, and, by default, of a larder built with a sanitizer,
# which finds nothing in it that the kill loop does not.
here=$(cd "$(dirname "$0")" && pwd)
larder=${LARDER:-$here/../../build/larder}
if [ $# = 0 ] && grep -qE '__(asan|tsan)_init' "$larder"; then
	echo "ok 1 - the power cut # skip a sanitizer has nothing to say about a disk"
	echo "1..1"
	exit
fi
# Mounts of its own, which no other process holds on to, and which go with it.
if ! unshare -m true 2>/dev/null; then
	echo "ok 1 - the power cut # skip nothing can be mounted here"
	echo "1..1"
	exit
fi
exec unshare -m python3 "$here/power_cut.py" "$larder" "${1:-100}" "${2:-1}"
