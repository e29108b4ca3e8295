/*
 * Histories: what was ever named is found with its dates, each once, whatever merges, renames, links and odd
 * dates are in between; what is no whole repository is refused; nothing that a repository is set up to run is
 * run, and nothing is left behind.
 */
#include "tests/support/histories.h"

#include <dirent.h>
#include <errno.h>

#include "storage/base/clock.h"
#include "storage/catalog/history_pairs.h"

#define A(n) "packages/a/a." n "/opam"

static struct harvest *harvest;
static char *root, *left;
static unsigned looks_until_stop; /* 0: nobody stops it */
static uint64_t told;

static int
set_up(void **state)
{
	(void)state;
	harvest = harvest_create();
	root = temp_make();
	left = path_in(root, "left");
	assert_int_equal(mkdir(left, 0700), 0);
	setenv("TMPDIR", left, 1);
	looks_until_stop = 0;
	told = 0;
	return 0;
}

static int
tear_down(void **state)
{
	DIR *directory = opendir(left);
	unsigned count = 0;

	(void)state;
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	free(left);
	temp_remove(root);
	harvest_destroy(harvest);
	unsetenv("TMPDIR");
	assert_int_equal(count, 2); /* . and .. */
	return 0;
}

static void
note_progress(void *context, const char *verb, uint64_t done, uint64_t total)
{
	(void)context;
	assert_non_null(verb);
	assert_true(done <= total);
	told++;
}

static bool
is_stopped(void *context)
{
	(void)context;
	return looks_until_stop > 0 && --looks_until_stop == 0;
}

static struct history_wish
wish_for(const char *path)
{
	return (struct history_wish){.path = path,
	        .known = "",
	        .limits = HISTORY_LIMITS,
	        .progress = note_progress,
	        .is_stopped = is_stopped};
}

static bool
try_wish(const char *name, struct history_wish wish, struct err *err)
{
	AUTO_FREE char *path = path_in(root, name);

	*err = ERR_NONE;
	harvest_destroy(harvest);
	harvest = harvest_create();
	wish.path = path;
	return history_read(&wish, harvest, err);
}

/* Reads it into the harvest. */
static void
read_known(const char *name, const char *known)
{
	struct history_wish wish = wish_for(NULL);
	struct err err;

	wish.known = known;
	if (!try_wish(name, wish, &err))
		fail_msg("%s", err.text);
}

static void
read_all(const char *name)
{
	read_known(name, "");
}

static void
refused(const char *name, enum err_code code, const char *part)
{
	struct err err;

	assert_false(try_wish(name, wish_for(NULL), &err));
	assert_error(&err, code, part);
	assert_error(&err, code, name);
}

/* The only entry of that package and URL. */
static const struct harvest_entry *
entry_of(const char *package, const char *url)
{
	const struct harvest_entry *found = NULL;

	for (size_t i = 0; i < harvest->n_entries; i++) {
		const struct harvest_entry *entry = &harvest->entries[i];

		if (strcmp(entry->package, package) != 0 || strcmp(entry->urls[0], url) != 0)
			continue;
		assert_null(found);
		found = entry;
	}
	if (found == NULL)
		fail_msg("%s at %s was not found", package, url);
	return found;
}

enum when { NOW, PAST };

static void
assert_named(const char *package, const char *url, long first, long last, enum when when)
{
	const struct harvest_entry *entry = entry_of(package, url);

	assert_int_equal(entry->first_ms, first * 1000LL);
	assert_int_equal(entry->last_ms, last * 1000LL);
	assert_int_equal(entry->past, when == PAST);
}

/* --- what is found --- */

/* Added, changed in place (twice), another one removed and brought back, one removed for good. */
static void
make_small(const char *name)
{
	struct story story = {0};

	story_commit(&story, "master", DAY(0), 0, 0);
	story_file(&story, "repo", "opam-version: \"2.0\"\n");
	story_file(&story, A("1"), OPAM("https://h/1", "md5=" MD5_A));
	story_file(&story, A("2"), OPAM("https://h/2", "sha256=" SHA256_A));
	story_commit(&story, "master", DAY(1), 1, 0);
	story_file(&story, A("1"), OPAM("https://h/1", "md5=" MD5_B));
	story_file(&story, A("3"), OPAM("https://h/3", "md5=" MD5_A));
	story_commit(&story, "master", DAY(2), 2, 0);
	story_remove(&story, "packages/a/a.2");
	story_remove(&story, A("3"));
	story_commit(&story, "master", DAY(3), 3, 0);
	story_file(&story, A("2"), OPAM("https://h/2", "sha256=" SHA256_A) "# back\n");
	story_file(&story, A("1"), OPAM("https://h/1", "md5=" MD5_B) "# edited\n");
	story_file(&story, "README", "no package");
	story_end(&story, root, name);
}

