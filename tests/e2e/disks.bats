#!/usr/bin/env bats
# What the system refuses a running daemon, and takes back: the last byte, the last inode, the size of a file; and a clock that jumps.
# Hits go on, nothing that was acknowledged is lost, /readyz says what is wrong, and all heals by itself. See archives.bats and uploads.bats
# for a disk that fills up to the reserve.

load ../support/larder
load ../support/watch

setup() {
	origin_start
	make_archive "$WORK/stored" 30000
	make_archive "$WORK/large" 3000000
	make_archive "$WORK/origin/files/wanted" 40000
	LIST="http://127.0.0.1:$ORIGIN_PORT/ok/wanted sha256=$(digest_of sha256 "$WORK/origin/files/wanted") wanted.1"
}

# also_wanted NAME SIZE [ORIGIN_PATH]: one more archive that the catalog lists.
also_wanted() {
	make_archive "$WORK/origin/files/$1" "$2"
	LIST+=$'\n'"http://127.0.0.1:$ORIGIN_PORT${3:-/ok}/$1 sha256=$(digest_of sha256 "$WORK/origin/files/$1") $1.1"
}

teardown() {
	end_all
	if [ -e "$WORK/mounted" ]; then umount -l "$WORK/store"; fi
}

# store_on_tmpfs OPTIONS
store_on_tmpfs() {
	[ "$(id -u)" = 0 ] || skip "needs root to mount"
	mkdir "$WORK/store"
	mount -t tmpfs -o "mode=700,$1" tmpfs "$WORK/store" 2>/dev/null || skip "cannot mount here"
	touch "$WORK/mounted"
}

# store_on_ext4: which lets nobody write any more when it finds itself damaged.
store_on_ext4() {
	[ "$(id -u)" = 0 ] || skip "needs root to mount"
	truncate -s 64M "$WORK/disk"
	mkfs.ext4 -q -F "$WORK/disk" || skip "no ext4 here"
	mkdir "$WORK/store"
	mount_ext4 2>/dev/null || skip "cannot mount here"
	rmdir "$WORK/store/lost+found"
	DAMAGE=/sys/fs/ext4/$(basename "$(findmnt -n -o SOURCE "$WORK/store")")/trigger_fs_error
	[ -w "$DAMAGE" ] || skip "this kernel damages nothing when it is asked to"
}

mount_ext4() {
	mount -o loop,errors=remount-ro "$WORK/disk" "$WORK/store"
	touch "$WORK/mounted"
}

# serve COMMAND [ARGS...]: COMMAND starts the daemon on a store with one archive, and a catalog with another.
serve() {
	larder_config "$(fetch_section "$ORIGIN_PORT" 'negative_ttl = "0"')"
	sed -i 's/min_free = "1MiB"/min_free = "0"/' "$WORK/larder.conf"
	echo "$LIST" >"$WORK/origins.list"
	larder import "$WORK/origins.list"
	larder add "$WORK/stored"
	"$@"
}

# put FILE: the status.
put() {
	curl -s -o "$WORK/answer" -w '%{http_code}' -T "$1" --unix-socket "$WORK/store/control.sock" "http://larder$(path_of sha256 "$1")"
}

put_answers() {
	[ "$(put "$2")" = "$1" ]
}

ready_says() { # STATUS
	[ "$(curl -s -o "$WORK/ready" -w '%{http_code}' "$URL/readyz")" = "$1" ]
}

is_hit() {
	curl -sf -D "$WORK/head" -o "$WORK/got" "$URL$(path_of sha256 "$1")" && cmp "$WORK/got" "$1" && [ "$(header X-Cache "$WORK/head")" = HIT ]
}

# comes [NAME]: what the origin has arrives, kept or not.
comes() {
	local file=$WORK/origin/files/${1:-wanted}
	curl -sf -o "$WORK/got" "$URL$(path_of sha256 "$file")" && cmp "$WORK/got" "$file"
}

kept() {
	comes && is_hit "$WORK/origin/files/wanted"
}

# All is well again, in the same process.
heals() {
	make_archive "$WORK/afterwards" 5000
	wait_until 15 put_answers 201 "$WORK/afterwards"
	wait_until 15 ready_says 200
	[ "$(curl -sf "$URL/" | grep -c 'role="alert"')" = 0 ]
	wait_until 15 kept
	is_hit "$WORK/stored"
	is_hit "$WORK/afterwards"
	larder_stop
	larder verify
}

@test "a disk without one byte left: uploads get 507, hits and misses go on, and it heals" {
	store_on_tmpfs size=16m
	serve larder_start
	dd if=/dev/zero of="$WORK/store/filler" bs=64k status=none 2>/dev/null || true
	make_archive "$WORK/new" 5000
	wait_until 15 put_answers 507 "$WORK/new"
	wait_until 15 ready_says 503
	grep -q 'free space' "$WORK/ready"
	curl -sf "$URL/" | grep -F '<p role="alert"><strong>' # the page says so, too
	is_hit "$WORK/stored"
	comes
	run is_hit "$WORK/origin/files/wanted"
	[ "$status" != 0 ]
	rm "$WORK/store/filler"
	heals
}

replaced() {
	comes "$1" && cmp "$(blob_of "$WORK/origin/files/$1")" "$WORK/origin/files/$1"
}

