#!/usr/bin/env bats
# A daemon that is left alone reads all that it stores again: what is damaged is found before anybody asks for it, and comes again.

load ../support/larder

setup() {
	mkdir -p "$WORK/archives" "$WORK/origin/files"
	for name in one two three four five six; do
		make_archive "$WORK/archives/$name" 20000
	done
	make_archive "$WORK/archives/large" 1500000
	cp "$WORK"/archives/* "$WORK/origin/files/"
	origin_start
	scrub_in 2s
	for name in one two three four five six large; do
		echo "http://127.0.0.1:$ORIGIN_PORT/ok/$name sha256=$(digest_of sha256 "$WORK/archives/$name")"
	done >"$WORK/origins.list"
	larder import "$WORK/origins.list"
	larder add "$WORK/archives"
}

teardown() {
	end_all
}

scrub_in() { # INTERVAL
	larder_config "$(fetch_section "$ORIGIN_PORT" 'negative_ttl = "0"')"
	sed -i "s/scrub_interval = \"0\"/scrub_interval = \"$1\"/" "$WORK/larder.conf"
}

# damage NAME COMMAND...: of its blob, whose path comes last.
damage() {
	local blob
	blob=$(blob_of "$WORK/archives/$1")
	shift
	chmod u+w "$blob"
	"$@" "$blob"
}

flip_a_bit() {
	python3 -c 'import sys
with open(sys.argv[1], "r+b") as blob:
    blob.seek(12345)
    byte = blob.read(1)[0]
    blob.seek(12345)
    blob.write(bytes([byte ^ 1]))' "$1"
}

zero_a_page() {
	dd if=/dev/zero of="$1" bs=4096 count=1 seek=1 conv=notrunc status=none
}

put_another() {
	rm -f "$1"
	head -c 20000 /dev/urandom >"$1"
}

damage_six() {
	damage one flip_a_bit
	damage two truncate -s 19999
	damage three truncate -s 20001
	damage four zero_a_page
	damage five put_another
	damage six rm -f
}

is_at_least() { # METRIC NUMBER
	[ "$(metric "$1")" -ge "$2" ]
}

all_are_right() {
	local file
	for file in "$WORK"/archives/*; do
		cmp -s "$file" "$(blob_of "$file")" || return 1
	done
}

@test "what is damaged in six ways is found, quarantined and fetched again, by itself" {
	larder_start
	wait_until 20 is_at_least scrub_ended_timestamp_seconds 1
	[ "$(metric scrub_wrong_total)" = 0 ]
	damage_six
	wait_until 20 is_at_least scrub_wrong_total 6
	wait_until 20 all_are_right
	[ "$(metric scrub_wrong_total)" = 6 ]
	[ "$(metric archives_quarantined)" = 5 ]
	[ "$(find "$WORK/store/quarantine" -type f | wc -l)" = 5 ]
	[ "$(origin_requests /ok/)" = 6 ]
	[ "$(grep -c 'is being fetched again' "$WORK/larder.log")" = 6 ]
	[ "$(metric archive_misses_total)" = 0 ]
	curl -sSf "$URL$(path_of sha256 "$WORK/archives/one")" | cmp - "$WORK/archives/one"
	curl -sSf "$URL/status" | jq -e '.scrub.began != null and .scrub.ended != null'
	curl -sSf "$URL/" | grep -q 'all were read again'
	larder_stop
	larder verify
	larder stat --json | jq -e '.scrub.ended != null and .archives == 7'
	larder stat | grep -q '^scrubbed '
}

@test "what no origin has any more is a miss, and never sent" {
	rm "$WORK"/origin/files/one
	larder_start
	damage one flip_a_bit
	wait_until 20 is_at_least scrub_wrong_total 1
	[ "$(curl -s -o /dev/null -w '%{http_code}' "$URL$(path_of sha256 "$WORK/archives/one")")" = 404 ]
	curl -sSf "$URL$(path_of sha256 "$WORK/archives/two")" | cmp - "$WORK/archives/two"
	larder_stop
}

# The interval is long: after the first piece it waits, with a round half done.
@test "a stop in the middle of a round takes no time, and the next start goes on with it" {
	local began
	scrub_in 1d
	larder_start
	wait_until 20 is_at_least scrub_bytes 1
	[ "$(metric scrub_under_way)" = 1 ]
	began=$(metric scrub_began_timestamp_seconds)
	larder_stop
	larder stat --json | jq -e '.scrub.under_way and .scrub.ended == null'
	larder_start
	wait_until 20 is_at_least scrub_under_way 1
	[ "$(metric scrub_began_timestamp_seconds)" = "$began" ]
	larder_kill
	larder_start
	wait_until 20 is_at_least scrub_under_way 1
	[ "$(metric scrub_began_timestamp_seconds)" = "$began" ]
	larder_stop
}

@test "an interval of 0 switches it off" {
	scrub_in 0
	larder_start
	damage one flip_a_bit
	[ "$(metric scrub_under_way)" = 0 ]
	[ "$(metric scrub_began_timestamp_seconds)" = 0 ]
	[ -z "$(find "/proc/$(cat "$WORK/larder.pid")/task" -name comm -exec grep -l '^scrub$' {} +)" ]
	larder_stop
	[ "$(find "$WORK/store/quarantine" -type f | wc -l)" = 0 ]
}
