#!/usr/bin/env bats
# Broken upstreams. Every row of the table: whoever asks for the archive gets either its true bytes or nothing complete; a second origin
# is asked when the first one fails; where there is none the answer is an honest 404 and never a 5xx.
#
# Each row has archives and host addresses (127.x.y.z) of its own, so that the rest a failed host is given never disturbs another row.

load ../support/larder

# The behaviours of origin.py, each alone and followed by a good origin.
BROKEN="cut chunked-cut chunked-bad cut-no-length wrong wrong-no-length longer longer-no-length endless
	stall stall-body drip rst rst-body fin loop hops=6 to=file:||||etc to=http:||10.1.1.1 to-nothing html empty partial
	status=204 status=304 status=401 status=403 status=404 status=410 status=429:1 status=429:99999999999 status=429
	status=429:tomorrow status=500 status=503:5 gzip short-length long-length two-lengths big-header many-1xx cut-once"
# And those that look odd and are right.
ODD="no-length chunked hops=5 relative pieces=9000"

SMALL=20000  # verified before the first byte
LARGE=400000 # streamed
CROWDS=60    # archives that three clients each read while they break off

row_name() { # BEHAVIOUR CASE SIZE
	echo "$1-$2-$3" | tr -c 'a-zA-Z0-9\n' _
}

# The line of the list for one archive: a broken origin at an address of its own, and a good one when CASE says so.
list_row() { # BEHAVIOUR CASE SIZE NUMBER
	local file host
	file=$(row_name "$1" "$2" "$3")
	host=127.1.$(($4 / 200)).$(($4 % 200 + 1))
	make_archive "$WORK/origin/files/$file" "$3"
	echo "http://$host:$ORIGIN_PORT/$1/$file sha256=$(digest_of sha256 "$WORK/origin/files/$file") $file.1"
	if [ "$2" = then_good ]; then
		echo "http://127.2.0.1:$ORIGIN_PORT/ok/$file sha256=$(digest_of sha256 "$WORK/origin/files/$file") $file.1"
	fi
}

