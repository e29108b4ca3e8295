#!/usr/bin/env bats
# What larder says to who mistakes its options, arguments, files and places, and that nothing comes of it: each with its exit status.

load ../support/larder

setup() {
	larder_config
	mkdir "$WORK/archives"
	make_archive "$WORK/archives/one" 1000
	make_archive "$WORK/archives/two" 70000
	ONE=sha256:$(digest_of sha256 "$WORK/archives/one")
	TWO=sha256:$(digest_of sha256 "$WORK/archives/two")
}

teardown() {
	end_all
	umount "$WORK/small" 2>/dev/null || true
}

# says STATUS TEXT: the last `run` ended so and said it.
says() {
	[[ $status = "$1" && $output == *"$2"* ]] || {
		echo "not said, with status $1: $2"
		echo "said, with status $status: $output"
		return 1
	}
}

@test "options that are none, that are another command's, or that lack or have a value" {
	run "$LARDER" stat --nonsense
	says 2 "larder: --nonsense: there is no such option"
	run "$LARDER" stat -x
	says 2 "larder: -x: there is no such option"
	run "$LARDER" stat -qx
	says 2 "larder: -x: there is no such option"
	run "$LARDER" stat -xq
	says 2 "larder: -x: there is no such option"
	run "$LARDER" stat --json=yes
	says 2 "larder: --json takes no value"
	run "$LARDER" stat --store
	says 2 "larder: --store needs a value"
	run "$LARDER" stat --wanted
	says 2 "larder: --wanted: stat takes no such option"
	run "$LARDER" stat --may upload
	says 2 "larder: --may: stat takes no such option"
	run "$LARDER" --json stat
	says 2 "larder: --json stands behind the command"
	run "$LARDER" --nonsense stat
	says 2 "larder: --nonsense: there is no such option"
	run "$LARDER" stat one two
	says 2 "larder: stat: one argument too many: 'one'"
}

@test "-o: without a name, and more often than there is room for" {
	run larder stat -o =3
	says 2 "larder: -o =3: write it as NAME=VALUE"
	local many=()
	for ((i = 0; i < 257; i++)); do many+=(-o "workers=$((i % 8 + 1))"); done
	run larder stat "${many[@]}" -s "$WORK/other"
	says 2 "larder: -o: more than 256 of them; put them into a configuration file"
	# There is room for -s behind as many as are taken.
	run larder stat "${many[@]:0:512}" -s "$WORK/other"
	says 3 "there is no store at $WORK/other"
	# Where -o is --output, --option is left.
	larder add "$WORK/archives"
	run larder get --option "store=$WORK/other" -o "$WORK/got" "$ONE"
	says 3 "there is no store at $WORK/other"
	run larder get --option nonsense -o "$WORK/got" "$ONE"
	says 2 "larder: -o nonsense: write it as NAME=VALUE"
}

@test "commands that are none, mistyped ones, and what help says of those that there are" {
	run "$LARDER" nonsense
	says 2 "larder: there is no command 'nonsense'; \`larder help\` lists them"
	run "$LARDER" help nonsense
	says 2 "larder: there is no command 'nonsense'; \`larder help\` lists them"
	run "$LARDER" help exprot
	says 2 "there is no command 'exprot', did you mean 'export'?"
	run "$LARDER" help get
	says 0 "With this command -o is --output; write --option in full."
	run "$LARDER" help stat
	says 0 "usage: larder stat [OPTION]..."
	[[ $output != *--output* ]]
	run "$LARDER" token
	says 2 "token needs"
	run larder token lend laptop
	says 2 "token: 'lend' is none of add, list and revoke"
	run larder token list --may upload
	says 2 "token list takes neither --may nor --expires"
	run larder token revoke
	says 2 "token revoke takes a name"
	run larder token revoke 'two words'
	says 2 "usage: larder token"
	[ ! -e "$WORK/store" ]
}

@test "get: into a directory, into one that is not there, and of what the store has lost" {
	larder add "$WORK/archives"
	run larder get "$ONE" -o "$WORK/archives"
	says 3 "writing $WORK/archives: Is a directory"
	run larder get "$ONE" -o "$WORK/none/got"
	says 3 "No such file or directory"
	[ ! -e "$WORK/none" ]
	[ -z "$(find "$WORK" -maxdepth 1 -name 'archives.*' -o -maxdepth 1 -name 'none*')" ]
	run larder get -q "$ONE" -o "$WORK/got"
	[ "$status" = 0 ] && [ -z "$output" ]
	larder get "$ONE" -o - | cmp - "$WORK/archives/one"
	rm -f "$(blob_of "$WORK/archives/one")"
	run larder get "$ONE" -o "$WORK/lost"
	says 1 "is not stored; \`larder fetch\` downloads it"
	[ ! -e "$WORK/lost" ]
	rm -f "$(blob_of "$WORK/archives/two")"
	mkdir "$(blob_of "$WORK/archives/two")"
	run larder get "$TWO" -o "$WORK/lost"
	says 1 "is not stored"
	[ ! -e "$WORK/lost" ]
}

