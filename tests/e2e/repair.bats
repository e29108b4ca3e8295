#!/usr/bin/env bats
# What `repair` prints is what a maintainer can use as it is: sections that opam and larder read, diffs that patch and git take, a
# file name and the command that gives the file.

load ../support/larder

setup() {
	larder_config
	mkdir "$WORK/archives" "$WORK/here"
	printf 'rosa, in a file of no known form' >"$WORK/archives/rosa"
	printf lucid >"$WORK/archives/lucid"
	printf 'duff as it was' >"$WORK/archives/duff"
	printf 'duff as it is' >"$WORK/archives/duff-corrected"
	LARDER=$(realpath "$LARDER")
	cd "$WORK/here" || return 1
}

teardown() {
	end_all
}

KODWX=https://github.com/kodwx RESCUED=https://rescue.example/raw/main DUFF=https://github.com/mirage/duff/releases/duff-0.5.tbz

sql() {
	python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    db.execute(sys.argv[2])' "$WORK/store/index.db" "$1"
}

digest() { # ALGO NAME
	digest_of "$1" "$WORK/archives/$2"
}

# The catalog: rosa moved, lucid is nowhere, duff changed; the origins are in the states that tell it.
make_catalog() {
	cat >"$WORK/catalog.list" <<-END
		$KODWX/rosa/archive/v0.2.0.tar.gz md5=$(digest md5 rosa) sha512=$(digest sha512 rosa) rosa.0.2.0
		$KODWX/lucid/archive/v0.1.5.tar.gz md5=$(digest md5 lucid) lucid.0.1.5
		$DUFF sha256=$(digest sha256 duff) duff.0.5
		https://good.example/a/good.1.tar.gz md5=$(printf good | md5sum | cut -d ' ' -f 1) good.1
	END
	larder import -q "$WORK/catalog.list"
	sql "UPDATE origin SET last_at = 1687000000000, past = 1 WHERE url LIKE '$KODWX/rosa%'"
	sql "UPDATE origin SET last_at = 1687000000000"
	cat >"$WORK/newer.list" <<-END
		$RESCUED/rosa-0.2.0.tar.gz md5=$(digest md5 rosa) sha512=$(digest sha512 rosa) rosa.0.2.0
		$DUFF sha256=$(digest sha256 duff-corrected) sha512=$(digest sha512 duff-corrected) duff.0.5
	END
	larder import -q "$WORK/newer.list"
	sql "UPDATE origin SET state = 3, result = 2, detail = '404', failures = 3, failing_since = 1694500000000,
		served_at = 1693000000000, tried_at = 1694700000000 WHERE url LIKE '$KODWX/%'"
	sql "UPDATE origin SET state = 1, result = 1, served_at = 1694600000000, tried_at = 1694600000000
		WHERE url LIKE 'https://rescue.example/%' OR url LIKE 'https://good.example/%'"
	sql "UPDATE origin SET state = 4, result = 3, tried_at = 1694600000000
		WHERE entry = (SELECT id FROM entry WHERE sha256 = x'$(digest sha256 duff)')"
}

# The lockfile that still names the old places, as opam-monorepo writes one.
make_lockfile() {
	cat >"$1" <<-END
		opam-version: "2.0"
		synopsis: "opam-monorepo generated lockfile"
		depends: [
		  "rosa" {= "0.2.0" & ?vendor}
		]
		pin-depends: [
		  ["duff.0.5" "$DUFF"]
		  [
		    "good.1"
		    "https://good.example/a/good.1.tar.gz"
		  ]
		  ["lucid.0.1.5" "$KODWX/lucid/archive/v0.1.5.tar.gz"]
		  ["rosa.0.2.0" "$KODWX/rosa/archive/v0.2.0.tar.gz"]
		]
		x-opam-monorepo-duniverse-dirs: [
		  [
		    "$DUFF"
		    "duff"
		    [
		      "sha256=$(digest sha256 duff)"
		    ]
		  ]
		  [
		    "https://good.example/a/good.1.tar.gz"
		    "good"
		    ["md5=$(printf good | md5sum | cut -d ' ' -f 1)"]
		  ]
		  [
		    "$KODWX/lucid/archive/v0.1.5.tar.gz"
		    "Lucid"
		    ["md5=$(digest md5 lucid)"]
		  ]
		  [
		    "$KODWX/rosa/archive/v0.2.0.tar.gz"
		    "Rosa"
		    [
		      "md5=$(digest md5 rosa)"
		      "sha512=$(digest sha512 rosa)"
		    ]
		  ]
		]
		x-opam-monorepo-root-packages: ["monorepo-bench"]
	END
}

