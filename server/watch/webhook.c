/*
 * Tells receivers of events. One thread for all of them: a receiver that does not answer costs the others POST_TIMEOUT_MS now and
 * then. Must never: send an event before the one before it was delivered or given up; put a secret anywhere but into the signature.
 */
#include "server/watch/webhook.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "server/admin/metrics.h"
#include "server/config.h"
#include "server/upstream/post.h"
#include "server/jobs/json.h"
#include "storage/base/bell.h"
#include "storage/base/clock.h"
#include "storage/base/file.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/index/event_rows.h"
#include "storage/index/receiver_rows.h"
#include "storage/store.h"

#define LOOK_MS 60000 /* how often it looks without being woken */

struct receiver {
	const struct config_webhook *config;
	struct text secret; /* empty: what is sent is not signed */
	struct receiver_row row;
	unsigned failures; /* of the event that is its turn, since the start */
	int64_t again_ms;  /* not before, by clock_ms */
};

struct webhooks {
	struct larder *larder;
	struct policy *policy;
	struct receiver *receivers;
	size_t count;
	pthread_t thread;
	struct bell bell;
};

static void *run(void *context);

/* --- beginning and end --- */

static bool
read_secret(struct receiver *receiver, struct err *err)
{
	const char *path = receiver->config->secret_file;
	struct text *secret = &receiver->secret;

	if (path[0] == '\0')
		return true;
	if (!file_read_path(path, WEBHOOK_SECRET_MAX, secret, err)) {
		err->code = ERR_CONFIG;
		return err_wrap(err, "secret_file");
	}
	while (secret->length > 0 && strchr("\r\n", secret->bytes[secret->length - 1]) != NULL)
		secret->bytes[--secret->length] = '\0';
	if (secret->length > 0)
		return true;
	return err_set(err, ERR_CONFIG, "secret_file %s is empty", path);
}

static bool
check_url(const struct config *config, const struct config_webhook *webhook, struct err *err)
{
	struct policy *policy = policy_create(&config->fetch, err);
	enum policy_answer answer;
	struct place place;

	if (policy == NULL)
		return false;
	answer = policy_url(policy, webhook->url, &place);
	policy_destroy(policy);
	return answer == POLICY_ALLOWED ||
	       err_set(err, ERR_CONFIG, "url: %s%s%s", place.host, place.host[0] != '\0' ? ": " : "",
	               policy_answer_text(answer));
}

static bool
check(const struct config *config, const struct config_webhook *webhook, struct err *err)
{
	struct receiver receiver = {.config = webhook};
	bool right = check_url(config, webhook, err) && read_secret(&receiver, err);

	text_finish(&receiver.secret);
	if (right)
		return true;
	err_wrap(err, "webhook \"%s\"", webhook->name);
	if (webhook->line > 0 && config->path != NULL)
		return err_wrap(err, "%s:%d", config->path, webhook->line);
	return false;
}

bool
webhooks_check(const struct config *config, struct err *err)
{
	for (size_t i = 0; i < config->n_webhooks; i++)
		if (!check(config, &config->webhooks[i], err))
			return false;
	return true;
}

/*
 * A full disk keeps no daemon from starting: who is to be forgotten is at the next start, the place of who is new is noted with the first
 * event that it takes.
 */
static bool
written_or_full(bool written, struct err *err)
{
	if (written || err->code != ERR_NO_SPACE)
		return written;
	*err = ERR_NONE;
	return true;
}

/* So that one that comes back is not told what happened in between, as if it had been there. */
static bool
forget_others(struct webhooks *webhooks, struct err *err)
{
	const struct config *config = webhooks->larder->config;
	AUTO_FREE const char **names = xcalloc(config->n_webhooks + 1, sizeof *names);

	for (size_t i = 0; i < config->n_webhooks; i++)
		names[i] = config->webhooks[i].name;
	return written_or_full(
	        receiver_rows_keep(store_index(webhooks->larder->store), names, config->n_webhooks, err),
	        err);
}

/* A receiver that is new is told what happens from now on. */
static bool
find_place(struct webhooks *webhooks, struct receiver *receiver, struct err *err)
{
	struct index *index = store_index(webhooks->larder->store);
	const char *name = receiver->config->name;

	switch (receiver_row_find(index, name, &receiver->row, err)) {
	case ROW_FOUND:
		return true;
	case ROW_NONE:
		receiver->row = (struct receiver_row){0};
		return event_rows_told(index, &receiver->row.told, err) &&
		       written_or_full(receiver_row_set(index, name, &receiver->row, err), err);
	case ROW_FAILED:
		break;
	}
	return false;
}

