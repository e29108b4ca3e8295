/*
 * Work: what takes time and tells how it goes on: fetching, importing, verifying. The same functions run in a
 * command that has the store for itself, and in a job of the daemon; what they tell are JSON objects, which a
 * command prints and a job keeps for whoever asks.
 */
#ifndef SERVER_WORK_WORK_H
#define SERVER_WORK_WORK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/larder.h"
#include "storage/base/err.h"
#include "storage/catalog/harvest.h"

struct work {
	struct larder *larder;
	json_t *asked;           /* what is to be done; borrowed. Each work_X says what it reads */
	struct harvest *harvest; /* import: a source that was read already; NULL: none. Borrowed */
	int body_fd;             /* import: a source that is still to be read; -1: none. Borrowed */
	/* Something that happened, {"event": "stored", …}; takes it. On the thread that works. */
	void (*tell)(struct work *work, json_t *event);
	/* How far it is, in archives; total 0: not known. Cheap, may be called for every archive. */
	void (*progress)(struct work *work, const char *verb, uint64_t done, uint64_t total, uint64_t bytes);
	/* True once somebody wants it to end: it then finishes what it has begun, and its result says "stopped". */
	bool (*is_stopped)(struct work *work);
	void *context; /* of the three */
};

/*
 * Each answers its result, which is what the command prints with --json; the caller's. NULL with err: it could
 * not be done at all. The kind's exit_status tells the exit status from a result.
 *
 * work_fetch asked:  {"names": ["rosa.0.2.0", "sha256:…", …], "all": bool,
 *                     "digests": [["sha256:…", "md5:…"], …] (each inner list an archive),
 *                     "name": "what the entries came from", "entries": [{"digests", "package", "urls"}]};
 *                    the entries are learned first
 *            events: stored {digest, package, size}, retry {count, seconds}
 * work_import asked: {"source": "https://… or a name for messages", "form": "list" (of a harvest)}
 *            events: none (problems stand in the result). A source that cannot be read is a result too:
 *                    {"source", "error", "exit_status"}
 * work_verify asked: {"repair": bool}
 *            events: wrong {digest, what}, repaired {digest}, lost {digest, why}
 */
typedef json_t *work_fn(struct work *work, struct err *err);
work_fn work_fetch, work_import, work_verify;

/* Whether work_fetch can read what is asked; ERR_BAD_REQUEST, ERR_SYNTAX. */
bool work_fetch_check(const json_t *asked, struct err *err) MUST_CHECK;

/* A kind of work by its name: "fetch", "import", "verify". */
struct work_kind {
	const char *name;
	work_fn *run;
	enum larder_parts parts; /* what it needs of a larder of its own */
	int (*exit_status)(const json_t *result);
};
const struct work_kind *work_kind_find(const char *name); /* NULL: none */

#endif
