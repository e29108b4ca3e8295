#!/usr/bin/env bats
# Jobs: what a daemon is asked to fetch, import and verify, over HTTP and by the commands beside it; that it goes on after a kill, and that
# the commands say the same beside a daemon and alone.

load ../support/larder

setup() {
	origin_start
	larder_config "$(fetch_section "$ORIGIN_PORT")"
	mkdir "$WORK/sent"
	local name
	for name in one two three; do
		make_archive "$WORK/origin/files/$name" 3000
	done
}

teardown() {
	end_all
}

sha256() {
	digest_of sha256 "$WORK/origin/files/$1"
}

# listed BEHAVIOUR NAME: a line of a list.
listed() {
	echo "http://127.0.0.1:$ORIGIN_PORT/$1/$2 sha256=$(sha256 "$2") md5=$(digest_of md5 "$WORK/origin/files/$2") $2.1.0"
}

make_list() {
	local name
	for name in one two three; do
		listed ok $name
	done
}

# A lockfile with one archive in it.
make_lockfile() {
	cat <<-END
		opam-version: "2.0"
		depends: ["one" {= "1.0"}]
		x-opam-monorepo-duniverse-dirs: [
		  ["http://127.0.0.1:$ORIGIN_PORT/ok/one" "one" ["sha256=$(sha256 one)"]]
		]
		x-opam-monorepo-version: "0.3"
	END
}

# api METHOD PATH [CURL OPTION]...: through the control socket; the answer in $WORK/answer, its status printed.
api() {
	local method=$1 path=$2
	shift 2
	curl -s -X "$method" -D "$WORK/head" -o "$WORK/answer" -w '%{http_code}' --unix-socket "$WORK/store/control.sock" \
		"http://larder$path" "$@"
}

# hire PATH [CURL OPTION]...: a job of it; JOB is its number.
hire() {
	local path=$1
	shift
	[ "$(api POST "$path" "$@")" = 202 ] || {
		cat "$WORK/answer"
		return 1
	}
	JOB=$(jq -r .id "$WORK/answer")
	[ "$(jq -r .url "$WORK/answer")" = "/api/v1/jobs/$JOB" ]
	[ "$(header Location "$WORK/head")" = "/api/v1/jobs/$JOB" ]
}

# job FILTER: what jq makes of the job is true.
job() {
	[ "$(api GET "/api/v1/jobs/$JOB")" = 200 ] && jq -e "$1" "$WORK/answer"
}

job_ended() {
	job '.ended != null'
}

ends() {
	wait_until 30 job_ended
	job "$1" || {
		cat "$WORK/answer"
		return 1
	}
}

refused() { # STATUS METHOD PATH TEXT [CURL OPTION]...
	local status=$1 method=$2 path=$3 text=$4
	shift 4
	[ "$(api "$method" "$path" "$@")" = "$status" ] || {
		cat "$WORK/answer" "$WORK/head"
		return 1
	}
	TEXT=$text jq -e '.error | contains(env.TEXT)' "$WORK/answer" || {
		cat "$WORK/answer"
		return 1
	}
}

nothing_is_spooled() {
	[ -z "$(ls "$WORK/store/spool")" ]
}

@test "fetch: a list becomes a job with events, progress and a table" {
	make_list >"$WORK/some.list"
	listed status=404 two | sed 's/two.1.0/gone.1.0/; s/sha256=[0-9a-f]*/sha256='"$(printf gone | sha256sum | cut -d ' ' -f 1)"'/; s/md5=[0-9a-f]*//' >>"$WORK/some.list"
	larder_start
	hire "/api/v1/fetch?name=some%20list" --data-binary "@$WORK/some.list"
	ends '.state == "done" and .kind == "fetch" and .exit_status == 1 and .error == null'
	job '.result.named == 4 and (.result.stored | length) == 3 and (.result.missing[0].package == "gone.1.0") and .result.missing[0].reason == "failing"'
	job '[.events[] | select(.event == "retry")] == []' # that it is not there is no trouble that passes in a moment
	job '[.events[] | select(.event == "stored") | .package] | sort == ["one.1.0", "three.1.0", "two.1.0"]'
	job '.next == (.events | length) and .progress.verb == "fetched" and .progress.done == 4 and .progress.total == 4 and .progress.bytes == 9000'
	[ "$(api GET "/api/v1/jobs/$JOB?since=2")" = 200 ]
	jq -e '(.events | length) == (.next - 2)' "$WORK/answer"
	[ "$(api GET "/api/v1/jobs/$JOB?since=999999")" = 200 ]
	jq -e '.events == [] and .next < 10' "$WORK/answer"
	[ "$(api GET /api/v1/jobs)" = 200 ]
	jq -e ".jobs[0].id == $JOB and .jobs[0].state == \"done\" and (.jobs[0] | has(\"events\") | not)" "$WORK/answer"
	larder show --json one.1.0 | jq -e '.archives[0].stored'
	[ "$(metric jobs_done_total)" = 1 ]
	[ "$(metric jobs_running)" = 0 ]
	grep -q 'audit: fetch job' "$WORK/larder.log"
	larder_stop
}

