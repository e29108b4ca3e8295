#!/usr/bin/env bats
# Giving archives to larder over HTTP: with a token, through the control socket, and as a donation. Whatever is not accepted leaves nothing.

load ../support/larder

# Two archives with one md5, published by Wang, Feng, Lai and Yu in 2004.
WANG_MD5=79054025255fb1a26e4bc422aef54eb4
WANG_1=d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488832571415a085125e8f7cdc99fd91dbdf280373c5b\
d8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70
WANG_2=d131dd02c5e6eec4693d9a0698aff95c2fcab50712467eab4004583eb8fb7f8955ad340609f4b30283e4888325f1415a085125e8f7cdc99fd91dbd7280373c5b\
d8823e3156348f5bae6dacd436c919c6dd53e23487da03fd02396306d248cda0e99f33420f577ee8ce54b67080280d1ec69821bcb6a8839396f965ab6ff72a70

# Two archives with one sha1, published by Stevens, Bursztein, Karpman, Albertini and Markov in 2017: how their two files begin, where
# they already agree.
SHATTERED_SHA1=f92d74e3874587aaf443d1db961d4e26dde13e9c
SHATTERED=255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f57696474682032203020522f4865696768742033203020522f547970652034203020\
522f537562747970652035203020522f46696c7465722036203020522f436f6c6f7253706163652037203020522f4c656e6774682038203020522f42697473506572\
436f6d706f6e656e7420383e3e0a73747265616d0affd8fffe00245348412d3120697320646561642121212121852fec092339759c39b1a1c63c4c97e1fffe01
SHATTERED_1=7f46dc93a6b67e013b029aaa1db2560b45ca67d688c7f84b8c4c791fe02b3df614f86db1690901c56b45c1530afedfb76038e972722fe7ad728f0e4904e046c2\
30570fe9d41398abe12ef5bc942be33542a4802d98b5d70f2a332ec37fac3514e74ddc0f2cc1a874cd0c78305a21566461309789606bd0bf3f98cda8044629a1
SHATTERED_2=7346dc9166b67e118f029ab621b2560ff9ca67cca8c7f85ba84c79030c2b3de218f86db3a90901d5df45c14f26fedfb3dc38e96ac22fe7bd728f0e45bce046d2\
3c570feb141398bb552ef5a0a82be331fea48037b8b5d71f0e332edf93ac3500eb4ddc0decc1a864790c782c76215660dd309791d06bd0af3f98cda4bc4629b1

setup() {
	WORK=$BATS_TEST_TMPDIR
	ONE=$WORK/one
	make_archive "$ONE" 50000
	SHA256=$(digest_of sha256 "$ONE")
	MD5=$(digest_of md5 "$ONE")
}

teardown() {
	end_all
	umount "$WORK/store" 2>/dev/null || true
}

# serve [CONFIGURATION]: larder with a token that may upload.
serve() {
	larder_config "${1:-}"
	TOKEN=$(larder token add laptop --may upload 2>/dev/null)
	larder_start
}

# upload FILE PATH [CURL OPTION...]: the status; the answer in $WORK/answer and its headers in $WORK/headers. Who asks whether to send
# waits for the answer, however busy the machine is.
upload() {
	local file=$1 path=$2
	shift 2
	curl -s --expect100-timeout 60 -o "$WORK/answer" -D "$WORK/headers" -w '%{http_code}\n' -T "$file" -H "Authorization: Bearer $TOKEN" \
		"$@" "$URL$path"
}

# donate FILE PATH [CURL OPTION...]: the same, without a token.
donate() {
	local file=$1 path=$2
	shift 2
	curl -s --expect100-timeout 60 -o "$WORK/answer" -D "$WORK/headers" -w '%{http_code}\n' -T "$file" "$@" "$URL$path"
}

said() {
	grep -q -- "$1" "$WORK/answer" || { cat "$WORK/answer" && return 1; }
}

status_of() {
	curl -s -o /dev/null -w '%{http_code}\n' "$URL$1"
}

