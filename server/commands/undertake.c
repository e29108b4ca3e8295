/*
 * Work, done by the daemon as a job or by a larder of the command's own. Either way the same function does it
 * and the same events come back; a person sees no difference. Main thread.
 */
#include <inttypes.h>
#include <string.h>

#include "server/admin/auth.h"
#include "server/commands/daemon.h"
#include "server/commands/progress.h"
#include "server/signals.h"
#include "server/jobs/harvest_json.h"
#include "server/jobs/jobs.h"
#include "server/jobs/json.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"

#define POLL_FIRST_MS 5
#define POLL_LAST_MS  200

/* One undertaking on its way. */
struct undertaken {
	const struct invocation *invocation;
	const struct undertaking *wish;
	const struct work_kind *kind;
	struct progress progress;
	char verb[32];          /* of a job's progress */
	bool stopped;           /* by a signal */
	struct text path, body; /* of what the daemon is asked, which its client borrows */
};

static void
begin(struct undertaken *undertaken, const struct invocation *invocation, const struct undertaking *wish)
{
	*undertaken = (struct undertaken){
	        .invocation = invocation, .wish = wish, .kind = work_kind_find(wish->kind)};
	progress_begin(&undertaken->progress, progress_choose(invocation->flags), "", 0);
}

static void
show_event(struct undertaken *undertaken, const json_t *event)
{
	progress_clear(&undertaken->progress);
	if (undertaken->wish->show != NULL)
		undertaken->wish->show(undertaken->wish->context, event);
}

/* The verb must live on. */
static void
show_progress(struct progress *progress, const char *verb, uint64_t done, uint64_t total)
{
	progress->verb = verb;
	progress->done = done;
	progress->total = total;
	if (verb[0] != '\0')
		progress_tick(progress);
}

/* --- what is done, for the audit --- */

static void
add_part(struct text *text, const char *part)
{
	if (part[0] != '\0')
		text_addf(text, "%s%s", text->length > 0 ? ", " : "", part);
}

/* "a.list", "rosa.0.2.0, sha256:…", "the whole catalog", "the store". */
static void
describe(const struct undertaking *wish, struct text *ret)
{
	const json_t *name;
	size_t i;

	add_part(ret, json_text_of(wish->asked, "source"));
	add_part(ret, json_text_of(wish->asked, "name"));
	json_array_foreach (json_object_get(wish->asked, "names"), i, name) {
		add_part(ret, json_string_value(name));
	}
	if (json_flag_of(wish->asked, "all"))
		add_part(ret, "the whole catalog");
	if (ret->length == 0)
		add_part(ret, "the store");
}

/* --- alone --- */

static void
tell(struct work *work, json_t *event)
{
	show_event(work->context, event);
	json_decref(event);
}

static void
note_progress(struct work *work, const char *verb, uint64_t done, uint64_t total, uint64_t bytes)
{
	struct undertaken *undertaken = work->context;

	undertaken->progress.bytes = bytes;
	show_progress(&undertaken->progress, verb, done, total);
}

static bool
is_stopped(struct work *work)
{
	struct undertaken *undertaken = work->context;

	if (undertaken->stopped || signals_poll() != SIGNALS_STOP)
		return undertaken->stopped;
	undertaken->stopped = true;
	progress_clear(&undertaken->progress);
	command_say("stopping; another signal ends it at once");
	signals_release();
	return true;
}

static const char *
word_of(const json_t *result)
{
	if (result == NULL || json_object_get(result, "error") != NULL)
		return "failed";
	return json_flag_of(result, "stopped") ? "stopped" : "done";
}

/* result NULL: err says why. */
static void
note(struct undertaken *undertaken, struct larder *larder, const json_t *result, const struct err *err)
{
	AUTO_TEXT subject = TEXT_EMPTY;
	struct audit audit = {.what = undertaken->wish->kind,
	        .result = word_of(result),
	        .detail = result != NULL ? json_text_of(result, "error") : err->text};
	struct caller caller;

	describe(undertaken->wish, &subject);
	audit.subject = text_string(&subject);
	caller_of_process(&caller);
	audit_note(larder, &caller, &audit);
}

static int
do_alone(struct undertaken *undertaken, json_t **ret)
{
	struct larder larder;
	struct work work = {.larder = &larder,
	        .asked = undertaken->wish->asked,
	        .harvest = undertaken->wish->harvest,
	        .body_fd = -1,
	        .tell = tell,
	        .progress = note_progress,
	        .is_stopped = is_stopped,
	        .context = undertaken};
	struct err err = ERR_NONE;
	int status;

	if (strcmp(undertaken->wish->kind, "import") == 0)
		signals_release(); /* a source is learned whole or not at all: there is nothing to finish */
	status = command_start(undertaken->invocation, undertaken->kind->parts, &larder);
	if (status != EXIT_DONE)
		return status;
	*ret = undertaken->kind->run(&work, &err);
	progress_clear(&undertaken->progress);
	note(undertaken, &larder, *ret, &err);
	status = *ret != NULL ? undertaken->kind->exit_status(*ret) : command_fail(&err);
	larder_stop(&larder, 0);
	return status;
}

