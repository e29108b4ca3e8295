#!/bin/bash
# index_rot.sh [FLIPS [SEED [PAGES]]]: damages the index and asks for everything; see index_rot.py. Without arguments 20 bits and a third of the pages; "index_rot.sh
# all 1 PAGES" turns every bit that there is, and takes hours. SEED is 1 by default. TAP.
here=$(cd "$(dirname "$0")" && pwd)
exec python3 "$here/index_rot.py" "${LARDER:-$here/../../build/larder}" "${1:-20}" "${2:-1}" "${@:3}"
