/*
 * Who asks, and may he? The worker's thread, before anything of the request's body is read. Of a token that does
 * not admit its bearer nothing is said but that: not whether it was ever known, is expired or was revoked.
 */
#include "server/admin/auth.h"

#include <assert.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "server/admin/auth_parts.h"
#include "server/admin/metrics.h"
#include "server/admin/per_address.h"
#include "server/config.h"
#include "server/http/connections.h"
#include "server/http/forwarded.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"

#define USER_RECORD_MAX    4096  /* bytes of one record of the user database */
#define FAILURES_WINDOW_MS 60000 /* uploads.failures: in so long */

struct auth {
	struct larder *larder;
	struct networks trusted;      /* proxies */
	struct per_address *failures; /* wrong tokens */
	pthread_mutex_t mutex;
	struct {
		uid_t uid;
		char who[WHO_MAX]; /* "": none yet */
	} last_peer;               /* guarded: a push of many files asks the user database once */
};

struct auth *
auth_create(struct larder *larder)
{
	const struct config *config = larder->config;
	const struct config_list *proxies = &config->limits.trusted_proxies;
	const struct per_address_options options = {.max = config->uploads.failures,
	        .window_ms = FAILURES_WINDOW_MS,
	        .metrics = larder->metrics,
	        .forgotten = METRIC_LIMIT_AUTH_ADDRESSES};
	struct auth *auth = xcalloc(1, sizeof *auth);
	struct err err = ERR_NONE;
	bool parsed = networks_parse(proxies->items, proxies->count, &auth->trusted, &err);

	assert(parsed); /* the configuration was checked when it was read */
	(void)parsed;
	auth->larder = larder;
	auth->failures = per_address_create(&options);
	pthread_mutex_init(&auth->mutex, NULL);
	return auth;
}

void
auth_destroy(struct auth *auth)
{
	if (auth == NULL)
		return;
	per_address_destroy(auth->failures);
	networks_finish(&auth->trusted);
	pthread_mutex_destroy(&auth->mutex);
	free(auth);
}

/* --- what a request says --- */

static bool
only_reads(enum request_method method)
{
	return method == METHOD_GET || method == METHOD_HEAD;
}

/* The name of the peer at the control socket. */
static void
name_peer(struct auth *auth, uid_t uid, char ret[WHO_MAX])
{
	pthread_mutex_lock(&auth->mutex);
	if (auth->last_peer.who[0] == '\0' || auth->last_peer.uid != uid) {
		auth->last_peer.uid = uid;
		who_of_uid(uid, auth->last_peer.who);
	}
	memcpy(ret, auth->last_peer.who, WHO_MAX);
	pthread_mutex_unlock(&auth->mutex);
}

bool
auth_admit(struct request *request, unsigned access, struct err *err)
{
	struct auth *auth = request->larder->auth;
	struct asking asking = {.method = request->method, .access = access};
	char peer[WHO_MAX];
	AUTO_FREE char *forwarded_for = NULL;
	uid_t uid;

	if (access == ACCESS_ANYONE && only_reads(request->method)) {
		request->caller = (struct caller){.kind = CALLER_UNKNOWN, .who = "anybody"};
		return true;
	}
	asking.authorization = request_header(request, "Authorization");
	asking.origin = request_header(request, "Origin");
	asking.now_ms = clock_ms();
	asking.wall_ms = clock_wall_ms();
	if (connection_is_control(request->connection, &uid)) {
		name_peer(auth, uid, peer);
		asking.control = peer;
	} else {
		forwarded_for = request_header_list(request, "X-Forwarded-For");
		asking.address =
		        forwarded_client(forwarded_for, &auth->trusted, connection_peer(request->connection));
	}
	return auth_judge(auth, &asking, &request->caller, err);
}

void
who_of_uid(uid_t uid, char ret[WHO_MAX])
{
	char record[USER_RECORD_MAX];
	struct passwd user, *found = NULL;

	if (getpwuid_r(uid, &user, record, sizeof record, &found) == 0 && found != NULL)
		snprintf(ret, WHO_MAX, "uid %lu (%.64s)", (unsigned long)uid, found->pw_name);
	else
		snprintf(ret, WHO_MAX, "uid %lu", (unsigned long)uid);
}

