/*
 * The order in which the parts of a larder start.
 */
#include "tests/support/stores.h"

#include "server/config.h"
#include "server/http/sockets.h"
#include "server/jobs/jobs.h"
#include "server/larder.h"
#include "server/upstream/fetcher.h"
#include "storage/base/log.h"
#include "storage/base/text.h"

void __real_fetcher_on_drift(struct fetcher *fetcher, fetcher_drifted_fn *drifted, void *context);
void __wrap_fetcher_on_drift(struct fetcher *fetcher, fetcher_drifted_fn *drifted, void *context);
struct jobs *__real_jobs_create(struct larder *larder, struct err *err);
struct jobs *__wrap_jobs_create(struct larder *larder, struct err *err);

/* Somebody wants to look at other bytes; and did when the jobs started, and with them the flights of those that a kill left. */
static bool looked_at, looked_at_with_jobs;

void
__wrap_fetcher_on_drift(struct fetcher *fetcher, fetcher_drifted_fn *drifted, void *context)
{
	looked_at = true;
	__real_fetcher_on_drift(fetcher, drifted, context);
}

struct jobs *
__wrap_jobs_create(struct larder *larder, struct err *err)
{
	looked_at_with_jobs = looked_at;
	return __real_jobs_create(larder, err);
}

static void
other_bytes_are_looked_at_from_the_first_flight_on(void **state)
{
	AUTO_TEXT text = TEXT_EMPTY;
	char *directory = temp_make();
	struct sockets sockets = {0};
	struct err err = ERR_NONE;
	struct larder larder;
	struct config *config;

	(void)state;
	log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	text_addf(&text,
	        "store = \"%s\" listen = {\"127.0.0.1:0\"} workers = 1 default_mirrors = no\n"
	        "space { min_free = \"0\" scrub_interval = \"0\" } watch { patrol = no }\n",
	        directory);
	config = config_parse("test", text_string(&text), NULL, 0, &err);
	if (config == NULL || !larder_serve(&larder, config, &sockets, &err))
		fail_msg("%s", err.text);
	assert_true(looked_at_with_jobs);
	larder_stop(&larder, 0);
	sockets_close(&sockets);
	config_destroy(config);
	temp_remove(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(other_bytes_are_looked_at_from_the_first_flight_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
