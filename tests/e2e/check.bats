#!/usr/bin/env bats
# The doctor: what `check` says of every state there is, word for word; its JSON; its exit status; and that its counts are right.

load ../support/larder

setup() {
	larder_config
	mkdir "$WORK/archives"
}

teardown() {
	end_all
}

# sql STATEMENT: on the index of the store, while nobody has it open.
sql() {
	python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    for row in db.execute(sys.argv[2]):
        print(*row)' "$WORK/store/index.db" "$1"
}

SERVING=1 FAILING=2 VANISHED=3 CHANGED=4 # enum origin_state

# puts_into STATE URL-PATTERN [MORE]: those origins are in this state.
puts_into() {
	sql "UPDATE origin SET state = $1 ${3:+, $3} WHERE url LIKE '$2'"
}

sha256() {
	printf %s "$1" | sha256sum | cut -d ' ' -f 1
}

# listed URL PACKAGE [BYTES]: a line of a list; the archive is the package's name or these bytes.
listed() {
	echo "$1 sha256=$(sha256 "${3:-$2}") $2"
}

# The list that is checked, with an archive of every state.
make_list() {
	listed https://good.example/a/kept.tar.gz kept.1
	listed https://github.com/kodwx/alone.tar.gz alone.1
	listed https://good.example/a/reachable.tar.gz reachable.1
	listed https://github.com/kodwx/rosa/0.2.0.tar.gz rosa.0.2.0
	listed https://github.com/kodwx/lucid/0.1.5.tar.gz lucid.0.1.5
	listed https://github.com/mirage/duff/duff-0.5.tbz duff.0.5
	listed https://slow.example/a/failing.tar.gz failing.1
	listed https://new.example/a/untried.tar.gz untried.1
	listed https://good.example/a/removed.tar.gz removed.1
}

make_every_state() {
	make_list >"$WORK/lock.list"
	larder import -q "$WORK/lock.list"
	# The repository corrected duff afterwards.
	sql "UPDATE origin SET last_at = 1687000000000"
	listed https://github.com/mirage/duff/duff-0.5.tbz duff.0.5 "duff corrected" >"$WORK/repository.list"
	larder import -q "$WORK/repository.list"
	printf %s kept.1 >"$WORK/archives/kept"
	printf %s alone.1 >"$WORK/archives/alone"
	larder add -q "$WORK/archives" >"$WORK/said"
	larder remove "sha256:$(sha256 removed.1)" >"$WORK/said"
	sql "UPDATE tombstone SET who = 'uid 7', at = 1700000000000"
	puts_into $SERVING 'https://good.example/%' "result = 1, served_at = 1694600000000"
	puts_into $VANISHED 'https://github.com/kodwx/%' \
		"result = 2, detail = '404', failures = 4, failing_since = 1694500000000, served_at = 1693000000000"
	puts_into $FAILING 'https://slow.example/%' "result = 4, detail = 'timeout', failures = 9, failing_since = 1694500000000"
	sql "UPDATE origin SET state = $CHANGED, result = 3, failures = 1, failing_since = 1687500000000
		WHERE entry = (SELECT id FROM entry WHERE sha256 = x'$(sha256 duff.0.5)')"
	sql "INSERT INTO drift (origin, sha256, size, kept, compared, kind, detail, at)
		SELECT id, x'$(sha256 "duff corrected")', 14, 1, 1, 'content', '{}', 1687500000000 FROM origin WHERE state = $CHANGED"
}