static void
assert_small(void)
{
	assert_int_equal(harvest->n_entries, 4);
	assert_int_equal(harvest->commits, 4);
	assert_int_equal(harvest->files, 6);
	assert_int_equal(harvest->problems_in_all, 0);
	assert_digests(&harvest->entries[0], "md5=" MD5_B, NULL);
	assert_named("a.2", "https://h/2", DAY(0), DAY(3), NOW);
	assert_named("a.3", "https://h/3", DAY(1), DAY(2), PAST);
	/* The same URL under the old digest and the new one. */
	for (size_t i = 0; i < harvest->n_entries; i++) {
		const struct harvest_entry *entry = &harvest->entries[i];
		struct digest digest;
		struct err err = ERR_NONE;

		if (strcmp(entry->package, "a.1") != 0)
			continue;
		assert_true(digest_parse_text("md5=" MD5_B, &digest, &err));
		assert_int_equal(entry->past, !digests_have(&entry->digests, &digest));
		assert_int_equal(entry->first_ms, (entry->past ? DAY(0) : DAY(1)) * 1000LL);
		assert_int_equal(entry->last_ms, (entry->past ? DAY(1) : DAY(3)) * 1000LL);
	}
}

static void
finds_what_was_ever_named(void **state)
{
	(void)state;
	make_small("r.git");
	read_all("r.git");
	assert_small();
	assert_true(told >= 2);
	in_shell(root, "git clone -q r.git clone && git clone -q --shared r.git shared && git -C clone "
	               "worktree add -q ../tree HEAD");
	read_all("clone");
	assert_small();
	read_all("clone/.git");
	assert_small();
	read_all("shared"); /* its objects lie elsewhere */
	assert_small();
	read_all("tree"); /* .git is a file */
	assert_small();
}

static void
a_name_that_begins_like_an_option(void **state)
{
	char here[4096];
	struct history_wish wish = wish_for("--version");
	struct err err = ERR_NONE;

	(void)state;
	make_small("./--version");
	assert_non_null(getcwd(here, sizeof here));
	assert_int_equal(chdir(root), 0);
	if (!history_read(&wish, harvest, &err))
		fail_msg("%s", err.text);
	assert_int_equal(chdir(here), 0);
	assert_small();
}

static void
follows_renames_and_shared_content(void **state)
{
	struct story story = {0};

	(void)state;
	story_commit(&story, "master", DAY(0), 0, 0);
	story_file(&story, A("1"), OPAM("https://h/1", "md5=" MD5_A));
	story_file(&story, "packages/b/b.1/opam", OPAM("https://h/1", "md5=" MD5_A));
	story_commit(&story, "master", DAY(1), 1, 0);
	text_add(&story.stream, "R packages/a/a.1 packages/a/a.2\n");
	story_end(&story, root, "r.git");
	read_all("r.git");
	assert_int_equal(harvest->n_entries, 3);
	assert_named("a.1", "https://h/1", DAY(0), DAY(1), PAST);
	assert_named("a.2", "https://h/1", DAY(1), DAY(1), NOW);
	assert_named("b.1", "https://h/1", DAY(0), DAY(1), NOW);
}

static void
reads_all_sides_of_a_merge(void **state)
{
	struct story story = {0};

	(void)state;
	story_commit(&story, "master", DAY(0), 0, 0);
	story_file(&story, A("1"), OPAM("https://h/1", "md5=" MD5_A));
	story_commit(&story, "side", DAY(1), 1, 0);
	story_file(&story, A("2"), OPAM("https://h/2", "md5=" MD5_A));
	story_file(&story, A("3"), OPAM("https://h/3-side", "md5=" MD5_A));
	story_commit(&story, "master", DAY(2), 1, 0);
	story_file(&story, A("3"), OPAM("https://h/3-main", "md5=" MD5_A));
	story_file(&story, A("4"), OPAM("https://h/4", "md5=" MD5_A));
	/* The merge takes a.2, makes an a.3 of its own, drops a.4, and adds a.5 that no parent has. */
	story_commit(&story, "master", DAY(3), 3, 2);
	story_file(&story, A("2"), OPAM("https://h/2", "md5=" MD5_A));
	story_file(&story, A("3"), OPAM("https://h/3-both", "md5=" MD5_A));
	story_remove(&story, A("4"));
	story_file(&story, A("5"), OPAM("https://h/5", "md5=" MD5_A));
	story_commit(&story, "master", DAY(4), 4, 0);
	story_file(&story, "README", "later");
	story_end(&story, root, "r.git");
	read_all("r.git");
	assert_int_equal(harvest->commits, 5);
	assert_int_equal(harvest->n_entries, 7);
	assert_named("a.1", "https://h/1", DAY(0), DAY(4), NOW);
	assert_named("a.2", "https://h/2", DAY(1), DAY(4), NOW);
	assert_named("a.3", "https://h/3-main", DAY(2), DAY(3), PAST);
	assert_named("a.3", "https://h/3-both", DAY(3), DAY(4), NOW);
	assert_named("a.4", "https://h/4", DAY(2), DAY(3), PAST);
	assert_named("a.5", "https://h/5", DAY(3), DAY(4), NOW);
	assert_named("a.3", "https://h/3-side", DAY(1), DAY(1), PAST);
}

