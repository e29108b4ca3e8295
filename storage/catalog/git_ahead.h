/*
 * Objects of a git repository, read ahead: a thread of its own unpacks what the caller will want next while he is busy
 * with what he has. Made and used by one thread.
 */
#ifndef STORAGE_CATALOG_GIT_AHEAD_H
#define STORAGE_CATALOG_GIT_AHEAD_H

#include "storage/catalog/git_objects.h"

#define GIT_AHEAD_OBJECTS 64 /* that wait for the caller at most */

struct git_ahead;

/* Which objects, in their order. All of it is borrowed until the end. */
struct git_ahead_wish {
	const struct git_place *place; /* its is_stopped is asked on the caller's thread alone */
	size_t count;
	const uint8_t *(*id_of)(const void *context, size_t number); /* on the other thread */
	const void *context;
	enum git_kind kind;
	size_t max; /* bytes of one */
};

/* NULL: err. */
struct git_ahead *git_ahead_start(const struct git_ahead_wish *wish, struct err *err) MUST_CHECK;
/*
 * Waits for the next one, as git_objects_read gives it and fails; after ERR_TOO_LARGE the one behind it is next, after
 * any other failure there is none. At most count times.
 */
bool git_ahead_next(struct git_ahead *ahead, struct git_held *ret, struct err *err) MUST_CHECK;
/* Ends the thread, whatever it has read. NULL is allowed. */
void git_ahead_end(struct git_ahead *ahead);

#endif
