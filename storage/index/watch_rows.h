/*
 * The rows of what is noticed: news that nobody was told of yet, and what origins served instead of archives. Changed in chores of
 * the index writer.
 */
#ifndef STORAGE_INDEX_WATCH_ROWS_H
#define STORAGE_INDEX_WATCH_ROWS_H

#include "storage/catalog/verdict.h"
#include "storage/index/archive_rows.h"
#include "storage/index/index.h"

/* A change of an origin's state. */
struct news_row {
	int64_t id, origin, at_ms;
	enum origin_state was, is;
};
bool news_row_add(struct writing *writing, const struct news_row *news, struct err *err) MUST_CHECK;
bool news_row_drop(struct writing *writing, int64_t id, struct err *err) MUST_CHECK;

/* Bytes that came instead. */
enum drift_keeping { DRIFT_DROPPED, DRIFT_KEPT };
enum drift_look {
	DRIFT_ALONE,
	DRIFT_COMPARED
}; /* whether the archive itself was there to compare them with */
struct drift_row {
	int64_t id, origin, at_ms;
	uint8_t sha256[32];
	uint64_t size_bytes;
	enum drift_keeping keeping;
	enum drift_look look;
	const char *kind, *detail; /* "recompressed" …; JSON */
};

/*
 * News with what there is to say of them. On the caller's thread: by origin, each origin's in their order. The texts are
 * borrowed for the call.
 */
struct pending_row {
	struct news_row news;
	const char *url, *site;
	int64_t gone_since_ms, failing_since_ms; /* of the origin; 0: it is not, any more */
	struct digests digests;                  /* what the catalog lists for the archive */
	const char *package;                     /* the first that uses it, or "" */
	struct drift_row drift; /* news of ORIGIN_IS_CHANGED: what came; kind "": not noted yet */
};
typedef void pending_row_visit_fn(void *context, const struct pending_row *row);
bool news_rows_pending(
        struct index *index, pending_row_visit_fn *visit, void *context, struct err *err) MUST_CHECK;

/*
 * The same from the same origin once more changes nothing, but that they may be kept or compared by now. In a chore.
 */
bool drift_row_add(struct writing *writing, const struct drift_row *drift, struct err *err) MUST_CHECK;
/* ROW_FOUND: these bytes came from this origin before (of any entry where the id is 0); ret: keeping and look. */
struct drift_source {
	int64_t origin;
	const char *url, *site;
	const uint8_t *sha256;
};
enum row_answer drift_row_known(struct index *index, const struct drift_source *source, struct drift_row *ret,
        struct err *err) MUST_CHECK;
/* The bytes of all that are kept and still stored. */
bool drift_rows_bytes(struct index *index, uint64_t *ret, struct err *err) MUST_CHECK;
/* The first behind this id that is kept, was not compared, and could be: the archive is stored. digests: of that. */
enum row_answer drift_row_to_compare(struct index *index, int64_t after, struct drift_row *ret,
        struct digests *ret_digests, struct err *err) MUST_CHECK;

/*
 * What this origin served, the newest first. How it differs from the archive, as in the table: "" where it was not compared yet; the
 * texts are borrowed for the call. Any thread.
 */
typedef void drift_row_visit_fn(
        void *context, const struct drift_row *drift, const char *kind, const char *detail);
bool drift_rows_of(struct index *index, int64_t origin, drift_row_visit_fn *visit, void *context,
        struct err *err) MUST_CHECK;

#endif
