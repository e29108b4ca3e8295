#!/usr/bin/env bats
# Hostile clients: requests that two servers could read in two ways, slow ones, and too many of them.

load ../support/larder

setup_file() {
	export WORK=$BATS_FILE_TMPDIR
	mkdir -p "$WORK/archives"
	make_archive "$WORK/archives/one" 5000
	larder_config 'limits { header_timeout = "1s"  idle_timeout = "2s"  connections = 40  connections_per_address = 12 }'
	larder add "$WORK/archives"
	larder_start
}

teardown_file() {
	export WORK=$BATS_FILE_TMPDIR
	larder_stop
	end_all
}

setup() {
	WORK=$BATS_FILE_TMPDIR
	ONE=$(path_of sha256 "$WORK/archives/one")
	# What a smuggler hides behind his request: were it answered, a second response would come.
	HIDDEN="GET $ONE HTTP/1.1\r\nHost: hidden\r\n\r\n"
	# Connections of the test before are gone.
	wait_until 10 connections_left
}

connections_left() {
	curl -sf -o /dev/null "$URL/healthz"
}

# send TEXT: TEXT (with \r\n escapes) as it is; OUTPUT is what came back, without the bytes of bodies that are no text.
send() {
	printf '%b' "$1" | python3 "$TESTS/support/raw.py" "${URL##*:}" | tr -d '\0' >"$BATS_TEST_TMPDIR/got"
	OUTPUT=$BATS_TEST_TMPDIR/got
}

answers() {
	grep -aoE 'HTTP/1\.[01] [0-9]{3}' "$OUTPUT" | cut -d ' ' -f 2 | paste -s -d ' '
}

# One answer, and the connection is closed: what follows is never read as a request.
refused() { # TEXT [STATUS]
	send "$1$HIDDEN"
	[ "$(answers)" = "${2:-400}" ] || { echo "answers: $(answers)" && return 1; }
}

@test "what is clean is answered, also twice on one connection" {
	send "GET $ONE HTTP/1.1\r\nHost: x\r\n\r\nHEAD $ONE HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	[ "$(answers)" = "200 200" ]
}

@test "Content-Length with Transfer-Encoding" {
	refused "GET $ONE HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
}

@test "two Content-Length" {
	refused "GET $ONE HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n"
}

@test "two Content-Length that agree" {
	refused "GET $ONE HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n"
}

@test "a space before the colon" {
	refused "GET $ONE HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\n"
}

@test "Transfer-Encoding on HTTP/1.0" {
	refused "GET $ONE HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
}

@test "a folded Content-Length" {
	refused "GET $ONE HTTP/1.1\r\nHost: x\r\nX: y\r\n Content-Length: 5\r\nContent-Length:\r\n 5\r\n\r\n"
}

@test "a transfer coding other than chunked" {
	refused "GET $ONE HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
}

@test "a name that begins with Content-Length" {
	refused "GET $ONE HTTP/1.1\r\nHost: x\r\nContent-Length\x0b: 5\r\n\r\n"
}

@test "a Content-Length with a sign" {
	# libmicrohttpd refuses this one by itself, and writes the head of its answer twice; what is hidden is not answered.
	send "GET $ONE HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n12345$HIDDEN"
	[[ "$(answers)" =~ ^400( 400)?$ ]]
}

@test "a GET with a body" {
	refused "GET $ONE HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345"
}

@test "a HEAD with a body" {
	refused "HEAD $ONE HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n"
}

@test "two Host" {
	refused "GET $ONE HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"
}

@test "a control character in a value" {
	refused "GET $ONE HTTP/1.1\r\nHost: x\r\nX-A: a\x01b\r\n\r\n"
}

# libmicrohttpd would drop both before anybody sees them.
@test "a NUL, and a line without a name" {
	refused "GET $ONE HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n"
	refused "GET $ONE HTTP/1.1\r\nHost: x\r\n\x00Transfer-Encoding: chunked\r\n\r\n"
	refused "GET $ONE HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n"
	refused "GET /metrics HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n"
	grep -a 'a NUL byte in the header' "$OUTPUT"
	grep -a '^Connection: close' "$OUTPUT"
	[ "$(metric guard_refused_total)" -ge 4 ]
}

@test "a header name that is no token" {
	refused "GET $ONE HTTP/1.1\r\nHost: x\r\nX(A): a\r\n\r\n"
}

@test "a target that does not begin with a slash" {
	refused "GET http://x$ONE HTTP/1.1\r\nHost: x\r\n\r\n"
}

@test "another method" {
	refused "POST $ONE HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" 405
}

