#!/bin/sh
# peers.sh: installs those beside whom larder is measured and that are not there, and starts none of them.
set -eu
missing=

need() { # PACKAGE PROGRAM
	command -v "$2" >/dev/null || missing="$missing $1"
}

need nginx-light nginx
need varnish varnishd
need lighttpd lighttpd
need trafficserver traffic_server
need aria2 aria2c
need wrk wrk
need strace strace
need rsync rsync
need curl curl
need git git
need python3 python3
need iproute2 ip
if [ -z "$missing" ]; then
	exit 0
fi
if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
	echo "what needs these is not measured; root may install them:$missing" >&2
	exit 0
fi
echo "installing:$missing"
# Debian asks this program before it starts a service; while it says 101, none is started.
policy=/usr/sbin/policy-rc.d
restore_policy() {
	rm -f "$policy"
	if [ -e "$policy.larder" ]; then mv "$policy.larder" "$policy"; fi
}
if [ -e "$policy" ]; then mv "$policy" "$policy.larder"; fi
trap restore_policy EXIT
trap 'exit 130' INT TERM
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"
export DEBIAN_FRONTEND=noninteractive
apt-get -q -q update
# shellcheck disable=SC2086
apt-get -q -q -y --no-install-recommends install $missing >/dev/null
