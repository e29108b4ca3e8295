#!/usr/bin/env bats
# `larder push`: local archives to another larder.

load ../support/larder
load ../support/day

setup() {
	unset LARDER_TOKEN http_proxy https_proxy all_proxy
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

# Serves, with a token in $WORK/token.
start_with_token() { # [RIGHTS]
	larder_start
	(umask 077 && larder token add laptop --may "${1:-upload}" 2>/dev/null >"$WORK/token")
}

# push [OPTION...] PATH...: with that token. It needs no store and no configuration.
push() {
	"$LARDER" push --token-file "$WORK/token" "$URL" "$@"
}

# A larder of another kind; URL is where.
start_odd() { # BEHAVIOUR [N]
	mkdir -p "$WORK/odd"
	: >"$WORK/odd/log"
	in_background odd python3 "$TESTS/support/odd_larder.py" "$WORK/odd" "$@"
	wait_until 10 test -s "$WORK/odd/port"
	URL=http://127.0.0.1:$(cat "$WORK/odd/port")
}

# cache_file CACHE ALGO FILE: puts a copy of it there, as opam lays caches out.
cache_file() {
	local path
	path=$1$(path_of "$2" "$3")
	mkdir -p "${path%/*}"
	cp "$3" "$path"
}

@test "a download cache: pushed, and pushed again nothing is sent" {
	cache_file "$WORK/cache" md5 "$WORK/archives/one"
	cache_file "$WORK/cache" sha256 "$WORK/archives/one"
	cache_file "$WORK/cache" sha512 "$WORK/archives/two"
	cache_file "$WORK/cache" sha256 "$WORK/archives/three"
	mkdir "$WORK/cache/git"
	make_archive "$WORK/cache/git/none" 100
	start_with_token
	run push "$WORK/cache"
	[ "$status" = 0 ]
	says "3 new (2.0 MiB), 0 already there, 0 refused"
	[ "$(grep -c '^stored sha256:' <<<"$output")" = 3 ]
	[ "$(metric uploads_stored_total)" = 3 ]
	bytes=$(metric upload_bytes_total)
	run push "$WORK/cache" "$WORK/archives"
	[ "$status" = 0 ]
	says "0 new (0 B), 3 already there, 0 refused"
	[ "$(metric uploads_stored_total)" = 3 ]
	[ "$(metric uploads_known_total)" = 0 ]
	[ "$(metric upload_bytes_total)" = "$bytes" ]
	for name in one two three; do
		curl -sf "$URL$(path_of md5 "$WORK/archives/$name")" | cmp - "$WORK/archives/$name"
	done
	push --json "$WORK/cache" | jq -e '.known == 3 and .stored == 0 and .refused == 0 and (.archives | length == 3) and (.stopped | not)'
	larder_stop
}

@test "the download cache of real opam, twice" {
	rm -r "$WORK/archives"
	make_the_day
	in_background web python3 -u -m http.server --bind 127.0.0.1 --directory "$WORK/archives" 0
	wait_until 10 grep -q 'Serving HTTP' "$WORK/web.log"
	port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$WORK/web.log")
	find "$WORK/repository" -name opam -exec sed -i "s,$DAY_ORIGIN,http://127.0.0.1:$port," {} +
	new_opam
	opam_gets_all
	start_with_token
	run push "$OPAMROOT/download-cache"
	[ "$status" = 0 ]
	says "3 new"
	run push "$OPAMROOT/download-cache"
	[ "$status" = 0 ]
	says "0 new (0 B), 3 already there"
	[ "$(metric uploads_stored_total)" = 3 ]
	[ "$(metric uploads_known_total)" = 0 ]

	# Another machine, every upstream dead.
	kill_the_upstreams "$URL"
	find "$WORK/repository" -name opam -exec sed -i "s,http://127.0.0.1:$port,http://127.0.0.1:1," {} +
	new_opam
	opam_gets_all
	larder_stop
}

@test "--wanted: only what the catalog there names" {
	echo "http://127.0.0.1:1/two md5=$(digest_of md5 "$WORK/archives/two") two.1.0" >"$WORK/archives.list"
	larder import "$WORK/archives.list"
	start_with_token
	run push --wanted "$WORK/archives"
	[ "$status" = 0 ]
	says "1 new"
	says "2 not wanted"
	push --json --wanted "$WORK/archives" | jq -e '.known == 1 and .not_wanted == 2'
	run push "$WORK/archives"
	says "2 new"
}

@test "a donation: without a token, where they are open, only what is wanted" {
	larder_config "donations { open = yes }"
	echo "http://127.0.0.1:1/two sha256=$(digest_of sha256 "$WORK/archives/two") two.1.0" >"$WORK/archives.list"
	larder import "$WORK/archives.list"
	larder_start
	run "$LARDER" push "$URL" "$WORK/archives"
	[ "$status" = 0 ]
	says "1 new"
	says "2 not wanted"
	curl -sf "$URL$(path_of sha256 "$WORK/archives/two")" | cmp - "$WORK/archives/two"
}

@test "what was removed there stays removed, until somebody means it" {
	start_with_token
	push "$WORK/archives"
	larder remove "sha256:$(digest_of sha256 "$WORK/archives/one")"
	run push --wanted "$WORK/archives"
	[ "$status" = 0 ]
	says "0 new (0 B), 2 already there, 0 refused, 1 removed there"
	run push "$WORK/archives"
	[ "$status" = 0 ]
	says "0 new (0 B), 2 already there, 0 refused, 1 removed there"
	curl -sf -H "Authorization: Bearer $(cat "$WORK/token")" -T "$WORK/archives/one" "$URL$(path_of sha256 "$WORK/archives/one")"
	run push "$WORK/archives"
	says "0 new (0 B), 3 already there, 0 refused"
}

@test "no token, a wrong one, one that may not upload" {
	start_with_token fetch
	run "$LARDER" push "$URL" "$WORK/archives"
	[ "$status" = 3 ]
	says "$URL wants a token: --token-file FILE or LARDER_TOKEN"
	LARDER_TOKEN=larder_00000000000000000000000000000000 run "$LARDER" push "$URL" "$WORK/archives"
	[ "$status" = 3 ]
	[[ $output != *larder_0000* ]]
	run push "$WORK/archives"
	[ "$status" = 3 ]
	says "refused:"
	says "stopped before the end"
	[ "$(metric uploads_stored_total)" = 0 ]
	larder token revoke laptop
	run push "$WORK/archives"
	[ "$status" = 3 ]
	larder_stop
}

@test "the token: from a file or the environment, never from the command line" {
	start_with_token
	LARDER_TOKEN=$(cat "$WORK/token") run "$LARDER" push "$URL" "$WORK/archives/one"
	[ "$status" = 0 ]
	# The file wins; others should not be able to read it.
	chmod 644 "$WORK/token"
	LARDER_TOKEN=wrong run push "$WORK/archives/two"
	[ "$status" = 0 ]
	says "others can read the token in $WORK/token"
	run "$LARDER" push --token x "$URL" "$WORK/archives"
	[ "$status" = 2 ]
	run "$LARDER" push --token-file "$WORK/none" "$URL" "$WORK/archives"
	[ "$status" = 2 ]
	says "$WORK/none"
	for wrong in '' 'two words' $'tab\tbed' 'umläut'; do
		printf '%s\n' "$wrong" >"$WORK/wrong"
		run "$LARDER" push --token-file "$WORK/wrong" "$URL" "$WORK/archives"
		[ "$status" = 2 ]
		says "does not hold a token"
	done
	head -c 5000 /dev/zero | tr '\0' x >"$WORK/wrong"
	run "$LARDER" push --token-file "$WORK/wrong" "$URL" "$WORK/archives"
	[ "$status" = 2 ]
	LARDER_TOKEN=$'a\nb' run "$LARDER" push "$URL" "$WORK/archives"
	[ "$status" = 2 ]
}

@test "who is no larder, or no URL, or nobody" {
	in_background web python3 -u -m http.server --bind 127.0.0.1 --directory "$WORK/archives" 0
	wait_until 10 grep -q 'Serving HTTP' "$WORK/web.log"
	port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$WORK/web.log")
	run "$LARDER" push "http://127.0.0.1:$port/" "$WORK/archives"
	[ "$status" = 3 ]
	says "http://127.0.0.1:$port is not a larder (it answered 404 to /version)"
	run "$LARDER" push "https://127.0.0.1:$port/" "$WORK/archives"
	[ "$status" = 3 ]
	closed=$(python3 "$TESTS/support/free_ports.py" 1)
	run "$LARDER" push "http://127.0.0.1:$closed" "$WORK/archives"
	[ "$status" = 3 ]
	says "http://127.0.0.1:$closed: "
	for wrong in larder.example.org ftp://example.org "http://me:secret@example.org" "http://example.org/?x=1" "file:///etc/passwd" ""; do
		run "$LARDER" push "$wrong" "$WORK/archives"
		[ "$status" = 2 ]
		[[ $output != *secret* ]]
	done
	start_odd elsewhere
	run "$LARDER" push "$URL" "$WORK/archives"
	[ "$status" = 3 ]
	says "is not a larder (it answered 301 to /version)"
}

@test "https: with a certificate that is trusted, and never else" {
	mkdir "$WORK/odd"
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
		-keyout "$WORK/key.pem" -out "$WORK/ca.pem" 2>/dev/null
	cat "$WORK/key.pem" "$WORK/ca.pem" >"$WORK/odd/cert.pem"
	start_odd takes
	URL=https://localhost:${URL##*:}
	LARDER_TOKEN=some run "$LARDER" push "$URL" "$WORK/archives"
	[ "$status" = 3 ]
	says "certificate"
	[ ! -s "$WORK/odd/log" ]
	LARDER_TOKEN=some run "$LARDER" push -o "fetch.ca_file=$WORK/ca.pem" "$URL" "$WORK/archives"
	[ "$status" = 0 ]
	says "3 new"
	# The certificate is another host's.
	LARDER_TOKEN=some run "$LARDER" push -o "fetch.ca_file=$WORK/ca.pem" "https://127.0.0.1:${URL##*:}" "$WORK/archives"
	[ "$status" = 3 ]
}

@test "what the server cannot take for now is sent again" {
	export LARDER_TOKEN=some
	start_odd busy 3
	run "$LARDER" push "$URL" "$WORK/archives"
	[ "$status" = 0 ]
	says "3 new"
	[ "$(grep -c ^PUT "$WORK/odd/log")" = 6 ]
	kill "$(cat "$WORK/odd.pid")"
	wait_until 10 ended odd
	rm "$WORK/odd/port"
	start_odd breaks 2
	run "$LARDER" push "$URL" "$WORK/archives"
	[ "$status" = 0 ]
	says "3 new"
}

@test "who takes nothing for an hour, or nothing at all, is not asked again and again" {
	export LARDER_TOKEN=some
	for behaviour in later forbids full; do
		start_odd $behaviour
		run "$LARDER" push "$URL" "$WORK/archives"
		[ "$status" = 3 ]
		says "0 new"
		says "stopped before the end"
		[ "$(grep -c ^PUT "$WORK/odd/log")" -le 3 ]
		kill "$(cat "$WORK/odd.pid")"
		wait_until 10 ended odd
		rm "$WORK/odd/port"
	done
	start_odd silent
	run "$LARDER" push "$URL" "$WORK/archives"
	[ "$status" = 3 ]
	says "did not say what it lacks"
}

@test "what a server says of itself and of what it lacks is taken for what it is" {
	export LARDER_TOKEN=some
	odd_says() { # STATUS TEXT BEHAVIOUR [N]: what push comes to there
		start_odd "${@:3}"
		run "$LARDER" push "$URL" "$WORK/archives"
		[ "$status" = "$1" ]
		says "$2"
		kill "$(cat "$WORK/odd.pid")"
		wait_until 10 ended odd
		rm "$WORK/odd/port"
	}
	odd_says 3 "is not a larder (it answered 200 to /version)" other
	[ "$(grep -c . "$WORK/odd/log")" = 1 ]
	odd_says 3 "larder is stopping" stops
	odd_says 3 "did not answer with JSON" wordless
	[ "$(grep -c ^PUT "$WORK/odd/log")" = 0 ]
	odd_says 0 "3 new" strange # and nothing of what it lacks beside
	[ "$(grep -c ^PUT "$WORK/odd/log")" = 3 ]
	odd_says 0 "3 new" ponders 1
	[ "$(grep -c ^POST "$WORK/odd/log")" = 2 ]
	odd_says 0 "0 new (0 B), 3 already there" knows # somebody else was faster
}

@test "more than one batch of questions" {
	export LARDER_TOKEN=some
	mkdir "$WORK/many"
	for ((i = 0; i < 1001; i++)); do echo $i >"$WORK/many/$i"; done
	start_odd takes
	run "$LARDER" push "$URL" "$WORK/many"
	[ "$status" = 0 ]
	says "1001 new"
	[ "$(grep ^POST "$WORK/odd/log" | cut -d ' ' -f 3 | xargs)" = "500 500 1" ]
}

@test "an interrupt finishes what is under way; running it again goes on" {
	export LARDER_TOKEN=some
	start_odd held
	in_background push "$LARDER" push "$URL" "$WORK/archives"
	wait_until 10 grep -q ^PUT "$WORK/odd/log"
	kill -INT "$(cat "$WORK/push.pid")"
	touch "$WORK/odd/gate"
	wait_until 10 ended push
	[ "$(cat "$WORK/push.status")" = 3 ]
	grep -q "running it again goes on" "$WORK/push.log"
}

@test "on a terminal: an archive on its way is seen to move" {
	export LARDER_TOKEN=some
	start_odd held
	in_background push script -qefc "'$LARDER' push '$URL' '$WORK/archives'" /dev/null
	wait_until 20 grep -q "done 0, 2.0 MiB" "$WORK/push.log"
	touch "$WORK/odd/gate"
	wait_until 10 ended push
	[ "$(cat "$WORK/push.status")" = 0 ]
	grep -q "3 new (2.0 MiB)" "$WORK/push.log"
}

@test "the server is killed in the middle: what was acknowledged is there, and a second push brings the rest" {
	mkdir "$WORK/many"
	for ((i = 0; i < 600; i++)); do
		head -c 20000 /dev/urandom >"$WORK/many/$i"
	done
	start_with_token
	in_background push "$LARDER" push --token-file "$WORK/token" "$URL" "$WORK/many"
	wait_until 30 grep -q ^stored "$WORK/push.log"
	kill -STOP "$(cat "$WORK/push.pid")"
	larder_kill
	kill -CONT "$(cat "$WORK/push.pid")"
	wait_until 60 ended push
	[ "$(cat "$WORK/push.status")" = 3 ]
	grep -q "running it again goes on" "$WORK/push.log"
	acknowledged=$(grep -c ^stored "$WORK/push.log")
	[ "$acknowledged" -lt 600 ]
	larder_start
	grep ^stored "$WORK/push.log" | while read -r _ digest path; do
		larder get "$digest" 2>/dev/null | cmp - "$path"
	done
	run push "$WORK/many"
	[ "$status" = 0 ]
	says "$((600 - $(sed -n 's/.*, \([0-9]*\) already there.*/\1/p' <<<"$output"))) new"
	[ "$(sed -n 's/.*, \([0-9]*\) already there.*/\1/p' <<<"$output")" -ge "$acknowledged" ]
	run push "$WORK/many"
	says "0 new (0 B), 600 already there, 0 refused"
	larder_stop
}

@test "push itself is killed in the middle: a second one sends the rest, and nothing of the first is left over" {
	mkdir "$WORK/many"
	for ((i = 0; i < 600; i++)); do
		head -c 20000 /dev/urandom >"$WORK/many/$i"
	done
	start_with_token
	in_background push "$LARDER" push --token-file "$WORK/token" "$URL" "$WORK/many"
	wait_until 30 grep -q ^stored "$WORK/push.log"
	kill -KILL "$(cat "$WORK/push.pid")"
	wait_until 10 ended push
	acknowledged=$(grep -c '^stored .*/' "$WORK/push.log")
	[ "$acknowledged" -lt 600 ]
	run push "$WORK/many"
	[ "$status" = 0 ]
	there=$(sed -n 's/.* new (.*), \([0-9]*\) already there, 0 refused/\1/p' <<<"$output")
	says "$((600 - there)) new"
	[ "$there" -ge "$acknowledged" ]
	run push "$WORK/many"
	says "0 new (0 B), 600 already there, 0 refused"
	wait_until 10 nothing_is_under_way
	larder_stop
}

nothing_is_under_way() {
	[ -z "$(ls -A "$WORK/store/tmp")" ]
}

@test "a tree with loops, sockets, unreadable and wrongly named files: named at the end, the rest goes on" {
	ln -s "$WORK/archives" "$WORK/archives/loop"
	ln -s none "$WORK/archives/dangling"
	ln -s ring_2 "$WORK/archives/ring_1"
	ln -s ring_1 "$WORK/archives/ring_2"
	ln -s /proc/self/mem "$WORK/archives/unreadable" # by root neither
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$WORK/archives/socket"
	mkfifo "$WORK/archives/pipe"
	mkdir -p "$WORK/other/md5/00"
	cp "$WORK/archives/one" "$WORK/other/md5/00/00000000000000000000000000000000"
	start_with_token
	run push "$WORK/archives" "$WORK/other" "$WORK/archives/socket" "$WORK/none"
	[ "$status" = 1 ]
	says "3 new"
	says "7 refused"
	grep -q "^$WORK/archives/dangling  *cannot be read: No such file" <<<"$output"
	grep -q "^$WORK/archives/ring_[12]  *cannot be read: Too many levels" <<<"$output"
	grep -q "^$WORK/archives/unreadable  *cannot be read: Input/output error" <<<"$output"
	says "its name says md5:00000000"
	says "is neither a file nor a directory"
	says "3 passed over"
	sed '1,/^passed over:/d' <<<"$output" >"$WORK/passed"
	grep -q "^$WORK/archives/loop  *is a link to a directory, which is not followed" "$WORK/passed"
	grep -q "^$WORK/archives/socket  *is neither a file nor a directory" "$WORK/passed"
	grep -q "^$WORK/archives/pipe  *is neither a file nor a directory" "$WORK/passed"
	push --json "$WORK/archives" "$WORK/none" >"$WORK/json" || [ $? = 1 ]
	jq -e '.passed_over | map(.path | split("/")[-1]) == ["loop", "pipe", "socket"]' "$WORK/json"
	jq -e '.refused == 5 and .known == 3 and ([.archives[] | select(.result == "refused") | .path] | length == 5)' "$WORK/json"
	larder_stop
}

@test "the URL may end in a slash; a proxy of the environment is used; a token on its way in the open is told of" {
	start_with_token
	run "$LARDER" push --token-file "$WORK/token" "$URL/" "$WORK/archives/one"
	[ "$status" = 0 ]
	[[ $output != *unencrypted* ]]
	start_odd takes
	http_proxy=$URL run "$LARDER" push --token-file "$WORK/token" http://larder.example.org/cellar "$WORK/archives"
	[ "$status" = 0 ]
	says "the token travels unencrypted to http://larder.example.org/cellar"
	says "3 new"
	grep -q "^PUT http://larder.example.org/cellar/sha256/" "$WORK/odd/log"
}
