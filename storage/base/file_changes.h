/*
 * Files, and which of them somebody changes: the kernel tells (inotify), so that nobody has to look at each of them again and again. It
 * does not tell of what is written through a mapping. One thread.
 */
#ifndef STORAGE_BASE_FILE_CHANGES_H
#define STORAGE_BASE_FILE_CHANGES_H

#include <stdint.h>

#define FILE_UNWATCHED (-1)

struct file_changes;

/* NULL: the system has none to give. Here and below NULL is one that watches nothing. */
struct file_changes *file_changes_create(void);
void file_changes_destroy(struct file_changes *changes);
/* Can be read when there is a change; -1: it watches nothing. */
int file_changes_fd(const struct file_changes *changes);

/*
 * From now on, until it was changed once: bytes, attributes, names; fd need not stay open for that. FILE_UNWATCHED: it is
 * watched for another owner, or the system watches no more files.
 */
int file_changes_watch(struct file_changes *changes, int fd, void *owner);
/* Nothing is told of it any more. FILE_UNWATCHED is nothing. */
void file_changes_unwatch(struct file_changes *changes, int watch);
/* The owner of a file that was changed, and is not watched any more. NULL: there is none now. */
void *file_changes_next(struct file_changes *changes);

#endif
