#!/usr/bin/env bats
# Behind real front proxies that keep what they get: what is right comes through right, and of an archive that broke off on its way nobody
# ever gets a whole one, and the proxy keeps none of it. Skipped where a proxy is not installed.

load ../support/larder

PROXIES="nginx_10 nginx_11 varnish haproxy"

setup_file() {
	export WORK=$BATS_FILE_TMPDIR
	local proxy number=0
	origin_start
	mkdir -p "$WORK/archives"
	make_archive "$WORK/archives/small" 5000
	make_archive "$WORK/archives/large" 400000
	for proxy in $PROXIES; do
		number=$((number + 1))
		make_archive "$WORK/origin/files/miss-$proxy" 20000
		make_archive "$WORK/origin/files/far-$proxy" 400000
		make_archive "$WORK/origin/files/cut-$proxy" 400000
		make_archive "$WORK/origin/files/wrong-$proxy" 400000
		row 127.1.0."$number" ok "miss-$proxy"
		row 127.1.0."$number" ok "far-$proxy"
		row 127.2.0."$number" cut "cut-$proxy"
		row 127.3.0."$number" wrong "wrong-$proxy"
	done >"$WORK/origins.list"
	larder_config "$(fetch_section "$ORIGIN_PORT" 'verify_before_send = "64KiB"')
		limits { trusted_proxies = {\"127.0.0.1\"} }"
	larder add -q "$WORK/archives"
	larder import "$WORK/origins.list"
	larder_start
}

row() { # HOST BEHAVIOUR NAME
	echo "http://$1:$ORIGIN_PORT/$2/$3 sha256=$(digest_of sha256 "$WORK/origin/files/$3") $3.1"
}

teardown_file() {
	export WORK=$BATS_FILE_TMPDIR
	larder_stop
	end_all
}

setup() {
	WORK=$BATS_FILE_TMPDIR
	AT=$BATS_TEST_TMPDIR
	URL=$(larder_url)
	LISTENS=127.0.0.1:${URL##*:}
}

teardown() {
	# The proxy alone.
	if [ -e "$AT/proxy.pid" ]; then
		kill -KILL "$(cat "$AT/proxy.pid")" || true
	fi
}

answers() {
	curl -sf -m 5 -o /dev/null "http://127.0.0.1:$1/healthz"
}

# A proxy that could not have its port is started again on another one.
start() { # COMMAND OF THE PROXY, which writes how it is called into $AT/start for a port
	for _ in 1 2 3 4 5; do
		PORT=$(python3 "$TESTS/support/free_ports.py" 1)
		"$1" "$PORT"
		(WORK=$AT in_background proxy sh "$AT/start")
		if wait_until 10 answers "$PORT"; then
			FRONT=http://127.0.0.1:$PORT
			return
		fi
		kill -KILL "$(cat "$AT/proxy.pid")" || true
	done
	cat "$AT"/proxy.log
	return 1
}

nginx_with() { # PORT OPTIONS
	command -v nginx >/dev/null || skip "nginx is not installed"
	cat >"$AT/nginx.conf" <<-END
		daemon off; master_process off; pid $AT/nginx.pid; error_log $AT/nginx.log;
		events { }
		http {
			access_log off;
			client_body_temp_path $AT/body; proxy_temp_path $AT/temp; fastcgi_temp_path $AT/fastcgi; uwsgi_temp_path $AT/uwsgi; scgi_temp_path $AT/scgi;
			proxy_cache_path $AT/kept keys_zone=kept:1m;
			upstream larder { server $LISTENS; keepalive 8; }
			server { listen 127.0.0.1:$1; location / { proxy_pass http://larder; proxy_cache kept; $2 } }
		}
	END
	echo "exec nginx -e $AT/nginx.log -p $AT -c $AT/nginx.conf" >"$AT/start"
}

nginx_10() {
	nginx_with "$1" ""
}

nginx_11() {
	nginx_with "$1" 'proxy_http_version 1.1; proxy_set_header Connection "";'
}

varnish() {
	command -v varnishd >/dev/null || skip "varnish is not installed"
	echo "exec varnishd -F -j none -a 127.0.0.1:$1 -b $LISTENS -n $AT/varnish$1 -s malloc,64m" >"$AT/start"
}

haproxy() {
	command -v haproxy >/dev/null || skip "haproxy is not installed"
	cat >"$AT/haproxy.cfg" <<-END
		defaults
			mode http
			option forwardfor
			timeout connect 5s
			timeout client 30s
			timeout server 30s
		cache kept
			total-max-size 64
			max-object-size 1000000
			max-age 3600
		frontend front
			bind 127.0.0.1:$1
			http-request cache-use kept
			http-response cache-store kept
			default_backend larder
		backend larder
			server larder $LISTENS
	END
	echo "exec haproxy -db -f $AT/haproxy.cfg" >"$AT/start"
}

# get FILE [CURL ARGS...]: STATUS and ENDED of a request through the proxy, its bytes in $AT/got.
get() {
	local file=$1
	shift
	ENDED=0
	STATUS=$(curl -s -m 60 -o "$AT/got" -D "$AT/headers" -w '%{http_code}' "$@" "$FRONT$(path_of sha256 "$file")") || ENDED=$?
}

comes() { # FILE
	get "$1"
	[ "$STATUS $ENDED" = "200 0" ] || { echo "$1: $STATUS, curl $ENDED" && return 1; }
	cmp "$AT/got" "$1"
}

# The proxy that is tested has had it from larder once.
asked_once() { # FILE
	[ "$(tail -n "+$ASKED_FROM" "$WORK/larder.log" | grep -c "\"method\":\"GET\",\"path\":\"$(path_of sha256 "$1")\"")" = 1 ]
}

# Whoever asks gets nothing that looks whole.
never_comes() { # FILE
	local clients=() i
	for i in 1 2 3; do
		curl -sf -m 60 -o "$AT/got$i" "$FRONT$(path_of sha256 "$1")" &
		clients+=($!)
	done
	for i in "${clients[@]}"; do
		! wait "$i" || { echo "a whole answer for $1" && return 1; }
	done
	get "$1"
	[ "$STATUS" != 200 ] || [ "$ENDED" != 0 ]
}

what_is_right() { # PROXY
	local file
	for file in "$WORK/archives/small" "$WORK/archives/large" "$WORK/origin/files/miss-$1" "$WORK/origin/files/far-$1"; do
		comes "$file"
		comes "$file"
		wait_until 10 asked_once "$file" # it was kept
		get "$file" -I
		[ "$STATUS" = 200 ]
		[ "$(header Content-Length "$AT/headers")" = "$(stat -c %s "$file")" ]
		get "$file" -r 100-299
		# haproxy gives all of what it keeps, which is well.
		[ "$STATUS" = 200 ] && cmp "$AT/got" "$file" && continue
		[ "$STATUS" = 206 ]
		cmp "$AT/got" <(tail -c +101 "$file" | head -c 200)
	done
}

what_broke_off() { # PROXY
	local file
	for file in "$WORK/origin/files/cut-$1" "$WORK/origin/files/wrong-$1"; do
		never_comes "$file"
		# Once larder has it, so do all.
		larder add -q "$file"
		comes "$file"
		comes "$file"
	done
}

through() { # PROXY
	ASKED_FROM=$(($(wc -l <"$WORK/larder.log") + 1))
	start "$1"
	what_is_right "$1"
	what_broke_off "$1"
}

@test "nginx as it comes, by HTTP/1.0" {
	through nginx_10
}

@test "nginx by HTTP/1.1 with connections kept" {
	through nginx_11
}

@test "varnish" {
	through varnish
}

@test "haproxy" {
	through haproxy
}
