#!/usr/bin/env bats
# Those who wait for what is not stored: on the fast path and by libmicrohttpd they are told the same, whatever their number, their pace and
# their ways of leaving, and wherever the bytes lie meanwhile.

load ../support/larder

teardown() {
	end_all
}

# serve_from ORIGIN_PATH FETCH [MORE]: the archive $WORK/origin/files/a, known and not stored; FETCH and MORE are for the configuration.
serve_from() {
	ARCHIVE=$(path_of sha256 "$WORK/origin/files/a")
	larder_config "$(fetch_section "$ORIGIN_PORT" "$2") limits { header_timeout = \"30s\" } ${3:-}"
	printf 'http://127.1.0.1:%s%s sha256=%s\n' "$ORIGIN_PORT" "$1" "$(digest_of sha256 "$WORK/origin/files/a")" >"$WORK/list"
	larder import "$WORK/list" >/dev/null
	larder_start
}

# waits SCENARIO: of tests/support/waiting.py, with the gate shut before.
waits() {
	rm -f "$WORK/origin/gate/g"
	python3 "$TESTS/support/waiting.py" "${URL##*:}" "$WORK/origin/gate/g" "$ARCHIVE" "$WORK/origin/files/a" "$1"
}

nobody_is_connected() {
	[ "$(metric connections)" = 1 ] # who asks
}

# each_kind SCENARIO: of an archive that is verified first; of one that goes out while it comes, from a file, from memory, and where it is
# not kept.
each_kind() {
	local kind
	origin_start
	for kind in first file memory passing; do
		echo "--- $kind"
		make_archive "$WORK/origin/files/a" 200000 "$kind"
		case $kind in
		first) serve_from "/gate=g/a" '' ;;
		file) make_archive "$WORK/origin/files/a" 900000 "$kind" && serve_from "/gate_body=g/a" 'verify_before_send = "100KiB"' ;;
		memory) serve_from "/gate_body=g/a" 'verify_before_send = "50KiB"' ;;
		passing) serve_from "/gate_body=g/a" 'verify_before_send = "50KiB"' 'space { max_size = "100KiB" }' ;;
		esac
		waits "$1"
		wait_until 20 nobody_is_connected
		[ "$(origin_requests " /gate")" = 1 ] || [ "$kind" = passing ]
		[ "$(metric archive_misses_served_total)" -ge 1 ]
		larder_stop
		: >"$WORK/origin/log"
		rm -rf "$WORK/store"
	done
}

@test "a crowd on both ways" {
	each_kind crowd
}

@test "others stand behind one who waits" {
	each_kind in_line
}

@test "more that comes behind a last request that waits" {
	each_kind behind_the_last
}

@test "some leave while they wait" {
	origin_start
	make_archive "$WORK/origin/files/a" 200000
	serve_from "/gate=g/a" ''
	waits leaving
	wait_until 20 nobody_is_connected
	[ "$(metric flights_landed_total)" = 1 ]
	larder_stop
}

@test "slow readers, and some leave in the middle" {
	origin_start
	make_archive "$WORK/origin/files/a" 6000000
	serve_from "/gate_body=g/a" 'verify_before_send = "100KiB"'
	waits slowly
	wait_until 20 nobody_is_connected
	wait_until 10 grep -q '"status":200,"bytes":6000000,"ms":.*"cache":"MISS","reason":"cut"' "$WORK/larder.log"
	larder_stop
}

@test "some leave at the beginning, in the middle and just before the end" {
	origin_start
	make_archive "$WORK/origin/files/a" 3000000
	serve_from "/gate_body=g/a" 'verify_before_send = "100KiB"'
	waits leaving_late
	wait_until 20 nobody_is_connected
	[ "$(origin_requests " /gate")" = 1 ]
	[ "$(metric flights_landed_total)" = 1 ]
	larder_stop
}

@test "a thousand who ask for one archive at once are one fetch, and little memory" {
	origin_start
	make_archive "$WORK/origin/files/a" 1000000
	serve_from "/gate_body=g/a" 'verify_before_send = "100KiB"'
	waits thousand
	wait_until 20 nobody_is_connected
	[ "$(origin_requests " /gate")" = 1 ]
	[ "$(metric flights_total)" = 1 ]
	[ "$(awk '/^VmHWM/ { print $2 }' "/proc/$(cat "$WORK/larder.pid")/status")" -lt $((256 * 1024)) ] ||
		grep -qE '__(asan|tsan)_init' "$LARDER"
	larder_stop
}

@test "what is nowhere" {
	origin_start
	make_archive "$WORK/origin/files/a" 10
	serve_from "/ok/a" ''
	waits errors
	wait_until 20 nobody_is_connected
	lines() {
		grep '"level":"access".*"status":404' "$WORK/larder.log" | jq -c 'del(.time, .ms)'
	}
	eight() {
		[ "$(lines | wc -l)" = 8 ]
	}
	wait_until 10 eight
	[ "$(lines | sort -u | wc -l)" = 4 ]
	lines | grep -F '"status":404,"bytes":0,"cache":"MISS","reason":"unknown"'
	larder_stop
}

@test "in all ways at once, from an origin that may fail" {
	local file
	origin_start
	mkdir -p "$WORK/origin/chaos"
	echo ok ok ok rate=2000000 wrong cut cut_once pieces=100000 wrong_part rst_body no_length status=404 >"$WORK/origin/chaos/some"
	larder_config "$(fetch_section "$ORIGIN_PORT" 'verify_before_send = "50KiB" negative_ttl = "0"') limits { idle_timeout = \"500ms\" header_timeout = \"1s\" }"
	for file in {1..24}; do
		make_archive "$WORK/origin/files/$file" $((file * file * 900)) "$file"
		printf 'http://127.1.0.%s:%s/chaos=some/%s sha256=%s\n' $((file % 9 + 1)) "$ORIGIN_PORT" "$file" "$(digest_of sha256 "$WORK/origin/files/$file")"
	done >"$WORK/list"
	larder import "$WORK/list" >/dev/null
	larder_start
	python3 "$TESTS/support/all_ways.py" "${URL##*:}" "$WORK/origin/files" "${SEED:-1}"
	wait_until 20 nobody_is_connected
	[ "$(metric requests_parked)" = 0 ]
	[ "$(metric requests_under_way)" = 1 ] # who asks
	# Each is counted once, whoever answered him and however he left.
	answered=$(curl -sf "$URL/metrics" | awk '/^larder_http_requests_total.kind="archive"/ { all += $2; if (/"200"/) good = $2 } END { print all, good }')
	hits=$(metric archive_hits_total)
	[ "$answered" = "$((hits + $(metric archive_misses_total))) $((hits + $(metric archive_misses_served_total)))" ]
	larder_stop
}
