/*
 * Tokens, and who is admitted: on a real store, with requests and a clock of the test's own.
 */
#include "tests/support/stores.h"

#include "server/admin/auth_parts.h"
#include "server/admin/metrics.h"
#include "server/config.h"
#include "server/http/router.h"

#define NOW_MS    INT64_C(1000000)
#define DAY_MS    (INT64_C(24) * 3600 * 1000)
#define FAILURES  3
#define WINDOW_MS 60000

struct place {
	char *directory;
	struct config *config;
	struct larder larder;
};

static void
place_open(struct place *place, const char *config)
{
	struct err err = ERR_NONE;

	place->directory = temp_make();
	place->config = config_parse("test", config, NULL, 0, &err);
	if (place->config == NULL)
		fail_msg("%s", err.text);
	place->larder = (struct larder){.config = place->config,
	        .metrics = metrics_create(),
	        .store = store_at(place->directory, STORE_WRITE)};
	place->larder.auth = auth_create(&place->larder);
}

static void
place_close(struct place *place)
{
	auth_destroy(place->larder.auth);
	store_close(place->larder.store);
	metrics_destroy(place->larder.metrics);
	config_destroy(place->config);
	temp_remove(place->directory);
}

#define STRICT "uploads { failures = 3 }"

static void
make(struct place *place, const char *name, unsigned rights, int64_t expires_at_ms, char ret[TOKEN_TEXT_MAX])
{
	struct token_wish wish = {.name = name, .rights = rights, .expires_at_ms = expires_at_ms};
	struct err err = ERR_NONE;

	if (!token_make(store_index(place->larder.store), &wish, ret, &err))
		fail_msg("%s", err.text);
}

static enum err_code
refusal(struct place *place, const char *name, unsigned rights, int64_t expires_at_ms)
{
	struct token_wish wish = {.name = name, .rights = rights, .expires_at_ms = expires_at_ms};
	char text[TOKEN_TEXT_MAX];
	struct err err = ERR_NONE;

	assert_false(token_make(store_index(place->larder.store), &wish, text, &err));
	assert_true(err.text[0] != '\0');
	return err.code;
}

static struct asking
asking_of(enum request_method method, unsigned access)
{
	struct asking asking = {
	        .method = method, .access = access, .now_ms = NOW_MS, .wall_ms = clock_wall_ms()};

	assert_true(address_parse("192.0.2.7", &asking.address));
	return asking;
}

/* ERR_OK: admitted. */
static enum err_code
judge(struct place *place, const struct asking *asking, struct caller *ret)
{
	struct err err = ERR_NONE;

	if (auth_judge(place->larder.auth, asking, ret, &err))
		return ERR_OK;
	assert_true(err.text[0] != '\0');
	return err.code;
}

/* With this header and access, by PUT. */
static enum err_code
judge_header(struct place *place, const char *authorization, unsigned access)
{
	struct asking asking = asking_of(METHOD_PUT, access);
	struct caller caller;

	asking.authorization = authorization;
	return judge(place, &asking, &caller);
}

static enum err_code
judge_token(struct place *place, const char *token, unsigned access)
{
	char header[256];

	snprintf(header, sizeof header, "Bearer %s", token);
	return judge_header(place, header, access);
}

/* --- tokens --- */

static void
rights_are_read_and_written(void **state)
{
	static const char *const wrong[] = {"", ",", "upload,", ",upload", "Upload", "upload remove",
	        "uploads", "upl", "root", "upload,,remove", "upload\n"};
	char text[RIGHTS_TEXT_MAX];
	unsigned rights;
	struct err err = ERR_NONE;

	(void)state;
	assert_true(rights_parse("upload", &rights, &err));
	assert_int_equal(rights, RIGHT_UPLOAD);
	assert_true(rights_parse("fetch,upload,upload", &rights, &err));
	assert_int_equal(rights, RIGHT_UPLOAD | RIGHT_FETCH);
	rights_text(rights, text);
	assert_string_equal(text, "upload,fetch");
	rights_text(RIGHTS_ALL, text);
	assert_string_equal(text, "upload,remove,catalog,fetch");
	assert_true(rights_parse(text, &rights, &err));
	assert_int_equal(rights, RIGHTS_ALL);
	rights_text(0, text);
	assert_string_equal(text, "");
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		rights = 77;
		assert_false(rights_parse(wrong[i], &rights, &err));
		assert_int_equal(err.code, ERR_BAD_REQUEST);
		assert_int_equal(rights, 77);
	}
}

