/*
 * The rows of causes: what people were told of and goes on; and how the places of a site stand, by which causes are told apart.
 * Questions run on the caller's thread; what takes a struct writing runs in a chore of the index writer.
 */
#ifndef STORAGE_INDEX_CAUSE_ROWS_H
#define STORAGE_INDEX_CAUSE_ROWS_H

#include "storage/catalog/verdict.h"
#include "storage/index/archive_rows.h"
#include "storage/index/event_rows.h"
#include "storage/index/index.h"

/* Times in milliseconds since 1970. */
struct cause_row {
	const char *what;       /* "github.com/kodwx vanished" */
	const char *kind;       /* of its events: "vanished" */
	const char *site;       /* or the host: "github.com/kodwx" */
	int64_t event;          /* the newest event of it */
	enum event_level level; /* of that */
	int64_t told_at_ms;     /* when that was */
	int64_t last_at_ms;     /* when something came under it last; 0: it is over */
};

/* Of ret the three texts are not set. */
enum row_answer cause_row_find(
        struct index *index, const char *what, struct cause_row *ret, struct err *err) MUST_CHECK;

/* The places of the sites from the first to the last, in their order as texts, that are not of the past. */
struct site_range {
	const char *first, *last;
	enum origin_state state;
};
struct site_states {
	uint64_t all, untried, alike; /* alike: in that state */
	int64_t served_at_ms;         /* the last time one of those that serve did */
	uint64_t suspected;           /* said that it is gone, and are to be judged yet */
};
bool site_rows_states(struct index *index, const struct site_range *range, struct site_states *ret,
        struct err *err) MUST_CHECK;

/* In a chore. */
bool cause_row_set(struct writing *writing, const struct cause_row *cause, struct err *err) MUST_CHECK;
/* Something came under it, unless it is over. */
bool cause_row_grow(struct writing *writing, const char *what, int64_t at_ms, struct err *err) MUST_CHECK;
/* Those of this kind and site are over. */
bool cause_rows_close(
        struct writing *writing, const char *kind, const char *site, struct err *err) MUST_CHECK;
/* Those that were told, and that anything came under, before then. */
bool cause_rows_forget(struct writing *writing, int64_t before_ms, struct err *err) MUST_CHECK;

#endif
