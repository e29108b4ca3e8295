/*
 * The lock of a store: one writing process. It belongs to the open file, so it ends with the process however
 * that ends.
 */
#ifndef STORAGE_STORE_LOCK_H
#define STORAGE_STORE_LOCK_H

#include <stdbool.h>

#include "storage/base/err.h"

/*
 * The lock's descriptor, with this process's id written into the file; close it to release. -1: ERR_LOCKED
 * names the other's.
 */
int store_lock_take(int dir_fd, const char *directory, struct err *err) MUST_CHECK;
bool store_lock_is_held(int dir_fd); /* by anybody; false also where there is no lock file */

#endif