static void
a_token_is_random_and_is_not_kept(void **state)
{
	struct place place;
	char token[TOKEN_TEXT_MAX], other[TOKEN_TEXT_MAX];
	uint8_t hash[32];
	struct token_row row;
	struct err err = ERR_NONE;

	(void)state;
	place_open(&place, STRICT);
	make(&place, "laptop", RIGHT_UPLOAD, 0, token);
	make(&place, "ci", RIGHT_UPLOAD, 0, other);
	assert_true(text_starts_with(token, "larder_"));
	assert_int_equal(strlen(token), 7 + 32);
	assert_int_equal(strspn(token + 7, "0123456789abcdef"), 32);
	assert_string_not_equal(token, other);
	token_hash(token, hash);
	assert_int_equal(token_row_find(store_index(place.larder.store), hash, &row, &err), ROW_FOUND);
	assert_string_equal(row.name, "laptop");
	assert_int_equal(row.rights, RIGHT_UPLOAD);
	assert_int_equal(row.expires_at_ms, 0);
	place_close(&place);
}

static void
a_wish_is_checked(void **state)
{
	static const char *const wrong[] = {"", "a b", "a/b", "a\nb",
	        "a\x01"
	        "b",
	        "\xc3\xa9", "a&b", "a%20", "a'b", "a\"b"};
	struct place place;
	char name[TOKEN_NAME_MAX + 1], token[TOKEN_TEXT_MAX];

	(void)state;
	place_open(&place, STRICT);
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_int_equal(refusal(&place, wrong[i], RIGHT_UPLOAD, 0), ERR_BAD_REQUEST);
	memset(name, 'x', sizeof name);
	name[TOKEN_NAME_MAX] = '\0';
	assert_int_equal(refusal(&place, name, RIGHT_UPLOAD, 0), ERR_BAD_REQUEST);
	name[TOKEN_NAME_MAX - 1] = '\0';
	make(&place, name, RIGHT_UPLOAD, 0, token);
	make(&place, "a.b_c@d-E9", RIGHT_UPLOAD, 0, token);
	assert_int_equal(refusal(&place, "a.b_c@d-E9", RIGHT_FETCH, 0), ERR_TAKEN);
	assert_int_equal(refusal(&place, "none", 0, 0), ERR_BAD_REQUEST);
	assert_int_equal(refusal(&place, "odd", ACCESS_CONTROL, 0), ERR_BAD_REQUEST);
	assert_int_equal(refusal(&place, "late", RIGHT_UPLOAD, clock_wall_ms() - 1), ERR_BAD_REQUEST);
	assert_int_equal(refusal(&place, "late", RIGHT_UPLOAD, -1), ERR_BAD_REQUEST);
	place_close(&place);
}

/* The token in the place of "%s". */
static char *
with_token(const char *pattern, const char *token)
{
	struct text text = TEXT_EMPTY;
	const char *gap = strstr(pattern, "%s");

	text_add_bytes(&text, pattern, gap != NULL ? (size_t)(gap - pattern) : strlen(pattern));
	if (gap != NULL)
		text_addf(&text, "%s%s", token, gap + 2);
	return text_take(&text);
}

