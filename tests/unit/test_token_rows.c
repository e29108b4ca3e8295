/*
 * The table of tokens: found by hash alone, names given once, ten thousand of them, uses noted now and then.
 */
#include "tests/support/rows.h"

#include <pthread.h>

#include "storage/index/token_rows.h"

#define MANY    10000
#define HELPERS 32

static struct token_row
token_named(const char *name)
{
	struct digest hash = digest_of(name, DIGEST_SHA256);
	struct token_row token = {
	        .rights = 5, .created_at_ms = 1700000000000, .expires_at_ms = 1800000000000};

	snprintf(token.name, sizeof token.name, "%s", name);
	memcpy(token.hash, hash.bytes, sizeof token.hash);
	return token;
}

static void
add(const char *name)
{
	struct token_row token = token_named(name);
	struct err err = ERR_NONE;

	if (!token_row_add(index_at_hand, &token, &err))
		fail_msg("%s", err.text);
}

static enum row_answer
find(const char *name, struct token_row *ret)
{
	struct token_row token = token_named(name);
	struct err err = ERR_NONE;

	return token_row_find(index_at_hand, token.hash, ret, &err);
}

static void
keeps_all_of_a_token(void **state)
{
	struct token_row found;

	(void)state;
	assert_int_equal(find("laptop", &found), ROW_NONE);
	add("laptop");
	assert_int_equal(find("laptop", &found), ROW_FOUND);
	assert_string_equal(found.name, "laptop");
	assert_int_equal(found.rights, 5);
	assert_int_equal(found.created_at_ms, 1700000000000);
	assert_int_equal(found.expires_at_ms, 1800000000000);
	assert_int_equal(found.used_at_ms, 0);
	assert_int_equal(find("another", &found), ROW_NONE);
}

/* The database looks at the first eight bytes only. */
static void
compares_the_whole_hash(void **state)
{
	struct token_row first = token_named("first"), second = token_named("second"), found;
	struct err err = ERR_NONE;

	(void)state;
	memcpy(second.hash, first.hash, 31);
	second.hash[31] = first.hash[31] ^ 1;
	assert_true(token_row_add(index_at_hand, &first, &err));
	assert_int_equal(token_row_find(index_at_hand, second.hash, &found, &err), ROW_NONE);
	assert_true(token_row_add(index_at_hand, &second, &err));
	assert_int_equal(token_row_find(index_at_hand, second.hash, &found, &err), ROW_FOUND);
	assert_string_equal(found.name, "second");
	memset(first.hash, 0xff, sizeof first.hash);
	snprintf(first.name, sizeof first.name, "the last of all hashes");
	assert_true(token_row_add(index_at_hand, &first, &err));
	assert_int_equal(token_row_find(index_at_hand, first.hash, &found, &err), ROW_FOUND);
}

static void
gives_a_name_once(void **state)
{
	struct token_row again = token_named("laptop"), other = token_named("other"), found;
	struct err err = ERR_NONE;

	(void)state;
	add("laptop");
	again.hash[0] ^= 1;
	assert_false(token_row_add(index_at_hand, &again, &err));
	assert_int_equal(err.code, ERR_TAKEN);
	assert_non_null(strstr(err.text, "'laptop'"));
	assert_int_equal(token_row_find(index_at_hand, again.hash, &found, &err), ROW_NONE);
	again = token_named("laptop");
	memcpy(other.hash, again.hash, sizeof other.hash);
	assert_false(token_row_add(index_at_hand, &other, &err));
	assert_int_equal(err.code, ERR_TAKEN);
}

static void
revokes(void **state)
{
	struct token_row found;
	struct err err = ERR_NONE;

	(void)state;
	add("laptop");
	assert_int_equal(token_row_remove(index_at_hand, "lap", &err), ROW_NONE);
	assert_int_equal(find("laptop", &found), ROW_FOUND);
	assert_int_equal(token_row_remove(index_at_hand, "laptop", &err), ROW_FOUND);
	assert_int_equal(find("laptop", &found), ROW_NONE);
	assert_int_equal(token_row_remove(index_at_hand, "laptop", &err), ROW_NONE);
	add("laptop");
	assert_int_equal(find("laptop", &found), ROW_FOUND);
}