@test "check: what to do, for which, by site; details; figures" {
	make_every_state
	run larder check "$WORK/lock.list"
	[ "$status" = 1 ]
	diff - <(printf '%s\n' "$output") <<-END
		7 of 9 archives are not safe; 2 are stored
		of the 2 stored, 1 is nowhere else that is known, 1 is at one other host

		larder fetch $WORK/lock.list gets this one:
		  good.example/a: reachable.1

		larder fetch $WORK/lock.list asks for this one, since nobody was asked for it yet:
		  new.example/a: untried.1

		name the corrected checksum of this one, changed in place (below, old and new):
		  github.com/mirage: duff.0.5

		larder fetch $WORK/lock.list asks again for this one, failing for now; larder add FILE, if you have it:
		  slow.example/a: failing.1

		vanished, and nobody is known to have a copy; ask around for these 2: larder add FILE, or larder push from whoever has them in a download cache:
		  github.com/kodwx: lucid.0.1.5, rosa.0.2.0

		larder remove --forget lets this one be fetched again, which somebody removed:
		  good.example/a: removed.1

		back this store up, since nobody else is known to have this one:
		  github.com/kodwx: alone.1

		reachable reachable.1 sha256:$(sha256 reachable.1): larder fetch; 1 host has it
		    https://good.example/a/reachable.tar.gz: serving, last served 2023-09-13
		vanished rosa.0.2.0 sha256:$(sha256 rosa.0.2.0): ask around: larder add FILE, or larder push from whoever has it in a download cache
		    https://github.com/kodwx/rosa/0.2.0.tar.gz: vanished (gone, 404) since 2023-09-12, last served 2023-08-25
		vanished lucid.0.1.5 sha256:$(sha256 lucid.0.1.5): ask around: larder add FILE, or larder push from whoever has it in a download cache
		    https://github.com/kodwx/lucid/0.1.5.tar.gz: vanished (gone, 404) since 2023-09-12, last served 2023-08-25
		changed duff.0.5 sha256:$(sha256 duff.0.5): its checksum was corrected: name the new one, or ask around: larder add FILE, or larder push from whoever has it in a download cache
		    https://github.com/mirage/duff/duff-0.5.tbz: changed since 2023-06-23
		      served instead: sha256:$(sha256 "duff corrected") (content, 14 B, kept here) since 2023-06-23, known as duff.0.5
		    the catalog names other bytes there now, as duff.0.5; in the lockfile or opam file:
		    - "sha256=$(sha256 duff.0.5)"
		    + "sha256=$(sha256 "duff corrected")"
		failing failing.1 sha256:$(sha256 failing.1): larder fetch asks again; larder add FILE, if you have it
		    https://slow.example/a/failing.tar.gz: failing (failed, timeout) since 2023-09-12
		untried untried.1 sha256:$(sha256 untried.1): larder fetch
		    https://new.example/a/untried.tar.gz: untried
		removed removed.1 sha256:$(sha256 removed.1): larder remove --forget lets it be fetched again; 1 host has it
		    removed by uid 7, 2023-11-14T22:13:20.000Z
		    https://good.example/a/removed.tar.gz: serving, last served 2023-09-13

		9 archives: 2 stored (13 B), 7 missing, 1 reachable, 1 untried, 1 failing, 2 vanished, 1 changed, 1 removed
	END
}

@test "check: the same as JSON, and over HTTP as described" {
	make_every_state
	run larder check --json "$WORK/lock.list"
	[ "$status" = 1 ]
	printf '%s\n' "$output" >"$WORK/report"
	jq -e '.archives == 9 and .stored == 2 and .only_here == 1 and .states.vanished == 2 and .states.unknown == 0' "$WORK/report"
	jq -e '.missing | map(.state) == ["reachable", "vanished", "vanished", "changed", "failing", "untried", "removed"]' "$WORK/report"
	jq -e '.missing[0] | .copies == 1 and .hosts == ["good.example"] and .site == "good.example/a"' "$WORK/report"
	jq -e '.missing[1].origins[0] | .state == "vanished" and .failures == 4 and .failing_since == "2023-09-12T06:26:40.000Z"' \
		"$WORK/report"
	HEX=$(sha256 "duff corrected") jq -e '.missing[3] | .correction.digests.sha256 == env.HEX and
		(.origins[0].drifts[0] | .sha256 == env.HEX and .kept and .kind == "content" and .known == "duff.0.5")' "$WORK/report"
	jq -e '.kept | map([.package, .copies, .elsewhere]) == [["kept.1", 1, "reachable"], ["alone.1", 0, "vanished"]]' "$WORK/report"

	larder_start
	curl -s --unix-socket "$WORK/store/control.sock" -o "$WORK/answer" --data-binary "@$WORK/lock.list" http://larder/api/v1/check
	python3 "$TESTS/support/described.py" POST /api/v1/check 200 application/json "$WORK/answer"
	diff <(jq -S . "$WORK/report") <(jq -S . "$WORK/answer")
	curl -s --unix-socket "$WORK/store/control.sock" -o "$WORK/answer" "http://larder/api/v1/archives/sha256/$(sha256 duff.0.5)"
	python3 "$TESTS/support/described.py" GET "/api/v1/archives/sha256/$(sha256 duff.0.5)" 200 application/json "$WORK/answer"
	jq -e '.state == "changed" and .copies == 0 and (.origins[0].drifts | length == 1)' "$WORK/answer"
	larder_stop
}

