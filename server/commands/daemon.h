/*
 * The daemon that serves a store, as commands find it: through STORE/control.sock. Main thread.
 */
#ifndef SERVER_COMMANDS_DAEMON_H
#define SERVER_COMMANDS_DAEMON_H

#include "server/commands/command.h"
#include "server/upstream/client.h"
#include "server/jobs/work.h"

/* DAEMON_NONE: no socket, or a dead one: the command does it itself. DAEMON_FAILED: err (not allowed to connect …). */
enum daemon_answer { DAEMON_THERE, DAEMON_NONE, DAEMON_FAILED };
enum daemon_answer daemon_find(const struct config *config, struct client **ret, struct err *err) MUST_CHECK;

/* Asks for one thing; a signal (SIGINT, SIGTERM) ends the waiting for the answer, and what was asked may be done all the same. */
enum daemon_heard { HEARD_ANSWER, HEARD_SIGNAL };
enum daemon_heard daemon_ask(
        struct client *client, const struct client_request *request, struct client_answer *ret);
/* After HEARD_SIGNAL: for a few seconds more, which another signal cuts short with the process. False: it does not say. */
bool daemon_hear_out(struct client *client, struct client_answer *ret);

/* A piece of work that a command wants done and shown. */
struct undertaking {
	const char *kind;        /* of work */
	json_t *asked;           /* borrowed */
	struct harvest *harvest; /* import: a local source that was read; or NULL */
	/* Prints an event; the line of progress was cleared. NULL: not shown. */
	void (*show)(void *context, const json_t *event);
	void *context;
};

/*
 * Has it done, by the daemon where one runs on the store, else by a larder of its own, started for it. Shows
 * progress and events alike. ret: the result, the caller's; NULL when it could not be done, which was said.
 * The answer is the exit status: of the result, or of the failure. A job is asked for by POST /api/v1/fetch with asked as JSON; /api/v1/catalog with a harvest
 * (server/jobs/harvest_json.h) or {"source": URL}; /api/v1/verify?repair=yes. Ctrl-C: alone, the work is
 * stopped; beside a daemon the command stops waiting and says that the job goes on.
 */
int undertake(const struct invocation *invocation, const struct undertaking *undertaking, json_t **ret);

/*
 * A short act of the API, done by the daemon or, where none runs, by act on a larder of its own (parts
 * LARDER_STORE_WRITE). Ctrl-C beside a daemon: what it answers yet is heard out, and what is not known is said.
 * ret: the JSON answer (NULL where there is none); EXIT_DONE, or it said why not.
 */
typedef bool act_fn(struct larder *larder, const void *argument, json_t **ret, struct err *err);
struct act {
	struct client_request request; /* for the daemon */
	act_fn *act;                   /* without one */
	const void *argument;
	/* What tells whether it was done, for who was interrupted: "larder show sha256:… tells …". */
	const char *known_by;
};
int act_do(const struct invocation *invocation, const struct act *act, json_t **ret);
/*
 * Several, in their order, on one larder or one connection. shown is given the answer of each that was done; what
 * was not done was said, and the rest goes on; after Ctrl-C it is left. The gravest exit status.
 */
struct acts {
	const struct act *items;
	size_t count;
	void (*shown)(void *context, const json_t *answer); /* borrowed */
	void *context;
};
int acts_do(const struct invocation *invocation, const struct acts *acts);

#endif
