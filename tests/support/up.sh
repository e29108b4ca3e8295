#!/bin/sh
# up.sh PORT: returns when larder answers there.
exec sh "$(dirname "$0")/until.sh" curl -sf -o /dev/null "http://127.0.0.1:$1/healthz"
