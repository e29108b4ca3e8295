#!/usr/bin/env bats
# Living under systemd: all that a daemon does, in the sandbox that its unit describes, and what systemd is told of it.

load ../support/larder

setup() {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
	python3 -c 'import ctypes; ctypes.CDLL("libseccomp.so.2")' 2>/dev/null || skip "no libseccomp"
	UNIT=$TOP/conf/larder.service
	# A sanitizer asks the kernel for more than larder does.
	grep -q '^LARDER_SANITIZE:STRING=.' "${LARDER_BUILD:-$TOP/build}/CMakeCache.txt" 2>/dev/null && skip "a sanitizer needs more than the unit allows"
	mkdir -p "$WORK/credentials"
}

teardown() {
	end_all
}

in_sandbox() {
	python3 "$TESTS/support/sandbox.py" "$@"
}

# Starts what stands in for systemd, then the daemon: serve_in_sandbox [--kill]
serve_in_sandbox() {
	in_background systemd python3 "$TESTS/support/notified.py" "$WORK/notify"
	wait_until 10 test -S "$WORK/notify"
	: >"$WORK/larder.log"
	NOTIFY_SOCKET=$WORK/notify WATCHDOG_USEC=400000 STATE_DIRECTORY=$WORK/store CREDENTIALS_DIRECTORY=$WORK/credentials \
		in_background larder python3 "$TESTS/support/sandbox.py" "$@" "$UNIT" "$LARDER" serve -c "$WORK/larder.conf" -s "$WORK/store"
	wait_until 30 larder_is_up
	URL=$(larder_url)
	[ -n "$URL" ]
}

is_told() { # HOW-OFTEN WHAT
	[ "$(grep -c "^$2" "$WORK/systemd.log")" -ge "$1" ]
}

is_told_what_follows() { # A LINE BEFORE, A LINE AFTER
	sed -n "/^$1/,\$p" "$WORK/systemd.log" | grep -q "^$2"
}

@test "the sandbox refuses what the unit refuses, and nothing else" {
	run in_sandbox "$UNIT" python3 -c 'if True:
		import ctypes, errno, mmap, os, socket
		libc = ctypes.CDLL(None, use_errno=True)
		def refused(result, number):
			assert result == -1 and ctypes.get_errno() == number, (result, ctypes.get_errno())
		refused(libc.mount(b"none", b"/tmp", b"tmpfs", 0, None), errno.EPERM)
		refused(libc.unshare(0x20000), errno.EPERM)
		refused(libc.chroot(b"/"), errno.EPERM)
		refused(libc.socket(16, 3, 0), errno.EAFNOSUPPORT)
		refused(libc.personality(8), errno.EPERM)
		libc.mmap.restype = ctypes.c_long
		refused(libc.mmap(None, 4096, 7, 0x22, -1, 0), errno.EPERM)
		assert libc.setpriority(0, 0, 19) == 0
		socket.socket(socket.AF_INET6).close()
		assert "NoNewPrivs:\t1" in open("/proc/self/status").read()
		assert os.getuid() != 0 or "CapEff:\t0000000000000000" in open("/proc/self/status").read()'
	echo "$output"
	[ "$status" = 0 ]
	run in_sandbox --kill "$UNIT" python3 -c 'import os; os.chroot("/")'
	[ "$status" = 159 ] # SIGSYS
}

# What is refused ends the daemon: that it lives shows that it needs no more than the unit allows.
@test "it starts, serves, misses, takes in, imports, fetches, verifies, reloads and stops, and is refused nothing" {
	local archive=$WORK/archive
	echo secret >"$WORK/credentials/webhook.secret"
	origin_start
	for name in small large listed; do
		make_archive "$WORK/origin/files/$name" 20000
	done
	make_archive "$WORK/origin/files/large" 3000000
	make_archive "$archive" 50000
	larder_config "$(fetch_section "$ORIGIN_PORT")
		webhook \"team\" { url = \"http://127.0.0.1:$ORIGIN_PORT/ok/hook\" secret_file = \"\${CREDENTIALS_DIRECTORY}/webhook.secret\" }"
	for name in small large listed; do
		echo "http://127.0.0.1:$ORIGIN_PORT/ok/$name sha256=$(digest_of sha256 "$WORK/origin/files/$name") $name.1"
	done >"$WORK/origins.list"
	serve_in_sandbox --kill
	wait_until 10 is_told 1 READY=1
	larder import "$WORK/origins.list"
	for name in small large; do
		curl -sSf "$URL$(path_of sha256 "$WORK/origin/files/$name")" | cmp - "$WORK/origin/files/$name"
	done
	larder add "$archive"
	for _ in 1 2 3; do
		curl -sSf "$URL$(path_of md5 "$archive")" | cmp - "$archive"
	done
	for _ in 1 2 3 4; do # of one of the two workers twice: kept in memory, and its file watched
		curl -sSf "$URL$(path_of sha256 "$WORK/origin/files/small")" | cmp - "$WORK/origin/files/small"
	done
	[ "$(metric hot_watched)" -ge 1 ]
	curl -sSf -r 100-199 "$URL$(path_of md5 "$archive")" | cmp - <(tail -c +101 "$archive" | head -c 100)
	larder fetch "sha256:$(digest_of sha256 "$WORK/origin/files/listed")"
	larder token add laptop --may upload >/dev/null
	larder pin "sha256:$(digest_of sha256 "$archive")"
	larder verify
	larder remove "sha256:$(digest_of sha256 "$archive")"
	curl -sSf "$URL/readyz" "$URL/metrics" "$URL/" "$URL/events.atom" >/dev/null
	larder_signal HUP
	wait_until 10 grep -q 'configuration read again' "$WORK/larder.log"
	wait_until 10 is_told 1 RELOADING=1
	wait_until 10 is_told_what_follows RELOADING=1 READY=1
	wait_until 10 is_told 2 WATCHDOG=1
	larder_stop
	wait_until 10 is_told 1 STOPPING=1
}

@test "a daemon that does nothing more tells systemd nothing more" {
	larder_config
	serve_in_sandbox
	wait_until 10 is_told 2 WATCHDOG=1
	# A worker that hangs, though the main thread goes on: all it waits for is answered by nobody.
	stop_workers
	wait_until 20 grep -q 'a worker has done nothing' "$WORK/larder.log"
	local told
	told=$(grep -c WATCHDOG=1 "$WORK/systemd.log")
	wait_until 20 warned 4
	[ "$(grep -c WATCHDOG=1 "$WORK/systemd.log")" = "$told" ]
	kill -KILL "$(cat "$WORK/held.pid")"
	larder_kill
}

warned() { # TIMES
	[ "$(grep -c 'a worker has done nothing' "$WORK/larder.log")" -ge "$1" ]
}

# A tracer that holds one thread: the others go on.
stop_workers() {
	local task
	task=$(grep -l '^http$' "/proc/$(cat "$WORK/larder.pid")"/task/*/comm | head -n 1)
	task=${task%/comm}
	in_background held python3 -c 'import ctypes, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
SEIZE, INTERRUPT = 0x4206, 0x4207
task = int(sys.argv[1])
if libc.ptrace(SEIZE, task, None, None) != 0 or libc.ptrace(INTERRUPT, task, None, None) != 0:
    sys.exit(77)
while True:
    time.sleep(60)' "${task##*/}"
	if ended held; then skip "this machine lets no process be traced"; fi
}