static void
reads_opam_1_2(void **state)
{
	struct story story = {0};

	(void)state;
	story_commit(&story, "master", DAY(0), 0, 0);
	story_file(&story, A("1"), "opam-version: \"1.2\"\n");
	story_file(&story, "packages/a/a.1/url", OLD_URL("https://h/1", MD5_A));
	story_file(&story, "packages/a/a.1/descr", "not read {");
	story_file(&story, "packages/a/a.1/files/packages/opam", "not read {");
	story_file(&story, "packages/b.1/url", OLD_URL("https://h/b", MD5_B));
	story_commit(&story, "master", DAY(1), 1, 0);
	story_remove(&story, "packages/a/a.1/url");
	story_file(&story, A("1"), OPAM("https://h/1", "md5=" MD5_A));
	story_end(&story, root, "r.git");
	read_all("r.git");
	assert_int_equal(harvest->n_entries, 2);
	assert_int_equal(harvest->problems_in_all, 0);
	assert_named("a.1", "https://h/1", DAY(0), DAY(1), NOW);
	assert_named("b.1", "https://h/b", DAY(0), DAY(1), NOW);
}

static void
passes_over_what_is_no_file(void **state)
{
	struct story story = {0};

	(void)state;
	story_commit(&story, "master", DAY(0), 0, 0);
	story_file(&story, A("1"), OPAM("https://h/1", "md5=" MD5_A));
	story_file(&story, A("2"), OPAM("https://h/2", "md5=" MD5_A));
	story_commit(&story, "master", DAY(1), 1, 0);
	/* A link to itself and a link up, a submodule, a directory called opam, a file that may be run. */
	text_add(&story.stream, "M 120000 inline packages/a/a.1/opam\ndata 4\nopam\nM 120000 inline "
	                        "packages/a/up\ndata 2\n..\n");
	text_add(&story.stream, "M 160000 0123456789012345678901234567890123456789 packages/b/b.1/opam\n");
	text_addf(&story.stream, "M 755 inline packages/c/c.1/opam\ndata %zu\n%s\n",
	        strlen(OPAM("https://h/c", "md5=" MD5_A)), OPAM("https://h/c", "md5=" MD5_A));
	story_file(&story, "packages/d/d.1/opam/opam", OPAM("https://h/d", "md5=" MD5_A));
	story_end(&story, root, "r.git");
	read_all("r.git");
	assert_named("a.1", "https://h/1", DAY(0), DAY(1), PAST);
	assert_named("a.2", "https://h/2", DAY(0), DAY(1), NOW);
	assert_named("c.1", "https://h/c", DAY(1), DAY(1), NOW);
	assert_int_equal(harvest->n_entries, 4);
	assert_int_equal(harvest->problems_in_all, 2);
	assert_problem(harvest, 0, A("1"), 0, 0, "symbolic link");
	assert_problem(harvest, 1, "packages/b/b.1/opam", 0, 0, "submodule");
}

static void
bears_absurd_dates(void **state)
{
	int64_t began_ms = clock_wall_ms();
	struct story story = {0};

	(void)state;
	story_commit(&story, "master", 0, 0, 0);
	story_file(&story, A("1"), OPAM("https://h/1", "md5=" MD5_A));
	story_commit(&story, "master", 99999999999L, 1, 0);
	story_file(&story, A("1"), OPAM("https://h/1", "md5=" MD5_B));
	story_end(&story, root, "r.git");
	/* Behind it one before 1970, one that is no date, and one that no number holds. */
	in_shell(root,
	        "cd r.git && for date in '-86400 +0000' 'yesterday' '99999999999999999999999 +0000'; do\n"
	        "printf 'tree %s\\nparent %s\\nauthor A <a> 1 +0000\\ncommitter A <a@x.example> "
	        "%s\\n\\nx\\n' "
	        "$(git rev-parse master^{tree}) $(git rev-parse master) \"$date\" >commit\n"
	        "git update-ref refs/heads/master $(git hash-object -t commit -w --literally commit) || exit "
	        "1\ndone");
	read_all("r.git");
	assert_int_equal(harvest->commits, 5);
	assert_int_equal(harvest->n_entries, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(harvest->entries[i].first_ms >= 1);
		assert_true(harvest->entries[i].last_ms >= began_ms);
		assert_true(harvest->entries[i].last_ms <= clock_wall_ms());
	}
	assert_int_equal(harvest->entries[1].first_ms, 1);
}

