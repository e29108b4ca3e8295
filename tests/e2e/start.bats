#!/usr/bin/env bats
# conf/start.sh, with a dpkg-query, an apt-get and a cmake that only write down what they were asked.
# shellcheck disable=SC2016 # the fakes expand what stands in them

load ../support/larder

setup() {
	mkdir "$WORK/bin" "$WORK/build"
	fake dpkg-query 'case " $(cat "$WORK/missing" 2>/dev/null) " in *" ${4} "*) exit 1 ;; *) echo "install ok installed" ;; esac'
	fake apt-get 'echo "apt-get $*" >>"$WORK/calls"; [ ! -e "$WORK/no-network" ]'
	fake sudo '"$@"'
	fake cmake 'echo "cmake $*" >>"$WORK/calls"'
	printf "#!/bin/sh\necho \"larder \$*\" >>\"\$WORK/calls\"\n" >"$WORK/build/larder"
	chmod +x "$WORK/build/larder"
	: >"$WORK/calls"
	export WORK PATH="$WORK/bin:$PATH" LARDER_BUILD=$WORK/build
}

# fake NAME SCRIPT
fake() {
	printf '#!/bin/sh\n%s\n' "$2" >"$WORK/bin/$1"
	chmod +x "$WORK/bin/$1"
}

@test "nothing is missing: apt is not asked; arguments are passed on" {
	sh "$TOP/conf/start.sh" -- -s /srv/larder -o workers=2
	[ "$(grep -c "^apt-get" "$WORK/calls")" = 0 ]
	grep -qx "larder serve -s /srv/larder -o workers=2" "$WORK/calls"
}

@test "--build-only stops before serving" {
	sh "$TOP/conf/start.sh" --build-only
	grep -q "^cmake --build" "$WORK/calls"
	[ "$(grep -c '^larder' "$WORK/calls")" = 0 ]
}

@test "what is missing, and nothing else, is installed without questions" {
	echo "uthash-dev cmake" >"$WORK/missing"
	sh "$TOP/conf/start.sh" --build-only
	grep -qx "apt-get install -q -y --no-install-recommends cmake uthash-dev" "$WORK/calls"
	grep -q "^cmake --build" "$WORK/calls"
}

@test "no network and something missing: it says what" {
	echo "uthash-dev" >"$WORK/missing"
	: >"$WORK/no-network"
	run sh "$TOP/conf/start.sh" --build-only
	[ "$status" = 3 ]
	[[ $output == *"could not install what is missing"*"uthash-dev"* ]]
	[ "$(grep -c '^cmake' "$WORK/calls")" = 0 ]
}

@test "a build that fails says what the compiler said" {
	fake cmake 'echo "no such compiler"; exit 1'
	run sh "$TOP/conf/start.sh"
	[ "$status" = 3 ]
	[[ $output == *"no such compiler"*"building failed"* ]]
	[ "$(grep -c '^larder' "$WORK/calls")" = 0 ]
}

@test "an argument it does not know" {
	run sh "$TOP/conf/start.sh" --serve
	[ "$status" = 2 ]
}
