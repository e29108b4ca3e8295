/*
 * The rows of origins: where archives may be had, and what is remembered of the contacts with them. Questions run on the
 * caller's thread; what takes a struct writing runs in a chore of the index writer.
 */
#ifndef STORAGE_INDEX_ORIGIN_ROWS_H
#define STORAGE_INDEX_ORIGIN_ROWS_H

#include "storage/catalog/verdict.h"
#include "storage/index/archive_rows.h"
#include "storage/index/index.h"

/* Who names a place: a source that larder was told of; or nobody, it is a mirror that was asked. */
enum origin_kind { ORIGIN_NAMED, ORIGIN_OF_MIRROR };

#define ORIGIN_DETAIL_MAX 200 /* bytes of each of these with the terminator; longer is cut */
#define ORIGIN_TAG_MAX    128

/* Times in milliseconds since 1970; 0: never. */
struct origin_row {
	int64_t id, entry;
	const char *url, *site; /* borrowed, as are the texts below */
	int64_t rank;
	enum origin_kind kind;
	int64_t first_at_ms, last_at_ms; /* when a source first and last named it */
	int64_t last_named;              /* the import that named it last; 0: none did */
	enum origin_age age;
	/* the last contact */
	enum origin_result result;
	const char *detail;
	int64_t tried_at_ms, took_ms;
	/* what it told last; "" and -1: nothing */
	const char *etag, *modified;
	int64_t length;
	struct origin_memory memory;
	int64_t check_at_ms; /* when the patrol asks it next; 0: not planned yet */
};

typedef void origin_row_visit_fn(void *context, const struct origin_row *origin);
/* Of one entry: those named now, newest source first, then those of the past, then mirrors. At most max. */
bool origin_rows_of(struct index *index, int64_t entry, int64_t max, origin_row_visit_fn *visit,
        void *context, struct err *err) MUST_CHECK;

/*
 * Of every entry that the archive of these digests satisfies; each URL once, as it answered last. Only url,
 * result, tried_at_ms, memory.state and memory.served_at_ms are told.
 */
bool origin_rows_of_archive(struct index *index, const struct digests *digests, origin_row_visit_fn *visit,
        void *context, struct err *err) MUST_CHECK;

/* --- in a chore --- */

/*
 * An origin that this import names: entry, url, site, rank, first_at_ms, last_at_ms and age count. ret_first: the import that
 * named it first.
 */
bool origin_row_name(struct writing *writing, const struct origin_row *origin, int64_t import,
        int64_t *ret_id, int64_t *ret_first, struct err *err) MUST_CHECK;
/* A mirror that was asked, if it is not known yet: entry, url, site and tried_at_ms count. */
bool origin_row_add_mirror(
        struct writing *writing, const struct origin_row *origin, struct err *err) MUST_CHECK;

/* Each is visited while its row is read: the visitor may not ask for origins itself. ROW_FOUND: it was visited. */
enum row_answer origin_row_by_id(struct writing *writing, int64_t id, origin_row_visit_fn *visit,
        void *context, struct err *err) MUST_CHECK;
enum row_answer origin_row_by_url(struct writing *writing, int64_t entry, const char *url,
        origin_row_visit_fn *visit, void *context, struct err *err) MUST_CHECK;
/* The other rows of the same URL: those of other entries. */
bool origin_rows_alike(struct writing *writing, const struct origin_row *origin, origin_row_visit_fn *visit,
        void *context, struct err *err) MUST_CHECK;

/* What the catalog has to say of a host. */
struct host_facts {
	bool alone;  /* no source names a place at another one */
	bool served; /* some place of it was seen to serve */
};
bool origin_rows_of_host(
        struct writing *writing, const char *host, struct host_facts *ret, struct err *err) MUST_CHECK;

/* What a contact changed: all from result to memory. */
bool origin_row_remember(
        struct writing *writing, const struct origin_row *origin, struct err *err) MUST_CHECK;

#endif
