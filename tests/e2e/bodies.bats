#!/usr/bin/env bats
# Bodies of requests: who may not send one is told before he does, who sends too much reads the answer all the same, and nothing is done
# with half of one.

load ../support/larder

MIB=1048576

setup_file() {
	export WORK=$BATS_FILE_TMPDIR
	mkdir -p "$WORK/archives"
	make_archive "$WORK/archives/one" 5000
	larder_config 'uploads { max_archive = "1MiB" }'
	larder add "$WORK/archives"
	larder_start
	make_token
}

teardown_file() {
	export WORK=$BATS_FILE_TMPDIR
	larder_stop
	end_all
}

setup() {
	WORK=$BATS_FILE_TMPDIR
	TOKEN=$(cat "$WORK/token")
	ONE=$(path_of sha256 "$WORK/archives/one")
	GOT=$BATS_TEST_TMPDIR/got
}

make_token() {
	curl -sf --unix-socket "$WORK/store/control.sock" -d '{"name": "test", "rights": ["upload", "remove", "catalog", "fetch"]}' \
		http://larder/api/v1/tokens | python3 -c 'import json, sys; print(json.load(sys.stdin)["token"])' >"$WORK/token"
}

# client MODE BYTES LINE...: a request of these header lines, Host and Authorization are added (see slow_body.py); the answer in GOT.
client() {
	local mode=$1 bytes=$2
	shift 2
	printf '%s\n' "$@" "Host: x" "Authorization: Bearer $TOKEN" '' |
		python3 "$TESTS/support/slow_body.py" "${URL##*:}" "$mode" "$bytes" >"$GOT"
	tr -d '\r' <"$GOT" >"$GOT.lines"
}

# One whole answer: its status, and as long a body as it says.
answered() {
	[ "$(grep -c '^HTTP/1.1 ' "$GOT.lines")" = 1 ]
	grep -q "^HTTP/1.1 $1 " "$GOT.lines"
	python3 - "$GOT" <<-'END'
		import sys
		head, body = open(sys.argv[1], "rb").read().split(b"\r\n\r\n", 1)
		length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
		assert int(length[0].split(b":")[1]) == len(body), (head, body)
	END
}

closes() {
	grep -qi '^connection: close$' "$GOT.lines"
}

@test "another method: 405 with those that there are" {
	client all 0 "POST $ONE HTTP/1.1" "Connection: close"
	answered 405
	grep -qi '^allow: GET, HEAD, PUT, DELETE$' "$GOT.lines"
	client all 0 "PATCH /healthz HTTP/1.1" "Connection: close"
	answered 405
	grep -qi '^allow: GET, HEAD$' "$GOT.lines"
	client all 0 "PATCH /nothing HTTP/1.1" "Connection: close"
	answered 404
}

@test "errors below /api/ are JSON, elsewhere a sentence" {
	run curl -s -o "$GOT" -w '%{http_code} %{content_type}' "$URL/api/v1/nothing"
	[ "$output" = "404 application/json" ]
	python3 -c 'import json, sys; got = json.load(open(sys.argv[1])); assert got["reason"] == "not_found" and got["error"]' "$GOT"
	run curl -s -o "$GOT" -w '%{http_code} %{content_type}' "$URL/nothing"
	[ "$output" = "404 text/plain; charset=utf-8" ]
}

@test "without a token: 401 that names the scheme, also for a body that nobody asked for" {
	TOKEN=larder_00000000000000000000000000000000
	client all $((30 * MIB)) "PUT $ONE HTTP/1.1" "Content-Length: $((30 * MIB))"
	answered 401
	closes
	grep -qi '^www-authenticate: Bearer realm="larder"$' "$GOT.lines"
}

@test "Expect: who is refused is not asked for his body" {
	TOKEN=larder_00000000000000000000000000000000
	client wait $((30 * MIB)) "PUT $ONE HTTP/1.1" "Content-Length: $((30 * MIB))" "Expect: 100-continue"
	answered 401
	closes
}

@test "Expect: too large is said before the body comes" {
	client wait $((2 * MIB)) "PUT $ONE HTTP/1.1" "Content-Length: $((2 * MIB))" "Expect: 100-continue"
	answered 413
}

