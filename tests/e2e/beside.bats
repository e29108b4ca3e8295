#!/usr/bin/env bats
# Commands that change the store, beside the daemon that serves it: the same output, the same exit status, as without one.

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

# A line for each of the three archives.
make_list() { # ORIGIN
	local name
	for name in one two three; do
		echo "$1/$name sha256=$(digest_of sha256 "$WORK/archives/$name") $name.1.0"
	done
}

# both NAME COMMAND...: alone on a store of its own, and beside a daemon; NAME.alone and NAME.beside hold what was said and the
# exit status, without times and in one order.
both() {
	local name=$1
	shift
	said "$name.alone" -s "$WORK/alone" "$@"
	said "$name.beside" -s "$WORK/store" "$@"
	diff "$WORK/$name.alone" "$WORK/$name.beside"
}

said() { # FILE -s STORE COMMAND...
	local file=$WORK/$1 store=$3 command=$4 status=0
	shift 4
	"$LARDER" "$command" -c "$WORK/larder.conf" -s "$store" "$@" >"$file.out" 2>"$file.err" || status=$?
	{
		if jq -S '(.archives? // empty) |= (if type == "array" then sort_by(.path) else . end)' "$file.out" 2>/dev/null | grep .; then
			:
		else
			sort "$file.out"
		fi
		grep -v '^{"time"' "$file.err" | sort # the log, which a daemon keeps elsewhere
		echo "exit status $status"
	} | sed -E 's/read in [0-9.]+ s/read in a while/' >"$file"
}

@test "add: new, known, refused, wrongly called; as text and as JSON" {
	mkdir -p "$WORK/archives/md5/00"
	cp "$WORK/archives/one" "$WORK/archives/md5/00/00000000000000000000000000000000"
	: >"$WORK/archives/empty"
	ln -s none "$WORK/archives/dangling"
	mv "$WORK/archives" "$WORK/tree"
	mkdir "$WORK/archives"
	ln -s "$WORK/tree" "$WORK/archives/loop"
	larder_start
	both passed add "$WORK/archives"
	both passed_json add --json "$WORK/archives"
	both new add "$WORK/tree/one" "$WORK/tree/two" "$WORK/tree/empty" "$WORK/tree/dangling"
	grep -q "exit status 1" "$WORK/new.beside"
	both known add "$WORK/tree/one" "$WORK/tree/three"
	both json add --json "$WORK/tree/one" "$WORK/tree/three" "$WORK/tree/md5/00/00000000000000000000000000000000"
	both wrong add "$WORK/tree/md5/00/00000000000000000000000000000000"
	grep -q "its name says md5:0000" "$WORK/wrong.beside"
	both quiet add -q "$WORK/tree/two"
	larder show "sha256:$(digest_of sha256 "$WORK/tree/two")" | grep -q "from $WORK/tree/two"
	larder_stop
	larder verify
}

@test "add --wanted" {
	make_list http://127.0.0.1:9 | sed '/two/d' >"$WORK/archives.list"
	larder import -s "$WORK/alone" "$WORK/archives.list"
	larder import "$WORK/archives.list"
	larder_start
	both wanted add --wanted "$WORK/archives"
	grep -q "2 stored" "$WORK/wanted.beside"
	both wanted_json add --json --wanted "$WORK/archives"
	jq -e '.not_wanted == 1 and .known == 2' "$WORK/wanted_json.beside.out"
	larder_stop
}

@test "add: the same limit, said alike" {
	larder_config 'uploads { max_archive = "64KiB" }'
	larder_start
	both large add "$WORK/archives"
	grep -q "1 stored" "$WORK/large.beside"
	grep -q "two: 70000 bytes, of which at most 65536 are allowed" "$WORK/large.beside"
	grep -q "exit status 1" "$WORK/large.beside"
	larder_stop
}

@test "names that need care arrive as they are" {
	local name=$'a %41+\ttab \xff ümläut'
	cp "$WORK/archives/one" "$WORK/archives/$name"
	larder_start
	run larder add "$WORK/archives/$name"
	[ "$status" = 0 ]
	says "stored sha256:$(digest_of sha256 "$WORK/archives/one") $WORK/archives/$name"
	larder show "sha256:$(digest_of sha256 "$WORK/archives/one")" | grep -F "from $WORK/archives/a %41+"
	larder_stop
}

