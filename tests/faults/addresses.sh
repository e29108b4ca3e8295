#!/bin/bash
# addresses.sh: no URL and no redirect leads larder to an address that it may not ask; TAP.
here=$(cd "$(dirname "$0")" && pwd)
exec python3 "$here/addresses.py" "${LARDER:-$here/../../build/larder}"