# What it has to be afterwards: rosa and duff mended, lucid as it was.
make_mended_lockfile() {
	make_lockfile "$1"
	sed -i -e "s,$KODWX/rosa/archive/v0.2.0.tar.gz,$RESCUED/rosa-0.2.0.tar.gz," \
		-e "s,      \"sha256=$(digest sha256 duff)\",      \"sha256=$(digest sha256 duff-corrected)\"\n      \"sha512=$(digest sha512 duff-corrected)\"," "$1"
}

@test "a package: its section, and its lines in a lockfile, word for word" {
	make_catalog
	sql "UPDATE origin SET state = 3, result = 2, detail = '404', failures = 3, failing_since = 1694500000000
		WHERE url LIKE 'https://rescue.example/%'"
	sql "UPDATE origin SET state = 1, failures = 0 WHERE url LIKE '$KODWX/rosa%'"
	run larder repair rosa
	[ "$status" = 1 ]
	diff - <(printf '%s\n' "$output") <<-END
		# rosa.0.2.0
		#   $RESCUED/rosa-0.2.0.tar.gz: vanished (gone, 404) since 2023-09-12, last served 2023-09-13
		# it is served by:
		#   $KODWX/rosa/archive/v0.2.0.tar.gz: serving, last served 2023-08-25; named until 2023-06-17
		url {
		  src: "$KODWX/rosa/archive/v0.2.0.tar.gz"
		  checksum: [
		    "sha512=$(digest sha512 rosa)"
		    "md5=$(digest md5 rosa)"
		  ]
		}
		# in a lockfile of opam-monorepo, where its directory may be called otherwise; and its pin:
		  [
		    "$KODWX/rosa/archive/v0.2.0.tar.gz"
		    "rosa"
		    [
		      "sha512=$(digest sha512 rosa)"
		      "md5=$(digest md5 rosa)"
		    ]
		  ]
		  ["rosa.0.2.0" "$KODWX/rosa/archive/v0.2.0.tar.gz"]
	END
}

@test "a section is one that opam reads, with all digests of a stored archive" {
	make_catalog
	larder add -q "$WORK/archives/rosa"
	larder repair --all --json rosa >"$WORK/report" || [ $? = 1 ]
	mkdir -p "$WORK/repository/packages/rosa/rosa.0.2.0"
	printf 'opam-version: "2.0"\n' >"$WORK/repository/repo"
	(
		printf 'opam-version: "2.0"\nname: "rosa"\nversion: "0.2.0"\nsynopsis: "x"\n'
		jq -r '.repairs[0].section' "$WORK/report"
	) >"$WORK/repository/packages/rosa/rosa.0.2.0/opam"
	opam show --just-file --field url.src "$WORK/repository/packages/rosa/rosa.0.2.0/opam" | grep -F "$RESCUED/rosa-0.2.0.tar.gz"
	for algo in sha256 sha512 md5; do
		opam show --just-file --field url.checksum "$WORK/repository/packages/rosa/rosa.0.2.0/opam" |
			grep "$algo=$(digest $algo rosa)"
	done
	rm -rf "$WORK/store"
	larder import -q "$WORK/repository"
	larder show --json rosa | jq -e '.archives[0].digests | length == 3'
}

