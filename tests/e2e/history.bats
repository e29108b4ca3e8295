#!/usr/bin/env bats
# larder import --history: what any commit of an opam repository ever named is known, alone and beside a daemon, the next time from new
# commits alone; what is no whole repository teaches nothing.

load ../support/larder

setup() {
	larder_config
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@x.example GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@x.example
	export TMPDIR=$WORK/tmp
	mkdir "$TMPDIR"
}

teardown() {
	[ -z "$(ls -A "$WORK/tmp")" ] # nothing is left behind
	end_all
}

hex_of() { # WORD
	printf %s "$1" | sha256sum | cut -d ' ' -f 1
}

# publish PACKAGE URL WORD: an opam file in the repository, with the sha256 of the word.
publish() {
	mkdir -p "$WORK/r/packages/${1%%.*}/$1"
	printf 'opam-version: "2.0"\nurl {\n  src: "%s"\n  checksum: "sha256=%s"\n}\n' "$2" "$(hex_of "$3")" >"$WORK/r/packages/${1%%.*}/$1/opam"
}

# commit DAY: of all there is.
commit() {
	local date="$((1400000000 + 86400 * $1)) +0000"
	git -C "$WORK/r" add -A
	GIT_AUTHOR_DATE=$date GIT_COMMITTER_DATE=$date git -C "$WORK/r" commit -q -m "day $1"
}

make_repository() {
	git init -q --initial-branch=master "$WORK/r"
	publish duff.0.5 https://one.example/duff-0.5.tar.gz first
	publish rosa.0.2.0 https://gone.example/rosa.tar.gz rosa
	commit 0
	publish duff.0.5 https://one.example/duff-0.5.tar.gz corrected
	publish rosa.0.2.0 https://rescued.example/rosa.tar.gz rosa
	commit 1
	rm -r "$WORK/r/packages/rosa"
	publish lucid.0.1 https://one.example/lucid.tar.gz lucid
	commit 2
}

# said FILE -s STORE ARGS...: what is said and the exit status, without times.
said() {
	local file=$WORK/$1 status=0
	shift
	"$LARDER" import -c "$WORK/larder.conf" "$@" >"$file" 2>&1 || status=$?
	echo "exit status $status" >>"$file"
	sed -i -E '/^\{"time"/d; s/read in [0-9.]+ s/read in a while/' "$file"
}

# both ARGS...: alone on a store of its own, and beside the daemon, the same is said.
both() {
	said alone -s "$WORK/own" "$@"
	said beside -s "$WORK/store" "$@"
	cat "$WORK/alone"
	diff "$WORK/alone" "$WORK/beside"
}