@test "check and repair: a newer source names other bytes where something is served" {
	listed https://github.com/mirage/duff/duff-0.5.tbz duff.0.5 >"$WORK/lock.list"
	listed https://good.example/a/reachable.tar.gz reachable.1 >>"$WORK/lock.list"
	larder import -q "$WORK/lock.list"
	sql "UPDATE origin SET last_at = 1687000000000"
	listed https://github.com/mirage/duff/duff-0.5.tbz duff.0.5 "duff corrected" >"$WORK/repository.list"
	larder import -q "$WORK/repository.list"
	# HEAD is answered: something is there.
	puts_into $SERVING '%' "result = 5, served_at = 1694600000000"
	run larder check "$WORK/lock.list"
	[ "$status" = 1 ]
	diff <(sed '/^reachable reachable/,$d' <<<"$output") - <<-END
		2 of 2 archives are not safe; 0 are stored

		the catalog names another checksum for this one by now: it may have been corrected (below, old and new); larder fetch $WORK/lock.list asks for the old one:
		  github.com/mirage: duff.0.5

		larder fetch $WORK/lock.list gets this one:
		  good.example/a: reachable.1

		reachable duff.0.5 sha256:$(sha256 duff.0.5): its checksum may have been corrected: larder fetch tells
		    https://github.com/mirage/duff/duff-0.5.tbz: serving, last served 2023-09-13
		    the catalog names other bytes there now, as duff.0.5, and nobody has looked at them; in the lockfile or opam file it may have to be:
		    - "sha256=$(sha256 duff.0.5)"
		    + "sha256=$(sha256 "duff corrected")"
	END
	run larder repair "$WORK/lock.list"
	[ "$status" = 1 ]
	[[ $output == *"# a source names other bytes there now, as duff.0.5, and nobody has looked at them: it may have been corrected; these are their checksums"* ]]
	[[ $output == *"\"sha256=$(sha256 "duff corrected")\""* ]]
	[[ $output != *reachable* ]]
}

@test "check: what nobody named, and mirrors that nobody asked" {
	make_every_state
	run larder check "sha256:$(sha256 nobody)"
	[ "$status" = 1 ]
	[[ $output == *"larder add FILE, if you have this one; no origin of it is known:"* ]]
	[[ $output == *"unknown - sha256:$(sha256 nobody): larder add FILE, if you have it"* ]]
	larder_config 'mirror "cache" { url = "https://cache.example/{algo}/{hash}" digests = {"sha256"} }'
	run larder check "sha256:$(sha256 nobody)"
	[[ $output == *"larder fetch sha256:$(sha256 nobody) asks mirrors for this one, of which no origin is known"* ]]
	run larder check "$WORK/lock.list"
	[[ $output == *"asks mirrors for these 2, vanished from where published; else ask around"* ]]
	# The mirror was asked for both and never had them.
	sql "INSERT INTO origin (entry, url, site, rank, first_at, last_at, past, state)
		SELECT entry, 'https://cache.example/sha256/x', 'cache.example/sha256', 1000, 1, 1, 0, $VANISHED FROM origin
		WHERE url LIKE '%kodwx/rosa%' OR url LIKE '%kodwx/lucid%'"
	run larder check "$WORK/lock.list"
	[[ $output == *"vanished, and nobody is known to have a copy; ask around for these 2"* ]]
	[[ $output == *"https://cache.example/sha256/x: vanished; a mirror"* ]]
}

