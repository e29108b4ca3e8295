#!/usr/bin/env bats
# What a hit costs: instructions in user space, a request for a 4 KB archive whose answer is ready. They are the same on a busy machine, so
# that nobody makes it dearer unnoticed.

load ../support/larder

CEILING=1900 # 1,683 when this was written
CEILING_LOGGED=6000 # 5,457 when this was written
REQUESTS=500

setup() {
	command -v valgrind >/dev/null || skip "there is no valgrind"
	if nm "$LARDER" 2>/dev/null | grep -qE ' __(asan_init|tsan_init|llvm_profile_runtime)'; then
		skip "a sanitizer or the counting of branches is in this build"
	fi
	make_archive "$WORK/archive" 4096
	larder_config
	sed -i "s,^workers = 2,workers = 1," "$WORK/larder.conf"
	echo 'log { access = no }' >>"$WORK/larder.conf"
	larder add -q "$WORK/archive"
	ARCHIVE=$(path_of sha256 "$WORK/archive")
}

teardown() {
	end_all
}

# counted: instructions of so many hits, a request.
counted() {
	: >"$WORK/larder.log"
	rm -f "$WORK"/counts*
	in_background larder valgrind --tool=callgrind --callgrind-out-file="$WORK/counts" "$LARDER" serve -c "$WORK/larder.conf"
	wait_until 60 larder_is_up
	URL=$(larder_url)
	python3 "$TESTS/support/many_hits.py" "$URL$ARCHIVE" 20 "$WORK/archive"
	callgrind_control --zero "$(cat "$WORK/larder.pid")" >/dev/null
	python3 "$TESTS/support/many_hits.py" "$URL$ARCHIVE" $REQUESTS "$WORK/archive"
	callgrind_control --dump "$(cat "$WORK/larder.pid")" >/dev/null
	wait_until 60 grep -q '^totals:' "$WORK/counts.1"
	[ "$(metric hot_hits_total)" -ge $REQUESTS ]
	larder_stop
	awk '/^totals:/ { print int($2 / '$REQUESTS') }' "$WORK/counts.1"
}

@test "a hit costs no more instructions than it did" {
	local all
	all=$(counted)
	echo "# a hit: $all instructions in user space" >&3
	[ "$all" -le $CEILING ]
	[ "$all" -ge 1000 ]
}

@test "nor does the access log" {
	local all
	sed -i '/access = no/d' "$WORK/larder.conf"
	all=$(counted)
	echo "# a hit with its line: $all instructions in user space" >&3
	[ "$all" -le $CEILING_LOGGED ]
	[ "$all" -ge $CEILING ]
}