# What libmicrohttpd refuses by itself it may answer twice, or not at all: neither the request nor what is hidden behind it is answered.
@test "all other forms" {
	local head wrong=0
	while read -r head; do
		send "${head//@/$ONE}\r\n\r\n$HIDDEN"
		[[ "$(answers)" =~ ^((4[0-9]{2}|50[15])( 4[0-9]{2})?)?$ ]] || { echo "$head: $(answers)" && wrong=1; }
	done <<-'END'
		GET @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked
		GET @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked
		GET @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity
		GET @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked
		GET @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:
		GET @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\x0bchunked
		GET @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding\t: chunked
		GET @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked
		GET @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding-X: chunked
		GET @ HTTP/1.1\r\nHost: x\r\nX: y\r\n Transfer-Encoding: chunked
		GET @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked
		GET @ HTTP/1.1\r\nHost: x\r\nX: y\rTransfer-Encoding: chunked
		GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6
		GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\ncontent-length: 5
		GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5
		GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: 5 5
		GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: -1
		GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5
		GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: 00
		GET @ HTTP/1.1\r\nHost: x\r\nContent-Length:
		GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551621
		GET @ HTTP/1.1\r\nHost: x\r\nContent-Length\t: 5
		GET @ HTTP/1.1\r\nHost: x\r\nContent-Length-X: 5
		GET @ HTTP/1.1\r\nHost: x\r\nContent-Length: \xb25
		GET @ HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5
		GET @ HTTP/1.1
		GET @ HTTP/1.1\r\nHost: x\r\nhost: x
		GET @ HTTP/1.1\r\nHost: x/y
		GET @ HTTP/1.1\r\nHost: a@b
		GET @ HTTP/1.1\r\nHost: a b
		GET @ HTTP/1.1\r\nHost: x\r\nX A: a
		GET @ HTTP/1.1\r\nHost: x\r\nX: a\x7f
		GET * HTTP/1.1\r\nHost: x
		GET x@ HTTP/1.1\r\nHost: x
		GET @\xc3\xa9 HTTP/1.1\r\nHost: x
		GET @\x01 HTTP/1.1\r\nHost: x
		GET @ HTTP/2.0\r\nHost: x
		GET @ HTTP/1.1x\r\nHost: x
		GET @ HTTP/01.1\r\nHost: x
		G(T @ HTTP/1.1\r\nHost: x
		HEAD @ HTTP/1.1\r\nHost: x\r\nContent-Length: 5
	END
	[ $wrong = 0 ]
}

@test "headers larger than 16 KiB" {
	send "GET $ONE HTTP/1.1\r\nHost: x\r\nX-A: $(head -c 40000 /dev/zero | tr '\0' a)\r\n\r\n"
	[[ "$(answers)" =~ ^(400|413|414|431)?$ ]]
	[ "$(metric limit_header_bytes_total)" -ge 1 ]
}

@test "no HTTP at all" {
	send "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"
	[[ "$(answers)" =~ ^(400)?$ ]]
}

@test "Upgrade: h2c is not heard" {
	send "GET $ONE HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"
	[[ "$(answers)" = 200* ]]
}

@test "headers that drip in: closed at header_timeout, however busy the connection looks" {
	python3 - "${URL##*:}" <<-'END'
		import socket, sys, time
		peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10)
		begin = time.monotonic()
		peer.settimeout(0.1)
		closed = False
		peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
		while not closed and time.monotonic() - begin < 10:
		    try:
		        peer.sendall(b"y")
		        closed = peer.recv(100) == b""
		    except TimeoutError:
		        pass
		    except OSError:
		        closed = True
		took = time.monotonic() - begin
		assert closed and 0.8 < took < 6, took
	END
	[ "$(metric limit_header_timeout_total)" -ge 1 ]
}

@test "an idle connection is closed" {
	python3 - "${URL##*:}" <<-'END'
		import socket, sys
		peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10)
		peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		while peer.recv(1000):
		    pass
	END
}

# Keeps N connections open from an address, sends a request on one more, prints its status.
crowd() { # N ADDRESS... : N from each, and one more from the last
	python3 - "${URL##*:}" "$@" <<-'END'
		import socket, sys
		port, count = int(sys.argv[1]), int(sys.argv[2])
		def connect(address):
		    peer = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(address, 0))
		    return peer
		def status(peer):
		    peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		    answer = b""
		    while b"\r\n\r\n" not in answer:
		        more = peer.recv(1000)
		        if not more:
		            break
		        answer += more
		    head = answer.decode()
		    return head[9:12] + (" with Retry-After" if "retry-after:" in head.lower() else "")
		held = []
		for address in sys.argv[3:]:
		    for _ in range(count):
		        held.append(connect(address))
		        assert status(held[-1]) == "200", "the limit came too early"
		print(status(connect(sys.argv[-1])))
		print(status(connect("127.9.9.9")))
	END
}

