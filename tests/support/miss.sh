#!/bin/sh
# miss.sh PORT ORIGIN-PORTS FETCH-OPTIONS [MORE]: for varnishtest scripts, in their directory. Writes larder.conf, which serves on PORT and
# may fetch from these ports of this machine, and learns the lines of standard input, a list of origins.
set -eu
cat >larder.conf <<END
store = "$PWD/store"
listen = {"127.0.0.1:$1"}
workers = 2
default_mirrors = no
space { min_free = "1MiB" }
fetch { allow_private = {"127.0.0.0/8"}  allow_ports = {$2}  $3 }
${4:-}
END
cat >origins.list
if [ -s origins.list ]; then
	"$LARDER" import -c larder.conf origins.list
fi
