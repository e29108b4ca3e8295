/*
 * The spool: bodies of jobs, kept as files until the job has ended. Any thread; blocks on the disk.
 */
#ifndef STORAGE_SPOOL_H
#define STORAGE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/base/err.h"

struct store;

#define SPOOL_NAME_MAX 32

/*
 * A new file in spool/, open for reading and writing. -1: ERR_NO_SPACE when the reserve would be touched,
 * ERR_IO.
 */
int spool_create(struct store *store, char ret_name[SPOOL_NAME_MAX], struct err *err) MUST_CHECK;
/* At the end of the file. ERR_NO_SPACE when the reserve would be touched; what was written stays. */
bool spool_write(struct store *store, int fd, const void *bytes, size_t length, struct err *err) MUST_CHECK;
/* Makes the file and its name durable. */
bool spool_sync(struct store *store, int fd, struct err *err) MUST_CHECK;
/* For reading, from its start. -1: ERR_NOT_FOUND. The name is looked at: it cannot lead out of spool/. */
int spool_open(struct store *store, const char *name, struct err *err) MUST_CHECK;
void spool_remove(struct store *store, const char *name);
/* Removes every file that keep() does not want. At start. */
typedef bool spool_keep_fn(void *context, const char *name);
void spool_clean(struct store *store, spool_keep_fn *keep, void *context);

#endif
