#!/usr/bin/env bats
# The commands, each with what it says, what it answers as JSON, and its exit status.

load ../support/larder

setup() {
	larder_config
	mkdir "$WORK/archives"
	make_archive "$WORK/archives/one" 1000
	make_archive "$WORK/archives/two" 70000
	make_archive "$WORK/archives/three" 2000000
}

teardown() {
	end_all
}

# says TEXT: the last `run` said it.
says() {
	[[ $output == *"$1"* ]] || {
		echo "not said: $1"
		echo "said: $output"
		return 1
	}
}

sha256() {
	digest_of sha256 "$1"
}

# A list that names the three archives on this port.
make_list() {
	local name
	for name in one two three; do
		echo "http://127.0.0.1:$1/$name sha256=$(sha256 "$WORK/archives/$name") md5=$(digest_of md5 "$WORK/archives/$name") $name.1.0"
	done >"$WORK/archives.list"
}

@test "help, --help, --version, and commands that do not exist" {
	run "$LARDER" help
	[ "$status" = 0 ]
	says "fetch"
	run "$LARDER" help add
	[ "$status" = 0 ]
	says "--wanted"
	run "$LARDER" add --help
	[ "$status" = 0 ]
	says "--wanted"
	run "$LARDER" --version
	[ "$status" = 0 ]
	[[ $output =~ ^larder\ [0-9.]+$ ]]
	run "$LARDER" ftech
	[ "$status" = 2 ]
	says "did you mean 'fetch'?"
	run "$LARDER"
	[ "$status" = 2 ]
	run "$LARDER" get
	[ "$status" = 2 ]
	run "$LARDER" stat --wanted
	[ "$status" = 2 ]
	run "$LARDER" import --wanted x
	[ "$status" = 2 ]
	run "$LARDER" stat -c
	[ "$status" = 2 ]
	says "-c needs a value"
}

@test "commands that read say so where there is no store" {
	for command in "stat" "check" "show x" "get md5=d41d8cd98f00b204e9800998ecf8427e -o $WORK/x" "export $WORK/x"; do
		# shellcheck disable=SC2086
		run larder $command
		[ "$status" = 3 ]
		says "there is no store at $WORK/store"
	done
	[ ! -e "$WORK/store" ]
}

@test "results that cannot be written are a failure" {
	larder add "$WORK/archives"
	run bash -c '"$LARDER" stat -c "$0/larder.conf" >/dev/full' "$WORK"
	[ "$status" = 3 ]
	run bash -c '"$LARDER" get -c "$0/larder.conf" sha256:'"$(sha256 "$WORK/archives/three")"' >/dev/full' "$WORK"
	[ "$status" = 3 ]
}

@test "add: stored, then known; JSON" {
	run larder add "$WORK/archives"
	[ "$status" = 0 ]
	says "stored sha256:$(sha256 "$WORK/archives/one") $WORK/archives/one"
	says "3 stored"
	run larder add "$WORK/archives/one"
	[ "$status" = 0 ]
	says "known sha256:$(sha256 "$WORK/archives/one")"
	larder add --json "$WORK/archives" 2>/dev/null | jq -e '.known == 3 and .stored == 0 and (.archives | length == 3)'
}

@test "add: of a download cache only the archives, each file once, links followed, loops avoided" {
	local cache=$WORK/cache path
	for algo in md5 sha256; do
		path=$cache$(path_of $algo "$WORK/archives/two")
		mkdir -p "${path%/*}"
		ln "$WORK/archives/two" "$path"
	done
	path=$cache$(path_of sha512 "$WORK/archives/one")
	mkdir -p "${path%/*}" "$cache/git"
	ln -s "$WORK/archives/one" "$path"
	ln -s "$cache" "$cache/sha512/loop"
	cp "$WORK/archives/three" "$cache/git/three"
	run larder add "$cache"
	[ "$status" = 0 ]
	says "2 stored"
	says "passed over: $cache/sha512/loop: is a link to a directory, which is not followed"
	[[ $(larder add -q "$cache" 2>&1) != *loop* ]]
	larder stat --json | jq -e '.archives == 2'
}

