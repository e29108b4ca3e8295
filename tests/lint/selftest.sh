#!/bin/bash
# selftest.sh: every rule of rules.bash can fail. Each is shown a small tree it must accept, then the same tree with one thing wrong.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/rules.bash"
tree=$(mktemp -d "${TMPDIR:-/tmp}/larder-lint.XXXXXX")
trap 'rm -rf "$tree"' EXIT
number=0

good_tree() {
	rm -rf "${tree:?}"/*
	mkdir -p "$tree"/{storage/{base,index},server/{http,upstream,commands,admin},conf,tests/support,.ci}
	cd "$tree" || exit 1
	cp "$here/../../.clang-format" .
	printf '#include <sqlite3.h>\n' >storage/index/db.c
	printf '#include <openssl/evp.h>\n' >storage/digest.c
	printf '#include <microhttpd.h>\n' >server/http/listener.c
	printf '#include <curl/curl.h>\n#include "storage/store.h"\n' >server/upstream/fetcher.c
	printf 'int\none(void)\n{\n\tmetrics_add(m, METRIC_LIMIT_FLIGHTS, 1);\n\treturn 1;\n}\n' >server/admin/metrics.c
	printf 'METRIC(LIMIT_FLIGHTS, "x", "y")\n' >server/admin/metrics.def
	cp "$here/../../server/config.def" server/
	option_names | sed 's/.*\.//' | sort -u | tee conf/larder.conf >conf/larder.conf.5
	echo '/* &command_serve, &command_add */' >server/commands/command.c
	command_names >conf/larder.1
	printf '#!/bin/sh\necho "$1"\n' | tee conf/start.sh tests/run.sh .ci/run >conf/other.sh
	echo '# zlib1g-dev' >>conf/start.sh
	printf '#!/bin/sh\nneed_library zlib1g-dev zlib\n' >tests/support/install.sh
	printf 'sh conf/start.sh, sh tests/run.sh\n' >README.md
}

# can_fail RULE COMMAND: the command spoils the good tree.
can_fail() {
	local violations
	number=$((number + 1))
	good_tree
	violations=$("rule_$1")
	case $violations in
	"skip: "*) echo "ok $number - $1 # ${violations/skip: /skip }" && return ;;
	esac
	if [ -n "$violations" ]; then
		printf 'not ok %d - %s accepts what is right\n' "$number" "$1"
		printf '%s\n' "$violations" | sed 's/^/# /'
		return
	fi
	eval "$2"
	if [ -n "$("rule_$1")" ]; then
		echo "ok $number - $1 finds: $2"
	else
		echo "not ok $number - $1 finds: $2"
	fi
}

lines() { # COUNT TEXT
	yes "$2" | head -n "$1"
}

can_fail storage_knows_nothing_of_server 'echo "#include \"server/config.h\"" >storage/store.c'
can_fail microhttpd_only_in_server_http 'echo "#include <microhttpd.h>" >server/admin/page.c'
can_fail curl_only_in_server_upstream 'echo "#include <curl/curl.h>" >server/http/reply.c'
can_fail sqlite_only_in_storage_index 'echo "# include <sqlite3.h>" >storage/store.c'
can_fail uthash_only_in_storage_base_table 'echo "#include <uthash.h>" >storage/digest.h'
can_fail libgit2_only_in_storage_catalog 'echo "#include <git2.h>" >storage/digest.c'
can_fail openssl_only_in_storage_digest 'echo "#include <openssl/sha.h>" >storage/digests.c'
can_fail functions_are_short '{ echo "int"; echo "f(void)"; echo "{"; lines 69 "	g();"; echo "}"; } >storage/store.c'
can_fail files_are_short 'lines 501 "int x;" >storage/store.c'
can_fail no_banned_functions 'echo "	strcpy(a, b);" >storage/store.c'
can_fail no_default_over_an_enum 'printf "\tswitch (x) {\n\tcase STORE_HIT:\n\t\treturn 1;\n\tdefault:\n\t\treturn 2;\n\t}\n" >storage/store.c'
can_fail no_open_ends 'echo "/* TODO: more */" >storage/store.c'
can_fail formatted_by_clang_format 'echo "int  x ;" >storage/store.c'
can_fail cppcheck_finds_nothing 'printf "int\nf(void)\n{\n\tint a[2];\n\n\treturn a[2];\n}\n" >storage/store.c'
can_fail options_are_documented 'sed -i 1d conf/larder.conf'
can_fail options_are_documented 'sed -i 1d conf/larder.conf.5'
can_fail commands_are_documented 'sed -i /serve/d conf/larder.1'
can_fail limits_are_counted 'rm server/admin/metrics.c'
can_fail shell_is_clean 'echo "cd \$1" >>conf/start.sh'
can_fail start_installs_what_is_built_with 'sed -i s/zlib1g-dev// conf/start.sh'
can_fail readme_tells_the_truth 'rm conf/start.sh'
can_fail readme_tells_the_truth 'echo "see conf/nothing.txt" >>README.md'
echo "1..$number"