@test "export: what stands in the way, in the tree and of it, is left and named" {
	larder add "$WORK/archives"
	run larder export "$WORK/archives/one"
	says 3 "$WORK/archives/one"
	mkdir -p "$WORK/tree$(path_of sha256 "$WORK/archives/one")" "$WORK/tree/md5"
	: >"$WORK/tree$(dirname "$(path_of md5 "$WORK/archives/two")")"
	run larder export --json "$WORK/tree"
	[ "$status" = 1 ]
	larder export --json "$WORK/tree" >"$WORK/report" 2>/dev/null || [ $? = 1 ]
	jq -e '.failures | map(.reason) | length == 2 and any(test("holds other bytes and is left as it is")) and any(test("Not a directory|holds other"))' \
		"$WORK/report" || { cat "$WORK/report" && false; }
	[ -d "$WORK/tree$(path_of sha256 "$WORK/archives/one")" ]
	# Nothing to write it on.
	: >"$WORK/sha256" && mkdir "$WORK/blocked" && mv "$WORK/sha256" "$WORK/blocked"
	run larder export "$WORK/blocked"
	says 1 "0 archives written, 0 were there, 2 failed"
}

@test "export: what the store has lost or what has been altered there is named, the rest is written" {
	larder add "$WORK/archives"
	make_archive "$WORK/three" 5000
	larder add "$WORK/three"
	rm -f "$(blob_of "$WORK/archives/one")"
	chmod u+w "$(blob_of "$WORK/archives/two")"
	printf ALTERED | dd of="$(blob_of "$WORK/archives/two")" bs=1 seek=60000 conv=notrunc status=none
	run larder export "$WORK/tree"
	says 1 "$ONE was not exported: its file is gone from the store; \`larder verify --repair\` fetches it again"
	says 1 "$TWO was not exported: "
	says 1 "1 archive written, 0 were there, 2 failed"
	cmp "$WORK/tree$(path_of md5 "$WORK/three")" "$WORK/three"
	[ ! -e "$WORK/tree$(path_of sha256 "$WORK/archives/two")" ]
}

@test "export: a full disk ends it" {
	[ "$(id -u)" = 0 ] || skip "mounting needs root"
	mkdir "$WORK/small"
	mount -t tmpfs -o size=100k none "$WORK/small" || skip "nothing may be mounted here"
	make_archive "$WORK/archives/three" 70000
	larder add "$WORK/archives"
	run larder export "$WORK/small/tree"
	says 3 "No space left on device"
	find "$WORK/small/tree" -type f | while read -r file; do
		[ "$(sha256sum <"$file" | cut -c 1-64)" = "${file##*/}" ] || [[ $file != *sha256* ]]
	done
	[ -z "$(find "$WORK/small/tree" -name '*.??????')" ]
}

@test "show: of what nothing is known, and of what is no name" {
	larder add "$WORK/archives"
	run larder show md5=d41d8cd98f00b204e9800998ecf8427e
	says 1 "nothing is known of md5=d41d8cd98f00b204e9800998ecf8427e: it is neither stored nor in the catalog"
	run larder show rosa
	says 1 "rosa"
	run larder show sha256:12
	says 1 "'sha256:12' is no digest, no file and no package the catalog knows"
	run larder show --json md5=d41d8cd98f00b204e9800998ecf8427e
	says 1 '"archives":'
}

@test "tokens that are none: of the environment, of a file, of one that others can read" {
	LARDER_TOKEN='two words' run "$LARDER" push http://127.0.0.1:9 "$WORK/archives"
	says 2 "LARDER_TOKEN does not hold a token"
	LARDER_TOKEN=$'secr\xc3\xa9t' run "$LARDER" push http://127.0.0.1:9 "$WORK/archives"
	says 2 "LARDER_TOKEN does not hold a token"
	printf 'two words\n' >"$WORK/token"
	run "$LARDER" push --token-file "$WORK/token" http://127.0.0.1:9 "$WORK/archives"
	says 2 "--token-file: $WORK/token does not hold a token"
	printf '\n \n' >"$WORK/token"
	run "$LARDER" push --token-file "$WORK/token" http://127.0.0.1:9 "$WORK/archives"
	says 2 "does not hold a token"
	printf 'one\0two\n' >"$WORK/token"
	run "$LARDER" push --token-file "$WORK/token" http://127.0.0.1:9 "$WORK/archives"
	says 2 "does not hold a token"
	run "$LARDER" push --token-file "$WORK/none" http://127.0.0.1:9 "$WORK/archives"
	says 2 "--token-file: "
	echo secret >"$WORK/token"
	chmod 644 "$WORK/token"
	run "$LARDER" push --token-file "$WORK/token" http://127.0.0.1:9 "$WORK/archives"
	says 3 "others can read the token in $WORK/token"
	chmod 600 "$WORK/token"
	# An empty one is none, and no mistake; nobody is there.
	LARDER_TOKEN='' run "$LARDER" push http://127.0.0.1:9 "$WORK/archives"
	says 3 "127.0.0.1:9"
	[[ $output != *"can read the token"* ]]
}

