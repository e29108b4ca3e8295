#!/bin/sh
# up.sh PORT: returns when larder answers there; for varnishtest, which cannot poll.
tries=0
until curl -sf -o /dev/null "http://127.0.0.1:$1/healthz"; do
	tries=$((tries + 1))
	if [ "$tries" -ge 300 ]; then
		echo "larder does not answer on port $1" >&2
		exit 1
	fi
	sleep 0.05
done
