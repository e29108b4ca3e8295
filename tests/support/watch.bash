# For bats files that watch the origins for days without waiting for them: a scripted internet, and a daemon whose wall clock is turned.
# `load ../support/larder` first.

# internet_start HOST...: serves these hosts, each at an address of its own; RULES says what they answer.
internet_start() {
	mkdir -p "$WORK/internet/files"
	RULES=$WORK/internet/rules
	: >"$RULES"
	: >"$WORK/internet/log"
	in_background internet python3 "$TESTS/support/internet.py" "$WORK/internet"
	wait_until 10 test -s "$WORK/internet/port"
	INTERNET_PORT=$(cat "$WORK/internet/port")
	INTERNET_HOSTS=("$@")
	export RULES INTERNET_PORT
}

# The sections of the configuration that lead there.
internet_sections() {
	local host number=0
	fetch_section "$INTERNET_PORT" 'negative_ttl = "0" overtake_after = "0"'
	for host in "${INTERNET_HOSTS[@]}"; do
		echo "rewrite \"https://$host/\" { to = \"http://127.9.0.$((++number)):$INTERNET_PORT/$host/\" }"
	done
}

# rule PREFIX BEHAVIOUR...: from now on, before all that was said earlier.
rule() {
	echo "$*" >>"$RULES"
}

# A daemon that lives as many hours ahead of this machine as it is turned.
watch_start() {
	TURNED=${TURNED:-0}
	turn_clock
	local preload=$LARDER_BUILD/tests/libturned_clock.so
	LD_PRELOAD=$preload TURNED_CLOCK=$WORK/clock ASAN_OPTIONS="verify_asan_link_order=0:${ASAN_OPTIONS:-}" larder_start "$@"
}

# Written in place: a daemon has the file mapped, and would find nothing where it is cut to be written anew.
turn_clock() {
	python3 -c 'import os, struct, sys
clock = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.pwrite(clock, struct.pack("<q", int(float(sys.argv[2]) * 3600000)), 0)' "$WORK/clock" "$TURNED"
}

nothing_is_due() {
	[ "$(python3 "$TESTS/support/due.py" "$WORK/store" "$WORK/clock")" = 0 ]
}

# pass HOURS [STEP]: that much time goes by, in steps; after each the patrol has asked whoever was due.
pass() {
	local end
	end=$(awk "BEGIN { print $TURNED + $1 }")
	while awk "BEGIN { exit !($TURNED < $end) }"; do
		TURNED=$(awk "BEGIN { next_one = $TURNED + ${2:-6}; print next_one < $end ? next_one : $end }")
		turn_clock
		wait_until 30 nothing_is_due
	done
}

# What larder noticed, a line an event: "level kind subject: detail".
noticed() {
	curl -sf --unix-socket "$WORK/store/control.sock" "http://localhost/api/v1/events?level=info&limit=1000" |
		jq -r '.events[] | "\(.level) \(.kind) \(.subject): \(.detail)"'
}

noticed_count() {
	[ "$(noticed | grep -c .)" = "$1" ]
}