@test "a lockfile: what patch and git make of all that is printed is a lockfile with the new places" {
	make_catalog
	make_lockfile bench.opam.locked
	make_mended_lockfile mended
	run larder repair bench.opam.locked
	[ "$status" = 1 ]
	printf '%s\n' "$output" >changes.diff
	git init -q .
	git apply --check -p0 changes.diff
	cp bench.opam.locked before
	git apply -p0 changes.diff
	diff bench.opam.locked mended
	cp before bench.opam.locked
	patch -p0 <changes.diff
	diff bench.opam.locked mended

	# It is read again, and what is left is what nobody has.
	larder import -q bench.opam.locked
	larder repair --json bench.opam.locked >"$WORK/report" || [ $? = 1 ]
	jq -e '.archives == 4 and (.repairs | map(.package) == ["lucid.0.1.5"]) and .patches == []' "$WORK/report"
}

@test "a lockfile: the words around its diff" {
	make_catalog
	make_lockfile bench.opam.locked
	larder add -q "$WORK/archives/lucid"
	larder repair bench.opam.locked >said || [ $? = 1 ]
	grep -Fx "# duff.0.5" said
	grep -Fx "# a source names other bytes there now, as duff.0.5; these are their checksums" said
	grep -Fx "#   $KODWX/lucid/archive/v0.1.5.tar.gz: vanished (gone, 404) since 2023-09-12, last served 2023-08-25" said
	grep -Fx "# nobody is known to serve it; it is stored here:" said
	grep -Fx "#   larder get sha256:$(digest sha256 lucid) -o lucid-0.1.5.tar.gz" said
	grep -Fx "# publish it (a rescue repository would call it lucid-0.1.5.tar.gz), and put its address in place of https://RESCUE/lucid-0.1.5.tar.gz" said
	grep -Fx '  src: "https://RESCUE/lucid-0.1.5.tar.gz"' said
	grep -F "    \"sha256=$(digest sha256 lucid)\"" said
	[ "$(grep '^[-+#]' said | grep -c good.example/a/good.1)" = 0 ]
	# The command that it names gives the file.
	larder get "sha256:$(digest sha256 lucid)" -o lucid-0.1.5.tar.gz
	cmp lucid-0.1.5.tar.gz "$WORK/archives/lucid"
}

@test "what nobody has and nobody was asked for" {
	make_catalog
	larder_config 'mirror "cache" { url = "https://cache.example/{algo}/{hash}" digests = {"md5"} }'
	run larder repair "md5=$(digest md5 lucid)"
	[ "$status" = 1 ]
	[[ $output == *"# lucid.0.1.5"* ]]
	[[ $output == *"# nobody is known to serve it, and it is not stored here; ask around for md5:$(digest md5 lucid)"* ]]
	[[ $output == *"#   not asked yet, larder fetch does: the mirror cache"* ]]
	[[ $output == *$'url {\n  src: "https://RESCUE/lucid-0.1.5.tar.gz"\n  checksum: "md5='* ]]
}

@test "an opam file: its url and its extra-source sections" {
	make_catalog
	cat >opam <<-END
		opam-version: "2.0"
		url {
		  src: "https://good.example/a/good.1.tar.gz"
		  checksum: "md5=$(printf good | md5sum | cut -d ' ' -f 1)"
		}
		extra-source "rosa.tgz" {
		  src:
		    "$KODWX/rosa/archive/v0.2.0.tar.gz"
		  checksum: [ "md5=$(digest md5 rosa)" "sha512=$(digest sha512 rosa)" ]
		}
	END
	run larder repair ./opam
	[ "$status" = 1 ]
	[[ $output == *$'\nextra-source "rosa.tgz" {\n  src: "'$RESCUED/rosa-0.2.0.tar.gz* ]]
	printf '%s\n' "$output" | patch -p0
	[ "$(grep -c "$RESCUED/rosa-0.2.0.tar.gz" opam)" = 1 ]
	opam show --just-file --raw ./opam | grep -F "$RESCUED/rosa-0.2.0.tar.gz"
	larder import -q ./opam
}

