#!/bin/bash
# rot.sh [ARCHIVES [SEED]]: a tenth of all archives is damaged while everybody reads; see rot.py. 300 archives by default, 1000 by hand, SEED 1. TAP.
here=$(cd "$(dirname "$0")" && pwd)
exec timeout 600 python3 "$here/rot.py" "${LARDER:-$here/../../build/larder}" "${1:-300}" "${2:-1}"