@test "check: a place that only history names counts" {
	listed https://now.example/a/x.tar.gz a.1 >"$WORK/lock.list"
	larder import -q "$WORK/lock.list"
	puts_into $VANISHED 'https://now.example/%'
	sql "INSERT INTO origin (entry, url, site, rank, first_named, last_named, first_at, last_at, past, state, served_at)
		SELECT entry, 'https://once.example/a/x.tar.gz', 'once.example/a', 0, 1, 1, 1, 1600000000000, 1, $SERVING, 1694600000000
		FROM origin"
	run larder check "$WORK/lock.list"
	[[ $output == *"gets this one:"*"  once.example/a: a.1"* ]]
	[[ $output == *"https://once.example/a/x.tar.gz: serving, last served 2023-09-13; named until 2020-09-13"* ]]
	puts_into 0 'https://once.example/%'
	larder check --json "$WORK/lock.list" | jq -e '.missing[0] | .state == "untried" and .origins[1].past'
}

@test "check: what its own configuration keeps larder from is not advised to be fetched" {
	{
		listed http://files.example:8081/a.tgz a.1
		listed ftp://files.example/b.tgz b.1
		listed http://files.example:8081/c.tgz c.1
		listed https://gone.example/c.tgz c.1
	} >"$WORK/lock.list"
	larder import -q "$WORK/lock.list"
	puts_into $VANISHED 'https://gone.example/%'
	run larder check "$WORK/lock.list"
	[ "$status" = 1 ]
	[[ $output == *"larder may not ask who could have these 3 (below, why): allow that, then larder fetch $WORK/lock.list; or larder add FILE, if you have them:"* ]]
	[[ $output == *"http://files.example:8081/a.tgz: untried; may not be asked: the port is not one of fetch.allow_ports"* ]]
	[[ $output == *"ftp://files.example/b.tgz: untried; may not be asked: neither http nor https"* ]]
	[[ $output != *"since nobody was asked"* ]]
	larder check --json "$WORK/lock.list" | jq -e '[.missing[].forbidden] == [true, true, true] and
		(.missing[0].origins[0].refused | test("allow_ports")) and (.missing | map(.advice) | all(test("may not ask")))'
	# Nor does a mirror that may not be asked make it worth while, nor one that was asked in vain.
	larder_config 'mirror "m" { url = "http://mirror.example:8081/{hash}" digests = {"sha256"} }'
	larder check --json "$WORK/lock.list" | jq -e '.missing | all(.forbidden and .mirrors_untried == [])'
	larder_config 'mirror "m" { url = "http://mirror.example/{hash}" digests = {"sha256"} }'
	larder check --json "$WORK/lock.list" | jq -e '.missing | all((.forbidden | not) and .mirrors_untried == ["m"])'
	larder_config
	sql "INSERT INTO origin (entry, url, site, rank, first_at, last_at, past, state, result, detail, tried_at)
		SELECT entry, 'https://cache.example/sha256/a', 'cache.example/sha256', 9, 0, 0, 0, 0, 2, '404', 1 FROM origin WHERE url LIKE '%a.tgz'"
	larder check --json "$WORK/lock.list" | jq -e '[.missing[].forbidden] == [true, true, true] and any(.missing[].origins[]; .mirror)'
	# Where others can be asked they are.
	listed https://other.example/a.tgz a.1 >"$WORK/more.list"
	larder import -q "$WORK/more.list"
	run larder check "$WORK/lock.list"
	[[ $output == *"larder fetch $WORK/lock.list asks for this one, since nobody was asked for it yet:"* ]]
	larder_config 'fetch { allow_ports = {80, 443, 8081} }'
	larder check --json "$WORK/lock.list" | jq -e '[.missing[] | select(.forbidden) | .package] == ["b.1"]'
}

