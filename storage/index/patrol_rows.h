/*
 * The rows that the patrol works with: which origins are due, who may speak for the network, which hosts rest, and how the
 * archives of the catalog are. Questions run on the caller's thread; what takes a struct writing runs in a chore of the index
 * writer.
 */
#ifndef STORAGE_INDEX_PATROL_ROWS_H
#define STORAGE_INDEX_PATROL_ROWS_H

#include "storage/index/origin_rows.h"

/* Whether an entry that lists more of the same archive names the URL too. */
enum row_rank { ROW_FULLEST, ROW_LESSER };

struct patrol_row {
	struct origin_row origin; /* its texts are borrowed */
	struct digests digests;   /* of its entry */
	enum row_rank rank;
};
typedef void patrol_row_visit_fn(void *context, const struct patrol_row *row);

/* Those planned for now_ms or before, the longest due first. */
struct due_page {
	int64_t now_ms;
	int64_t max;
};
bool patrol_rows_due(struct index *index, const struct due_page *page, patrol_row_visit_fn *visit,
        void *context, struct err *err) MUST_CHECK;
/* The first origin that serves, is named, behind this site in the order of sites, and was not tried after tried_before_ms. */
struct witness_wish {
	const char *after_site;
	int64_t tried_before_ms;
};
enum row_answer patrol_row_witness(struct index *index, const struct witness_wish *wish,
        patrol_row_visit_fn *visit, void *context, struct err *err) MUST_CHECK;
/* How many were due before this moment. */
bool patrol_rows_overdue(struct index *index, int64_t before_ms, uint64_t *ret, struct err *err) MUST_CHECK;

/* Some origin is not planned, or planned beyond the horizon. */
bool patrol_rows_unplanned(struct index *index, int64_t horizon_ms, bool *ret, struct err *err) MUST_CHECK;

typedef void host_row_visit_fn(void *context, const char *name, int64_t rests_until_ms);
bool host_rows_walk(struct index *index, host_row_visit_fn *visit, void *context, struct err *err) MUST_CHECK;

/* --- in a chore --- */

/* Those that are not planned or planned beyond the horizon, at most max. */
struct unplanned_page {
	int64_t horizon_ms;
	int64_t max;
};
bool patrol_rows_to_plan(struct writing *writing, const struct unplanned_page *page,
        origin_row_visit_fn *visit, void *context, struct err *err) MUST_CHECK;
bool patrol_row_plan(struct writing *writing, int64_t id, int64_t check_at_ms, struct err *err) MUST_CHECK;

/*
 * Others whose fate one may share: named ones that were not tried since tried_before_ms and are not due before due_after_ms,
 * first of all those that serve.
 */
struct sibling_wish {
	int64_t tried_before_ms, due_after_ms;
	int64_t max;
};
typedef void row_id_visit_fn(void *context, int64_t id);
/* At other URLs of its site. */
bool patrol_rows_of_site(struct writing *writing, const struct origin_row *origin,
        const struct sibling_wish *wish, row_id_visit_fn *visit, void *context, struct err *err) MUST_CHECK;
/* One of each of the sites behind its own at its host. */
bool patrol_rows_of_host(struct writing *writing, const struct origin_row *origin,
        const struct sibling_wish *wish, row_id_visit_fn *visit, void *context, struct err *err) MUST_CHECK;
/* Where the same archive is or was too: mirrors that once had it, and what is not named any more, among them. */
bool patrol_rows_of_archive(struct writing *writing, const struct origin_row *origin,
        const struct sibling_wish *wish, row_id_visit_fn *visit, void *context, struct err *err) MUST_CHECK;

/* The host rests until then; rows of rests that are over at now_ms go. */
bool host_row_rest(struct writing *writing, const char *name, int64_t until_ms, int64_t now_ms,
        struct err *err) MUST_CHECK;

#endif
