#!/usr/bin/env bats
# What happened in the days before the day: an account is closed, a repository is renamed, an archive changes in place, the network is down for
# an hour, a large host is ill for a day. A daemon lives through it, its clock and the internet turned by the test, and tells of each once.

load ../support/larder
load ../support/watch

PACKAGES="rosa.0.2.0 lucid.0.1.5 simlog.0.0.3 moved.1.0 logs.2 duff.0.5 bos.1 fmt.1 tyre.1 zed.1 ocp.1 lwt.1"

# Where each package's archive is published.
url_of() {
	case $1 in
	rosa.*) echo https://github.com/kodwx/Rosa/archive/v0.2.0.tar.gz ;;
	lucid.*) echo https://github.com/kodwx/lucid/archive/0.1.5.tar.gz ;;
	simlog.*) echo https://github.com/muqiuhan/simlog/archive/0.0.3.tar.gz ;;
	moved.*) echo https://github.com/old/moved/archive/1.0.tar.gz ;;
	logs.*) echo https://github.com/muqiuhan/logs/archive/2.tar.gz ;;
	duff.*) echo https://github.com/mirage/duff/releases/download/v0.5/duff-0.5.tbz ;;
	bos.* | fmt.*) echo "https://erratique.ch/software/${1%%.*}/$1.tar.gz" ;;
	tyre.*) echo "https://gitlab.com/drup/tyre/$1.tar.gz" ;;
	zed.*) echo "https://zed.example/$1.tar.gz" ;;
	ocp.*) echo "https://ocp.example/$1.tar.gz" ;;
	lwt.*) echo "https://ocsigen.example/$1.tar.gz" ;;
	esac
}

make_file() { # NAME WORD: an archive with a file that says the word
	mkdir -p "$WORK/made/$1"
	echo "$2" >"$WORK/made/$1/file"
	echo same >"$WORK/made/$1/other"
	tar --sort=name --owner=0 --group=0 --mtime=@1600000000 -czf "$WORK/internet/files/$1" -C "$WORK/made" "$1"
}

publish() {
	local package url
	for package in $PACKAGES; do
		make_file "$package" "$package"
		url=$(url_of "$package")
		rule "${url#https://}" ok "$package"
		echo "$url sha256=$(digest_of sha256 "$WORK/internet/files/$package") $package"
	done >"$WORK/published.list"
}

setup() {
	internet_start github.com erratique.ch gitlab.com zed.example ocp.example ocsigen.example
	publish
	larder_config "$(internet_sections)
		watch { patrol = yes interval = \"1d\" per_host_interval = \"100ms\" }"
	larder import "$WORK/published.list"
	# All but lucid and lwt are stored.
	for package in $PACKAGES; do
		case $package in
		lucid.* | lwt.*) ;;
		*) larder add "$WORK/internet/files/$package" ;;
		esac
	done
}

teardown() {
	end_all
}

noticed_instead() {
	noticed
	false
}

sha256_of() {
	digest_of sha256 "$WORK/internet/files/$1"
}

@test "an account is closed, a repository renamed, an archive changed: each is told once, and nothing else is" {
	watch_start
	pass 26 13
	noticed_count 0
	rule github.com/kodwx/ status 404
	rule github.com/muqiuhan/simlog/ status 404
	# Renamed too, but whoever asks is sent on.
	rule github.com/old/moved/ moved github.com/new/moved/
	rule github.com/new/moved/ ok moved.1.0
	make_file duff.new changed
	rule github.com/mirage/duff/ ok duff.new
	# The repository that published it has corrected the digest by then.
	echo "https://github.com/mirage/duff/releases/download/v0.5/duff-0.5.tbz sha256=$(sha256_of duff.new) duff.0.5" >"$WORK/corrected.list"
	larder import "$WORK/corrected.list"
	pass 30 5
	# An hour in which nobody can be reached, and a day of trouble at one host.
	cp "$RULES" "$WORK/rules"
	for host in "${INTERNET_HOSTS[@]}"; do
		rule "$host/" reset
	done
	pass 1 1
	cat "$WORK/rules" >"$RULES"
	rule erratique.ch/ status 503
	pass 24
	rule erratique.ch/software/bos/ ok bos.1
	rule erratique.ch/software/fmt/ ok fmt.1
	# Who was asked just before his account was closed is asked again within a day, then for two days; news of a site wait a day at most.
	pass 54
	wait_until 20 noticed_count 3 || noticed_instead
	noticed
	noticed | grep -E '^urgent vanished github.com/kodwx: github.com/kodwx is gone: .*(rosa.0.2.0.*lucid.0.1.5|lucid.0.1.5.*rosa.0.2.0)'
	noticed | grep -F 'rosa.0.2.0 is stored, lucid.0.1.5 is not'
	noticed | grep -E '^warning vanished simlog.0.0.3: simlog.0.0.3 is gone from github.com/muqiuhan/simlog'
	noticed | grep -E '^warning changed duff.0.5: ' | grep -F "sha256=$(sha256_of duff.new)"
	# What it says is said everywhere, once.
	curl -sf "$URL/" | grep -F 'github.com/kodwx is gone'
	[ "$(curl -sf "$URL/events.atom" | grep -c '<entry>')" = 3 ]
	[ "$(curl -sf "$URL/metrics" | sed -n 's/^larder_events_total{.*vanished.*} //p' | awk '{ n += $1 } END { print n }')" = 2 ]
	[ "$(grep -c 'github.com/kodwx is gone' "$WORK/larder.log")" = 1 ]
	# What came instead of duff is kept beside it.
	[ -e "$(blob_of "$WORK/internet/files/duff.new")" ]
	[ -e "$(blob_of "$WORK/internet/files/duff.0.5")" ]

	# A restart tells nothing again; and what comes back is a change too.
	larder_stop
	watch_start
	rule github.com/kodwx/Rosa/ ok rosa.0.2.0
	rule github.com/kodwx/lucid/ ok lucid.0.1.5
	pass 30
	wait_until 20 noticed_count 4 || noticed_instead
	noticed | tail -n 1 | grep -E '^info back '
	larder_stop
}
