#!/usr/bin/env bats
# Requests that nobody would write, by the thousand (tests/support/hostile.py): whatever comes, larder lives and nobody gets other bytes than
# those he asked for. The long form is the same by hand: HOSTILE_REQUESTS=1000000 [HOSTILE_SEED=N].

load ../support/larder

setup() {
	local size
	mkdir -p "$WORK/archives"
	for size in 0 1 700 4096 40000 300000; do
		make_archive "$WORK/archives/$size" "$size" "$size"
	done
	larder_config 'limits { header_timeout = "2s"  idle_timeout = "500ms" }'
	larder add -q "$WORK/archives"
	larder_start
}

teardown() {
	end_all
}

@test "mutated requests, in line, in pieces, half closed and reset" {
	python3 "$TESTS/support/hostile.py" "${URL##*:}" "$WORK/archives" "${HOSTILE_REQUESTS:-20000}" ${HOSTILE_SEED:+"$HOSTILE_SEED"}
	larder_stop
}
