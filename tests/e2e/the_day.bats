#!/usr/bin/env bats
# The day larder exists for: rosa, lucid and simlog, every upstream dead, and real opam with nothing but larder to ask.

load ../support/larder
load ../support/day

setup() {
	make_the_day
}

teardown() {
	end_all
}

# One line of the access log for each archive, as METHOD says it was had.
logged_once_each() { # HIT|MISS
	local package archive
	for package in "${DAY_PACKAGES[@]}"; do
		archive=$(path_of md5 "$WORK/archives/$(day_archive "$package")")
		[ "$(grep -F "$archive" "$WORK/larder.log" | grep GET | grep -c "$1")" = 1 ]
	done
}

@test "opam gets archives that were added" {
	larder_config
	larder add "$WORK"/archives/*.tar.gz
	larder_start
	kill_the_upstreams "$URL"
	new_opam
	opam_gets_all
	larder_stop
	logged_once_each HIT
}

@test "opam gets archives that larder fetches on the miss, through a rewrite" {
	mkdir -p "$WORK/origin/files"
	cp "$WORK"/archives/* "$WORK/origin/files/"
	origin_start
	larder_config "$(fetch_section "$ORIGIN_PORT")
		rewrite \"https://raw.githubusercontent.com/\" { to = \"http://127.0.0.1:$ORIGIN_PORT/ok/\" }"
	larder import "$WORK/repository"
	larder_start
	kill_the_upstreams "$URL"
	new_opam
	opam_gets_all
	logged_once_each MISS
	[ "$(origin_requests "GET /ok/")" = 3 ]

	# A second machine: the origin is gone now, and larder has them.
	kill "$(cat "$WORK/origin.pid")"
	wait_until 10 ended origin
	new_opam
	opam_gets_all
	logged_once_each HIT
	larder_stop
}

@test "opam gets archives from an export that another web server serves" {
	local port
	larder_config
	larder add "$WORK"/archives/*.tar.gz
	larder export "$WORK/exported"
	in_background web python3 -u -m http.server --bind 127.0.0.1 --directory "$WORK/exported" 0
	wait_until 10 grep -q 'Serving HTTP' "$WORK/web.log"
	port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$WORK/web.log")
	kill_the_upstreams "http://127.0.0.1:$port"
	new_opam
	opam_gets_all
}

@test "one laptop has them in opam's download cache: after a push everybody has them" {
	local package archive
	larder_config
	larder import "$WORK/repository"
	larder_start
	run larder check
	[ "$status" = 1 ]
	[[ ${lines[-1]} == "3 archives: 0 stored (0 B), 3 missing"* ]]

	# The laptop: three archives that are wanted and one that is nobody's business.
	for package in "${DAY_PACKAGES[@]}"; do
		archive=$WORK/archives/$(day_archive "$package")
		mkdir -p "$(dirname "$WORK/laptop$(path_of md5 "$archive")")"
		cp "$archive" "$WORK/laptop$(path_of md5 "$archive")"
	done
	make_archive "$WORK/private" 5000
	mkdir -p "$(dirname "$WORK/laptop$(path_of md5 "$WORK/private")")"
	cp "$WORK/private" "$WORK/laptop$(path_of md5 "$WORK/private")"
	LARDER_TOKEN=$(larder token add laptop --may upload 2>/dev/null) "$LARDER" push --wanted "$URL" "$WORK/laptop"

	run larder check
	[ "$status" = 0 ]
	[[ ${lines[-1]} == "3 archives: 3 stored"*"all is safe" ]]
	[ ! -e "$(blob_of "$WORK/private")" ]
	kill_the_upstreams "$URL"
	new_opam
	opam_gets_all
	logged_once_each HIT
	larder_stop
}
