#!/usr/bin/env bats
# What larder noticed, told: the feed for readers, the list on the page, webhooks.

load ../support/larder
load ../support/watch

setup() {
	WORK=$BATS_TEST_TMPDIR
	larder_config
	mkdir "$WORK/receiver"
}

teardown() {
	end_all
}

# notice 'LEVEL|SUBJECT|DETAIL'...: larder noticed these; nobody serves meanwhile.
notice() {
	python3 "$TESTS/support/notice.py" "$WORK/store" "$@"
}

# A store that was served once.
make_store() {
	larder_start
	larder_stop
}

receiver_start() {
	in_background receiver python3 "$TESTS/support/receiver.py" "$WORK/receiver"
	wait_until 10 test -s "$WORK/receiver/port"
}

# hook_config [OPTIONS]: a webhook to the receiver, which must be allowed as everything on this machine.
hook_config() {
	larder_config "webhook \"team\" { url = \"http://127.0.0.1:$(cat "$WORK/receiver/port")/hook\" ${1:-} }
		$(fetch_section "$(cat "$WORK/receiver/port")")"
}

got() { # LINES: so many requests came
	[ "$(grep -c . "$WORK/receiver/got" 2>/dev/null)" = "$1" ]
}

# XPath over the feed, as a parser of XML reads it.
feed() {
	python3 - "$1" "$WORK/feed" <<-'END'
		import sys, xml.etree.ElementTree as tree
		names = {"a": "http://www.w3.org/2005/Atom"}
		for found in tree.parse(sys.argv[2]).findall(sys.argv[1], names):
		    print(found.text if found.text and found.text.strip() else sorted(found.attrib.items()))
	END
}

@test "the feed: valid, newest first, what is noticed and not what people did" {
	make_store
	notice 'info|github.com/kodwx|github.com/kodwx is gone: rosa.0.2.0' 'audit|x|somebody did it' \
		'urgent|a <b> & "c"|<script>alert(1)</script> & more'
	larder_start
	[ "$(curl -s -o "$WORK/feed" -D "$WORK/headers" -w '%{http_code}' "$URL/events.atom")" = 200 ]
	[ "$(header Content-Type "$WORK/headers")" = 'application/atom+xml; charset=utf-8' ]
	run feed a:entry/a:title
	[ "$output" = $'<script>alert(1)</script> & more\ngithub.com/kodwx is gone: rosa.0.2.0' ]
	[ "$(feed a:author/a:name)" = larder ]
	[ "$(feed a:updated)" = "$(feed a:entry/a:updated | head -n 1)" ]
	[ "$(feed a:entry/a:id | sort -u | grep -c '^urn:uuid:[0-9a-f]\{8\}-[0-9a-f]\{4\}-8[0-9a-f]\{3\}-[89ab][0-9a-f]\{3\}-[0-9a-f]\{12\}$')" = 2 ]
	feed a:link | grep -F "('rel', 'self')"
	curl -sf "$URL/" | grep -F '&lt;script&gt;alert(1)&lt;/script&gt;'
	curl -sf "$URL/" | grep -F 'type="application/atom+xml"'
	# The same events have the same names for ever.
	feed a:entry/a:id >"$WORK/ids"
	larder_stop
	larder_start
	curl -sf -o "$WORK/feed" "$URL/events.atom"
	feed a:entry/a:id | cmp - "$WORK/ids"
	larder_stop
}

