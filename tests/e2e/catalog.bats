#!/usr/bin/env bats
# Learning where archives live: counts that another reader agrees with, nothing forgotten by learning again, and bad input that is told
# apart from good.

load ../support/larder

setup() {
	larder_config
}

teardown() {
	end_all
}

# learn SOURCE: what import says as JSON goes to report.json.
learn() {
	larder import --json "$1" >"$WORK/report.json"
}

# reported PATH: a figure of the report: files, archives.total, archives.new …
reported() {
	jq -r ".sources[0].$1" "$WORK/report.json"
}

counted() {
	jq -r ".$1" "$WORK/counts.json"
}

agree() { # NAMES
	local name
	for name in "$@"; do
		echo "$name: larder says $(reported "$name"), counted: $(counted "${name%.total}")"
		[ "$(reported "$name")" = "$(counted "${name%.total}")" ]
	done
}

@test "the opam repository: every file read, and the counts of another reader agree" {
	need_real_data opam-repository.tar.gz
	python3 "$TESTS/support/count_opam.py" "$REAL/opam-repository.tar.gz" >"$WORK/counts.json"
	learn "$REAL/opam-repository.tar.gz"
	[ "$(reported files)" = 18793 ]
	[ "$(reported problems_total)" = 0 ]
	agree files sections archives.total digests.total origins.total

	# Again: nothing is new and nothing is lost.
	learn "$REAL/opam-repository.tar.gz"
	[ "$(reported archives.new)" = 0 ]
	[ "$(reported digests.new)" = 0 ]
	[ "$(reported origins.new)" = 0 ]
	agree archives.total
}

@test "the lockfile: 1,245 archives; check lists each, and exits 1" {
	need_real_data monorepo-bench.opam.locked
	python3 "$TESTS/support/count_opam.py" "$REAL/monorepo-bench.opam.locked" >"$WORK/counts.json"
	learn "$REAL/monorepo-bench.opam.locked"
	[ "$(reported archives.total)" = 1245 ]
	agree archives.total digests.total origins.total
	run larder check "$REAL/monorepo-bench.opam.locked"
	[ "$status" = 1 ]
	[[ "$output" == *1245* || "$output" == *1,245* ]]
	[ "$(grep -oE '(md5|sha256|sha512):[0-9a-f]{32,128}' <<<"$output" | sort -u | wc -l)" -ge 1245 ]
}

@test "a directory of an opam repository and its tar.gz teach the same" {
	load ../support/day
	make_the_day
	tar -czf "$WORK/index.tar.gz" -C "$WORK/repository" .
	learn "$WORK/repository"
	[ "$(reported archives.total)" = 3 ]
	learn "$WORK/index.tar.gz"
	[ "$(reported archives.total)" = 3 ]
	[ "$(reported archives.new)" = 0 ]
	larder show rosa.0.2.0 | grep -F "$DAY_ORIGIN/rosa-0.2.0.tar.gz"
}