void
caller_of_process(struct caller *ret)
{
	*ret = (struct caller){.kind = CALLER_CONTROL, .rights = RIGHTS_ALL, .from = "command line"};
	who_of_uid(getuid(), ret->who);
}

/* --- judging --- */

static bool
refuse_token(struct auth *auth, const struct asking *asking, struct err *err)
{
	metrics_add(auth->larder->metrics, METRIC_AUTH_FAILURES, 1);
	per_address_count(auth->failures, &asking->address, asking->now_ms);
	return err_set(err, ERR_UNAUTHORIZED,
	        "the token in the Authorization header is not valid here; "
	        "`larder token add` on the server makes one");
}

/* Known and not expired; the token's row. */
static bool
find_token(struct auth *auth, const struct asking *asking, struct token_row *ret, struct err *err)
{
	struct index *index = store_index(auth->larder->store);
	uint8_t hash[32];

	if (!token_hash_bearer(asking->authorization, hash))
		return refuse_token(auth, asking, err);
	switch (token_row_find(index, hash, ret, err)) {
	case ROW_FAILED:
		return false;
	case ROW_NONE:
		return refuse_token(auth, asking, err);
	case ROW_FOUND:
		break;
	}
	if (ret->expires_at_ms != 0 && ret->expires_at_ms <= asking->wall_ms)
		return refuse_token(auth, asking, err);
	token_row_used(index, ret, asking->wall_ms);
	return true;
}

static bool
check_right(const struct asking *asking, const struct token_row *token, struct err *err)
{
	unsigned needed = asking->access & RIGHTS_ALL;
	char has[RIGHTS_TEXT_MAX], needs[RIGHTS_TEXT_MAX];

	if (asking->access == ACCESS_ANYONE || (token->rights & needed) != 0)
		return true;
	rights_text(token->rights, has);
	rights_text(needed, needs);
	return err_set(err, ERR_FORBIDDEN, "the token %s may %s; this needs one that may %s", token->name,
	        has, needs);
}

static bool
admit_token(struct auth *auth, const struct asking *asking, struct caller *caller, struct err *err)
{
	struct token_row token;

	if (per_address_is_over(auth->failures, &asking->address, asking->now_ms)) {
		metrics_add(auth->larder->metrics, METRIC_LIMIT_AUTH_FAILURES, 1);
		return err_set(err, ERR_TOO_MANY,
		        "too many wrong tokens from your address; none is looked at for a minute");
	}
	if (!find_token(auth, asking, &token, err) || !check_right(asking, &token, err))
		return false;
	caller->kind = CALLER_TOKEN;
	caller->rights = token.rights;
	snprintf(caller->who, sizeof caller->who, "token %s", token.name);
	return true;
}

/* Without a token. */
static bool
admit_anybody(struct auth *auth, const struct asking *asking, struct err *err)
{
	if (asking->access == ACCESS_ANYONE)
		return true;
	if ((asking->access & ACCESS_DONATION) != 0 && auth->larder->config->donations.open)
		return true;
	return err_set(err, ERR_UNAUTHORIZED,
	        "this needs a token, as \"Authorization: Bearer larder_...\"; "
	        "`larder token add` on the server makes one");
}

bool
auth_judge(struct auth *auth, const struct asking *asking, struct caller *ret, struct err *err)
{
	struct caller caller = {.kind = CALLER_UNKNOWN, .who = "anybody"};

	if (asking->access == ACCESS_CONTROL && asking->control == NULL)
		return err_set(err, ERR_NOT_FOUND, "no such page; archives are at /<algorithm>/<hash>");
	if (asking->origin != NULL && !(asking->access == ACCESS_ANYONE && only_reads(asking->method)))
		return err_set(err, ERR_FORBIDDEN,
		        "a request with an Origin header comes from a web page, and those change nothing "
		        "here");
	if (asking->control != NULL) {
		caller = (struct caller){
		        .kind = CALLER_CONTROL, .rights = RIGHTS_ALL, .from = "control socket"};
		snprintf(caller.who, sizeof caller.who, "%s", asking->control);
	} else {
		address_text(&asking->address, caller.from);
		if (asking->authorization != NULL ? !admit_token(auth, asking, &caller, err)
		                                  : !admit_anybody(auth, asking, err))
			return false;
	}
	*ret = caller;
	return true;
}