@test "check: everything is stored" {
	listed https://good.example/a/kept.tar.gz kept.1 >"$WORK/lock.list"
	larder import -q "$WORK/lock.list"
	printf %s kept.1 >"$WORK/archives/kept"
	larder add -q "$WORK/archives"
	run larder check "$WORK/lock.list"
	[ "$status" = 0 ]
	[ "${lines[0]}" = "of the 1 stored, 1 is where nobody was asked yet" ]
	[ "${lines[1]}" = "1 archive: 1 stored (6 B), 0 missing: all is safe" ]
	puts_into $VANISHED '%'
	run larder check
	[ "$status" = 0 ]
	[ "${lines[0]}" = "the only archive is stored" ]
	[ "${lines[1]}" = "of the 1 stored, 1 is nowhere else that is known" ]
	[ "${lines[2]}" = "back this store up, since nobody else is known to have this one:" ]
	[[ ${lines[-1]} == *"all is safe" ]]
}

# Of an opam-monorepo lockfile: what is kept, what names no checksum, what is no archive.
make_unkept_lockfile() {
	cat >"$1" <<-END
		opam-version: "2.0"
		pin-depends: [
		  ["kept.1" "https://good.example/a/kept.tar.gz"]
		  ["bare.1" "https://good.example/b/bare.tar.gz"]
		  ["bare-lwt.1" "https://good.example/b/bare.tar.gz"]
		  ["cloned.1" "git+https://github.com/kodwx/cloned.git#0123456"]
		]
		x-opam-monorepo-duniverse-dirs: [
		  ["https://good.example/a/kept.tar.gz" "kept" ["sha256=$(sha256 kept.1)"]]
		  ["https://good.example/b/bare.tar.gz" "bare"]
		  ["git+https://github.com/kodwx/cloned.git#0123456" "cloned"]
		  ["git+https://github.com/kodwx/unpinned.git#0123456" "unpinned"]
		]
	END
}

@test "check: what names no checksum or no archive cannot be kept, and is not safe" {
	make_unkept_lockfile "$WORK/bench.opam.locked"
	printf %s kept.1 >"$WORK/archives/kept"
	larder add -q "$WORK/archives"
	run larder check "$WORK/bench.opam.locked"
	[ "$status" = 1 ]
	diff - <(printf '%s\n' "$output") <<-END
		the only archive is stored; beside it 3 cannot be kept
		of the 1 stored, 1 is where nobody was asked yet

		cannot be kept: this one without a checksum; the lockfile has to name one:
		  good.example/b: bare-lwt.1

		cannot be kept: these 2, of version control or a local path; only an archive with a checksum can:
		  github.com/kodwx: cloned.1, git+https://github.com/kodwx/unpinned.git

		1 archive: 1 stored (6 B), 0 missing; 3 cannot be kept
	END
	larder check --json "$WORK/bench.opam.locked" >"$WORK/report" || [ $? = 1 ]
	jq -e '.archives == 1 and .without_digest == 1 and .not_archives == 2 and (.unkept | map(.why) | sort) ==
		["no archive", "no archive", "no checksum"]' "$WORK/report"
	larder_start
	curl -s --unix-socket "$WORK/store/control.sock" -o "$WORK/answer" --data-binary "@$WORK/bench.opam.locked" http://larder/api/v1/check
	python3 "$TESTS/support/described.py" POST /api/v1/check 200 application/json "$WORK/answer"
	diff <(jq -S . "$WORK/report") <(jq -S . "$WORK/answer")
	larder_stop
}

