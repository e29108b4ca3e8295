/*
 * `larder serve`: the daemon. Starts the parts, says where it listens, then waits for signals on the main
 * thread until it is told to stop.
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/commands/command.h"
#include "server/config_changes.h"
#include "server/http/listener.h"
#include "server/http/sockets.h"
#include "server/signals.h"
#include "server/systemd.h"
#include "server/upstream/origins.h"
#include "server/watch/webhook.h"
#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/text.h"

#define GRACE_MS      (10 * 1000) /* for what is being sent when the daemon is told to stop … */
#define MEND_GRACE_MS 2000        /* … and when it starts anew, since those who come then wait */

#define LOOK_MS      1000  /* how often the main thread looks whether the index is whole */
#define GIVE_BACK_MS 60000 /* how often the system is given back what memory nobody uses */
#define ARENAS_MAX   4     /* of the allocator: each keeps what its threads once needed all at once */
#define MENDS_MAX    3     /* an index that is damaged again and again is a broken disk */

/* Why the daemon's parts are stopped. */
enum ending { ENDING_TOLD, ENDING_DAMAGED };

static void say_ready(const struct larder *larder);
static enum ending wait_for_end(const struct invocation *invocation, const struct larder *larder);
static void reload(const struct invocation *invocation);

/* From the start to an orderly end. Who connects between two of these waits to be accepted. */
static bool
serve_once(const struct invocation *invocation, struct sockets *sockets, enum ending *ret, struct err *err)
{
	struct larder larder;

	if (!larder_serve(&larder, invocation->config, sockets, err))
		return false;
	say_ready(&larder);
	systemd_ready();
	*ret = wait_for_end(invocation, &larder);
	switch (*ret) {
	case ENDING_TOLD:
		systemd_stopping();
		sockets_end(sockets);
		log_info("stopping: nothing new is taken; what is being sent has %d s to finish, another "
		         "signal ends "
		         "it at once",
		        GRACE_MS / 1000);
		signals_release();
		break;
	case ENDING_DAMAGED:
		log_error("the index is damaged; larder starts anew in place, and makes it again from the "
		          "archives");
		systemd_reloading();
		break;
	}
	larder_stop(&larder, *ret == ENDING_TOLD ? GRACE_MS : MEND_GRACE_MS);
	return true;
}

/* What is well written and of no use all the same. */
static bool
check(const struct config *config, struct err *err)
{
	return origins_check_mirrors(config, err) && webhooks_check(config, err);
}

/* Why it did not start: damage in the index that shows only when it is read. Closing has made a new one then. */
static bool
was_mended(struct err *err)
{
	if (err->code != ERR_CORRUPT)
		return false;
	log_error("%s; larder starts anew", err->text);
	*err = ERR_NONE;
	return true;
}

/* What it was told between two starts. */
static bool
heeds_stop(const struct invocation *invocation)
{
	switch (signals_poll()) {
	case SIGNALS_STOP:
		return true;
	case SIGNALS_RELOAD:
		reload(invocation);
		break;
	case SIGNALS_NONE:
		break;
	}
	return false;
}

/* Until it is told to stop. */
static bool
serve(const struct invocation *invocation, struct sockets *sockets, struct err *err)
{
	enum ending ending = ENDING_DAMAGED;

	for (int mends = 0; ending == ENDING_DAMAGED && mends <= MENDS_MAX; mends++) {
		if (!serve_once(invocation, sockets, &ending, err) && !was_mended(err))
			return false;
		if (ending == ENDING_DAMAGED && heeds_stop(invocation))
			return true;
	}
	if (ending == ENDING_DAMAGED)
		return err_set(err, ERR_CORRUPT, "the index was damaged %d times; look at the disk of %s",
		        MENDS_MAX + 1, invocation->config->store);
	return true;
}

static int
run(const struct invocation *invocation)
{
	struct sockets sockets = {0};
	struct err err = ERR_NONE;
	bool ok;

	if (!check(invocation->config, &err))
		return command_fail(&err);
	if (invocation_has(invocation, FLAG_CHECK_CONFIG)) {
		printf("%s: no mistakes\n",
		        invocation->config_path != NULL ? invocation->config_path : "embedded defaults");
		return EXIT_DONE;
	}
	mallopt(M_ARENA_MAX, ARENAS_MAX);
	ok = serve(invocation, &sockets, &err);
	sockets_close(&sockets);
	if (!ok)
		return command_fail(&err);
	log_info("stopped");
	return EXIT_DONE;
}

