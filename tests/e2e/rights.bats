#!/usr/bin/env bats
# The matrix of rights over real HTTP: every route with everybody who may come. The table is what the documentation promises, written
# down once more by hand, so that a route cannot become open by a slip in the program's own.

load ../support/larder

# METHOD PATH WHO: anyone; token (any valid one); a right, or one of several; control (the control socket alone). "…|donor": and whoever has no token, where
# donations are open. D stands for the digest of an archive.
ROUTES="
GET    /                        anyone
GET    /healthz                 anyone
GET    /readyz                  anyone
GET    /metrics                 anyone
GET    /events.atom             anyone
GET    /version                 anyone
GET    /status                  anyone
GET    /D                       anyone
PUT    /D                       upload|donor
DELETE /D                       remove
POST   /api/v1/archives         upload
GET    /api/v1/archives/D       token
PUT    /api/v1/pins/D           remove
DELETE /api/v1/pins/D           remove
DELETE /api/v1/tombstones/D     remove
POST   /api/v1/check            token|donor
GET    /api/v1/wanted           token|donor
GET    /api/v1/events           token
GET    /api/v1/openapi.json     anyone
POST   /api/v1/fetch            fetch
POST   /api/v1/catalog          catalog
POST   /api/v1/verify           remove
GET    /api/v1/jobs             token
GET    /api/v1/jobs/1           token
DELETE /api/v1/jobs/1           fetch/catalog
GET    /api/v1/tokens           control
POST   /api/v1/tokens           control
DELETE /api/v1/tokens           control
"

setup_file() {
	export WORK=$BATS_FILE_TMPDIR
	larder_config "uploads { failures = 1000000 }"
	mkdir "$WORK/tokens"
	larder_start
	make_tokens
}

teardown_file() {
	export WORK=$BATS_FILE_TMPDIR
	end_all
}

setup() {
	WORK=$BATS_FILE_TMPDIR
}

make_tokens() {
	local right
	for right in upload remove catalog fetch; do
		larder token add "$right" --may "$right" >"$WORK/tokens/$right"
	done
	larder token add everything --may upload,remove,catalog,fetch >"$WORK/tokens/everything"
	larder token add revoked --may upload,remove,catalog,fetch >"$WORK/tokens/revoked"
	larder token revoke revoked
	larder token add expired --may upload,remove,catalog,fetch --expires 1ms >"$WORK/tokens/expired"
	echo larder_00000000000000000000000000000000 >"$WORK/tokens/unknown"
	echo larder_0000 >"$WORK/tokens/malformed"
	wait_until 10 is_refused expired
}

is_refused() {
	[ "$(curl -s -o "$WORK/body" -w '%{http_code}' -H "Authorization: Bearer $(cat "$WORK/tokens/$1")" "$URL/api/v1/events")" = 401 ]
}

routes() {
	printf '%s' "$ROUTES" | sed '/^$/d'
}

# ask METHOD PATH CURL-ARGUMENT...: 401, 403, "hidden" (no such page), or "in": whatever was answered after that.
ask() {
	local method=$1 path=$2 status
	shift 2
	path=${path/D/sha256\/0000000000000000000000000000000000000000000000000000000000000000}
	[ "$method" = GET ] || set -- -X "$method" "$@"
	[ "$method" = PUT ] || [ "$method" = POST ] && set -- -d x "$@"
	status=$(curl -s -o "$WORK/body" -w '%{http_code}' "$@" "$URL$path")
	case $status in
	401 | 403) echo "$status" ;;
	000) echo "nothing" ;;
	404) grep -q "no such page" "$WORK/body" && echo hidden || echo in ;;
	*) echo in ;;
	esac
}

# everybody_asks CURL-ARGUMENT...: what each route answers, against what PROMISE says of "METHOD PATH WHO".
everybody_asks() {
	local method path who got wanted wrong=0
	while read -r method path who; do
		got=$(ask "$method" "$path" "$@")
		wanted=$(promise "$method" "$who")
		[ "$got" = "$wanted" ] || { echo "$method $path: $got, not $wanted" && wrong=1; }
	done < <(routes)
	return $wrong
}

bearer() {
	everybody_asks -H "Authorization: Bearer $(cat "$WORK/tokens/$1")"
}

@test "the table names every route there is" {
	diff <(routes | awk '{ print $1, $2 }' | sort) \
		<(sed -nE 's,.*\{METHOD_([A-Z]+)\, "([^"]+)".*,\1 \2,p' "$TOP/server/http/routes.c" | sed 's/{digest}/D/; s/{id}/1/' | sort)
}

@test "without a token" {
	promise() {
		case $2 in anyone) echo in ;; control) echo hidden ;; *) echo 401 ;; esac
	}
	everybody_asks
}

@test "with a token that is not valid" {
	# What anyone may read needs no token, so none is looked at.
	promise() {
		case $2 in anyone) echo in ;; control) echo hidden ;; *) echo 401 ;; esac
	}
	bearer malformed
	bearer unknown
	bearer revoked
	bearer expired
	everybody_asks -H "Authorization: Basic bGFyZGVyOmxhcmRlcg=="
	everybody_asks -H "Authorization;"
	everybody_asks -H "Authorization: $(cat "$WORK/tokens/everything")"
}

@test "with a token that has one right" {
	promise() {
		case /${2%|donor}/ in /anyone/ | /token/ | */"$right"/*) echo in ;; /control/) echo hidden ;; *) echo 403 ;; esac
	}
	for right in upload remove catalog fetch; do
		bearer "$right"
	done
}

@test "with a token that has all rights" {
	promise() {
		case $2 in control) echo hidden ;; *) echo in ;; esac
	}
	bearer everything
}

@test "from a web page" {
	promise() {
		case $2 in anyone) echo in ;; control) echo hidden ;; *) echo 403 ;; esac
	}
	everybody_asks -H "Origin: https://example.org" -H "Authorization: Bearer $(cat "$WORK/tokens/everything")"
	promise() {
		case $2 in anyone) echo in ;; *) echo 403 ;; esac
	}
	everybody_asks -H "Origin: null" --unix-socket "$WORK/store/control.sock"
}

@test "through the control socket" {
	promise() {
		echo in
	}
	everybody_asks --unix-socket "$WORK/store/control.sock"
	everybody_asks --unix-socket "$WORK/store/control.sock" -H "Authorization: Bearer nonsense"
}

@test "without a token, where donations are open" {
	larder_stop
	larder_config "donations { open = yes }"
	larder_start
	# 403 of an upload: let in, but this one is not wanted.
	promise() {
		case $1,$2 in PUT,*"|donor") echo 403 ;; *,anyone | *"|donor") echo in ;; *,control) echo hidden ;; *) echo 401 ;; esac
	}
	everybody_asks
	larder_stop
}