is_served() { # FILE ALGO...
	local file=$1 algo
	shift
	for algo in "$@"; do
		curl -sf -o "$WORK/got" "$URL$(path_of "$algo" "$file")"
		cmp "$WORK/got" "$file"
	done
}

tmp_is_empty() {
	[ -z "$(ls -A "$WORK/store/tmp")" ]
}

# Nothing of these bytes is anywhere, once the daemon has noticed that the client left.
nothing_stayed() {
	wait_until 10 tmp_is_empty
	[ ! -e "$(blob_of "$ONE")" ]
	[ "$(status_of "$(path_of sha256 "$ONE")")" = 404 ]
}

bytes() { # HEX FILE
	python3 -c 'import sys; open(sys.argv[2], "wb").write(bytes.fromhex(sys.argv[1]))' "$1" "$2"
}

# --- what is taken ---

@test "an archive is stored under every name it has" {
	serve
	[ "$(upload "$ONE" "/md5/$MD5")" = 201 ]
	said "^stored sha256:$SHA256$"
	[ "$(header Location "$WORK/headers")" = "$(path_of sha256 "$ONE")" ]
	[ "$(header Connection "$WORK/headers")" = close ]
	is_served "$ONE" md5 sha1 sha256 sha512
	[ -e "$(blob_of "$ONE")" ]
	tmp_is_empty
	[ "$(upload "$ONE" "/cache$(path_of sha512 "$ONE")/name.tar.gz")" = 200 ]
	said "^known sha256:$SHA256$"
	[ "$(metric uploads_stored_total) $(metric uploads_known_total)" = "1 1" ]
	[ "$(metric upload_bytes_total)" = 100000 ]
	larder_stop
	grep -q 'audit: upload sha256:'"$SHA256"' by token laptop from 127.0.0.1: stored' "$WORK/larder.log"
	larder show "sha256:$SHA256" | grep -q 'upload by token laptop from 127.0.0.1'
	larder verify
}

@test "without a length" {
	serve
	[ "$(upload - "/sha256/$SHA256" <"$ONE")" = 201 ]
	is_served "$ONE" sha256
}

@test "POST stores whatever its digests are, and tells them" {
	serve
	[ "$(upload "$ONE" /api/v1/archives -X POST)" = 201 ]
	[ "$(jq -r '"\(.result) \(.size) \(.digests.sha256) \(.digests.md5)"' "$WORK/answer")" = "stored 50000 $SHA256 $MD5" ]
	[ "$(header Location "$WORK/headers")" = "$(path_of sha256 "$ONE")" ]
	[ "$(upload "$ONE" /api/v1/archives -X POST)" = 200 ]
	[ "$(jq -r .result "$WORK/answer")" = known ]
	is_served "$ONE" sha1
}

@test "nothing is an archive only where its digest is asked for" {
	serve
	: >"$WORK/nothing"
	[ "$(upload "$WORK/nothing" /api/v1/archives -X POST)" = 400 ]
	[ "$(upload "$WORK/nothing" "/sha256/$SHA256")" = 422 ]
	nothing_stayed
	[ "$(upload "$WORK/nothing" "$(path_of sha256 "$WORK/nothing")")" = 201 ]
	is_served "$WORK/nothing" sha256 md5
}

@test "through the control socket no token is needed, and the file may be named" {
	serve
	[ "$(donate "$ONE" "/sha256/$SHA256" --unix-socket "$WORK/store/control.sock" -H 'Larder-Came-From: /home/me/a%20b%zz%00%4')" = 201 ]
	is_served "$ONE" sha256
	larder_stop
	larder show "sha256:$SHA256" | grep -q '/home/me/a b%zz%00%4'
}