# What RFC 4287 demands of a feed (4.1.1) and of an entry (4.1.2), and that what is to be escaped is.
valid_feed() {
	python3 - "$WORK/feed" <<-'END'
		import re, sys, xml.etree.ElementTree as tree
		A = "{http://www.w3.org/2005/Atom}"
		TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
		ID = re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
		feed = tree.parse(sys.argv[1]).getroot()
		assert feed.tag == A + "feed"
		for element in [feed] + feed.findall(A + "entry"):
		    for name in ("id", "title", "updated"):
		        assert len(element.findall(A + name)) == 1, name
		    assert ID.match(element.find(A + "id").text)
		    assert TIME.match(element.find(A + "updated").text)
		links = {link.get("rel"): link.get("href") for link in feed.findall(A + "link")}
		assert set(links) == {"self", "alternate"} and links["self"].endswith("/events.atom")
		assert feed.find(A + "author/" + A + "name").text
		ids = [entry.find(A + "id").text for entry in feed.findall(A + "entry")]
		assert len(set(ids)) == len(ids)
		for entry in feed.findall(A + "entry"):
		    content = entry.findall(A + "content")
		    assert len(content) == 1 and content[0].get("type") == "html"
		    tree.fromstring("<div>" + content[0].text + "</div>")
		    for category in entry.findall(A + "category"):
		        assert category.get("term")
	END
}

@test "the feed: valid as RFC 4287 says, called the same by whatever name it is asked, and https behind a proxy that says so" {
	make_store
	notice 'info|<i>&|<b> & "c"'
	DATA='{"archives": [{"package": "duff.0.5", "drift": {"lines": ["- \"sha256=01\"", "+ \"sha256=02\""]}}]}' notice 'warning|duff.0.5|it changed'
	larder_config 'limits { trusted_proxies = {"127.0.0.1"} }'
	larder_start
	curl -sf -o "$WORK/feed" -D "$WORK/headers" "$URL/events.atom"
	valid_feed
	feed a:entry/a:content | grep -F '&lt;b&gt; &amp; &quot;c&quot;'
	feed a:entry/a:content | grep -F -- '- &quot;sha256=01&quot;'
	id=$(feed a:id)
	tag=$(header ETag "$WORK/headers")
	feed a:link | grep -F "('href', '$URL/events.atom')"
	curl -sf -o "$WORK/feed" -D "$WORK/headers" -H 'Host: larder.example' -H 'X-Forwarded-Proto: https' "$URL/events.atom"
	valid_feed
	[ "$(feed a:id)" = "$id" ]
	[ "$(header ETag "$WORK/headers")" != "$tag" ]
	feed a:link | grep -F "('href', 'https://larder.example/events.atom')"
	curl -sf -H 'Host: larder.example' -H 'X-Forwarded-Proto: https' "$URL/" | grep -F 'larder push --token-file TOKEN https://larder.example'
	larder_stop
	# Whoever is not trusted is not believed.
	larder_config
	larder_start
	curl -sf -o "$WORK/feed" -H 'Host: larder.example' -H 'X-Forwarded-Proto: https' "$URL/events.atom"
	[ "$(feed a:id)" = "$id" ]
	feed a:link | grep -F "('href', 'http://larder.example/events.atom')"
	larder_stop
}

@test "the feed: empty before anything was noticed, and a reader that asks again and again is told that nothing is new" {
	make_store
	larder_start
	curl -sf -o "$WORK/feed" -D "$WORK/headers" "$URL/events.atom"
	valid_feed
	[ -z "$(feed a:entry)" ]
	[ -n "$(feed a:updated)" ]
	tag=$(header ETag "$WORK/headers")
	[ "$(curl -s -o "$WORK/none" -w '%{http_code} %{size_download}' -H "If-None-Match: $tag" "$URL/events.atom")" = '304 0' ]
	[ "$(curl -s -o /dev/null -w '%{http_code}' -H 'If-None-Match: "other"' "$URL/events.atom")" = 200 ]
	seq 1000 | sed "s,.*,url = \"$URL/events.atom\"," >"$WORK/many"
	[ "$(curl -s -K "$WORK/many" -H "If-None-Match: $tag" -w '%{http_code}\n' | sort | uniq -c | tr -s ' ')" = ' 1000 304' ]
	[ "$(curl -s -o /dev/null -w '%{http_code}' -X POST "$URL/events.atom")" = 405 ]
	larder_stop
}

