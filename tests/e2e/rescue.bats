#!/usr/bin/env bats
# What is done for an archive before it is given up: origins that break off are asked for the rest, silent ones are overtaken, mirrors
# are asked under every name.

load ../support/larder

MIRRORED=20000

setup_file() {
	export WORK=$BATS_FILE_TMPDIR
	local port
	origin_start
	port=$ORIGIN_PORT
	make_archive "$WORK/origin/files/pieces" 5000000
	make_archive "$WORK/origin/files/crowd" 3000000
	make_archive "$WORK/origin/files/elsewhere" 3000000
	make_archive "$WORK/origin/files/repeated" 3000000
	make_archive "$WORK/origin/files/silent" 20000
	make_archive "$WORK/origin/files/third" 20000
	make_archive "$WORK/origin/files/halves" 20000
	make_archive "$WORK/origin/files/named" 20000
	make_archive "$WORK/mirrored" $MIRRORED
	# The mirror has it under its md5 alone.
	cp "$WORK/mirrored" "$WORK/origin/files/$(digest_of md5 "$WORK/mirrored")"
	tls_start
	cat >"$WORK/origins.list" <<-END
		$(row 127.1.0.1 pieces=102400 pieces)
		$(row 127.1.0.2 pieces=102400 crowd)
		$(row 127.1.0.3 cut elsewhere)
		$(row 127.1.0.4 ok elsewhere)
		$(row 127.1.0.5 cut repeated)
		$(row 127.1.0.6 whole repeated)
		$(row 127.1.0.7 stall silent)
		$(row 127.1.0.8 ok silent)
		$(row 127.1.0.13 stall third)
		$(row 127.1.0.14 stall third)
		$(row 127.1.0.15 ok third)
		$(row 127.1.0.9 wrong-cut halves)
		$(row 127.1.0.10 ok halves)
		https://localhost:$TLS_PORT/x sha256=$(digest_of sha256 "$WORK/origin/files/named") named.1
		http://127.1.0.11:$port/status=404/gone sha256=$(digest_of sha256 "$WORK/mirrored") md5=$(digest_of md5 "$WORK/mirrored") mirrored.1
	END
	larder_config "$(fetch_section "$port, $TLS_PORT" "
		verify_before_send = \"64KiB\" negative_ttl = \"0\" ca_file = \"$WORK/tls.pem\"")
		mirror \"m\" { url = \"http://127.1.0.12:$port/ok/{hash}\" }"
	larder import "$WORK/origins.list"
	larder_start
}

teardown_file() {
	export WORK=$BATS_FILE_TMPDIR
	larder_stop
	end_all
}

setup() {
	WORK=$BATS_FILE_TMPDIR
	AT=$BATS_TEST_TMPDIR
}

row() { # ADDRESS BEHAVIOUR NAME
	echo "http://$1:$ORIGIN_PORT/$2/$3 sha256=$(digest_of sha256 "$WORK/origin/files/$3") $3.1"
}

# A server that is trusted, under another name than it is asked by.
tls_start() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other.example -addext subjectAltName=DNS:other.example \
		-keyout "$WORK/tls.key" -out "$WORK/tls.pem" 2>/dev/null
	in_background tls openssl s_server -accept 0 -naccept 100 -www -cert "$WORK/tls.pem" -key "$WORK/tls.key"
	wait_until 10 grep -q '^ACCEPT' "$WORK/tls.log"
	TLS_PORT=$(sed -n 's/^ACCEPT.*:\([0-9]*\)$/\1/p' "$WORK/tls.log")
}

# get FILE [ARGS...]: its whole body, right, from larder.
get() {
	local file=$1
	shift
	curl -sf -m 60 "$@" -o "$AT/body" "$URL$(path_of sha256 "$file")"
	cmp "$AT/body" "$file"
}

# What the origins did is noted a moment after the archive is there.
shows_served() { # NAME
	run larder show "sha256:$(digest_of sha256 "$WORK/origin/files/$1")"
	[[ "$output" == *served* ]]
}

@test "an origin that breaks off every 100 KB gives a 5 MB archive at the cost of one read of each byte" {
	local before
	before=$(metric upstream_bytes_total)
	get "$WORK/origin/files/pieces"
	[ "$(origin_requests /pieces=102400/pieces)" = 49 ]
	[ $(($(metric upstream_bytes_total) - before)) = 5000000 ]
	[ "$(metric flight_resumes_total)" = 48 ]
	wait_until 10 shows_served pieces
}

@test "a crowd that reads while it breaks off gets all of it, each of them" {
	local reader file=$WORK/origin/files/crowd
	for reader in $(seq 30); do
		curl -sf -m 60 -o "$AT/body$reader" "$URL$(path_of sha256 "$file")" &
	done
	wait
	for reader in $(seq 30); do
		cmp "$AT/body$reader" "$file"
	done
	[ "$(origin_requests /pieces=102400/crowd)" = 30 ]
}

@test "another origin goes on where the first broke off, with a range or with the whole of it" {
	get "$WORK/origin/files/elsewhere"
	grep -q 'GET /ok/elsewhere bytes=1500000-' "$WORK/origin/log"
	get "$WORK/origin/files/repeated"
	grep -q 'GET /whole/repeated bytes=1500000-' "$WORK/origin/log"
}

@test "a silent origin is overtaken, and nothing is said of it" {
	get "$WORK/origin/files/silent"
	[ "$(origin_requests /stall/silent)" = 1 ]
	[ "$(metric flight_overtakings_total)" -gt 0 ]
	[ "$(metric limit_first_byte_total)" = 0 ]
	wait_until 10 shows_served silent
	[[ "$output" != *failed* ]]
}

@test "two silent origins make room for a third well before the client's time is up, and it is said of the one that did" {
	get "$WORK/origin/files/third"
	[ "$(metric limit_first_byte_total)" = 0 ]
	wait_until 10 shows_served third
	[[ "$output" == *"127.1.0.13:$ORIGIN_PORT/stall/third"*"no verdict yet (failed, silent for 4 s, left for another)"*"127.1.0.14"*untried* ]]
}

@test "halves that do not fit are not the archive: it is asked for anew" {
	get "$WORK/origin/files/halves"
	[ "$(origin_requests '/ok/halves bytes=')" = 1 ]
	[ "$(origin_requests '/ok/halves $')" = 1 ]
}

@test "a mirror is asked under every digest that the catalog knows" {
	get "$WORK/mirrored"
	[ "$(origin_requests "/ok/$(digest_of sha256 "$WORK/mirrored")")" = 1 ]
	[ "$(origin_requests "/ok/$(digest_of md5 "$WORK/mirrored")")" = 1 ]
}

@test "a host whose certificate is for another name is gone, though the client is told that it fails" {
	local digest
	digest=$(digest_of sha256 "$WORK/origin/files/named")
	curl -s -D "$AT/headers" -o /dev/null "$URL/sha256/${digest:0:2}/$digest"
	[ "$(header Larder-Reason "$AT/headers")" = failing ]
	larder_stop
	larder_start
	run larder show "sha256:$digest"
	[[ "$output" == *gone* ]]
	[[ "$output" == *"certificate for another name"* ]]
}
