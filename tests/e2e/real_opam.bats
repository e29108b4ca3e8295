#!/usr/bin/env bats
# Larder's parser of opam files beside opam's own (the library opam-file-format): of every file the same tree, field by field, and the
# same archives, with every url, mirror, checksum and extra-source.

load ../support/larder

# Files of every odd kind, and one for each line of wrong.lines, which nobody can read; the list of them goes to files.
setup() {
	local file name number=0 line
	WORK=$(mktemp -d "$BATS_TEST_TMPDIR/work.XXXXXX")
	cd "$WORK" || return
	for file in "$TESTS"/support/odd_opam/*.opam; do
		name=$(basename "$file" .opam)
		put "$name" <"$file"
	done
	while IFS= read -r line; do
		number=$((number + 1))
		printf '%s\n' "$line" | put "wrong$number"
	done <"$TESTS/support/odd_opam/wrong.lines"
}

put() { # NAME <TEXT
	mkdir -p "$1/a.1"
	cat >"$1/a.1/opam"
	echo "$1/a.1/opam" >>files
}

need_real_parser() {
	command -v ocamlfind >/dev/null || skip "no ocamlfind"
	ocamlfind query opam-file-format >/dev/null 2>&1 || skip "no opam-file-format"
	mkdir real
	cp "$TESTS/support/real_opam.ml" real/
	(cd real && ocamlfind ocamlopt -package opam-file-format -linkpkg real_opam.ml -o real_opam)
}

# agree: both read the files of the list, and say the same.
agree() {
	"$LARDER_BUILD/tests/read_opam" <files >larder.trees
	real/real_opam <files >real.trees
	[ "$(grep -c '^F ' larder.trees)" = "$(wc -l <files)" ]
	diff larder.trees real.trees | head -n 40
	cmp larder.trees real.trees
}

@test "odd files: larder reads what was written down of each, and nothing of those that are wrong" {
	"$LARDER_BUILD/tests/read_opam" <files >larder.trees
	diff "$TESTS/support/odd_opam/trees" larder.trees
}

@test "odd files: the real parser says the same" {
	need_real_parser
	agree
}

@test "the opam repository: the real parser says the same of every file" {
	need_real_data opam-repository.tar.gz
	need_real_parser
	tar -xzf "$REAL/opam-repository.tar.gz"
	find packages -name opam | LC_ALL=C sort >files
	[ "$(wc -l <files)" = 18793 ]
	agree
	[ "$(grep -c '^E$' larder.trees)" = 0 ]
	# Not because neither found any.
	[ "$(grep -c '^A ' larder.trees)" -gt 17000 ]
}
