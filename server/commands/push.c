/*
 * `larder push`: local archives to another larder. Files are hashed here, the other side is asked in batches what it
 * lacks, and only that is sent, several at once. Nothing is kept between runs: what arrived is not asked
 * for again. Main thread.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/commands/carrier.h"
#include "server/commands/command.h"
#include "server/commands/push_report.h"
#include "server/commands/push_token.h"
#include "server/jobs/json.h"
#include "storage/base/clock.h"
#include "storage/base/table.h"
#include "storage/base/text.h"

#define BATCH_MAX   500 /* files the other side is asked about at once */
#define ASK_TRIES   5
#define ASK_TICK_MS 100 /* how long a signal may go unnoticed */

/* A file that the other side is asked about. */
struct offer {
	struct gift gift;
	enum offer_state state;
};

/* An archive that was offered before, maybe under another path. */
struct offered {
	uint8_t sha256[32];
	UT_hash_handle hh;
};

struct pushing {
	struct giving giving;
	struct client *client; /* uploads */
	struct client *asker;  /* questions, beside them */
	struct carrier *carrier;
	bool only_wanted, with_token;
	struct offer batch[BATCH_MAX];
	size_t n_batch;
	struct offered *offered;
};

/* --- asking --- */

/* Nothing more is of use: says why, and the rest is left. */
static void
give_up(struct pushing *pushing, const struct err *err)
{
	progress_clear(&pushing->giving.progress);
	command_say("%s", err->text);
	pushing->giving.stopped = true;
	pushing->giving.status = EXIT_FAILED;
}

/* False: a signal came first. */
static bool
ask_once(struct pushing *pushing, const struct client_request *request, struct client_answer *ret)
{
	client_send(pushing->asker, request);
	while (!client_next(pushing->asker, ASK_TICK_MS, ret)) {
		if (giving_is_stopped(&pushing->giving))
			return false;
		progress_tick(&pushing->giving.progress);
	}
	return true;
}

/* The JSON of the answer, the caller's. NULL with err, or ERR_CANCELLED. */
static json_t *
ask(struct pushing *pushing, const struct client_request *request, struct err *err)
{
	for (int64_t pause_ms = 500, tries = 1;; pause_ms *= 2, tries++) {
		struct client_answer answer;
		json_t *json = NULL;

		*err = ERR_NONE;
		if (!ask_once(pushing, request, &answer)) {
			err_set(err, ERR_CANCELLED, "interrupted");
			return NULL;
		}
		if (client_answer_good(&answer, err)) {
			json = json_incref(answer.json);
			if (json == NULL)
				err_set(err, ERR_IO, "%s did not answer with JSON",
				        client_name(pushing->client));
		} else if (answer.err.code == ERR_OK) {
			err_wrap(err, "%.100s", client_name(pushing->client));
		}
		client_answer_finish(&answer);
		if (err->code != ERR_OVERLOADED || tries == ASK_TRIES)
			return json;
		giving_pause(&pushing->giving, pause_ms);
	}
}

