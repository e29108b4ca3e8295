/*
 * Drift: what an origin served instead of the archive. Compared with the archive that is stored here, kept under its own digests, and
 * noted, so that people are told what differs. What is no archive, such as a page that says why, is kept where it is small, one of each
 * origin: a page may be another one each time.
 */
#ifndef SERVER_WATCH_DRIFTS_H
#define SERVER_WATCH_DRIFTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/admin/metrics.h"
#include "storage/catalog/contact.h"
#include "storage/drift/compare.h"
#include "storage/intake.h"
#include "storage/store.h"

#define DRIFT_PAGE_MAX    (64u << 10) /* bytes of what is no archive; more is described and not kept */
#define DRIFT_WAITING_MAX 64 /* that wait to be looked at; of further ones it is noted that they came */

/* As compare_archives, which is what serves; tests have another. Blocks on the disk. */
typedef void drift_compare_fn(const struct compare_file *promised, const struct compare_file *came,
        const struct compare_limits *limits, const struct compare_stop *stop, struct drift *ret);

struct drifts_options {
	struct store *store;
	struct metrics *metrics; /* NULL: nothing is counted */
	uint64_t max_bytes;      /* of all that is kept; 0: none is */
	drift_compare_fn *compare;
	/* drifts_turn has work. NULL: nobody needs to know. On any thread; must not block. */
	void (*wake)(void *context);
	void *context;
};

struct drifts;

struct drifts *drifts_create(const struct drifts_options *options);
/* What waits is dropped. NULL is nothing. */
void drifts_destroy(struct drifts *drifts);
/* A turn under way ends soon; nothing more is taken. Any thread. */
void drifts_stop(struct drifts *drifts);

/*
 * Takes the intake, whose digests are known and which is not committed: bytes that came where the archive of contact->asked was asked
 * for. The contact itself is recorded by the caller. Returns at once. Any thread.
 */
void drifts_take(struct drifts *drifts, const struct contact *contact, struct intake *intake);

/*
 * Looks at all that waits, and at what was kept while the archive itself was missing, if that is stored by now. The notifier's thread;
 * blocks on the disk.
 */
void drifts_turn(struct drifts *drifts);

#endif