static void
a_header_is_read_as_the_standard_says(void **state)
{
	static const char token[] = "larder_0123456789abcdef0123456789abcdef";
	static const char *const right[] = {
	        "Bearer %s", "bearer %s", "BEARER %s", "bEaReR   %s", "Bearer %s  "};
	static const char *const wrong[] = {"", "Bearer", "Bearer ", "%s", "Basic %s", "Bearer\t%s",
	        "Bearer%s", "Bearer %s0", "Bearer %s x", "Bearer %s,", "Bearer x%s", "Bearer \"%s\"",
	        "Token %s", " Bearer %s"};
	uint8_t hash[32], wanted[32];

	(void)state;
	token_hash(token, wanted);
	for (size_t i = 0; i < COUNT_OF(right); i++) {
		AUTO_FREE char *header = with_token(right[i], token);

		assert_true(token_hash_bearer(header, hash));
		assert_memory_equal(hash, wanted, sizeof hash);
	}
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		AUTO_FREE char *header = with_token(wrong[i], token);

		if (token_hash_bearer(header, hash))
			fail_msg("taken: '%s'", header);
	}
	assert_false(token_hash_bearer("Bearer larder_0123456789ABCDEF0123456789abcdef", hash));
	assert_false(token_hash_bearer("Bearer ladder_0123456789abcdef0123456789abcdef", hash));
}

static void
ten_thousand_tokens(void **state)
{
	struct place place;
	char token[TOKEN_TEXT_MAX], name[TOKEN_NAME_MAX], middle[TOKEN_TEXT_MAX] = "";

	(void)state;
	place_open(&place, STRICT);
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof name, "t%d", i);
		make(&place, name, RIGHT_UPLOAD, 0, token);
		if (i == 5000)
			memcpy(middle, token, sizeof middle);
	}
	assert_int_equal(judge_token(&place, middle, RIGHT_UPLOAD), ERR_OK);
	assert_int_equal(judge_token(&place, token, RIGHT_UPLOAD), ERR_OK);
	assert_int_equal(judge_token(&place, token, RIGHT_REMOVE), ERR_FORBIDDEN);
	place_close(&place);
}

/* --- who is admitted --- */

static void
anyone_reads(void **state)
{
	struct place place;
	struct asking asking = asking_of(METHOD_GET, ACCESS_ANYONE);
	struct caller caller;

	(void)state;
	place_open(&place, STRICT);
	asking.origin = "https://example.org";
	assert_int_equal(judge(&place, &asking, &caller), ERR_OK);
	assert_int_equal(caller.kind, CALLER_UNKNOWN);
	assert_int_equal(caller.rights, 0);
	assert_string_equal(caller.who, "anybody");
	assert_string_equal(caller.from, "192.0.2.7");
	place_close(&place);
}

static void
a_token_needs_the_right(void **state)
{
	static const unsigned rights[] = {RIGHT_UPLOAD, RIGHT_REMOVE, RIGHT_CATALOG, RIGHT_FETCH};
	struct place place;
	char tokens[COUNT_OF(rights)][TOKEN_TEXT_MAX];

	(void)state;
	place_open(&place, STRICT);
	for (size_t has = 0; has < COUNT_OF(rights); has++) {
		char name[RIGHTS_TEXT_MAX];

		rights_text(rights[has], name);
		make(&place, name, rights[has], 0, tokens[has]);
	}
	for (size_t has = 0; has < COUNT_OF(rights); has++) {
		for (size_t needs = 0; needs < COUNT_OF(rights); needs++) {
			enum err_code wanted = has == needs ? ERR_OK : ERR_FORBIDDEN;

			assert_int_equal(judge_token(&place, tokens[has], rights[needs]), wanted);
			assert_int_equal(
			        judge_token(&place, tokens[has], rights[needs] | ACCESS_DONATION), wanted);
		}
		assert_int_equal(judge_token(&place, tokens[has], ACCESS_TOKEN), ERR_OK);
		assert_int_equal(judge_token(&place, tokens[has], ACCESS_ANYONE), ERR_OK);
		assert_int_equal(judge_token(&place, tokens[has], ACCESS_CONTROL), ERR_NOT_FOUND);
	}
	assert_int_equal(metrics_get(place.larder.metrics, METRIC_AUTH_FAILURES), 0);
	place_close(&place);
}

