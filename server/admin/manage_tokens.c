/*
 * Managing tokens. On a clerk's thread or a command's; blocks on the index writer. The text of a new token is in
 * the answer and in nothing that is kept.
 */
#include <inttypes.h>
#include <string.h>

#include "server/admin/auth.h"
#include "server/admin/manage.h"
#include "server/admin/metrics.h"
#include "server/http/body.h"
#include "server/jobs/json.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"

#define RIGHTS_DEFAULT RIGHT_UPLOAD /* of a token that is asked for without any */

static json_t *
rights_json(unsigned rights)
{
	json_t *array = json_array();

	for (unsigned bit = 1; bit <= RIGHTS_ALL; bit <<= 1) {
		char name[RIGHTS_TEXT_MAX];

		if ((rights & bit) == 0)
			continue;
		rights_text(bit, name);
		json_array_append_new(array, json_string(name));
	}
	return array;
}

/* "upload,remove", or an array of names. */
static bool
read_rights(const json_t *value, unsigned *ret, struct err *err)
{
	unsigned rights = 0;
	size_t i;
	const json_t *item;

	if (json_is_string(value))
		return rights_parse(json_string_value(value), ret, err);
	if (!json_is_array(value))
		return err_set(err, ERR_BAD_REQUEST, "rights: an array of names is wanted, as [\"upload\"]");
	json_array_foreach (value, i, item) {
		unsigned right;

		if (!json_is_string(item))
			return err_set(err, ERR_BAD_REQUEST, "rights: name %zu is no string", i + 1);
		if (!rights_parse(json_string_value(item), &right, err))
			return false;
		rights |= right;
	}
	*ret = rights;
	return true;
}

/* "90d" from now on, or milliseconds since 1970. */
static bool
read_expiry(const json_t *value, int64_t now_ms, int64_t *ret, struct err *err)
{
	int64_t duration_ms;

	if (json_is_integer(value)) {
		*ret = json_integer_value(value);
		return (*ret > now_ms && *ret - now_ms <= TOKEN_LIFE_MAX_MS) ||
		       err_set(err, ERR_BAD_REQUEST,
		               "expires: %" PRId64 " ms since 1970 is not in the next 36500 days", *ret);
	}
	if (!json_is_string(value))
		return err_set(err, ERR_BAD_REQUEST, "expires: a duration is wanted, as \"90d\"");
	if (!text_parse_duration(json_string_value(value), &duration_ms) || duration_ms <= 0 ||
	        duration_ms > TOKEN_LIFE_MAX_MS)
		return err_set(err, ERR_BAD_REQUEST,
		        "expires: '%.60s' is no duration; write it as \"90d\" or \"12h\", at most 36500d",
		        json_string_value(value));
	*ret = now_ms + duration_ms;
	return true;
}

static bool
is_there(const json_t *value)
{
	return value != NULL && !json_is_null(value);
}

bool
manage_token_wish(const json_t *wish, int64_t now_ms, struct token_wish *ret, struct err *err)
{
	const json_t *rights = json_object_get(wish, "rights"), *expires = json_object_get(wish, "expires");

	*ret = (struct token_wish){
	        .name = json_string_value(json_object_get(wish, "name")), .rights = RIGHTS_DEFAULT};
	if (ret->name == NULL)
		return err_set(err, ERR_BAD_REQUEST,
		        "a JSON object with a name is wanted, as {\"name\": \"laptop\", \"rights\": "
		        "[\"upload\"], "
		        "\"expires\": \"90d\"}");
	if (strlen(ret->name) != json_string_length(json_object_get(wish, "name")))
		return err_set(err, ERR_BAD_REQUEST,
		        "the name of a token is made of letters, digits and ._@- alone");
	return (!is_there(rights) || read_rights(rights, &ret->rights, err)) &&
	       (!is_there(expires) || read_expiry(expires, now_ms, &ret->expires_at_ms, err));
}

static void
count_limit(struct larder *larder, struct err *err)
{
	if (err->code != ERR_LIMIT)
		return;
	metrics_add(larder->metrics, METRIC_LIMIT_TOKENS, 1);
	err->code = ERR_NO_SPACE; /* nothing that could be looked for elsewhere */
}

bool
manage_token_add(
        struct larder *larder, const struct caller *caller, const json_t *wish, json_t **ret, struct err *err)
{
	struct token_wish token;
	char text[TOKEN_TEXT_MAX], rights[RIGHTS_TEXT_MAX];

	if (!manage_token_wish(wish, clock_wall_ms(), &token, err))
		return false;
	if (!token_make(store_index(larder->store), &token, text, err)) {
		count_limit(larder, err);
		return false;
	}
	rights_text(token.rights, rights);
	audit_note(larder, caller, &(struct audit){"token add", token.name, "made", rights});
	*ret = json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", token.name, "token", text, "rights",
	        rights_json(token.rights), "created", json_time(clock_wall_ms()), "expires",
	        json_time(token.expires_at_ms));
	explicit_bzero(text, sizeof text);
	return true;
}

static bool
list_token(void *context, const struct token_row *token)
{
	json_array_append_new(context,
	        json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", json_text(token->name), "rights",
	                rights_json(token->rights), "created", json_time(token->created_at_ms), "expires",
	                json_time(token->expires_at_ms), "used", json_time(token->used_at_ms)));
	return true;
}

bool
manage_token_list(struct larder *larder, json_t **ret, struct err *err)
{
	json_t *tokens = json_array();

	if (!token_rows_walk(store_index(larder->store), list_token, tokens, err)) {
		json_decref(tokens);
		return false;
	}
	*ret = json_pack("{s:o}", "tokens", tokens);
	return true;
}

bool
manage_token_revoke(
        struct larder *larder, const struct caller *caller, const char *name, json_t **ret, struct err *err)
{
	switch (token_row_remove(store_index(larder->store), name, err)) {
	case ROW_FAILED:
		return false;
	case ROW_NONE:
		return err_set(err, ERR_NOT_FOUND,
		        "there is no token '%.100s'; `larder token list` names them", name);
	case ROW_FOUND:
		break;
	}
	audit_note(larder, caller, &(struct audit){"token revoke", name, "revoked", ""});
	*ret = json_pack("{s:o, s:b}", "name", json_text(name), "revoked", 1);
	return true;
}

/* --- the API --- */

bool
api_tokens(struct request *request, struct api_answer *ret, struct err *err)
{
	ret->status = 200;
	return manage_token_list(request->larder, &ret->json, err);
}

bool
api_token_add(struct request *request, struct api_answer *ret, struct err *err)
{
	const struct text *body = body_text_of(request);
	json_t *wish = json_loadb(text_string(body), body->length, JSON_REJECT_DUPLICATES, NULL);
	bool added = manage_token_add(request->larder, &request->caller, wish, &ret->json, err);

	json_decref(wish);
	ret->status = 201;
	return added;
}

bool
api_token_revoke(struct request *request, struct api_answer *ret, struct err *err)
{
	const char *name = request_parameter(request, "name");

	if (name == NULL)
		return err_set(err, ERR_BAD_REQUEST, "which token? /api/v1/tokens?name=NAME");
	ret->status = 200;
	return manage_token_revoke(request->larder, &request->caller, name, &ret->json, err);
}
