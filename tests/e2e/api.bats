#!/usr/bin/env bats
# What larder tells over HTTP to those who may ask: check, archives, wanted, events, the description of it all. Every status they can give.

load ../support/larder

setup() {
	larder_config
	mkdir "$WORK/archives"
	make_archive "$WORK/archives/one" 1000
	make_archive "$WORK/archives/two" 70000
	make_archive "$WORK/archives/three" 2000
}

teardown() {
	end_all
}

sha256() {
	digest_of sha256 "$WORK/archives/$1"
}

md5() {
	digest_of md5 "$WORK/archives/$1"
}

# A list that names the three archives where nobody serves them.
make_list() {
	local name
	for name in one two three; do
		echo "http://127.0.0.1:9/$name sha256=$(sha256 $name) md5=$(md5 $name) $name.1.0"
	done
}

# Serves a store that has one and wants two and three.
serve_one_of_three() {
	make_list >"$WORK/archives.list"
	larder import -q "$WORK/archives.list" >"$WORK/said"
	larder add -q "$WORK/archives/one" >"$WORK/said"
	larder_start
}

# asks_with PATH CURL-OPTION...: the answer in $WORK/answer, its head in $WORK/head; prints its status, and what is wrong where the
# description of the API says otherwise.
asks_with() {
	local path=$1 said
	shift
	: >"$WORK/answer"
	said=$(curl -s -D "$WORK/head" -o "$WORK/answer" -w '%{method} %{http_code} %{content_type}' "$@")
	# shellcheck disable=SC2086
	set -- $said
	echo "$2"
	python3 "$TESTS/support/described.py" "$1" "$path" "$2" "$3" "$WORK/answer" 2>&1
}

# control PATH [CURL OPTION]...: through the control socket.
control() {
	asks_with "$1" --unix-socket "$WORK/store/control.sock" "http://larder$1" "${@:2}"
}

# asks PATH [CURL OPTION]...: over TCP.
asks() {
	asks_with "$1" "$URL$1" "${@:2}"
}

# told FILTER: what jq makes of the last answer is true.
told() {
	jq -e "$1" "$WORK/answer" >"$WORK/told" || {
		echo "not so: $1"
		cat "$WORK/answer"
		return 1
	}
}

# error STATUS PATH TEXT [CURL OPTION]...: the control socket answers that status, and an object whose error says the text.
error() {
	local status=$1 path=$2 text=$3
	shift 3
	[ "$(control "$path" "$@")" = "$status" ] || {
		cat "$WORK/answer"
		return 1
	}
	TEXT=$text jq -e '(.error | contains(env.TEXT)) and (.reason | length > 0)' "$WORK/answer"
}

