# The rules of the source. Each function looks at the tree in the current directory and prints one line for every violation: nothing
# is good. Rules whose tool or file is missing print "skip: why".

RULES=(
	storage_knows_nothing_of_server
	microhttpd_only_in_server_http
	curl_only_in_server_upstream
	sqlite_only_in_storage_index
	openssl_only_in_storage_digest
	libgit2_only_in_storage_catalog
	uthash_only_in_storage_base_table
	functions_are_short
	files_are_short
	no_banned_functions
	no_default_over_an_enum
	no_open_ends
	formatted_by_clang_format
	cppcheck_finds_nothing
	options_are_documented
	commands_are_documented
	limits_are_counted
	shell_is_clean
	start_installs_what_is_built_with
	readme_tells_the_truth
)

c_files() {
	find storage server -name '*.[ch]' 2>/dev/null | sort
}

# included_outside HEADER ALLOWED: both regular expressions; who includes the one outside the other.
included_outside() {
	c_files | grep -vE "$2" | xargs -r grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]$1"
}

rule_storage_knows_nothing_of_server() {
	included_outside '(\.\./)*server/' '^server/'
}

rule_microhttpd_only_in_server_http() {
	included_outside 'microhttpd' '^server/http/'
}

rule_curl_only_in_server_upstream() {
	included_outside 'curl/' '^server/upstream/'
}

rule_sqlite_only_in_storage_index() {
	included_outside 'sqlite3' '^storage/index/'
}

rule_uthash_only_in_storage_base_table() {
	included_outside 'uthash' '^storage/base/table\.h$'
}

rule_libgit2_only_in_storage_catalog() {
	included_outside 'git2' '^storage/catalog/'
}

rule_openssl_only_in_storage_digest() {
	included_outside 'openssl/' '^storage/digest\.c$'
}

# A body goes from a brace in the first column to the next one there.
rule_functions_are_short() {
	c_files | xargs -r awk '
		FNR == 1 { start = 0 }
		/^[^ \t#\/{}*].*\(/ { name = $0 }
		/^\{/ { start = FNR }
		/^\}/ && start { if (FNR - start + 1 > 70) print FILENAME ":" start ": " FNR - start + 1 " lines: " name; start = 0 }'
}

rule_files_are_short() {
	c_files | xargs -r wc -l | awk '$2 != "total" && $1 > 500 { print $2 ": " $1 " lines" }'
}

rule_no_banned_functions() {
	c_files | xargs -r grep -nE '\b(strcpy|strcat|stpcpy|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|atof|system|popen|tmpnam|mktemp|alloca)\('
}

# -Wswitch-enum wants every value named; a default would hide the value that is added tomorrow. errno and signals are no enums.
rule_no_default_over_an_enum() {
	c_files | xargs -r awk '
		{ indent = match($0, /[^\t]/) }
		/^\t*switch \(/ { enumerated[indent] = $0 !~ /switch \(\(int\)/ ? 0 : -1 }
		/^\t*case [A-Z][A-Z0-9_]+:/ && !/case (E[A-Z0-9]+|SIG[A-Z0-9]+):/ { if (enumerated[indent] == 0) enumerated[indent] = 1 }
		/^\t*default:/ { if (enumerated[indent] == 1) print FILENAME ":" FNR ": " $0 }'
}

rule_no_open_ends() {
	find storage server conf tests CMakeLists.txt README.md -type f ! -path 'tests/lint/*' ! -path '*/corpus/*' 2>/dev/null | sort |
		xargs -r grep -nIwE 'TODO|FIXME|XXX|HACK|#if 0'
}

rule_formatted_by_clang_format() {
	case $(clang-format --version 2>/dev/null) in
	*"version 14."*) ;;
	*)
		echo "skip: no clang-format 14"
		return
		;;
	esac
	{
		c_files
		find tests -name '*.[ch]' 2>/dev/null
	} | xargs -r clang-format --dry-run -Werror 2>&1 | sed -nE 's/^([^:]+):.* error: .*/\1/p' | uniq -c |
		while read -r count file; do echo "$file: $count places that clang-format would change"; done
}

# What is no mistake is suppressed where it stands, with the reason beside it.
rule_cppcheck_finds_nothing() {
	local here
	here=$(dirname "${BASH_SOURCE[0]}")
	command -v cppcheck >/dev/null || { echo "skip: no cppcheck" && return; }
	cppcheck --enable=warning,performance,portability --inline-suppr --std=c11 --quiet -j "$(nproc)" \
		--library="$here/cppcheck.cfg" -D_GNU_SOURCE '-DLARDER_VERSION="0"' -I. \
		--template='{file}:{line}: {id}: {message}' storage server 2>&1
}

# "fetch.miss_deadline" and the like, from the table that the program itself reads.
option_names() {
	sed -nE 's/^OPTION\([a-z_]+, "([a-z_]*)", ([a-z_]+),.*/\1.\2/p' server/config.def
}

rule_options_are_documented() {
	local name
	[ -e server/config.def ] || { echo "server/config.def is missing" && return; }
	[ -n "$(option_names)" ] || echo "server/config.def: holds no option that this rule can read"
	for name in $(option_names); do
		grep -qE "\b${name##*.}\b" conf/larder.conf || echo "conf/larder.conf: $name is missing"
		grep -qE "\b${name##*.}\b" conf/larder.conf.5 || echo "conf/larder.conf.5: $name is missing"
	done
}

command_names() {
	grep -rhoE '&command_[a-z]+' server/commands 2>/dev/null | sed 's/.*_//' | sort -u
}

rule_commands_are_documented() {
	local name
	[ -n "$(command_names)" ] || echo "server/commands: holds no command that this rule can read"
	for name in $(command_names); do
		grep -qE "\b$name\b" conf/larder.1 || echo "conf/larder.1: the command $name is missing"
	done
}

rule_limits_are_counted() {
	local name
	for name in $(sed -nE 's/^METRIC\((LIMIT_[A-Z_]+),.*/\1/p' server/admin/metrics.def); do
		grep -rqw "METRIC_$name" --include='*.c' server || echo "server/admin/metrics.def: nobody counts $name"
	done
}

rule_shell_is_clean() {
	command -v shellcheck >/dev/null || { echo "skip: no shellcheck" && return; }
	find conf tests .ci -name '*.sh' -o -name '*.bash' -o -name '*.bats' -o -path '.ci/run' 2>/dev/null | sort |
		xargs -r shellcheck -f gcc -e SC1090,SC1091,SC2013,SC2016,SC2030,SC2031,SC2034,SC2154 2>&1
}

# The runner's list of libraries, but for those of the tests alone, stands in the start script too.
rule_start_installs_what_is_built_with() {
	local package
	[ -e tests/support/install.sh ] || echo "tests/support/install.sh is missing"
	sed -n 's/^need_library \([^ ]*\) .*/\1/p' tests/support/install.sh | grep -v '^libcmocka-dev$' | while read -r package; do
		grep -qw -- "$package" conf/start.sh || echo "conf/start.sh does not install $package"
	done
}

rule_readme_tells_the_truth() {
	local file
	for file in conf/start.sh tests/run.sh; do
		[ -e "$file" ] || echo "$file is missing"
		grep -q "sh $file" README.md || echo "README.md does not name sh $file"
	done
	# Whatever file it names is there.
	grep -oE '\b(conf|tests|server|storage)/[A-Za-z0-9_./-]*[A-Za-z0-9_]' README.md | sort -u | while read -r file; do
		[ -e "$file" ] || echo "README.md names $file, which is not there"
	done
}
