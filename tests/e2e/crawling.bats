#!/usr/bin/env bats
# A thousand clients that take for ever: each is closed by its deadline, while a good one is served. Ten thousand that do nothing are left
# alone. How long the good one waits says as much of who else is busy on this machine: on a quiet one, CRAWLING_MS=50 is what it should be.

load ../support/larder

MANY=1000
MS=${CRAWLING_MS:-500}

setup() {
	mkdir -p "$WORK/archives"
	make_archive "$WORK/archives/small" 5000
	make_archive "$WORK/archives/large" 4000000
	larder_config 'limits { header_timeout = "2s"  idle_timeout = "1s"  connections_per_address = 0 }
		uploads { at_once = 2000 }'
	larder add -q "$WORK/archives"
	TOKEN=$(larder token add laptop --may upload 2>/dev/null)
}

teardown() {
	end_all
}

crawl() { # FILE HOW SECONDS [HOW-MANY]
	python3 "$TESTS/support/crawling.py" "${URL##*:}" "$(path_of sha256 "$WORK/archives/$1")" "$WORK/archives/$1" "${4:-$MANY}" "$2" "$3" "$MS" "$TOKEN" |
		tee /dev/stderr | sed 's/^/# /' >&3
	return "${PIPESTATUS[0]}"
}

nobody_is_connected() {
	[ "$(metric connections)" = 1 ] # who asks
}

@test "slow heads, stopped heads, and none at all" {
	larder_start
	crawl small heads 12
	wait_until 20 nobody_is_connected
	# Those who had an answer before are idle.
	[ "$(($(metric limit_header_timeout_total) + $(metric limit_idle_timeout_total)))" = $MANY ]
	[ "$(metric limit_idle_timeout_total)" -gt 0 ]
	larder_stop
}

@test "readers below min_rate" {
	larder_start
	crawl large readers 45 # of which its window is 30
	wait_until 20 nobody_is_connected
	[ "$(metric limit_min_rate_total)" = $MANY ]
	larder_stop
}

@test "bodies below min_rate" {
	larder_start
	crawl small bodies 45
	wait_until 20 nobody_is_connected
	[ "$(metric limit_upload_rate_total)" = $MANY ]
	[ "$(find "$WORK/store/tmp" -type f | wc -l)" = 0 ]
	larder_stop
}

@test "ten thousand idle ones" {
	# Two descriptors a client, and some for larder itself.
	local most=$((($(ulimit -Hn) - 1000) / 2)) idle
	idle=$((most < 10000 ? most : 10000))
	larder_start -o limits.idle_timeout=5m -o hot.files=64
	crawl small idle 3 $idle
	[ "$(metric limit_connections_total)" = 0 ]
	[ "$(awk '/^VmHWM/ { print $2 }' "/proc/$(cat "$WORK/larder.pid")/status")" -lt $((256 * 1024)) ] ||
		grep -qE '__(asan|tsan)_init' "$LARDER"
	wait_until 20 nobody_is_connected
	larder_stop
}
