#!/bin/sh
# until.sh COMMAND...: runs it again and again until it succeeds, for at most 20 s; for varnishtest, which cannot poll.
tries=0
until "$@"; do
	tries=$((tries + 1))
	if [ "$tries" -ge 400 ]; then
		echo "gave up waiting for: $*" >&2
		exit 1
	fi
	sleep 0.05
done