@test "check: the directory of a dune lock says the same" {
	mkdir "$WORK/dune.lock"
	echo '(lang package 0.1)' >"$WORK/dune.lock/lock.dune"
	echo "(version 1)(source (fetch (url https://good.example/a/kept.tar.gz) (checksum sha256=$(sha256 kept.1))))" >"$WORK/dune.lock/kept.pkg"
	echo '(version 1)(source (fetch (url https://good.example/b/bare.tar.gz)))' >"$WORK/dune.lock/bare.pkg"
	echo '(version 1)(source (fetch (url git+https://github.com/kodwx/cloned)))' >"$WORK/dune.lock/cloned.pkg"
	echo '(version 1)(source (copy /home/me/mine))' >"$WORK/dune.lock/mine.pkg"
	printf %s kept.1 >"$WORK/archives/kept"
	larder add -q "$WORK/archives"
	run larder check "$WORK/dune.lock"
	[ "$status" = 1 ]
	[[ $output == *$'cannot be kept: this one without a checksum; the lockfile has to name one:\n  good.example/b: bare.1'* ]]
	[[ $output == *$'can:\n  github.com/kodwx: cloned.1\n  mine.1'* || $output == *$'can:\n  mine.1\n  github.com/kodwx: cloned.1'* ]]
	[ "${lines[-1]}" = "1 archive: 1 stored (6 B), 0 missing; 3 cannot be kept" ]
	rm "$WORK/dune.lock/kept.pkg"
	run larder check "$WORK/dune.lock"
	[ "$status" = 1 ]
	[ "${lines[0]}" = "$WORK/dune.lock names no archives" ]
	[ "${lines[1]}" = "3 cannot be kept" ]
}

@test "check: nothing is safe where nothing is named" {
	printf %s kept.1 >"$WORK/archives/kept"
	larder add -q "$WORK/archives"
	run larder check
	[ "$status" = 1 ]
	[ "$output" = "the catalog names no archives; larder import tells it of some" ]
	printf 'opam-version: "2.0"\n' >"$WORK/empty.opam.locked"
	run larder check "$WORK/empty.opam.locked"
	[ "$status" = 1 ]
	[ "$output" = "$WORK/empty.opam.locked names no archives" ]
}

@test "check: what could not be looked for is no archive that is missing; its help fits" {
	listed https://good.example/a/kept.tar.gz kept.1 >"$WORK/lock.list"
	larder import -q "$WORK/lock.list"
	run larder check nonexist.opam.locked
	[ "$status" = 3 ]
	[[ $output == *"no digest, no file and no package"* ]]
	printf 'opam-version: "2.0"\nurl {' >"$WORK/broken.opam.locked"
	run larder check "$WORK/broken.opam.locked"
	[ "$status" = 3 ]
	run larder check kept
	[ "$status" = 1 ]
	[ "${lines[0]}" = "the only archive is not stored" ]
	[[ ${lines[-1]} == "1 archive: 0 stored (0 B), 1 missing, 1 untried" ]]
	for command in check repair; do
		run larder help $command
		[ "$(awk 'length > 100' <<<"$output")" = "" ]
	done
}

@test "check: what is stored under a checksum that was corrected since" {
	local name
	for name in kept duff; do
		printf %s $name.1 >"$WORK/archives/$name"
		listed https://good.example/a/$name.tar.gz $name.1
	done >"$WORK/lock.list"
	larder add -q "$WORK/archives"
	larder import -q "$WORK/lock.list"
	sql "UPDATE origin SET last_at = 1687000000000"
	listed https://good.example/a/duff.tar.gz duff.1 "duff corrected" >"$WORK/repository.list"
	larder import -q "$WORK/repository.list"
	puts_into $SERVING '%' "result = 5, served_at = 1694600000000"
	run larder check "$WORK/lock.list"
	[ "$status" = 0 ]
	diff - <(printf '%s\n' "$output") <<-END
		all 2 archives are stored
		of the 2 stored, 2 are at one other host

		stored, but the checksum of this one was corrected upstream, or may have been (below, old and new):
		  good.example/a: duff.1

		stored duff.1 sha256:$(sha256 duff.1)
		    the catalog names other bytes there now, as duff.1, and nobody has looked at them; in the lockfile or opam file it may have to be:
		    - "sha256=$(sha256 duff.1)"
		    + "sha256=$(sha256 "duff corrected")"

		2 archives: 2 stored (12 B), 0 missing: all is safe
	END
	larder check --json "$WORK/lock.list" | jq -e '.corrected == 1 and (.kept | map(.correction != null)) == [false, true]'
	run larder repair "$WORK/lock.list"
	[ "$status" = 0 ]
}