@test "fetch: what the policy forbids is said once, at once; what a name turns out to be may change" {
	echo "http://127.0.0.1:9/one sha256=$(sha256 one) one.1.0" >"$WORK/barred.list"
	echo "http://localhost:$ORIGIN_PORT/ok/two sha256=$(sha256 two) two.1.0" >"$WORK/named.list"
	larder_config "fetch { allow_ports = {$ORIGIN_PORT} }"
	run larder fetch "$WORK/barred.list"
	[ "$status" = 1 ]
	[[ $output == *"http://127.0.0.1:9/one: untried, the port is not one of fetch.allow_ports"* ]]
	[[ $output != *"trying them again"* ]]
	sed "s/:9/:$ORIGIN_PORT/" "$WORK/barred.list" >"$WORK/private.list"
	run larder fetch "$WORK/private.list"
	[ "$status" = 1 ]
	[[ $output == *"neither public nor in fetch.allow_private"* ]]
	[[ $output != *"trying them again"* ]]
	larder_start
	hire /api/v1/fetch --data-binary "@$WORK/named.list"
	wait_until 10 job '.events[0].event == "retry"'
	larder_kill
}

@test "fetch: every form of saying what" {
	make_list >"$WORK/some.list"
	larder_start
	hire /api/v1/catalog --data-binary "@$WORK/some.list"
	ends '.state == "done"'
	hire /api/v1/fetch -d "sha256:$(sha256 one)"
	ends '.exit_status == 0 and (.result.stored | length) == 1'
	hire /api/v1/fetch --data-binary "$(printf '# both spellings\nsha256=%s\nsha256:%s md5:%s\n' "$(sha256 one)" "$(sha256 two)" "$(digest_of md5 "$WORK/origin/files/two")")"
	ends '.exit_status == 0'
	hire /api/v1/fetch -H 'Content-Type: application/json' -d '{"names": ["three.1.0"]}'
	ends '.exit_status == 0 and .result.named == 1 and (.result.stored | length) == 1'
	hire /api/v1/fetch -d "{\"digests\": [[\"sha256:$(sha256 one)\"]]}"
	ends '.result.present == 1'
	make_lockfile >"$WORK/day.opam.locked"
	hire /api/v1/fetch --data-binary "@$WORK/day.opam.locked"
	ends '.result.named == 1 and .result.present == 1'
	hire /api/v1/fetch -d '{"all": true}'
	ends '.result.named == 3'
	hire /api/v1/fetch -d '{"names": ["nonsense"]}'
	ends '.state == "failed" and .result == null and .exit_status == 1 and (.error | contains("no digest, no file and no package"))'
	# A name is never a path here.
	hire /api/v1/fetch -d "{\"names\": [\"$WORK/some.list\"]}"
	ends '.state == "failed"'
	[ "$(metric jobs_failed_total)" = 2 ]
	larder_stop
}

