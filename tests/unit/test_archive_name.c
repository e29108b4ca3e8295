/*
 * What the file of an archive is to be called.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "server/jobs/archive_name.h"

#define GZIP "\x1f\x8b\x08"

static void
names_by_package_url_and_content(void **state)
{
	static const struct {
		const char *package, *url, *suffix, *start, *wanted;
	} cases[] = {
	        {"rosa.0.2.0", "https://h/archive/refs/tags/v0.2.0.tar.gz", "", NULL, "rosa-0.2.0.tar.gz"},
	        {"duff.0.5", "https://h/v0.5/duff-0.5.tbz", "", NULL, "duff-0.5.tbz"},
	        {"duff.0.5", "https://h/v0.5/duff-0.5.tbz", "", "BZh9", "duff-0.5.tbz"},
	        {"duff.0.5", "https://h/v0.5/duff-0.5.tbz", "", GZIP, "duff-0.5.tar.gz"},
	        {"a.1", "https://h/a.tgz?raw=true#x", "", GZIP, "a-1.tgz"},
	        {"a.1", "https://h/attachments/a542d46c", "", GZIP, "a-1.tar.gz"},
	        {"a.1", "https://h/attachments/a542d46c", "", NULL, "a-1-a542d46c"},
	        {"a.1", "https://h/fix-build.patch", "", "--- a", "a-1-fix-build.patch"},
	        {"a.1", "https://h", "", "PK\x03\x04", "a-1.zip"},
	        {"a.1", "https://h/", "", NULL, "a-1"},
	        {"a.1", "", "",
	                "\xfd"
	                "7zXZ",
	                "a-1.tar.xz"},
	        {"a.1", "https://h/a.tar.gz", "0123abcd", NULL, "a-1-0123abcd.tar.gz"},
	        {"a.1+dune2~x", "https://h/a.zip", "", NULL, "a-1+dune2~x.zip"},
	        {"a.1/../$x", "https://h/a.zip", "", NULL, "a-1_..__x.zip"},
	        {"a", "https://h/a.zip", "", NULL, "a.zip"},
	        {"", "https://h/x/b-2.tar.xz", "", NULL, "b-2.tar.xz"},
	        {"", "", "", GZIP, "archive.tar.gz"},
	        {"a.1", "https://h/.tar.gz", "", NULL, "a-1-.tar.gz"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct archive_naming naming = {.package = cases[i].package,
		        .url = cases[i].url,
		        .suffix = cases[i].suffix,
		        .start = cases[i].start,
		        .n_start = cases[i].start != NULL ? strlen(cases[i].start) : 0};
		AUTO_TEXT name = TEXT_EMPTY;

		archive_name(&naming, &name);
		assert_string_equal(text_string(&name), cases[i].wanted);
	}
}

static void
a_tar_is_told_by_its_header(void **state)
{
	char header[ARCHIVE_NAME_START] = "a/";
	struct archive_naming naming = {
	        .package = "a.1", .url = "", .suffix = "", .start = header, .n_start = sizeof header};
	AUTO_TEXT name = TEXT_EMPTY, short_name = TEXT_EMPTY;

	(void)state;
	memcpy(header + 257, "ustar", 5);
	archive_name(&naming, &name);
	assert_string_equal(text_string(&name), "a-1.tar");
	naming.n_start = 260;
	archive_name(&naming, &short_name);
	assert_string_equal(text_string(&short_name), "a-1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(names_by_package_url_and_content),
	        cmocka_unit_test(a_tar_is_told_by_its_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
