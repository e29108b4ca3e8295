#!/usr/bin/env bats
# What goes out of a store: what somebody removed stays away until somebody wants it back, and what is evicted comes back by itself. A
# store that is full of what nobody else has goes on serving.

load ../support/larder

setup() {
	origin_start
	make_archive "$WORK/origin/files/one" 60000
	make_archive "$WORK/origin/files/two" 60000
	for name in one two; do
		for host in 1 2; do
			echo "http://127.0.0.$host:$ORIGIN_PORT/ok/$name sha256=$(sha256 $name) md5=$(md5 $name) $name.1"
		done
	done >"$WORK/archives.list"
	larder_config "$(fetch_section "$ORIGIN_PORT")"
	larder import -q "$WORK/archives.list"
}

teardown() {
	end_all
}

sha256() {
	digest_of sha256 "$WORK/origin/files/$1"
}

md5() {
	digest_of md5 "$WORK/origin/files/$1"
}

# asks NAME [ALGO] [CURL OPTION]...: the status of the archive.
asks() {
	local path
	path=$(path_of "${2:-sha256}" "$WORK/origin/files/$1")
	shift $(($# < 2 ? 1 : 2))
	curl -s -D "$WORK/head" -o "$WORK/answer" -w '%{http_code}' "$URL$path" "$@"
}

# is_removed NAME ALGO: the answer that a removed archive gets.
is_removed() {
	[ "$(asks "$1" "$2")" = 404 ]
	grep -qi '^larder-reason: removed' "$WORK/head"
	grep -q 'removed by uid .* on 20.*; it is not fetched again until' "$WORK/answer"
}

# gives FILE PATH: through the control socket.
gives() {
	curl -s -o "$WORK/answer" -w '%{http_code}' --unix-socket "$WORK/store/control.sock" -T "$1" "http://larder$2"
}

# The value of a metric.
metric() {
	curl -s "$URL/metrics" | sed -n "s/^larder_$1 //p"
}

is_metric() {
	[ "$(metric "$1")" = "$2" ]
}

is_ready() {
	[ "$(curl -s -o "$WORK/ready" -w '%{http_code}' "$URL/readyz")" = 200 ]
}

@test "remove: neither asking nor fetching brings it back, by none of its digests" {
	larder_start
	[ "$(asks one)" = 200 ]
	larder remove "md5:$(md5 one)"
	is_removed one sha256
	is_removed one md5
	is_metric archives_removed 1
	is_metric archives 0
	larder_stop
	run larder fetch "sha512:$(digest_of sha512 "$WORK/origin/files/one")" "md5:$(md5 one)"
	echo "$output"
	[ "$status" = 1 ]
	[[ $output == *"removed by uid "* && $output != *"trying them again"* ]]
	[ "$(origin_requests /one)" = 1 ]
	[ ! -e "$WORK/store/blobs/sha256/$(sha256 one | cut -c 1-2)/$(sha256 one)" ]
}

@test "remove: what was never stored is not fetched either" {
	larder remove "sha256:$(sha256 two)"
	larder_start
	is_removed two md5
	[ "$(asks one)" = 200 ]
	[ "$(origin_requests /two)" = 0 ]
}

@test "remove: forgetting lets it be fetched, giving brings it back" {
	larder_start
	[ "$(asks one)" = 200 ]
	[ "$(asks two)" = 200 ]
	larder remove "sha256:$(sha256 one)"
	larder remove "sha256:$(sha256 two)"
	larder remove --forget "sha256:$(sha256 one)"
	[ "$(asks one)" = 200 ]
	[ "$(origin_requests /one)" = 2 ]
	is_removed two sha256
	[ "$(gives "$WORK/origin/files/two" "$(path_of sha256 "$WORK/origin/files/two")")" = 201 ]
	[ "$(asks two)" = 200 ]
	grep -qi '^x-cache: hit' "$WORK/head"
	[ "$(origin_requests /two)" = 1 ]
}

@test "remove: killed afterwards, it stays removed" {
	larder_start
	[ "$(asks one)" = 200 ]
	larder remove "sha256:$(sha256 one)"
	larder_kill
	larder_start
	is_removed one sha256
	wait_until 10 is_metric recovering 0
	is_metric archives 0
}

@test "evict: makes room for the next one, and what went comes back when it is asked for" {
	larder_start -o space.max_size=100000B
	[ "$(asks one)" = 200 ]
	[ "$(asks two)" = 200 ]
	wait_until 10 is_metric archives_evicted 1
	is_metric archives 1
	[ "$(asks one)" = 200 ]
	cmp "$WORK/answer" "$WORK/origin/files/one"
	[ "$(origin_requests /one)" = 2 ]
	is_ready
}

@test "evict: a store full of what nobody else has serves, passes misses through and refuses uploads" {
	make_archive "$WORK/mine" 60000
	make_archive "$WORK/mine2" 60000
	make_archive "$WORK/mine3" 1000
	larder add -q "$WORK/mine" "$WORK/mine2"
	larder_start -o space.max_size=100000B
	wait_until 10 is_metric store_healthy 0
	run is_ready
	[ "$status" = 1 ]
	grep -q 'space.max_size' "$WORK/ready"
	[ "$(curl -s -o "$WORK/answer" -w '%{http_code}' "$URL$(path_of md5 "$WORK/mine")")" = 200 ]
	cmp "$WORK/answer" "$WORK/mine"
	[ "$(asks one)" = 200 ]
	cmp "$WORK/answer" "$WORK/origin/files/one"
	[ "$(gives "$WORK/mine3" "$(path_of sha256 "$WORK/mine3")")" = 507 ]
	grep -q 'space.max_size' "$WORK/answer"
	is_metric archives 2
	larder remove "sha256:$(digest_of sha256 "$WORK/mine2")"
	wait_until 10 is_ready
	[ "$(gives "$WORK/mine3" "$(path_of sha256 "$WORK/mine3")")" = 201 ]
}

@test "uploads and removals while all ask: what was acknowledged is what they are told" {
	python3 "$TESTS/support/at_once.py" "$LARDER"
}
