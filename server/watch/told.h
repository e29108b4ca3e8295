/*
 * What an origin tells of an archive without sending it, held against what is known. Pure.
 */
#ifndef SERVER_WATCH_TOLD_H
#define SERVER_WATCH_TOLD_H

#include <stdint.h>

/* "" and -1: not told, not known. */
struct told {
	const char *etag, *modified;
	int64_t length;
};

enum told_answer {
	TOLD_AGREES,  /* something can be compared, and all of that is the same */
	TOLD_MOVED,   /* something is different */
	TOLD_NOTHING, /* nothing can be compared */
};

/* known: as of the last good contact; stored_bytes: the size of the archive in the store, -1: it is not there. */
enum told_answer told_compare(const struct told *told, const struct told *known, int64_t stored_bytes);

#endif
