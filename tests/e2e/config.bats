#!/usr/bin/env bats
# The configuration as a person meets it: the file, the command line, the reload, and what is said about mistakes.

load ../support/larder

setup() {
	larder_config
}

teardown() {
	end_all
}

# says TEXT: the last `run` said it.
says() {
	[[ $output == *"$1"* ]] || {
		echo "not said: $1"
		echo "said: $output"
		return 1
	}
}

@test "--check-config says that there is no mistake, of the shipped file too" {
	run "$LARDER" serve --check-config -c "$TOP/conf/larder.conf"
	[ "$status" = 0 ]
	says "no mistakes"
	run larder serve --check-config
	[ "$status" = 0 ]
}

@test "a mistake is told with file and line, and the daemon does not start" {
	printf 'listen = {"127.0.0.1:0"}\n\nfetch {\n  min_rate = 1KB\n}\n' >"$WORK/wrong.conf"
	run "$LARDER" serve -c "$WORK/wrong.conf" -s "$WORK/store"
	[ "$status" = 2 ]
	says "$WORK/wrong.conf:4: fetch.min_rate: '1KB' is no size"
	[ ! -e "$WORK/store" ]
}

@test "an unknown option, an unknown section, an open section" {
	echo 'colour = red' >"$WORK/wrong.conf"
	run "$LARDER" stat -c "$WORK/wrong.conf"
	[ "$status" = 2 ]
	says "$WORK/wrong.conf:1: no such option 'colour'"
	printf '\npaint { colour = red }\n' >"$WORK/wrong.conf"
	run "$LARDER" stat -c "$WORK/wrong.conf"
	[ "$status" = 2 ]
	says "$WORK/wrong.conf:2: no such option 'paint'"
	echo 'log {' >"$WORK/wrong.conf"
	run "$LARDER" stat -c "$WORK/wrong.conf"
	[ "$status" = 2 ]
	says "a section is not closed"
}

@test "files that are no configuration" {
	run "$LARDER" stat -c "$WORK/none.conf"
	[ "$status" = 2 ]
	says "none.conf"
	head -c 100000 /dev/zero >"$WORK/zeros"
	run "$LARDER" stat -c "$WORK/zeros"
	[ "$status" = 2 ]
	says "is no configuration"
	run "$LARDER" stat -c "$WORK"
	[ "$status" = 2 ]
}

@test "-o wins over the file, and its mistakes are told as such" {
	run larder serve --check-config -o fetch.transfers=0
	[ "$status" = 2 ]
	says "fetch.transfers: '0' is out of range"
	run larder serve --check-config -o fetch.speed=3
	[ "$status" = 2 ]
	says "-o fetch.speed: there is no such option"
	run larder serve --check-config -o nonsense
	[ "$status" = 2 ]
	says "NAME=VALUE"
	run larder serve --check-config -o workers=3 -o 'rewrite.https://github.com/.to=http://127.0.0.1:9000/'
	[ "$status" = 0 ]
}

@test "-s wins over the configuration, the configuration over LARDER_STORE" {
	make_archive "$WORK/archive" 1000
	LARDER_STORE=$WORK/environment larder add "$WORK/archive" -s "$WORK/named"
	[ -d "$WORK/named/blobs" ] && [ ! -e "$WORK/store" ] && [ ! -e "$WORK/environment" ]
	LARDER_STORE=$WORK/environment larder add "$WORK/archive"
	[ -d "$WORK/store/blobs" ] && [ ! -e "$WORK/environment" ]
	: >"$WORK/empty.conf"
	LARDER_STORE=$WORK/environment "$LARDER" add -c "$WORK/empty.conf" "$WORK/archive"
	[ -d "$WORK/environment/blobs" ]
	LARDER_STORE='' XDG_DATA_HOME=$WORK/data "$LARDER" add -c "$WORK/empty.conf" "$WORK/archive"
	[ -d "$WORK/data/larder/blobs" ]
}

@test "LARDER_CONFIG names the file" {
	LARDER_CONFIG=$WORK/larder.conf run "$LARDER" serve --check-config
	[ "$status" = 0 ]
	says "$WORK/larder.conf: no mistakes"
}

