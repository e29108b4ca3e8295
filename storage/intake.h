/*
 * An intake: one archive on its way into the store. Bytes go to a temporary file and through the hasher;
 * commit makes them durable and visible, abort leaves nothing.
 *
 * One thread appends; any thread may read what was appended with intake_pread. An intake is taken by commit
 * or abort.
 */
#ifndef STORAGE_INTAKE_H
#define STORAGE_INTAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "storage/base/err.h"
#include "storage/digest.h"

struct store;
struct intake;

enum intake_result {
	INTAKE_STORED, /* new (or its file was damaged, and is right again), and it survives power loss from here on */
	INTAKE_KNOWN,   /* the same archive was stored already; nothing was written twice */
	INTAKE_REFUSED, /* see err: ERR_COLLISION, ERR_REMOVED, ERR_NO_SPACE, ERR_IO, ERR_STOPPING */
};

/* Called exactly once, on a thread of the store; must not block. err is set for INTAKE_REFUSED only. */
typedef void intake_done_fn(void *context, enum intake_result result, const struct err *err);

/*
 * INTAKE_FETCHED: from an origin; an archive under a tombstone is refused with ERR_REMOVED. INTAKE_GIVEN: by
 * somebody who wants it kept (an upload, `larder add`); committing it lifts the tombstone.
 */
enum intake_source { INTAKE_FETCHED, INTAKE_GIVEN };

/*
 * INTAKE_HASHES_HERE: whoever appends hashes too, and closes with intake_digests. INTAKE_HASHES_BEHIND: closes with
 * intake_seal, and hashing is left to the store's threads; what is small (INTAKE_HELD_MAX) is only held in memory until
 * then, and they make and write its file too. For threads that have better to do.
 */
enum intake_hashing { INTAKE_HASHES_HERE, INTAKE_HASHES_BEHIND };

#define INTAKE_HELD_MAX   (256u << 10)  /* bytes of one that is held: more than most archives have */
#define INTAKE_HELD_TOTAL (32ull << 20) /* of all of them together; what comes then is not held */

/*
 * What is known before the first byte: sizes in bytes, 0 where unknown or unlimited. came_from: a URL or path
 * for people; copied.
 */
struct intake_plan {
	uint64_t expected_size;
	uint64_t max_size; /* more is ERR_TOO_LARGE */
	const char *came_from;
	enum intake_source source;
	enum intake_hashing hashing;
};

#define PASS_THROUGH_MAX (256ull << 20) /* bytes of memory for all of them together; more is ERR_NO_SPACE */

enum intake_keeping { INTAKE_KEEP, INTAKE_PASS_THROUGH };

/*
 * INTAKE_KEEP: a temporary file in the store; ERR_NO_SPACE when the free space less the reserve does not hold
 * it. INTAKE_PASS_THROUGH: memory only, for serving a miss while the disk is full or takes no writes: bounded
 * (PASS_THROUGH_MAX in all), never committed.
 */
struct intake *intake_open(struct store *store, enum intake_keeping keeping, const struct intake_plan *plan,
        struct err *err) MUST_CHECK;
bool intake_append(struct intake *intake, const void *bytes, size_t length, struct err *err) MUST_CHECK;
/* An intake that ended with this may be tried again as INTAKE_PASS_THROUGH: the disk is full, read-only or broken. */
static inline bool
intake_may_pass_through(const struct err *err)
{
	return err->code == ERR_NO_SPACE || err->code == ERR_IO;
}
/* Up to max bytes at offset of what was appended; 0 past the end. Any thread. -1 is an error. */
ssize_t intake_pread(
        const struct intake *intake, void *ret, size_t max, uint64_t offset, struct err *err) MUST_CHECK;
/* Where the appended bytes from an offset on lie. */
struct intake_view {
	const void *bytes; /* NULL: in the file, at the same offset */
	int fd;
};
/* Both stay as long as the intake is open, and what was appended never changes. Any thread. */
struct intake_view intake_view(const struct intake *intake, uint64_t offset);
uint64_t intake_size(const struct intake *intake); /* bytes appended so far; the appending thread */
enum intake_keeping intake_keeping(const struct intake *intake);

/*
 * The digests of all that was appended; call once, when the last byte is in; nothing may be appended
 * afterwards.
 */
const struct digests *intake_digests(struct intake *intake);
/*
 * The same for INTAKE_HASHES_BEHIND: returns at once and tells later, exactly once, on a thread of the store (or at once on
 * this one when the store is being closed). err NULL: digests are all that intake_digests would have returned, and the
 * intake may be committed. Else it cannot be, and is only to be closed. Whoever is told may do so at once.
 */
typedef void intake_sealed_fn(void *context, const struct digests *digests, const struct err *err);
void intake_seal(struct intake *intake, intake_sealed_fn *sealed, void *context);
/* The same digests afterwards. */
const struct digests *intake_found(const struct intake *intake);
/* For reading all of it by pread, once it has its digests; it stays the intake's. */
int intake_fd(const struct intake *intake);

/*
 * The writing protocol: fdatasync, rename into the shard, fsync of the shard, row committed by the index
 * writer; then done(). The descriptor stays readable until intake_close: waiters may go on reading while and
 * after this runs. Call after intake_digests or intake_seal, once. Returns at once; done() comes later, from a thread of the
 * store, and may close the intake. INTAKE_PASS_THROUGH is refused with ERR_NO_SPACE.
 */
void intake_commit(struct intake *intake, intake_done_fn *done, void *context);

/* Waits for the answer; for commands. */
enum intake_result intake_commit_wait(struct intake *intake, struct err *err) MUST_CHECK;

/*
 * Takes the intake: what was not committed disappears. NULL is nothing. Not between intake_commit and done(), nor
 * between intake_seal and sealed().
 */
void intake_close(struct intake *intake);

#endif