@test "what a message quotes is quoted alike, and is nothing that a terminal obeys" {
	local name
	larder_start
	both right token add x --may $'up\x1b[31m\\load'
	grep -qF "'up\\x1b[31m\\load' is no right" "$WORK/right.beside"
	both time token add x --expires $'9\\d\a'
	grep -qF "'9\\d\\x07' is no duration" "$WORK/time.beside"
	both package fetch $'no\x1b[31m\\name'
	grep -qF "'no\\x1b[31m\\name' is no digest" "$WORK/package.beside"
	both path add "$WORK/none"$'\x1b[31m\\\n'
	grep -qF "$WORK/none\\x1b[31m\\\\x0a: cannot be read" "$WORK/path.beside"
	for name in right time package path; do
		[ "$(cat "$WORK/$name.alone" "$WORK/$name.beside" | tr -cd '\a\033' | wc -c)" = 0 ]
	done
	larder_stop
}

@test "a store whose path is longer than a socket's address" {
	local deep
	deep=$WORK/$(printf 'd%.0s' {1..60})/$(printf 'e%.0s' {1..60})
	mkdir -p "$deep"
	mv "$WORK/larder.conf" "$WORK/short.conf"
	sed "s,^store = .*,store = \"$deep/store\"," "$WORK/short.conf" >"$WORK/larder.conf"
	larder_start
	[ -S "$deep/store/control.sock" ]
	http_proxy=http://127.0.0.1:1 all_proxy=http://127.0.0.1:1 run larder add "$WORK/archives"
	[ "$status" = 0 ]
	says "3 stored"
	[ "$(metric uploads_stored_total)" = 3 ]
	larder_stop
}

@test "a socket that nobody listens at is as none" {
	larder_start
	larder_kill
	[ -S "$WORK/store/control.sock" ]
	run larder add "$WORK/archives"
	[ "$status" = 0 ]
	says "3 stored"
	rm "$WORK/store/control.sock"
	: >"$WORK/store/control.sock"
	run larder add "$WORK/archives"
	[ "$status" = 0 ]
	says "3 known before"
}

@test "who works on the store and cannot be asked keeps others out, and they say who it is" {
	larder_start
	rm "$WORK/store/control.sock"
	run larder add "$WORK/archives"
	[ "$status" = 3 ]
	says "process $(cat "$WORK/larder.pid")"
}

@test "the daemon has no room: adding stops, as it does alone" {
	larder_config
	larder_start -o space.min_free=1000TiB
	run larder add "$WORK/archives"
	[ "$status" = 3 ]
	says "stopped before the end"
	larder_stop
	run larder add -o space.min_free=1000TiB "$WORK/archives"
	[ "$status" = 3 ]
}

