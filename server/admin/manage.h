/*
 * Managing: removing, forgetting, pinning, tokens. The functions are used by the API and by the commands alike;
 * they block and answer JSON.
 */
#ifndef SERVER_ADMIN_MANAGE_H
#define SERVER_ADMIN_MANAGE_H

#include <jansson.h>

#include "server/http/desk.h"
#include "server/larder.h"

/* For a command: one act; who is "uid 1000 (anil)". */
struct manage_act {
	struct digest digest;
	const struct caller *caller;
};
/* Removes and lays a tombstone. {"removed": bool (false: it was not stored), "digests": {…}, "size": …} */
bool manage_remove(
        struct larder *larder, const struct manage_act *act, json_t **ret, struct err *err) MUST_CHECK;
/* Lifts the tombstone: it may be fetched again. ERR_NOT_FOUND: there is none. {"forgotten": true, "digests"} */
bool manage_forget(
        struct larder *larder, const struct manage_act *act, json_t **ret, struct err *err) MUST_CHECK;
/* ERR_UNKNOWN: not stored. {"pinned": bool, "digests": {…}} */
bool manage_pin(
        struct larder *larder, const struct manage_act *act, json_t **ret, struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND: it is not pinned. */
bool manage_unpin(
        struct larder *larder, const struct manage_act *act, json_t **ret, struct err *err) MUST_CHECK;

#define TOKEN_LIFE_MAX_MS (INT64_C(36500) * 24 * 3600 * 1000)
/*
 * rights: ["upload"] or "upload,remove"; without them it may upload. expires: "90d" from now on, or milliseconds
 * since 1970; without it never.
 * {"name", "rights", "expires"} → {"name", "token", "rights", "created", "expires"}
 */
bool manage_token_add(struct larder *larder, const struct caller *caller, const json_t *wish, json_t **ret,
        struct err *err) MUST_CHECK;
/*
 * What such a wish says, from now_ms (wall clock) on; whether the name and the rights will do is for token_make to say. The
 * name is the wish's. ERR_BAD_REQUEST. Pure.
 */
bool manage_token_wish(
        const json_t *wish, int64_t now_ms, struct token_wish *ret, struct err *err) MUST_CHECK;
/* {"tokens": [{"name", "rights", "created", "expires", "used"}]} */
bool manage_token_list(struct larder *larder, json_t **ret, struct err *err) MUST_CHECK;
/* ERR_NOT_FOUND */
bool manage_token_revoke(struct larder *larder, const struct caller *caller, const char *name, json_t **ret,
        struct err *err) MUST_CHECK;

/* The API. */
api_fn api_remove;       /* DELETE of an archive's path: 200 */
api_fn api_forget;       /* DELETE /api/v1/tombstones/{digest} */
api_fn api_pin;          /* PUT    /api/v1/pins/{digest} */
api_fn api_unpin;        /* DELETE /api/v1/pins/{digest} */
api_fn api_tokens;       /* GET    /api/v1/tokens, control socket only */
api_fn api_token_add;    /* POST   /api/v1/tokens, control socket only */
api_fn api_token_revoke; /* DELETE /api/v1/tokens?name=, control socket only */

#endif