static void
notes_uses_now_and_then(void **state)
{
	struct token_row found;
	int64_t now_ms = 1700000100000;

	(void)state;
	add("laptop");
	assert_int_equal(find("laptop", &found), ROW_FOUND);
	for (int i = 0; i < 100; i++)
		token_row_used(index_at_hand, &found, now_ms + i);
	open_again();
	assert_int_equal(find("laptop", &found), ROW_FOUND);
	assert_int_equal(found.used_at_ms, now_ms);
	token_row_used(index_at_hand, &found, now_ms + TOKEN_USED_MS - 1);
	open_again();
	assert_int_equal(find("laptop", &found), ROW_FOUND);
	assert_int_equal(found.used_at_ms, now_ms);
	token_row_used(index_at_hand, &found, now_ms + TOKEN_USED_MS);
	open_again();
	assert_int_equal(find("laptop", &found), ROW_FOUND);
	assert_int_equal(found.used_at_ms, now_ms + TOKEN_USED_MS);
}

/* Many at once, so that they share transactions. */
static void *
add_a_share(void *argument)
{
	char name[32];

	for (int i = *(const int *)argument; i < MANY; i += HELPERS) {
		snprintf(name, sizeof name, "token %05d", i);
		add(name);
	}
	return NULL;
}

struct walked {
	int count, stop_at;
	char last[TOKEN_NAME_MAX];
};

static bool
visit(void *context, const struct token_row *token)
{
	struct walked *walked = context;

	assert_true(strcmp(token->name, walked->last) > 0);
	snprintf(walked->last, sizeof walked->last, "%s", token->name);
	return ++walked->count != walked->stop_at;
}

static void
keeps_ten_thousand(void **state)
{
	pthread_t threads[HELPERS];
	int starts[HELPERS];
	struct token_row found;
	struct walked walked = {0}, stopped = {.stop_at = 300};
	struct err err = ERR_NONE;
	char name[32];

	(void)state;
	for (int i = 0; i < HELPERS; i++) {
		starts[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, add_a_share, &starts[i]), 0);
	}
	for (int i = 0; i < HELPERS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "token %05d", i);
		assert_int_equal(find(name, &found), ROW_FOUND);
		assert_string_equal(found.name, name);
	}
	assert_true(token_rows_walk(index_at_hand, visit, &walked, &err));
	assert_int_equal(walked.count, MANY);
	assert_true(token_rows_walk(index_at_hand, visit, &stopped, &err));
	assert_int_equal(stopped.count, 300);
}

static void
refuses_one_too_many(void **state)
{
	struct token_row token = token_named("one too many"), found;
	AUTO_TEXT script = TEXT_EMPTY;
	struct err err = ERR_NONE;

	(void)state;
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	text_addf(&script,
	        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
	        " INSERT INTO token SELECT i, 'token ' || i, randomblob(32), 1, 1, 0, 0 FROM n",
	        TOKENS_MAX);
	run_sql(text_string(&script));
	open_index(INDEX_WRITE);
	assert_false(token_row_add(index_at_hand, &token, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(find("one too many", &found), ROW_NONE);
	assert_int_equal(token_row_remove(index_at_hand, "token 77", &err), ROW_FOUND);
	assert_true(token_row_add(index_at_hand, &token, &err));
	assert_int_equal(find("one too many", &found), ROW_FOUND);
}

static void
writes_nothing_when_it_only_reads(void **state)
{
	struct token_row token = token_named("laptop"), found;
	struct err err = ERR_NONE;

	(void)state;
	add("desktop");
	index_close(index_at_hand, WRITER_ENDS_CLEAN);
	open_index(INDEX_READ_ALONE);
	assert_int_equal(find("desktop", &found), ROW_FOUND);
	token_row_used(index_at_hand, &found, 1700000100000);
	assert_false(token_row_add(index_at_hand, &token, &err));
	assert_int_equal(err.code, ERR_LOCKED);
	assert_int_equal(token_row_remove(index_at_hand, "desktop", &err), ROW_FAILED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(keeps_all_of_a_token, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(compares_the_whole_hash, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(gives_a_name_once, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(revokes, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(notes_uses_now_and_then, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(keeps_ten_thousand, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(refuses_one_too_many, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(writes_nothing_when_it_only_reads, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
