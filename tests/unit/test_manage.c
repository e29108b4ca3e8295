/*
 * Managing: removing, forgetting, pinning and tokens, on a real store; and what the audit says of it.
 */
#include "tests/support/stores.h"

#include "server/admin/auth.h"
#include "server/admin/manage.h"
#include "server/admin/metrics.h"
#include "storage/index/event_rows.h"
#include "storage/index/pin_rows.h"
#include "storage/index/tombstone_rows.h"
#include "tests/support/sql.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

static const struct caller anil = {
        .kind = CALLER_CONTROL, .rights = RIGHTS_ALL, .who = "uid 1000 (anil)", .from = "control socket"};

static void
larder_open(struct larder *larder, const char *directory)
{
	*larder = (struct larder){.metrics = metrics_create(), .store = store_at(directory, STORE_WRITE)};
}

static void
larder_close(struct larder *larder)
{
	store_close(larder->store);
	metrics_destroy(larder->metrics);
}

typedef bool manage_fn(struct larder *larder, const struct manage_act *act, json_t **ret, struct err *err);

/* ERR_OK, and the answer; the caller's. */
static enum err_code
act_on(struct larder *larder, manage_fn *manage, const char *string, enum digest_algo algo, json_t **ret)
{
	struct manage_act act = {.digest = digest_of(string, algo), .caller = &anil};
	struct err err = ERR_NONE;

	*ret = NULL;
	if (manage(larder, &act, ret, &err)) {
		assert_non_null(*ret);
		return ERR_OK;
	}
	assert_null(*ret);
	assert_true(err.text[0] != '\0');
	return err.code;
}

/* The answer names the archive by its sha256 and says yes or no. */
static void
assert_answer(json_t *answer, const char *string, const char *key, int value)
{
	struct digest sha256 = digest_of(string, DIGEST_SHA256);
	char hex[DIGEST_HEX_MAX];

	digest_hex(&sha256, hex);
	assert_string_equal(
	        json_string_value(json_object_get(json_object_get(answer, "digests"), "sha256")), hex);
	assert_int_equal(json_is_true(json_object_get(answer, key)), value);
	json_decref(answer);
}

static void
removed_and_forgotten(void **state)
{
	char *directory = temp_make();
	struct larder larder;
	struct digest md5 = digest_of("rosa", DIGEST_MD5);
	struct tombstone tombstone;
	struct err err = ERR_NONE;
	json_t *answer;

	(void)state;
	larder_open(&larder, directory);
	put(larder.store, "rosa", INTAKE_STORED);
	assert_int_equal(act_on(&larder, manage_forget, "rosa", DIGEST_MD5, &answer), ERR_NOT_FOUND);
	assert_int_equal(act_on(&larder, manage_remove, "rosa", DIGEST_MD5, &answer), ERR_OK);
	assert_int_equal(json_integer_value(json_object_get(answer, "size")), 4);
	assert_answer(answer, "rosa", "removed", 1);
	assert_missing(larder.store, "rosa");
	assert_int_equal(tombstone_row_find(store_index(larder.store), &md5, &tombstone, &err), ROW_FOUND);
	assert_string_equal(tombstone.who, anil.who);
	assert_int_equal(act_on(&larder, manage_remove, "lucid", DIGEST_SHA512, &answer), ERR_UNKNOWN);
	assert_int_equal(act_on(&larder, manage_forget, "rosa", DIGEST_SHA512, &answer), ERR_OK);
	assert_answer(answer, "rosa", "forgotten", 1);
	assert_int_equal(tombstone_row_find(store_index(larder.store), &md5, &tombstone, &err), ROW_NONE);
	larder_close(&larder);
	temp_remove(directory);
}

static void
pinned_and_unpinned(void **state)
{
	char *directory = temp_make();
	struct larder larder;
	struct digest sha256 = digest_of("rosa", DIGEST_SHA256);
	struct pin pin;
	struct err err = ERR_NONE;
	json_t *answer;

	(void)state;
	larder_open(&larder, directory);
	assert_int_equal(act_on(&larder, manage_pin, "rosa", DIGEST_MD5, &answer), ERR_UNKNOWN);
	put(larder.store, "rosa", INTAKE_STORED);
	assert_int_equal(act_on(&larder, manage_unpin, "rosa", DIGEST_MD5, &answer), ERR_NOT_FOUND);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(act_on(&larder, manage_pin, "rosa", DIGEST_SHA1, &answer), ERR_OK);
		assert_answer(answer, "rosa", "pinned", 1);
	}
	assert_int_equal(pin_row_find(store_index(larder.store), sha256.bytes, &pin, &err), ROW_FOUND);
	assert_string_equal(pin.who, anil.who);
	assert_int_equal(act_on(&larder, manage_unpin, "rosa", DIGEST_SHA512, &answer), ERR_OK);
	assert_answer(answer, "rosa", "pinned", 0);
	assert_int_equal(pin_row_find(store_index(larder.store), sha256.bytes, &pin, &err), ROW_NONE);
	larder_close(&larder);
	temp_remove(directory);
}

