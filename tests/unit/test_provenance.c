/*
 * The commit in a tarball: in bytes made here, in what git makes where it is there, and in real archives, as
 * an independent reader finds it.
 */
#include "tests/support/archives.h"

#include <dirent.h>
#include <stdlib.h>

#include "storage/drift/provenance.h"
#include "tests/support/temp.h"

#define COMMIT    "0123456789abcdef0123456789abcdef01234567"
#define COMMIT_64 COMMIT "89abcdef0123456789abcdef"

/* A global header with this record, and the end of the tar; to be freed. */
static struct text
head_of(const char *record)
{
	struct text head = TEXT_EMPTY;
	static const char end[1024];

	add_header(&head, "pax_global_header", 'g', strlen(record));
	add_blocks(&head, record, strlen(record));
	text_add_bytes(&head, end, sizeof end);
	return head;
}

static void
expect_commit(int fd, const char *commit)
{
	char found[PROVENANCE_MAX] = "unset";
	off_t before = lseek(fd, 0, SEEK_CUR);
	bool there = provenance_commit(fd, found);

	assert_int_equal(lseek(fd, 0, SEEK_CUR), before);
	close(fd);
	assert_string_equal(found, commit != NULL ? commit : "unset");
	assert_int_equal(there, commit != NULL);
}

static void
expect_none(const struct text *head)
{
	expect_commit(memory_file(head->bytes, head->length), NULL);
}

static void
finds_it_in_every_form(void **state)
{
	static const int filters[] = {
	        ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_LZMA};
	AUTO_TEXT head = head_of("52 comment=" COMMIT "\n");
	AUTO_TEXT head_64 = head_of("76 comment=" COMMIT_64 "\n");

	(void)state;
	expect_commit(memory_file(head.bytes, head.length), COMMIT);
	expect_commit(memory_file(head_64.bytes, head_64.length), COMMIT_64);
	expect_commit(gzip_of(head.bytes, head.length, 6, 0), COMMIT);
	expect_commit(gzip_of(head.bytes, head.length, 0, 1), COMMIT);
	for (size_t i = 0; i < COUNT_OF(filters); i++)
		expect_commit(packed_of(head_64.bytes, head_64.length, filters[i]), COMMIT_64);
}

/* More records may follow; git's is the first. */
static void
reads_the_first_record_alone(void **state)
{
	AUTO_TEXT head = head_of("52 comment=" COMMIT "\n11 path=xy\n");
	AUTO_TEXT second = head_of("11 path=xy\n52 comment=" COMMIT "\n");

	(void)state;
	expect_commit(memory_file(head.bytes, head.length), COMMIT);
	expect_none(&second);
}

static void
wants_all_of_it_right(void **state)
{
	static const char *const records[] = {"52 comment=" COMMIT, "52 comment=" COMMIT "\r",
	        "51 comment=" COMMIT "\n", "052 comment=" COMMIT "\n", "76 comment=" COMMIT "\n",
	        "52 comment=" COMMIT_64 "\n", "52 comments" COMMIT "\n",
	        "52 comment=0123456789abcdef0123456789abcdef0123456g\n", "52", ""};
	/* Type, magic, checksum, size, and a byte that only the checksum knows of. */
	static const size_t spoiled[] = {156, 257, 153, 124, 0, 3};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(records); i++) {
		AUTO_TEXT head = head_of(records[i]);

		expect_none(&head);
	}
	for (size_t i = 0; i < COUNT_OF(spoiled); i++) {
		AUTO_TEXT head = head_of("52 comment=" COMMIT "\n");

		head.bytes[spoiled[i]] ^= 1;
		expect_none(&head);
	}
}

