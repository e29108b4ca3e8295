/*
 * Changes of files, told by inotify(7). The thread whose it is. Must never forget one: where the kernel has lost some, all files count as
 * changed.
 */
#include "storage/base/file_changes.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "storage/base/table.h"

#define CHANGES     (IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF)
#define BUFFER      4096 /* bytes of events that are read at once: of a file, each has no name */
#define FD_PATH_MAX 32

struct watch {
	UT_hash_handle hh; /* by id */
	int id;
	void *owner;
};

struct file_changes {
	int fd;
	struct watch *watches;
	bool has_lost;     /* what else there was is not known */
	size_t length, at; /* of the events */
	_Alignas(struct inotify_event) char events[BUFFER];
};

struct file_changes *
file_changes_create(void)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct file_changes *changes;

	if (fd < 0)
		return NULL;
	changes = xcalloc(1, sizeof *changes);
	changes->fd = fd;
	return changes;
}

static void *
forget(struct file_changes *changes, struct watch *watch)
{
	void *owner = watch->owner;

	HASH_DEL(changes->watches, watch);
	free(watch);
	return owner;
}

void
file_changes_destroy(struct file_changes *changes)
{
	if (changes == NULL)
		return;
	while (changes->watches != NULL)
		forget(changes, changes->watches);
	close(changes->fd);
	free(changes);
}

int
file_changes_fd(const struct file_changes *changes)
{
	return changes != NULL ? changes->fd : -1;
}

static struct watch *
find(const struct file_changes *changes, int id)
{
	struct watch *watch;

	HASH_FIND_INT(changes->watches, &id, watch);
	return watch;
}

int
file_changes_watch(struct file_changes *changes, int fd, void *owner)
{
	char path[FD_PATH_MAX];
	struct watch *watch;
	int id;

	if (changes == NULL)
		return FILE_UNWATCHED;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	id = inotify_add_watch(changes->fd, path, CHANGES);
	if (id < 0 || find(changes, id) != NULL) /* one that is watched already keeps its id */
		return FILE_UNWATCHED;
	watch = xcalloc(1, sizeof *watch);
	watch->id = id;
	watch->owner = owner;
	HASH_ADD_INT(changes->watches, id, watch);
	return id;
}

static void *
take(struct file_changes *changes, struct watch *watch)
{
	inotify_rm_watch(changes->fd, watch->id); /* of a file that is gone, the kernel has done so */
	return forget(changes, watch);
}

void
file_changes_unwatch(struct file_changes *changes, int watch)
{
	if (watch != FILE_UNWATCHED)
		take(changes, find(changes, watch));
}

/* False: there is none now. */
static bool
next_event(struct file_changes *changes, struct inotify_event *ret)
{
	ssize_t got;

	if (changes->at == changes->length) {
		got = read(changes->fd, changes->events, sizeof changes->events);
		changes->length = got > 0 ? (size_t)got : 0;
		changes->at = 0;
	}
	if (changes->at == changes->length)
		return false;
	memcpy(ret, changes->events + changes->at, sizeof *ret);
	changes->at += sizeof *ret + ret->len;
	return true;
}

void *
file_changes_next(struct file_changes *changes)
{
	struct inotify_event event;
	struct watch *watch;

	if (changes == NULL)
		return NULL;
	while (!changes->has_lost && next_event(changes, &event)) {
		watch = find(changes, event.wd);
		if (watch != NULL)
			return take(changes, watch);
		changes->has_lost = (event.mask & IN_Q_OVERFLOW) != 0;
	}
	if (changes->has_lost && changes->watches != NULL)
		return take(changes, changes->watches);
	changes->has_lost = false;
	return NULL;
}