@test "nothing to repair, everything asked for, and what cannot be read" {
	make_catalog
	run larder repair good
	[ "$status" = 0 ]
	[[ $output == *"nothing to repair: the archive is not known to be gone from where it is named" ]]
	[ -z "$(larder repair good 2>/dev/null)" ]
	larder repair --json good | jq -e '. == {"archives": 1, "untried": 0, "failing": 0, "unknown": 0, "repairs": [], "patches": []}'
	run larder repair --all good
	[ "$status" = 1 ]
	[[ $output == *"# it is served where it is named:"* ]]
	run larder repair good nonsense
	[ "$status" = 3 ]
	[[ $output == *"no digest, no file and no package"* ]]
	printf 'opam-version: "2.0"\nurl {' >broken.opam.locked
	run larder repair ./broken.opam.locked
	[ "$status" = 3 ]
	[[ $output == *"broken.opam.locked:2:"* ]]
	run larder repair
	[ "$status" = 2 ]
}

@test "nothing is known to be gone: of how many that is no answer" {
	make_catalog
	make_lockfile bench.opam.locked
	sql "UPDATE origin SET state = 0, result = 0, last_at = 1687000000000"
	sql "UPDATE origin SET result = 4, failures = 1 WHERE url LIKE '$KODWX/lucid%'"
	run larder repair bench.opam.locked "sha256=$(printf nobody | sha256sum | cut -d ' ' -f 1)"
	[ "$status" = 0 ]
	[ "${lines[0]}" = "larder: nothing to repair: of 5 archives none is known to be gone from where it is named" ]
	[ "${lines[1]}" = "larder: whether these are gone is not known: 3 untried (an origin was never asked), 1 failing (no origin serves it, without a verdict yet), 1 unknown (no origin is known); larder check lists those that are not stored" ]
	run larder check bench.opam.locked
	[[ ${lines[-1]} == *", 3 untried, 1 failing" ]]
	printf 'opam-version: "2.0"\n' >empty.opam.locked
	run larder repair ./empty.opam.locked
	[ "$status" = 0 ]
	[[ $output == *"nothing to repair: no archives are named" ]]
}

@test "beside a running daemon, of a file whose name has blanks" {
	make_catalog
	make_lockfile "a b.opam.locked"
	make_mended_lockfile mended
	larder_start
	run larder repair "a b.opam.locked"
	[ "$status" = 1 ]
	printf '%s\n' "$output" | patch -p0
	diff "a b.opam.locked" mended
	larder_stop
}

@test "the real lockfile, all of it: every entry is found, and patch takes the diff" {
	need_real_counts monorepo-bench.opam.locked
	need_real_data opam-repository.tar.gz
	larder import -q "$REAL/opam-repository.tar.gz" || [ $? = 1 ]
	cp "$REAL/monorepo-bench.opam.locked" bench.opam.locked
	chmod u+w bench.opam.locked
	sql "UPDATE origin SET state = 3"
	sql "INSERT INTO origin (entry, url, site, rank, first_named, last_named, first_at, last_at, past, state, served_at)
		SELECT entry, 'https://rescue.example/' || entry || '.tar.gz', 'rescue.example/x', 0, 1, 1, 1, 1, 1, 1, 1
		FROM origin GROUP BY entry"
	larder repair bench.opam.locked >changes.diff || [ $? = 1 ]
	larder repair --json bench.opam.locked >"$WORK/report" || [ $? = 1 ]
	patch -p0 <changes.diff
	larder import --json bench.opam.locked | jq -e '.sources[0].archives.total == 1245 and .sources[0].problems_total == 0'
	# As many lines name the new place as entries and their pins named the old ones.
	COUNT=$(jq '.repairs | map(select(.how == "elsewhere")) | length' "$WORK/report")
	[ "$COUNT" -gt 1000 ]
	[ "$(sed -n '/duniverse-dirs/,$p' bench.opam.locked | grep -c '^ *\[* *"https://rescue.example/')" = "$COUNT" ]
}
