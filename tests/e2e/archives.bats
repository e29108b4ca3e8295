#!/usr/bin/env bats
# What was stored comes back, byte for byte, under every one of its names; whatever happened to the disk meanwhile.

load ../support/larder

setup() {
	mkdir -p "$WORK/archives"
	larder_config
}

teardown() {
	chmod -R u+w "$WORK" 2>/dev/null || true
	if [ -e "$WORK/mounted" ]; then
		end_all
		umount -l "$WORK/store"
	fi
	end_all
}

some_archives() {
	make_archive "$WORK/archives/small" 100
	make_archive "$WORK/archives/page" 4096
	make_archive "$WORK/archives/median" 76000
	make_archive "$WORK/archives/large" 3000000
	: >"$WORK/archives/empty"
}

# fetch_all ALGO: every archive by this digest, in one curl.
fetch_all() {
	local file
	rm -rf "$WORK/got"
	mkdir "$WORK/got"
	for file in "$WORK"/archives/*; do
		printf 'url = "%s%s"\noutput = "%s"\n' "$URL" "$(path_of "$1" "$file")" "$WORK/got/${file##*/}"
	done >"$WORK/wanted"
	curl -sSf --retry 0 -K "$WORK/wanted"
	diff -r "$WORK/archives" "$WORK/got"
}

fetch_by_every_digest() {
	local algo
	for algo in md5 sha1 sha256 sha512; do
		fetch_all $algo
	done
}