/* --- by the daemon --- */

/* A job that is waited for. */
struct waiting {
	json_int_t id, since; /* since: the number of the next event */
	json_t **ret_result;
};

/* ?name=, for messages and the audit: what the API takes as one. */
static void
add_name(struct text *path, const struct undertaking *wish)
{
	AUTO_TEXT name = TEXT_EMPTY;

	describe(wish, &name);
	if (name.length > JOB_NAME_MAX) {
		name.length = JOB_NAME_MAX;
		while ((name.bytes[name.length] & 0xc0) == 0x80) /* not in the middle of a character */
			name.length--;
		name.bytes[name.length] = '\0';
	}
	for (size_t i = 0; i < name.length; i++)
		if ((uint8_t)name.bytes[i] < ' ' || name.bytes[i] == 0x7f)
			name.bytes[i] = '?';
	text_add(path, "?name=");
	text_add_percent(path, text_string(&name));
}

/* Valid as long as undertaken is. */
static struct client_request
order_for(struct undertaken *undertaken)
{
	const struct undertaking *wish = undertaken->wish;
	struct text *path = &undertaken->path, *body = &undertaken->body;
	struct client_request request = {.method = "POST", .content_type = "application/json", .body_fd = -1};

	if (strcmp(wish->kind, "verify") == 0) {
		text_addf(
		        path, "/api/v1/verify?repair=%s", json_flag_of(wish->asked, "repair") ? "yes" : "no");
		request.path = text_string(path);
		return request;
	}
	text_add(path, strcmp(wish->kind, "import") == 0 ? "/api/v1/catalog" : "/api/v1/fetch");
	add_name(path, wish);
	if (wish->harvest != NULL) {
		harvest_json_add(body, wish->harvest, wish->asked);
	} else {
		AUTO_FREE char *asked = json_dumps(wish->asked, JSON_COMPACT);

		text_add(body, asked);
	}
	request.path = text_string(path);
	request.body = text_string(body);
	request.body_length = body->length;
	return request;
}

static int
say_stopped(struct undertaken *undertaken, json_int_t id)
{
	progress_clear(&undertaken->progress);
	command_say("stopped waiting; job %" JSON_INTEGER_FORMAT
	            " goes on in the daemon. To end it: curl --unix-socket %s/control.sock -X DELETE "
	            "http://localhost/api/v1/jobs/%" JSON_INTEGER_FORMAT,
	        id, undertaken->invocation->config->store, id);
	return EXIT_FAILED;
}

static json_int_t
id_of(const struct client_answer *answer, int *ret_status)
{
	struct err err = ERR_NONE;
	json_int_t id = 0;

	if (!client_answer_good(answer, &err)) {
		*ret_status = command_fail(&err);
		return 0;
	}
	id = json_integer_value(json_object_get(answer->json, "id"));
	if (id == 0)
		command_say("the daemon gave the job no number; is it of another version?");
	return id;
}

/* The number of the new job; 0: there is none to wait for, and ret_status is the command's. */
static json_int_t
hire(struct undertaken *undertaken, struct client *client, int *ret_status)
{
	struct client_request request = order_for(undertaken);
	struct client_answer answer;
	enum daemon_heard heard = daemon_ask(client, &request, &answer);
	json_int_t id;

	*ret_status = EXIT_FAILED;
	if (heard == HEARD_SIGNAL && !daemon_hear_out(client, &answer)) {
		command_say("stopped before the daemon had answered; whether it does it all the same, curl "
		            "--unix-socket %s/control.sock http://localhost/api/v1/jobs tells",
		        undertaken->invocation->config->store);
		return 0;
	}
	id = id_of(&answer, ret_status);
	client_answer_finish(&answer);
	if (heard != HEARD_SIGNAL || id == 0)
		return id;
	*ret_status = say_stopped(undertaken, id);
	return 0;
}