/* {"digests": [["sha256:…", "md5:…", …], …]} of the batch. */
static char *
question(const struct pushing *pushing)
{
	json_t *list = json_array(), *json = json_pack("{s:o}", "digests", list);
	char *text;

	for (size_t i = 0; i < pushing->n_batch; i++) {
		json_t *set = json_array();

		for (int algo = DIGEST_ALGOS - 1; algo >= 0; algo--) {
			char name[DIGEST_TEXT_MAX];
			struct digest digest;

			if (!digests_get(&pushing->batch[i].gift.digests, (enum digest_algo)algo, &digest))
				continue;
			digest_text(&digest, name);
			json_array_append_new(set, json_string(name));
		}
		json_array_append_new(list, set);
	}
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

/* Marks what the other side lacks. It may name what it was not asked about. */
static void
mark_offer(void *context, const uint8_t sha256[32], enum offer_state state)
{
	struct pushing *pushing = context;

	for (size_t i = 0; i < pushing->n_batch; i++) {
		if (memcmp(pushing->batch[i].gift.digests.sha256, sha256,
		            sizeof pushing->batch[i].gift.digests.sha256) != 0)
			continue;
		pushing->batch[i].state = state;
		return;
	}
}

static bool
read_report(struct pushing *pushing, const json_t *report, struct err *err)
{
	return push_report_read(report, mark_offer, pushing) ||
	       err_set(err, ERR_IO, "%s did not say what it lacks; is it of another version?",
	               client_name(pushing->client));
}

static bool
ask_about_batch(struct pushing *pushing, struct err *err)
{
	AUTO_FREE char *body = question(pushing);
	struct client_request request = {.method = "POST",
	        .path = "/api/v1/check",
	        .content_type = "application/json",
	        .body = body,
	        .body_length = strlen(body),
	        .body_fd = -1};
	json_t *report = ask(pushing, &request, err);
	bool read = report != NULL && read_report(pushing, report, err);

	json_decref(report);
	if (err->code == ERR_UNAUTHORIZED && !pushing->with_token)
		err_set(err, ERR_UNAUTHORIZED, "%.150s wants a token: --token-file FILE or LARDER_TOKEN",
		        client_name(pushing->client));
	return read;
}

/* --- sending --- */

static void
take_delivery(void *context, const struct delivery *delivery)
{
	struct pushing *pushing = context;
	struct giving *giving = &pushing->giving;

	switch (delivery->end) {
	case GIFT_STORED:
	case GIFT_KNOWN:
		giving_acknowledge(giving, &delivery->gift, delivery->end);
		return;
	case GIFT_REFUSED:
		if (delivery->err.code == ERR_CANCELLED)
			return;
		giving_refuse(giving, delivery->gift.path, &delivery->err);
		progress_step(&giving->progress, delivery->gift.size_bytes);
		if (delivery->err.code == ERR_FORBIDDEN && pushing->with_token && !giving->stopped)
			give_up(pushing, &delivery->err); /* the token may not, whatever the file */
		return;
	}
}

/* Takes the gift. */
static void
send_offer(struct pushing *pushing, struct gift *gift)
{
	struct err err = ERR_NONE;
	AUTO_FD fd = open(gift->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		err_errno(&err, "cannot be read");
		giving_refuse(&pushing->giving, gift->path, &err);
		gift_finish(gift);
		return;
	}
	pushing->carrier->send(pushing->carrier, gift, take_fd(&fd));
	carrier_drain(pushing->carrier, pushing->carrier->window - 1, take_delivery, pushing);
}

/* What somebody there removed is not brought back by a tree that still has it: a cron line would do so every night. */
static bool
is_to_be_sent(const struct pushing *pushing, const struct offer *offer)
{
	return offer->state == OFFER_NAMED || (offer->state == OFFER_UNNAMED && !pushing->only_wanted);
}

/* It is neither there nor sent. */
static void
pass_over(struct giving *giving, const struct offer *offer)
{
	if (offer->state == OFFER_REMOVED)
		giving->removed++;
	else
		giving->not_wanted++;
	progress_step(&giving->progress, offer->gift.size_bytes);
}

static void
decide(struct pushing *pushing, struct offer *offer)
{
	struct giving *giving = &pushing->giving;

	if (is_to_be_sent(pushing, offer) && !giving_is_stopped(giving)) {
		send_offer(pushing, &offer->gift);
		return;
	}
	if (offer->state == OFFER_STORED)
		giving_acknowledge(giving, &offer->gift, GIFT_KNOWN);
	else if (!is_to_be_sent(pushing, offer))
		pass_over(giving, offer);
	gift_finish(&offer->gift);
}

static void
push_batch(struct pushing *pushing)
{
	struct err err = ERR_NONE;
	bool asked = pushing->n_batch > 0 && !giving_is_stopped(&pushing->giving) &&
	             ask_about_batch(pushing, &err);

	if (!asked && err.code != ERR_OK && err.code != ERR_CANCELLED)
		give_up(pushing, &err);
	for (size_t i = 0; i < pushing->n_batch; i++)
		if (asked)
			decide(pushing, &pushing->batch[i]);
		else
			gift_finish(&pushing->batch[i].gift);
	pushing->n_batch = 0;
}

/* --- collecting --- */

/* The same bytes once more. */
static bool
was_offered(struct pushing *pushing, const struct gift *gift)
{
	struct offered *offered;

	HASH_FIND(hh, pushing->offered, gift->digests.sha256, sizeof gift->digests.sha256, offered);
	if (offered != NULL)
		return true;
	offered = xcalloc(1, sizeof *offered);
	memcpy(offered->sha256, gift->digests.sha256, sizeof offered->sha256);
	HASH_ADD(hh, pushing->offered, sha256, sizeof offered->sha256, offered);
	return false;
}

static void
offer_file(void *context, const char *path, int fd, uint64_t size_bytes)
{
	struct pushing *pushing = context;
	struct gift gift;
	struct err err = ERR_NONE;
	AUTO_FD file = fd;

	(void)size_bytes;
	if (!giving_hash(&pushing->giving, path, file, &gift, &err)) {
		if (err.code != ERR_CANCELLED)
			giving_refuse(&pushing->giving, path, &err);
		gift_finish(&gift);
		return;
	}
	if (was_offered(pushing, &gift)) {
		gift_finish(&gift);
		return;
	}
	pushing->batch[pushing->n_batch++] = (struct offer){.gift = gift};
	if (pushing->n_batch == BATCH_MAX)
		push_batch(pushing);
}

static void
push_all(struct pushing *pushing)
{
	struct offered *offered, *next;

	pushing->carrier = carrier_to_larder(&pushing->giving, pushing->client);
	giving_walk(&pushing->giving, offer_file, pushing);
	push_batch(pushing);
	carrier_drain(pushing->carrier, 0, take_delivery, pushing);
	pushing->carrier->close(pushing->carrier);
	progress_clear(&pushing->giving.progress);
	HASH_ITER (hh, pushing->offered, offered, next) {
		HASH_DEL(pushing->offered, offered);
		free(offered);
	}
}

/* --- the end --- */

static void
print_summary(const struct giving *giving)
{
	char bytes[TEXT_SIZE_MAX];
	AUTO_TEXT tables = TEXT_EMPTY;

	left_behind_table(&giving->refused, "refused", &tables);
	left_behind_table(&giving->passed, "passed over", &tables);
	text_size(giving->stored_bytes, bytes);
	printf("%s%" PRIu64 " new (%s), %" PRIu64 " already there, %zu refused", text_string(&tables),
	        giving->stored, bytes, giving->known, giving->refused.count);
	if (giving->passed.count > 0)
		printf(", %zu passed over", giving->passed.count);
	if (giving->not_wanted > 0)
		printf(", %" PRIu64 " not wanted", giving->not_wanted);
	if (giving->removed > 0)
		printf(", %" PRIu64
		       " removed there (only `larder add` or an upload of the single file brings "
		       "them back)",
		        giving->removed);
	putchar('\n');
	fflush(stdout);
}

/* Before anything is hashed: that somebody is there who understands. */
static bool
is_larder(struct pushing *pushing, struct err *err)
{
	struct client_request request = {.method = "GET", .path = "/version", .body_fd = -1};
	struct client_answer answer;
	const char *name;
	bool is = false;

	if (!ask_once(pushing, &request, &answer))
		return err_set(err, ERR_CANCELLED, "interrupted");
	name = json_string_value(json_object_get(answer.json, "name"));
	if (answer.err.code != ERR_OK)
		*err = answer.err;
	else if (answer.status == 503)
		is = client_answer_good(&answer, err);
	else if (answer.status != 200 || name == NULL || strcmp(name, "larder") != 0)
		err_set(err, ERR_IO, "%.150s is not a larder (it answered %d to /version)",
		        client_name(pushing->client), answer.status);
	else
		is = true;
	client_answer_finish(&answer);
	return is;
}

static bool
connect_clients(struct pushing *pushing, const struct invocation *invocation, struct err *err)
{
	AUTO_FREE char *token = NULL;
	struct client_target target = {.url = invocation->arguments[0],
	        .ca_file = invocation->config->fetch.ca_file,
	        .user_agent = invocation->config->fetch.user_agent};

	if (!push_token(invocation, &token, err))
		return false;
	target.token = token;
	pushing->with_token = token != NULL;
	pushing->client = client_create(&target, err);
	if (pushing->client == NULL)
		return false;
	pushing->asker = client_create(&target, err);
	if (pushing->asker == NULL)
		return false;
	if (pushing->with_token && client_is_overheard(pushing->client))
		command_say("the token travels unencrypted to %s; https:// would hide it",
		        client_name(pushing->client));
	return is_larder(pushing, err);
}

static int
push(struct pushing *pushing, const struct invocation *invocation)
{
	struct giving *giving = &pushing->giving;
	struct err err = ERR_NONE;

	if (!connect_clients(pushing, invocation, &err))
		return command_fail(&err);
	/* Who has no token can only donate, and that is what is wanted. */
	pushing->only_wanted = invocation_has(invocation, FLAG_WANTED) || !pushing->with_token;
	push_all(pushing);
	if (giving->archives == NULL)
		print_summary(giving);
	if (giving->stopped)
		command_say("stopped before the end: what is listed as stored is safe there; running it "
		            "again goes on");
	if (giving->archives != NULL)
		json_print(giving_json(giving));
	return giving->status;
}

static int
run(const struct invocation *invocation)
{
	struct pushing *pushing = xcalloc(1, sizeof *pushing); /* large: the batch */
	int status;

	giving_begin(&pushing->giving, invocation);
	pushing->giving.paths++;
	pushing->giving.n_paths--;
	pushing->giving.lines = LINES_OF_STORED;
	status = push(pushing, invocation);
	giving_finish(&pushing->giving);
	client_destroy(pushing->client);
	client_destroy(pushing->asker);
	free(pushing);
	return status;
}

const struct command command_push = {
        .name = "push",
        .arguments = "URL PATH...",
        .summary = "upload local archives to another larder",
        .help = "Hashes files, and all files below directories, asks the larder at URL which of them it "
                "lacks,\n"
                "and uploads those. Of a directory laid out as opam's download cache or by `opam admin "
                "cache`\n"
                "only the archives are taken. A line `stored sha256:<hex> PATH` is printed once an archive "
                "would\n"
                "survive a power cut there; at the end stands what was refused, what was passed over\n"
                "(sockets, devices, links to directories) and why. Running it again sends nothing that is\n"
                "there; what was removed there stays removed. --wanted: only what the catalog\n"
                "there names and the store there lacks. The token comes from --token-file or the variable\n"
                "LARDER_TOKEN; without one only what is wanted is offered, as a donation. Needs no store.\n"
                "Exit status 1 when something was refused, 3 when it did not come to the end.\n",
        .flags = FLAG_JSON | FLAG_WANTED | FLAG_TOKEN_FILE,
        .min_arguments = 2,
        .max_arguments = ARGUMENTS_ANY,
        .run = run,
};
