/*
 * Jobs on a real store: in their order, cancelled, refused when too many wait, gone on with after a stop; and
 * the numbers of their events.
 */
#include "tests/support/stores.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/socket.h>

#include "server/admin/metrics.h"
#include "server/config.h"
#include "server/jobs/jobs_parts.h"
#include "storage/spool.h"

#define PATIENCE_MS 120000 /* a hundred jobs, where a tool looks at every access */
#define LIST        "http://127.0.0.1:9/a md5=d41d8cd98f00b204e9800998ecf8427e a.1\n"

/* A larder without HTTP, and an origin that takes connections and never answers. */
struct place {
	char *directory;
	int silent; /* listens */
	int port;
	struct config *config;
	struct larder larder;
};

static void
listen_silently(struct place *place)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;

	place->silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(place->silent, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(place->silent, 16), 0);
	assert_int_equal(getsockname(place->silent, (struct sockaddr *)&address, &size), 0);
	place->port = ntohs(address.sin_port);
}

static void
start(struct place *place)
{
	struct err err = ERR_NONE;

	if (!larder_start(&place->larder, place->config, LARDER_FETCHING, &err))
		fail_msg("%s", err.text);
	place->larder.jobs = jobs_create(&place->larder, &err);
	if (place->larder.jobs == NULL)
		fail_msg("%s", err.text);
}

static int
set_up(void **state)
{
	struct place *place = xcalloc(1, sizeof *place);
	AUTO_TEXT text = TEXT_EMPTY;
	struct err err = ERR_NONE;

	place->directory = temp_make();
	listen_silently(place);
	text_addf(&text,
	        "store = \"%s\" default_mirrors = no space { min_free = \"0\" }\n"
	        "fetch { allow_private = {\"127.0.0.0/8\"} allow_ports = {%d} }\n",
	        place->directory, place->port);
	place->config = config_parse("test", text_string(&text), NULL, 0, &err);
	if (place->config == NULL)
		fail_msg("%s", err.text);
	start(place);
	*state = place;
	return 0;
}

static int
tear_down(void **state)
{
	struct place *place = *state;

	larder_stop(&place->larder, 0);
	close(place->silent);
	config_destroy(place->config);
	temp_remove(place->directory);
	free(place);
	return 0;
}

/* --- helpers --- */

static bool
try_add(struct place *place, const char *kind, json_t *asked, const char *body, int64_t *ret, struct err *err)
{
	const struct caller caller = {.who = "a test", .from = "here"};
	struct job_wish wish = {.kind = kind, .asked = asked, .body = body, .caller = &caller, .detail = ""};
	bool added;

	*err = ERR_NONE;
	added = jobs_add(place->larder.jobs, &wish, ret, err);
	json_decref(asked);
	return added;
}

static int64_t
add(struct place *place, const char *kind, json_t *asked, const char *body)
{
	struct err err;
	int64_t id;

	if (!try_add(place, kind, asked, body, &id, &err))
		fail_msg("%s", err.text);
	return id;
}

/* A fetch that hangs until somebody ends it. */
static json_t *
endless(const struct place *place)
{
	char url[64];

	snprintf(url, sizeof url, "http://127.0.0.1:%d/x", place->port);
	return json_pack("{s:[{s:{s:s}, s:s, s:[s]}]}", "entries", "digests", "md5",
	        "00000000000000000000000000000000", "package", "x.1", "urls", url);
}

static void
spooled(struct place *place, const char *bytes, char ret_name[SPOOL_NAME_MAX])
{
	struct err err = ERR_NONE;
	AUTO_FD fd = spool_create(place->larder.store, ret_name, &err);

	assert_true(fd >= 0);
	assert_true(spool_write(place->larder.store, fd, bytes, strlen(bytes), &err));
	assert_true(spool_sync(place->larder.store, fd, &err));
}