# niceness_of THREAD: of each of the daemon's threads with that name.
niceness_of() {
	local comm
	for comm in $(grep -lx "$1" "/proc/$(cat "$WORK/larder.pid")"/task/*/comm); do
		sed 's/.*) //' "${comm%comm}stat" | cut -d' ' -f17
	done
}

@test "who hashes and flushes gives way to who answers" {
	local answering flushing
	serve
	answering=$(niceness_of http | sort -u)
	flushing=$(niceness_of flusher | sort -u)
	[ -n "$answering" ]
	[ "$flushing" = $((answering + 5 > 19 ? 19 : answering + 5)) ]
}

@test "twenty uploads of one archive at once" {
	serve
	local number pids=()
	for number in {1..20}; do
		curl -s -o /dev/null -w '%{http_code}\n' -T "$ONE" -H "Authorization: Bearer $TOKEN" "$URL/sha256/$SHA256" >"$WORK/status$number" 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	[ "$(sort "$WORK"/status* | uniq -c | tr -s ' ' | paste -s -d ,)" = " 19 200, 1 201" ]
	[ "$(find "$WORK/store/blobs" -type f | wc -l)" = 1 ]
	tmp_is_empty
	[ "$(metric 'uploads_stored_total')" = 1 ]
	is_served "$ONE" sha256
}

@test "who waits for an archive gets what somebody else gives" {
	origin_start
	cp "$ONE" "$WORK/origin/files/one"
	larder_config "$(fetch_section "$ORIGIN_PORT" 'first_byte_timeout = "60s" miss_deadline = "60s"')"
	echo "http://127.1.0.1:$ORIGIN_PORT/stall/one sha256=$SHA256 md5=$MD5 one.1" >"$WORK/origins.list"
	larder import "$WORK/origins.list"
	TOKEN=$(larder token add laptop 2>/dev/null)
	larder_start
	in_background get curl -sf -o "$WORK/waited" "$URL/md5/$MD5"
	wait_until 20 test -s "$WORK/origin/log"
	[ "$(upload "$ONE" "/sha256/$SHA256")" = 201 ]
	wait_until 20 ended get
	[ "$(cat "$WORK/get.status")" = 0 ]
	cmp "$WORK/waited" "$ONE"
	wait_until 10 tmp_is_empty
	larder_stop
	larder show "sha256:$SHA256" | grep -q untried
}

# begin_upload DESCRIPTOR LENGTH: on a connection of its own, of which only the head is sent.
begin_upload() {
	local before
	before=$(find "$WORK/store/tmp" -type f | wc -l)
	eval "exec $1<>/dev/tcp/127.0.0.1/${URL##*:}"
	printf 'PUT /sha256/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %s\r\n\r\n' "$SHA256" "$TOKEN" "$2" >&"$1"
	wait_until 10 tmp_holds $((before + 1))
}

tmp_holds() {
	[ "$(find "$WORK/store/tmp" -type f | wc -l)" = "$1" ]
}

@test "stopping waits for what is being uploaded, but not for ever" {
	serve
	begin_upload 4 50000
	begin_upload 5 50000
	larder_signal TERM
	wait_until 10 grep -q stopping "$WORK/larder.log"
	run curl -s "$URL/healthz"
	[ "$status" = 7 ] # refused at once, so that a client goes on to the next mirror
	cat "$ONE" >&4
	head -n 1 <&4 | grep -q ' 201 '
	wait_until 30 ended larder
	[ "$(cat "$WORK/larder.status")" = 0 ]
	exec 4>&- 5>&-
	tmp_is_empty
	larder show "sha256:$SHA256"
}

# --- what is refused ---

@test "other bytes than those named" {
	serve
	make_archive "$WORK/other" 50000
	[ "$(upload "$ONE" "$(path_of md5 "$WORK/other")")" = 422 ]
	said "these bytes are sha256:$SHA256, not md5:$(digest_of md5 "$WORK/other")"
	nothing_stayed
	[ "$(metric uploads_refused_total)" = 1 ]
}

@test "an md5 that the catalog knows to be another archive's" {
	larder_config
	echo "http://127.0.0.1:9/one md5=$MD5 sha256=$(printf x | sha256sum | cut -d ' ' -f 1) one.1" >"$WORK/origins.list"
	larder import "$WORK/origins.list"
	TOKEN=$(larder token add laptop 2>/dev/null)
	larder_start
	[ "$(upload "$ONE" "/md5/$MD5")" = 422 ]
	said 'catalog names another archive by their md5'
	nothing_stayed
}

# one_keeps_the_name ALGO HEX: of $WORK/first and $WORK/second, which it names both.
one_keeps_the_name() {
	[ "$(digest_of "$1" "$WORK/first") $(digest_of "$1" "$WORK/second")" = "$2 $2" ]
	[ "$(upload "$WORK/first" "/$1/$2")" = 201 ]
	[ "$(upload "$WORK/second" "/$1/$2")" = 409 ]
	said "$1:$2 names another archive already, sha256:$(digest_of sha256 "$WORK/first"), which keeps the name; this one is refused"
	[ "$(upload "$WORK/second" "$(path_of sha256 "$WORK/second")")" = 409 ]
	[ "$(upload "$WORK/second" /api/v1/archives -X POST)" = 409 ]
	jq -e .error "$WORK/answer"
	is_served "$WORK/first" "$1" sha256
	[ "$(status_of "$(path_of sha256 "$WORK/second")")" = 404 ]
	tmp_is_empty
	grep -q "an upload by token laptop is refused: $1" "$WORK/larder.log"
}

@test "two archives with one md5: the first keeps the name" {
	serve
	bytes "$WANG_1" "$WORK/first"
	bytes "$WANG_2" "$WORK/second"
	one_keeps_the_name md5 "$WANG_MD5"
}

@test "two archives with one sha1: the first keeps the name" {
	serve
	bytes "$SHATTERED$SHATTERED_1" "$WORK/first"
	bytes "$SHATTERED$SHATTERED_2" "$WORK/second"
	one_keeps_the_name sha1 "$SHATTERED_SHA1"
}

@test "larger than allowed, before it is sent and while it is" {
	serve 'uploads { max_archive = "40KiB" }'
	[ "$(upload "$ONE" "/sha256/$SHA256" -H 'Expect: 100-continue' -w '%{size_upload} %{http_code}\n')" = "0 413" ]
	[ "$(upload "$ONE" "/sha256/$SHA256" -H 'Expect:')" = 413 ]
	said '^50000 bytes, of which at most 40960 are allowed'
	[ "$(upload - "/sha256/$SHA256" <"$ONE")" = 413 ]
	said 'the body is larger than the 40960 bytes that are allowed'
	nothing_stayed
	[ "$(metric limit_upload_size_total)" = 3 ]
	[ "$(metric limit_body_bytes_total)" = 0 ]
	[ "$(grep -c "audit: upload sha256:$SHA256 by token laptop from 127.0.0.1: refused, .* allowed" "$WORK/larder.log")" = 3 ]
}

@test "five GiB where one is allowed, refused by what they say of themselves" {
	serve 'uploads { max_archive = "1GiB" }'
	truncate -s 5G "$WORK/large"
	[ "$(upload "$WORK/large" "/sha256/$SHA256" -H 'Expect: 100-continue' -w '%{size_upload} %{http_code}\n')" = "0 413" ]
	[ "$(upload "$WORK/large" /api/v1/archives -X POST -H 'Expect: 100-continue' -w '%{size_upload} %{http_code}\n')" = "0 413" ]
	said '5368709120 bytes, of which at most 1073741824 are allowed'
	tmp_is_empty
}

@test "without a token, with a wrong one, and with one that may not" {
	larder_config
	larder token add cleaner --may remove >"$WORK/token"
	larder_start
	[ "$(donate "$ONE" "/sha256/$SHA256" -H 'Expect: 100-continue' -w '%{size_upload} %{http_code}\n')" = "0 401" ]
	[ "$(donate "$ONE" /api/v1/archives -X POST)" = 401 ]
	TOKEN=larder_00000000000000000000000000000000
	[ "$(upload "$ONE" "/sha256/$SHA256")" = 401 ]
	TOKEN=$(cat "$WORK/token")
	[ "$(upload "$ONE" "/sha256/$SHA256")" = 403 ]
	[ "$(upload "$ONE" "/sha256/$SHA256" -H 'Origin: https://evil.example')" = 403 ]
	nothing_stayed
}

@test "more at once than allowed" {
	serve 'uploads { at_once = 1 }'
	begin_upload 4 50000
	[ "$(upload "$ONE" "/sha256/$SHA256")" = 503 ]
	[ -n "$(header Retry-After "$WORK/headers")" ]
	[ "$(metric limit_uploads_total)" = 1 ]
	cat "$ONE" >&4
	head -n 1 <&4 | grep -q ' 201 '
	exec 4>&-
	[ "$(upload "$ONE" "/sha256/$SHA256")" = 200 ]
}

@test "two hundred who send a byte now and then hold up nobody" {
	serve
	in_background drip python3 "$TESTS/support/dripping.py" "${URL##*:}" 200 "$TOKEN" "$WORK/dripped"
	wait_until 30 test -e "$WORK/dripped"
	tmp_holds 200
	[ "$(upload "$ONE" "/sha256/$SHA256")" = 201 ]
	is_served "$ONE" sha256
	kill -KILL "$(cat "$WORK/drip.pid")"
	wait_until 20 all_refused 200
	wait_until 10 tmp_is_empty
	larder_stop
}

# send_and_leave HEAD FILE...: a request as it is, and then the client is gone.
send_and_leave() {
	exec 4<>"/dev/tcp/127.0.0.1/${URL##*:}"
	printf '%b' "$1" >&4
	shift
	cat "$@" /dev/null >&4
	exec 4>&-
}

@test "a body that is cut short" {
	serve
	local line="PUT /sha256/$SHA256 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $TOKEN\r\n"
	send_and_leave "${line}Content-Length: 50000\r\n\r\n"
	send_and_leave "${line}Content-Length: 50000\r\n\r\n" <(head -c 500 "$ONE")
	send_and_leave "${line}Content-Length: 50000\r\n\r\n" <(head -c 25000 "$ONE")
	send_and_leave "${line}Content-Length: 50000\r\n\r\n" <(head -c 49500 "$ONE")
	send_and_leave "${line}Content-Length: 50001\r\n\r\n" "$ONE"
	send_and_leave "${line}Transfer-Encoding: chunked\r\n\r\nc350\r\n" "$ONE" # whole, but nobody said that it is
	wait_until 10 all_refused 6
	nothing_stayed
}

all_refused() {
	[ "$(metric uploads_refused_total)" = "$1" ]
}

@test "a body that is longer than announced" {
	serve
	{
		printf 'PUT /sha256/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 1000\r\n\r\n' "$SHA256" "$TOKEN"
		cat "$ONE"
	} | python3 "$TESTS/support/raw.py" "${URL##*:}" >"$WORK/answer"
	[ "$(grep -ac '^HTTP/1.1' "$WORK/answer")" = 1 ]
	grep -aq '^HTTP/1.1 422' "$WORK/answer"
	nothing_stayed
}

@test "a full disk: uploads get 507, hits go on, and it heals" {
	[ "$(id -u)" = 0 ] || skip "mounting needs root"
	mkdir "$WORK/store"
	mount -t tmpfs -o size=16m,mode=700 none "$WORK/store" || skip "nothing may be mounted here"
	serve
	make_archive "$WORK/stored" 300000
	[ "$(upload "$WORK/stored" "$(path_of sha256 "$WORK/stored")")" = 201 ]
	make_archive "$WORK/huge" 20000000
	huge=$(path_of sha256 "$WORK/huge")
	[ "$(upload "$WORK/huge" "$huge" -H 'Expect: 100-continue' -w '%{size_upload} %{http_code}\n')" = "0 507" ]
	[ "$(upload - "$huge" <"$WORK/huge")" = 507 ]
	wait_until 30 tmp_is_empty

	attempt=0
	fallocate -l "$(($(df --output=avail -B1 "$WORK/store" | tail -n 1) - 600000))" "$WORK/store/filler"
	wait_until 30 uploads_answer 507
	is_served "$WORK/stored" sha256 md5
	tmp_is_empty
	rm "$WORK/store/filler"
	wait_until 30 uploads_answer 201
	is_served "$WORK/next" sha256
	larder_stop
	larder verify
}

# uploads_answer STATUS: to an archive that is new each time, since how much is free is only looked at once a second.
uploads_answer() {
	make_archive "$WORK/next" 50000 "$((++attempt))"
	[ "$(upload "$WORK/next" "$(path_of sha256 "$WORK/next")")" = "$1" ]
}

# --- donations ---

# wanted LINE...: what the catalog names; nobody can be asked for it.
wanted() {
	printf 'http://127.0.0.1:9/%s\n' "$@" >"$WORK/origins.list"
	larder import "$WORK/origins.list"
}

@test "donations are closed unless they are opened" {
	larder_config
	wanted "one sha256=$SHA256 one.1"
	larder_start
	[ "$(donate "$ONE" "/sha256/$SHA256")" = 401 ]
	nothing_stayed
}

@test "anybody may give what is wanted and proven" {
	larder_config 'donations { open = yes  max_archive = "64KiB" }'
	make_archive "$WORK/two" 1000
	make_archive "$WORK/unwanted" 1000
	make_archive "$WORK/named" 1000
	make_archive "$WORK/large" 100000
	wanted "one sha256=$SHA256 md5=$MD5 one.1" "two sha512=$(digest_of sha512 "$WORK/two") two.1" "named md5=$(digest_of md5 "$WORK/named") named.1" \
		"large sha256=$(digest_of sha256 "$WORK/large") large.1"
	larder_start

	[ "$(donate "$WORK/two" "/md5/$MD5")" = 422 ] # wanted by md5, proven by the sha256 that is listed with it
	[ "$(donate "$ONE" "/md5/$MD5")" = 201 ]
	[ "$(donate "$WORK/two" "$(path_of sha512 "$WORK/two")")" = 201 ]
	[ "$(donate "$ONE" "/sha256/$SHA256")" = 200 ] # there already, and the same
	[ "$(donate "$WORK/unwanted" "$(path_of sha256 "$WORK/unwanted")" -H 'Expect: 100-continue' -w '%{size_upload} %{http_code}\n')" = "0 403" ]
	said 'not wanted'
	[ "$(donate "$WORK/named" "$(path_of md5 "$WORK/named")")" = 403 ]
	said 'nothing would prove'
	[ "$(donate "$WORK/named" "$(path_of sha256 "$WORK/named")")" = 403 ] # that sha256 is nobody's
	[ "$(donate "$WORK/large" "$(path_of sha256 "$WORK/large")")" = 413 ]
	[ "$(donate "$WORK/unwanted" /api/v1/archives -X POST)" = 401 ]
	[ "$(find "$WORK/store/blobs" -type f | wc -l)" = 2 ]
	is_served "$ONE" sha256 md5
	grep -q "audit: donation sha256:$SHA256 by anybody from 127.0.0.1: stored" "$WORK/larder.log"
}

@test "what was removed is not brought back by a stranger" {
	larder_config 'donations { open = yes }'
	wanted "one sha256=$SHA256 md5=$MD5 one.1"
	larder add "$ONE"
	TOKEN=$(larder token add laptop 2>/dev/null)
	larder remove "sha256:$SHA256"
	larder_start
	[ "$(donate "$ONE" "/sha256/$SHA256")" = 403 ]
	said 'removed'
	[ "$(upload "$ONE" "/sha256/$SHA256")" = 201 ]
	is_served "$ONE" sha256
}

@test "so many donations an hour from one address" {
	larder_config 'donations { open = yes  per_hour = 2 }'
	make_archive "$WORK/two" 1000
	wanted "one sha256=$SHA256 one.1" "two sha256=$(digest_of sha256 "$WORK/two") two.1"
	larder_start
	[ "$(donate "$WORK/two" "/sha256/$SHA256")" = 422 ]
	[ "$(donate "$ONE" "/sha256/$SHA256")" = 201 ]
	[ "$(donate "$WORK/two" "$(path_of sha256 "$WORK/two")")" = 429 ]
	[ "$(header Retry-After "$WORK/headers")" -gt 60 ] # an hour, not the minute of wrong tokens
	said 'go on in [0-9][0-9]* min'
	[ "$(metric limit_donations_total)" = 1 ]
	[ "$(donate "$WORK/two" "$(path_of sha256 "$WORK/two")" --interface 127.0.0.2)" = 201 ]
}