@test "an origin that today's metadata no longer names stays known" {
	local hex
	hex=$(printf old | sha256sum | cut -d ' ' -f 1)
	echo "https://old.example/a.tar.gz sha256=$hex a.1" >"$WORK/origins.list"
	larder import "$WORK/origins.list"
	echo "https://new.example/a.tar.gz sha256=$hex a.1" >"$WORK/origins.list"
	larder import "$WORK/origins.list"
	run larder show "sha256:$hex"
	[[ "$output" == *https://old.example/a.tar.gz* ]]
	[[ "$output" == *https://new.example/a.tar.gz* ]]
}

# refused FILE: a clear error that names the file, an exit status that says so, in bounded time, and what was learned before is there.
refused() {
	local hex
	hex=$(printf kept | sha256sum | cut -d ' ' -f 1)
	echo "https://kept.example/kept.tar.gz sha256=$hex kept.1" >"$WORK/kept.list"
	larder import "$WORK/kept.list"
	run timeout 60 "$LARDER" import -c "$WORK/larder.conf" "$1"
	echo "$output"
	[ "$status" = 1 ] || [ "$status" = 3 ]
	[[ "$output" == *"$(basename "$1")"* ]]
	run larder show "sha256:$hex"
	[[ "$output" == *https://kept.example/kept.tar.gz* ]]
}

a_small_repository() {
	load ../support/day
	make_a_small_day_in_repository
}

make_a_small_day_in_repository() {
	mkdir -p "$WORK/archives" "$WORK/repository"
	echo 'opam-version: "2.0"' >"$WORK/repository/repo"
	make_a_small_day
}

@test "bad: a file that is not there" {
	refused "$WORK/missing.tar.gz"
}

@test "bad: a tar.gz cut off" {
	a_small_repository
	tar -czf "$WORK/whole.tar.gz" -C "$WORK/repository" .
	head -c 300 "$WORK/whole.tar.gz" >"$WORK/cut.tar.gz"
	refused "$WORK/cut.tar.gz"
}

@test "bad: a tar.gz that is none" {
	make_archive "$WORK/random.tar.gz" 100000
	refused "$WORK/random.tar.gz"
}

@test "bad: two GiB of zeros under every name" {
	local name
	for name in zeros.tar.gz zeros.opam.locked zeros.list; do
		truncate -s 2G "$WORK/$name"
		refused "$WORK/$name"
	done
}

@test "bad: a bomb of zeros in a small tar.gz" {
	mkdir -p "$WORK/packages/a/a.1"
	head -c 300000000 /dev/zero | tr '\0' ' ' >"$WORK/packages/a/a.1/opam"
	tar -czf "$WORK/bomb.tar.gz" -C "$WORK" packages
	rm "$WORK/packages/a/a.1/opam"
	refused "$WORK/bomb.tar.gz"
}

@test "bad: an opam file nested 10,000 deep, in the middle of good ones" {
	a_small_repository
	mkdir -p "$WORK/repository/packages/deep/deep.1"
	python3 -c 'print("opam-version: \"2.0\"\ndepends: " + "[" * 10000 + "]" * 10000)' >"$WORK/repository/packages/deep/deep.1/opam"
	refused_but_the_rest_is_read deep.1
}

@test "bad: an opam file cut off" {
	a_small_repository
	mkdir -p "$WORK/repository/packages/half/half.1"
	printf 'opam-version: "2.0"\nurl {\n  src: "https://half.example/ha' >"$WORK/repository/packages/half/half.1/opam"
	refused_but_the_rest_is_read half.1
}

@test "bad: a binary opam file" {
	a_small_repository
	mkdir -p "$WORK/repository/packages/binary/binary.1"
	make_archive "$WORK/repository/packages/binary/binary.1/opam" 5000
	refused_but_the_rest_is_read binary.1
}

# The one file is named with its line, the others are learned, and the exit status tells.
refused_but_the_rest_is_read() { # PACKAGE
	run larder import "$WORK/repository"
	echo "$output"
	[ "$status" = 1 ]
	[[ "$output" =~ $1/opam:[0-9]+ ]]
	run larder show rosa.0.2.0
	[ "$status" = 0 ] || [ "$status" = 1 ]
	[[ "$output" == *rosa-0.2.0.tar.gz* ]]
}

@test "bad: a lockfile cut off, binary, nested" {
	printf 'opam-version: "2.0"\nx-opam-monorepo-duniverse-dirs: [\n  [\n    "https://x.example/a.tbz"\n' >"$WORK/cut.opam.locked"
	refused "$WORK/cut.opam.locked"
	make_archive "$WORK/binary.opam.locked" 5000
	refused "$WORK/binary.opam.locked"
	python3 -c 'print("opam-version: \"2.0\"\ndepends: " + "[" * 10000)' >"$WORK/nested.opam.locked"
	refused "$WORK/nested.opam.locked"
}

@test "bad: lines of a list; the good ones are learned" {
	local hex
	hex=$(printf good | sha256sum | cut -d ' ' -f 1)
	printf '%s\n' "https://x.example/a sha256=abc" "not a line" "https://good.example/good sha256=$hex good.1" >"$WORK/some.list"
	run larder import "$WORK/some.list"
	[ "$status" = 1 ]
	[[ "$output" =~ some.list:1 ]]
	[[ "$output" =~ some.list:2 ]]
	run larder show "sha256:$hex"
	[[ "$output" == *https://good.example/good* ]]
}