@test "add: what is called by a digest and does not have it is refused; the rest goes on" {
	local path=$WORK/cache/md5/00/00000000000000000000000000000000
	mkdir -p "${path%/*}"
	cp "$WORK/archives/one" "$path"
	run larder add "$WORK/cache" "$WORK/archives/two" "$WORK/archives/none"
	[ "$status" = 1 ]
	says "its name says md5:00000000"
	says "archives/none"
	says "1 stored"
	larder stat --json | jq -e '.archives == 1'
}

@test "add --wanted: only what the catalog names" {
	make_list 9
	sed -i '/two/d' "$WORK/archives.list"
	larder import "$WORK/archives.list"
	run larder add --wanted "$WORK/archives"
	[ "$status" = 0 ]
	larder stat --json | jq -e '.archives == 2 and .catalog.wanted == 0'
}

@test "get: to a file, to a pipe, of what is not stored, of what is no digest" {
	larder add "$WORK/archives"
	larder get "sha256:$(sha256 "$WORK/archives/three")" | cmp - "$WORK/archives/three"
	larder get "md5=$(digest_of md5 "$WORK/archives/three")" -o "$WORK/got"
	cmp "$WORK/got" "$WORK/archives/three"
	run larder get md5=d41d8cd98f00b204e9800998ecf8427e -o "$WORK/none"
	[ "$status" = 1 ]
	says "is not stored"
	[ ! -e "$WORK/none" ]
	run larder get rosa.0.2.0 -o "$WORK/none"
	[ "$status" = 2 ]
}

@test "get: a device, a pipe and a link stay what they are" {
	larder add "$WORK/archives"
	local one
	one="sha256:$(sha256 "$WORK/archives/one")"
	mkfifo "$WORK/pipe"
	in_background reader sh -c 'cat "$0" >"$1"' "$WORK/pipe" "$WORK/read"
	larder get "$one" -o "$WORK/pipe"
	wait_until 10 ended reader
	cmp "$WORK/read" "$WORK/archives/one"
	[ -p "$WORK/pipe" ]
	ln -s linked "$WORK/link"
	larder get "$one" -o "$WORK/link"
	[ -L "$WORK/link" ]
	cmp "$WORK/linked" "$WORK/archives/one"
}

# Else what is printed would go into the first file that is opened.
@test "closed standard files get nothing into the store" {
	larder add "$WORK/archives/one"
	local before after
	before=$(wc -c <"$WORK/store/lock")
	"$LARDER" -c "$WORK/larder.conf" add -q "$WORK/archives" <&- >&- 2>&- || true
	after=$(wc -c <"$WORK/store/lock")
	[ "$after" -le $((before + 10)) ]
}

@test "get: never bytes that are not right" {
	larder add "$WORK/archives"
	chmod u+w "$(blob_of "$WORK/archives/two")"
	printf ALTERED | dd of="$(blob_of "$WORK/archives/two")" bs=1 seek=60000 conv=notrunc status=none
	run larder get "sha256:$(sha256 "$WORK/archives/two")" -o "$WORK/got"
	[ "$status" != 0 ]
	[ ! -e "$WORK/got" ]
}

@test "verify: finds what was altered, cut off and deleted; the rest stays" {
	larder add "$WORK/archives"
	run larder verify
	[ "$status" = 0 ]
	says "3 right, 0 wrong"
	chmod -R u+w "$WORK/store/blobs"
	printf ALTERED | dd of="$(blob_of "$WORK/archives/one")" bs=1 seek=500 conv=notrunc status=none
	truncate -s 69999 "$(blob_of "$WORK/archives/two")"
	run larder verify
	[ "$status" = 1 ]
	says "wrong sha256:$(sha256 "$WORK/archives/one")"
	says "wrong sha256:$(sha256 "$WORK/archives/two")"
	says "1 right, 2 wrong"
	run larder verify
	[ "$status" = 0 ]
	larder get "sha256:$(sha256 "$WORK/archives/three")" | cmp - "$WORK/archives/three"
	larder add "$WORK/archives"
	larder verify --json | jq -e '.right == 3 and (.wrong | length == 0)'
}