@test "an event that grows is an update of the feed, and a webhook is told again" {
	make_store
	receiver_start
	hook_config
	make_store
	notice 'info|github.com/kodwx|github.com/kodwx is gone: k1, k2|1694500000000' 'info|other|another'
	larder_start
	wait_until 20 got 2
	jq -e 'has("more") | not' "$WORK/receiver/body"
	curl -sf -o "$WORK/feed" -D "$WORK/headers" "$URL/events.atom"
	tag=$(header ETag "$WORK/headers")
	feed a:entry/a:id >"$WORK/ids"
	[ "$(feed a:entry/a:updated | tail -n 1)" = 2023-09-12T06:26:40.000Z ]
	larder_stop
	notice 'more|1|github.com/kodwx is gone: k1, k2, k4'
	larder_start
	[ "$(curl -s -o "$WORK/feed" -D "$WORK/headers" -w '%{http_code}' -H "If-None-Match: $tag" "$URL/events.atom")" = 200 ]
	[ "$(feed a:entry/a:title | tail -n 1)" = 'github.com/kodwx is gone: k1, k2, k4' ]
	feed a:entry/a:id | cmp - "$WORK/ids"
	[ "$(feed a:entry/a:published | tail -n 1)" = 2023-09-12T06:26:40.000Z ]
	[ "$(feed a:updated)" = "$(feed a:entry/a:updated | tail -n 1)" ]
	[ "$(feed a:updated | cut -c 1-4)" -gt 2023 ]
	wait_until 20 got 3
	[ "$(cut -d ' ' -f 1 "$WORK/receiver/got" | tr '\n' ' ')" = '1 2 1 ' ]
	jq -e '.more == true and .event.id == 1 and .event.revision == 3 and .event.detail == "github.com/kodwx is gone: k1, k2, k4"' "$WORK/receiver/body"
	larder_stop
}

@test "a webhook is told what happens from when it is there on, once and in order, signed" {
	make_store
	notice 'info|old|before there was a webhook'
	receiver_start
	printf 'very secret\n' >"$WORK/secret"
	hook_config "secret_file = \"$WORK/secret\""
	make_store
	[ ! -e "$WORK/receiver/got" ]
	notice 'info|one|first' 'warning|two|second' 'audit|x|nobody is told' 'urgent|three|third'
	larder_start
	wait_until 20 got 3
	[ "$(cut -d ' ' -f 1,3 "$WORK/receiver/got")" = $'2 2\n3 3\n5 5' ]
	signature=$(openssl dgst -sha256 -hmac 'very secret' "$WORK/receiver/body" | sed 's/.*= //')
	[ "$(tail -n 1 "$WORK/receiver/got" | cut -d ' ' -f 4)" = "sha256=$signature" ]
	jq -e '.larder and .event.level == "urgent" and .event.subject == "three" and .event.detail == "third" and .event.about.site == "h/a"' "$WORK/receiver/body"
	wait_until 10 eval '[ "$(metric webhook_delivered_total)" = 3 ]'
	larder_stop
	make_store
	got 3
}

@test "a receiver that is away for a while gets all of it afterwards, once and in order" {
	make_store
	receiver_start
	hook_config
	make_store
	echo 500 >"$WORK/receiver/status"
	notice 'info|one|first' 'info|two|second'
	larder_start
	wait_until 20 got 2 # the first one, twice
	[ "$(cut -d ' ' -f 1,2 "$WORK/receiver/got" | sort -u)" = '1 500' ]
	[ "$(grep -c 'did not take event 1: 500; it is tried again for a day' "$WORK/larder.log")" = 1 ]
	rm "$WORK/receiver/status"
	wait_until 20 grep -q '^2 200' "$WORK/receiver/got"
	[ "$(grep ' 200 ' "$WORK/receiver/got" | cut -d ' ' -f 1)" = $'1\n2' ]
	grep -q 'webhook team takes events again' "$WORK/larder.log"
	larder_stop
}