@test "what was ever named is known: changed in place, moved and removed, alone and beside a daemon" {
	make_repository
	larder_start
	both --history "$WORK/r"
	grep -q '^  commits  *3$' "$WORK/beside"
	grep -q '^  archives  *4  *4 new$' "$WORK/beside"
	grep -q '^  origins  *5  *5 new$' "$WORK/beside"
	grep -q '^exit status 0$' "$WORK/beside"
	# The next time only what is new is read.
	both --json --history "$WORK/r"
	[ "$(head -n -1 "$WORK/beside" | jq -c '.sources[0] | [.form, .commits, .archives.new, .origins.total]')" = '["history of an opam repository",0,0,0]' ]
	publish lucid.0.1 https://two.example/lucid.tar.gz lucid
	commit 3
	both --history "$WORK/r"
	grep -q '^  commits  *1$' "$WORK/beside"
	grep -q '^  origins  *2  *1 new$' "$WORK/beside"
	run larder show "sha256:$(hex_of first)"
	[[ $output == *https://one.example/duff-0.5.tar.gz* ]]
	run larder show "sha256:$(hex_of corrected)"
	[[ $output == *https://one.example/duff-0.5.tar.gz* ]]
	run larder show rosa.0.2.0
	[[ $output == *https://gone.example/rosa.tar.gz* ]]
	[[ $output == *https://rescued.example/rosa.tar.gz* ]]
}

@test "a bundle teaches what the clone teaches; one cut short teaches nothing" {
	make_repository
	git -C "$WORK/r" bundle create -q "$WORK/r.bundle" master
	git clone -q --bare "$WORK/r" "$WORK/r.git"
	larder_start
	both --history "$WORK/r.bundle"
	grep -q '^  archives  *4  *4 new$' "$WORK/beside"
	# Of whatever repository they are: the commits are known.
	both --history "$WORK/r.git"
	grep -q '^  commits  *0$' "$WORK/beside"
	head -c -20 "$WORK/r.bundle" >"$WORK/cut.bundle"
	run "$LARDER" import -c "$WORK/larder.conf" -s "$WORK/new" --history "$WORK/cut.bundle"
	echo "$output"
	[ "$status" = 1 ]
	[[ $output == *"cut.bundle: git says: "*"; nothing was learned from it" ]]
	run "$LARDER" import -c "$WORK/larder.conf" -s "$WORK/new" --history "$WORK/r.bundle"
	[[ $output == *"4 new"* ]]
}

@test "what is no repository is named as what it is" {
	echo "https://h.example/a md5=$(printf a | md5sum | cut -d ' ' -f 1)" >"$WORK/a.list"
	mkdir -p "$WORK/checkout/packages/a/a.1"
	larder_start
	both --history "$WORK/a.list" "$WORK/checkout" "$WORK/missing"
	grep -q "a.list is a file, but no git bundle" "$WORK/beside"
	grep -q "checkout is a directory, but no git repository: an opam repository without its history" "$WORK/beside"
	grep -q "missing: No such file or directory; nothing was learned" "$WORK/beside"
	grep -q "^exit status 3" "$WORK/beside"
	run larder import --history https://github.example/opam-repository.git
	[ "$status" = 2 ]
	[[ $output == *"is a URL: clone it, and give the clone"* ]]
	run larder check --history "$WORK/r"
	[ "$status" = 2 ]
	[[ $output == *"takes no such option"* ]]
}

@test "Ctrl-C ends it, and leaves nothing behind" {
	make_repository
	mkdir "$WORK/bin"
	# A git that never comes to an end.
	printf '#!/bin/sh\necho $$ >"%s"\nexec tail -f /dev/null\n' "$WORK/git.pid" >"$WORK/bin/git"
	chmod +x "$WORK/bin/git"
	PATH=$WORK/bin:$PATH in_background import "$LARDER" import -c "$WORK/larder.conf" --history "$WORK/r" "$WORK/r"
	wait_until 20 test -s "$WORK/git.pid"
	kill -INT "$(cat "$WORK/import.pid")"
	wait_until 20 test -s "$WORK/import.status"
	[ "$(cat "$WORK/import.status")" = 3 ]
	grep -q "stopped before all was read" "$WORK/import.log"
	run kill -0 "$(cat "$WORK/git.pid")"
	[ "$status" != 0 ]
}

# reported PATH, counted NAME: figures of the report and of the other reader.
reported() {
	jq -r ".sources[0].$1" "$WORK/report.json"
}

counted() {
	jq -r ".$1" "$WORK/counts.json"
}

@test "the real history: the counts of another reader agree, and what was rescued is found" {
	local name url
	need_real_data opam-repository-history.bundle
	python3 "$TESTS/support/count_opam.py" "$REAL/opam-repository-history.bundle" >"$WORK/counts.json"
	larder import --json --history "$REAL/opam-repository-history.bundle" >"$WORK/report.json" || [ $? = 1 ]
	[ "$(reported commits)" = 569 ]
	for name in files archives.total digests.total origins.total packages.total; do
		echo "$name: larder says $(reported "$name"), counted: $(counted "${name%.total}")"
		[ "$(reported "$name")" = "$(counted "${name%.total}")" ]
	done
	larder show duff.0.5 >"$WORK/duff"
	grep -q d1eaa97c "$WORK/duff"
	grep -q f9453cf4 "$WORK/duff"
	for name in rosa.0.2.0 lucid.0.1.5 simlog.0.0.3; do
		larder show "$name" >"$WORK/shown"
		cat "$WORK/shown"
		grep -q https://github.com/kodwx/ "$WORK/shown" || grep -q https://github.com/muqiuhan/ "$WORK/shown"
	done
}