/* How a client is pointed here: the address first, since scripts wait for it. */
static void
say_addresses(const struct larder *larder)
{
	const char *first = listener_url(larder->listener, 0), *url;

	for (size_t i = 0; (url = listener_url(larder->listener, i)) != NULL; i++)
		printf("listening on %s\n", url);
	printf("opam 2.2 and later: opam option --global 'archive-mirrors=\"%s\"'\n", first);
	printf("opam 2.0 and 2.1:   add this line to ~/.opam/config, or to a repository's `repo` file:\n"
	       "                    archive-mirrors: \"%s\"\n",
	        first);
}

static void
say_ready(const struct larder *larder)
{
	const struct config *config = larder->config;
	struct store_figures figures;
	char bytes[TEXT_SIZE_MAX];

	store_figures(larder->store, &figures);
	text_size(figures.bytes, bytes);
	say_addresses(larder);
	printf("store %s: %" PRIu64 " archives, %s; %zu %s, %zu %s\n", config->store, figures.archives, bytes,
	        config->n_mirrors, config->n_mirrors == 1 ? "mirror" : "mirrors", config->n_catalogs,
	        config->n_catalogs == 1 ? "catalog" : "catalogs");
	fflush(stdout);
	log_info("larder " LARDER_VERSION " serves %s with the configuration %s", config->store,
	        config->path != NULL ? config->path : "that is built in");
}

/* SIGHUP: what can change without a restart changes, what cannot is named, and a mistake changes nothing. */
static void
reload(const struct invocation *invocation)
{
	struct err err = ERR_NONE;
	struct config *fresh =
	        config_load(invocation->config_path, invocation->overrides, invocation->n_overrides, &err);
	AUTO_TEXT changed = TEXT_EMPTY;

	if (fresh == NULL || !check(fresh, &err)) {
		log_error("%s; the configuration in use stays", err.text);
		config_destroy(fresh);
		return;
	}
	config_apply_changes(invocation->config, fresh, &changed);
	config_destroy(fresh);
	if (changed.length > 0)
		log_warning("configuration read again; needs a restart: %s", text_string(&changed));
	else
		log_info("configuration read again");
}

static bool
index_is_damaged(const struct larder *larder)
{
	struct store_figures figures;

	store_figures(larder->store, &figures);
	return figures.index_damaged;
}

/* What this thread does again and again. */
struct task {
	int64_t every_ms; /* 0: never */
	int64_t next_ms;  /* clock_ms */
};

static bool
is_due(struct task *task)
{
	if (task->every_ms == 0 || clock_ms() < task->next_ms)
		return false;
	task->next_ms = clock_ms() + task->every_ms;
	return true;
}

/* That this thread runs says nothing of those that answer: each of them has to. */
static void
tell_alive(struct task *watchdog, const struct larder *larder)
{
	if (!is_due(watchdog))
		return;
	if (listener_answers(larder->listener))
		systemd_alive();
	else
		log_warning(
		        "a worker has done nothing for %lld ms; systemd starts larder anew unless it goes on",
		        (long long)watchdog->every_ms);
}

/* The allocator keeps for each few threads what they once needed all at once, such as while the disk was full. */
static void
give_memory_back(struct task *giving_back)
{
	if (is_due(giving_back))
		malloc_trim(0);
}

static enum ending
wait_for_end(const struct invocation *invocation, const struct larder *larder)
{
	struct task watchdog = {.every_ms = systemd_watch_ms()}, giving_back = {.every_ms = GIVE_BACK_MS};
	int64_t look_ms = watchdog.every_ms > 0 && watchdog.every_ms < LOOK_MS ? watchdog.every_ms : LOOK_MS;

	for (;;) {
		tell_alive(&watchdog, larder);
		give_memory_back(&giving_back);
		switch (signals_wait(look_ms)) {
		case SIGNALS_STOP:
			return ENDING_TOLD;
		case SIGNALS_RELOAD:
			systemd_reloading();
			reload(invocation);
			systemd_ready();
			break;
		case SIGNALS_NONE:
			if (index_is_damaged(larder))
				return ENDING_DAMAGED;
			break;
		}
	}
}

const struct command command_serve = {
        .name = "serve",
        .arguments = "",
        .summary = "run the daemon",
        .help = "Answers archives by hash over HTTP: from the store, else from the origins the catalog names "
                "and\n"
                "from the mirrors, keeping what it fetches. Prints the addresses it listens on and how to "
                "point\n"
                "opam at them. SIGHUP reads the configuration again, SIGTERM or SIGINT stops within 10 s.\n",
        .flags = FLAG_CHECK_CONFIG,
        .run = run,
};