# What the start compares is done beside it or before it, and takes out of the index what verify would look for.
@test "verify: names what the start has found gone or wrong" {
	local one two
	one=$(sha256 "$WORK/archives/one") two=$(sha256 "$WORK/archives/two")
	larder add "$WORK/archives"
	larder_start
	larder_kill
	rm -f "$(blob_of "$WORK/archives/one")"
	run larder verify
	[ "$status" = 1 ]
	says "wrong sha256:$one"
	says "2 right, 1 wrong or gone"
	rm "$WORK"/store/index.db*
	chmod -R u+w "$WORK/store/blobs"
	printf ALTERED | dd of="$(blob_of "$WORK/archives/two")" bs=1 seek=500 conv=notrunc status=none
	larder_start
	wait_until 20 larder_has_compared
	run larder verify
	[ "$status" = 1 ]
	says "wrong sha256:$two"
	larder add "$WORK/archives/two"
	larder verify # it is there again
	larder_stop
}

larder_has_compared() {
	grep -q 'index and files compared' "$WORK/larder.log"
}

@test "fetch, verify --repair, check and show against a web server" {
	in_background web python3 -u -m http.server -b 127.0.0.1 -d "$WORK/archives" 0
	wait_until 10 grep -q "port" "$WORK/web.log"
	local port
	port=$(sed -nE 's/.*port ([0-9]+).*/\1/p' "$WORK/web.log")
	larder_config "$(fetch_section "$port")"
	make_list "$port"
	run larder check "$WORK/archives.list"
	[ "$status" = 3 ]
	larder import "$WORK/archives.list"
	run larder check "$WORK/archives.list"
	[ "$status" = 1 ]
	says "untried one.1.0 sha256:$(sha256 "$WORK/archives/one")"
	says "3 archives: 0 stored"

	run larder fetch two.1.0 "sha256:$(sha256 "$WORK/archives/one")"
	[ "$status" = 0 ]
	says "stored sha256:$(sha256 "$WORK/archives/two") two.1.0"
	run larder fetch "$WORK/archives.list" two.1.0 two.1.0 "md5:$(digest_of md5 "$WORK/archives/one")" "sha256:$(sha256 "$WORK/archives/three")"
	[ "$status" = 0 ]
	says "3 named: 2 stored before, 1 stored now"
	run larder check
	[ "$status" = 0 ]
	says "all is safe"
	larder show two | grep -q "served"
	larder show --json two | jq -e '.archives[0].stored and (.archives[0].origins[0].outcome == "served")'

	rm -f "$(blob_of "$WORK/archives/two")"
	run larder verify --repair
	[ "$status" = 0 ]
	says "repaired sha256:$(sha256 "$WORK/archives/two")"
	larder get "sha256:$(sha256 "$WORK/archives/two")" | cmp - "$WORK/archives/two"
}

@test "fetch: a table of what could not be had, and why" {
	in_background web python3 -u -m http.server -b 127.0.0.1 -d "$WORK/archives" 0
	wait_until 10 grep -q "port" "$WORK/web.log"
	local port
	port=$(sed -nE 's/.*port ([0-9]+).*/\1/p' "$WORK/web.log")
	larder_config "$(fetch_section "$port")"
	make_list "$port"
	rm "$WORK/archives/two"
	echo changed >"$WORK/archives/three"
	run larder fetch "$WORK/archives.list"
	[ "$status" = 1 ]
	says "http://127.0.0.1:$port/two: gone, 404"
	says "http://127.0.0.1:$port/three: changed"
	says "3 named: 0 stored before, 1 stored now"
	larder check --json | jq -e '.missing | length == 2'
	run larder fetch nonsense
	[ "$status" = 1 ]
	says "no digest, no file and no package"
	run larder fetch
	[ "$status" = 2 ]
}

@test "import: problems are named with file, line and column and skipped; a source that is none changes nothing" {
	make_list 9
	echo 'http://127.0.0.1:9/bad sha256=xyz' >>"$WORK/archives.list"
	run larder import "$WORK/archives.list"
	[ "$status" = 1 ]
	says "archives.list:4:"
	run larder import "$WORK/archives/three" "$WORK/nowhere"
	[ "$status" != 0 ]
	says "nothing was learned from it"
	larder import --json "$WORK/archives.list" | jq -e '.sources[0].archives == {"total": 3, "new": 0}'
	larder stat --json | jq -e '.catalog.archives == 3'
}