/* --- problems --- */

static void
the_past_does_not_drown_the_present(void **state)
{
	struct story story = {0};

	(void)state;
	story_commit(&story, "master", DAY(0), 0, 0);
	story_file(&story, A("1"), "url {");
	story_file(&story, A("2"), OPAM("https://h/2", "md5=" MD5_A));
	story_commit(&story, "master", DAY(1), 1, 0);
	story_file(&story, A("1"), OPAM("https://h/1", "md5=" MD5_A));
	story_file(&story, A("2"), "]");
	story_end(&story, root, "r.git");
	read_all("r.git");
	assert_int_equal(harvest->n_entries, 2);
	assert_int_equal(harvest->problems_in_all, 2);
	assert_int_equal(harvest->problems[0].line, 1);
	assert_non_null(strstr(harvest->problems[0].file, ":" A("2")));
	assert_non_null(strstr(harvest->problems[1].file, ":" A("1")));
	assert_int_equal(strspn(harvest->problems[1].file, "0123456789abcdef"), 12);
}

static void
a_large_file_is_not_read(void **state)
{
	struct history_wish wish = wish_for(NULL);
	struct story story = {0};
	AUTO_FREE char *large = repeated("# large\n", 1000, "");
	struct err err;

	(void)state;
	story_commit(&story, "master", DAY(0), 0, 0);
	story_file(&story, A("1"), OPAM("https://h/1", "md5=" MD5_A));
	story_file(&story, A("2"), large);
	story_end(&story, root, "r.git");
	wish.limits.file = 1000;
	assert_true(try_wish("r.git", wish, &err));
	assert_int_equal(harvest->n_entries, 1);
	assert_int_equal(harvest->files, 1);
	assert_int_equal(harvest->problems_in_all, 1);
	assert_non_null(strstr(harvest->problems[0].file, ":" A("2")));
	assert_non_null(strstr(
	        harvest->problems[0].text, "larger than the 1000 bytes allowed for one file; skipped"));
}

static void
limits_end_it(void **state)
{
	struct history_wish wish = wish_for(NULL);
	struct err err;

	(void)state;
	make_small("r.git");
	wish.limits.commits = 3;
	assert_false(try_wish("r.git", wish, &err));
	assert_error(&err, ERR_TOO_LARGE, "more than the 3 commits allowed");
	wish.limits.commits = 4;
	assert_true(try_wish("r.git", wish, &err));
	wish.limits.changes = 4;
	assert_false(try_wish("r.git", wish, &err));
	assert_error(&err, ERR_TOO_LARGE, "more than the 4 changes allowed");
}

static void
directories_have_a_depth(void **state)
{
	AUTO_FREE char *deep = repeated("d/", 13, "packages/a/a.1/opam"),
	               *less = repeated("d/", 9, "packages/b/b.1/opam");
	struct story story = {0};

	(void)state;
	story_commit(&story, "master", DAY(0), 0, 0);
	story_file(&story, deep, OPAM("https://h/1", "md5=" MD5_A));
	story_file(&story, less, OPAM("https://h/2", "md5=" MD5_A));
	story_end(&story, root, "r.git");
	read_all("r.git");
	assert_int_equal(harvest->n_entries, 1);
	assert_named("b.1", "https://h/2", DAY(0), DAY(0), NOW);
	assert_problem(harvest, 0, "d/d/d/d/d/d/d/d/d/d/d/d/d", 0, 0, "too deep");
}

/*
 * More pairs of directories than one thread takes: what several find is told in the order of commits all the
 * same.
 */