@test "every archive by md5, sha1, sha256 and sha512" {
	if [ -e "$REAL/archives" ]; then
		cp "$REAL"/archives/* "$WORK/archives/"
	fi
	some_archives
	larder add "$WORK/archives"
	larder_start
	fetch_by_every_digest
	larder_stop
	larder verify
}

@test "by every spelling of the path" {
	some_archives
	larder add "$WORK/archives"
	larder_start
	local file=$WORK/archives/median hex path
	hex=$(digest_of sha512 "$file")
	for path in /sha512/${hex:0:2}/$hex /sha512/$hex /cache/sha512/${hex:0:2}/$hex /cache/sha512/$hex /SHA512/$hex \
		/SHA512/${hex:0:2}/$hex /sha512/${hex^^} /sha512/$hex/median.tar.gz /cache/sha512/${hex:0:2}/$hex/median.tar.gz; do
		curl -sSf -o "$WORK/got" "$URL$path"
		cmp "$WORK/got" "$file"
	done
	larder_stop
}

@test "added twice is stored once" {
	some_archives
	cp "$WORK/archives/large" "$WORK/archives/again"
	larder add "$WORK/archives"
	larder add "$WORK/archives"
	[ "$(find "$WORK/store/blobs" -type f | wc -l)" = 5 ]
}

@test "a blob altered on disk is never sent complete, is quarantined, and fetched again" {
	damaged alter
}

@test "a blob cut short on disk is never sent complete, is quarantined, and fetched again" {
	damaged cut_short
}

@test "a blob altered while larder runs is noticed" {
	some_archives
	larder add "$WORK/archives"
	larder_start
	fetch_all sha256
	fetch_all sha256
	alter "$(blob_of "$WORK/archives/large")"
	ask_for large
	if got large; then false; fi
}

@test "a blob deleted on disk is a miss and fetched again" {
	damaged gone
}

alter() {
	chmod u+w "$1"
	printf ALTERED | dd of="$1" bs=1 seek=50 conv=notrunc status=none
}

cut_short() {
	chmod u+w "$1"
	truncate -s 60 "$1"
}

gone() {
	rm -f "$1"
}

ask_for() {
	STATUS=$(curl -s -o "$WORK/body" -w '%{http_code}' "$URL$(path_of sha256 "$WORK/archives/$1")") && ENDED=0 || ENDED=$?
}

got() {
	[ "$STATUS" = 200 ] && [ "$ENDED" = 0 ] && cmp -s "$WORK/body" "$WORK/archives/$1"
}

never_wrong() { # NAME
	ask_for "$1"
	got "$1" || [ "$ENDED" = 18 ] || { echo "status $STATUS, curl $ENDED" && return 1; }
}

comes_again() {
	never_wrong "$1" && got "$1"
}

# Three sizes are damaged in the same way; an origin has them all.
damaged() { # HOW
	local name
	some_archives
	mkdir -p "$WORK/origin/files"
	cp "$WORK"/archives/* "$WORK/origin/files/"
	origin_start
	larder_config "$(fetch_section "$ORIGIN_PORT" 'negative_ttl = "0"')"
	for name in small median large; do
		echo "http://127.0.0.1:$ORIGIN_PORT/ok/$name sha256=$(digest_of sha256 "$WORK/archives/$name")"
	done >"$WORK/origins.list"
	larder import "$WORK/origins.list"
	larder add "$WORK/archives"
	for name in small median large; do
		"$1" "$(blob_of "$WORK/archives/$name")"
	done
	larder_start
	for name in small median large; do
		if [ "$1" = gone ]; then # nothing has to be read to know it: the first one is answered
			never_wrong "$name"
			got "$name"
		fi
		wait_until 10 comes_again "$name"
	done
	[ "$(origin_requests /ok/)" = 3 ]
	[ "$1" = gone ] || [ "$(find "$WORK/store/quarantine" -type f | wc -l)" = 3 ]
	fetch_all md5
	larder_stop
	larder verify
}

@test "verify finds what is altered, cut short and gone" {
	some_archives
	larder add "$WORK/archives"
	alter "$(blob_of "$WORK/archives/small")"
	cut_short "$(blob_of "$WORK/archives/median")"
	gone "$(blob_of "$WORK/archives/page")"
	run larder verify
	[ "$status" = 1 ]
	local name
	for name in small median page; do
		[[ "$output" == *"$(digest_of sha256 "$WORK/archives/$name")"* ]]
	done
	[[ "$output" != *"$(digest_of sha256 "$WORK/archives/large")"* ]]
}

@test "index.db deleted: everything is served again" {
	some_archives
	larder add "$WORK/archives"
	rm "$WORK"/store/index.db*
	larder_start
	wait_until 20 fetch_by_every_digest
	larder_stop
	larder verify
}

@test "index.db overwritten with garbage: moved aside, everything is served again" {
	some_archives
	larder add "$WORK/archives"
	head -c 50000 /dev/urandom >"$WORK/store/index.db"
	rm -f "$WORK"/store/index.db-*
	larder_start
	wait_until 20 fetch_by_every_digest
	larder_stop
	larder verify
}

destroy_pages() {
	dd if=/dev/urandom of="$WORK/store/index.db" bs=4096 seek=1 count=3 conv=notrunc status=none
}

# SQLite notices a destroyed page when it reads it; what was not noticed at the start is repaired at the next one.
@test "index.db with pages destroyed: nothing wrong, and larder mends it in place" {
	some_archives
	larder add "$WORK/archives"
	destroy_pages
	larder_start
	for name in small large; do
		ask_for "$name"
		got "$name" || [ "$STATUS" = 404 ] || [ "$STATUS" = 503 ]
	done
	wait_until 20 fetch_by_every_digest
	larder_stop
	larder verify
}

begins_anew() {
	grep -q 'starts anew in place' "$WORK/larder.log"
}

# A client at $held, who takes no more of his archive, has the old daemon wait for him.
begin_anew() {
	some_archives
	make_archive "$WORK/archives/huge" 32000000 # more than the sockets between hold
	larder add "$WORK/archives"
	larder_start
	exec {held}<>"/dev/tcp/127.0.0.1/${URL##*:}"
	printf 'GET %s HTTP/1.1\r\nHost: x\r\n\r\n' "$(path_of sha256 "$WORK/archives/huge")" >&$held
	read -r status <&$held
	[[ "$status" == "HTTP/1.1 200 "* ]]
	destroy_pages
	in_background adding "$LARDER" -c "$WORK/larder.conf" add "$WORK/archives/page" {held}>&- # what has to be read for this is destroyed
	wait_until 20 begins_anew
}

@test "who comes while larder mends its index in place waits, and is answered" {
	local held asked status
	begin_anew
	exec {asked}<>"/dev/tcp/127.0.0.1/${URL##*:}"
	printf 'GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' "$(path_of sha256 "$WORK/archives/small")" >&$asked
	exec {held}>&-
	read -r status <&$asked
	[[ "$status" == "HTTP/1.1 "[245]* ]]
	exec {asked}>&-
	wait_until 20 ended adding
	wait_until 20 fetch_by_every_digest
	larder_stop
}

@test "told to stop while it mends its index, larder does not start again" {
	local held status
	begin_anew
	larder_signal TERM
	exec {held}>&-
	wait_until 30 ended larder
	[ "$(cat "$WORK/larder.status")" = 0 ]
	[ "$(grep -c '^listening on' "$WORK/larder.log")" = 1 ]
}

@test "a second daemon names the first one's pid" {
	some_archives
	larder add "$WORK/archives/small"
	larder_start
	run larder serve
	[ "$status" = 3 ]
	[[ "$output" == *"$(cat "$WORK/larder.pid")"* ]]
	larder_stop
}

@test "commands that only read work beside a daemon" {
	some_archives
	larder add "$WORK/archives"
	larder_start
	larder stat
	larder show "sha256:$(digest_of sha256 "$WORK/archives/small")"
	larder get "md5:$(digest_of md5 "$WORK/archives/small")" -o "$WORK/got"
	cmp "$WORK/got" "$WORK/archives/small"
	larder export "$WORK/exported"
	cmp "$WORK/exported$(path_of sha256 "$WORK/archives/large")" "$WORK/archives/large"
	larder_stop
}

@test "a port in use is named, and nothing hangs" {
	larder_start
	sed "s,\"127.0.0.1:0\",\"${URL#http://}\"," "$WORK/larder.conf" | sed "s,store =.*,store = \"$WORK/other\"," >"$WORK/other.conf"
	run timeout 20 "$LARDER" serve -c "$WORK/other.conf"
	[ "$status" = 2 ] || [ "$status" = 3 ]
	[[ "$output" == *"${URL##*:}"* ]]
	larder_stop
}

@test "a store on a read-only disk: a clear error, or hits go on; nothing is lost" {
	[ "$(id -u)" = 0 ] || skip "needs root to mount"
	some_archives
	mkdir "$WORK/store"
	mount -t tmpfs -o size=32m tmpfs "$WORK/store" 2>/dev/null || skip "cannot mount here"
	touch "$WORK/mounted"
	larder add "$WORK/archives"
	mount -o remount,ro "$WORK/store"
	run larder add "$WORK/archives/large"
	[ "$status" = 3 ]
	[[ "$output" == *ead-only* ]]
	run timeout 20 "$LARDER" serve -c "$WORK/larder.conf"
	[ "$status" = 3 ]
	[[ "$output" == *ead-only* ]]
	mount -o remount,rw "$WORK/store"
	larder_start
	fetch_all sha256
	larder_stop
}

@test "a disk that fills up: hits go on, misses pass through, and it heals" {
	[ "$(id -u)" = 0 ] || skip "needs root to mount"
	some_archives
	mkdir "$WORK/store"
	mount -t tmpfs -o size=24m tmpfs "$WORK/store" 2>/dev/null || skip "cannot mount here"
	touch "$WORK/mounted"
	make_archive "$WORK/archives/wanted" 5000000
	mkdir -p "$WORK/origin/files"
	cp "$WORK/archives/wanted" "$WORK/origin/files/"
	origin_start
	larder_config "$(fetch_section "$ORIGIN_PORT" 'negative_ttl = "0"')"
	echo "http://127.0.0.1:$ORIGIN_PORT/ok/wanted sha256=$(digest_of sha256 "$WORK/archives/wanted")" >"$WORK/origins.list"
	larder import "$WORK/origins.list"
	larder add "$WORK"/archives/{small,median,large}
	larder_start
	# Full but for less than the reserve.
	dd if=/dev/zero of="$WORK/store/filler" bs=1M count=100 status=none 2>/dev/null || true
	truncate -s -700K "$WORK/store/filler"
	comes_again large
	comes_again wanted
	comes_again wanted
	[ ! -e "$(blob_of "$WORK/archives/wanted")" ]
	[ "$(origin_requests /ok/wanted)" = 2 ]
	wait_until 10 not_ready
	rm "$WORK/store/filler"
	wait_until 10 kept_now
	comes_again large
	curl -sSf "$URL/readyz"
	larder_stop
	larder verify
}

not_ready() {
	[ "$(curl -s -o "$WORK/ready" -w '%{http_code}' "$URL/readyz")" = 503 ]
}

kept_now() {
	comes_again wanted && [ -e "$(blob_of "$WORK/archives/wanted")" ]
}