@test "Expect: who may is asked for his body, and answered after it" {
	client wait 1000 "PUT $ONE HTTP/1.1" "Content-Length: 1000" "Expect: 100-continue"
	grep -q '^HTTP/1.1 100 ' "$GOT.lines"
	grep -q '^HTTP/1.1 422 ' "$GOT.lines"
	closes
}

@test "too large with a length: the answer is read by who sends all of it first" {
	client all $((40 * MIB)) "PUT $ONE HTTP/1.1" "Content-Length: $((40 * MIB))"
	answered 413
	closes
}

@test "too large without a length: refused in the middle, and the answer is read" {
	client chunked $((40 * MIB)) "PUT $ONE HTTP/1.1" "Transfer-Encoding: chunked"
	answered 413
	closes
}

@test "too large for curl, with a length and without one" {
	head -c $((3 * MIB)) /dev/zero >"$WORK/large"
	for extra in "X-A: b" "Transfer-Encoding: chunked"; do
		run curl -sS -o "$GOT" -w '%{http_code}' -T "$WORK/large" -H "$extra" -H 'Expect:' -H "Authorization: Bearer $TOKEN" "$URL$ONE"
		[ "$output" = 413 ]
		grep -q 'are allowed' "$GOT"
	done
}

@test "a body in memory has its limit too" {
	client all $((17 * MIB)) "POST /api/v1/check HTTP/1.1" "Content-Length: $((17 * MIB))"
	answered 413
	grep -q '"reason": "too_large"' "$GOT"
	client chunked $((17 * MIB)) "POST /api/v1/check HTTP/1.1" "Transfer-Encoding: chunked"
	answered 413
	grep -q '"reason": "too_large"' "$GOT"
	[ "$(metric limit_body_bytes_total)" -ge 2 ]
}

@test "who never stops sending is cut" {
	client endless 0 "PUT $ONE HTTP/1.1" "Content-Length: 900000000000"
	grep -q cut "$GOT"
	wait_until 10 cut_is_counted
}

cut_is_counted() {
	[ "$(metric limit_drain_total)" -ge 1 ]
}

@test "a path that takes no body says so" {
	client all 5 "DELETE /api/v1/pins/sha256/$(digest_of sha256 "$WORK/archives/one") HTTP/1.1" "Content-Length: 5"
	answered 400
	closes
}

@test "half a body is nothing" {
	local size=$((MIB / 2))
	client half $size "POST /api/v1/archives HTTP/1.1" "Content-Length: $size"
	wait_until 10 grep -q '"path":"/api/v1/archives","status":0.*"reason":"cut"' "$WORK/larder.log"
	[ "$(find "$WORK/store/tmp" -type f | wc -l)" = 0 ]
	[ "$(metric archives)" = 1 ]
}

@test "a request behind a body is never read" {
	HIDDEN="GET $ONE HTTP/1.1\r\nHost: hidden\r\n\r\n"
	for request in "POST /api/v1/check HTTP/1.1\r\nContent-Length: 2\r\nHost: x\r\nAuthorization: Bearer $TOKEN\r\n\r\n{}" \
		"POST /api/v1/check HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: x\r\nAuthorization: Bearer $TOKEN\r\n\r\n2\r\n{}\r\n0\r\n\r\n" \
		"PUT $ONE HTTP/1.1\r\nContent-Length: 2\r\nHost: x\r\n\r\n{}" \
		"PUT $ONE HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\nHost: x\r\n\r\n{}"; do
		printf '%b' "$request$HIDDEN" | python3 "$TESTS/support/raw.py" "${URL##*:}" | tr -d '\0' >"$GOT"
		[ "$(grep -acE 'HTTP/1\.[01] [0-9]{3}' "$GOT")" = 1 ] || { echo "$request" && cat "$GOT" && return 1; }
	done
}

@test "what has no body leaves the connection open" {
	local pin
	pin=/api/v1/pins/sha256/$(digest_of sha256 "$WORK/archives/one")
	run curl -sS -H "Authorization: Bearer $TOKEN" -o /dev/null -o /dev/null -w '%{http_code} %{num_connects}\n' -X PUT "$URL$pin" "$URL$pin"
	[ "${lines[0]}" = "200 1" ]
	[ "${lines[1]}" = "200 0" ]
}
