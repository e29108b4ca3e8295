#!/bin/bash
# upstreams.sh: every way for an origin to be broken, in every way of asking; a test a row of upstream_rows.py; TAP.
here=$(cd "$(dirname "$0")" && pwd)
exec python3 "$here/upstreams.py" "${LARDER:-$here/../../build/larder}"
