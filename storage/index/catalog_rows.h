/*
 * The rows of the catalog: entries and packages (origins: origin_rows.h). Questions run on the caller's thread; what takes a
 * struct writing runs in a chore of the index writer.
 */
#ifndef STORAGE_INDEX_CATALOG_ROWS_H
#define STORAGE_INDEX_CATALOG_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/digest.h"
#include "storage/index/archive_rows.h"
#include "storage/index/index.h"

struct entry_row {
	int64_t id;
	struct digests digests;
	int64_t within; /* the entry that lists all of these and more; 0: none */
};

/*
 * A growing list; start from zero, end with entry_rows_finish. Adding what is in it already changes nothing.
 */
struct entry_rows {
	struct entry_row *items;
	size_t count, capacity;
};
void entry_rows_finish(struct entry_rows *rows);
const struct entry_row *entry_rows_exactly(
        const struct entry_rows *rows, const struct digests *digests); /* NULL: none */

/* Adds the entries that have this digest. */
bool entry_rows_find(struct index *index, const struct digest *digest, struct entry_rows *rows,
        struct err *err) MUST_CHECK;

typedef bool entry_row_visit_fn(void *context, const struct entry_row *entry, const char *package);
/* Entries that are within no other, by id, in steps, with the first of their packages or "". */
bool entry_rows_walk(
        struct index *index, entry_row_visit_fn *visit, void *context, struct err *err) MUST_CHECK;
/*
 * The same, for those that no stored archive satisfies and no tombstone forbids. ret_last: the id to go on from,
 * 0 when that was all.
 */
struct entry_page {
	int64_t after; /* the id before the first */
	size_t max;
};
bool entry_rows_missing(struct index *index, const struct entry_page *page, entry_row_visit_fn *visit,
        void *context, int64_t *ret_last, struct err *err) MUST_CHECK;
/* The entries of a package, in the order of its versions' names: with a dot in it one version, else all. */
bool entry_rows_of_package(struct index *index, const char *package, entry_row_visit_fn *visit, void *context,
        struct err *err) MUST_CHECK;
/* The entries for which a source names this URL now, the newest first; at: when that was. */
typedef void entry_naming_visit_fn(void *context, const struct entry_row *entry, int64_t at_ms);
bool entry_rows_naming(struct index *index, const char *site, const char *url, entry_naming_visit_fn *visit,
        void *context, struct err *err) MUST_CHECK;
bool entry_rows_wanted(struct index *index, uint64_t *ret, struct err *err) MUST_CHECK;

typedef void package_row_visit_fn(void *context, const char *package);
bool package_rows_of(struct index *index, int64_t entry, package_row_visit_fn *visit, void *context,
        struct err *err) MUST_CHECK;

/* Who named this entry first, and when. */
typedef void entry_named_fn(void *context, const char *source, int64_t since_ms);
enum row_answer entry_row_named(
        struct index *index, int64_t entry, entry_named_fn *visit, void *context, struct err *err) MUST_CHECK;

/* In a chore. */
bool import_row_add(
        struct writing *writing, const char *source, int64_t at_ms, int64_t *ret, struct err *err) MUST_CHECK;
bool entry_rows_known(struct writing *writing, const struct digest *digest, struct entry_rows *rows,
        struct err *err) MUST_CHECK;
bool entry_row_last(struct writing *writing, int64_t *ret, struct err *err) MUST_CHECK;
bool entry_row_within(struct writing *writing, int64_t id, int64_t *ret, struct err *err) MUST_CHECK;
bool entry_row_add(struct writing *writing, const struct digests *digests, int64_t within, int64_t *ret,
        struct err *err) MUST_CHECK;
bool entry_row_put_within(struct writing *writing, int64_t id, int64_t within, struct err *err) MUST_CHECK;
bool package_row_name(
        struct writing *writing, const char *package, int64_t entry, struct err *err) MUST_CHECK;
bool package_rows_count(struct writing *writing, int64_t *ret, struct err *err) MUST_CHECK;

#endif