@test "import: a hundred mistakes are counted, the first of them told, all of them in JSON" {
	for ((i = 0; i < 120; i++)); do echo "http://127.0.0.1:9/$i sha256=xyz"; done >"$WORK/wrong.list"
	echo "http://127.0.0.1:9/one sha256=${ONE#sha256:} one.1.0" >>"$WORK/wrong.list"
	run larder import "$WORK/wrong.list"
	says 1 "wrong.list:1:"
	says 1 "120 problems: what stands there was skipped, all else was learned"
	says 1 "more; --json lists all"
	larder import --json "$WORK/wrong.list" >"$WORK/report" 2>/dev/null || [ $? = 1 ]
	jq -e '.sources[0].problems_total == 120 and (.sources[0].problems | length) == 120' "$WORK/report"
	run larder check "$WORK/wrong.list"
	says 1 "… and 100 more; \`larder import --json\` lists them"
	says 1 "120 problems: what stands there was not looked for"
	larder import --json "$WORK/none.list" >"$WORK/report" 2>/dev/null || [ $? = 3 ]
	jq -e '.sources[0] | .exit_status == 3 and (.error | test("none.list: No such file"))' "$WORK/report"
}

# control STATUS TEXT PATH [CURL OPTION]...: the control socket answers so, and says so.
control() {
	local wanted=$1 text=$2 path=$3
	shift 3
	status=$(curl -s -o "$WORK/answer" -w '%{http_code}' --unix-socket "$WORK/store/control.sock" "$@" "http://larder$path")
	output=$(cat "$WORK/answer")
	says "$wanted" "$text"
}

@test "over HTTP: names, numbers and sources that are none; nothing stays of what was sent" {
	local long
	larder add -q "$WORK/archives"
	larder_start
	long=$(printf 'x%.0s' {1..201})
	for name in '' %0a %7F a%00b %zz %4 % "$long" "$long%41"; do
		control 400 "name= is for messages: 1 to 200 bytes" "/api/v1/catalog?name=$name" --data-binary "http://h.example/x $ONE"
		control 400 "name= is for messages: 1 to 200 bytes" "/api/v1/fetch?name=$name" --data-binary "$ONE"
	done
	control 202 '"id"' "/api/v1/fetch?name=100%25%20caf%c3%a9" --data-binary "$ONE"
	control 200 "100% café" /api/v1/events?since=0
	for since in x -1 9223372036854775808 18446744073709551616; do
		control 400 'since= is the number that \"next\" was' "/api/v1/jobs/1?since=$since"
	done
	control 404 '"error"' /api/v1/jobs/9223372036854775808
	control 404 '"error"' /api/v1/jobs/one
	control 404 '"error"' /api/v1/jobs/2
	control 400 "has to be an http or https URL" /api/v1/catalog -d '{"source": "ftp://h.example/x"}'
	control 400 "has to be an http or https URL" /api/v1/catalog -d "{\"source\": \"http://h.example/$(printf 'x%.0s' {1..5000})\"}"
	control 400 'JSON sent here is {\"source\": URL}' /api/v1/catalog -d '{"source": '
	control 400 "is not in the next 36500 days" /api/v1/tokens -d '{"name": "laptop", "rights": ["upload"], "expires": 1}'
	control 400 "a duration is wanted" /api/v1/tokens -d '{"name": "laptop", "rights": ["upload"], "expires": true}'
	control 200 '"tokens": []' /api/v1/tokens
	[ -z "$(ls -A "$WORK/store/spool")" ]
	larder_stop
}

@test "over HTTP: the page names the address that was asked, and where that is none, larder's own" {
	larder_start
	for host in '' "$(printf 'x%.0s' {1..300})"; do
		curl -sf --http1.0 -H "Host: $host" "$URL/" >"$WORK/page"
		grep -qF "$URL" "$WORK/page"
		[ -z "$host" ] || ! grep -qF "$host" "$WORK/page"
	done
	for host in 'a b' '<b>' 'a"b' 'a/b'; do
		[ "$(curl -s -o "$WORK/page" -w '%{http_code}' -H "Host: $host" "$URL/")" = 400 ]
		run grep -F "$host" "$WORK/page"
		[ "$status" = 1 ]
	done
	curl -sf -H "Host: larder.example:8080" "$URL/" | grep -qF "http://larder.example:8080"
	larder_stop
}
