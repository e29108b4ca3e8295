#!/bin/bash
# soak.sh [SECONDS [SEED]]: larder for a long time under everything at once: mixed load, kills and reloads, a full disk, an upstream that is
# broken in every way, rot, eviction, scrub and patrol; TAP. What was acknowledged is there, nothing wrong comes complete. Of 1,200 seconds and
# more, memory and descriptors are compared over time. 14 seconds by default (and some for what comes before and after), SEED 1; not of a larder
# built with a sanitizer, whose memory says nothing. A line a minute tells how it goes; WORK/steady/samples.tsv has what was measured.
here=$(cd "$(dirname "$0")" && pwd)
larder=${LARDER:-$here/../../build/larder}
if [ $# = 0 ] && grep -qE '__(asan|tsan)_init' "$larder"; then
	echo "ok 1 - the soak # skip a sanitizer's memory says nothing about larder's"
	echo "1..1"
	exit
fi
# Mounts of its own, which no other process holds on to, and which go with it; and ports of its own, which nobody else is given while a daemon is down
# whose clients go on.
if ! unshare -mn true 2>/dev/null; then
	echo "ok 1 - the soak # skip nothing can be mounted here"
	echo "1..1"
	exit
fi
# shellcheck disable=SC2016
exec unshare -mn sh -c 'ip link set lo up && exec python3 "$@"' sh "$here/soak.py" "$larder" "${1:-14}" "${2:-1}"
