#!/usr/bin/env bats
# A thousand clients that take for ever: each is closed by its deadline, while a good one is served.

load ../support/larder

MANY=1000

setup() {
	mkdir -p "$WORK/archives"
	make_archive "$WORK/archives/small" 5000
	make_archive "$WORK/archives/large" 4000000
	larder_config 'limits { header_timeout = "2s"  idle_timeout = "1s"  connections_per_address = 0 }'
	larder add -q "$WORK/archives"
	larder_start
}

teardown() {
	end_all
}

crawl() { # FILE HOW
	python3 "$TESTS/support/crawling.py" "${URL##*:}" "$(path_of sha256 "$WORK/archives/$1")" "$WORK/archives/$1" $MANY "$2"
}

nobody_is_connected() {
	[ "$(metric connections)" = 1 ] # who asks
}

@test "slow heads, stopped heads, and none at all" {
	crawl small heads
	wait_until 20 nobody_is_connected
	# Those who had an answer before are idle.
	[ "$(($(metric limit_header_timeout_total) + $(metric limit_idle_timeout_total)))" = $MANY ]
	[ "$(metric limit_idle_timeout_total)" -gt 0 ]
	larder_stop
}

@test "readers below min_rate" {
	crawl large readers
	wait_until 20 nobody_is_connected
	[ "$(metric limit_min_rate_total)" = $MANY ]
	larder_stop
}
