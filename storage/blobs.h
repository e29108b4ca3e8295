/*
 * The directory of a store: its lock, temporary files, the spool, blobs by sha256, quarantine. All file names
 * come from decoded digest bytes, all system calls go below the store's own descriptors. Any thread; blocks
 * on the disk.
 */
#ifndef STORAGE_BLOBS_H
#define STORAGE_BLOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/archive.h"
#include "storage/base/err.h"

struct blobs;

enum blobs_mode { BLOBS_WRITE, BLOBS_READ };

/*
 * BLOBS_WRITE takes the lock (ERR_LOCKED names the process that has it), makes what is missing and empties
 * tmp/. BLOBS_READ: ERR_NOT_FOUND where there is no store.
 */
struct blobs *blobs_open(const char *directory, enum blobs_mode mode, struct err *err) MUST_CHECK;
void blobs_close(struct blobs *blobs); /* releases the lock; NULL is nothing */

const char *blobs_directory(const struct blobs *blobs); /* absolute */
bool blobs_were_there(const struct blobs *blobs);       /* the directory was a store before it was opened */
bool blobs_writer_exists(const struct blobs *blobs);    /* a process holds the lock */
bool blobs_read_only(const struct blobs *blobs);        /* the filesystem takes no writes */
bool blobs_lacks_inodes(const struct blobs *blobs);     /* no file can be made, whatever bytes are free */
bool blobs_free_space(const struct blobs *blobs, uint64_t *ret_bytes, struct err *err) MUST_CHECK;

#define BLOBS_TEMP_MAX 32
/* A new file in tmp/, mode 0400, open for reading and writing. -1 is an error. */
int blobs_create_temp(struct blobs *blobs, char ret_name[BLOBS_TEMP_MAX], struct err *err) MUST_CHECK;
void blobs_remove_temp(struct blobs *blobs, const char *name);

int blobs_spool(const struct blobs *blobs); /* the directory spool/, for storage/spool.c; -1 in BLOBS_READ */

/* What a file is at this moment. */
struct blob_file {
	uint64_t size_bytes;
	int64_t written_ms; /* since 1970 */
	bool named;         /* some directory has it */
	struct stamp stamp;
};
bool blob_file_now(int fd, struct blob_file *ret, struct err *err) MUST_CHECK;

/*
 * Renames the temporary file to the blob of this sha256 and makes that durable. On failure the temporary file
 * is gone. The blob may be there: it may have taken the place of one that was acknowledged, so it is not
 * deleted.
 */
bool blobs_publish(
        struct blobs *blobs, const char *temp, const uint8_t sha256[32], struct err *err) MUST_CHECK;
/* For reading. -1: ERR_NOT_FOUND when there is no regular file of that name, else what the system said. */
int blobs_open_file(const struct blobs *blobs, const uint8_t sha256[32], struct blob_file *ret,
        struct err *err) MUST_CHECK;
/* Makes durable whatever lies in the store now, by whomever it was left. */
bool blobs_sync(const struct blobs *blobs, struct err *err) MUST_CHECK;
void blobs_remove(struct blobs *blobs, const uint8_t sha256[32]);
/* It is gone for good when this returns; true as well when there was none. */
bool blobs_remove_durably(struct blobs *blobs, const uint8_t sha256[32], struct err *err) MUST_CHECK;
/* To quarantine/<sha256>.<UTC time>, durably; ret_name is that name. ERR_NOT_FOUND: there is no such file. */
#define BLOBS_QUARANTINE_MAX 112
bool blobs_quarantine(struct blobs *blobs, const uint8_t sha256[32], char ret_name[BLOBS_QUARANTINE_MAX],
        struct err *err) MUST_CHECK;

/*
 * Visits every file below blobs/ whose name is a sha256 of its shard, in no order. False from the visitor
 * ends the walk.
 */
typedef bool blob_visit_fn(void *context, const uint8_t sha256[32]);
bool blobs_walk(const struct blobs *blobs, blob_visit_fn *visit, void *context, struct err *err) MUST_CHECK;

#endif
