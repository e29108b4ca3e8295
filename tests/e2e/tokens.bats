#!/usr/bin/env bats
# Who may change a larder: tokens, from `larder token add` to the line of the audit; and the commands that manage archives, with and
# without a daemon.

load ../support/larder

setup() {
	larder_config
	mkdir "$WORK/archives"
	make_archive "$WORK/archives/one" 1000
	make_archive "$WORK/archives/two" 70000
}

teardown() {
	end_all
}

says() {
	[[ $output == *"$1"* ]] || {
		echo "not said: $1"
		echo "said: $output"
		return 1
	}
}

# lacks TEXT FILE...: it is in none of them, nor in a file below.
lacks() {
	local text=$1
	shift
	if grep -rqaF -- "$text" "$@"; then
		echo "found: $text"
		return 1
	fi
}

# status CURL-ARGUMENT...
status() {
	curl -s -o "$WORK/body" -w '%{http_code}' "$@"
}

# put TOKEN FILE: the status of uploading it.
put() {
	status -T "$2" -H "Authorization: Bearer $1" "$URL$(path_of sha256 "$2")"
}

control() {
	curl -s --unix-socket "$WORK/store/control.sock" "$@"
}

@test "a token is printed once, on standard output alone" {
	larder token add laptop >"$WORK/token" 2>"$WORK/said"
	grep -qxE 'larder_[0-9a-f]{32}' "$WORK/token"
	[ "$(wc -l <"$WORK/token")" = 1 ]
	grep -q "shown only now" "$WORK/said"
	lacks larder_ "$WORK/said"
	run larder token list
	[ "$status" = 0 ]
	says laptop
	[[ $output != *"$(cat "$WORK/token")"* ]]
	larder token add quiet -q 2>"$WORK/said"
	[ ! -s "$WORK/said" ]
	larder token add machine --may upload,remove --expires 90d --json >"$WORK/json"
	python3 - "$WORK/json" <<-'END'
		import json, re, sys
		token = json.load(open(sys.argv[1]))
		assert token["name"] == "machine" and token["rights"] == ["upload", "remove"], token
		assert re.fullmatch("larder_[0-9a-f]{32}", token["token"]), token
		assert token["expires"] > token["created"], token
	END
}

@test "what is no token is refused with the reason" {
	larder token add laptop
	run larder token add laptop
	[ "$status" = 3 ]
	says "a token called 'laptop' already"
	for wrong in "a b" "a/b" $'a\nb' "" "$(printf 'x%.0s' {1..64})"; do
		run larder token add "$wrong"
		[ "$status" = 2 ]
		says "name of a token"
	done
	run larder token add x --may upload,root
	[ "$status" = 2 ]
	says "'root' is no right"
	for wrong in 0 0d 90 never 99999999999999999999d 36501d; do
		run larder token add x --expires "$wrong"
		[ "$status" = 2 ]
		says "expires"
	done
	for wrong in "add" "list x" "revoke" "show x" "list --expires 1d" "add a b"; do
		# shellcheck disable=SC2086
		run larder token $wrong
		[ "$status" = 2 ]
	done
	run larder token revoke nobody
	[ "$status" = 1 ]
	[ "$(larder token list | wc -l)" = 2 ]
}

# Everything that these commands do, with what they say and their exit statuses. What differs from run to run is replaced.
whole_story() {
	local one two never
	one=sha256:$(digest_of sha256 "$WORK/archives/one")
	two=md5=$(digest_of md5 "$WORK/archives/two")
	never=sha256:0000000000000000000000000000000000000000000000000000000000000000
	while read -r command; do
		echo "== $command"
		# shellcheck disable=SC2086
		larder $command 2>&1 && echo "exit 0" || echo "exit $?"
	done <<-END | sed -E 's/larder_[0-9a-f]{32}/TOKEN/; s/20[0-9-]+T[0-9:.]+Z/TIME/g; s/ +/ /g'
		token add laptop
		token add ci --may remove,fetch --expires 12h
		token add ci
		token add spoon --may eat
		token add spoon --expires 0
		token list
		pin $one $never $two
		pin $one
		unpin $one
		unpin $one
		remove $never $two
		remove $two
		remove --forget $two $one
		remove --forget $two
		remove $one nonsense
		token revoke laptop
		token revoke laptop
		token list
	END
}