static bool
set_up(struct webhooks *webhooks, struct err *err)
{
	const struct config *config = webhooks->larder->config;

	if (!webhooks_check(config, err) || !forget_others(webhooks, err))
		return false;
	webhooks->count = config->n_webhooks;
	webhooks->receivers = xcalloc(webhooks->count, sizeof *webhooks->receivers);
	for (size_t i = 0; i < webhooks->count; i++) {
		webhooks->receivers[i].config = &config->webhooks[i];
		if (!read_secret(&webhooks->receivers[i], err) ||
		        !find_place(webhooks, &webhooks->receivers[i], err))
			return false;
	}
	webhooks->policy = policy_create(&config->fetch, err);
	return webhooks->policy != NULL;
}

static void
free_parts(struct webhooks *webhooks)
{
	for (size_t i = 0; i < webhooks->count; i++)
		text_finish(&webhooks->receivers[i].secret);
	free(webhooks->receivers);
	policy_destroy(webhooks->policy);
	bell_finish(&webhooks->bell);
	free(webhooks);
}

struct webhooks *
webhooks_start(struct larder *larder, struct err *err)
{
	struct webhooks *webhooks = xcalloc(1, sizeof *webhooks);
	int failed;

	webhooks->larder = larder;
	bell_init(&webhooks->bell);
	if (!set_up(webhooks, err)) {
		free_parts(webhooks);
		return NULL;
	}
	if (webhooks->count == 0)
		return webhooks;
	failed = pthread_create(&webhooks->thread, NULL, run, webhooks);
	if (failed == 0) {
		pthread_setname_np(webhooks->thread, "webhooks");
		return webhooks;
	}
	err_set(err, ERR_IO, "the thread that tells receivers of events cannot be started: %s",
	        strerror(failed));
	free_parts(webhooks);
	return NULL;
}

void
webhooks_stop(struct webhooks *webhooks)
{
	if (webhooks == NULL)
		return;
	bell_stop(&webhooks->bell);
	if (webhooks->count > 0)
		pthread_join(webhooks->thread, NULL);
	free_parts(webhooks);
}

void
webhooks_wake(struct webhooks *webhooks)
{
	if (webhooks != NULL)
		bell_ring(&webhooks->bell);
}

/* --- one event --- */

struct letter_out {
	int64_t id, telling;
	char *body; /* NULL: there is nothing to tell */
};

static void
write_body(void *context, const struct event_row *event)
{
	struct letter_out *letter = context;
	json_t *json = json_pack("{s:s, s:o}", "larder", LARDER_VERSION, "event", json_event(event));

	if (event->changed_at_ms > event->at_ms)
		json_object_set_new(json, "more", json_true());
	letter->id = event->id;
	letter->telling = event->telling;
	letter->body = json_dumps(json, JSON_COMPACT);
	json_decref(json);
}

static bool
is_stopped(void *context)
{
	struct webhooks *webhooks = context;

	return bell_is_stopped(&webhooks->bell);
}

static void
sign(const struct receiver *receiver, const char *body, struct text *ret)
{
	uint8_t value[32];
	char hex[2 * sizeof value + 1];

	digest_hmac(receiver->secret.bytes, receiver->secret.length, body, strlen(body), value);
	text_hex(value, sizeof value, hex);
	text_addf(ret, "Larder-Signature: sha256=%s", hex);
}

static void
send_letter(struct webhooks *webhooks, const struct receiver *receiver, const struct letter_out *letter,
        struct post_answer *ret)
{
	AUTO_TEXT number = TEXT_EMPTY, signature = TEXT_EMPTY;
	const char *fields[] = {"Content-Type: application/json", NULL, NULL, NULL};
	const struct post post = {.url = receiver->config->url,
	        .fields = fields,
	        .body = letter->body,
	        .length = strlen(letter->body)};

	text_addf(&number, "Larder-Event: %" PRId64, letter->id);
	fields[1] = text_string(&number);
	if (receiver->secret.length > 0) {
		sign(receiver, letter->body, &signature);
		fields[2] = text_string(&signature);
	}
	post_send(&webhooks->larder->config->fetch, webhooks->policy, &post, is_stopped, webhooks, ret);
}

/* This event is through, one way or the other. False: that cannot be remembered, and so it is tried again. */
static bool
go_on(struct webhooks *webhooks, struct receiver *receiver, const struct letter_out *letter)
{
	const struct receiver_row row = {.told = letter->telling};
	struct err err = ERR_NONE;

	if (!receiver_row_set(store_index(webhooks->larder->store), receiver->config->name, &row, &err)) {
		log_warning("webhook %s: that event %" PRId64
		            " was delivered cannot be remembered: %s; it may come twice",
		        receiver->config->name, letter->id, err.text);
		receiver->again_ms = clock_ms() + WEBHOOK_PAUSE_MAX_MS;
		return false;
	}
	receiver->row = row;
	receiver->failures = 0;
	receiver->again_ms = 0;
	return true;
}