@test "import, fetch and verify" {
	local blob
	in_background web python3 -u -m http.server -b 127.0.0.1 -d "$WORK/archives" 0
	wait_until 10 grep -q 'Serving HTTP' "$WORK/web.log"
	port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$WORK/web.log")
	larder_config "$(fetch_section "$port")"
	make_list "http://127.0.0.1:$port" >"$WORK/archives.list"
	echo "http://127.0.0.1:$port/gone md5=00000000000000000000000000000000 gone.1.0" >>"$WORK/archives.list"
	echo "http://127.0.0.1:$port/wrong md5=what" >>"$WORK/archives.list"
	larder_start
	both import import "$WORK/archives.list"
	grep -q "exit status 1" "$WORK/import.beside"
	both again import --json "$WORK/archives.list"
	both none import "$WORK/none" "$WORK/archives/one"
	both one fetch one.1.0 "sha256:$(digest_of sha256 "$WORK/archives/two")"
	both nonsense fetch nonsense
	echo "# nothing yet" >"$WORK/nothing.list"
	both nothing fetch "$WORK/nothing.list"
	grep -q "exit status 0" "$WORK/nothing.beside"
	echo "http://127.0.0.1:$port/wrong md5=what" >"$WORK/wrong.list"
	both unread fetch "$WORK/wrong.list"
	grep -q "exit status 1" "$WORK/unread.beside"
	both all fetch --all
	grep -q "exit status 1" "$WORK/all.beside"
	grep -q "^stored sha256:.* three.1.0" "$WORK/all.beside"
	grep -q "gone.1.0" "$WORK/all.beside"
	both json fetch --json "$WORK/archives.list"
	both right verify
	both right_json verify --json
	for store in alone store; do
		blob=$(blob_of "$WORK/archives/one")
		blob=$WORK/$store/blobs${blob##*/blobs}
		chmod u+w "$blob"
		printf x | dd of="$blob" bs=1 conv=notrunc status=none
	done
	both wrong verify
	grep -q "exit status 1" "$WORK/wrong.beside"
	for store in alone store; do
		rm -f "$WORK/$store/blobs/sha256/"*/"$(digest_of sha256 "$WORK/archives/three")"
	done
	both repair verify --repair
	grep -q "repaired" "$WORK/repair.beside"
	both safe check
	larder_stop
}

# A daemon that does as it is told, at the store's socket.
start_odd() { # BEHAVIOUR
	mkdir -p "$WORK/store"
	: >"$WORK/odd.log"
	in_background odd python3 "$TESTS/support/odd_daemon.py" "$WORK/store/control.sock" "$@"
	wait_until 10 grep -q listening "$WORK/odd.log"
}

end_odd() {
	kill -KILL "$(cat "$WORK/odd.pid")"
	wait_until 10 ended odd
	rm "$WORK/store/control.sock"
}

@test "a job of the daemon: its events in their order, its result, its exit status" {
	start_odd "done" 2500
	run larder fetch --all
	[ "$status" = 1 ]
	[ "$(grep -c '^stored sha256:' <<<"$output")" = 2500 ]
	[ "$(grep '^stored' <<<"$output" | sort -c -k 3 && echo sorted)" = sorted ]
	says "gone.1.0"
	larder fetch --all --json 2>/dev/null >"$WORK/json" || [ $? = 1 ]
	jq -e '.missing | length == 1' "$WORK/json"
	end_odd
	# What the daemon is asked.
	grep -q 'POST /api/v1/fetch?name=the%20whole%20catalog {.*"all":true' "$WORK/odd.log"
}

@test "a job that fails says why, with the exit status the command alone would have" {
	start_odd failed
	run larder fetch nonsense
	[ "$status" = 1 ]
	says "neither a digest nor a package"
	end_odd
	start_odd cancelled
	run larder verify
	[ "$status" = 3 ]
	says "job 12 was cancelled"
	end_odd
	grep -q 'POST /api/v1/verify?repair=no' "$WORK/odd.log"
	start_odd refuses
	run larder verify --repair
	[ "$status" = 3 ]
	says "too much to do"
	end_odd
}

@test "a daemon that is too busy to say how far a job is, is asked again; one that knows of none is not" {
	start_odd busy 3
	run larder fetch --all
	[ "$status" = 1 ]
	[ "$(grep -c '^stored sha256:' <<<"$output")" = 3 ]
	says "gone.1.0"
	[ "$(grep -c '^GET' "$WORK/odd.log")" -ge 4 ]
	end_odd
	start_odd forgot
	run larder fetch --all
	[ "$status" = 1 ]
	says "there is no job 12"
	[ "$(grep -c '^GET' "$WORK/odd.log")" = 1 ]
	end_odd
	start_odd numberless
	run larder fetch --all
	[ "$status" = 3 ]
	says "the daemon gave the job no number; is it of another version?"
	[ "$(grep -c '^GET' "$WORK/odd.log")" = 0 ]
	end_odd
}

@test "the daemon goes away while a command waits" {
	start_odd endless
	in_background fetch "$LARDER" fetch -c "$WORK/larder.conf" --all
	wait_until 10 grep -q 'GET /api/v1/jobs/12?since=3' "$WORK/odd.log"
	end_odd
	wait_until 10 ended fetch
	[ "$(cat "$WORK/fetch.status")" = 3 ]
	grep -q "the daemon is gone; job 12 goes on when it is started again" "$WORK/fetch.log"
}

was_asked_twice() {
	[ "$(grep -c 'POST /api/v1/fetch' "$WORK/odd.log")" = 2 ]
}

@test "an interrupt before the daemon has said that it does it: the command hears it out, but not for ever" {
	start_odd thinks "$WORK/answers"
	in_background fetch "$LARDER" fetch -c "$WORK/larder.conf" --all
	wait_until 10 grep -q 'POST /api/v1/fetch' "$WORK/odd.log"
	kill -INT "$(cat "$WORK/fetch.pid")"
	: >"$WORK/answers"
	wait_until 10 ended fetch
	[ "$(cat "$WORK/fetch.status")" = 3 ]
	grep -q "stopped waiting; job 12 goes on in the daemon" "$WORK/fetch.log"
	rm "$WORK/answers"
	in_background silence "$LARDER" fetch -c "$WORK/larder.conf" --all
	wait_until 10 was_asked_twice
	kill -INT "$(cat "$WORK/silence.pid")"
	wait_until 20 ended silence
	[ "$(cat "$WORK/silence.status")" = 3 ]
	grep -q "stopped before the daemon had answered.* http://localhost/api/v1/jobs tells" "$WORK/silence.log"
	end_odd
}

# interrupted COMMAND...: by an interrupt once the daemon was asked; what it said and its exit status are in act.log and act.status.
interrupted() {
	rm -f "$WORK/act.log"
	: >"$WORK/odd.log"
	in_background act "$LARDER" "$@" -c "$WORK/larder.conf"
	wait_until 10 grep -q /v1/ "$WORK/odd.log"
	kill -INT "$(cat "$WORK/act.pid")"
	[ -z "${ANSWERED:-}" ] || : >"$WORK/answers"
	wait_until 20 ended act
	rm -f "$WORK/answers"
}

@test "an interrupted pin, removal or token: what the daemon still answers is told, what is not known is said" {
	local one two
	one=sha256:$(printf '1%.0s' {1..64}) two=sha256:$(printf '2%.0s' {1..64})
	start_odd thinks "$WORK/answers"
	ANSWERED=yes interrupted pin "$one"
	[ "$(cat "$WORK/act.status")" = 0 ]
	grep -q "^pinned $one" "$WORK/act.log"
	ANSWERED=yes interrupted unpin "$one" "$two"
	[ "$(cat "$WORK/act.status")" = 3 ]
	grep -q "^unpinned $one" "$WORK/act.log"
	grep -q "stopped; 1 of 2 were not asked for, and stay as they are" "$WORK/act.log"
	[ "$(grep -c DELETE "$WORK/odd.log")" = 1 ]
	interrupted pin "$one"
	[ "$(cat "$WORK/act.status")" = 3 ]
	grep -q "stopped before the daemon had answered; \`larder show $one\` tells whether it is done all the same" "$WORK/act.log"
	ANSWERED=yes interrupted token add laptop
	[ "$(cat "$WORK/act.status")" = 0 ]
	grep -q "^told-once" "$WORK/act.log"
	interrupted token add laptop
	[ "$(cat "$WORK/act.status")" = 3 ]
	grep -q "stopped before the daemon had answered; \`larder token list\` tells whether the token was made" "$WORK/act.log"
	interrupted token revoke laptop
	[ "$(cat "$WORK/act.status")" = 3 ]
	grep -q "\`larder token list\` tells whether the token is revoked" "$WORK/act.log"
	end_odd
}

@test "an interrupt ends the waiting, not the job" {
	start_odd endless
	in_background fetch "$LARDER" fetch -c "$WORK/larder.conf" --all
	wait_until 10 grep -q 'GET /api/v1/jobs/12?since=3' "$WORK/odd.log"
	kill -INT "$(cat "$WORK/fetch.pid")"
	wait_until 10 ended fetch
	[ "$(cat "$WORK/fetch.status")" = 3 ]
	grep -q "stopped waiting; job 12 goes on in the daemon" "$WORK/fetch.log"
	end_odd
}
