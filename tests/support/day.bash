# The three packages of the day: their archives in $WORK/archives, an opam repository that names them in $WORK/repository (with the
# real metadata where it lies beside the checkout), and real opam to ask for them.

DAY_PACKAGES=(rosa.0.2.0 lucid.0.1.5 simlog.0.0.3)
DAY_ORIGIN=https://raw.githubusercontent.com/ocaml/opam-source-archives/HEAD

# "rosa.0.2.0" → "rosa-0.2.0.tar.gz"
day_archive() {
	echo "${1%%.*}-${1#*.}.tar.gz"
}

make_the_day() {
	mkdir -p "$WORK/archives" "$WORK/repository"
	echo 'opam-version: "2.0"' >"$WORK/repository/repo"
	if [ -e "$REAL/opam-repository.tar.gz" ] && [ -e "$REAL/archives" ]; then
		take_the_real_day
	else
		make_a_small_day
	fi
}

take_the_real_day() {
	local package
	for package in "${DAY_PACKAGES[@]}"; do
		cp "$REAL/archives/$(day_archive "$package")" "$WORK/archives/"
		tar -xzf "$REAL/opam-repository.tar.gz" -C "$WORK/repository" "packages/${package%%.*}/$package/opam"
	done
}

make_a_small_day() {
	local package directory archive
	for package in "${DAY_PACKAGES[@]}"; do
		archive=$WORK/archives/$(day_archive "$package")
		mkdir -p "$WORK/made/$package"
		echo "let () = print_endline \"$package\"" >"$WORK/made/$package/main.ml"
		tar -czf "$archive" -C "$WORK/made" "$package"
		directory=$WORK/repository/packages/${package%%.*}/$package
		mkdir -p "$directory"
		cat >"$directory/opam" <<-END
			opam-version: "2.0"
			maintainer: "nobody"
			synopsis: "$package"
			url {
			  src: "$DAY_ORIGIN/$(day_archive "$package")"
			  checksum: [
			    "md5=$(digest_of md5 "$archive")"
			    "sha512=$(digest_of sha512 "$archive")"
			  ]
			}
		END
	done
}

# Every upstream is dead: src: names a port on which nothing listens. opam is told of MIRROR.
kill_the_upstreams() { # MIRROR
	local closed
	closed=$(python3 "$TESTS/support/free_ports.py" 1)
	find "$WORK/repository" -name opam -exec sed -i "s,$DAY_ORIGIN,http://127.0.0.1:$closed," {} +
	printf 'opam-version: "2.0"\narchive-mirrors: "%s"\n' "$1" >"$WORK/repository/repo"
}

# opam as on a new machine. Each call of new_opam starts from nothing.
new_opam() {
	rm -rf "${WORK:?}/opam" "${WORK:?}/home" "${WORK:?}/sources"
	mkdir -p "$WORK/home" "$WORK/sources"
	export OPAMROOT=$WORK/opam HOME=$WORK/home OPAMROOTISOK=1 OPAMYES=1 OPAMNOENVNOTICE=1 OPAMRETRIES=1
	unset OPAMSWITCH OPAM_SWITCH_PREFIX
	opam init --bare --disable-sandboxing -n "$WORK/repository"
	opam switch create s --empty
}

# opam source gets all three, and what it got are the archives' very bytes.
opam_gets_all() {
	local package archive md5
	for package in "${DAY_PACKAGES[@]}"; do
		archive=$WORK/archives/$(day_archive "$package")
		md5=$(digest_of md5 "$archive")
		(cd "$WORK/sources" && opam source "$package")
		[ -n "$(ls "$WORK/sources/$package")" ]
		cmp "$archive" "$OPAMROOT/download-cache/md5/${md5:0:2}/$md5"
	done
}
