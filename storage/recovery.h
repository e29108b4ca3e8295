/*
 * Recovery: brings files and rows together again. Adopts blobs that have no row (after reading them),
 * quarantines those that are not what their name says, drops rows whose file is gone.
 */
#ifndef STORAGE_RECOVERY_H
#define STORAGE_RECOVERY_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/base/err.h"

struct digests;
struct recovery;
struct store;
struct store_audit;

/* RECOVERY_UNCHECKED: and the index is to be checked for damage before. */
enum recovery_need { RECOVERY_NOT_NEEDED, RECOVERY_NEEDED, RECOVERY_UNCHECKED };

/* Starts its thread when that is needed. */
struct recovery *recovery_create(struct store *store, enum recovery_need need);
/* Stops the thread, waits for what it has posted. True: nothing is left to be looked for. NULL is true. */
bool recovery_destroy(struct recovery *recovery);
bool recovery_is_running(struct recovery *recovery);
/* As store_lost. Any thread. */
bool recovery_lost(struct recovery *recovery, size_t i, struct digests *ret);

/* All of it now, on the caller's thread; waits first for one that runs. In STORE_READ it only counts. */
bool recovery_run(struct store *store, struct store_audit *ret, struct err *err) MUST_CHECK;

#endif