# A token; it can be asked for through the control socket alone.
token() {
	[ "$(control /api/v1/tokens -d "{\"name\": \"$1\", \"rights\": \"$2\"}")" = 201 ]
	jq -r .token "$WORK/answer"
}

@test "check: a lockfile, a list, lines of digests and JSON give the same report" {
	serve_one_of_three
	make_list >"$WORK/list"
	cat >"$WORK/lock" <<-END
		opam-version: "2.0"
		x-opam-monorepo-duniverse-dirs: [
		  [ "http://127.0.0.1:9/one" "one" [ "sha256=$(sha256 one)" ] ]
		  [ "http://127.0.0.1:9/two" "two" [ "sha256=$(sha256 two)" ] ]
		  [ "http://127.0.0.1:9/three" "three" [ "md5=$(md5 three)" "sha256=$(sha256 three)" ] ]
		]
	END
	printf 'sha256:%s md5:%s\nsha256:%s\nmd5:%s\n' "$(sha256 one)" "$(md5 one)" "$(sha256 two)" "$(md5 three)" >"$WORK/digests"
	printf '{"digests": [["sha256:%s", "md5:%s"], ["sha256:%s"], ["md5:%s"]]}' \
		"$(sha256 one)" "$(md5 one)" "$(sha256 two)" "$(md5 three)" >"$WORK/json"
	for form in list lock digests json; do
		[ "$(control /api/v1/check --data-binary "@$WORK/$form")" = 200 ]
		told '.archives == 3 and .stored == 1 and .stored_bytes == 1000 and .states.untried == 2'
		told '.missing | map(.state) == ["untried", "untried"]'
		told '.missing[0] | .digests.sha256 != null and .removed == null and (.advice | length > 0) and (.origins | length == 1)'
	done
	[ "$(larder check --json "$WORK/list" | jq -c .)" = "$(control /api/v1/check --data-binary "@$WORK/list" >"$WORK/status" &&
		jq -c . "$WORK/answer")" ]
}

@test "check: what nobody named is unknown, what was removed is removed, and what is wrong in a list is told" {
	serve_one_of_three
	[ "$(control "/sha256/$(sha256 two)" -X DELETE)" = 200 ]
	make_archive "$WORK/archives/four" 10
	printf 'sha256:%s\nsha256:%s\nsha256:%s\n' "$(sha256 two)" "$(sha256 three)" "$(sha256 four)" >"$WORK/digests"
	[ "$(control /api/v1/check --data-binary "@$WORK/digests")" = 200 ]
	told '.missing | map(.state) == ["removed", "untried", "unknown"]'
	told '.missing[0].removed | (.who | startswith("uid ")) and (.at | length > 0)'
	told '.states.removed == 1 and .states.unknown == 1'
	(make_list && echo "http://127.0.0.1:9/x md5=12") >"$WORK/list"
	[ "$(control /api/v1/check --data-binary "@$WORK/list")" = 200 ]
	told '.archives == 3 and (.problems | length == 1) and .problems[0].line == 4'
	run larder check "$WORK/list"
	[ "$status" = 1 ]
	[[ $output == *"removed two.1.0 sha256:$(sha256 two): larder remove --forget"* ]]
	[[ $output == *"removed by uid "* ]]
	[[ $output == *"3 archives: 1 stored (1000 B), 2 missing, 1 untried, 1 removed"* ]]
}

@test "check: bodies that name nothing are refused with a sentence" {
	serve_one_of_three
	error 400 /api/v1/check "empty" -X POST
	error 400 /api/v1/check "text of another kind" -d "good morning"
	error 400 /api/v1/check "line 1" -d "md5:12"
	error 400 /api/v1/check '"digests"' -d '{"names": []}'
	error 400 /api/v1/check "not JSON" -d '{"digests": ['
	error 405 /api/v1/check "not for that method"
	[ "$(metric limit_asked_total)" = 0 ]
	# shellcheck disable=SC2046
	printf 'md5:%032x\n' $(seq 1 20000) >"$WORK/digests"
	[ "$(control /api/v1/check --data-binary "@$WORK/digests")" = 200 ]
	told '.archives == 20000 and .states.unknown == 20000'
	echo "md5:$(md5 one)" >>"$WORK/digests"
	error 413 /api/v1/check "more than 20000 archives" --data-binary "@$WORK/digests"
	[ "$(metric limit_asked_total)" = 1 ]
	error 413 /api/v1/fetch "more than 20000 archives" --data-binary "@$WORK/digests"
	jq -Rnc '{digests: [inputs | [.]]}' <"$WORK/digests" >"$WORK/digests.json"
	error 413 /api/v1/fetch "more than 20000 archives" --data-binary "@$WORK/digests.json"
	[ "$(metric limit_asked_total)" = 3 ]
	head -c 16777217 /dev/zero | tr '\0' '#' >"$WORK/digests"
	error 413 /api/v1/check "larger than" --data-binary "@$WORK/digests"
}

@test "archives: all that is known, stored or not; 404 when nothing is" {
	serve_one_of_three
	[ "$(control "/api/v1/archives/sha256/$(sha256 one)")" = 200 ]
	told '.state == "stored" and .stored and .size == 1000 and .pinned == null and .removed == null'
	told '(.digests | keys == ["md5", "sha1", "sha256", "sha512"]) and .packages == ["one.1.0"] and (.origins | length == 1)'
	told '.stored_at != null and .used_at != null and (.came_from | endswith("/archives/one"))'
	[ "$(control "/api/v1/archives/md5/$(md5 two)")" = 200 ]
	told '.state == "untried" and (.stored | not) and .size == null and .stored_at == null and .used_at == null and .came_from == null'
	told '(.digests | keys == ["md5", "sha256"]) and .packages == ["two.1.0"]'
	[ "$(control "/api/v1/pins/sha256/$(sha256 one)" -X PUT)" = 200 ]
	[ "$(control "/api/v1/archives/md5/$(md5 one)")" = 200 ]
	told '.pinned | (.who | startswith("uid ")) and (.at | length > 0)'
	larder show "md5:$(md5 one)" | grep "  pinned   by uid "
	[ "$(control "/sha256/$(sha256 one)" -X DELETE)" = 200 ]
	[ "$(control "/api/v1/archives/md5/$(md5 one)")" = 200 ]
	told '.state == "removed" and (.stored | not) and .pinned == null and (.removed.who | startswith("uid "))'
	larder show "md5:$(md5 one)" | grep "  removed  by uid "
	[ "$(larder show --json "md5:$(md5 one)" | jq -c '.archives[0]')" = "$(jq -c . "$WORK/answer")" ]
	error 404 "/api/v1/archives/md5/00112233445566778899aabbccddeeff" "nothing is known"
	jq -e '.reason == "unknown"' "$WORK/answer"
	error 400 "/api/v1/archives/md5/0011" "32 hexadecimal digits"
	error 400 "/api/v1/archives/crc32/00112233" "no such algorithm"
	error 405 "/api/v1/archives/md5/$(md5 one)" "not for that method" -X DELETE
}

@test "wanted: what the catalog names and the store lacks, page by page" {
	serve_one_of_three
	[ "$(control /api/v1/wanted)" = 200 ]
	told '(.wanted | map(.package) | sort == ["three.1.0", "two.1.0"]) and .next == null'
	told '.wanted[0].digests | keys == ["md5", "sha256"]'
	[ "$(control "/api/v1/wanted?limit=1")" = 200 ]
	told '.wanted | length == 1'
	first=$(jq -r '.wanted[0].package' "$WORK/answer")
	[ "$(control "/api/v1/wanted?limit=1&after=$(jq .next "$WORK/answer")")" = 200 ]
	told '.wanted | length == 1'
	[ "$(jq -r '.wanted[0].package' "$WORK/answer")" != "$first" ]
	[ "$(control "/sha256/$(sha256 two)" -X DELETE)" = 200 ]
	[ "$(control "/api/v1/wanted?limit=1000")" = 200 ]
	told '.wanted | map(.package) == ["three.1.0"]'
	for query in limit=0 limit=1001 limit=x limit= limit=-1 after=x after=-1 after=99999999999999999999; do
		error 400 "/api/v1/wanted?$query" "${query%%=*} has to be"
	done
	error 405 /api/v1/wanted "not for that method" -X DELETE
}

@test "events: what was done, by whom and from where, from any of them on" {
	serve_one_of_three
	[ "$(control /api/v1/events)" = 200 ]
	since=$(jq .next "$WORK/answer")
	[ "$(control "/api/v1/pins/sha256/$(sha256 one)" -X PUT)" = 200 ]
	[ "$(control "/sha256/$(sha256 one)" -X DELETE)" = 200 ]
	# They are written a moment later, with others.
	has_two() { [ "$(control "/api/v1/events?since=$since")" = 200 ] && jq -e '.events | length == 2' "$WORK/answer"; }
	wait_until 10 has_two
	told '.events | map(.kind) == ["pin", "remove"]'
	told '.events | all((.who | startswith("uid ")) and .from == "control socket" and (.at | length > 0) and (.result | length > 0))'
	told '.events[0].subject | startswith("sha256:")'
	told '.next == .events[1].id'
	[ "$(control "/api/v1/events?since=$since&limit=1")" = 200 ]
	told '.events | map(.kind) == ["pin"]'
	[ "$(control "/api/v1/events?since=$(jq .next "$WORK/answer")")" = 200 ]
	told '.events | map(.kind) == ["remove"]'
	last=$(jq .next "$WORK/answer")
	[ "$(control "/api/v1/events?since=$last")" = 200 ]
	told ".events == [] and .next == $last"
	for query in limit=0 limit=1001 limit=x since=x since=-1; do
		error 400 "/api/v1/events?$query" "${query%%=*} has to be"
	done
}

# One of the archives vanished two hours ago, as the index has it, and nobody was told; the third one is served.
vanishes() {
	python3 - "$WORK/store/index.db" "$1" <<-'END'
		import sqlite3, sys, time
		index = sqlite3.connect(sys.argv[1])
		at = int(time.time() * 1000) - 7200000
		index.execute("INSERT INTO news (origin, was, is_now, at) SELECT id, 1, 3, ? FROM origin WHERE url LIKE '%/' || ?", (at, sys.argv[2]))
		index.execute("UPDATE origin SET state = 3, gone_since = ? WHERE url LIKE '%/' || ?", (at, sys.argv[2]))
		index.execute("UPDATE origin SET state = 1 WHERE url LIKE '%/three'")
		index.commit()
	END
}

@test "events: what larder noticed, by level, and what it is about" {
	make_list >"$WORK/archives.list"
	larder import -q "$WORK/archives.list" >"$WORK/said"
	larder add -q "$WORK/archives/one" >"$WORK/said"
	vanishes one
	vanishes two
	larder_start
	has_told() { [ "$(control "/api/v1/events?level=info")" = 200 ] && jq -e '.events | length == 2' "$WORK/answer"; }
	wait_until 10 has_told
	told '[.events[] | {level, kind, subject, result}] | sort_by(.level) == [
		{level: "urgent", kind: "vanished", subject: "two.1.0", result: "vanished"},
		{level: "warning", kind: "vanished", subject: "one.1.0", result: "vanished"}]'
	told '.events[] | select(.level == "warning") | .detail == "one.1.0 is gone from 127.0.0.1:9/one; it is stored; keep larder'"'"'s copy: it may be the last"'
	told '.events[] | select(.level == "urgent") | .about | .site == "127.0.0.1:9/two" and .scope == "archive" and .cause == "vanished" and .count == 1 and
		(.archives[0] | .package == "two.1.0" and .stored == false and .copies == 0 and (.url | endswith("/two")) and (.digests.sha256 | length == 64))'
	[ "$(control "/api/v1/pins/sha256/$(sha256 one)" -X PUT)" = 200 ]
	has_pinned() { [ "$(control "/api/v1/events?level=audit")" = 200 ] && jq -e '.events | map(.kind) == ["import", "upload", "pin"]' "$WORK/answer"; }
	wait_until 10 has_pinned
	told '.events | all(.about == null)'
	[ "$(control "/api/v1/events?level=warning")" = 200 ]
	told '.events | length == 2'
	[ "$(control "/api/v1/events?level=urgent")" = 200 ]
	told '.events | map(.level) == ["urgent"]'
	[ "$(control "/api/v1/events?level=info&limit=1")" = 200 ]
	[ "$(control "/api/v1/events?level=info&since=$(jq .next "$WORK/answer")")" = 200 ]
	told '.events | length == 1'
	[ "$(control /api/v1/events)" = 200 ]
	told '.events | map(.level) | unique == ["audit", "urgent", "warning"]'
	for level in grave INFO ""; do
		error 400 "/api/v1/events?level=$level" "level has to be info, warning, urgent or audit"
	done
	[ "$(curl -s "$URL/metrics" | grep -F 'larder_events_total{kind="vanished",level="urgent"}')" = 'larder_events_total{kind="vanished",level="urgent"} 1' ]
	# Told once: not after a restart either.
	larder_stop
	larder_start
	[ "$(control "/api/v1/events?level=info")" = 200 ]
	told '.events | length == 2'
}