said_in_log() {
	grep -q -- "$1" "$WORK/larder.log"
}

@test "SIGHUP reads the file again, names what needs a restart, and keeps what it has on a mistake" {
	larder_start
	echo 'hot { files = 17 }' >>"$WORK/larder.conf"
	larder_signal HUP
	wait_until 10 said_in_log "needs a restart: hot.files"
	echo 'colour = red' >>"$WORK/larder.conf"
	larder_signal HUP
	wait_until 10 said_in_log "no such option 'colour'.*the configuration in use stays"
	curl -sf "$URL/healthz"
	sed -i '/colour/d; s/format = "json"/format = "json" level = error/' "$WORK/larder.conf"
	larder_signal HUP
	larder_stop
	run said_in_log '"message":"stopped"'
	[ "$status" = 1 ]
}

@test "serve prints where it listens and how to point opam at it" {
	larder_start
	grep -q "^listening on http://127.0.0.1:[1-9][0-9]*$" "$WORK/larder.log"
	grep -q "archive-mirrors: \"$URL\"" "$WORK/larder.log"
	larder_stop
}

@test "a port in use is an error that names the address" {
	larder_start
	run "$LARDER" serve -c "$WORK/larder.conf" -s "$WORK/other" -o "listen=${URL#http://}"
	[ "$status" != 0 ]
	says "${URL#http://}"
	larder_stop
}

@test "SIGHUP tells of a mirror that may not be asked, which the next start would" {
	larder_start
	echo 'mirror "m" { url = "http://10.1.2.3/{hash}" digests = {"sha256"} }' >>"$WORK/larder.conf"
	larder_signal HUP
	wait_until 10 said_in_log 'mirror .*10.1.2.3: neither public.*the configuration in use stays'
	larder_stop
}

# refused_mirror URL WHY [MORE]: as a mirror, by who checks and by who serves.
refused_mirror() {
	larder_config "
		mirror \"company\" { url = \"$1\" digests = {\"sha256\"} }
		${3:-}"
	local how
	for how in --check-config -q; do
		run larder serve $how
		[ "$status" = 2 ]
		[[ $output == *larder.conf:*"mirror \"company\": url: $2; it would never be asked"* ]] || {
			echo "$output"
			return 1
		}
	done
}

@test "a mirror that the policy forbids is told with file and line, and the option that allows it" {
	refused_mirror 'http://mirror.example:8081/{hash}' 'mirror.example:8081: the port is not one of fetch.allow_ports'
	refused_mirror 'http://10.1.2.3/{algo}/{hash}' '10.1.2.3: neither public nor in fetch.allow_private'
	refused_mirror 'http://[::1]/{hash}' '[::1]: neither public nor in fetch.allow_private'
	refused_mirror 'https://me:secret@mirror.example/{hash}' 'mirror.example: the URL carries a user name or password'
	# By what is asked in its place.
	refused_mirror 'https://mirror.example/{hash}' '10.1.2.3: neither public nor in fetch.allow_private' \
		'rewrite "https://mirror.example/" { to = "http://10.1.2.3/" }'
	larder_config 'mirror "company" { url = "http://10.1.2.3:8081/{hash}" digests = {"sha256"} }
		fetch { allow_private = {"10.0.0.0/8"} allow_ports = {80, 443, 8081} }'
	[[ $(larder serve --check-config) == *'no mistakes'* ]]
	larder_config 'mirror "company" { url = "http://10.1.2.3/{hash}" digests = {"sha256"} } fetch { proxy = "http://proxy.example:3128" }'
	[[ $(larder serve --check-config) == *'no mistakes'* ]]
	run larder serve --check-config -o mirror.other.url='http://mirror.example:8081/{hash}'
	[ "$status" = 2 ]
	[[ $output == *'mirror "other": url: mirror.example:8081: the port'* ]]
	# Nobody wrote the public cache down: who allows one port alone need not.
	[[ $("$LARDER" serve --check-config -o fetch.allow_ports=8081) == *'no mistakes'* ]]
}
