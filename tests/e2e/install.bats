#!/usr/bin/env bats
# What `cmake --install` puts where.

load ../support/larder

@test "the program, its manuals, its unit and its configuration are installed" {
	cmake --install "$LARDER_BUILD" --prefix "$WORK/usr"
	"$WORK/usr/bin/larder" --version
	"$WORK/usr/bin/larder" serve --check-config -c "$WORK/usr/share/doc/larder/larder.conf"
	cmp "$TOP/conf/larder.1" "$WORK/usr/share/man/man1/larder.1"
	cmp "$TOP/conf/larder.conf.5" "$WORK/usr/share/man/man5/larder.conf.5"
	cmp "$TOP/conf/larder.service" "$WORK/usr/lib/systemd/system/larder.service"
}

@test "the unit starts the program where it is installed, and the sandbox is tight" {
	grep -q "^ExecStart=/usr/local/bin/larder serve" "$TOP/conf/larder.service"
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
	run systemd-analyze security --offline=true --threshold=15 "$TOP/conf/larder.service"
	[ "$status" = 0 ]
}