@test "events: those that are about much come in several answers" {
	larder_start
	larder_stop
	python3 - "$WORK/store/index.db" <<-'END'
		import json, sqlite3, sys
		index = sqlite3.connect(sys.argv[1])
		archive = {"package": "x" * 240000, "digests": {"md5": "0" * 32}, "url": "", "stored": True, "copies": 0}
		about = {"site": "h", "scope": "host", "cause": "vanished", "count": 1, "stored": 1, "whole": False, "archives": [archive]}
		for _ in range(80):
		    index.execute("INSERT INTO event (at, kind, subject, who, came_from, result, detail, level, data)"
		                  " VALUES (1, 'vanished', 'h', 'larder', '', 'vanished', '', 'info', ?)", (json.dumps(about),))
		index.commit()
	END
	larder_start
	since=0
	for count in 34 34 12; do # 8 MiB at once
		[ "$(control "/api/v1/events?level=info&limit=1000&since=$since")" = 200 ]
		[ "$(jq '.events | length' "$WORK/answer")" = $count ]
		since=$(jq .next "$WORK/answer")
	done
	[ "$(control "/api/v1/events?level=info&since=$since")" = 200 ]
	told '.events == []'
}

@test "reports need a token, any; without one they are told to those who may donate" {
	serve_one_of_three
	for path in /api/v1/wanted /api/v1/events "/api/v1/archives/sha256/$(sha256 one)"; do
		[ "$(asks "$path")" = 401 ]
		[ "$(header WWW-Authenticate "$WORK/head")" = 'Bearer realm="larder"' ]
		told '.reason == "unauthorized"'
		[ "$(asks "$path" -H "Authorization: Bearer larder_00112233445566778899aabbccddeeff")" = 401 ]
	done
	[ "$(asks /api/v1/check -d "md5:$(md5 one)")" = 401 ]
	for right in upload remove catalog fetch; do
		token=$(token "for-$right" $right)
		for path in /api/v1/wanted /api/v1/events "/api/v1/archives/sha256/$(sha256 one)"; do
			[ "$(asks "$path" -H "Authorization: Bearer $token")" = 200 ]
		done
		[ "$(asks /api/v1/check -H "Authorization: Bearer $token" -d "md5:$(md5 one)")" = 200 ]
		told '.stored == 1'
		[ "$(asks /api/v1/wanted -H "Authorization: Bearer $token" -H "Origin: http://example.org")" = 403 ]
	done
	larder_stop
	larder_config "donations { open = yes }"
	larder_start
	[ "$(asks /api/v1/wanted)" = 200 ]
	[ "$(asks /api/v1/check -d "md5:$(md5 one)")" = 200 ]
	[ "$(asks /api/v1/events)" = 401 ]
	[ "$(asks "/api/v1/archives/sha256/$(sha256 one)")" = 401 ]
}

@test "the description is JSON that anyone may read" {
	larder_start
	[ "$(asks /api/v1/openapi.json)" = 200 ]
	[ "$(header Content-Type "$WORK/head")" = application/json ]
	told '.openapi | startswith("3.1.")'
	jq -S . "$WORK/answer" | cmp - <(jq -S . "$TOP/server/http/openapi.json")
	[ "$(curl -s -I -o "$WORK/head" -w '%{http_code}' "$URL/api/v1/openapi.json")" = 200 ]
}

@test "status, metrics and the page tell what was given, removed and is being done" {
	serve_one_of_three
	[ "$(control "/sha256/$(sha256 two)" -T "$WORK/archives/two")" = 201 ]
	[ "$(control "/sha256/$(sha256 two)" -T "$WORK/archives/two")" = 200 ]
	[ "$(control "/sha256/$(sha256 two)" -T "$WORK/archives/three")" = 422 ]
	[ "$(control "/sha256/$(sha256 one)" -X DELETE)" = 200 ]
	[ "$(asks /api/v1/wanted -H "Authorization: Bearer none")" = 401 ]
	[ "$(asks /status)" = 200 ]
	told '.store | .archives == 1 and .removed == 1 and .evicted == 0 and .max_bytes == 0'
	told '.counters | .uploads_stored == 1 and .uploads_known == 1 and .uploads_refused == 1 and .wrong_tokens == 1'
	told '.jobs == {waiting: 0, running: 0, ended: 0}'
	[ "$(metric archives_removed)" = 1 ]
	[ "$(metric jobs_running)" = 0 ]
	[ "$(asks /)" = 200 ]
	grep -F '<tr><th scope="row">given by uploads</th><td>1</td></tr>' "$WORK/answer"
	grep -F '<tr><th scope="row">removed by people</th><td>1</td></tr>' "$WORK/answer"
	grep -F "larder push --token-file TOKEN $URL" "$WORK/answer"
}

@test "all else answers as it is described, too" {
	serve_one_of_three
	local one two
	one=sha256/$(sha256 one) two=sha256/$(sha256 two)
	for path in / /healthz /readyz /metrics /version /status; do
		[ "$(asks $path)" = 200 ]
		[ "$(asks $path -I)" = 200 ]
		[ "$(asks $path -X DELETE)" = 405 ]
	done
	[ "$(asks "/$one")" = 200 ]
	[ "$(asks "/$one" -I)" = 200 ]
	[ "$(asks "/$one" -r 0-9)" = 206 ]
	[ "$(asks "/$one" -r 5000-)" = 416 ]
	[ "$(asks "/$one" -H "If-None-Match: \"sha256:$(sha256 one)\"")" = 304 ]
	[ "$(asks "/$two")" = 404 ]
	[ "$(asks /sha256/12)" = 400 ]
	[ "$(asks "/$one" -X DELETE)" = 401 ]
	[ "$(asks "/$one" -T "$WORK/archives/one")" = 401 ]
	[ "$(control "/$one" -T "$WORK/archives/one")" = 200 ]
	[ "$(control "/$two" -T "$WORK/archives/two")" = 201 ]
	[ "$(control "/$two" -T "$WORK/archives/three")" = 422 ]
	[ "$(control /api/v1/archives -X POST -T "$WORK/archives/two")" = 200 ]
	told '.result == "known" and .size == 70000'
	[ "$(control /api/v1/archives -X POST -T "$WORK/archives/three")" = 201 ]
	told '.result == "stored"'
	[ "$(control /api/v1/archives -X POST)" = 400 ]
	for _ in 1 2; do
		[ "$(control "/api/v1/pins/$one" -X PUT)" = 200 ]
	done
	[ "$(control "/api/v1/pins/$one" -X DELETE)" = 200 ]
	[ "$(control "/api/v1/pins/$one" -X DELETE)" = 404 ]
	[ "$(control "/$one" -X DELETE)" = 200 ]
	[ "$(control "/api/v1/pins/$one" -X PUT)" = 404 ]
	[ "$(control "/md5/00112233445566778899aabbccddeeff" -X DELETE)" = 404 ]
	[ "$(control "/api/v1/tombstones/$one" -X DELETE)" = 200 ]
	[ "$(control "/api/v1/tombstones/$one" -X DELETE)" = 404 ]
	[ "$(control /api/v1/tokens -d '{"name": "a", "rights": ["upload", "fetch"], "expires": "90d"}')" = 201 ]
	[ "$(control /api/v1/tokens -d '{"name": "a"}')" = 409 ]
	[ "$(control /api/v1/tokens -d '{}')" = 400 ]
	[ "$(control /api/v1/tokens)" = 200 ]
	[ "$(control "/api/v1/tokens?name=a" -X DELETE)" = 200 ]
	[ "$(control "/api/v1/tokens?name=a" -X DELETE)" = 404 ]
	[ "$(control /api/v1/tokens -X DELETE)" = 400 ]
	[ "$(asks /api/v1/tokens)" = 404 ]
}

@test "jobs answer as they are described" {
	serve_one_of_three
	make_list >"$WORK/list"
	[ "$(control "/api/v1/verify?repair=no" -X POST)" = 202 ]
	job=$(jq -r .url "$WORK/answer")
	has_ended() { [ "$(control "$job")" = 200 ] && jq -e '.ended != null' "$WORK/answer"; }
	wait_until 60 has_ended
	told '.state == "done" and .kind == "verify" and .result.right == 1 and .exit_status == 0 and .error == null'
	[ "$(control "$job?since=x")" = 400 ]
	[ "$(control "$job" -X DELETE)" = 409 ]
	[ "$(control "/api/v1/verify?repair=perhaps" -X POST)" = 400 ]
	[ "$(control "/api/v1/catalog?name=mine" --data-binary "@$WORK/list")" = 202 ]
	[ "$(control /api/v1/catalog -X POST)" = 400 ]
	for body in "@$WORK/list" "sha256:$(sha256 two)" '{"names": ["two.1.0"]}' "{\"digests\": [[\"sha256:$(sha256 two)\"]]}"; do
		[ "$(control "/api/v1/fetch?name=mine" --data-binary "$body")" = 202 ]
		[ "$(control "$(jq -r .url "$WORK/answer")")" = 200 ]
		[[ $(control "$(jq -r '"/api/v1/jobs/\(.id)"' "$WORK/answer")" -X DELETE) =~ ^(202|409)$ ]]
	done
	[ "$(control /api/v1/fetch -d 'good morning')" = 400 ]
	[ "$(control /api/v1/fetch -d '{"nmaes": []}')" = 400 ]
	[ "$(control /api/v1/jobs)" = 200 ]
	told '.jobs | length == 6'
	[ "$(control /api/v1/jobs/1000)" = 404 ]
	[ "$(control /api/v1/jobs/1000 -X DELETE)" = 404 ]
	[ "$(asks /api/v1/jobs)" = 401 ]
}
