/*
 * Changes: the news that nobody was told of yet, those of each origin taken together. An origin that went and came back before anybody
 * was told has not changed.
 */
#ifndef SERVER_WATCH_CHANGES_H
#define SERVER_WATCH_CHANGES_H

#include <jansson.h>

#include "server/watch/event_text.h"
#include "storage/catalog/verdict.h"
#include "storage/digest.h"
#include "storage/index/event_rows.h"
#include "storage/store.h"

struct config;

struct change {
	int64_t origin;
	size_t first_news, n_news; /* of changes.news */
	int64_t first_id;          /* of them: the order of time */
	int64_t first_at_ms, last_at_ms;
	enum origin_state was, is; /* was: as people know it */
	char *url, *site, *package;
	size_t host_length; /* of the site */
	int64_t since_ms;   /* what it is now; 0: not known */
	struct digests digests;
	char archive[DIGEST_TEXT_MAX]; /* the best of these: what it is called among changes */
	/* CAUSE_CHANGED: what came, as events tell it; NULL: it was not looked at yet */
	json_t *drift;
	struct digests came; /* of those bytes, what is known of them */

	enum cause_kind kind;
	const char *drift_kind; /* a fixed word; "": none, or not known yet */
	/* by change_judge */
	bool stored;
	size_t copies;
	json_t *hosts; /* of those, some by name; NULL: not judged */
	size_t left; /* others that may still be asked: origins that were not given up, mirrors of the configuration */
	enum event_level level;
};

struct changes {
	struct change *items;
	size_t count, capacity;
	int64_t *news; /* ids of the rows */
	size_t n_news, news_capacity;
};

/* From zero; by origin. Those that come to nothing (was and is are the same) are among them. */
bool changes_read(struct index *index, struct changes *ret, struct err *err) MUST_CHECK;
void changes_finish(struct changes *changes);

/* Some of them, borrowed; those of a group of the causes by site, in the order of their news. */
struct group {
	struct change **items;
	size_t count;
};
void group_add(struct group *group, struct change *change);

/* What there is to tell of an origin that is in this state now. */
enum cause_kind cause_kind_of(enum origin_state is);

/* Of what a cause is. */
enum reach { REACH_HOST, REACH_SITE, REACH_ARCHIVE };
/* "github.com/kodwx vanished", "github.com changed: recompressed", "github.com/muqiuhan vanished: sha256:…"; the caller's. */
char *change_what(const struct change *change, enum reach reach);
char *change_place(const struct change *change, enum reach reach); /* the host or the site; the caller's */
void change_add_cause(
        const struct change *change, struct text *ret); /* "vanished", "changed: recompressed" */

/* CAUSE_CHANGED: what the catalog knows of the bytes that came is put into drift. */
bool change_learn_known(struct store *store, struct change *change, struct err *err) MUST_CHECK;

/*
 * Whether the archive is stored here and who else serves it, and so how much the change matters: urgent where it may be lost, a warning
 * where it is nearly so, info where nobody has to act. config NULL: there is no mirror.
 */
bool change_judge(
        struct store *store, const struct config *config, struct change *change, struct err *err) MUST_CHECK;

#define CHANGE_COPIES_MIN 2 /* hosts beside larder that have it: with these nobody has to act */
#define CHANGE_HOSTS_MAX  2 /* of them named */

#endif
