/*
 * What sentences of events are made of, for their own files. Pure; any thread.
 */
#ifndef SERVER_WATCH_EVENT_TEXT_PARTS_H
#define SERVER_WATCH_EVENT_TEXT_PARTS_H

#include "server/watch/event_text.h"
#include "storage/drift/drift.h"

/* The data of an event as the sentence needs it. */
struct story {
	const json_t *archives; /* those listed; there may be more */
	size_t listed, count, stored;
	enum cause_kind kind;
	enum drift_kind drift; /* CAUSE_CHANGED: what became of them */
	const char *where;     /* the site or the host */
	struct text place;     /* narrower, where all of them are in one: "github.com/muqiuhan/simlog" */
	const json_t *only;    /* the archive, where it is one; NULL: several */
	bool whole;            /* all that is known of the place */
};

/* --- event_text.c --- */

/*
 * Which of the archives. LAST: stored here, and no host is known to serve it. RARE: and one host is. HOPELESS: neither. LOST: nor is
 * anybody left to be asked. SOUGHT: not stored, and somebody is.
 */
enum which {
	WHICH_ALL,
	WHICH_NOT_STORED,
	WHICH_LAST,
	WHICH_RARE,
	WHICH_HOPELESS,
	WHICH_LOST,
	WHICH_SOUGHT,
};
size_t story_count(const struct story *story, enum which which);
/* "rosa.0.2.0"; where no package uses it "sha256:<hex>", which commands take as well. */
void story_add_name(const json_t *archive, struct text *ret);
/* "rosa.0.2.0, lucid.0.1.5 and 3 more": of so many in all. */
void story_add_names(
        const struct story *story, enum which which, size_t in_all, const char *between, struct text *ret);

/* --- event_text_advice.c --- */

/* "; both are stored; keep larder's copy of a.1: it may be the last" */
void story_add_rest(const struct story *story, struct text *ret);

#endif
