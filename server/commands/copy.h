/*
 * A stored archive into a file outside of the store. Any thread; blocks on the disk.
 */
#ifndef SERVER_COMMANDS_COPY_H
#define SERVER_COMMANDS_COPY_H

#include "storage/base/err.h"
#include "storage/blob.h"

/* All of the blob's bytes to an open file. */
bool copy_blob(const struct blob *blob, int to, struct err *err) MUST_CHECK;

/* Into what has this name: a device, a pipe, or a link, which stays what it is. */
bool copy_blob_into(const struct blob *blob, const char *path, struct err *err) MUST_CHECK;

enum copy_durability { COPY_SYNC, COPY_SYNC_LATER };
/*
 * To a file of this name, mode 0644, whole or not at all: under a temporary name beside it first. Shares the
 * blocks where the filesystem can. A file that is there is replaced.
 */
bool copy_blob_to_path(const struct blob *blob, const char *path, enum copy_durability durability,
        struct err *err) MUST_CHECK;

#endif