@test "check: long lists are cut where people read them, and whole where programs do" {
	local number
	for number in $(seq 1 30); do
		listed "https://h$((number % 10)).example/a/$number.tar.gz" "p$number.1"
	done >"$WORK/lock.list"
	larder import -q "$WORK/lock.list"
	run larder check "$WORK/lock.list"
	[ "$(grep -c '^untried ' <<<"$output")" = 30 ]
	[[ $output == *"  and 6 more of 2 other sites"* ]]
	run python3 -c 'import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' "$LARDER" check -c "$WORK/larder.conf" "$WORK/lock.list"
	[ "$status" = 1 ]
	[ "$(grep -c '^untried ' <<<"$output")" = 20 ]
	[[ $output == *"… and 10 more; all of them go to a file or a pipe, and with --json"* ]]
	for number in $(seq 1 12); do
		listed "https://one.example/a/$number.tar.gz" "q$number.1"
	done >"$WORK/one.list"
	larder import -q "$WORK/one.list"
	run larder check "$WORK/one.list"
	[[ $output == *"  one.example/a: q1.1, q10.1, q11.1, q12.1, q2.1, q3.1, q4.1, q5.1 and 4 more"* ]]
}

@test "what came instead is what the package was before: told as events tell it, and as no other archive" {
	listed https://github.com/mirage/duff/duff-0.5.tbz duff.0.5 "duff first" >"$WORK/repository.list"
	larder import -q "$WORK/repository.list"
	listed https://github.com/mirage/duff/duff-0.5.tbz duff.0.5 >"$WORK/repository.list"
	larder import -q "$WORK/repository.list"
	sql "UPDATE import SET at = 1687000000000"
	sql "UPDATE origin SET first_at = 1687000000000, last_at = 1687000000000"
	# As a history tells it: it was named, and is not any more.
	sql "UPDATE origin SET past = 1 WHERE entry = (SELECT id FROM entry WHERE sha256 = x'$(sha256 "duff first")')"
	sql "UPDATE origin SET state = $CHANGED, result = 3, failures = 1 WHERE entry = (SELECT id FROM entry WHERE sha256 = x'$(sha256 duff.0.5)')"
	sql "INSERT INTO drift (origin, sha256, size, kept, compared, kind, detail, at)
		SELECT id, x'$(sha256 "duff first")', 10, 0, 1, 'content', '{}', 1687500000000 FROM origin WHERE state = $CHANGED"
	local instead
	instead="served instead: sha256:$(sha256 "duff first") (content, 10 B) since 2023-06-23"
	run larder check "$WORK/repository.list"
	[[ $output == *"$instead, which $WORK/repository.list named since 2023-06-17, and does so no more"* ]]
	[[ $output != *"bytes of"* ]]
	run larder show duff.0.5
	[[ $output == *"$instead, which $WORK/repository.list named since 2023-06-17, and does so no more"* ]]
	# Of another package it is another archive.
	sql "UPDATE package SET name = 'bar.9' WHERE entry = (SELECT id FROM entry WHERE sha256 = x'$(sha256 "duff first")')"
	run larder check "$WORK/repository.list"
	[[ $output == *"$instead, the bytes of bar.9"* ]]
}