@test "fetch: what is nonsense is refused at once, with the line" {
	larder_start
	refused 400 POST /api/v1/fetch "empty" -d ''
	refused 400 POST /api/v1/fetch "another kind" -d 'what is this'
	refused 400 POST /api/v1/fetch "line 2" --data-binary "$(printf 'sha256:%s\nnonsense\n' "$(sha256 one)")"
	refused 400 POST /api/v1/fetch "line 1" -d "http://127.0.0.1/x sha256=xyz"
	refused 400 POST /api/v1/fetch "not JSON" -d '{"names": '
	refused 400 POST /api/v1/fetch "nothing to fetch" -d '{}'
	refused 400 POST /api/v1/fetch '"names"' -d '{"names": "one"}'
	refused 400 POST /api/v1/fetch '"names"' -d '{"names": [1]}'
	refused 400 POST /api/v1/fetch '"all"' -d '{"all": 1}'
	refused 400 POST /api/v1/fetch "entry 1" -d '{"entries": [{"digests": {"md5": "xyz"}, "urls": ["http://x/"]}]}'
	refused 400 POST /api/v1/fetch "entry 1" -d '{"entries": [{"digests": {}, "urls": ["http://x/"]}]}'
	refused 400 POST "/api/v1/fetch?name=a%0Ab" "name=" -d '{"all": true}'
	refused 400 POST "/api/v1/fetch?name=%zz" "name=" -d '{"all": true}'
	refused 400 POST "/api/v1/verify?repair=perhaps" "repair="
	refused 404 GET /api/v1/jobs/77 "no job 77"
	refused 404 DELETE /api/v1/jobs/77 "no job 77"
	[ "$(api GET /api/v1/jobs)" = 200 ]
	jq -e '.jobs == []' "$WORK/answer"
	larder_stop
}

@test "catalog: a list, a lockfile, a tar.gz, a URL; garbage and nothing" {
	load ../support/day
	make_the_day
	tar -czf "$WORK/sent/index.tar.gz" -C "$WORK/repository" .
	make_list >"$WORK/sent/some.list"
	make_lockfile >"$WORK/sent/day.opam.locked"
	larder_start
	hire "/api/v1/catalog?name=some.list" --data-binary "@$WORK/sent/some.list"
	ends '.state == "done" and .kind == "import" and .result.source == "some.list" and .result.form == "list" and .result.archives == {"total": 3, "new": 3}'
	hire /api/v1/catalog --data-binary "@$WORK/sent/index.tar.gz"
	ends '.state == "done" and .result.form == "opam repository archive" and .result.archives.total == 3'
	hire "/api/v1/catalog?name=day.opam.locked" --data-binary "@$WORK/sent/day.opam.locked"
	ends '.state == "done" and .result.form == "opam lockfile"'
	cp "$WORK/sent/some.list" "$WORK/origin/files/some.list"
	hire /api/v1/catalog -H 'Content-Type: application/json' -d "{\"source\": \"http://127.0.0.1:$ORIGIN_PORT/ok/some.list\"}"
	ends '.state == "done" and .result.archives == {"total": 3, "new": 0}'

	head -c 5000 /dev/urandom >"$WORK/sent/garbage"
	hire /api/v1/catalog --data-binary "@$WORK/sent/garbage"
	ends '.state == "failed" and .exit_status == 1 and (.error | contains("not an opam repository"))'
	hire /api/v1/catalog -d "{\"source\": \"http://127.0.0.1:$ORIGIN_PORT/status=404/some.list\"}"
	ends '.state == "failed"'
	hire /api/v1/catalog -d '{"harvest": 1}'
	ends '.state == "failed" and (.error | contains("cut short"))'
	refused 400 POST /api/v1/catalog "http or https URL" -d '{"source": "/etc/passwd"}'
	refused 400 POST /api/v1/catalog "http or https URL" -d '{}'
	refused 400 POST /api/v1/catalog "{\"source\": URL}" -d '{"source": '
	refused 400 POST /api/v1/catalog "empty" -d ''
	wait_until 10 nothing_is_spooled
	larder_stop
}

@test "catalog: larger than allowed is refused before it is read" {
	larder_start
	truncate -s 1100M "$WORK/sent/zeros"
	refused 413 POST /api/v1/catalog "larger" -T "$WORK/sent/zeros"
	wait_until 10 nothing_is_spooled
	larder_stop
}

@test "verify: a job that repairs" {
	make_list >"$WORK/some.list"
	larder import -q "$WORK/some.list"
	larder fetch -q --all
	larder_start
	rm -f "$(blob_of "$WORK/origin/files/two")"
	hire "/api/v1/verify?repair=yes"
	ends '.state == "done" and .exit_status == 0 and .result.right == 2 and .result.repaired == 1'
	job '[.events[].event] == ["wrong", "repaired"]'
	hire /api/v1/verify
	ends '.result.right == 3 and .result.wrong == []'
	larder_stop
}

