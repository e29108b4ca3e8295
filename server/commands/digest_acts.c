/*
 * Acts on archives by digest. Main thread.
 */
#include "server/commands/digest_acts.h"

#include <stdio.h>

#include "server/admin/auth.h"
#include "storage/base/text.h"

#define PATH_MAX_BYTES (DIGEST_TEXT_MAX + 64)

/* One argument, for the daemon and without it. */
struct item {
	struct manage_act act;
	const struct digest_act *how;
	char path[PATH_MAX_BYTES];
	char known_by[DIGEST_TEXT_MAX + 64];
};

static bool
act_alone(struct larder *larder, const void *argument, json_t **ret, struct err *err)
{
	const struct item *item = argument;

	return item->how->manage(larder, &item->act, ret, err);
}

static bool
item_init(struct item *item, const char *argument, const struct digest_act *how, struct err *err)
{
	char hex[DIGEST_HEX_MAX], text[DIGEST_TEXT_MAX];

	if (!digest_parse_text(argument, &item->act.digest, err))
		return err_wrap(err, "%.100s", argument);
	digest_hex(&item->act.digest, hex);
	snprintf(item->path, sizeof item->path, "%s/%s/%s", how->path,
	        digest_algo_name(item->act.digest.algo), hex);
	digest_text(&item->act.digest, text);
	snprintf(item->known_by, sizeof item->known_by,
	        "`larder show %s` tells whether it is done all the same", text);
	item->how = how;
	return true;
}

int
digest_acts(const struct invocation *invocation, const struct digest_act *how)
{
	const size_t count = invocation->n_arguments;
	AUTO_FREE struct item *items = xcalloc(count, sizeof *items);
	AUTO_FREE struct act *each = xcalloc(count, sizeof *each);
	struct acts acts = {.items = each, .count = count, .shown = how->shown};
	struct caller caller;
	struct err err = ERR_NONE;

	caller_of_process(&caller);
	for (size_t i = 0; i < count; i++) {
		if (!item_init(&items[i], invocation->arguments[i], how, &err))
			return command_misuse(invocation, "%s", err.text);
		items[i].act.caller = &caller;
		each[i] =
		        (struct act){.request = {.method = how->method, .path = items[i].path, .body_fd = -1},
		                .act = act_alone,
		                .argument = &items[i],
		                .known_by = items[i].known_by};
	}
	return acts_do(invocation, &acts);
}

void
digest_acts_text(const json_t *answer, char ret[DIGEST_TEXT_MAX])
{
	const json_t *digests = json_object_get(answer, "digests");

	ret[0] = '\0';
	for (int i = 0; i < DIGEST_ALGOS; i++) {
		const char *name = digest_algo_name(digests_best_first[i]);
		const char *hex = json_string_value(json_object_get(digests, name));

		if (hex == NULL)
			continue;
		snprintf(ret, DIGEST_TEXT_MAX, "%s:%s", name, hex);
		return;
	}
}