static bool
is_spooled(struct place *place, const char *name)
{
	struct err err = ERR_NONE;
	AUTO_FD fd = spool_open(place->larder.store, name, &err);

	return fd >= 0;
}

static json_t *
told(struct place *place, int64_t id)
{
	struct err err = ERR_NONE;
	json_t *job = jobs_tell(place->larder.jobs, id, 0, &err);

	if (job == NULL)
		fail_msg("%s", err.text);
	return job;
}

/* Waits until it is in this state; what is told of it then is the caller's. */
static json_t *
wait_for(struct place *place, int64_t id, const char *state)
{
	int64_t until_ms = clock_ms() + PATIENCE_MS;

	while (clock_ms() < until_ms) {
		json_t *job = told(place, id);

		if (strcmp(json_string_value(json_object_get(job, "state")), state) == 0)
			return job;
		json_decref(job);
		poll(NULL, 0, 2);
	}
	fail_msg("job %" PRId64 " never was %s", id, state);
	return NULL;
}

static void
ends(struct place *place, int64_t id, const char *state)
{
	json_decref(wait_for(place, id, state));
}

static enum err_code
cancel(struct place *place, int64_t id)
{
	struct err err = ERR_NONE;

	return jobs_cancel(place->larder.jobs, id, &err) ? ERR_OK : err.code;
}

/* As many jobs as there are threads, which do not end. */
static void
fill_threads(struct place *place, int64_t ret[JOBS_THREADS])
{
	for (int i = 0; i < JOBS_THREADS; i++) {
		ret[i] = add(place, "fetch", endless(place), "");
		ends(place, ret[i], "running");
	}
}

/* --- tests --- */

static void
a_body_is_learned_and_then_gone(void **state)
{
	struct place *place = *state;
	char body[SPOOL_NAME_MAX];
	json_t *job;
	int64_t id;

	spooled(place, LIST, body);
	id = add(place, "import", json_pack("{s:s}", "source", "some.list"), body);
	job = wait_for(place, id, "done");
	assert_int_equal(json_integer_value(json_object_get(job, "exit_status")), 0);
	assert_string_equal(
	        json_string_value(json_object_get(json_object_get(job, "result"), "form")), "list");
	assert_false(json_is_null(json_object_get(job, "ended")));
	assert_false(is_spooled(place, body));
	json_decref(job);
}

static void
what_cannot_be_done_says_why(void **state)
{
	struct place *place = *state;
	json_t *job = wait_for(place, add(place, "dance", json_object(), ""), "failed");

	assert_non_null(strstr(json_string_value(json_object_get(job, "error")), "dance"));
	assert_true(json_is_null(json_object_get(job, "result")));
	json_decref(job);
	job = wait_for(place,
	        add(place, "import", json_pack("{s:s}", "source", "x"), "0123456789abcdef01234567"),
	        "failed");
	assert_non_null(json_string_value(json_object_get(job, "error")));
	json_decref(job);
	job = wait_for(
	        place, add(place, "import", json_pack("{s:s}", "source", "/etc/passwd"), ""), "failed");
	assert_non_null(strstr(json_string_value(json_object_get(job, "error")), "no http"));
	assert_true(json_is_object(json_object_get(job, "result")));
	json_decref(job);
	assert_int_equal(metrics_get(place->larder.metrics, METRIC_JOBS_FAILED), 3);
}

