#!/bin/sh
# vtc.sh FILE...: runs varnishtest scripts against $LARDER (build/larder where unset). They find these macros:
#   ${larder}   the program             ${support}  tests/support
#   ${port}     a free port to listen on, ${port2} another (varnishtest cannot read a port back from a program's output)
set -eu
support=$(cd "$(dirname "$0")" && pwd)
larder=${LARDER:-$support/../../build/larder}
free_ports=$(python3 "$support/free_ports.py" 2)
# shellcheck disable=SC2086
set -- ${free_ports} "$@"
port=$1 port2=$2
shift 2
exec varnishtest -t 120 -D "larder=$larder" -D "support=$support" -D "port=$port" -D "port2=$port2" "$@"
