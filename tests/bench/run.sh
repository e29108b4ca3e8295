#!/bin/sh
# run.sh [--short] [hits|misses|in|growth|BENCH]...: the benches; see README.md. All of them without a name, and then RESULTS.md is written.
#
#   LARDER=PROGRAM                the larder that is measured (build/larder)
#   LARDER_BENCH_SECONDS=N        how long one run of wrk is
#   LARDER_BENCH_HOST_NETWORK=1   in the network as it is, not in a namespace of its own
set -eu
here=$(cd "$(dirname "$0")" && pwd)
LARDER=${LARDER:-$here/../../build/larder}
export LARDER
if [ ! -x "$LARDER" ]; then
	echo "no $LARDER: build it first (sh conf/start.sh --build-only)" >&2
	exit 1
fi
if [ "${1:-}" = --short ]; then
	export LARDER_BENCH_SHORT=1
	shift
fi
sh "$here/peers.sh" >&2

# The congestion control of a whole system may pace what goes over loopback; a namespace has its own.
in_namespace() {
	if [ -n "${LARDER_BENCH_HOST_NETWORK:-}" ] || ! unshare -n true 2>/dev/null; then
		"$@"
		return
	fi
	export LARDER_BENCH_NETWORK="a network namespace of its own with reno"
	# shellcheck disable=SC2016
	unshare -n sh -c 'ip link set lo up && sysctl -qw net.ipv4.tcp_congestion_control=reno && exec "$@"' sh "$@"
}

if [ $# -gt 0 ] || [ -n "${LARDER_BENCH_SHORT:-}" ]; then
	in_namespace python3 "$here/bench.py" "$@"
	exit
fi
in_namespace python3 "$here/bench.py" >"$here/RESULTS.md.new"
mv "$here/RESULTS.md.new" "$here/RESULTS.md"
cat "$here/RESULTS.md"
