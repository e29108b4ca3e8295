#!/usr/bin/env bats
# Looking after the places where archives are: what a running larder shows of it.

load ../support/larder

setup() {
	larder_config
}

teardown() {
	end_all
}

counted() {
	curl -sf "$URL/metrics" | grep -q '^larder_catalog_archives_by_state{state="stored"} '
}

@test "archives are counted by state and by copies" {
	make_archive "$WORK/a" 1000
	make_archive "$WORK/b" 1000
	{
		echo "https://h.example/x/a sha256=$(digest_of sha256 "$WORK/a") a.1"
		echo "https://h.example/x/b sha256=$(digest_of sha256 "$WORK/b") b.1"
	} >"$WORK/all.list"
	larder import "$WORK/all.list"
	larder add "$WORK/a"
	larder_start
	wait_until 10 counted
	[ "$(metric 'catalog_archives_by_state{state="stored"}')" = 1 ]
	[ "$(metric 'catalog_archives_by_state{state="untried"}')" = 1 ]
	[ "$(metric 'catalog_archives_by_state{state="vanished"}')" = 0 ]
	[ "$(metric 'catalog_archives_by_copies{copies="0"}')" = 2 ]
	[ "$(metric 'watch_overdue')" = 0 ]
	larder_stop
}

@test "an origin that larder may not ask has not failed, and show says so" {
	make_archive "$WORK/a" 1000
	echo "http://10.0.0.7/x/a sha256=$(digest_of sha256 "$WORK/a") a.1" >"$WORK/all.list"
	larder import "$WORK/all.list"
	larder_start
	run larder fetch a.1
	echo "$output"
	[ "$status" != 0 ]
	larder_stop
	run larder show a.1
	echo "$output"
	[[ "$output" == *"untried; may not be asked: neither public nor in fetch.allow_private"* ]]
	[[ "$output" != *answered* ]]
}

@test "show and a gauge say that the network here is suspected" {
	make_archive "$WORK/a" 1000
	larder_config "$(fetch_section 1)"
	echo "http://127.0.0.1:1/x/a sha256=$(digest_of sha256 "$WORK/a") a.1" >"$WORK/all.list"
	larder import "$WORK/all.list"
	larder_start
	[ "$(metric watch_network_suspected)" = 0 ]
	run larder fetch a.1
	[ "$status" != 0 ]
	wait_until 10 suspected
	larder_stop
	run larder show a.1
	echo "$output"
	[[ "$output" == *"connection refused"*"not held against it while the network here is suspected"* ]]
}

suspected() {
	[ "$(metric watch_network_suspected)" = 1 ]
}