@test "the commands say the same beside a daemon and without one" {
	larder add "$WORK/archives"
	whole_story >"$WORK/alone"
	rm -r "$WORK/store"
	larder add "$WORK/archives"
	larder_start
	whole_story >"$WORK/beside"
	diff "$WORK/alone" "$WORK/beside"
	cat "$WORK/alone"
	grep -q "^removed sha256:$(digest_of sha256 "$WORK/archives/two") (68 KiB)$" "$WORK/alone"
	grep -q "^forgotten sha256:" "$WORK/alone"
	[ "$(grep -c '^exit 0' "$WORK/alone")" = 7 ]
	[ "$(control "http://larder/api/v1/tokens" | grep -c '"name"')" = 1 ]
	larder_stop
}

@test "a token uploads from the moment it is added until it is revoked" {
	local token
	larder_start
	[ "$(put larder_00000000000000000000000000000000 "$WORK/archives/one")" = 401 ]
	token=$(larder token add laptop)
	[ "$(put "$token" "$WORK/archives/one")" = 201 ]
	[ "$(put "$token" "$WORK/archives/one")" = 200 ]
	larder token revoke --json laptop | jq -e .
	[ "$(put "$token" "$WORK/archives/two")" = 401 ]
	# A second one of the same name is another one.
	larder token add laptop >"$WORK/second"
	[ "$(put "$token" "$WORK/archives/two")" = 401 ]
	[ "$(put "$(cat "$WORK/second")" "$WORK/archives/two")" = 201 ]
	run larder token list
	says "laptop"
	larder_stop
	larder token list --json | python3 -c 'import json, sys; assert json.load(sys.stdin)["tokens"][0]["used"]'
}

@test "a token that has expired is refused" {
	local token
	larder_start
	token=$(larder token add brief --expires 500ms) # longer than it takes to make it
	expired() {
		[ "$(put "$token" "$WORK/archives/one")" = 401 ]
	}
	wait_until 10 expired
	run larder token list
	says brief
}

@test "a token is nowhere but in its bearer's hands" {
	local token
	larder_start
	token=$(larder token add laptop --may upload,remove,catalog,fetch)
	[ "$(put "$token" "$WORK/archives/one")" = 201 ]
	[ "$(put "${token}x" "$WORK/archives/one")" = 401 ]
	status "$URL/api/v1/events?token=$token" | grep -q 401
	status -X DELETE "$URL$(path_of sha256 "$WORK/archives/one")?access_token=$token" | grep -q 401
	status -X DELETE -H "Authorization: Bearer $token" "$URL$(path_of sha256 "$WORK/archives/one")" | grep -q 200
	[ "$(larder token list | grep -c "${token#larder_}")" = 0 ]
	[ "$(larder token list --json | grep -c "${token#larder_}")" = 0 ]
	[ "$(control "http://larder/api/v1/tokens" | grep -c "${token#larder_}")" = 0 ]
	[ "$(control "http://larder/api/v1/events" | grep -c "${token#larder_}")" = 0 ]
	# While it runs, and when all is written down.
	lacks "${token#larder_}" "$WORK/store" "$WORK/larder.log"
	larder_stop
	lacks "${token#larder_}" "$WORK/store" "$WORK/larder.log"
}

@test "a request with an Origin changes nothing, through the control socket neither" {
	local token one
	one=$(path_of sha256 "$WORK/archives/one")
	larder add "$WORK/archives/one"
	larder_start
	token=$(larder token add laptop --may upload,remove)
	for origin in "https://example.org" "null" "$URL"; do
		[ "$(status -X DELETE -H "Authorization: Bearer $token" -H "Origin: $origin" "$URL$one")" = 403 ]
		[ "$(status -X DELETE --unix-socket "$WORK/store/control.sock" -H "Origin: $origin" "http://larder$one")" = 403 ]
		[ "$(status --unix-socket "$WORK/store/control.sock" -H "Origin: $origin" "http://larder/api/v1/tokens")" = 403 ]
		[ "$(status -H "Origin: $origin" "$URL$one")" = 200 ]
	done
	[ "$(status -X DELETE -H "Authorization: Bearer $token" "$URL$one")" = 200 ]
}

@test "too many wrong tokens from one address: 429, and how long to wait" {
	local token wrong=larder_00000000000000000000000000000000
	larder_config "uploads { failures = 3 }"
	larder_start
	token=$(larder token add laptop)
	# Who has none is told so as often as he likes.
	for _ in 1 2 3 4 5; do
		[ "$(status -T "$WORK/archives/one" "$URL$(path_of sha256 "$WORK/archives/one")")" = 401 ]
	done
	for _ in 1 2 3; do
		[ "$(put $wrong "$WORK/archives/one")" = 401 ]
	done
	[ "$(put $wrong "$WORK/archives/one")" = 429 ]
	[ "$(status -D "$WORK/headers" -X DELETE -H "Authorization: Bearer $token" "$URL/api/v1/pins/md5/d41d8cd98f00b204e9800998ecf8427e")" = 429 ]
	[ "$(header Retry-After "$WORK/headers")" -gt 0 ]
	# Another address is not meant, and whoever reads neither.
	[ "$(status --interface 127.0.0.2 -T "$WORK/archives/one" -H "Authorization: Bearer $token" "$URL$(path_of sha256 "$WORK/archives/one")")" = 201 ]
	[ "$(status "$URL$(path_of sha256 "$WORK/archives/one")")" = 200 ]
	[ "$(metric auth_failures_total)" = 3 ]
	[ "$(metric limit_auth_failures_total)" = 2 ]
}

@test "behind a trusted proxy it is the client who fails, not the proxy" {
	local wrong=larder_00000000000000000000000000000000 path
	larder_config 'uploads { failures = 2 }  limits { trusted_proxies = {"127.0.0.0/8"} }'
	larder_start
	path=/api/v1/events
	for _ in 1 2; do
		[ "$(status -H "X-Forwarded-For: 192.0.2.1" -H "Authorization: Bearer $wrong" "$URL$path")" = 401 ]
	done
	[ "$(status -H "X-Forwarded-For: 192.0.2.1" -H "Authorization: Bearer $wrong" "$URL$path")" = 429 ]
	[ "$(status -H "X-Forwarded-For: 192.0.2.2" -H "Authorization: Bearer $wrong" "$URL$path")" = 401 ]
	# A proxy may add a field of its own behind that of a client who claims to be somebody.
	[ "$(status -H "X-Forwarded-For: 192.0.2.3" -H "X-Forwarded-For: 192.0.2.1" -H "Authorization: Bearer $wrong" "$URL$path")" = 429 ]
}

# audited KIND SUBJECT RESULT: the command's process is in the audit of the store that it had for itself.
audited() {
	local found
	found=$(control "http://larder/api/v1/events?level=audit" | KIND=$1 SUBJECT=$2 RESULT=$3 WHO="uid $(id -u)" jq '[.events[] | select(.kind == env.KIND
		and .subject == env.SUBJECT and .result == env.RESULT and .from == "command line" and (.who | startswith(env.WHO)))] | length')
	[ "$found" = 1 ] || { echo "no line: $*" && return 1; }
}

@test "every change that a command makes by itself has a line in the audit, too" {
	local one
	one=sha256:$(digest_of sha256 "$WORK/archives/one")
	echo "http://127.0.0.1:9/two sha256=$(digest_of sha256 "$WORK/archives/two") two.1.0" >"$WORK/some.list"
	larder add "$WORK/archives/one"
	larder remove "$one"
	larder add "$WORK/archives/one" "$WORK/archives/one"
	larder pin "$one"
	larder unpin "$one"
	larder token add laptop
	larder token revoke laptop
	larder import "$WORK/some.list"
	larder import "$WORK/archives/one" || true
	larder add -q "$WORK/archives/two"
	larder fetch two.1.0
	larder fetch --all
	larder fetch nonsense || true
	larder verify --repair
	larder add -o uploads.max_archive=1KiB "$WORK/archives/two" || true
	larder_start
	[ "$(control "http://larder/api/v1/events" | jq '[.events[] | select(.kind == "upload") | .result] | join(" ")')" = '"stored stored stored refused"' ]
	audited remove "$one" removed
	audited pin "$one" pinned
	audited unpin "$one" unpinned
	audited "token add" laptop made
	audited "token revoke" laptop revoked
	audited import "$WORK/some.list" "done"
	audited fetch two.1.0 "done"
	audited fetch "the whole catalog" "done"
	audited fetch nonsense failed
	audited verify "the store" "done"
}

@test "the audit says what the daemon was asked to import and to fetch, however it is called" {
	local long
	long=$WORK/$(printf 'ä%.0s' {1..110}).list
	echo "http://127.0.0.1:9/two sha256=$(digest_of sha256 "$WORK/archives/two") two.1.0" >"$WORK/some.list"
	cp "$WORK/some.list" "$WORK/"$'a %41?&\tb.list'
	cp "$WORK/some.list" "$long"
	larder add -q "$WORK/archives/two"
	larder_start
	larder import "$WORK/some.list" "$WORK/"$'a %41?&\tb.list' "$long"
	larder fetch two.1.0 "md5:d41d8cd98f00b204e9800998ecf8427e" || true
	larder fetch --all
	larder verify --repair
	verified() {
		control "http://larder/api/v1/events?level=audit" >"$WORK/events"
		[ "$(grep -c '"verify"' "$WORK/events")" = 2 ]
	}
	wait_until 10 verified
	python3 - "$WORK/events" "$WORK" <<-'END'
		import json, sys
		events = [e for e in json.load(open(sys.argv[1]))["events"] if e["kind"] != "upload"]
		work = sys.argv[2]
		assert [e["subject"] for e in events] == [f"job {n}" for n in range(1, 7) for _ in "be"], events # it begins, it ends
		assert [e["result"] for e in events] == 6 * ["accepted", "done"], events
		assert {e["who"] for e in events} == {events[0]["who"]} and {e["from"] for e in events} == {"control socket"}, events
		told = [(e["kind"], e["detail"]) for e in events[::2]]
		long = told.pop(2)[1]
		assert long.startswith(work + "/ää") and 199 <= len(long.encode()) <= 200, long
		assert told == [("import", work + "/some.list"), ("import", work + "/a %41?&?b.list"),
		                ("fetch", "two.1.0, md5:d41d8cd98f00b204e9800998ecf8427e"), ("fetch", "the whole catalog"),
		                ("verify", "with repair")], told
	END
}

@test "every change has a line in the audit: who, what, from where, with which result" {
	local token one
	one=$(digest_of sha256 "$WORK/archives/one")
	larder_start
	token=$(larder token add laptop --may upload,remove)
	[ "$(put "$token" "$WORK/archives/one")" = 201 ]
	[ "$(status -X PUT -H "Authorization: Bearer $token" "$URL/api/v1/pins/sha256/$one")" = 200 ]
	larder unpin "sha256:$one"
	[ "$(status -X DELETE -H "Authorization: Bearer $token" "$URL/sha256/$one")" = 200 ]
	larder remove --forget "sha256:$one"
	larder token revoke laptop
	for line in "token add laptop by uid $(id -u)" "upload sha256:$one by token laptop from 127.0.0.1: " \
		"pin sha256:$one by token laptop from 127.0.0.1: pinned" "unpin sha256:$one by uid $(id -u)" \
		"remove sha256:$one by token laptop from 127.0.0.1: removed" "forget sha256:$one by uid $(id -u)" \
		"token revoke laptop by uid $(id -u)"; do
		grep -qF "audit: $line" "$WORK/larder.log" || { echo "no line: $line" && return 1; }
	done
	written() {
		[ "$(control "http://larder/api/v1/events" | grep -c '"token revoke"')" = 1 ]
	}
	wait_until 10 written
	control "http://larder/api/v1/events" >"$WORK/events"
	python3 - "$WORK/events" <<-'END'
		import json, sys
		events = json.load(open(sys.argv[1]))["events"]
		kinds = [e["kind"] for e in events]
		assert kinds == ["token add", "upload", "pin", "unpin", "remove", "forget", "token revoke"], kinds
		assert [e["who"] for e in events if e["kind"] in ("upload", "pin", "remove")] == 3 * ["token laptop"], events
	END
}