static void
the_refusal_names_the_right(void **state)
{
	struct place place;
	char token[TOKEN_TEXT_MAX], header[256];
	struct asking asking = asking_of(METHOD_DELETE, RIGHT_REMOVE);
	struct caller caller;
	struct err err = ERR_NONE;

	(void)state;
	place_open(&place, STRICT);
	make(&place, "laptop", RIGHT_UPLOAD, 0, token);
	snprintf(header, sizeof header, "Bearer %s", token);
	asking.authorization = header;
	assert_false(auth_judge(place.larder.auth, &asking, &caller, &err));
	assert_non_null(strstr(err.text, "one that may remove"));
	assert_null(strstr(err.text, token));
	asking.access = RIGHT_UPLOAD;
	assert_true(auth_judge(place.larder.auth, &asking, &caller, &err));
	assert_int_equal(caller.kind, CALLER_TOKEN);
	assert_int_equal(caller.rights, RIGHT_UPLOAD);
	assert_string_equal(caller.who, "token laptop");
	assert_string_equal(caller.from, "192.0.2.7");
	place_close(&place);
}

/* Which of them it is shows neither in the status nor in the sentence. */
static void
tokens_that_are_not_valid_look_alike(void **state)
{
	struct place place;
	char tokens[3][TOKEN_TEXT_MAX] = {"", "", "larder_00000000000000000000000000000000"};
	char said[sizeof((struct err *)NULL)->text] = "";
	struct asking asking = asking_of(METHOD_PUT, RIGHT_UPLOAD);
	struct err err = ERR_NONE;

	(void)state;
	place_open(&place, "uploads { failures = 100 }");
	make(&place, "short", RIGHT_UPLOAD, asking.wall_ms + DAY_MS, tokens[0]);
	make(&place, "revoked", RIGHT_UPLOAD, 0, tokens[1]);
	assert_int_equal(judge_token(&place, tokens[0], RIGHT_UPLOAD), ERR_OK);
	assert_int_equal(judge_token(&place, tokens[1], RIGHT_UPLOAD), ERR_OK);
	assert_int_equal(token_row_remove(store_index(place.larder.store), "revoked", &err), ROW_FOUND);
	asking.wall_ms += DAY_MS;
	for (size_t i = 0; i < COUNT_OF(tokens); i++) {
		char header[256];
		struct caller caller;

		snprintf(header, sizeof header, "Bearer %s", tokens[i]);
		asking.authorization = header;
		err = ERR_NONE;
		assert_false(auth_judge(place.larder.auth, &asking, &caller, &err));
		assert_int_equal(err.code, ERR_UNAUTHORIZED);
		assert_true(said[0] == '\0' || strcmp(said, err.text) == 0);
		memcpy(said, err.text, sizeof said);
	}
	assert_int_equal(metrics_get(place.larder.metrics, METRIC_AUTH_FAILURES), 3);
	assert_int_equal(judge_header(&place, "Basic bGFyZGVyOmxhcmRlcg==", RIGHT_UPLOAD), ERR_UNAUTHORIZED);
	assert_int_equal(judge_header(&place, "", RIGHT_UPLOAD), ERR_UNAUTHORIZED);
	assert_int_equal(metrics_get(place.larder.metrics, METRIC_AUTH_FAILURES), 5);
	place_close(&place);
}

static void
a_missing_token_is_no_failure(void **state)
{
	struct place place;

	(void)state;
	place_open(&place, STRICT);
	for (int i = 0; i < 2 * FAILURES; i++)
		assert_int_equal(judge_header(&place, NULL, RIGHT_UPLOAD), ERR_UNAUTHORIZED);
	assert_int_equal(metrics_get(place.larder.metrics, METRIC_AUTH_FAILURES), 0);
	place_close(&place);
}