static void
they_wait_for_their_turn(void **state)
{
	struct place *place = *state;
	int64_t running[JOBS_THREADS], waiting = 0, id;
	struct jobs_figures figures;
	struct err err;

	fill_threads(place, running);
	for (int i = 0; i < JOBS_WAITING_MAX; i++)
		waiting = add(place, "verify", json_object(), "");
	jobs_figures(place->larder.jobs, &figures);
	assert_int_equal(figures.waiting, JOBS_WAITING_MAX);
	assert_int_equal(figures.running, JOBS_THREADS);
	assert_false(try_add(place, "verify", json_object(), "", &id, &err));
	assert_int_equal(err.code, ERR_OVERLOADED);
	assert_int_equal(metrics_get(place->larder.metrics, METRIC_LIMIT_JOBS), 1);
	/* The last that came is the last that is done. */
	assert_int_equal(cancel(place, running[0]), ERR_OK);
	ends(place, waiting, "done");
	jobs_figures(place->larder.jobs, &figures);
	assert_int_equal(figures.waiting, 0);
	assert_int_equal(figures.ended, JOBS_WAITING_MAX + 1);
}

static void
whoever_waits_or_runs_can_be_cancelled(void **state)
{
	struct place *place = *state;
	int64_t running[JOBS_THREADS], waiting;
	char body[SPOOL_NAME_MAX];
	json_t *job;

	fill_threads(place, running);
	spooled(place, LIST, body);
	waiting = add(place, "import", json_pack("{s:s}", "source", "some.list"), body);
	assert_int_equal(cancel(place, waiting), ERR_OK);
	ends(place, waiting, "cancelled");
	assert_false(is_spooled(place, body));
	assert_int_equal(cancel(place, running[0]), ERR_OK);
	job = wait_for(place, running[0], "cancelled");
	assert_true(json_is_true(json_object_get(json_object_get(job, "result"), "stopped")));
	json_decref(job);
	assert_int_equal(cancel(place, running[0]), ERR_TAKEN);
	assert_int_equal(cancel(place, waiting), ERR_TAKEN);
	assert_int_equal(cancel(place, 12345), ERR_NOT_FOUND);
	assert_int_equal(metrics_get(place->larder.metrics, METRIC_JOBS_CANCELLED), 2);
}

static void
a_stop_is_no_end(void **state)
{
	struct place *place = *state;
	int64_t running[JOBS_THREADS], waiting, cancelled, id;
	char body[SPOOL_NAME_MAX], stray[SPOOL_NAME_MAX];
	struct err err;

	fill_threads(place, running);
	spooled(place, LIST, body);
	waiting = add(place, "import", json_pack("{s:s}", "source", "some.list"), body);
	cancelled = add(place, "verify", json_object(), "");
	assert_int_equal(cancel(place, cancelled), ERR_OK);
	jobs_refuse(place->larder.jobs);
	assert_false(try_add(place, "verify", json_object(), "", &id, &err));
	assert_int_equal(err.code, ERR_STOPPING);
	spooled(place, LIST, stray);
	larder_stop(&place->larder, 0);
	start(place);
	assert_true(is_spooled(place, body));
	assert_false(is_spooled(place, stray));
	ends(place, running[0], "running");
	ends(place, running[1], "running");
	ends(place, cancelled, "cancelled");
	ends(place, waiting, "waiting");
	assert_int_equal(cancel(place, running[1]), ERR_OK);
	ends(place, waiting, "done");
	larder_stop(&place->larder, 0);
	start(place);
	ends(place, waiting, "done");
	ends(place, running[1], "cancelled");
}

static enum job_state
row_state(struct place *place, int64_t id)
{
	struct job_row row;
	struct err err = ERR_NONE;
	enum job_state found;

	assert_int_equal(job_row_find(store_index(place->larder.store), id, &row, &err), ROW_FOUND);
	found = row.state;
	job_row_finish(&row);
	return found;
}

