/*
 * Reads the configured catalog sources, one after the other, in a thread of its own. Must never change
 * anything for requests that are being served: what it learns appears in one transaction a source.
 */
#include "server/catalogs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "server/archive/flights.h"
#include "server/config.h"
#include "server/upstream/fetcher.h"
#include "storage/base/bell.h"
#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"

struct catalogs {
	struct larder *larder;
	pthread_t thread;
	struct bell bell; /* which is stopped, and never rung */
	int64_t *
	        due_ms; /* the thread's: when each source is read next, by clock_ms; INT64_MAX: never again */
};

static void *run(void *context);

struct catalogs *
catalogs_start(struct larder *larder, struct err *err)
{
	struct catalogs *catalogs = xcalloc(1, sizeof *catalogs);
	int cause;

	catalogs->larder = larder;
	catalogs->due_ms = xcalloc(larder->config->n_catalogs + 1, sizeof catalogs->due_ms[0]);
	bell_init(&catalogs->bell);
	cause = pthread_create(&catalogs->thread, NULL, run, catalogs);
	if (cause == 0) {
		pthread_setname_np(catalogs->thread, "catalogs");
		return catalogs;
	}
	err_set(err, ERR_IO, "the thread that reads catalogs cannot be started: %s", strerror(cause));
	bell_finish(&catalogs->bell);
	free(catalogs->due_ms);
	free(catalogs);
	return NULL;
}

void
catalogs_stop(struct catalogs *catalogs)
{
	if (catalogs == NULL)
		return;
	bell_stop(&catalogs->bell);
	fetcher_stop(catalogs->larder->fetcher);
	pthread_join(catalogs->thread, NULL);
	bell_finish(&catalogs->bell);
	free(catalogs->due_ms);
	free(catalogs);
}

bool
catalogs_is_url(const char *source)
{
	return text_starts_with(source, "http://") || text_starts_with(source, "https://");
}

/* A file without a name, on the filesystem of the store. -1 is an error. */
static int
open_scratch(const struct store *store, struct err *err)
{
	AUTO_TEXT path = TEXT_EMPTY;
	int fd;

	text_addf(&path, "%s/tmp", store_directory(store));
	fd = open(text_string(&path), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || errno != EOPNOTSUPP)
		goto opened;
	text_add(&path, "/catalog-XXXXXX");
	fd = mkostemp(path.bytes, O_CLOEXEC);
	if (fd >= 0)
		unlink(path.bytes);
opened:
	if (fd < 0)
		err_errno(err, "making a temporary file in %s", text_string(&path));
	return fd;
}

bool
catalogs_read(struct larder *larder, const char *source, struct harvest *harvest, enum source_form *ret_form,
        struct err *err)
{
	struct fetch_document document = {.url = source, .max_bytes = SOURCE_BYTES_MAX};
	AUTO_FD fd = -1;

	if (!catalogs_is_url(source))
		return source_read(source, harvest, ret_form, err);
	fd = open_scratch(larder->store, err);
	if (fd < 0)
		return false;
	document.fd = fd;
	if (!fetcher_document(larder->fetcher, &document, err))
		return false;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, "reading again what %s sent", source);
	return source_read_fd(fd, source, harvest, ret_form, err);
}

static bool
learn(struct larder *larder, const struct config_catalog *catalog, struct catalog_learned *ret,
        uint64_t *ret_problems, struct err *err)
{
	struct harvest *harvest = harvest_create();
	enum source_form form;
	bool done;

	done = catalogs_read(larder, catalog->source, harvest, &form, err) &&
	       catalog_learn(store_catalog(larder->store), harvest, catalog->source, ret, err);
	*ret_problems = harvest->problems_in_all;
	harvest_destroy(harvest);
	return done;
}

static void
say_learned(const struct config_catalog *catalog, const struct catalog_learned *learned, uint64_t problems)
{
	log_info("catalog %s: %" PRIu64 " archives and %" PRIu64 " origins, %" PRIu64 " and %" PRIu64
	         " of them new",
	        catalog->name, learned->archives, learned->origins, learned->new_archives,
	        learned->new_origins);
	if (problems > 0)
		log_warning("catalog %s: %" PRIu64
		            " entries could not be read and were skipped; `larder import %s` names them",
		        catalog->name, problems, catalog->source);
}

/* Reads one source and sets when it is read again. */
static void
refresh(struct catalogs *catalogs, size_t index)
{
	const struct config_catalog *catalog = &catalogs->larder->config->catalogs[index];
	struct catalog_learned learned = {0};
	int64_t pause_ms = catalog->refresh_ms;
	uint64_t problems = 0;
	struct err err = ERR_NONE;

	if (learn(catalogs->larder, catalog, &learned, &problems, &err)) {
		say_learned(catalog, &learned, problems);
		if (learned.new_origins > 0)
			flights_forget_nowhere(catalogs->larder->flights);
		catalogs->due_ms[index] = pause_ms > 0 ? clock_ms() + pause_ms : INT64_MAX;
		return;
	}
	if (pause_ms == 0 || pause_ms > CATALOGS_RETRY_MS)
		pause_ms = CATALOGS_RETRY_MS;
	catalogs->due_ms[index] = clock_ms() + pause_ms;
	if (err.code != ERR_STOPPING)
		log_warning("catalog %s: %s; what was learned before stays, the next try is in %" PRId64 " s",
		        catalog->name, err.text, pause_ms / 1000);
}

/* The source whose turn is first, and when. */
static size_t
first_due(const struct catalogs *catalogs, int64_t *ret_due_ms)
{
	size_t first = 0;

	*ret_due_ms = INT64_MAX;
	for (size_t i = 0; i < catalogs->larder->config->n_catalogs; i++) {
		if (catalogs->due_ms[i] >= *ret_due_ms)
			continue;
		*ret_due_ms = catalogs->due_ms[i];
		first = i;
	}
	return first;
}

static void *
run(void *context)
{
	struct catalogs *catalogs = context;
	int64_t due_ms;
	size_t next = first_due(catalogs, &due_ms);

	while (bell_wait(&catalogs->bell, due_ms) != BELL_STOPPED) {
		refresh(catalogs, next);
		next = first_due(catalogs, &due_ms);
	}
	return NULL;
}
