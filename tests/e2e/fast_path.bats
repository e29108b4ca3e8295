#!/usr/bin/env bats
# Hits are answered by the fast path and everything else by libmicrohttpd: nobody can tell from the answers who it was, however the requests
# come.

load ../support/larder

setup() {
	mkdir -p "$WORK/archives"
	make_archive "$WORK/archives/small" 4096
	make_archive "$WORK/archives/large" 3000000
	: >"$WORK/archives/empty"
	# One worker, so that every connection comes to the same one.
	larder_config
	echo 'limits { header_timeout = "1h" }' >>"$WORK/larder.conf"
	sed -i "s,^workers = 2,workers = 1," "$WORK/larder.conf"
	larder add -q "$WORK/archives"
	larder_start
}

teardown() {
	end_all
}

# each SCENARIO: of tests/support/hits.py, with every archive, first and again, from the index and ready.
each() {
	local file
	for file in "$WORK"/archives/*; do
		python3 "$TESTS/support/hits.py" "${URL##*:}" "$(path_of sha256 "$file")" "$file" "$1"
		python3 "$TESTS/support/hits.py" "${URL##*:}" "$(path_of sha256 "$file")" "$file" "$1"
	done
}

# open_files: how many descriptors the daemon has.
open_files() {
	find "/proc/$(cat "$WORK/larder.pid")/fd" -mindepth 1 | wc -l
}

has_open() {
	[ "$(open_files)" -le "$1" ]
}

nobody_is_connected() {
	[ "$(metric connections)" = 1 ] # who asks
}

@test "both ways say the same" {
	each both_ways
}

@test "requests at once, in pieces, half closed, and the last ones" {
	each in_line
	each in_pieces
	each half_closed
	each as_much_as_is_read
	each last
	larder_stop
}

@test "hits, and then others on the same connection" {
	each then_others
	larder_stop
}

@test "bytes out of band" {
	each urgent
	larder_stop
}

@test "who keeps his connection sees its end when the daemon stops" {
	local file=$WORK/archives/small
	LARDER_PID=$(cat "$WORK/larder.pid") python3 "$TESTS/support/hits.py" "${URL##*:}" "$(path_of sha256 "$file")" "$file" stopped
}

@test "more that comes while the last answer is sent" {
	python3 "$TESTS/support/hits.py" "${URL##*:}" "$(path_of sha256 "$WORK/archives/large")" "$WORK/archives/large" behind_the_last
}

@test "a last answer and the end of its connection are one segment" {
	local file=$WORK/archives/small
	python3 "$TESTS/support/hits.py" "${URL##*:}" "$(path_of sha256 "$file")" "$file" end_with_the_last
}

@test "hits through the control socket" {
	local file
	for file in "$WORK"/archives/*; do
		for _ in 1 2 3; do
			curl -sS --unix-socket "$WORK/store/control.sock" -o "$WORK/got" "http://larder$(path_of sha256 "$file")"
			cmp "$WORK/got" "$file"
		done
	done
	[ "$(metric archive_hits_total)" = 9 ]
}

@test "slow readers, and those who leave in the middle" {
	local file=$WORK/archives/large before
	each last # all is ready that will be
	before=$(open_files)
	each slowly
	python3 "$TESTS/support/hits.py" "${URL##*:}" "$(path_of sha256 "$file")" "$file" leaving
	wait_until 20 nobody_is_connected
	wait_until 20 has_open "$before"
	wait_until 20 grep -q '"reason":"cut"' "$WORK/larder.log"
	larder_stop
}

@test "a head that does not come to its end is waited for, and one who leaves in the middle of it is gone" {
	local port=${URL##*:}
	exec 4<>"/dev/tcp/127.0.0.1/$port" 5<>"/dev/tcp/127.0.0.1/$port"
	printf 'GET /healthz HTTP/1.1\r\nHo' >&4
	printf 'GET /healthz HTTP/1.1\r\nHo' >&5
	wait_until 10 both_are_here
	exec 5>&-
	wait_until 10 one_is_here # long before a timeout
	printf 'st: x\r\nConnection: close\r\n\r\n' >&4
	grep -F 'HTTP/1.1 200' <&4
	exec 4>&-
	larder_stop
}

both_are_here() {
	[ "$(metric connections)" = 3 ]
}

one_is_here() {
	[ "$(metric connections)" = 2 ]
}

@test "a file that loses its end while it is sent" {
	local file=$WORK/archives/large
	BLOB=$(blob_of "$file") python3 "$TESTS/support/hits.py" "${URL##*:}" "$(path_of sha256 "$file")" "$file" shortened
	wait_until 20 grep -q '"status":200,"bytes":3000000,.*"reason":"broken"' "$WORK/larder.log"
	# The next one is told that it is not there any more.
	[ "$(curl -sS -o /dev/null -w '%{http_code}' "$URL$(path_of sha256 "$file")")" = 404 ]
	larder_stop
}

@test "the access log has a line for each, with the same in it" {
	local file=$WORK/archives/small path
	path=$(path_of sha256 "$file")
	curl -sS -o /dev/null -A 'a "client"' "$URL$path"
	curl -sS -o /dev/null -A 'a "client"' -H 'If-Match: "x"' "$URL$path"
	curl -sS -o /dev/null -I -A '' "$URL$path"
	curl -sS -o /dev/null -I -A '' -H 'If-Match: "x"' "$URL$path"
	lines() {
		grep '"level":"access"' "$WORK/larder.log" | jq -c "select(.path == \"$path\") | del(.time, .ms)"
	}
	four() {
		[ "$(lines | wc -l)" = 4 ]
	}
	wait_until 10 four
	[ "$(lines | sort -u | wc -l)" = 2 ]
	lines | grep -F '"client":"127.0.0.1","method":"GET","path":"'"$path"'","status":200,"bytes":4096,"cache":"HIT","reason":"-","user_agent":"a \"client\""'
	lines | grep -F '"method":"HEAD","path":"'"$path"'","status":200,"bytes":0,"cache":"HIT","reason":"-","user_agent":"-"'
}

@test "the client behind proxies that add a field each is the same in both ways" {
	local path
	larder_stop
	larder_config 'limits { trusted_proxies = {"127.0.0.0/8", "10.0.0.0/8"} }'
	larder_start
	path=$(path_of sha256 "$WORK/archives/small")
	curl -sS -o /dev/null -H 'X-Forwarded-For: 192.0.2.1' "$URL$path"
	for special in 'X: y' 'If-Match: "x"'; do
		curl -sS -o /dev/null -H 'X-Forwarded-For: 192.0.2.9' -H 'X-Forwarded-For: 192.0.2.1' -H 'X-Forwarded-For: 10.1.1.1' -H "$special" "$URL$path"
	done
	three() {
		[ "$(grep -c '"level":"access".*"client":"192.0.2.1"' "$WORK/larder.log")" = 3 ]
	}
	wait_until 10 three
}

@test "without a descriptor for the next client it waits, and all are served when there is one" {
	local pid most clients=()
	pid=$(cat "$WORK/larder.pid")
	most=$(awk '/^Max open files/ { print $5 }' "/proc/$pid/limits")
	prlimit --pid "$pid" --nofile="3:$most"
	for _ in 1 2 3 4 5; do
		curl -sS -m 60 -o /dev/null -w '%{http_code}\n' "$URL$(path_of sha256 "$WORK/archives/small")" >>"$WORK/codes" &
		clients+=($!)
	done
	run curl -sS -m 1 "$URL/healthz"
	[ "$status" = 28 ] # it took too long
	prlimit --pid "$pid" --nofile="$most:$most"
	wait "${clients[@]}"
	[ "$(grep -c 200 "$WORK/codes")" = 5 ]
}