@test "what a receiver does not take for a day is given up, and the next one has its turn" {
	make_store
	receiver_start
	hook_config
	make_store
	echo 500 >"$WORK/receiver/status"
	notice 'info|one|first' 'info|two|second'
	watch_start
	wait_until 20 grep -q '^1 500' "$WORK/receiver/got"
	TURNED=25
	turn_clock
	wait_until 30 grep -q '^2 500' "$WORK/receiver/got"
	rm "$WORK/receiver/status"
	wait_until 30 grep -q '^2 200' "$WORK/receiver/got"
	run ! grep -q '^1 200' "$WORK/receiver/got"
	grep -q 'did not take event 1 for a day: 500; it is given up' "$WORK/larder.log"
	[ "$(metric webhook_given_up_total)" = 1 ]
	larder_stop
}

@test "the day of a receiver goes on over restarts" {
	make_store
	receiver_start
	hook_config
	make_store
	echo 500 >"$WORK/receiver/status"
	notice 'info|one|first' 'info|two|second'
	watch_start
	wait_until 20 grep -q '^1 500' "$WORK/receiver/got"
	larder_stop
	TURNED=23
	watch_start
	wait_until 20 got 3 # once more, or twice, and not given up
	larder_stop
	run ! grep -q '^2' "$WORK/receiver/got"
	TURNED=25
	watch_start
	wait_until 20 grep -q '^2 500' "$WORK/receiver/got"
	[ "$(metric webhook_given_up_total)" = 1 ]
	larder_stop
}

@test "a webhook that was taken out and put back is told what happens from then on" {
	make_store
	receiver_start
	hook_config
	make_store
	larder_config
	make_store
	notice 'info|one|while nobody listened'
	hook_config
	make_store
	notice 'info|two|second'
	larder_start
	wait_until 20 got 1
	[ "$(cut -d ' ' -f 1 "$WORK/receiver/got")" = 2 ]
	larder_stop
}

@test "a webhook may say from which level on, and a redirect is no delivery" {
	make_store
	receiver_start
	hook_config 'level = "warning"'
	make_store
	echo 302 >"$WORK/receiver/status"
	notice 'info|one|first' 'warning|two|second' 'urgent|three|third'
	larder_start
	wait_until 20 got 1
	rm "$WORK/receiver/status"
	wait_until 20 grep -q '^3 200' "$WORK/receiver/got"
	[ "$(cut -d ' ' -f 1,2 "$WORK/receiver/got" | uniq)" = $'2 302\n2 200\n3 200' ]
	larder_stop
}

@test "a receiver that answers at length has taken the event, and one that says nothing does not keep larder from stopping" {
	make_store
	receiver_start
	hook_config
	make_store
	echo 1000000 >"$WORK/receiver/talk"
	notice 'info|one|first' 'info|two|second'
	larder_start
	wait_until 20 eval '[ "$(metric webhook_delivered_total)" = 2 ]'
	[ "$(metric webhook_failures_total)" = 0 ]
	[ "$(cut -d ' ' -f 1 "$WORK/receiver/got")" = $'1\n2' ]
	larder_stop
	touch "$WORK/receiver/held"
	notice 'info|three|third'
	larder_start
	wait_until 20 got 3
	larder_stop
	run ! grep -q 'did not take' "$WORK/larder.log" # that larder stops is nobody's failure
	rm "$WORK/receiver/held"
	larder_start
	wait_until 20 eval '[ "$(metric webhook_delivered_total)" = 1 ]'
	[ "$(cut -d ' ' -f 1 "$WORK/receiver/got")" = $'1\n2\n3\n3' ]
	larder_stop
}