static void
reads_many_commits(void **state)
{
	struct story story = {0};
	unsigned last = 3 * HISTORY_PAIRS_AT_ONCE;

	(void)state;
	for (unsigned i = 1; i <= last; i++) {
		AUTO_TEXT path = TEXT_EMPTY, file = TEXT_EMPTY;

		story_commit(&story, "master", DAY(i), i - 1, 0);
		text_addf(&path, "packages/a/a.%u/opam", i % 7);
		text_addf(&file, "url { src: \"https://h/%u\" checksum: \"md5=" MD5_A "\" }\n", i / 7);
		story_file(&story, text_string(&path), text_string(&file));
	}
	story_end(&story, root, "r.git");
	read_all("r.git");
	assert_int_equal(harvest->commits, last);
	assert_int_equal(harvest->n_entries, last);
	for (unsigned i = 1; i <= last; i++) {
		char package[16], url[32];

		snprintf(package, sizeof package, "a.%u", i % 7);
		snprintf(url, sizeof url, "https://h/%u", i / 7);
		assert_named(package, url, DAY(i), i + 7 <= last ? DAY(i + 7) : DAY(last),
		        i + 7 <= last ? PAST : NOW);
	}
	/* Whichever of them is at it when it is stopped. */
	for (unsigned looks = 1; looks < 100; looks += 9) {
		struct err err;

		looks_until_stop = looks;
		assert_false(try_wish("r.git", wish_for(NULL), &err));
		assert_error(&err, ERR_CANCELLED, "stopped before all was read");
	}
}

/* A directory that unpacks to more than is read is refused before it is unpacked. */
static void
directories_have_a_size(void **state)
{
	struct story story = {0};

	(void)state;
	story_commit(&story, "master", DAY(0), 0, 0);
	story_file(&story, A("1"), OPAM("https://h/1", "md5=" MD5_A));
	story_end(&story, root, "r.git");
	in_shell(root, "cd r.git && python3 -c 'import os, sys\n"
	               "name = bytes(200)\n"
	               "sys.stdout.buffer.writelines(b\"100644 %0200d\\0\" % i + bytes(20) for i in "
	               "range(300000))' >tree && "
	               "packages=$(git hash-object -t tree -w --literally tree) && rm tree && "
	               "root=$(printf '040000 tree %s\\tpackages\\n' $packages | git mktree --missing) && "
	               "git update-ref refs/heads/master $(git commit-tree -m large -p master $root)");
	refused("r.git", ERR_TOO_LARGE, "a tree larger than the");
}

/* A history in which these shell words made $root, the tree of the newest commit. */
static void
make_odd(const char *root_tree, const char *message)
{
	AUTO_TEXT command = TEXT_EMPTY;
	struct story story = {0};

	story_commit(&story, "master", DAY(0), 0, 0);
	story_file(&story, A("1"), OPAM("https://h/1", "md5=" MD5_A));
	story_end(&story, root, "odd.git");
	text_addf(&command,
	        "cd odd.git && %s && %s | git commit-tree -p master $root >new && git update-ref "
	        "refs/heads/master $(cat new)",
	        root_tree, message);
	in_shell(root, text_string(&command));
}

/* What git itself would never write. */
static void
objects_that_are_no_history(void **state)
{
	(void)state;
	make_odd("packages=$(printf '40000 a\\0cut' | git hash-object -t tree -w --literally --stdin) && "
	         "root=$(printf '040000 tree %s\\tpackages\\n' $packages | git mktree)",
	        "echo damaged");
	refused("odd.git", ERR_SYNTAX, "a directory of it is damaged");
	in_shell(root, "rm -rf odd.git");
	make_odd("packages=$(echo no tree | git hash-object -w --stdin) && root=$(python3 -c 'import sys\n"
	         "sys.stdout.buffer.write(b\"40000 packages\\0\" + bytes.fromhex(sys.argv[1]))' $packages | "
	         "git hash-object -t tree -w --literally --stdin)",
	        "echo a file where a directory belongs");
	refused("odd.git", ERR_SYNTAX, "an object of it is a blob where a tree belongs");
	in_shell(root, "rm -rf odd.git");
	make_odd("root=$(git rev-parse master^{tree})", "python3 -c 'print(\"x\" * 1200000)'");
	refused("odd.git", ERR_TOO_LARGE, "a commit of 12");
}

/* --- what is refused --- */

static void
tells_what_it_is(void **state)
{
	AUTO_FREE char *fifo = path_in(root, "fifo");
	struct story story = {0};

	(void)state;
	refused("missing", ERR_IO, "No such file");
	put_file(root, "a.list", "https://h/a md5=" MD5_A "\n");
	refused("a.list", ERR_SYNTAX, "is a file, but no git bundle");
	put_file(root, "plain/x", "");
	refused("plain", ERR_SYNTAX, "is a directory, but no git repository");
	put_file(root, "checkout/packages/a/a.1/opam", "");
	refused("checkout", ERR_SYNTAX, "an opam repository without its history");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	refused("fifo", ERR_USAGE, "neither a directory nor a file");
	put_file(root, "odd/HEAD", "odd");
	put_file(root, "odd/objects/x", "");
	refused("odd", ERR_SYNTAX, "git says: not a git repository");
	put_file(root, "plain/.git", "gitdir: ../nowhere\n");
	refused("plain", ERR_SYNTAX, "git says: not a git repository");
	in_shell(root, "git init -q --bare --object-format=sha256 new.git && git -C new.git update-ref HEAD "
	               "$(git -C new.git commit-tree -m x $(git -C new.git mktree </dev/null)) && "
	               "git -C new.git bundle create -q ../new.bundle HEAD");
	refused("new.git", ERR_SYNTAX, "its identities are of sha256");
	refused("new.bundle", ERR_SYNTAX, "its identities are of sha256");
	in_shell(root, "git init -q --bare empty.git");
	refused("empty.git", ERR_SYNTAX, "its HEAD names no commit");
	story_commit(&story, "master", DAY(0), 0, 0);
	story_file(&story, "README", "another repository");
	story_end(&story, root, "other.git");
	refused("other.git", ERR_SYNTAX, "no commit of it holds a packages/NAME/NAME.VERSION/opam");
}

