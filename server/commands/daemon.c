/*
 * Whether a daemon serves the store, and having it do things. Main thread.
 */
#include "server/commands/daemon.h"

#include <errno.h>
#include <string.h>

#include "server/http/sockets.h"
#include "server/signals.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"

#define POLL_TICK_MS 100  /* how long a signal may go unnoticed */
#define LAST_WORD_MS 3000 /* after a signal: for the daemon to say what became of what it was asked */

/* Nobody is there: the file is missing, or left from a daemon that was killed. */
static bool
means_nobody(int cause)
{
	return cause == ENOENT || cause == ENOTDIR || cause == ECONNREFUSED;
}

enum daemon_answer
daemon_find(const struct config *config, struct client **ret, struct err *err)
{
	AUTO_TEXT path = TEXT_EMPTY;
	struct client_target target = {.user_agent = config->fetch.user_agent};
	struct client *client;
	int cause;

	text_addf(&path, "%s/" CONTROL_SOCKET, config->store);
	if (access(text_string(&path), F_OK) != 0 && means_nobody(errno))
		return DAEMON_NONE;
	target.socket = text_string(&path);
	client = client_create(&target, err);
	if (client == NULL)
		return DAEMON_FAILED;
	cause = client_probe(client);
	if (cause == 0) {
		*ret = client;
		return DAEMON_THERE;
	}
	client_destroy(client);
	if (means_nobody(cause))
		return DAEMON_NONE;
	err_set(err, ERR_IO, "the daemon's socket %.120s: %s%s", text_string(&path), strerror(cause),
	        cause == EACCES ? "; only the user the daemon runs as may change the store" : "");
	return DAEMON_FAILED;
}

/* --- asking --- */

enum daemon_heard
daemon_ask(struct client *client, const struct client_request *request, struct client_answer *ret)
{
	client_send(client, request);
	while (!client_next(client, POLL_TICK_MS, ret))
		if (signals_poll() == SIGNALS_STOP)
			return HEARD_SIGNAL;
	return HEARD_ANSWER;
}

bool
daemon_hear_out(struct client *client, struct client_answer *ret)
{
	const int64_t until_ms = clock_ms() + LAST_WORD_MS;

	signals_release(); /* another one ends it at once */
	while (clock_ms() < until_ms)
		if (client_next(client, POLL_TICK_MS, ret))
			return true;
	return false;
}

/* --- short acts --- */

static int
show_answer(const struct acts *acts, const struct client_answer *answer)
{
	struct err err = ERR_NONE;

	if (!client_answer_good(answer, &err))
		return command_fail(&err);
	acts->shown(acts->context, answer->json);
	return EXIT_DONE;
}

/* ret_heard HEARD_SIGNAL: nothing more is to be asked for. */
static int
act_by_daemon(
        struct client *client, const struct acts *acts, const struct act *act, enum daemon_heard *ret_heard)
{
	struct client_answer answer;
	int status;

	*ret_heard = daemon_ask(client, &act->request, &answer);
	if (*ret_heard == HEARD_SIGNAL && !daemon_hear_out(client, &answer)) {
		command_say("stopped before the daemon had answered; %s", act->known_by);
		return EXIT_FAILED;
	}
	status = show_answer(acts, &answer);
	client_answer_finish(&answer);
	return status;
}

/* What comes back is told even after a signal: it is done. */
static int
do_by_daemon(struct client *client, const struct acts *acts)
{
	enum daemon_heard heard = HEARD_ANSWER;
	int status = EXIT_DONE;
	size_t asked = 0;

	while (asked < acts->count && heard != HEARD_SIGNAL) {
		status = command_worse(status, act_by_daemon(client, acts, &acts->items[asked++], &heard));
		if (heard == HEARD_ANSWER && signals_poll() == SIGNALS_STOP)
			heard = HEARD_SIGNAL;
	}
	if (asked == acts->count)
		return status;
	command_say("stopped; %zu of %zu were not asked for, and stay as they are", acts->count - asked,
	        acts->count);
	return command_worse(status, EXIT_FAILED);
}

static int
do_by_larder(struct larder *larder, const struct acts *acts)
{
	int status = EXIT_DONE;

	for (size_t i = 0; i < acts->count; i++) {
		const struct act *act = &acts->items[i];
		json_t *answer = NULL;
		struct err err = ERR_NONE;

		if (act->act(larder, act->argument, &answer, &err))
			acts->shown(acts->context, answer);
		else
			status = command_worse(status, command_fail(&err));
		json_decref(answer);
	}
	return status;
}

static int
act_alone(const struct invocation *invocation, const struct acts *acts)
{
	struct larder larder;
	int status = command_start(invocation, LARDER_STORE_WRITE, &larder);

	if (status != EXIT_DONE)
		return status;
	status = do_by_larder(&larder, acts);
	larder_stop(&larder, 0);
	return status;
}

int
acts_do(const struct invocation *invocation, const struct acts *acts)
{
	struct client *client;
	struct err err = ERR_NONE;
	int status;

	switch (daemon_find(invocation->config, &client, &err)) {
	case DAEMON_THERE:
		status = do_by_daemon(client, acts);
		client_destroy(client);
		return status;
	case DAEMON_NONE:
		return act_alone(invocation, acts);
	case DAEMON_FAILED:
		break;
	}
	return command_fail(&err);
}

static void
keep_answer(void *context, const json_t *answer)
{
	*(json_t **)context = json_incref((json_t *)answer);
}

int
act_do(const struct invocation *invocation, const struct act *act, json_t **ret)
{
	struct acts one = {.items = act, .count = 1, .shown = keep_answer, .context = ret};

	*ret = NULL;
	return acts_do(invocation, &one);
}
