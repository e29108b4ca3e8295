#!/usr/bin/env bats
# The control socket: the whole API for the user the daemon runs as, and for nobody else.

load ../support/larder

setup() {
	WORK=$BATS_TEST_TMPDIR
	larder_config
	SOCKET=$WORK/store/control.sock
}

teardown() {
	end_all
}

# control PATH [CURL ARGS...]: asks through the socket.
control() {
	local path=$1
	shift
	curl -sS --unix-socket "$SOCKET" "$@" "http://larder$path"
}

@test "the socket is this user's alone, answers, and goes when the daemon does" {
	larder_start
	[ "$(stat -c '%a %F' "$SOCKET")" = "600 socket" ]
	[ "$(control /healthz)" = ok ]
	[ "$(control /api/v1/tokens | python3 -c 'import json, sys; print(json.load(sys.stdin))')" = "{'tokens': []}" ]
	larder_stop
	[ ! -e "$SOCKET" ]
}

@test "what only the control socket may do does not exist elsewhere" {
	larder_start
	run curl -sS -o /dev/null -w '%{http_code}' "$URL/api/v1/tokens"
	[ "$output" = 404 ]
}

@test "a socket left from a daemon that was killed makes room" {
	larder_start
	larder_kill
	[ -S "$SOCKET" ]
	run curl -sS --unix-socket "$SOCKET" http://larder/healthz
	[ "$status" -ne 0 ]
	larder_start
	[ "$(control /healthz)" = ok ]
	larder_stop
}

over_the_limit() {
	[ "$(curl -sS -o /dev/null -w '%{http_code}' "$URL/healthz")" = 503 ]
}

@test "the log says control, and no limit of connections counts" {
	larder_config 'limits { connections = 1  connections_per_address = 1 }'
	larder_start
	# The one connection there may be, taken.
	exec 9<>"/dev/tcp/127.0.0.1/${URL##*:}"
	wait_until 10 over_the_limit
	[ "$(control /healthz)" = ok ]
	wait_until 10 grep -q '"client":"control","method":"GET","path":"/healthz","status":200' "$WORK/larder.log"
	exec 9>&-
}

@test "a store whose path is longer than the address of a socket" {
	long=$WORK/$(printf '%0150d' 0)
	mkdir "$long"
	sed -i "s|^store = .*|store = \"$long/store\"|" "$WORK/larder.conf"
	larder_start
	cd "$long/store"
	[ "$(curl -sS --unix-socket control.sock http://larder/healthz)" = ok ]
	larder_stop
	[ ! -e control.sock ]
}

@test "a directory in the socket's place: archives are served all the same" {
	mkdir -p "$WORK/store/control.sock/x"
	larder_start
	curl -sf "$URL/healthz"
	grep -q 'commands cannot reach this daemon' "$WORK/larder.log"
}

@test "a token that is made through the socket, and a body that is no JSON" {
	larder_start
	run control /api/v1/tokens -X POST -d '{"name": "laptop", "rights": ["upload"]}' -o "$WORK/answer" -w '%{http_code}'
	[[ "$output" =~ ^20[01]$ ]]
	grep -q '"token": "larder_' "$WORK/answer"
	run control /api/v1/tokens -X POST -d '{' -o "$WORK/answer" -w '%{http_code}'
	[ "$output" = 400 ]
	grep -q '"reason"' "$WORK/answer"
	larder_stop
}

again_up() {
	[ "$(grep -c 'larder .* serves' "$WORK/larder.log")" -ge 2 ]
}

@test "an index that is made again while larder runs: the same addresses, and the control socket" {
	mkdir "$WORK/archives"
	for i in 1 2 3; do make_archive "$WORK/archives/$i" 3000; done
	larder add "$WORK/archives"
	larder_start
	python3 - "$WORK/store/index.db" <<-'END'
		import os, sys
		with open(sys.argv[1], "r+b") as index:
		    size = os.fstat(index.fileno()).st_size
		    index.write(b"\xff" * size)
	END
	# Whoever looks at it finds out.
	wait_until 20 eval 'curl -s -o /dev/null "$URL$(path_of sha256 "$WORK/archives/1")" || true; again_up'
	wait_until 10 curl -sf -o "$WORK/got" "$URL$(path_of sha256 "$WORK/archives/1")"
	cmp "$WORK/got" "$WORK/archives/1"
	[ "$(control /healthz)" = ok ]
	[ "$(control /api/v1/tokens -o /dev/null -w '%{http_code}')" = 200 ]
	larder_stop
	[ ! -e "$SOCKET" ]
}