static void
an_origin_changes_nothing(void **state)
{
	struct place place;
	char token[TOKEN_TEXT_MAX], header[256];
	struct asking asking = asking_of(METHOD_PUT, RIGHT_UPLOAD);
	struct caller caller;

	(void)state;
	place_open(&place, "donations { open = yes }");
	make(&place, "laptop", RIGHTS_ALL, 0, token);
	snprintf(header, sizeof header, "Bearer %s", token);
	asking.authorization = header;
	asking.origin = "null";
	assert_int_equal(judge(&place, &asking, &caller), ERR_FORBIDDEN);
	asking.access |= ACCESS_DONATION;
	asking.authorization = NULL;
	assert_int_equal(judge(&place, &asking, &caller), ERR_FORBIDDEN);
	asking.access = ACCESS_ANYONE; /* a POST that anyone may send */
	asking.method = METHOD_POST;
	assert_int_equal(judge(&place, &asking, &caller), ERR_FORBIDDEN);
	asking.access = ACCESS_TOKEN; /* a GET that not anyone may send */
	asking.method = METHOD_GET;
	assert_int_equal(judge(&place, &asking, &caller), ERR_FORBIDDEN);
	asking.access = ACCESS_CONTROL;
	asking.control = "uid 0";
	assert_int_equal(judge(&place, &asking, &caller), ERR_FORBIDDEN);
	asking.origin = NULL;
	assert_int_equal(judge(&place, &asking, &caller), ERR_OK);
	place_close(&place);
}

static void
the_control_socket_may_everything(void **state)
{
	static const unsigned accesses[] = {ACCESS_ANYONE, RIGHT_UPLOAD, RIGHT_REMOVE, RIGHT_CATALOG,
	        RIGHT_FETCH, RIGHT_UPLOAD | ACCESS_DONATION, ACCESS_TOKEN, ACCESS_CONTROL};
	struct place place;

	(void)state;
	place_open(&place, STRICT);
	for (size_t i = 0; i < COUNT_OF(accesses); i++) {
		struct asking asking = asking_of(METHOD_DELETE, accesses[i]);
		struct caller caller;

		asking.address = (struct address){0};
		asking.control = "uid 1000 (anil)";
		asking.authorization = "Bearer nonsense";
		assert_int_equal(judge(&place, &asking, &caller), ERR_OK);
		assert_int_equal(caller.kind, CALLER_CONTROL);
		assert_int_equal(caller.rights, RIGHTS_ALL);
		assert_string_equal(caller.who, "uid 1000 (anil)");
		assert_string_equal(caller.from, "control socket");
	}
	place_close(&place);
}

static void
donations_are_for_anybody_where_they_are_open(void **state)
{
	struct place place;
	struct asking asking = asking_of(METHOD_PUT, RIGHT_UPLOAD | ACCESS_DONATION);
	struct caller caller;

	(void)state;
	place_open(&place, "donations { open = yes }");
	assert_int_equal(judge(&place, &asking, &caller), ERR_OK);
	assert_int_equal(caller.kind, CALLER_UNKNOWN);
	assert_int_equal(caller.rights, 0);
	assert_string_equal(caller.who, "anybody");
	assert_int_equal(judge_header(&place, "Bearer larder_x", asking.access), ERR_UNAUTHORIZED);
	assert_int_equal(judge_header(&place, NULL, RIGHT_REMOVE), ERR_UNAUTHORIZED);
	place_close(&place);
	place_open(&place, STRICT);
	assert_int_equal(judge(&place, &asking, &caller), ERR_UNAUTHORIZED);
	place_close(&place);
}

/* --- too many --- */

