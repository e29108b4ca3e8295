#!/bin/sh
# install.sh: installs the Debian 12 packages that building and testing need and that are not there. Asks for the program or the
# library itself, so that one from elsewhere counts. Starts none of the services that come along.
set -eu
missing=

need() { # PACKAGE PROGRAM
	command -v "$2" >/dev/null || missing="$missing $1"
}

need_library() { # PACKAGE PKG-CONFIG-NAME
	pkg-config --exists "$2" 2>/dev/null || missing="$missing $1"
}

need gcc gcc
[ -e /usr/include/stdio.h ] || missing="$missing libc6-dev"
need cmake cmake
need make make
need pkg-config pkg-config
need_library libmicrohttpd-dev libmicrohttpd
need_library libcurl4-openssl-dev libcurl
need_library libsqlite3-dev sqlite3
need_library libssl-dev libcrypto
need_library libarchive-dev libarchive
need_library zlib1g-dev zlib
need_library liblzma-dev liblzma
need_library libjansson-dev jansson
need_library libgit2-dev libgit2
need_library libconfuse-dev libconfuse
need_library libsystemd-dev libsystemd
[ -e /usr/include/uthash.h ] || missing="$missing uthash-dev"
need_library libcmocka-dev cmocka
need varnish varnishtest
need nginx-light nginx
need haproxy haproxy
need bats bats
need opam opam
need ocaml-findlib ocamlfind
[ -e /usr/lib/ocaml/opam-file-format/META ] || missing="$missing libopam-file-format-ocaml-dev"
need rsync rsync
need patch patch
need iproute2 ip
need git git
need unzip unzip
need jq jq
need curl curl
need valgrind valgrind
need strace strace
need systemd systemd-analyze
need openssl openssl
need python3 python3
need shellcheck shellcheck
need xfsprogs mkfs.xfs
need clang-format clang-format
need cppcheck cppcheck

if [ -z "$missing" ]; then
	exit 0
fi

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Debian asks this program before it starts a service; while it says 101, none is started.
policy=/usr/sbin/policy-rc.d
restore_policy() {
	as_root rm -f "$policy"
	if as_root test -e "$policy.larder"; then as_root mv "$policy.larder" "$policy"; fi
}

if ! command -v apt-get >/dev/null || { [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; }; then
	echo "missing, and to be installed by root:$missing" >&2
	exit 1
fi
echo "installing:$missing"
if as_root test -e "$policy"; then as_root mv "$policy" "$policy.larder"; fi
trap restore_policy EXIT
trap 'exit 130' INT TERM
printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
as_root chmod 755 "$policy"
export DEBIAN_FRONTEND=noninteractive
as_root apt-get -q -q update
# shellcheck disable=SC2086
as_root apt-get -q -q -y --no-install-recommends install $missing >/dev/null