@test "a webhook by https is told where its certificate is trusted, and never else" {
	local port
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
		-keyout "$WORK/key.pem" -out "$WORK/ca.pem" 2>/dev/null
	cat "$WORK/key.pem" "$WORK/ca.pem" >"$WORK/receiver/cert.pem"
	make_store
	receiver_start
	port=$(cat "$WORK/receiver/port")
	larder_config "webhook \"team\" { url = \"https://localhost:$port/hook\" } $(fetch_section "$port")"
	make_store
	notice 'info|one|first'
	larder_start
	wait_until 20 grep -q 'webhook team did not take event 1: .*certificate' "$WORK/larder.log"
	[ ! -e "$WORK/receiver/got" ]
	larder_stop
	larder_config "webhook \"team\" { url = \"https://localhost:$port/hook\" } $(fetch_section "$port" "ca_file = \"$WORK/ca.pem\"")"
	larder_start
	wait_until 20 eval '[ "$(metric webhook_delivered_total)" = 1 ]'
	got 1
	larder_stop
}

@test "a webhook is told through the proxy that fetches go through" {
	make_store
	receiver_start
	larder_config "webhook \"team\" { url = \"http://hooks.example/hook\" }
		fetch { proxy = \"http://127.0.0.1:$(cat "$WORK/receiver/port")\" }"
	make_store
	notice 'info|one|first'
	larder_start
	wait_until 20 eval '[ "$(metric webhook_delivered_total)" = 1 ]'
	got 1
	larder_stop
}

@test "a webhook inside a private network is not asked unless that is allowed" {
	make_store
	receiver_start
	larder_config "webhook \"team\" { url = \"http://localhost:$(cat "$WORK/receiver/port")/hook\" }
		fetch { allow_ports = {$(cat "$WORK/receiver/port")} }"
	make_store
	notice 'info|one|first'
	larder_start
	wait_until 20 grep -q 'webhook team did not take event 1: .*: neither public nor in fetch.allow_private; it is tried again for a day and then given up' "$WORK/larder.log"
	[ ! -e "$WORK/receiver/got" ]
	[ "$(metric webhook_failures_total)" -ge 1 ]
	larder_stop
}

@test "mistakes in a webhook are named, and the daemon does not start" {
	larder_config 'webhook "team" { level = "info" }'
	run larder serve
	[ "$status" = 2 ]
	[[ $output == *'webhook'*'url'* ]]
	larder_config 'webhook "team" { url = "https://h/x" level = "audit" }'
	run larder serve
	[ "$status" = 2 ]
	[[ $output == *larder.conf:*"'audit' is no level; write info, warning or urgent"* ]]
	larder_config "webhook \"team\" { url = \"https://h/x\" secret_file = \"$WORK/none\" }"
	run larder serve
	[ "$status" = 2 ]
	[[ $output == *larder.conf:*'webhook "team": secret_file'* ]]
	: >"$WORK/none"
	run larder serve
	[ "$status" = 2 ]
	[[ $output == *larder.conf:*'is empty'* ]]
	# Whoever only checks hears of the same.
	run larder serve --check-config
	[ "$status" = 2 ]
	[[ $output == *larder.conf:*'is empty'* ]]
	rm "$WORK/none"
	run larder serve --check-config
	[ "$status" = 2 ]
	[[ $output == *larder.conf:*'webhook "team": secret_file'* ]]
	for url in http://127.0.0.1/x 'http://[::1]/x' http://10.1.2.3/x; do
		larder_config "webhook \"team\" { url = \"$url\" }"
		run larder serve --check-config
		[ "$status" = 2 ]
		[[ $output == *larder.conf:*'webhook "team": url: '*': neither public nor in fetch.allow_private'* ]]
	done
	larder_config 'webhook "team" { url = "https://10.1.2.3/x" } fetch { allow_private = {"10.0.0.0/8"} }'
	[[ $(larder serve --check-config) == *'no mistakes'* ]]
	larder_config 'webhook "team" { url = "https://me:secret@h.org/x" }'
	run larder serve --check-config
	[ "$status" = 2 ]
	[[ $output == *larder.conf:*'the URL carries a user name or password'* ]]
	larder_config 'webhook "team" { url = "https://h.org:8443/x" }'
	run larder serve --check-config
	[ "$status" = 2 ]
	[[ $output == *larder.conf:*'the port is not one of fetch.allow_ports'* ]]
}