@test "DELETE ends a job that runs, and one that waits; once" {
	local stalled waiting
	listed stall one >"$WORK/some.list"
	larder_start
	hire /api/v1/fetch --data-binary "@$WORK/some.list"
	stalled=$JOB
	wait_until 10 job '.state == "running"'
	hire /api/v1/fetch --data-binary "@$WORK/some.list"
	wait_until 10 job '.state == "running"'
	hire /api/v1/fetch --data-binary "@$WORK/some.list"
	waiting=$JOB
	[ "$(metric jobs_waiting)" = 1 ]
	[ "$(api DELETE "/api/v1/jobs/$waiting")" = 202 ]
	ends '.state == "cancelled"'
	JOB=$stalled
	[ "$(api DELETE "/api/v1/jobs/$stalled")" = 202 ]
	ends '.state == "cancelled" and .result.stopped and .result.stored == [] and .result.missing == []'
	refused 409 DELETE "/api/v1/jobs/$stalled" "has ended already"
	[ "$(metric jobs_cancelled_total)" = 2 ]
	grep -q "audit: cancel job $waiting by .* from control socket: accepted" "$WORK/larder.log"
	grep -q "audit: fetch job $waiting by .* from control socket: cancelled, cancelled before it began" "$WORK/larder.log"
	grep -q "audit: fetch job $stalled by .* from control socket: cancelled" "$WORK/larder.log"
	larder_stop
	# They stay what they were; the third went on waiting for its archive.
	: >"$WORK/origin/gate/x"
	larder_start
	JOB=$stalled
	job '.state == "cancelled"'
	JOB=$((stalled + 1))
	job '.state == "running" or .state == "waiting"'
}

@test "a fetch that was killed in its middle goes on at the next start" {
	{
		listed ok one
		listed gate=late two
		listed gate=late three
	} >"$WORK/some.list"
	larder_start
	hire /api/v1/fetch --data-binary "@$WORK/some.list"
	wait_until 10 job '.events | length == 1'
	larder_kill
	larder_start
	job '.ended == null'
	: >"$WORK/origin/gate/late"
	ends '.state == "done" and .result.present == 1 and (.result.stored | length) == 2'
	grep -q "audit: fetch job $JOB by .* from an earlier start: done" "$WORK/larder.log"
	larder_stop
	[ "$(origin_requests /ok/one)" = 1 ]
}

@test "a cancel that was answered holds, though larder is killed before the job has heard" {
	listed stall one >"$WORK/some.list"
	larder_start
	hire /api/v1/fetch --data-binary "@$WORK/some.list"
	wait_until 10 job '.state == "running"'
	[ "$(api DELETE "/api/v1/jobs/$JOB")" = 202 ]
	larder_kill
	larder_start
	job '.state == "cancelled" and .ended != null'
	larder_stop
}

@test "a stop leaves a job where it is; a source that was sent is there at the next start" {
	listed stall one >"$WORK/some.list"
	make_list >"$WORK/sent/some.list"
	larder_start
	hire /api/v1/fetch --data-binary "@$WORK/some.list"
	hire /api/v1/fetch --data-binary "@$WORK/some.list"
	wait_until 10 job '.state == "running"'
	hire "/api/v1/catalog?name=waits.list" --data-binary "@$WORK/sent/some.list"
	job '.state == "waiting"'
	local waits=$JOB
	larder_stop
	[ "$(find "$WORK/store/spool" -type f -printf x)" = x ]
	larder_start
	JOB=$((waits - 1))
	job '.ended == null'
	[ "$(api DELETE "/api/v1/jobs/$JOB")" = 202 ]
	JOB=$waits
	ends '.state == "done" and .result.source == "waits.list"'
	wait_until 10 nothing_is_spooled
}

@test "who may: each right its own jobs" {
	larder_start
	local token
	token=$(larder token add fetcher --may fetch --json 2>/dev/null | jq -r .token)
	[ -n "$token" ]
	may() { # STATUS METHOD PATH [BODY]
		local got
		got=$(curl -s -o "$WORK/answer" -w '%{http_code}' -X "$2" -H "Authorization: Bearer $token" "$URL$3" -d "${4:-}")
		[ "$got" = "$1" ] || {
			echo "$2 $3: $got"
			return 1
		}
	}
	may 202 POST /api/v1/fetch '{"all": true}'
	may 403 POST /api/v1/catalog '{"source": "http://x/"}'
	may 403 POST /api/v1/verify
	may 200 GET /api/v1/jobs
	jq -e '.jobs[0].who == "token fetcher"' "$WORK/answer"
	[ "$(curl -s -o /dev/null -w '%{http_code}' "$URL/api/v1/jobs")" = 401 ]
	larder_stop
}