static void
finds_none_elsewhere(void **state)
{
	AUTO_TEXT head = head_of("52 comment=" COMMIT "\n");
	int packed = gzip_of(head.bytes, head.length, 6, 0);
	size_t length;
	AUTO_FREE char *bytes = bytes_of(packed, &length);

	(void)state;
	close(packed);
	expect_commit(memory_file("", 0), NULL);
	expect_commit(memory_file("<html>", 6), NULL);
	expect_commit(TAR_GZ({.path = "a", .content = "b"}), NULL);
	expect_commit(TAR_AS(ARCHIVE_FORMAT_ZIP, {.path = "a", .content = "b"}), NULL);
	for (size_t i = 0; i < 40; i++)
		expect_commit(memory_file(bytes, i), NULL);
	for (size_t i = 0; i < 1024; i += 31)
		expect_commit(memory_file(head.bytes, i), NULL);
	assert_false(provenance_commit(-1, (char[PROVENANCE_MAX]){""}));
}

static bool
runs(const char *command)
{
	return system(command) == 0;
}

/* The first line a command says, without its end; "" when it says nothing. */
static void
ask(const char *command, char *ret, size_t size)
{
	FILE *pipe = popen(command, "r");

	assert_non_null(pipe);
	if (fgets(ret, (int)size, pipe) == NULL)
		ret[0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	pclose(pipe);
}

static void
reads_what_git_makes(void **state)
{
	char *directory = temp_make();
	AUTO_TEXT command = TEXT_EMPTY;
	char commit[PROVENANCE_MAX + 1];

	(void)state;
	text_addf(&command,
	        "cd %s && git init -q . && echo x >x && git add x && git -c user.name=a -c user.email=a@b "
	        "commit -q -m x && git archive --prefix=x/ -o x.tar.gz HEAD && git archive -o x.tar HEAD && "
	        "git "
	        "archive -o tree.tar HEAD: && git rev-parse HEAD >commit",
	        directory);
	if (!runs("git --version >/dev/null 2>&1")) {
		temp_remove(directory);
		skip();
	}
	assert_true(runs(text_string(&command)));
	text_clear(&command);
	text_addf(&command, "cat %s/commit", directory);
	ask(text_string(&command), commit, sizeof commit);
	for (size_t i = 0; i < 3; i++) {
		static const char *const names[] = {"x.tar.gz", "x.tar", "tree.tar"};

		text_clear(&command);
		text_addf(&command, "%s/%s", directory, names[i]);
		expect_commit(open(text_string(&command), O_RDONLY | O_CLOEXEC), i < 2 ? commit : NULL);
	}
	temp_remove(directory);
}

/* Every real archive, against `git get-tar-commit-id`. */
static void
agrees_with_git_on_real_archives(void **state)
{
	DIR *directory = opendir(REAL_DATA "/archives");
	const struct dirent *entry;
	unsigned archives = 0, commits = 0;

	(void)state;
	if (directory == NULL || !runs("git --version >/dev/null 2>&1")) {
		if (directory != NULL)
			closedir(directory);
		skip();
	}
	while ((entry = readdir(directory)) != NULL) {
		AUTO_TEXT path = TEXT_EMPTY, command = TEXT_EMPTY;
		char commit[PROVENANCE_MAX + 1];

		if (entry->d_name[0] == '.')
			continue;
		text_addf(&path, REAL_DATA "/archives/%s", entry->d_name);
		text_addf(&command,
		        "f='%s'; { gzip -dc <$f || bzip2 -dc <$f || xz -dc <$f || cat $f; } 2>/dev/null | "
		        "git get-tar-commit-id 2>/dev/null",
		        text_string(&path));
		ask(text_string(&command), commit, sizeof commit);
		expect_commit(
		        open(text_string(&path), O_RDONLY | O_CLOEXEC), commit[0] != '\0' ? commit : NULL);
		archives++;
		commits += commit[0] != '\0';
	}
	closedir(directory);
	assert_int_equal(archives, 79);
	assert_int_equal(commits, 51);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(finds_it_in_every_form),
	        cmocka_unit_test(reads_the_first_record_alone),
	        cmocka_unit_test(wants_all_of_it_right),
	        cmocka_unit_test(finds_none_elsewhere),
	        cmocka_unit_test(reads_what_git_makes),
	        cmocka_unit_test(agrees_with_git_on_real_archives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