static void
a_directory_inside_a_repository_is_none(void **state)
{
	(void)state;
	make_small("r.git");
	in_shell(root, "git clone -q r.git clone");
	refused("clone/packages", ERR_SYNTAX, "no git repository");
}

static void
what_is_missing_is_an_error(void **state)
{
	(void)state;
	make_small("r.git");
	in_shell(root, "git -C r.git config uploadpack.allowFilter true");
	in_shell(root, "git clone -q --bare --filter=blob:none file://$PWD/r.git blobless.git");
	in_shell(root, "git clone -q --bare --filter=tree:0 file://$PWD/r.git treeless.git");
	refused("blobless.git", ERR_SYNTAX, "it lacks some of its files");
	refused("treeless.git", ERR_SYNTAX, "it lacks some of its history");
	in_shell(root, "git clone -q --bare --depth=1 file://$PWD/r.git shallow.git");
	refused("shallow.git", ERR_SYNTAX, "is a shallow clone, which lacks most of the history");
	in_shell(root, "git -C shallow.git fetch -q --unshallow");
	read_all("shallow.git");
	assert_small();
	/* A damaged one is none. */
	in_shell(root, "cd r.git && loose=objects/$(git rev-parse HEAD:packages | sed 's,^..,&/,') && chmod "
	               "u+w $loose && echo no >$loose");
	refused("r.git", ERR_SYNTAX, "cannot be read: ");
}

/* --- bundles --- */

static void
reads_a_bundle(void **state)
{
	AUTO_TEXT bytes = TEXT_EMPTY;
	AUTO_FREE char *path = path_in(root, "r.bundle");
	struct err err = ERR_NONE;

	(void)state;
	make_small("r.git");
	in_shell(root, "git -C r.git bundle create -q ../r.bundle master && git -C r.git bundle create -q "
	               "../late.bundle master~1..master");
	read_all("r.bundle");
	assert_small();
	refused("late.bundle", ERR_SYNTAX, "Repository lacks these prerequisite commits");
	/* Cut short anywhere it is none. */
	assert_true(file_read_path(path, 1 << 20, &bytes, &err));
	for (size_t length = 0; length < bytes.length; length += length < 200 ? 23 : bytes.length / 7) {
		put_bytes(root, "cut.bundle", bytes.bytes, length);
		assert_false(try_wish("cut.bundle", wish_for(NULL), &err));
		assert_error(&err, ERR_SYNTAX, "cut.bundle");
		assert_int_equal(harvest->n_entries, 0);
	}
	put_bytes(root, "cut.bundle", bytes.bytes, bytes.length - 1);
	refused("cut.bundle", ERR_SYNTAX, "git says: ");
}

/* A bundle has many heads: branches, and tags of commits and of other things. */
static void
reads_all_heads_of_a_bundle(void **state)
{
	struct story story = {0};

	(void)state;
	story_commit(&story, "master", DAY(0), 0, 0);
	story_file(&story, A("1"), OPAM("https://h/1", "md5=" MD5_A));
	story_commit(&story, "old", DAY(1), 1, 0);
	story_file(&story, A("2"), OPAM("https://h/2", "md5=" MD5_A));
	story_file(&story, A("1"), OPAM("https://h/1-old", "md5=" MD5_A));
	story_commit(&story, "master", DAY(2), 1, 0);
	story_file(&story, A("1"), OPAM("https://h/1-new", "md5=" MD5_A));
	story_end(&story, root, "r.git");
	in_shell(root, "cd r.git && git tag -a -m x old-tag old && git tag tree master^{tree} && git bundle "
	               "create -q ../r.bundle --all");
	read_all("r.bundle");
	assert_int_equal(harvest->commits, 3);
	assert_int_equal(harvest->n_entries, 4);
	assert_named("a.1", "https://h/1", DAY(0), DAY(2), PAST);
	assert_named("a.1", "https://h/1-old", DAY(1), DAY(2), NOW);
	assert_named("a.1", "https://h/1-new", DAY(2), DAY(2), NOW);
	assert_named("a.2", "https://h/2", DAY(1), DAY(2), NOW);
	assert_int_equal(strlen(harvest->tip), 81);
	read_all("r.git"); /* of a clone its HEAD alone */
	assert_int_equal(harvest->n_entries, 2);
	assert_int_equal(strlen(harvest->tip), 40);
}