@test "connections from one address: past the limit 503, others are served" {
	local before
	before=$(metric limit_connections_per_address_total)
	run crowd 12 127.0.7.1
	[ "${lines[0]}" = "503 with Retry-After" ]
	[ "${lines[1]}" = 200 ]
	[ "$(metric limit_connections_per_address_total)" = $((before + 1)) ]
}

@test "who was welcome stays so when others come after him" {
	python3 - "${URL##*:}" <<-'END'
		import socket, sys, time, urllib.request
		port = int(sys.argv[1])
		def connections():
		    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
		        return int(next(line for line in answer if line.startswith(b"larder_connections ")).split()[1])
		def connect(count):
		    return [socket.create_connection(("127.0.0.1", port), timeout=10, source_address=("127.0.6.1", 0)) for _ in range(count)]
		def arrived(count):
		    end = time.monotonic() + 5
		    while connections() < count:
		        assert time.monotonic() < end
		def status(peer):
		    peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		    return peer.recv(1000)[9:12]
		for _ in range(20): # header_timeout is short: all of it has to be done before the first ones are reaped
		    welcome = connect(12)
		    arrived(12)
		    late = connect(1)
		    try:
		        arrived(14)
		        found = status(welcome[0]), status(late[0])
		    except (AssertionError, OSError):
		        continue
		    finally:
		        for peer in welcome + late:
		            peer.close()
		    assert found == (b"200", b"503"), found
		    break
		else:
		    raise SystemExit("it never got so far")
	END
}

@test "connections in all: past the limit 503, and it heals" {
	local before
	before=$(metric limit_connections_total)
	run crowd 10 127.0.8.1 127.0.8.2 127.0.8.3 127.0.8.4
	[ "${lines[0]}" = "503 with Retry-After" ]
	[ "${lines[1]}" = "503 with Retry-After" ]
	wait_until 10 connections_left
	[ "$(metric limit_connections_total)" = $((before + 2)) ]
}

@test "stopping finishes what is being sent" {
	WORK=$BATS_TEST_TMPDIR
	mkdir -p "$WORK/archives"
	make_archive "$WORK/archives/large" 30000000
	larder_config
	larder add "$WORK/archives"
	larder_start
	in_background client curl -s --limit-rate 10M -o "$WORK/got" "$URL$(path_of sha256 "$WORK/archives/large")"
	wait_until 10 test -s "$WORK/got"
	larder_stop
	wait_until 10 ended client
	cmp "$WORK/got" "$WORK/archives/large"
}

# One after the other asks; all have connected before larder was told to stop.
stop_and_ask() {
	local peers=() peer line answered=0
	larder_start
	for _ in {1..100}; do
		exec {peer}<>"/dev/tcp/127.0.0.1/${URL##*:}"
		peers+=("$peer")
	done
	larder_signal TERM
	wait_until 10 test ! -e "$WORK/store/control.sock" # it goes first
	for peer in "${peers[@]}"; do
		printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' >&"$peer" || true
		read -r line <&"$peer" || line=
		[[ "$line" != "HTTP/1.1 503 "* ]] || answered=$((answered + 1))
		exec {peer}>&-
	done
	wait_until 30 ended larder
	[ "$answered" = ${#peers[@]} ]
}

# They are waited for as long as NEWCOMER_MS says, in which a busy machine may not get round to it.
@test "stopping waits for the requests of those who have just connected" {
	WORK=$BATS_TEST_TMPDIR
	larder_config
	for _ in {1..5}; do
		if stop_and_ask 2>/dev/null; then return; fi
	done
	false
}

# They have connected and asked while larder was held up, and nobody has accepted them yet.
@test "stopping answers those who wait to be accepted" {
	local peers=() peer line
	WORK=$BATS_TEST_TMPDIR
	larder_config
	larder_start
	larder_signal STOP
	for _ in {1..100}; do
		exec {peer}<>"/dev/tcp/127.0.0.1/${URL##*:}"
		peers+=("$peer")
		printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' >&"$peer"
	done
	larder_signal TERM
	larder_signal CONT
	for peer in "${peers[@]}"; do
		read -r line <&"$peer"
		[[ "$line" == "HTTP/1.1 "[25]0[03]" "* ]]
		exec {peer}>&-
	done
	wait_until 30 ended larder
}