/* A pin whose archive is not there at the moment is found by its sha256. */
static void
a_pin_alone_is_taken_back(void **state)
{
	char *directory = temp_make(), *path;
	struct larder larder;
	json_t *answer;

	(void)state;
	larder_open(&larder, directory);
	put(larder.store, "rosa", INTAKE_STORED);
	assert_int_equal(act_on(&larder, manage_pin, "rosa", DIGEST_SHA256, &answer), ERR_OK);
	json_decref(answer);
	path = blob_path(directory, "rosa");
	assert_int_equal(unlink(path), 0);
	free(path);
	assert_missing(larder.store, "rosa");
	assert_int_equal(act_on(&larder, manage_unpin, "rosa", DIGEST_SHA256, &answer), ERR_OK);
	json_decref(answer);
	assert_int_equal(act_on(&larder, manage_unpin, "rosa", DIGEST_SHA256, &answer), ERR_NOT_FOUND);
	larder_close(&larder);
	temp_remove(directory);
}

/* --- tokens --- */

static enum err_code
add_token(struct larder *larder, const char *wish, json_t **ret)
{
	json_t *read = json_loads(wish, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	struct err err = ERR_NONE;
	bool added;

	*ret = NULL;
	added = manage_token_add(larder, &anil, read, ret, &err);
	json_decref(read);
	assert_true(added ? *ret != NULL : *ret == NULL && err.text[0] != '\0');
	return added ? ERR_OK : err.code;
}

static void
assert_rights(const json_t *object, const char *rights)
{
	char *dumped = json_dumps(json_object_get(object, "rights"), JSON_COMPACT);

	assert_string_equal(dumped, rights);
	free(dumped);
}

static void
tokens_are_added_listed_and_revoked(void **state)
{
	char *directory = temp_make(), *listed;
	struct larder larder;
	struct err err = ERR_NONE;
	json_t *token, *list;

	(void)state;
	larder_open(&larder, directory);
	assert_int_equal(add_token(&larder, "{\"name\":\"laptop\"}", &token), ERR_OK);
	assert_rights(token, "[\"upload\"]");
	assert_true(json_is_null(json_object_get(token, "expires")));
	assert_true(text_starts_with(json_string_value(json_object_get(token, "token")), "larder_"));
	assert_true(manage_token_list(&larder, &list, &err));
	listed = json_dumps(list, 0);
	assert_null(strstr(listed, json_string_value(json_object_get(token, "token"))));
	assert_null(strstr(listed, json_string_value(json_object_get(token, "token")) + 7));
	assert_non_null(strstr(listed, "laptop"));
	free(listed);
	json_decref(list);
	json_decref(token);
	assert_int_equal(add_token(&larder, "{\"name\":\"laptop\"}", &token), ERR_TAKEN);
	assert_true(manage_token_revoke(&larder, &anil, "laptop", &token, &err));
	json_decref(token);
	assert_false(manage_token_revoke(&larder, &anil, "laptop", &token, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(
	        add_token(&larder, "{\"name\":\"laptop\",\"rights\":\"fetch,remove\",\"expires\":\"90d\"}",
	                &token),
	        ERR_OK);
	assert_rights(token, "[\"remove\",\"fetch\"]");
	assert_true(json_is_string(json_object_get(token, "expires")));
	json_decref(token);
	assert_int_equal(
	        add_token(&larder, "{\"name\":\"ci\",\"rights\":[\"catalog\",\"upload\"]}", &token), ERR_OK);
	assert_rights(token, "[\"upload\",\"catalog\"]");
	json_decref(token);
	larder_close(&larder);
	temp_remove(directory);
}

static void
wishes_that_are_none(void **state)
{
	static const char *const wrong[] = {"null", "[]", "{}", "\"laptop\"", "{\"name\":7}",
	        "{\"name\":\"\"}", "{\"name\":\"a b\"}", "{\"name\":\"a\\u0000b\"}", "{\"name\":\"a\\nb\"}",
	        "{\"name\":\"a\",\"rights\":[]}", "{\"name\":\"a\",\"rights\":\"\"}",
	        "{\"name\":\"a\",\"rights\":7}", "{\"name\":\"a\",\"rights\":[7]}",
	        "{\"name\":\"a\",\"rights\":[\"root\"]}", "{\"name\":\"a\",\"rights\":\"upload,root\"}",
	        "{\"name\":\"a\",\"expires\":\"0\"}", "{\"name\":\"a\",\"expires\":\"0d\"}",
	        "{\"name\":\"a\",\"expires\":\"-1d\"}", "{\"name\":\"a\",\"expires\":\"90\"}",
	        "{\"name\":\"a\",\"expires\":\"36501d\"}",
	        "{\"name\":\"a\",\"expires\":\"99999999999999999999d\"}",
	        "{\"name\":\"a\",\"expires\":\"soon\"}", "{\"name\":\"a\",\"expires\":0}",
	        "{\"name\":\"a\",\"expires\":-5}", "{\"name\":\"a\",\"expires\":1700000000000}",
	        "{\"name\":\"a\",\"expires\":9223372036854775807}", "{\"name\":\"a\",\"expires\":1.5}",
	        "{\"name\":\"a\",\"expires\":true}"};
	char *directory = temp_make(), wish[128];
	struct larder larder;
	json_t *token;

	(void)state;
	larder_open(&larder, directory);
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		enum err_code code = add_token(&larder, wrong[i], &token);

		if (code != ERR_BAD_REQUEST)
			fail_msg("%s ended %s", wrong[i], err_name(code));
	}
	snprintf(wish, sizeof wish, "{\"name\":\"a\",\"expires\":%lld,\"rights\":null}",
	        (long long)(clock_wall_ms() + DAY_MS));
	assert_int_equal(add_token(&larder, wish, &token), ERR_OK);
	json_decref(token);
	larder_close(&larder);
	temp_remove(directory);
}

static void
one_token_too_many_is_counted(void **state)
{
	char *directory = temp_make();
	struct larder larder;
	json_t *token;
	struct err err = ERR_NONE;

	(void)state;
	larder_open(&larder, directory);
	run_sql(larder.store,
	        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
	        " INSERT INTO token SELECT i, 't' || i, randomblob(32), 1, 1, 0, 0 FROM n",
	        TOKENS_MAX);
	assert_int_equal(add_token(&larder, "{\"name\":\"a\"}", &token), ERR_NO_SPACE);
	assert_int_equal(metrics_get(larder.metrics, METRIC_LIMIT_TOKENS), 1);
	assert_true(manage_token_revoke(&larder, &anil, "t77", &token, &err));
	json_decref(token);
	assert_int_equal(add_token(&larder, "{\"name\":\"a\"}", &token), ERR_OK);
	json_decref(token);
	larder_close(&larder);
	temp_remove(directory);
}

/* --- the audit --- */

struct notes {
	size_t count;
	char lines[16][200];
};

static void
take_note(void *context, const struct event_row *event)
{
	struct notes *notes = context;

	assert_true(notes->count < COUNT_OF(notes->lines));
	assert_true(event->at_ms > 0);
	snprintf(notes->lines[notes->count++], sizeof notes->lines[0], "%s %.12s by %s from %s: %s %s",
	        event->kind, event->subject, event->who, event->came_from, event->result, event->detail);
}

static void
every_change_is_noted(void **state)
{
	static const char *const lines[] = {
	        "token add laptop by uid 1000 (anil) from control socket: made upload",
	        "pin md5:84109ae4 by uid 1000 (anil) from control socket: pinned ",
	        "unpin md5:84109ae4 by uid 1000 (anil) from control socket: unpinned ",
	        "remove md5:84109ae4 by uid 1000 (anil) from control socket: removed ",
	        "forget md5:84109ae4 by uid 1000 (anil) from control socket: forgotten ",
	        "token revoke laptop by uid 1000 (anil) from control socket: revoked "};
	manage_fn *const acts[] = {manage_pin, manage_unpin, manage_remove, manage_forget};
	char *directory = temp_make(), token_text[TOKEN_TEXT_MAX];
	struct notes notes = {0};
	struct larder larder;
	struct err err = ERR_NONE;
	json_t *answer;

	(void)state;
	larder_open(&larder, directory);
	put(larder.store, "rosa", INTAKE_STORED);
	assert_int_equal(add_token(&larder, "{\"name\":\"laptop\"}", &answer), ERR_OK);
	snprintf(token_text, sizeof token_text, "%s", json_string_value(json_object_get(answer, "token")));
	json_decref(answer);
	for (size_t i = 0; i < COUNT_OF(acts); i++) {
		assert_int_equal(act_on(&larder, acts[i], "rosa", DIGEST_MD5, &answer), ERR_OK);
		json_decref(answer);
	}
	assert_true(manage_token_revoke(&larder, &anil, "laptop", &answer, &err));
	json_decref(answer);
	larder_close(&larder); /* the events are written with the last commit at the latest */
	larder_open(&larder, directory);
	assert_true(event_rows_after(store_index(larder.store), 0, 100, take_note, &notes, &err));
	assert_int_equal(notes.count, COUNT_OF(lines));
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		assert_string_equal(notes.lines[i], lines[i]);
		assert_null(strstr(notes.lines[i], token_text + 7));
	}
	larder_close(&larder);
	temp_remove(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(removed_and_forgotten),
	        cmocka_unit_test(pinned_and_unpinned),
	        cmocka_unit_test(a_pin_alone_is_taken_back),
	        cmocka_unit_test(tokens_are_added_listed_and_revoked),
	        cmocka_unit_test(wishes_that_are_none),
	        cmocka_unit_test(one_token_too_many_is_counted),
	        cmocka_unit_test(every_change_is_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
