#!/usr/bin/env bats
# An archive that is asked for again and again: its answer is kept ready, says the same as the first one, and is gone as soon as the archive is
# gone or its file was touched.

load ../support/larder

setup() {
	mkdir -p "$WORK/archives"
	make_archive "$WORK/archives/small" 4096
	make_archive "$WORK/archives/large" 300000
	# One worker, so that every connection comes to the same one.
	larder_config
	sed -i "s,^workers = 2,workers = 1," "$WORK/larder.conf"
	larder add -q "$WORK/archives"
	larder_start
}

teardown() {
	end_all
}

# get FILE [CURL-ARGUMENTS...]: its bytes in $WORK/got, its header in $WORK/header.
get() {
	local file=$1
	shift
	curl -sS -D "$WORK/header" -o "$WORK/got" "$@" "$URL$(path_of sha256 "$file")"
}

is_right() {
	get "$1"
	cmp "$WORK/got" "$1"
}

warm() {
	is_right "$1"
	is_right "$1"
	is_right "$1"
}

status_is() {
	head -n 1 "$WORK/header" | grep -F " $1 "
}

@test "it says what the first answer says" {
	local file
	for file in "$WORK"/archives/*; do
		is_right "$file"
		grep -vi '^date:' "$WORK/header" >"$WORK/first"
		is_right "$file"
		is_right "$file"
		diff "$WORK/first" <(grep -vi '^date:' "$WORK/header")
		is_right "$file"
	done
	[ "$(metric hot_hits_total)" = 4 ]
	[ "$(metric archive_hits_total)" = 8 ]
	[ "$(metric hot_answers)" = 2 ]
	[ "$(metric hot_watched)" = 1 ]
	[ "$(metric hot_files)" = 1 ]
	[ "$(metric hot_bytes)" = $((4096 + 2 * 2048)) ]
	[ "$(metric limit_hot_bytes)" = 67108864 ]
	larder_stop
}

@test "HEAD, one connection after the other, and many requests on one" {
	local file=$WORK/archives/large
	warm "$file"
	get "$file" -I
	grep -i '^content-length: 300000' "$WORK/header"
	get "$file" -H 'Connection: close'
	grep -i '^connection: close' "$WORK/header"
	cmp "$WORK/got" "$file"
	# shellcheck disable=SC2046
	curl -sSf $(for _ in {1..20}; do echo "$URL$(path_of sha256 "$file")"; done) | cmp - <(for _ in {1..20}; do cat "$file"; done)
	[ "$(metric hot_hits_total)" = 23 ]
	larder_stop
}

@test "parts and conditions are answered as ever" {
	local file=$WORK/archives/small etag
	warm "$file"
	etag="\"sha256:$(digest_of sha256 "$file")\""
	get "$file" -r 10-19
	status_is 206
	cmp "$WORK/got" <(tail -c +11 "$file" | head -c 10)
	get "$file" -H "If-None-Match: $etag"
	status_is 304
	get "$file" -H 'If-None-Match: "other"'
	status_is 200
	get "$file" -H "If-Range: $etag" -r 4000-
	status_is 206
	[ "$(metric hot_hits_total)" = 1 ]
	larder_stop
}

@test "what is removed is gone at once, and so is what was damaged" {
	local file=$WORK/archives/small
	warm "$file"
	larder remove "sha256:$(digest_of sha256 "$file")"
	get "$file"
	status_is 404
	file=$WORK/archives/large
	warm "$file"
	chmod u+w "$(blob_of "$file")"
	printf ALTERED | dd of="$(blob_of "$file")" bs=1 seek=1000 conv=notrunc 2>/dev/null
	get "$file"
	status_is 404
	[ "$(metric hot_answers)" = 0 ]
	[ "$(metric hot_stale_total)" = 2 ]
	[ "$(metric blobs_wrong_total)" = 1 ]
	larder_stop
}

@test "what somebody damages or touches is heard of, where the answer is in memory" {
	local file=$WORK/archives/small blob
	warm "$file"
	[ "$(metric hot_watched)" = 1 ]
	blob=$(blob_of "$file")
	chmod u+w "$blob"
	[ "$(metric hot_answers)" = 0 ]
	[ "$(metric hot_watched)" = 0 ]
	warm "$file" # looked at whole, and known again
	warm "$file"
	[ "$(metric hot_watched)" = 1 ]
	printf ALTERED | dd of="$blob" bs=1 seek=1000 conv=notrunc 2>/dev/null
	get "$file"
	status_is 404
	[ "$(metric hot_answers)" = 0 ]
	[ "$(metric hot_stale_total)" = 2 ]
	[ "$(metric blobs_wrong_total)" = 1 ]
	larder_stop
}

@test "the file of what is removed is closed with the next request, and its space is free" {
	warm "$WORK/archives/large"
	larder remove "sha256:$(digest_of sha256 "$WORK/archives/large")"
	get "$WORK/archives/small"
	[ "$(metric hot_answers)" = 0 ]
	run bash -c "ls -l /proc/$(cat "$WORK/larder.pid")/fd | grep -F deleted"
	[ "$output" = "" ]
	larder_stop
}