/* --- again --- */

static void
takes_only_new_commits(void **state)
{
	AUTO_FREE char *tip = NULL, *known = NULL;
	struct text words = TEXT_EMPTY;
	struct story story = {0};

	(void)state;
	make_small("r.git");
	read_all("r.git");
	tip = xstrdup(harvest->tip);
	text_addf(&words, "%s %040d nonsense", tip, 7);
	known = text_take(&words);
	read_known("r.git", known);
	assert_int_equal(harvest->commits, 0);
	assert_int_equal(harvest->n_entries, 0);
	assert_string_equal(harvest->tip, tip);
	/* One removed, one changed, one new: what is past now says until when. */
	story_commit(&story, "master", DAY(9), 0, 0);
	text_add(&story.stream, "from refs/heads/master^0\n");
	story_remove(&story, A("2"));
	story_file(&story, A("1"), OPAM("https://h/1-new", "md5=" MD5_B));
	story_file(&story, A("4"), OPAM("https://h/4", "md5=" MD5_B));
	story_end(&story, root, "r.git");
	read_known("r.git", known);
	assert_int_equal(harvest->commits, 1);
	assert_int_equal(harvest->n_entries, 4);
	assert_named("a.2", "https://h/2", DAY(9), DAY(9), PAST);
	assert_named("a.1", "https://h/1", DAY(9), DAY(9), PAST);
	assert_named("a.1", "https://h/1-new", DAY(9), DAY(9), NOW);
	assert_named("a.4", "https://h/4", DAY(9), DAY(9), NOW);
	assert_string_not_equal(harvest->tip, tip);
	/* From somewhere in the middle, with a file that comes back and one that was never gone. */
	in_shell(root, "git -C r.git rev-parse master~2 >middle");
	free(tip);
	tip = path_in(root, "middle");
	{
		AUTO_TEXT middle = TEXT_EMPTY;
		struct err err = ERR_NONE;

		assert_true(file_read_path(tip, 100, &middle, &err));
		read_known("r.git", text_string(&middle));
	}
	assert_int_equal(harvest->commits, 2);
	assert_named("a.2", "https://h/2", DAY(3), DAY(9), PAST);
}

static void
can_be_stopped(void **state)
{
	struct err err;

	(void)state;
	make_small("r.git");
	looks_until_stop = 1;
	assert_false(try_wish("r.git", wish_for(NULL), &err));
	assert_error(&err, ERR_CANCELLED, "stopped before all was read");
}

/* --- hostile --- */

static void
runs_nothing(void **state)
{
	AUTO_FREE char *ran = path_in(root, "ran");

	(void)state;
	make_small("r.git");
	in_shell(root, "git clone -q r.git clone");
	in_shell(root,
	        "cat >run <<END\n#!/bin/sh\ntouch $PWD/ran\nEND\n"
	        "chmod +x run && cd clone && mkdir -p .git/hooks && "
	        "for hook in post-checkout reference-transaction post-index-change pre-auto-gc "
	        "fsmonitor-watchman; do "
	        "cp ../run .git/hooks/$hook; done && echo '* diff=evil filter=evil' >.git/info/attributes && "
	        "for name in core.fsmonitor core.pager pager.log diff.external diff.evil.textconv "
	        "diff.evil.command filter.evil.smudge "
	        "filter.evil.process core.sshCommand core.gitProxy core.alternateRefsCommand gpg.program "
	        "core.editor core.askPass "
	        "uploadpack.packObjectsHook remote.origin.uploadpack credential.helper sequence.editor; do "
	        "git config $name $PWD/../run || exit 1; done && git config log.showSignature true && "
	        "git config alias.rev-list '!touch ../ran' && git config extensions.partialClone origin && "
	        "git config remote.origin.promisor true && git config remote.origin.url \"ext::$PWD/../run\" "
	        "&& "
	        "git config protocol.ext.allow always && git config protocol.allow always");
	setenv("GIT_EXTERNAL_DIFF", "touch ran", 1);
	setenv("GIT_DIR", "/nowhere", 1);
	setenv("GIT_OBJECT_DIRECTORY", "/nowhere", 1);
	setenv("GIT_CONFIG_COUNT", "1", 1);
	setenv("GIT_CONFIG_KEY_0", "core.bare", 1);
	setenv("GIT_CONFIG_VALUE_0", "nonsense", 1);
	setenv("GIT_TRACE", "1", 1);
	read_all("clone");
	assert_small();
	/* What it lacks is not fetched either. */
	in_shell(root, "unset GIT_OBJECT_DIRECTORY GIT_CONFIG_COUNT; GIT_DIR=$PWD/r.git git rev-parse "
	               "HEAD:packages/a/a.1/opam | "
	               "sed 's,^..,clone/.git/objects/&/,' | xargs rm");
	refused("clone", ERR_SYNTAX, "it lacks some of its files");
	unsetenv("GIT_EXTERNAL_DIFF");
	unsetenv("GIT_DIR");
	unsetenv("GIT_OBJECT_DIRECTORY");
	unsetenv("GIT_CONFIG_COUNT");
	unsetenv("GIT_CONFIG_KEY_0");
	unsetenv("GIT_CONFIG_VALUE_0");
	unsetenv("GIT_TRACE");
	assert_int_equal(access(ran, F_OK), -1);
	assert_int_equal(errno, ENOENT);
}

