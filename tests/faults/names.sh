#!/bin/bash
# names.sh: names that are not there, that nobody tells of, or that lead elsewhere than they did; TAP. In a network of its own, with a
# DNS server of its own; skipped where none may be made.
here=$(cd "$(dirname "$0")" && pwd)

# What names.py does first of all.
may_furnish() { # UNSHARE-OPTIONS
	unshare "$1" sh -c 'ip link set lo up && ip address add 2600::1/128 dev lo &&
		for file in hosts nsswitch.conf resolv.conf; do mount --bind "/etc/$file" "/etc/$file" || exit 1; done' 2>/dev/null
}

for new in -nm -rnm; do
	if may_furnish "$new"; then
		unshare "$new" python3 "$here/names.py" "${LARDER:-$here/../../build/larder}"
		exit
	fi
done
echo "ok 1 - names # SKIP a network with IPv6 and files below /etc of its own may not be made here"
echo "1..1"