@test "who serves what its own line names has not changed, whatever another line puts beside that" {
	local md5
	printf %s old.1 >"$WORK/old"
	md5=$(digest_of md5 "$WORK/old")
	origin_start
	cp "$WORK/old" "$WORK/origin/files/old.tgz"
	larder_config "$(fetch_section "$ORIGIN_PORT")"
	# Of a new release somebody corrected one of the two checksums.
	{
		echo "http://127.0.0.2:$ORIGIN_PORT/ok/old.tgz md5=$md5 pkg.1"
		echo "http://127.0.0.3:$ORIGIN_PORT/ok/new.tgz md5=$md5 sha256=$(sha256 new.1) pkg.2"
	} >"$WORK/all.list"
	larder import -q "$WORK/all.list"
	larder_start
	curl -s "$URL/sha256/$(sha256 new.1)" >"$WORK/said"
	larder_stop
	[ "$(origin_requests "GET /ok/old.tgz")" = 1 ]
	[ "$(sql "SELECT state FROM origin WHERE url LIKE '%old.tgz'")" = $SERVING ]
	[ "$(sql "SELECT count(*) FROM news")" = 0 ]
	[ "$(sql "SELECT count(*) FROM drift")" = 0 ]
	run larder check "$WORK/all.list"
	echo "$output"
	[[ $output != *"was corrected"* && $output != *"served instead"* ]]
}

@test "show: what the origins do, what came instead, copies, the commit" {
	make_every_state
	run larder show rosa
	[[ $output == *"vanished (gone, 404) since 2023-09-12, last served 2023-08-25"* ]]
	[[ $output == *"  copies   0"* ]]
	run larder show "sha256:$(sha256 duff.0.5)"
	[[ $output == *"           served instead: sha256:$(sha256 "duff corrected") (content, 14 B, kept here) since 2023-06-23"* ]]
	sql "UPDATE archive SET git_commit = '0123456789012345678901234567890123456789'"
	sql "UPDATE origin SET first_at = 1600000000000, last_at = 1694600000000, tried_at = 1694600000000, took_ms = 12"
	run larder show kept
	[[ $output == *"  commit   made by git of commit 0123456789012345678901234567890123456789"* ]]
	[[ $output == *"  copies   1 beside this one: good.example"* ]]
	[[ $output == *"           asked 2023-09-13T10:13:20.000Z, answered after 12 ms"* ]]
	[[ $output != *"           told "* ]]
	[[ $output == *"           named 2020-09-13 to 2023-09-13"* ]]
}

@test "show: how often it failed, and what it told when it last served" {
	make_every_state
	sql "UPDATE origin SET tried_at = 1694600000000, took_ms = 12, etag = '\"v1\"', modified = 'Tue, 15 Nov 1994 12:45:26 GMT', length = 4096"
	run larder show rosa
	[[ $output == *"           asked 2023-09-13T10:13:20.000Z, answered after 12 ms; 4 failures in a row since 2023-09-12T06:26:40.000Z"* ]]
	[[ $output == *"           told ETag \"v1\", Last-Modified Tue, 15 Nov 1994 12:45:26 GMT, 4096 bytes"* ]]
	larder show --json rosa | jq -e '.archives[0].origins[0] | .etag == "\"v1\"" and .modified == "Tue, 15 Nov 1994 12:45:26 GMT" and .length == 4096'
	sql "UPDATE origin SET etag = '', modified = '', length = -1"
	larder show --json rosa | jq -e '.archives[0].origins[0] | .etag == null and .modified == null and .length == null'
}

@test "check of the real lockfile: its counts are those of another count" {
	need_real_counts monorepo-bench.opam.locked
	need_real_data opam-repository.tar.gz
	need_real_data archives
	larder import -q "$REAL/opam-repository.tar.gz" || [ $? = 1 ]
	larder add -q "$REAL/archives" >"$WORK/said"
	puts_into $SERVING 'https://github.com/mirage/%'
	puts_into $VANISHED 'https://github.com/savonet/%'
	puts_into $CHANGED 'https://erratique.ch/%'
	larder check --json "$REAL/monorepo-bench.opam.locked" >"$WORK/report" || [ $? = 1 ]
	python3 "$TESTS/support/count_check.py" "$REAL" "$WORK/store/index.db" >"$WORK/counts"
	cat "$WORK/counts"
	diff "$WORK/counts" <(jq -S '{archives, stored, stored_bytes, only_here} + .states' "$WORK/report")
}
