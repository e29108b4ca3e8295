/*
 * Origins: the places to ask for one archive, in order: what the catalog names, then the configured mirrors, each
 * under every digest of the archive that it serves by; rewritten, judged by the policy, each URL once.
 */
#ifndef SERVER_UPSTREAM_ORIGINS_H
#define SERVER_UPSTREAM_ORIGINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/config.h"
#include "server/upstream/policy.h"
#include "storage/catalog/catalog.h"
#include "storage/digest.h"

#define ORIGIN_MIRROR 0 /* the id of what is not in the catalog */

#define ORIGINS_OF_MIRROR_MAX                                                                                \
	8 /* URLs of one mirror for one archive; the digests it likes least are left out */

/* SECOND: it was silent and made room for another; asked again when nobody else is left. */
enum origin_turn { ORIGIN_FIRST_TURN, ORIGIN_SECOND_TURN };

struct origin {
	int64_t id;              /* in the catalog, or ORIGIN_MIRROR */
	struct digest by;        /* which digest the URL is asked for */
	struct digests promised; /* what it is named for: the digests of its own entry, of a mirror's `by` */
	char *named;             /* the URL as the catalog or the configuration names it */
	char *url;               /* the one that is asked, after rewriting */
	struct place place;
	enum policy_answer allowed; /* what is not allowed is listed too, to be reported */

	/* What the errand that goes through the list knows of it. */
	bool asked;     /* it is or was, or was passed over: not its turn any more */
	bool gave_part; /* of what there is */
	bool no_parts;  /* it cannot go on where others broke off: asked for the whole */
	enum origin_turn turn;
	unsigned slow; /* times it broke off because it was too slow */
};

struct origins {
	struct origin *items;
	size_t count;
	size_t left_out; /* by ORIGINS_OF_MIRROR_MAX */
};

/*
 * What is asked for an archive; known is what the catalog names for asked, wanted gives further digests to
 * name it by.
 */
struct origins_question {
	const struct digest *asked;
	const struct catalog_wanted *wanted;
	const struct catalog_origins *known;
};

void origins_gather(struct origins *ret, const struct config *config, const struct policy *policy,
        const struct origins_question *question);
/* One URL, for a document. */
void origins_gather_one(
        struct origins *ret, const struct config *config, const struct policy *policy, const char *url);
/* Why this URL may not be asked, as far as that shows before its host is looked up; NULL: it may. */
const char *origins_refusal(const struct config *config, const struct policy *policy, const char *url);
/*
 * Whether each mirror that somebody configured may be asked, as far as that shows before its host is looked up; ERR_CONFIG names the
 * first that may not, with file and line. Those that are built in may be shut out on purpose.
 */
bool origins_check_mirrors(const struct config *config, struct err *err) MUST_CHECK;
/* The URL that is asked where this one is named. The caller's. */
char *origins_rewrite(const struct config *config, const char *url);
void origins_finish(struct origins *origins);

#endif
