# For the bats files: one larder and one scripted origin in a directory of their own. `load ../support/larder` gives all of this.
#
# The caller sets WORK (an empty directory, $BATS_TEST_TMPDIR by default). Nothing uses a fixed port, the internet or a sleep to
# synchronise: wait_until polls a condition with a deadline.

TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOP=$(dirname "$TESTS")
REAL=$TOP/../shared/data
LARDER=${LARDER:-$TOP/build/larder}
export TESTS TOP REAL LARDER
WORK=${WORK:-${BATS_TEST_TMPDIR:-}}

# wait_until SECONDS COMMAND...
wait_until() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		if ((SECONDS >= end)); then
			echo "gave up waiting for: $*" >&2
			return 1
		fi
		sleep 0.02
	done
}

# larder_config [TEXT]: a configuration that never leaves this machine; TEXT adds sections and options.
larder_config() {
	cat >"$WORK/larder.conf" <<-END
		store = "$WORK/store"
		listen = {"127.0.0.1:0"}
		workers = 2
		default_mirrors = no
		space { min_free = "1MiB" scrub_interval = "0" }
		log { format = "json" }
		watch { patrol = no }
		${1:-}
	END
}

# Allows the origins on this machine (every 127.x.y.z is a host of its own) and ports: fetch_section PORT [MORE]
fetch_section() {
	printf 'fetch { allow_private = {"127.0.0.0/8"}  allow_ports = {%s}  %s }\n' "$1" "${2:-}"
}

# larder COMMAND...: on this test's store.
larder() {
	local command=$1
	shift
	"$LARDER" "$command" -c "$WORK/larder.conf" "$@"
}

# in_background NAME COMMAND...: its pid in NAME.pid, its output in NAME.log, its exit status in NAME.status once it ended.
in_background() {
	local name=$1
	shift
	rm -f "$WORK/$name.pid" "$WORK/$name.status"
	(
		status=0
		sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$WORK/$name.pid" "$@" >>"$WORK/$name.log" 2>&1 || status=$?
		echo $status >"$WORK/$name.status.new"
		mv "$WORK/$name.status.new" "$WORK/$name.status"
	) 3>&- </dev/null &
	wait_until 10 test -s "$WORK/$name.pid"
}

ended() {
	test -e "$WORK/$1.status"
}

# larder_start [ARGS...]: serves; URL is where.
larder_start() {
	: >"$WORK/larder.log"
	in_background larder "$LARDER" serve -c "$WORK/larder.conf" "$@"
	if ! wait_until 30 larder_is_up || ended larder; then
		cat "$WORK/larder.log" >&2
		return 1
	fi
	URL=$(larder_url)
	export URL
}

larder_url() {
	sed -n 's/.*listening on \(http:\/\/[^ ",]*\).*/\1/p' "$WORK/larder.log" | head -n 1 | sed 's/\/$//'
}

larder_is_up() {
	ended larder || [ -n "$(larder_url)" ]
}

# larder_signal NAME: TERM, KILL, HUP …
larder_signal() {
	kill "-$1" "$(cat "$WORK/larder.pid")"
}

# Stops it as systemd would; it must end well.
larder_stop() {
	larder_signal TERM
	wait_until 30 ended larder
	if [ "$(cat "$WORK/larder.status")" != 0 ]; then
		echo "larder ended with $(cat "$WORK/larder.status"):" >&2
		tail -n 30 "$WORK/larder.log" >&2
		return 1
	fi
}

larder_kill() {
	larder_signal KILL
	wait_until 10 ended larder
}

# origin_start [PORTS]: serves $WORK/origin/files as its paths say (see origin.py); ORIGIN_PORT is where.
origin_start() {
	mkdir -p "$WORK/origin/files" "$WORK/origin/gate"
	: >"$WORK/origin/log"
	in_background origin python3 "$TESTS/support/origin.py" "$WORK/origin"
	wait_until 10 test -s "$WORK/origin/port"
	ORIGIN_PORT=$(cat "$WORK/origin/port")
	export ORIGIN_PORT
}

# How many requests the origin got whose line matches.
origin_requests() {
	grep -c -- "$1" "$WORK/origin/log" || true
}

# Ends whatever in_background started and still runs. Of a test that failed, the daemon's last words are shown.
end_all() {
	local pid_file
	if [ -z "${BATS_TEST_COMPLETED:-}" ] && [ -e "$WORK/larder.log" ]; then
		echo "--- larder.log"
		grep -v '"level":"access"' "$WORK/larder.log" | tail -n 60
	fi
	for pid_file in "$WORK"/*.pid; do
		if [ -e "$pid_file" ] && [ ! -e "${pid_file%.pid}.status" ]; then
			kill -KILL "$(cat "$pid_file")" 2>/dev/null || true
		fi
	done
}

# make_archive FILE BYTES [SEED]: bytes that no other archive has.
make_archive() {
	python3 -c 'import random, sys
with open(sys.argv[1], "wb") as out:
    out.write(random.Random(sys.argv[3]).randbytes(int(sys.argv[2])))' "$1" "$2" "${3:-$1}"
}

# digest_of ALGO FILE
digest_of() {
	"${1}sum" "$2" | cut -d ' ' -f 1
}

# path_of ALGO FILE: "/sha256/ab/abcd…", as opam asks.
path_of() {
	local hex
	hex=$(digest_of "$1" "$2")
	echo "/$1/${hex:0:2}/$hex"
}

# metric NAME: its value in /metrics.
metric() {
	curl -sf "$URL/metrics" | sed -n "s/^larder_$1 //p"
}

# blob_of FILE: where the store keeps these bytes.
blob_of() {
	local hex
	hex=$(digest_of sha256 "$1")
	echo "$WORK/store/blobs/sha256/${hex:0:2}/$hex"
}

# header NAME FILE: the value of a header field in what curl -D wrote.
header() {
	sed -n "s/^$1: *//Ip" "$2" | tr -d '\r' | tail -n 1
}

need_real_data() {
	[ -e "$REAL/$1" ] || skip "no ../shared/data/$1 beside the checkout"
}

# Likewise, for what is counted in it: catalog.bats learns all of it under the thread sanitizer, too, which is the same.
need_real_counts() {
	need_real_data "$1"
	! grep -q __tsan_init "$LARDER" || skip "the thread sanitizer has seen it in catalog.bats"
}