# What a command prints, here and beside a daemon, is the same; times differ, and archives come in any order.
said() { # FILE COMMAND...
	local file=$1
	shift
	local status=0
	larder "$@" >"$file" 2>"$file.err" || status=$?
	echo "exit $status" >>"$file"
	sed -i -E 's/read in [0-9.]+ s/read in N s/; s/job [0-9]+/job N/' "$file"
	case $* in
	*--json*) ;;
	*) sort -o "$file" "$file" ;;
	esac
}

every_command() { # DIR
	local dir=$1 list=$WORK/all.list
	mkdir "$dir"
	said "$dir/import" import "$list" "$WORK/nowhere" "$WORK/origin"
	said "$dir/import-json" import --json "$list" "http://127.0.0.1:$ORIGIN_PORT/ok/some.list"
	said "$dir/fetch" fetch one.1.0
	said "$dir/fetch-list" fetch "$list"
	said "$dir/fetch-json" fetch --json "$list" one.1.0
	said "$dir/fetch-nonsense" fetch nonsense
	rm -f "$(blob_of "$WORK/origin/files/two")"
	said "$dir/verify" verify
	said "$dir/verify-json" verify --json
	rm -f "$(blob_of "$WORK/origin/files/three")"
	said "$dir/verify-repair" verify --repair
	said "$dir/verify-repair-json" verify --repair --json
}

@test "import, fetch and verify say the same beside a daemon and alone" {
	make_list >"$WORK/origin/files/some.list"
	{
		make_list
		listed status=404 one | sed -E 's/one.1.0/gone.1.0/; s/sha256=[0-9a-f]+ md5=[0-9a-f]+/sha256='"$(printf gone | sha256sum | cut -d ' ' -f 1)"'/'
		echo "http://127.0.0.1/bad sha256=xyz"
		echo "http://127.0.0.1/worse sha256=xyz"
	} >"$WORK/all.list"
	every_command "$WORK/alone"
	rm -rf "$WORK/store"
	larder_start
	every_command "$WORK/beside"
	larder_stop
	diff -r "$WORK/alone" "$WORK/beside"
	grep -q 'gone, 404' "$WORK/alone/fetch-list"
	grep -q '^stored ' "$WORK/alone/fetch"
	grep -q 'all.list:5:' "$WORK/alone/import.err"
}

# seen_to_move STORE: on a terminal, while the second archive is held back.
seen_to_move() {
	rm -f "$WORK/origin/gate/late"
	in_background terminal script -qefc "'$LARDER' fetch -c '$WORK/larder.conf' -s '$1' '$WORK/some.list'" /dev/null
	wait_until 20 grep -q "fetched 1 of 2, 2.9 KiB" "$WORK/terminal.log"
	: >"$WORK/origin/gate/late"
	wait_until 20 ended terminal
	[ "$(cat "$WORK/terminal.status")" = 0 ]
	rm "$WORK/terminal.log"
}

@test "on a terminal: how far a fetch is, alone and beside a daemon" {
	{
		listed ok one
		listed gate=late two
	} >"$WORK/some.list"
	seen_to_move "$WORK/alone"
	larder_start
	seen_to_move "$WORK/store"
	larder_stop
	grep -q 'audit: fetch job 1 ' "$WORK/larder.log"
}

@test "Ctrl-C beside a daemon stops waiting, and the job goes on" {
	listed gate=late one >"$WORK/some.list"
	larder_start
	in_background fetch "$LARDER" fetch -c "$WORK/larder.conf" "$WORK/some.list"
	wait_until 10 grep -q gate "$WORK/origin/log"
	kill -INT "$(cat "$WORK/fetch.pid")"
	wait_until 10 ended fetch
	[ "$(cat "$WORK/fetch.status")" = 3 ]
	grep -q "goes on in the daemon" "$WORK/fetch.log"
	: >"$WORK/origin/gate/late"
	JOB=1
	ends '.state == "done" and (.result.stored | length) == 1'
	larder_stop
}