@test "import: one of something is one" {
	make_list 9
	head -n 1 "$WORK/archives.list" >"$WORK/one.list"
	run larder import "$WORK/one.list"
	says ": list, 1 file, 1 section, read in "
	echo 'http://127.0.0.1:9/bad sha256=xyz' >>"$WORK/one.list"
	run larder import "$WORK/one.list"
	says "1 problem: what stands there was skipped, all else was learned"
}

@test "check and fetch: what cannot be read is named, and not called safe" {
	larder add "$WORK/archives"
	make_list 9
	run larder check "$WORK/archives.list"
	[ "$status" = 0 ]
	says ": all is safe"
	echo 'http://127.0.0.1:9/bad sha256=xyz' >>"$WORK/archives.list"
	run larder check "$WORK/archives.list"
	[ "$status" = 1 ]
	says "archives.list:4:"
	says "3 archives: 3 stored"
	says "0 missing; 1 problem: what stands there was not looked for"
	[[ $output != *safe* ]]
	larder check --json "$WORK/archives.list" >"$WORK/report" 2>/dev/null || [ $? = 1 ]
	jq -e '.stored == 3 and .problems[0].line == 4' "$WORK/report"
	run larder fetch "$WORK/archives.list"
	[ "$status" = 1 ]
	says "3 named: 3 stored before"
	says "1 problems in what was named: what stands there was not fetched"
}

@test "check: what there is one of is told as one" {
	make_list 9
	larder add "$WORK/archives/one" "$WORK/archives/two"
	larder import "$WORK/archives.list"
	run larder check
	[ "$status" = 1 ]
	says "1 of 3 archives is not safe; 2 are stored"
	sed -i /two/d "$WORK/archives.list"
	run larder check "$WORK/archives.list"
	says "1 of 2 archives is not safe; 1 is stored"
	sed -i /one/d "$WORK/archives.list"
	run larder check "$WORK/archives.list"
	says "the only archive is not stored"
	larder add "$WORK/archives/three"
	run larder check "$WORK/archives.list"
	[ "$status" = 0 ]
	says "1 archive: 1 stored (1.9 MiB), 0 missing: all is safe"
}

@test "fetch: several sources at once; one that cannot be read ends it before anything is fetched" {
	in_background web python3 -u -m http.server -b 127.0.0.1 -d "$WORK/archives" 0
	wait_until 10 grep -q "port" "$WORK/web.log"
	local port
	port=$(sed -nE 's/.*port ([0-9]+).*/\1/p' "$WORK/web.log")
	larder_config "$(fetch_section "$port")"
	make_list "$port"
	grep one "$WORK/archives.list" >"$WORK/one.list"
	grep two "$WORK/archives.list" >"$WORK/two.list"
	run larder fetch "$WORK/one.list" "$WORK/archives/two"
	[ "$status" = 1 ]
	says "$WORK/archives/two is binary, not an opam repository's .tar.gz, a lockfile or a list"
	run larder fetch "$WORK/one.list" "$WORK/none.list"
	[ "$status" = 1 ]
	says "'$WORK/none.list' is no digest, no file and no package the catalog knows"
	run grep -c 'GET' "$WORK/web.log"
	[ "$output" = 0 ]
	run larder fetch "$WORK/one.list" "$WORK/two.list"
	[ "$status" = 0 ]
	says "2 named: 0 stored before, 2 stored now"
}

@test "import of a URL" {
	make_list 9
	cp "$WORK/archives.list" "$WORK/archives/x.list"
	in_background web python3 -u -m http.server -b 127.0.0.1 -d "$WORK/archives" 0
	wait_until 10 grep -q "port" "$WORK/web.log"
	local port
	port=$(sed -nE 's/.*port ([0-9]+).*/\1/p' "$WORK/web.log")
	larder_config "$(fetch_section "$port")"
	run larder import "http://127.0.0.1:$port/x.list"
	[ "$status" = 0 ]
	larder stat --json | jq -e '.catalog.archives == 3'
	run larder import "http://127.0.0.1:$port/nowhere.list"
	[ "$status" != 0 ]
	says "nothing was learned"
}

