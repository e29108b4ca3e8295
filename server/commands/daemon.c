/*
 * Whether a daemon serves the store, and having it do things. Main thread.
 */
#include "server/commands/daemon.h"

#include <errno.h>
#include <string.h>

#include "server/http/sockets.h"
#include "server/signals.h"
#include "storage/base/text.h"

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

/* --- short acts --- */

static int
act_by_daemon(struct client *client, const struct act *act, json_t **ret)
{
	struct client_answer answer;
	struct err err = ERR_NONE;
	int status = EXIT_DONE;

	if (!client_call(client, &act->request, &answer, &err))
		return command_fail(&err);
	if (client_answer_good(&answer, &err))
		*ret = json_incref(answer.json);
	else
		status = command_fail(&err);
	client_answer_finish(&answer);
	return status;
}

/* By the daemon where there is a client, else by the larder. */
static int
do_each(struct client *client, struct larder *larder, const struct acts *acts)
{
	int status = EXIT_DONE;

	for (size_t i = 0; i < acts->count; i++) {
		const struct act *act = &acts->items[i];
		json_t *answer = NULL;
		struct err err = ERR_NONE;
		int done = EXIT_DONE;

		if (client != NULL)
			done = act_by_daemon(client, act, &answer);
		else if (!act->act(larder, act->argument, &answer, &err))
			done = command_fail(&err);
		if (done == EXIT_DONE)
			acts->shown(acts->context, answer);
		json_decref(answer);
		status = command_worse(status, done);
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
	status = do_each(NULL, &larder, acts);
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
		signals_release(); /* whoever does not want to wait need not */
		status = do_each(client, NULL, acts);
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