static void
put_off(struct receiver *receiver, int64_t id, const char *detail)
{
	int64_t pause_ms = WEBHOOK_PAUSE_MS;

	for (unsigned i = 1; i < receiver->failures && pause_ms < WEBHOOK_PAUSE_MAX_MS; i++)
		pause_ms *= 2;
	if (pause_ms > WEBHOOK_PAUSE_MAX_MS)
		pause_ms = WEBHOOK_PAUSE_MAX_MS;
	receiver->again_ms = clock_ms() + pause_ms;
	if (receiver->failures == 1)
		log_warning("webhook %s did not take event %" PRId64
		            ": %s; it is tried again for a day and then given up, the others wait behind it",
		        receiver->config->name, id, detail);
}

/* When this event was tried first: over restarts, since a receiver that is away for long need not be waited for anew after each. */
static void
note_failure(struct webhooks *webhooks, struct receiver *receiver, int64_t now_ms)
{
	struct receiver_row row = receiver->row;
	struct err err = ERR_NONE;

	receiver->failures++;
	if (row.failing_since_ms != 0 && row.failing_since_ms <= now_ms)
		return;
	receiver->row.failing_since_ms = row.failing_since_ms = now_ms;
	if (!receiver_row_set(store_index(webhooks->larder->store), receiver->config->name, &row, &err))
		log_warning(
		        "webhook %s: since when it fails cannot be remembered: %s; after a restart its day "
		        "begins anew",
		        receiver->config->name, err.text);
}

/* True: the next event may go out. */
static bool
failed(struct webhooks *webhooks, struct receiver *receiver, const struct letter_out *letter,
        const char *detail)
{
	const int64_t now_ms = clock_wall_ms();

	metrics_add(webhooks->larder->metrics, METRIC_WEBHOOK_FAILURES, 1);
	note_failure(webhooks, receiver, now_ms);
	if (now_ms - receiver->row.failing_since_ms < WEBHOOK_PATIENCE_MS) {
		put_off(receiver, letter->id, detail);
		return false;
	}
	log_warning("webhook %s did not take event %" PRId64
	            " for a day: %s; it is given up, and the next one has its turn",
	        receiver->config->name, letter->id, detail);
	metrics_add(webhooks->larder->metrics, METRIC_WEBHOOK_GIVEN_UP, 1);
	return go_on(webhooks, receiver, letter);
}

static bool
delivered(struct webhooks *webhooks, struct receiver *receiver, const struct letter_out *letter)
{
	if (receiver->row.failing_since_ms != 0)
		log_info("webhook %s takes events again", receiver->config->name);
	metrics_add(webhooks->larder->metrics, METRIC_WEBHOOK_DELIVERED, 1);
	return go_on(webhooks, receiver, letter);
}

/* The event that is this receiver's turn. True: the one behind it may follow at once. */
static bool
tell_next(struct webhooks *webhooks, struct receiver *receiver)
{
	struct letter_out letter = {0};
	struct post_answer answer;
	struct err err = ERR_NONE;

	if (clock_ms() < receiver->again_ms || is_stopped(webhooks))
		return false;
	if (!event_row_to_tell(store_index(webhooks->larder->store), receiver->row.told,
	            receiver->config->level, write_body, &letter, &err)) {
		log_warning("webhook %s: events cannot be read: %s; tried again in a minute",
		        receiver->config->name, err.text);
		receiver->again_ms = clock_ms() + LOOK_MS;
	}
	if (letter.body == NULL)
		return false;
	send_letter(webhooks, receiver, &letter, &answer);
	free(letter.body);
	if (is_stopped(webhooks) && answer.status == 0)
		return false;
	if (answer.status >= 200 && answer.status < 300)
		return delivered(webhooks, receiver, &letter);
	return failed(webhooks, receiver, &letter, answer.detail);
}

/* --- the thread --- */

/* When the next of them is tried again; at the latest in LOOK_MS. */
static int64_t
next_look(const struct webhooks *webhooks)
{
	int64_t next_ms = clock_ms() + LOOK_MS;

	for (size_t i = 0; i < webhooks->count; i++)
		if (webhooks->receivers[i].again_ms != 0 && webhooks->receivers[i].again_ms < next_ms)
			next_ms = webhooks->receivers[i].again_ms;
	return next_ms;
}

static void *
run(void *context)
{
	struct webhooks *webhooks = context;

	while (!is_stopped(webhooks)) {
		for (size_t i = 0; i < webhooks->count; i++)
			while (tell_next(webhooks, &webhooks->receivers[i]))
				;
		(void)bell_wait(&webhooks->bell, next_look(webhooks));
	}
	return NULL;
}
