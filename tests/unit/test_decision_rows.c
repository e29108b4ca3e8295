/*
 * Pins and tombstones: found by what names them, replaced and lifted whole, kept over a restart.
 */
#include "tests/support/rows.h"

#include "storage/index/pin_rows.h"
#include "storage/index/tombstone_rows.h"

static struct pin
pin_of(const char *string, const char *who)
{
	struct digests digests = digests_of(string, strlen(string));
	struct pin pin = {.at_ms = 1000};

	memcpy(pin.sha256, digests.sha256, sizeof pin.sha256);
	snprintf(pin.who, sizeof pin.who, "%s", who);
	return pin;
}

static void
pins_and_unpins(void **state)
{
	struct pin pin = pin_of("one", "uid 0"), again = pin_of("one", "somebody else"), found;
	struct pin other = pin_of("two", "uid 0");
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(pin_row_find(index_at_hand, pin.sha256, &found, &err), ROW_NONE);
	assert_true(pin_row_add(index_at_hand, &pin, &err));
	assert_true(pin_row_add(index_at_hand, &again, &err));
	open_again();
	assert_int_equal(pin_row_find(index_at_hand, pin.sha256, &found, &err), ROW_FOUND);
	assert_string_equal(found.who, "uid 0");
	assert_int_equal(found.at_ms, 1000);
	assert_memory_equal(found.sha256, pin.sha256, sizeof pin.sha256);
	assert_int_equal(pin_row_remove(index_at_hand, other.sha256, &err), ROW_NONE);
	assert_int_equal(pin_row_remove(index_at_hand, pin.sha256, &err), ROW_FOUND);
	assert_int_equal(pin_row_remove(index_at_hand, pin.sha256, &err), ROW_NONE);
	assert_int_equal(pin_row_find(index_at_hand, pin.sha256, &found, &err), ROW_NONE);
}

static struct tombstone
tombstone_of(const char *string, const char *who)
{
	struct tombstone tombstone = {.digests = digests_of(string, strlen(string)), .at_ms = 2000};

	snprintf(tombstone.who, sizeof tombstone.who, "%s", who);
	return tombstone;
}

/* With this one digest of it. */
static struct tombstone
short_tombstone_of(const char *string, enum digest_algo algo)
{
	struct tombstone tombstone = {.who = "short", .at_ms = 1000};
	struct digest digest = digest_of(string, algo);

	digests_put(&tombstone.digests, &digest);
	return tombstone;
}

static void
lay(const struct tombstone *tombstone)
{
	struct err err = ERR_NONE;

	if (!tombstone_row_lay(index_at_hand, tombstone, &err))
		fail_msg("%s", err.text);
}

static enum row_answer
find(const char *string, enum digest_algo algo, struct tombstone *ret)
{
	struct digest digest = digest_of(string, algo);
	struct err err = ERR_NONE;

	return tombstone_row_find(index_at_hand, &digest, ret, &err);
}

static enum row_answer
lift(const char *string, enum digest_algo algo)
{
	struct digest digest = digest_of(string, algo);
	struct err err = ERR_NONE;

	return tombstone_row_lift(index_at_hand, &digest, &err);
}

static void
assert_tombstones(const char *count)
{
	AUTO_FREE char *answer = NULL;

	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	answer = ask_sql(path, "SELECT count(*) FROM tombstone");
	assert_string_equal(answer, count);
	open_index(INDEX_WRITE);
}

static void
finds_a_tombstone_by_each_digest(void **state)
{
	struct tombstone tombstone = tombstone_of("one", "token laptop"), found;

	(void)state;
	lay(&tombstone);
	open_again();
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		assert_int_equal(find("one", (enum digest_algo)algo, &found), ROW_FOUND);
		assert_string_equal(found.who, "token laptop");
		assert_int_equal(found.at_ms, 2000);
		assert_true(digests_satisfy(&found.digests, &tombstone.digests));
		assert_int_equal(find("two", (enum digest_algo)algo, &found), ROW_NONE);
	}
	assert_int_equal(lift("one", DIGEST_SHA1), ROW_FOUND);
	assert_int_equal(lift("one", DIGEST_SHA1), ROW_NONE);
	assert_int_equal(find("one", DIGEST_SHA256, &found), ROW_NONE);
}

static void
replaces_what_says_no_more(void **state)
{
	struct tombstone whole = tombstone_of("one", "first"), again = tombstone_of("one", "second"), found;
	struct tombstone md5 = short_tombstone_of("one", DIGEST_MD5);
	struct tombstone sha512 = short_tombstone_of("one", DIGEST_SHA512);
	struct tombstone other = short_tombstone_of("two", DIGEST_MD5);

	(void)state;
	lay(&md5);
	lay(&sha512);
	lay(&other);
	lay(&md5);
	assert_tombstones("3\n");
	lay(&whole);
	assert_tombstones("2\n");
	lay(&again);
	assert_tombstones("2\n");
	assert_int_equal(find("one", DIGEST_MD5, &found), ROW_FOUND);
	assert_string_equal(found.who, "second");
	assert_int_equal(find("two", DIGEST_MD5, &found), ROW_FOUND);
	/* One that says less stays beside the other; both are lifted together. */
	lay(&md5);
	assert_tombstones("3\n");
	assert_int_equal(lift("one", DIGEST_MD5), ROW_FOUND);
	assert_tombstones("1\n");
}

/* What others do in their own transactions. */
struct chore_of_others {
	struct chore chore;
	struct digests digests;
	enum row_answer had, has;
	struct tombstone found;
};

static enum chore_result
look_and_delete(struct chore *chore, struct writing *writing, struct err *err)
{
	struct chore_of_others *other = (struct chore_of_others *)chore;
	struct tombstone unused;

	other->had = tombstone_rows_have(writing, &other->digests, &other->found, err);
	if (!tombstone_rows_delete(writing, &other->digests, err) ||
	        !pin_rows_delete(writing, other->digests.sha256, err))
		return CHORE_FAILED;
	other->has = tombstone_rows_have(writing, &other->digests, &unused, err);
	return CHORE_WRITTEN;
}

static void
works_within_a_chore(void **state)
{
	struct tombstone sha1 = short_tombstone_of("one", DIGEST_SHA1),
	                 md5 = short_tombstone_of("one", DIGEST_MD5);
	struct tombstone other = tombstone_of("two", "uid 0"), found;
	struct pin pin = pin_of("one", "uid 0"), found_pin;
	struct chore_of_others chore = {.chore = {.run = look_and_delete}, .digests = digests_of("one", 3)};
	struct err err = ERR_NONE;

	(void)state;
	lay(&sha1);
	lay(&md5);
	lay(&other);
	assert_true(pin_row_add(index_at_hand, &pin, &err));
	assert_true(index_write(index_at_hand, &chore.chore, &err));
	assert_int_equal(chore.had, ROW_FOUND);
	assert_string_equal(chore.found.who, "short");
	assert_int_equal(chore.has, ROW_NONE);
	assert_int_equal(pin_row_find(index_at_hand, pin.sha256, &found_pin, &err), ROW_NONE);
	assert_int_equal(find("two", DIGEST_SHA256, &found), ROW_FOUND);
	assert_tombstones("1\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(pins_and_unpins, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(finds_a_tombstone_by_each_digest, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(replaces_what_says_no_more, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(works_within_a_chore, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