/* A tree that stands for another one, as `git replace` makes it, is not what was published. */
static void
replaces_nothing(void **state)
{
	(void)state;
	make_small("r.git");
	in_shell(root, "cd r.git && git replace master:packages/a/a.1/opam master:packages/a/a.2/opam");
	read_all("r.git");
	assert_small();
}

/* It forks where a program is spawned, and does not tell that there is none. */
static void
skip_under_valgrind(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	if (preloaded != NULL && strstr(preloaded, "vgpreload") != NULL)
		skip();
}

static void
works_without_git_to_say_so(void **state)
{
	AUTO_FREE char *path = NULL;

	(void)state;
	skip_under_valgrind();
	path = xstrdup(getenv("PATH"));
	make_small("r.git");
	setenv("PATH", "/nowhere", 1);
	refused("r.git", ERR_IO, "there is no git in PATH");
	setenv("PATH", path, 1);
}

/* --- the real one --- */

#define DUFF_1 "sha256=d1eaa97c"
#define REAL   REAL_DATA "/opam-repository-history.bundle"

static void
finds_the_rescued(void **state)
{
	static const char *const names[] = {"rosa.0.2.0", "lucid.0.1.5", "simlog.0.0.3"};
	struct history_wish wish = wish_for(REAL);
	struct err err = ERR_NONE;
	unsigned duff = 0;

	(void)state;
	if (access(REAL, R_OK) != 0)
		skip();
	if (!history_read(&wish, harvest, &err))
		fail_msg("%s", err.text);
	assert_int_equal(harvest->commits, 569);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		unsigned now = 0, past = 0;

		for (size_t k = 0; k < harvest->n_entries; k++) {
			if (strcmp(harvest->entries[k].package, names[i]) != 0)
				continue;
			past += harvest->entries[k].past;
			now += !harvest->entries[k].past;
		}
		if (now == 0 || past == 0)
			fail_msg("%s: %u now, %u past", names[i], now, past);
	}
	for (size_t k = 0; k < harvest->n_entries; k++) {
		char hex[9];

		if (strcmp(harvest->entries[k].package, "duff.0.5") != 0)
			continue;
		text_hex(harvest->entries[k].digests.sha256, 4, hex);
		duff |= strcmp(hex, "d1eaa97c") == 0 ? 1 : strcmp(hex, "f9453cf4") == 0 ? 2 : 0;
	}
	assert_int_equal(duff, 3);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	        TEST(finds_what_was_ever_named),
	        TEST(a_name_that_begins_like_an_option),
	        TEST(follows_renames_and_shared_content),
	        TEST(reads_all_sides_of_a_merge),
	        TEST(reads_opam_1_2),
	        TEST(passes_over_what_is_no_file),
	        TEST(bears_absurd_dates),
	        TEST(the_past_does_not_drown_the_present),
	        TEST(a_large_file_is_not_read),
	        TEST(limits_end_it),
	        TEST(directories_have_a_depth),
	        TEST(reads_many_commits),
	        TEST(directories_have_a_size),
	        TEST(objects_that_are_no_history),
	        TEST(tells_what_it_is),
	        TEST(a_directory_inside_a_repository_is_none),
	        TEST(what_is_missing_is_an_error),
	        TEST(reads_a_bundle),
	        TEST(reads_all_heads_of_a_bundle),
	        TEST(takes_only_new_commits),
	        TEST(can_be_stopped),
	        TEST(runs_nothing),
	        TEST(replaces_nothing),
	        TEST(works_without_git_to_say_so),
	        TEST(finds_the_rescued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
