/*
 * What is known of one archive: whether it is stored, and what its origins amount to, as they answered when they were
 * last asked. Any thread; it reads the index and blocks on the disk.
 */
#ifndef SERVER_ADMIN_KNOWN_H
#define SERVER_ADMIN_KNOWN_H

#include "server/config.h"
#include "server/jobs/wants.h"
#include "storage/catalog/archive_state.h"
#include "storage/catalog/catalog.h"
#include "storage/index/tombstone_rows.h"
#include "storage/store.h"

struct known {
	const struct want *want;
	enum archive_state state;
	enum archive_state
	        elsewhere; /* what the origins amount to; never ARCHIVE_IS_REMOVED or ARCHIVE_IS_STORED */
	struct archive archive;     /* of ARCHIVE_IS_STORED */
	struct tombstone tombstone; /* of ARCHIVE_IS_REMOVED */
	struct catalog_origins origins;
	size_t copies; /* hosts that serve it */
};

/* Borrows want. False with err: the index failed. ret is to be finished in any case. */
bool known_look_up(
        struct store *store, const struct want *want, struct known *ret, struct err *err) MUST_CHECK;
void known_finish(struct known *known);
/* Each of them, as of one moment. False with err: the index failed, or the visitor did. */
typedef bool known_visit_fn(void *context, const struct known *known, struct err *err);
bool known_each(struct store *store, const struct wants *wants, known_visit_fn *visit, void *context,
        struct err *err) MUST_CHECK;
/*
 * Of a stored archive all digests; else what was asked, and what the catalog lists with it if it knows but one such set.
 */
bool known_digests(
        struct store *store, const struct known *known, struct digests *ret, struct err *err) MUST_CHECK;

/*
 * What origins amount to; of the want count its URLs that are not among them. A mirror that never had the archive is
 * no sign of anything. Pure.
 */
enum archive_state known_judge(const struct want *want, const struct catalog_origins *origins);
/* The origin of this URL; NULL: the catalog does not know it. */
const struct catalog_origin *known_origin(const struct known *known, const char *url);
/*
 * The URLs that name it: those of the want or, where it has none, those that sources name now or, where none does, ever
 * named. Borrowed; the array is the caller's.
 */
const char **known_named(const struct known *known, size_t *ret_count);
/* Stored, and nobody else is held to serve it, though they were asked. One failure of the last is not that yet. */
bool known_only_here(const struct known *known);
/* Whose it was or is: the site of the best of its origins; false: there is none. */
struct site;
bool known_site(const struct known *known, struct site *ret);
/* This configured mirror could be asked for it, and never was. */
bool known_mirror_untried(const struct known *known, const struct config_mirror *mirror);

#endif