static void
too_many_wrong_tokens(void **state)
{
	struct place place;
	char token[TOKEN_TEXT_MAX], header[256];
	struct asking asking = asking_of(METHOD_PUT, RIGHT_UPLOAD);
	struct caller caller;

	(void)state;
	place_open(&place, STRICT);
	make(&place, "laptop", RIGHT_UPLOAD, 0, token);
	snprintf(header, sizeof header, "Bearer %s", token);
	for (int i = 0; i < FAILURES; i++)
		assert_int_equal(judge_header(&place, "Bearer wrong", RIGHT_UPLOAD), ERR_UNAUTHORIZED);
	asking.authorization = header;
	assert_int_equal(judge(&place, &asking, &caller), ERR_TOO_MANY);
	assert_int_equal(judge_header(&place, "Bearer wrong", RIGHT_UPLOAD), ERR_TOO_MANY);
	assert_int_equal(metrics_get(place.larder.metrics, METRIC_LIMIT_AUTH_FAILURES), 2);
	assert_int_equal(metrics_get(place.larder.metrics, METRIC_AUTH_FAILURES), FAILURES);
	assert_true(address_parse("192.0.2.8", &asking.address)); /* another one is not meant */
	assert_int_equal(judge(&place, &asking, &caller), ERR_OK);
	assert_true(address_parse("192.0.2.7", &asking.address));
	asking.now_ms += WINDOW_MS - 1;
	assert_int_equal(judge(&place, &asking, &caller), ERR_TOO_MANY);
	asking.now_ms += 1;
	assert_int_equal(judge(&place, &asking, &caller), ERR_OK);
	place_close(&place);
}

/* --- the matrix: everybody who may come, at every route --- */

enum visitor {
	VISITOR_NOBODY, /* without a token */
	VISITOR_MALFORMED,
	VISITOR_UNKNOWN,
	VISITOR_EXPIRED,
	VISITOR_REVOKED,
	VISITOR_UPLOAD,
	VISITOR_REMOVE,
	VISITOR_CATALOG,
	VISITOR_FETCH,
	VISITOR_ALL,
	VISITOR_WEB_PAGE, /* whose token may everything */
	VISITOR_CONTROL,
	VISITORS
};

struct visitors {
	char headers[VISITORS][256]; /* "": none is sent */
	unsigned rights[VISITORS];
};

static void
visitors_come(struct place *place, struct visitors *ret)
{
	static const unsigned rights[VISITORS] = {[VISITOR_EXPIRED] = RIGHTS_ALL,
	        [VISITOR_REVOKED] = RIGHTS_ALL,
	        [VISITOR_UPLOAD] = RIGHT_UPLOAD,
	        [VISITOR_REMOVE] = RIGHT_REMOVE,
	        [VISITOR_CATALOG] = RIGHT_CATALOG,
	        [VISITOR_FETCH] = RIGHT_FETCH,
	        [VISITOR_ALL] = RIGHTS_ALL,
	        [VISITOR_WEB_PAGE] = RIGHTS_ALL};
	struct err err = ERR_NONE;

	*ret = (struct visitors){
	        .headers = {[VISITOR_MALFORMED] = "Bearer larder",
	                [VISITOR_UNKNOWN] = "Bearer " TOKEN_PREFIX "00000000000000000000000000000000"}};
	for (size_t i = 0; i < VISITORS; i++) {
		char name[16], token[TOKEN_TEXT_MAX];
		int64_t expires_at_ms = i == VISITOR_EXPIRED ? clock_wall_ms() + DAY_MS : 0;

		ret->rights[i] = rights[i];
		if (rights[i] == 0)
			continue;
		snprintf(name, sizeof name, "visitor%zu", i);
		make(place, name, rights[i], expires_at_ms, token);
		snprintf(ret->headers[i], sizeof ret->headers[i], "Bearer %s", token);
	}
	assert_int_equal(token_row_remove(store_index(place->larder.store), "visitor4", &err), ROW_FOUND);
}