/* What the job has told since the last time; true: it has ended and all of it was told. */
static bool
hear(struct undertaken *undertaken, const json_t *told)
{
	const json_t *progress = json_object_get(told, "progress"), *events = json_object_get(told, "events");
	const char *state = json_string_value(json_object_get(told, "state")),
	           *verb = json_string_value(json_object_get(progress, "verb"));
	json_int_t done = json_integer_value(json_object_get(progress, "done")),
	           total = json_integer_value(json_object_get(progress, "total"));
	const json_t *event;
	size_t i;

	json_array_foreach (events, i, event)
		show_event(undertaken, event);
	snprintf(undertaken->verb, sizeof undertaken->verb, "%s", verb != NULL ? verb : "");
	undertaken->progress.bytes = (uint64_t)json_integer_value(json_object_get(progress, "bytes"));
	show_progress(&undertaken->progress, undertaken->verb, (uint64_t)done, (uint64_t)total);
	return state != NULL && strcmp(state, "waiting") != 0 && strcmp(state, "running") != 0 &&
	       json_array_size(events) < JOBS_EVENTS_TOLD;
}

static int
say_gone(struct undertaken *undertaken, json_int_t id)
{
	progress_clear(&undertaken->progress);
	command_say("the daemon is gone; job %" JSON_INTEGER_FORMAT " goes on when it is started again", id);
	return EXIT_FAILED;
}

/* The job has ended. */
static int
conclude(struct undertaken *undertaken, json_int_t id, const json_t *told, json_t **ret)
{
	const char *state = json_string_value(json_object_get(told, "state")),
	           *error = json_string_value(json_object_get(told, "error"));
	json_t *result = json_object_get(told, "result");

	progress_clear(&undertaken->progress);
	if (state != NULL && strcmp(state, "cancelled") == 0)
		command_say("job %" JSON_INTEGER_FORMAT " was cancelled", id);
	if (json_is_object(result)) {
		*ret = json_incref(result);
		return undertaken->kind->exit_status(result);
	}
	if (error != NULL)
		command_say("%s", error);
	return json_is_integer(json_object_get(told, "exit_status"))
	               ? (int)json_integer_value(json_object_get(told, "exit_status"))
	               : EXIT_FAILED;
}

/* One look at the job. False: it is over, or nothing can be learned of it any more; ret_status says how. */
static bool
look(struct undertaken *undertaken, struct client *client, struct waiting *waiting, int *ret_status)
{
	AUTO_TEXT path = TEXT_EMPTY;
	struct client_request request = {.method = "GET", .body_fd = -1};
	struct client_answer answer;
	struct err err = ERR_NONE;
	bool more = false;

	text_addf(&path, "/api/v1/jobs/%" JSON_INTEGER_FORMAT "?since=%" JSON_INTEGER_FORMAT, waiting->id,
	        waiting->since);
	request.path = text_string(&path);
	if (daemon_ask(client, &request, &answer) == HEARD_SIGNAL) {
		*ret_status = say_stopped(undertaken, waiting->id);
		return false;
	}
	if (client_answer_good(&answer, &err)) {
		waiting->since = json_integer_value(json_object_get(answer.json, "next"));
		more = !hear(undertaken, answer.json);
		if (!more)
			*ret_status = conclude(undertaken, waiting->id, answer.json, waiting->ret_result);
	} else if (answer.err.code != ERR_OK) {
		*ret_status = say_gone(undertaken, waiting->id);
	} else {
		more = err.code == ERR_OVERLOADED; /* asked again later */
		if (!more)
			*ret_status = command_fail(&err);
	}
	client_answer_finish(&answer);
	return more;
}

/* Asks the daemon again and again how far the job is. */
static int
wait_for(struct undertaken *undertaken, struct client *client, struct waiting *waiting)
{
	int64_t pause_ms = POLL_FIRST_MS;
	int status;

	while (look(undertaken, client, waiting, &status)) {
		if (signals_wait(pause_ms) == SIGNALS_STOP)
			return say_stopped(undertaken, waiting->id);
		pause_ms = pause_ms * 2 < POLL_LAST_MS ? pause_ms * 2 : POLL_LAST_MS;
	}
	return status;
}

static int
do_by_daemon(struct undertaken *undertaken, struct client *client, json_t **ret)
{
	int status;
	json_int_t id = hire(undertaken, client, &status);

	if (id != 0)
		status = wait_for(undertaken, client, &(struct waiting){.id = id, .ret_result = ret});
	client_destroy(client);
	text_finish(&undertaken->path);
	text_finish(&undertaken->body);
	return status;
}

int
undertake(const struct invocation *invocation, const struct undertaking *wish, json_t **ret)
{
	struct undertaken undertaken;
	struct client *client;
	struct err err = ERR_NONE;

	*ret = NULL;
	begin(&undertaken, invocation, wish);
	switch (daemon_find(invocation->config, &client, &err)) {
	case DAEMON_THERE:
		return do_by_daemon(&undertaken, client, ret);
	case DAEMON_NONE:
		return do_alone(&undertaken, ret);
	case DAEMON_FAILED:
		break;
	}
	return command_fail(&err);
}
