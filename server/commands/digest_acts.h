/*
 * Acts on archives that the command line names by their digests: what remove, pin and unpin do alike. Main thread.
 */
#ifndef SERVER_COMMANDS_DIGEST_ACTS_H
#define SERVER_COMMANDS_DIGEST_ACTS_H

#include "server/admin/manage.h"
#include "server/commands/daemon.h"

struct digest_act {
	const char *method, *path; /* of the API: "DELETE", "/api/v1/pins" */
	bool (*manage)(struct larder *larder, const struct manage_act *act, json_t **ret,
	        struct err *err); /* without it */
	void (*shown)(void *context, const json_t *answer);
};

/* One act for each argument. A digest that is none is EXIT_USAGE before anything is done. */
int digest_acts(const struct invocation *invocation, const struct digest_act *act);

/* "sha256:<hex>" of an answer's digests, or the strongest there is. */
void digest_acts_text(const json_t *answer, char ret[DIGEST_TEXT_MAX]);

#endif
