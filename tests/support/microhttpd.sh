#!/bin/bash
# microhttpd.sh DIR: builds Debian's libmicrohttpd below DIR with the address and undefined behaviour sanitizers; by hand, needs the network
# and dpkg-dev. Prints the directory that a larder with them (-DLARDER_SANITIZE=address) is to find it in:
#
#   LD_LIBRARY_PATH=$(tests/support/microhttpd.sh DIR) LARDER=... HOSTILE_REQUESTS=1000000 bats tests/e2e/hostile.bats
set -eu
mkdir -p "$1"
place=$(cd "$1" && pwd)
cd "$place"
if ! command -v dpkg-source >/dev/null; then
	echo "there is no dpkg-source (dpkg-dev), which unpacks the source" >&2
	exit 77
fi
mkdir -p lists/partial cache/archives/partial
# From where the system has its packages; its own lists stay as they are.
# shellcheck disable=SC2016
apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Component: main' | sort -u | while read -r site codename; do
	echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $codename main"
done >sources.list
apt=(apt-get -q -o "Dir::Etc::SourceList=$place/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$place/lists"
	-o "Dir::Cache=$place/cache" -o APT::Sandbox::User=)
sanitizers="-fsanitize=address,undefined"

get() {
	rm -rf libmicrohttpd-*/
	"${apt[@]}" update && "${apt[@]}" source libmicrohttpd
}

# Debian's patches are newer than what automake made of it, which is not to be made again.
build() {
	touch aclocal.m4 &&
		find . \( -name Makefile.in -o -name configure -o -name '*config.h.in' \) -exec touch {} + &&
		./configure --disable-doc --disable-examples --disable-curl --disable-https --disable-static \
			CFLAGS="-g -O1 -fno-omit-frame-pointer $sanitizers" LDFLAGS="$sanitizers" &&
		make -C src/microhttpd libmicrohttpd.la
}

if ! { get && cd libmicrohttpd-*/ && build; } >"$place/log" 2>&1; then
	tail -n 40 "$place/log" >&2
	exit 3
fi
echo "$PWD/src/microhttpd/.libs"