# It cannot be quarantined, since that has to be written down; nor replaced.
@test "what is damaged on a disk without one byte left is fetched, and not served as it is" {
	store_on_tmpfs size=16m
	also_wanted cut 5000
	also_wanted altered 5000
	serve larder add "$WORK/origin/files/cut" "$WORK/origin/files/altered"
	larder_start
	local name blob
	for name in cut altered; do
		blob=$(blob_of "$WORK/origin/files/$name")
		chmod u+w "$blob"
		if [ "$name" = cut ]; then truncate -s 0 "$blob"; else printf X | dd of="$blob" bs=1 seek=9 conv=notrunc status=none; fi
	done
	dd if=/dev/zero of="$WORK/store/filler" bs=4k status=none 2>/dev/null || true
	make_archive "$WORK/new" 5000
	wait_until 15 put_answers 507 "$WORK/new"
	for name in cut altered; do
		comes "$name"
		comes "$name"
		[ -e "$(blob_of "$WORK/origin/files/$name")" ]
	done
	rm "$WORK/store/filler"
	for name in cut altered; do
		wait_until 15 replaced "$name"
	done
	heals
}

@test "a daemon starts on a disk without one byte left, after a kill and after a stop, whoever is to be told of events" {
	store_on_tmpfs size=16m
	serve larder_start
	larder_kill
	dd if=/dev/zero of="$WORK/store/filler" bs=4k status=none 2>/dev/null || true
	echo "webhook \"new\" { url = \"http://127.0.0.1:$ORIGIN_PORT/ok/hook\" }" >>"$WORK/larder.conf"
	larder_start
	is_hit "$WORK/stored"
	wait_until 15 ready_says 503
	larder_stop
	larder_start # on what that stop has freed
	is_hit "$WORK/stored"
	rm "$WORK/store/filler"
	heals
}

@test "a disk without inodes: uploads get 507, hits and misses go on, /readyz says it, and it heals" {
	store_on_tmpfs size=32m,nr_inodes=400
	serve larder_start
	mkdir "$WORK/store/filler"
	python3 -c 'import itertools, sys
try:
    for number in itertools.count():
        open(f"{sys.argv[1]}/{number}", "x").close()
except OSError:
    pass' "$WORK/store/filler"
	make_archive "$WORK/new" 5000
	wait_until 15 put_answers 507 "$WORK/new"
	wait_until 15 ready_says 503
	grep -q 'inodes' "$WORK/ready"
	is_hit "$WORK/stored"
	comes
	rm -r "$WORK/store/filler"
	heals
}

@test "a filesystem that turns read-only: hits and misses go on, nothing is kept, and all is there when it was repaired" {
	store_on_ext4
	also_wanted many 4000000
	also_wanted unannounced 2000000 /chunked
	also_wanted bad 4000000 /wrong
	serve larder_start
	make_archive "$WORK/before" 5000
	make_archive "$WORK/new" 5000
	put_answers 201 "$WORK/before"
	echo found >"$DAMAGE"
	[[ "$(put "$WORK/new")" = 50[037] ]]
	wait_until 15 ready_says 503
	is_hit "$WORK/stored"
	is_hit "$WORK/before"
	comes # verified first
	comes many # goes out while it comes
	comes unannounced
	run comes bad
	[ "$status" != 0 ]
	[ "$(find "$WORK/store/blobs" "$WORK/store/tmp" -type f | wc -l)" = 2 ]
	[ "$(metric flights_passed_through_total)" = 3 ]
	[ "$(grep -c 'right but not kept: .*Read-only file system; it is passed through' "$WORK/larder.log")" = 3 ]
	larder_signal TERM
	wait_until 30 ended larder
	[[ "$(cat "$WORK/larder.status")" = [03] ]]
	umount "$WORK/store"
	e2fsck -fy "$WORK/disk" || [ $? = 1 ] # it has repaired
	mount_ext4
	larder_start
	is_hit "$WORK/before"
	heals
}

@test "a limit on the size of files ends no daemon: what is larger is refused, and it heals" {
	command -v prlimit >/dev/null || skip "no prlimit here"
	serve larder_start
	prlimit --pid "$(cat "$WORK/larder.pid")" --fsize=4096:unlimited
	make_archive "$WORK/new" 50000
	[[ "$(put "$WORK/new")" = 50[37] ]]
	[[ "$(put "$WORK/large")" = 50[37] ]]
	is_hit "$WORK/stored"
	comes || true
	prlimit --pid "$(cat "$WORK/larder.pid")" --fsize=unlimited:unlimited
	put_answers 201 "$WORK/new"
	put_answers 201 "$WORK/large"
	heals
}

@test "a clock that jumps by years, both ways, changes nothing that is stored or served" {
	TURNED=0
	serve watch_start
	local jump
	for jump in 87600 -87600 0 -1 24; do
		TURNED=$jump
		turn_clock
		make_archive "$WORK/at$jump" 5000
		put_answers 201 "$WORK/at$jump"
		is_hit "$WORK/at$jump"
		is_hit "$WORK/stored"
		ready_says 200
		larder fetch "sha256:$(digest_of sha256 "$WORK/at$jump")"
	done
	kept
	# What was stored in the future is neither lost nor evicted by a start in the past.
	larder_stop
	TURNED=-87600
	watch_start
	for jump in 87600 -87600 0; do
		is_hit "$WORK/at$jump"
	done
	heals
}