@test "a configured catalog is read at start" {
	make_list 9
	larder_config "catalog \"here\" { source = \"$WORK/archives.list\" }
catalog \"gone\" { source = \"$WORK/nowhere\" }"
	larder_start
	wait_until 10 grep -q "catalog here: 3 archives" "$WORK/larder.log"
	wait_until 10 grep -q "catalog gone: .*the next try is in 300 s" "$WORK/larder.log"
	larder_stop
	larder stat --json | jq -e '.catalog.archives == 3'
}

@test "export: a tree a web server can serve, again without harm, never over other bytes" {
	larder add "$WORK/archives"
	run larder export "$WORK/tree"
	[ "$status" = 0 ]
	for algo in md5 sha1 sha256 sha512; do
		for name in one two three; do
			cmp "$WORK/tree$(path_of $algo "$WORK/archives/$name")" "$WORK/archives/$name"
		done
	done
	[ "$(find "$WORK/tree" -type f ! -perm 644 | wc -l)" = 0 ]
	[ "$(find "$WORK/tree" -type d ! -perm 755 | wc -l)" = 0 ]
	run larder export "$WORK/tree"
	[ "$status" = 0 ]
	says "0 archives written, 3 were there"
	rm "$WORK/tree$(path_of md5 "$WORK/archives/one")"
	echo other >"$WORK/tree$(path_of md5 "$WORK/archives/one")"
	run larder export "$WORK/tree"
	[ "$status" = 1 ]
	says "left as it is"
	[ "$(cat "$WORK/tree$(path_of md5 "$WORK/archives/one")")" = other ]
}

@test "beside a running daemon: reading works" {
	larder add "$WORK/archives"
	make_list 9
	larder import "$WORK/archives.list"
	larder_start
	larder stat --json | jq -e '.archives == 3'
	larder get "sha256:$(sha256 "$WORK/archives/one")" | cmp - "$WORK/archives/one"
	larder show "sha256:$(sha256 "$WORK/archives/one")"
	larder check
	larder export "$WORK/tree"
	larder_stop
}

@test "fetch: an interrupt stops it cleanly, what is stored is safe, running it again goes on" {
	in_background web python3 -u -m http.server -b 127.0.0.1 -d "$WORK/archives" 0
	in_background silent python3 -u -c 'import socket, time
listener = socket.create_server(("127.0.0.1", 0))
print("port", listener.getsockname()[1])
clients = []
while True:
    clients.append(listener.accept())'
	wait_until 10 grep -q "port" "$WORK/web.log"
	wait_until 10 grep -q "port" "$WORK/silent.log"
	local port silent
	port=$(sed -nE 's/.*port ([0-9]+).*/\1/p' "$WORK/web.log")
	silent=$(sed -nE 's/port ([0-9]+)/\1/p' "$WORK/silent.log")
	larder_config "$(fetch_section "$port, $silent")"
	make_list "$port"
	sed -i "/two/s/:$port/:$silent/" "$WORK/archives.list"
	in_background fetch "$LARDER" fetch -c "$WORK/larder.conf" "$WORK/archives.list"
	wait_until 10 stored_lines 2
	kill -INT "$(cat "$WORK/fetch.pid")"
	wait_until 10 ended fetch
	[ "$(cat "$WORK/fetch.status")" = 3 ]
	grep -q "2 stored now" "$WORK/fetch.log"
	grep -q "running it again goes on" "$WORK/fetch.log"
	larder verify --json | jq -e '.right == 2'
	make_list "$port"
	run larder fetch "$WORK/archives.list"
	[ "$status" = 0 ]
	says "2 stored before, 1 stored now"
}

# stored_lines COUNT: fetch has said that many times that something is stored.
stored_lines() {
	[ "$(grep -c '^stored' "$WORK/fetch.log")" = "$1" ]
}
