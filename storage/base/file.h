/*
 * Files, with EINTR and short reads and writes taken care of. Every descriptor is close-on-exec.
 */
#ifndef STORAGE_BASE_FILE_H
#define STORAGE_BASE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "storage/base/err.h"
#include "storage/base/text.h"

/* All of it or an error. */
bool file_write(int fd, const void *bytes, size_t length, struct err *err) MUST_CHECK;
/* Up to length bytes from an offset: fewer only at the end of the file. -1 is an error. */
ssize_t file_pread(int fd, void *bytes, size_t length, uint64_t offset, struct err *err) MUST_CHECK;
/* The whole file (or pipe) into the text, which is cleared before; more than max bytes is ERR_TOO_LARGE. */
bool file_read(int fd, size_t max, struct text *ret, struct err *err) MUST_CHECK;
bool file_read_path(const char *path, size_t max, struct text *ret, struct err *err) MUST_CHECK;
/* Makes the names in the directory durable that holds the last part of the path. */
bool file_sync_above(const char *path, struct err *err) MUST_CHECK;
/* Makes the directory and its missing parents, mode 0700, each durable where it is made. It may be there already. */
bool file_make_directories(const char *path, struct err *err) MUST_CHECK;
/* Makes one directory below dir_fd, mode 0700, if it is not there yet. */
bool file_make_directory_at(int dir_fd, const char *name, struct err *err) MUST_CHECK;
/* Opens a directory for openat and fsync. -1 is an error. */
int file_open_directory(const char *path, struct err *err) MUST_CHECK;

#endif
