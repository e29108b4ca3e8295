#!/bin/sh
# sh conf/start.sh [--build-only] [-- ARGS...]: from a fresh Debian 12 to a running larder. Installs the packages that are missing (with
# apt, as root or through sudo; it is not asked when nothing is missing), builds into build/, and runs `larder serve ARGS...`.
set -eu

packages="build-essential cmake pkg-config libmicrohttpd-dev libcurl4-openssl-dev libsqlite3-dev libssl-dev libconfuse-dev
libjansson-dev libarchive-dev zlib1g-dev liblzma-dev libgit2-dev uthash-dev libsystemd-dev ca-certificates git"

top=$(cd "$(dirname "$0")/.." && pwd)
build=${LARDER_BUILD:-$top/build}
build_only=no

say() {
	echo "start.sh: $*" >&2
}

usage() {
	say "usage: sh conf/start.sh [--build-only] [-- ARGS...]; ARGS go to \`larder serve\`"
	exit 2
}

missing_packages() {
	for package in $packages; do
		case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
		*' installed') ;;
		*) echo "$package" ;;
		esac
	done
}

# as_root COMMAND...: through sudo where needed.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		env DEBIAN_FRONTEND=noninteractive "$@"
	else
		sudo env DEBIAN_FRONTEND=noninteractive "$@"
	fi
}

install_missing() {
	if ! command -v dpkg-query >/dev/null; then
		say "this is no Debian; building with what is here, which must be what these packages hold: $packages"
		return
	fi
	missing=$(missing_packages)
	[ -n "$missing" ] || return 0
	# shellcheck disable=SC2086
	set -- $missing
	say "installing $*"
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		say "these packages are missing, and only root can install them: $*"
		exit 3
	fi
	as_root apt-get update -q >&2 || say "the lists of packages could not be brought up to date; trying with those that are here"
	if ! as_root apt-get install -q -y --no-install-recommends "$@" >&2; then
		say "could not install what is missing (is there a network?): $*"
		say "larder cannot be built without it; install it by other means and run this again"
		exit 3
	fi
}

build() {
	log=$(mktemp)
	if ! { cmake -S "$top" -B "$build" -DBUILD_TESTING=OFF && cmake --build "$build" -j "$(nproc)" --target larder; } >"$log" 2>&1; then
		tail -n 40 "$log" >&2
		say "building failed; all that was said is in $log"
		exit 3
	fi
	rm -f "$log"
	say "built $build/larder"
}

while [ $# -gt 0 ]; do
	case $1 in
	--build-only) build_only=yes ;;
	--)
		shift
		break
		;;
	*) usage ;;
	esac
	shift
done

install_missing
build
[ "$build_only" = no ] || exit 0
exec "$build/larder" serve "$@"