/* The promise stands in the row before it is given, and the next start keeps it where this one could not. */
static void
a_kill_does_not_undo_a_cancel(void **state)
{
	struct place *place = *state;
	int64_t running[JOBS_THREADS], waiting;
	char body[SPOOL_NAME_MAX];
	struct err err = ERR_NONE;
	json_t *job;

	fill_threads(place, running);
	spooled(place, LIST, body);
	waiting = add(place, "import", json_pack("{s:s}", "source", "some.list"), body);
	assert_int_equal(cancel(place, running[0]), ERR_OK);
	assert_int_not_equal(row_state(place, running[0]), JOB_RUNNING);
	/* As a kill leaves them between the row and the word to the thread. */
	assert_true(job_row_move(store_index(place->larder.store), running[1], JOB_CANCELLING, NULL, &err));
	ends(place, running[1], "running");
	ends(place, waiting, "done");
	larder_stop(&place->larder, 0);
	start(place);
	ends(place, running[0], "cancelled");
	job = told(place, running[1]);
	assert_string_equal(json_string_value(json_object_get(job, "state")), "cancelled");
	assert_non_null(strstr(json_string_value(json_object_get(job, "error")), "does not go on"));
	assert_false(json_is_null(json_object_get(job, "ended")));
	json_decref(job);
	assert_int_equal(row_state(place, running[1]), JOB_CANCELLED);
	assert_int_equal(cancel(place, running[1]), ERR_TAKEN);
}

static void
all_are_listed_newest_first(void **state)
{
	struct place *place = *state;
	struct err err = ERR_NONE;
	int64_t last = 0;
	json_t *list;

	for (int i = 0; i < JOBS_ENDED_KEPT + 5; i++) {
		last = add(place, "dance", json_object(), "");
		ends(place, last, "failed");
	}
	list = jobs_list(place->larder.jobs, &err);
	assert_int_equal(json_array_size(json_object_get(list, "jobs")), JOBS_ENDED_KEPT + 5);
	assert_int_equal(
	        json_integer_value(json_object_get(json_array_get(json_object_get(list, "jobs"), 0), "id")),
	        last);
	json_decref(list);
	/* The first is in the index alone. */
	assert_null(jobs_find(place->larder.jobs, last - JOBS_ENDED_KEPT - 4));
	list = told(place, last - JOBS_ENDED_KEPT - 4);
	assert_non_null(strstr(json_string_value(json_object_get(list, "error")), "dance"));
	json_decref(list);
}

/* --- events --- */

static void
add_events(struct job_events *events, int from, int to)
{
	for (int i = from; i < to; i++) {
		char text[32];

		snprintf(text, sizeof text, "{\"n\":%d}", i);
		job_events_add(events, xstrdup(text));
	}
}

/* Asked since this number: so many from that one on. */
static void
tells(const struct job_events *events, uint64_t since, int first, size_t count, uint64_t next)
{
	uint64_t ret_next;
	json_t *list = job_events_since(events, since, 10, &ret_next);

	assert_int_equal(json_array_size(list), count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(
		        json_integer_value(json_object_get(json_array_get(list, i), "n")), first + (int)i);
	assert_int_equal(ret_next, next);
	json_decref(list);
}

static void
events_keep_their_numbers(void **state)
{
	struct job_events events;

	(void)state;
	job_events_init(&events, 100);
	tells(&events, 0, 0, 0, 0);
	tells(&events, 5, 0, 0, 0);
	add_events(&events, 0, 3);
	tells(&events, 0, 0, 3, 3);
	tells(&events, 2, 2, 1, 3);
	tells(&events, 3, 0, 0, 3);
	tells(&events, 77, 0, 0, 3);
	add_events(&events, 3, 90);
	tells(&events, 3, 3, 10, 13);
	add_events(&events, 90, 250);
	/* The oldest have made room: the next that is kept is told. */
	tells(&events, 0, 150, 10, 160);
	tells(&events, 149, 150, 10, 160);
	tells(&events, 245, 245, 5, 250);
	job_events_finish(&events);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(a_body_is_learned_and_then_gone, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(what_cannot_be_done_says_why, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(they_wait_for_their_turn, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(whoever_waits_or_runs_can_be_cancelled, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_stop_is_no_end, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_kill_does_not_undo_a_cancel, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(all_are_listed_newest_first, set_up, tear_down),
	        cmocka_unit_test(events_keep_their_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
