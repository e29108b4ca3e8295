/*
 * Giving: local files that a command offers to a store, be it this one, the daemon's or another larder's.
 * Walking the paths, reading and hashing the files, and telling what became of each. Main thread.
 */
#ifndef SERVER_COMMANDS_GIVING_H
#define SERVER_COMMANDS_GIVING_H

#include <jansson.h>

#include "server/commands/command.h"
#include "server/commands/progress.h"
#include "storage/base/text.h"
#include "storage/digest.h"

/* One file: what it is called here and what it is. */
struct gift {
	char *path;
	struct digests digests;
	uint64_t size_bytes;
};

/* What became of one. */
enum gift_end { GIFT_STORED, GIFT_KNOWN, GIFT_REFUSED };

/* Whether a line is printed for what was there already. */
enum gift_lines { LINES_OF_ALL, LINES_OF_STORED };

/* Files that did not go, and why. */
struct left_behind {
	char **paths, **reasons;
	size_t count;
};

struct giving {
	const struct invocation *invocation;
	char *const *paths; /* what is walked */
	size_t n_paths;
	enum gift_lines lines;
	/* Called now and then while a file is read, so that uploads go on meanwhile; NULL: nothing. */
	void (*meanwhile)(void *context);
	void *meanwhile_context;
	struct progress progress;
	char *chunk;
	struct left_behind refused, passed; /* passed: over, which is no fault */
	json_t *archives;                   /* NULL: text */
	uint64_t stored, known, not_wanted, removed, stored_bytes;
	bool stopped; /* by a signal, or because it is of no use to go on */
	int status;
};

/* All arguments are paths, and all lines are printed, unless the command changes that. */
void giving_begin(struct giving *giving, const struct invocation *invocation);
void giving_finish(struct giving *giving);

/* Visits every file below the paths, open for reading; stops when the giving is stopped. */
typedef void gift_visit_fn(void *context, const char *path, int fd, uint64_t size_bytes);
void giving_walk(struct giving *giving, gift_visit_fn *visit, void *context);

/* Reads the whole file in pieces. ERR_CANCELLED: a signal came. */
typedef bool gift_piece_fn(void *context, const void *bytes, size_t length, struct err *err);
bool giving_read(
        struct giving *giving, int fd, gift_piece_fn *piece, void *context, struct err *err) MUST_CHECK;
/*
 * The digests and size of the file; ERR_MISMATCH where its path says otherwise, ERR_CANCELLED. ret's path is a copy
 * of the given one, the caller's in any case.
 */
bool giving_hash(
        struct giving *giving, const char *path, int fd, struct gift *ret, struct err *err) MUST_CHECK;
/*
 * A file in a cache is called by its digest; one that holds something else is damaged, or not what it seems.
 */
bool gift_agrees(const char *path, const struct digests *digests, struct err *err) MUST_CHECK;
void gift_finish(struct gift *gift);

/* Counts and tells a GIFT_STORED or GIFT_KNOWN. */
void giving_acknowledge(struct giving *giving, const struct gift *gift, enum gift_end end);
/* Keeps it for the end. What would be the same for every other file stops the giving. */
void giving_refuse(struct giving *giving, const char *path, const struct err *err);
/* Appends a table of them, below its title; nothing where there are none. */
void left_behind_table(const struct left_behind *left, const char *title, struct text *ret);
/* Ctrl-C: nothing more is begun; what was sent off is finished. */
bool giving_is_stopped(struct giving *giving);
/* Waits so long, or until a signal comes. */
void giving_pause(struct giving *giving, int64_t pause_ms);

/* The result for --json, without what the command adds; the caller's. Ends giving->archives. */
json_t *giving_json(struct giving *giving);

#endif
