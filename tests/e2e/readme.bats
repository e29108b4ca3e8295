#!/usr/bin/env bats
# What the README says: its shell lines about giving, keeping and changing, run as they stand there, one after the other, against a
# daemon; only the port differs.

load ../support/larder

setup() {
	export HOME=$WORK/home LARDER_CONFIG=$WORK/larder.conf
	mkdir -p "$HOME/.local/share" "$HOME/.opam" "$WORK/here" "$WORK/bin"
	larder_config "store = \"$HOME/.local/share/larder\""
	ln -s "$LARDER" "$WORK/bin/larder"
	cd "$WORK/here" || return 1
}

teardown() {
	end_all
}

# The shell lines of the README's section of this name.
lines_of() {
	awk -v section="## $1" '
		/^## / { inside = $0 == section }
		/^```/ { shell = inside && $0 == "```sh"; next }
		shell { print }' "$TOP/README.md"
}

# Runs them; the first that fails ends it.
run_lines_of() {
	lines_of "$1" | sed -e "s,http://127.0.0.1:8080,$URL,g" -e "s,<hex>,$(digest_of sha256 rosa-0.2.0.tar.gz),g" >"$WORK/lines.sh"
	[ -s "$WORK/lines.sh" ]
	PATH=$WORK/bin:$PATH bash -eux "$WORK/lines.sh" >"$WORK/said" 2>&1 || {
		cat "$WORK/said"
		return 1
	}
}

# A download cache as opam lays it out, with two archives.
make_cache() {
	local name path
	for name in one two; do
		make_archive "$WORK/$name" 5000
		path=$HOME/.opam/download-cache$(path_of sha256 "$WORK/$name")
		mkdir -p "${path%/*}"
		cp "$WORK/$name" "$path"
	done
}

@test "giving it archives" {
	larder_start
	make_cache
	make_archive rosa-0.2.0.tar.gz 7000
	run_lines_of "Giving it archives"
	for file in "$WORK/one" "$WORK/two" rosa-0.2.0.tar.gz; do
		curl -sf "$URL$(path_of sha256 "$file")" | cmp - "$file"
	done
	larder token list | grep laptop
	larder token revoke laptop
}

@test "keeping and removing" {
	larder_start
	make_archive rosa-0.2.0.tar.gz 7000
	larder add rosa-0.2.0.tar.gz
	run_lines_of "Keeping and removing"
	[ "$(curl -s -o "$WORK/answer" -w '%{http_code}' "$URL$(path_of sha256 rosa-0.2.0.tar.gz)")" = 404 ]
	larder add rosa-0.2.0.tar.gz
	larder check "sha256:$(digest_of sha256 rosa-0.2.0.tar.gz)"
}

@test "changing it over HTTP" {
	larder_start
	make_archive rosa-0.2.0.tar.gz 7000
	cat >mirage.opam.locked <<-END
		opam-version: "2.0"
		x-opam-monorepo-duniverse-dirs: [
		  [ "http://127.0.0.1:9/rosa" "rosa" [ "sha256=$(digest_of sha256 rosa-0.2.0.tar.gz)" ] ]
		]
	END
	run_lines_of "Changing it over HTTP"
	grep -q '"wanted"' "$WORK/said"
	grep -q '"events"' "$WORK/said"
}

@test "its table of requests is the table of routes" {
	sed -nE 's/^ +\{METHOD_[A-Z]+, "(\/api[^"{]*).*/\1/p' "$TOP/server/http/routes.c" | sort -u | while read -r path; do
		[ "$path" = /api/v1/openapi.json ] || grep -F "$path" "$TOP/README.md" | grep -q '^|' || {
			echo "the README has no $path"
			return 1
		}
	done
}
