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

	signals_release(); /* whoever does not want to wait need not */
	if (!client_call(client, &act->request, &answer, &err))
		return command_fail(&err);
	if (client_answer_good(&answer, &err))
		*ret = json_incref(answer.json);
	else
		status = command_fail(&err);
	client_answer_finish(&answer);
	return status;
}

static int
act_alone(const struct invocation *invocation, const struct act *act, json_t **ret)
{
	struct larder larder;
	struct err err = ERR_NONE;
	int status = command_start(invocation, LARDER_STORE_WRITE, &larder);

	if (status != EXIT_DONE)
		return status;
	if (!act->act(&larder, act->argument, ret, &err))
		status = command_fail(&err);
	larder_stop(&larder, 0);
	return status;
}

int
act_do(const struct invocation *invocation, const struct act *act, json_t **ret)
{
	struct client *client;
	struct err err = ERR_NONE;
	int status;

	*ret = NULL;
	switch (daemon_find(invocation->config, &client, &err)) {
	case DAEMON_THERE:
		status = act_by_daemon(client, act, ret);
		client_destroy(client);
		return status;
	case DAEMON_NONE:
		return act_alone(invocation, act, ret);
	case DAEMON_FAILED:
		break;
	}
	return command_fail(&err);
}