/* What the documentation says. */
static enum err_code
promised(enum visitor visitor, const struct visitors *visitors, const struct route *route)
{
	const bool reads = route->method == METHOD_GET && route->access == ACCESS_ANYONE;

	if (visitor == VISITOR_CONTROL)
		return ERR_OK;
	if (route->access == ACCESS_CONTROL)
		return ERR_NOT_FOUND;
	if (reads)
		return ERR_OK;
	if (visitor == VISITOR_WEB_PAGE)
		return ERR_FORBIDDEN;
	if (visitor == VISITOR_NOBODY)
		return route->access == ACCESS_ANYONE ? ERR_OK : ERR_UNAUTHORIZED;
	if (visitor <= VISITOR_REVOKED)
		return ERR_UNAUTHORIZED;
	return (visitors->rights[visitor] & route->access) != 0 ? ERR_OK : ERR_FORBIDDEN;
}

static void
visit(struct place *place, const struct visitors *visitors, const struct route *route)
{
	for (size_t i = 0; i < VISITORS; i++) {
		struct asking asking = asking_of(route->method, route->access);
		enum err_code wanted = promised((enum visitor)i, visitors, route), said;
		struct caller caller;

		/* Who only reads what anyone may read is not looked at (auth_admit). */
		if (route->access == ACCESS_ANYONE && route->method == METHOD_GET)
			continue;
		asking.wall_ms += i == VISITOR_EXPIRED ? DAY_MS : 0;
		asking.authorization = visitors->headers[i][0] != '\0' ? visitors->headers[i] : NULL;
		asking.origin = i == VISITOR_WEB_PAGE ? "https://example.org" : NULL;
		asking.control = i == VISITOR_CONTROL ? "uid 0 (root)" : NULL;
		said = judge(place, &asking, &caller);
		if (said != wanted)
			fail_msg("visitor %zu at method %d of %s: %s, not %s", i, route->method, route->path,
			        err_name(said), err_name(wanted));
	}
}

/*
 * No route is open that should not be: only what reads is for anyone, and no two kinds of access are mixed.
 */
static void
assert_sound(const struct route *route)
{
	const unsigned known = RIGHTS_ALL | ACCESS_DONATION;

	if (route->access == ACCESS_ANYONE)
		assert_int_equal(route->method, METHOD_GET);
	else if (route->access != ACCESS_CONTROL)
		assert_true((route->access & RIGHTS_ALL) != 0 && (route->access & ~known) == 0);
}

static void
the_matrix_of_rights(void **state)
{
	struct place place;
	struct visitors visitors;

	(void)state;
	place_open(&place, "uploads { failures = 100000 }");
	visitors_come(&place, &visitors);
	for (size_t i = 0; i < n_routes; i++) {
		assert_sound(&routes[i]);
		visit(&place, &visitors, &routes[i]);
	}
	for (size_t i = 0; i < n_archive_routes; i++) {
		assert_sound(&archive_routes[i]);
		visit(&place, &visitors, &archive_routes[i]);
	}
	place_close(&place);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(rights_are_read_and_written),
	        cmocka_unit_test(a_token_is_random_and_is_not_kept),
	        cmocka_unit_test(a_wish_is_checked),
	        cmocka_unit_test(a_header_is_read_as_the_standard_says),
	        cmocka_unit_test(ten_thousand_tokens),
	        cmocka_unit_test(anyone_reads),
	        cmocka_unit_test(a_token_needs_the_right),
	        cmocka_unit_test(the_refusal_names_the_right),
	        cmocka_unit_test(tokens_that_are_not_valid_look_alike),
	        cmocka_unit_test(a_missing_token_is_no_failure),
	        cmocka_unit_test(an_origin_changes_nothing),
	        cmocka_unit_test(the_control_socket_may_everything),
	        cmocka_unit_test(donations_are_for_anybody_where_they_are_open),
	        cmocka_unit_test(too_many_wrong_tokens),
	        cmocka_unit_test(the_matrix_of_rights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