setup_file() {
	export WORK=$BATS_FILE_TMPDIR
	local behaviour number=0 size case
	origin_start
	for behaviour in $BROKEN $ODD; do
		for size in $SMALL $LARGE; do
			for case in alone then_good; do
				list_row "$behaviour" $case "$size" $((number++))
			done
		done
	done >"$WORK/origins.list"
	for ((number = 1; number <= CROWDS; number++)); do
		make_archive "$WORK/origin/files/crowd$number" $LARGE
		echo "http://127.3.0.$number:$ORIGIN_PORT/cut/crowd$number sha256=$(digest_of sha256 "$WORK/origin/files/crowd$number")"
	done >>"$WORK/origins.list"
	larder_config "$(fetch_section "$ORIGIN_PORT" '
		connect_timeout = "2s" first_byte_timeout = "1s" min_rate = "1KiB" min_rate_over = "1s" miss_deadline = "20s"
		verify_before_send = "64KiB" max_archive = "8MiB" negative_ttl = "0"')"
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

# ask NAME [CURL ARGS...]: STATUS and ENDED (curl's exit status) of a GET, the body in $AT/body, the headers in $AT/headers.
ask() {
	local file=$WORK/origin/files/$1
	shift
	ENDED=0
	STATUS=$(curl -s -m 60 -o "$AT/body" -D "$AT/headers" -w '%{http_code}' "$@" "$URL$(path_of sha256 "$file")") || ENDED=$?
}

# Complete, and every byte right.
got_it() { # NAME
	[ "$STATUS" = 200 ] && [ "$ENDED" = 0 ] && cmp "$AT/body" "$WORK/origin/files/$1"
}

# A quick 404 with a reason, or a body that nobody takes for complete. Never anything else.
got_nothing() {
	if [ "$STATUS" = 200 ]; then
		[ "$ENDED" = 18 ]
	else
		[ "$STATUS" = 404 ] && [ "$ENDED" = 0 ] && [ -n "$(header Larder-Reason "$AT/headers")" ]
	fi || { echo "status $STATUS, curl $ENDED" && cat "$AT/headers" && return 1; }
}

alone() { # BEHAVIOUR SIZE
	local name
	name=$(row_name "$1" alone "$2")
	ask "$name"
	got_nothing
	# A second request makes no difference, and neither does HEAD.
	ask "$name"
	got_nothing
	ask "$name" -I
	[ "$STATUS" = 404 ] || [ "$STATUS" = 200 ]
	[ ! -e "$(blob_of "$WORK/origin/files/$name")" ]
}

# Bytes given out cannot be taken back: a large archive may break once, and then it comes from the good origin.
then_good() { # BEHAVIOUR SIZE
	local name
	name=$(row_name "$1" then_good "$2")
	ask "$name"
	if ! got_it "$name"; then
		[ "$2" = $LARGE ]
		got_nothing
		wait_until 10 comes "$name"
	fi
	wait_until 10 test -e "$(blob_of "$WORK/origin/files/$name")"
}

comes() {
	ask "$1"
	got_it "$1"
}

broken() {
	alone "$1" $SMALL
	then_good "$1" $SMALL
	alone "$1" $LARGE
	then_good "$1" $LARGE
}

odd() {
	local size name
	for size in $SMALL $LARGE; do
		name=$(row_name "$1" alone "$size")
		ask "$name"
		got_it "$name"
	done
}

@test "broken: cut" {
	broken 'cut'
}

@test "broken: chunked-cut" {
	broken 'chunked-cut'
}

@test "broken: chunked-bad" {
	broken 'chunked-bad'
}

@test "broken: cut-no-length" {
	broken 'cut-no-length'
}

@test "broken: wrong" {
	broken 'wrong'
}

@test "broken: wrong-no-length" {
	broken 'wrong-no-length'
}

@test "broken: longer" {
	broken 'longer'
}

@test "broken: longer-no-length" {
	broken 'longer-no-length'
}

@test "broken: endless" {
	broken 'endless'
}

@test "broken: stall" {
	broken 'stall'
}

@test "broken: stall-body" {
	broken 'stall-body'
}

@test "broken: drip" {
	broken 'drip'
}

@test "broken: rst" {
	broken 'rst'
}

@test "broken: rst-body" {
	broken 'rst-body'
}

@test "broken: fin" {
	broken 'fin'
}

@test "broken: loop" {
	broken 'loop'
}

@test "broken: hops=6" {
	broken 'hops=6'
}

@test "broken: to=file:||||etc" {
	broken 'to=file:||||etc'
}

@test "broken: to=http:||10.1.1.1" {
	broken 'to=http:||10.1.1.1'
}

@test "broken: to-nothing" {
	broken 'to-nothing'
}

@test "broken: html" {
	broken 'html'
}

@test "broken: empty" {
	broken 'empty'
}

@test "broken: partial" {
	broken 'partial'
}

@test "broken: status=204" {
	broken 'status=204'
}

@test "broken: status=304" {
	broken 'status=304'
}

@test "broken: status=401" {
	broken 'status=401'
}

@test "broken: status=403" {
	broken 'status=403'
}

@test "broken: status=404" {
	broken 'status=404'
}

@test "broken: status=410" {
	broken 'status=410'
}

@test "broken: status=429:1" {
	broken 'status=429:1'
}

@test "broken: status=429:99999999999" {
	broken 'status=429:99999999999'
}

@test "broken: status=429" {
	broken 'status=429'
}

@test "broken: status=429:tomorrow" {
	broken 'status=429:tomorrow'
}

@test "broken: status=500" {
	broken 'status=500'
}

@test "broken: status=503:5" {
	broken 'status=503:5'
}

@test "broken: gzip" {
	broken 'gzip'
}

@test "broken: short-length" {
	broken 'short-length'
}

@test "broken: long-length" {
	broken 'long-length'
}

@test "broken: two-lengths" {
	broken 'two-lengths'
}

@test "broken: big-header" {
	broken 'big-header'
}

@test "broken: many-1xx" {
	broken 'many-1xx'
}

@test "odd but right: no-length" {
	odd no-length
}

@test "odd but right: chunked" {
	odd chunked
}

@test "broken: cut once, whole for who asks for the rest" {
	odd cut-once
	then_good cut-once $SMALL
	then_good cut-once $LARGE
}

@test "odd but right: pieces=9000" {
	odd pieces=9000
}

@test "odd but right: hops=5" {
	odd hops=5
}

@test "odd but right: relative" {
	odd relative
}

@test "the answers that were refused are counted" {
	[ "$(metric upstream_wrong_bytes_total)" -gt 0 ]
	[ "$(metric limit_redirects_total)" -gt 0 ]
	[ "$(metric limit_address_policy_total)" -gt 0 ]
	[ "$(metric limit_max_archive_total)" -gt 0 ]
	[ "$(metric limit_first_byte_total)" -gt 0 ]
	[ "$(metric limit_fetch_rate_total)" -gt 0 ]
	[ "$(metric limit_fetch_headers_total)" -gt 0 ]
}

@test "no row was answered with a 5xx" {
	curl -sf "$URL/metrics" >"$AT/metrics"
	if grep -E '^larder_http_requests_total\{.*status="?5' "$AT/metrics"; then false; fi
}

# One reader of a crowd: that it ended by itself is what counts, whatever it got.
reads_to_an_end() { # PATH
	local ended=0
	curl -s -m 20 -o /dev/null "$URL$1" || ended=$?
	[ $ended != 28 ] || echo "$1 hangs" >>"$AT/hanging"
}

@test "everybody who reads a stream that breaks off is told so; nobody is left hanging" {
	local number reader path
	for ((number = 1; number <= CROWDS; number++)); do
		path=$(path_of sha256 "$WORK/origin/files/crowd$number")
		for reader in 1 2 3; do
			reads_to_an_end "$path" &
		done
		wait
	done
	[ ! -e "$AT/hanging" ]
}
