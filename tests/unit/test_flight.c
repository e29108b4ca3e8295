/*
 * Flights and their table, with waiters that only count and a fetcher that is the test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "server/admin/metrics.h"
#include "server/archive/flights.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"
#include "storage/catalog/harvest.h"
#include "storage/store.h"
#include "tests/support/temp.h"

#define SMALL 1000u
#define LARGE 300000u

/* A store, a table, and the flights that were handed out to be fetched. */
struct fixture {
	char *directory;
	struct store *store;
	struct metrics *metrics;
	struct flights *flights;
	struct flight *submitted[8];
	size_t n_submitted;
	bool refuse;
	char *bytes; /* LARGE of them; an archive is a beginning of these */
};

struct fake {
	struct waiter waiter;
	int parks, wakes;
};

static void
fake_park(struct waiter *waiter)
{
	((struct fake *)waiter)->parks++;
}

static void
fake_wake(struct waiter *waiter)
{
	((struct fake *)waiter)->wakes++;
}

static struct fake
fake_waiter(const struct digest *asked)
{
	return (struct fake){.waiter = {.park = fake_park, .wake = fake_wake, .asked = *asked}};
}

static bool
take_flight(void *context, struct flight *flight, struct err *err)
{
	struct fixture *fixture = context;

	if (fixture->refuse)
		return err_set(err, ERR_STOPPING, "stopping");
	fixture->submitted[fixture->n_submitted++] = flight;
	return true;
}

static int
setup_with(void **state, uint64_t min_free_bytes)
{
	struct fixture *fixture = xcalloc(1, sizeof *fixture);
	struct flights_options options = {.max_flights = 2,
	        .negative_ttl_ms = 60000,
	        .verify_before_send = 2 * SMALL,
	        .max_archive = LARGE};
	struct store_options store_options = {.mode = STORE_WRITE, .min_free_bytes = min_free_bytes};
	struct err err = ERR_NONE;

	fixture->directory = temp_make();
	store_options.directory = fixture->directory;
	fixture->store = store_open(&store_options, &err);
	assert_non_null(fixture->store);
	options.store = fixture->store;
	options.metrics = fixture->metrics = metrics_create();
	fixture->flights = flights_create(&options, take_flight, fixture);
	fixture->bytes = xmalloc(LARGE);
	for (size_t i = 0; i < LARGE; i++)
		fixture->bytes[i] = (char)(i * 7 + i / 251);
	*state = fixture;
	return 0;
}

static int
setup(void **state)
{
	return setup_with(state, 0);
}

static int
setup_full(void **state)
{
	return setup_with(state, UINT64_MAX / 2);
}

static int
teardown(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < fixture->n_submitted; i++)
		flight_release(fixture->submitted[i]);
	store_close(fixture->store);
	flights_destroy(fixture->flights);
	metrics_destroy(fixture->metrics);
	temp_remove(fixture->directory);
	free(fixture->bytes);
	free(fixture);
	return 0;
}

static struct digests
digests_of(const void *bytes, size_t length)
{
	struct hasher *hasher = hasher_create();
	struct digests digests;

	hasher_add(hasher, bytes, length);
	hasher_digests(hasher, &digests);
	hasher_destroy(hasher);
	return digests;
}

static struct digest
name_of(const struct digests *digests, enum digest_algo algo)
{
	struct digest digest;

	assert_true(digests_get(digests, algo, &digest));
	return digest;
}

static struct flight *
join(struct fixture *fixture, const struct digest *digest)
{
	struct err err = ERR_NONE;
	struct flight *flight = flights_join(fixture->flights, digest, &err);

	if (flight == NULL)
		print_error("%s\n", err.text);
	assert_non_null(flight);
	return flight;
}

static void
announce(struct flight *flight, uint64_t size)
{
	struct flight_head head = {.size_bytes = size, .url = "http://origin.example/a"};
	struct err err = ERR_NONE;

	assert_true(flight_announce(flight, &head, &err));
}

static void
append(struct flight *flight, const void *bytes, size_t length)
{
	struct err err = ERR_NONE;

	assert_true(flight_append(flight, bytes, length, &err));
}

/* The store answers from its own thread: polls until it has. */
static void
wait_until_over(struct flight *flight)
{
	int64_t deadline = clock_ms() + 20000;

	while (!flight_is_over(flight) && clock_ms() < deadline)
		usleep(500);
	assert_true(flight_is_over(flight));
}

/* What flight_land comes to. */
struct landing {
	struct err err;
	atomic_bool told;
};

static void
hear(void *context, const struct err *err)
{
	struct landing *landing = context;

	if (err != NULL)
		landing->err = *err;
	atomic_store(&landing->told, true);
}

static bool
land(struct flight *flight, struct err *err)
{
	struct landing landing = {.err = ERR_NONE};
	int64_t deadline = clock_ms() + 20000;

	flight_land(flight, hear, &landing);
	while (!atomic_load(&landing.told) && clock_ms() < deadline)
		usleep(100);
	assert_true(atomic_load(&landing.told));
	if (landing.err.code == ERR_OK)
		return true;
	*err = landing.err;
	return false;
}

static enum flight_news
head_of(struct flight *flight, struct fake *fake, uint64_t *size, struct err *err)
{
	return flight_head(flight, &fake->waiter, size, err);
}

/* A digest set the catalog knows, so that flights have more than one name. */
static void
teach(struct fixture *fixture, const struct digests *digests)
{
	static const char *const urls[] = {"http://origin.example/a"};
	struct harvest_entry entry = {.digests = *digests, .package = "a.1", .urls = urls, .n_urls = 1};
	struct harvest *harvest = harvest_create();
	struct catalog_learned learned;
	struct err err = ERR_NONE;

	assert_true(harvest_add(harvest, &entry, "test", 1));
	assert_true(catalog_learn(store_catalog(fixture->store), harvest, "test", &learned, &err));
	harvest_destroy(harvest);
}

static void
small_archive_is_promised_only_when_stored(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, SMALL);
	struct digest md5 = name_of(&digests, DIGEST_MD5);
	struct fake fake = fake_waiter(&md5);
	struct flight *flight = join(fixture, &md5);
	AUTO_BLOB blob = BLOB_NONE;
	struct err err = ERR_NONE;
	uint64_t size;

	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_PARKED);
	announce(flight, SMALL);
	append(flight, fixture->bytes, SMALL);
	flight_tick(flight, clock_ms());
	assert_int_equal(fake.wakes, 0);
	assert_true(land(flight, &err));
	wait_until_over(flight);
	assert_int_equal(fake.wakes, 1);
	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_STORED);
	assert_int_equal(store_find(fixture->store, &md5, &blob, &err), STORE_HIT);
	assert_int_equal(flights_count(fixture->flights), 0);
	flight_leave(flight, &fake.waiter);
}

static void
large_archive_streams_with_its_tail_held_back(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, LARGE);
	struct digest sha256 = name_of(&digests, DIGEST_SHA256);
	struct fake fake = fake_waiter(&sha256);
	struct flight *flight = join(fixture, &sha256);
	AUTO_FREE char *got = xmalloc(LARGE);
	struct err err = ERR_NONE;
	uint64_t size, position = 0;
	size_t length;

	announce(flight, LARGE);
	append(flight, fixture->bytes, LARGE);
	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_READY);
	assert_int_equal(size, LARGE);
	assert_false(flight_start_over(flight));
	while (flight_read(flight, &fake.waiter, position, got + position, LARGE, &length, &err) ==
	        NEWS_READY)
		position += length;
	assert_int_equal(position, LARGE - FLIGHT_TAIL);
	assert_true(fake.waiter.parked);
	assert_true(land(flight, &err));
	wait_until_over(flight);
	assert_false(fake.waiter.parked);
	while (flight_read(flight, &fake.waiter, position, got + position, LARGE, &length, &err) ==
	        NEWS_READY)
		position += length;
	assert_int_equal(position, LARGE);
	assert_int_equal(flight_read(flight, &fake.waiter, position, got, 1, &length, &err), NEWS_END);
	assert_memory_equal(got, fixture->bytes, LARGE);
	flight_leave(flight, &fake.waiter);
}

/* Sends what may go out from position on, so to speak; where it ends. */
static uint64_t
view_all(struct flight *flight, struct fake *fake, uint64_t position, char *ret, enum flight_news *ret_news)
{
	struct flight_view view;
	struct err err = ERR_NONE;

	while ((*ret_news = flight_view(flight, &fake->waiter, position, &view, &err)) == NEWS_READY) {
		if (view.bytes != NULL)
			memcpy(ret + position, view.bytes, view.length);
		else
			assert_int_equal(pread(view.fd, ret + position, view.length, (off_t)position),
			        (ssize_t)view.length);
		position += view.length;
	}
	return position;
}

static void
who_sends_from_where_the_bytes_lie_gets_no_more_than_who_reads(void **state)
{
	static const size_t sizes[] = {INTAKE_HELD_MAX / 2, LARGE}; /* in memory, in a file */
	struct fixture *fixture = *state;

	for (size_t i = 0; i < 2; i++) {
		size_t size_bytes = sizes[i];
		struct digests digests = digests_of(fixture->bytes, size_bytes);
		struct digest sha256 = name_of(&digests, DIGEST_SHA256);
		struct fake fake = fake_waiter(&sha256);
		struct flight *flight = join(fixture, &sha256);
		AUTO_FREE char *got = xmalloc(size_bytes);
		struct err err = ERR_NONE;
		enum flight_news news;
		uint64_t size, position;

		announce(flight, size_bytes);
		append(flight, fixture->bytes, SMALL);
		assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_READY);
		position = view_all(flight, &fake, 0, got, &news);
		assert_int_equal(position, SMALL);
		assert_int_equal(news, NEWS_PARKED);
		append(flight, fixture->bytes + SMALL, size_bytes - SMALL);
		flight_tick(flight, clock_ms());
		position = view_all(flight, &fake, position, got, &news);
		assert_int_equal(position, size_bytes - FLIGHT_TAIL);
		assert_int_equal(news, NEWS_PARKED);
		assert_true(land(flight, &err));
		wait_until_over(flight);
		position = view_all(flight, &fake, position, got, &news);
		assert_int_equal(position, size_bytes);
		assert_int_equal(news, NEWS_END);
		assert_memory_equal(got, fixture->bytes, size_bytes);
		assert_false(flight_leave(flight, &fake.waiter));
	}
}

static void
who_leaves_parked_is_told_so(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, SMALL);
	struct digest sha256 = name_of(&digests, DIGEST_SHA256);
	struct fake fake = fake_waiter(&sha256);
	struct flight *flight = join(fixture, &sha256);
	struct err err = ERR_NONE, failure = ERR_NONE;
	uint64_t size;

	flight_hold(flight);
	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_PARKED);
	assert_true(flight_leave(flight, &fake.waiter));
	err_set(&failure, ERR_FAILING, "nobody waits");
	flight_fail(flight, &failure);
	assert_int_equal(fake.wakes, 0);
	flight_release(flight);
}

static void
first_bytes_of_a_large_archive_go_out_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, LARGE);
	struct digest sha256 = name_of(&digests, DIGEST_SHA256);
	struct fake fake = fake_waiter(&sha256);
	struct flight *flight = join(fixture, &sha256);
	struct err err = ERR_NONE;
	uint64_t size;

	announce(flight, LARGE);
	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_PARKED);
	append(flight, fixture->bytes, 1);
	assert_int_equal(fake.wakes, 1);
	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_READY);
	err_set(&err, ERR_FAILING, "it broke off");
	flight_fail(flight, &err);
	flight_leave(flight, &fake.waiter);
}

static void
wrong_bytes_never_complete_and_another_origin_may_be_asked(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, SMALL);
	struct digest sha256 = name_of(&digests, DIGEST_SHA256);
	struct fake fake = fake_waiter(&sha256);
	struct flight *flight = join(fixture, &sha256);
	struct err err = ERR_NONE;
	uint64_t size;

	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_PARKED);
	announce(flight, SMALL);
	append(flight, fixture->bytes + 1, SMALL);
	assert_false(land(flight, &err));
	assert_int_equal(err.code, ERR_MISMATCH);
	assert_int_equal(fake.wakes, 0);
	assert_true(flight_start_over(flight));
	announce(flight, 0); /* the second origin does not tell the length */
	append(flight, fixture->bytes, SMALL);
	assert_true(land(flight, &err));
	wait_until_over(flight);
	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_STORED);
	flight_leave(flight, &fake.waiter);
}

static void
who_only_looks_is_promised_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, LARGE);
	struct digest sha256 = name_of(&digests, DIGEST_SHA256);
	struct fake fake = fake_waiter(&sha256);
	struct flight *flight = join(fixture, &sha256);
	struct err err = ERR_NONE, failure = ERR_NONE;
	uint64_t size;

	fake.waiter.wish = WAITER_LOOKS;
	announce(flight, LARGE);
	append(flight, fixture->bytes, SMALL);
	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_READY);
	assert_int_equal(size, LARGE);
	assert_true(flight_start_over(flight));
	err_set(&failure, ERR_FAILING, "no");
	flight_fail(flight, &failure);
	flight_leave(flight, &fake.waiter);
}

static void
a_broken_stream_fails_its_readers(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, LARGE);
	struct digest sha256 = name_of(&digests, DIGEST_SHA256);
	struct fake fake = fake_waiter(&sha256);
	struct flight *flight = join(fixture, &sha256);
	struct err err = ERR_NONE, failure = ERR_NONE;
	char got[SMALL];
	uint64_t size;
	size_t length;

	announce(flight, LARGE);
	append(flight, fixture->bytes, SMALL);
	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_READY);
	assert_int_equal(flight_read(flight, &fake.waiter, 0, got, sizeof got, &length, &err), NEWS_READY);
	assert_int_equal(
	        flight_read(flight, &fake.waiter, SMALL, got, sizeof got, &length, &err), NEWS_PARKED);
	err_set(&failure, ERR_FAILING, "the origin died");
	flight_fail(flight, &failure);
	assert_int_equal(fake.wakes, 1);
	assert_int_equal(
	        flight_read(flight, &fake.waiter, SMALL, got, sizeof got, &length, &err), NEWS_FAILED);
	assert_int_equal(err.code, ERR_FAILING);
	flight_leave(flight, &fake.waiter);
}

static void
more_bytes_than_announced_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, SMALL);
	struct digest sha256 = name_of(&digests, DIGEST_SHA256);
	struct flight *flight = join(fixture, &sha256);
	struct flight_head head = {.size_bytes = LARGE + 1, .url = "http://origin.example/a"};
	struct err err = ERR_NONE, failure = ERR_NONE;

	announce(flight, SMALL);
	append(flight, fixture->bytes, SMALL);
	assert_false(flight_append(flight, fixture->bytes, 1, &err));
	assert_int_equal(err.code, ERR_MISMATCH);
	assert_false(flight_announce(flight, &head, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	err_set(&failure, ERR_LIMIT, "too large");
	flight_fail(flight, &failure);
	flight_release(flight);
}

static void
what_comes_again_is_compared(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, LARGE);
	struct digest sha256 = name_of(&digests, DIGEST_SHA256);
	struct flight *flight = join(fixture, &sha256);
	struct err err = ERR_NONE, failure = ERR_NONE;

	announce(flight, LARGE);
	append(flight, fixture->bytes, LARGE / 2);
	assert_true(flight_compare(flight, 0, fixture->bytes, LARGE / 2, &err));
	assert_true(flight_compare(flight, 70000, fixture->bytes + 70000, 5, &err));
	assert_false(flight_compare(flight, 0, fixture->bytes + 1, LARGE / 2, &err));
	assert_int_equal(err.code, ERR_MISMATCH);
	fixture->bytes[100000]++;
	assert_false(flight_compare(flight, 1, fixture->bytes + 1, LARGE / 2 - 1, &err));
	assert_non_null(strstr(err.text, "byte 100000 "));
	assert_false(flight_compare(flight, LARGE / 2, fixture->bytes, 1, &err));
	assert_int_equal(err.code, ERR_IO);
	err_set(&failure, ERR_FAILING, "no");
	flight_fail(flight, &failure);
	flight_release(flight);
}

/* Who looks at what came instead. */
struct heir {
	unsigned calls;
	struct intake *intake;
};

static void
inherit(void *context, struct intake *intake)
{
	struct heir *heir = context;

	heir->calls++;
	heir->intake = intake;
}

static void
other_bytes_are_handed_on_when_nobody_was_promised_them(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, SMALL), came;
	struct digest sha256 = name_of(&digests, DIGEST_SHA256);
	struct flight *flight = join(fixture, &sha256);
	struct heir heir = {0}, other = {0};
	struct err err = ERR_NONE;
	char got[SMALL];

	announce(flight, SMALL);
	append(flight, fixture->bytes + 1, SMALL);
	assert_null(flight_rejected(flight));
	assert_false(land(flight, &err));
	assert_true(flight_start_over(flight));
	came = digests_of(fixture->bytes + 1, SMALL);
	assert_non_null(flight_rejected(flight));
	assert_memory_equal(flight_rejected(flight), &came, sizeof came);
	flight_hand_on(flight, inherit, &heir);
	assert_null(flight_rejected(flight));
	assert_int_equal(heir.calls, 1);
	assert_int_equal(intake_pread(heir.intake, got, SMALL, 0, &err), SMALL);
	assert_memory_equal(got, fixture->bytes + 1, SMALL);
	assert_int_equal(intake_commit_wait(heir.intake, &err), INTAKE_STORED);
	intake_close(heir.intake);

	/* What is not complete is nothing to look at. */
	announce(flight, SMALL);
	append(flight, fixture->bytes + 2, SMALL - 1);
	assert_false(land(flight, &err));
	assert_null(flight_rejected(flight));
	assert_true(flight_start_over(flight));
	flight_hand_on(flight, inherit, &other);
	assert_int_equal(other.calls, 1);
	assert_null(other.intake);

	announce(flight, SMALL);
	append(flight, fixture->bytes, SMALL);
	assert_true(land(flight, &err));
	wait_until_over(flight);
	flight_release(flight);
	assert_int_equal(heir.calls, 1);
}

static void
other_bytes_are_handed_on_when_the_last_reader_has_left(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, LARGE);
	struct digest sha256 = name_of(&digests, DIGEST_SHA256);
	struct fake fake = fake_waiter(&sha256);
	struct flight *flight = join(fixture, &sha256), *submitted = fixture->submitted[0];
	struct err err = ERR_NONE, failure = ERR_NONE;
	struct heir heir = {0};
	char got[SMALL];
	uint64_t size;
	size_t length;

	announce(submitted, LARGE);
	append(submitted, fixture->bytes, LARGE - 1);
	append(submitted, "x", 1);
	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_READY);
	assert_false(land(submitted, &err));
	assert_false(flight_start_over(submitted));
	flight_hand_on(submitted, inherit, &heir);
	err_set(&failure, ERR_CHANGED, "other bytes");
	flight_fail(submitted, &failure);
	fixture->n_submitted = 0;
	flight_release(submitted);
	assert_int_equal(heir.calls, 0); /* he may be in the middle of reading */
	assert_int_equal(flight_read(flight, &fake.waiter, 0, got, sizeof got, &length, &err), NEWS_FAILED);
	flight_leave(flight, &fake.waiter);
	assert_int_equal(heir.calls, 1);
	assert_int_equal(intake_size(heir.intake), LARGE);
	intake_close(heir.intake);
}

static void
who_waits_too_long_is_told_and_the_download_goes_on(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, SMALL);
	struct digest sha1 = name_of(&digests, DIGEST_SHA1);
	struct fake fake = fake_waiter(&sha1);
	struct flight *flight = join(fixture, &sha1);
	struct err err = ERR_NONE;
	uint64_t size;

	fake.waiter.give_up_at_ms = clock_ms() + 3600000;
	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_PARKED);
	flight_tick(flight, fake.waiter.give_up_at_ms - 1);
	assert_int_equal(fake.wakes, 0);
	flight_tick(flight, fake.waiter.give_up_at_ms);
	assert_int_equal(fake.wakes, 1);
	fake.waiter.give_up_at_ms = clock_ms();
	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_FAILED);
	assert_int_equal(err.code, ERR_TIMEOUT);
	flight_leave(flight, &fake.waiter);

	announce(fixture->submitted[0], SMALL);
	append(fixture->submitted[0], fixture->bytes, SMALL);
	assert_true(land(fixture->submitted[0], &err));
	wait_until_over(fixture->submitted[0]);
}

/* As an upload does it: into the store, and then the flights are told. */
static void
give(struct fixture *fixture, const void *bytes, size_t length)
{
	struct intake_plan plan = {.came_from = "upload", .source = INTAKE_GIVEN};
	struct err err = ERR_NONE;
	struct intake *intake = intake_open(fixture->store, INTAKE_KEEP, &plan, &err);
	struct digests digests;

	assert_non_null(intake);
	assert_true(intake_append(intake, bytes, length, &err));
	digests = *intake_digests(intake);
	assert_int_not_equal(intake_commit_wait(intake, &err), INTAKE_REFUSED);
	intake_close(intake);
	flights_stored(fixture->flights, &digests);
}

/* The fetcher finds out at whichever call it makes next; none of them complains. */
static void
expect_too_late(struct flight *flight)
{
	struct flight_head head = {.size_bytes = SMALL, .url = "http://origin.example/a"};
	struct err err = ERR_NONE, failure = ERR_NONE;

	assert_true(flight_is_over(flight));
	assert_false(flight_start_over(flight));
	assert_false(flight_announce(flight, &head, &err));
	assert_int_equal(err.code, ERR_CANCELLED);
	flight_note(flight, head.url, ORIGIN_FAILED, "too late");
	assert_int_equal(flight_attempts(flight)->count, 0);
	err_set(&failure, ERR_FAILING, "too late");
	flight_fail(flight, &failure);
	flight_tick(flight, clock_ms());
}

static void
an_upload_ends_a_flight_that_seeks(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, SMALL);
	struct digest md5 = name_of(&digests, DIGEST_MD5);
	struct fake fake = fake_waiter(&md5);
	struct flight *flight;
	AUTO_BLOB blob = BLOB_NONE;
	struct err err = ERR_NONE;
	uint64_t size;

	teach(fixture, &digests);
	flight = join(fixture, &md5);
	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_PARKED);
	give(fixture, fixture->bytes, 2 * SMALL);
	assert_int_equal(fake.wakes, 0); /* another archive */
	give(fixture, fixture->bytes, SMALL);
	assert_int_equal(fake.wakes, 1);
	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_STORED);
	assert_int_equal(store_find(fixture->store, &md5, &blob, &err), STORE_HIT);
	assert_int_equal(flights_count(fixture->flights), 0);
	expect_too_late(flight);
	flight_leave(flight, &fake.waiter);
}

static void
an_upload_ends_a_flight_that_has_promised_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, SMALL);
	struct digest sha256 = name_of(&digests, DIGEST_SHA256);
	struct fake fake = fake_waiter(&sha256);
	struct flight *flight = join(fixture, &sha256);
	struct err err = ERR_NONE;
	uint64_t size;

	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_PARKED);
	announce(flight, SMALL);
	append(flight, fixture->bytes, SMALL / 2);
	give(fixture, fixture->bytes, SMALL);
	assert_int_equal(fake.wakes, 1);
	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_STORED);
	assert_false(flight_append(flight, fixture->bytes + SMALL / 2, SMALL / 2, &err));
	assert_int_equal(err.code, ERR_CANCELLED);
	err = ERR_NONE;
	assert_false(land(flight, &err));
	assert_int_equal(err.code, ERR_CANCELLED);
	expect_too_late(flight);
	flight_leave(flight, &fake.waiter);
}

static void
an_upload_leaves_a_flight_that_has_promised(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, LARGE);
	struct digest sha256 = name_of(&digests, DIGEST_SHA256);
	struct fake fake = fake_waiter(&sha256);
	struct flight *flight = join(fixture, &sha256);
	AUTO_FREE char *got = xmalloc(LARGE);
	struct err err = ERR_NONE;
	uint64_t size;
	size_t length;

	announce(flight, LARGE);
	append(flight, fixture->bytes, SMALL);
	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_READY);
	give(fixture, fixture->bytes, LARGE);
	assert_false(flight_is_over(flight));
	assert_int_equal(flights_count(fixture->flights), 1);
	append(flight, fixture->bytes + SMALL, LARGE - SMALL);
	assert_true(land(flight, &err));
	wait_until_over(flight);
	assert_int_equal(flight_read(flight, &fake.waiter, 0, got, LARGE, &length, &err), NEWS_READY);
	assert_int_equal(length, LARGE);
	assert_memory_equal(got, fixture->bytes, LARGE);
	flight_leave(flight, &fake.waiter);
}

/* The fetcher's thread of the race below: one origin breaks off, the next one serves. */
static void *
fetch_slowly(void *context)
{
	struct fixture *fixture = context;
	struct flight *flight = fixture->submitted[0];
	struct flight_head head = {.size_bytes = SMALL, .url = "http://origin.example/a"};
	struct err err = ERR_NONE, failure = ERR_NONE;

	for (int attempt = 0; attempt < 2; attempt++) {
		if (!flight_announce(flight, &head, &err))
			break;
		for (size_t i = 0; i < SMALL; i += SMALL / 10)
			if (!flight_append(flight, fixture->bytes + i, SMALL / 10, &err))
				break;
		flight_tick(flight, clock_ms());
		flight_note(flight, head.url, ORIGIN_FAILED, "broke off");
		if (attempt == 0 && !flight_start_over(flight))
			break;
		if (attempt == 1 && land(flight, &err))
			return NULL;
	}
	err_set(&failure, ERR_FAILING, "the end");
	flight_fail(flight, &failure);
	return NULL;
}

/* Whoever is first, the flight ends once and well, and who waits gets the archive. */
static void
an_upload_may_come_at_any_moment(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, SMALL);
	struct digest sha256 = name_of(&digests, DIGEST_SHA256);
	struct err err = ERR_NONE;
	pthread_t fetcher;
	uint64_t size;

	for (int round = 0; round < 300; round++) {
		struct fake fake = fake_waiter(&sha256);
		struct flight *flight = join(fixture, &sha256);

		assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_PARKED);
		assert_int_equal(pthread_create(&fetcher, NULL, fetch_slowly, fixture), 0);
		for (int i = 0; i < round % 30; i++)
			sched_yield();
		flights_stored(fixture->flights, &digests);
		pthread_join(fetcher, NULL);
		wait_until_over(flight);
		assert_int_equal(fake.wakes, 1);
		assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_STORED);
		assert_int_equal(flights_count(fixture->flights), 0);
		flight_leave(flight, &fake.waiter);
		flight_release(fixture->submitted[--fixture->n_submitted]);
		if (store_evict(fixture->store, digests.sha256, &err))
			continue; /* the fetch was first */
		assert_int_equal(err.code, ERR_UNKNOWN);
		err = ERR_NONE;
	}
}

/* Only what was uploaded: the rest of the memory stays. */
static void
an_upload_is_not_nowhere(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, SMALL);
	struct digest names[2] = {name_of(&digests, DIGEST_SHA1), {.algo = DIGEST_SHA256}};
	struct err err = ERR_NONE, failure = ERR_NONE;
	struct flight *flight;

	err_set(&failure, ERR_VANISHED, "every origin said 404");
	for (size_t i = 0; i < 2; i++) {
		flight = join(fixture, &names[i]);
		flight_fail(flight, &failure);
		flight_release(flight);
	}
	flights_stored(fixture->flights, &digests);
	flight = join(fixture, &names[0]);
	flight_fail(flight, &failure);
	flight_release(flight);
	assert_null(flights_join(fixture->flights, &names[1], &err));
	assert_int_equal(err.code, ERR_VANISHED);
}

static void
one_flight_for_all_digests_of_an_archive(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, SMALL);
	struct digest md5 = name_of(&digests, DIGEST_MD5), sha512 = name_of(&digests, DIGEST_SHA512);
	struct err failure = ERR_NONE;
	struct flight *by_md5, *by_sha512;

	teach(fixture, &digests);
	by_md5 = join(fixture, &md5);
	by_sha512 = join(fixture, &sha512);
	assert_ptr_equal(by_md5, by_sha512);
	assert_int_equal(fixture->n_submitted, 1);
	err_set(&failure, ERR_FAILING, "no");
	flight_fail(by_md5, &failure);
	flight_release(by_md5);
	flight_release(by_sha512);
	assert_int_equal(flights_count(fixture->flights), 0);
}

static void
remove_archive(struct fixture *fixture, const struct digest *digest)
{
	struct archive archive;
	struct err err = ERR_NONE;

	assert_true(store_remove(fixture->store, digest, "uid 7", &archive, &err));
}

/* Neither by the digest that it was removed by, nor by another that the catalog lists with it. */
static void
a_removed_archive_is_not_fetched(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, SMALL), listed = {0};
	struct digest md5 = name_of(&digests, DIGEST_MD5), sha512 = name_of(&digests, DIGEST_SHA512);
	struct digest sha256 = name_of(&digests, DIGEST_SHA256);
	struct err err = ERR_NONE;

	digests_put(&listed, &sha512);
	teach(fixture, &listed);
	remove_archive(fixture, &sha512);
	digests_put(&listed, &sha256);
	digests_put(&listed, &md5);
	teach(fixture, &listed);
	assert_null(flights_join(fixture->flights, &sha512, &err));
	assert_int_equal(err.code, ERR_REMOVED);
	assert_non_null(strstr(err.text, "removed by uid 7 on 20"));
	err = ERR_NONE;
	assert_null(flights_join(fixture->flights, &md5, &err));
	assert_int_equal(err.code, ERR_REMOVED);
	assert_int_equal(fixture->n_submitted, 0);
}

static void
a_removal_fails_the_flight_under_way(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, SMALL);
	struct digest sha256 = name_of(&digests, DIGEST_SHA256);
	struct err err = ERR_NONE;
	struct archive archive;
	struct flight *flight;

	teach(fixture, &digests);
	flight = join(fixture, &sha256);
	announce(flight, SMALL);
	append(flight, fixture->bytes, SMALL);
	remove_archive(fixture, &sha256);
	assert_true(land(flight, &err));
	wait_until_over(flight);
	assert_int_equal(flight_failure(flight)->code, ERR_REMOVED);
	assert_int_equal(store_lookup(fixture->store, &sha256, &archive, &err), STORE_MISS);
	flight_release(flight);
}

/* md5 and sha1 are names: where the catalog knows a sha256 the bytes must have that too. */
static void
a_weak_digest_is_not_enough_where_a_strong_one_is_known(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, SMALL), listed = {0};
	struct digest md5 = name_of(&digests, DIGEST_MD5), other = {.algo = DIGEST_SHA256, .bytes = {1}};
	struct err err = ERR_NONE, failure = ERR_NONE;
	struct flight *flight;

	digests_put(&listed, &md5);
	digests_put(&listed, &other);
	teach(fixture, &listed);
	flight = join(fixture, &md5);
	announce(flight, SMALL);
	append(flight, fixture->bytes, SMALL);
	assert_false(land(flight, &err));
	assert_int_equal(err.code, ERR_MISMATCH);
	err_set(&failure, ERR_CHANGED, "changed");
	flight_fail(flight, &failure);
	flight_release(flight);
}

static void
the_table_has_a_limit(void **state)
{
	struct fixture *fixture = *state;
	struct digest digest = {.algo = DIGEST_SHA256};
	struct err err = ERR_NONE, failure = ERR_NONE;
	struct flight *flights[2];

	for (size_t i = 0; i < 2; i++) {
		digest.bytes[0] = (uint8_t)i;
		flights[i] = join(fixture, &digest);
	}
	digest.bytes[0] = 2;
	assert_null(flights_join(fixture->flights, &digest, &err));
	assert_int_equal(err.code, ERR_OVERLOADED);
	err_set(&failure, ERR_FAILING, "no");
	for (size_t i = 0; i < 2; i++) {
		flight_fail(flights[i], &failure);
		flight_release(flights[i]);
	}
	err = ERR_NONE;
	flights_refuse(fixture->flights);
	assert_null(flights_join(fixture->flights, &digest, &err));
	assert_int_equal(err.code, ERR_STOPPING);
}

static void
nowhere_is_remembered_and_failing_is_not(void **state)
{
	struct fixture *fixture = *state;
	struct digest digest = {.algo = DIGEST_SHA256};
	struct err err = ERR_NONE, failure = ERR_NONE;
	struct flight *flight = join(fixture, &digest);

	err_set(&failure, ERR_FAILING, "an origin timed out");
	flight_fail(flight, &failure);
	flight_release(flight);
	flight = join(fixture, &digest);
	err_set(&failure, ERR_ABSENT, "every origin said 404");
	flight_fail(flight, &failure);
	flight_release(flight);
	assert_null(flights_join(fixture->flights, &digest, &err));
	assert_int_equal(err.code, ERR_ABSENT);
	assert_string_equal(err.text, "every origin said 404");
	flights_forget_nowhere(fixture->flights);
	flight = join(fixture, &digest);
	flight_fail(flight, &failure);
	flight_release(flight);
}

static void
fail_until(struct flight *flight, int64_t until_ms)
{
	struct err failure = ERR_NONE;

	err_set(&failure, ERR_FAILING, "all others said 404");
	flight_fail_until(flight, &failure, until_ms);
	flight_release(flight);
}

/* Neither longer than negative_ttl nor than it holds. */
static void
what_holds_for_a_while_is_remembered_for_so_long(void **state)
{
	struct fixture *fixture = *state;
	struct digest digest = {.algo = DIGEST_SHA256};
	int64_t until_ms = clock_ms() + 300;
	struct err err = ERR_NONE;

	fail_until(join(fixture, &digest), until_ms);
	assert_null(flights_join(fixture->flights, &digest, &err));
	assert_int_equal(err.code, ERR_FAILING);
	assert_string_equal(err.text, "all others said 404");
	while (clock_ms() < until_ms)
		usleep(10000);
	fail_until(join(fixture, &digest), INT64_MAX);
	err = ERR_NONE;
	assert_null(flights_join(fixture->flights, &digest, &err));
	assert_int_equal(err.code, ERR_FAILING);
}

/*
 * Whoever asks by md5 what was nowhere by its sha256 is told so at once; not by a digest of which nothing was
 * known then.
 */
static void
nowhere_is_nowhere_by_every_name(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, SMALL), listed = {0};
	struct digest md5 = name_of(&digests, DIGEST_MD5), sha256 = name_of(&digests, DIGEST_SHA256);
	struct digest sha512 = name_of(&digests, DIGEST_SHA512);
	struct err err = ERR_NONE, failure = ERR_NONE;
	struct flight *flight;

	digests_put(&listed, &md5);
	digests_put(&listed, &sha256);
	teach(fixture, &listed);
	err_set(&failure, ERR_UNKNOWN, "no mirror has it");
	flight = join(fixture, &sha256);
	flight_fail(flight, &failure);
	flight_release(flight);
	assert_null(flights_join(fixture->flights, &md5, &err));
	assert_int_equal(err.code, ERR_UNKNOWN);
	assert_int_equal(fixture->n_submitted, 1);

	digests_put(&listed, &sha512);
	teach(fixture, &listed);
	flight = join(fixture, &sha512);
	assert_int_equal(fixture->n_submitted, 2);
	flight_fail(flight, &failure);
	flight_release(flight);
}

/* Two archives with one md5: that the one is nowhere tells nothing of the other. */
static void
nowhere_is_not_told_of_another_archive(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, SMALL);
	struct digest md5 = name_of(&digests, DIGEST_MD5), one = {.algo = DIGEST_SHA256, .bytes = {1}},
	              two = one;
	struct err failure = ERR_NONE;

	two.bytes[0] = 2;
	for (int i = 0; i < 2; i++) {
		struct digests listed = {0};

		digests_put(&listed, &md5);
		digests_put(&listed, i == 0 ? &one : &two);
		teach(fixture, &listed);
	}
	err_set(&failure, ERR_UNKNOWN, "no mirror has it");
	for (int i = 0; i < 2; i++) {
		struct flight *flight = join(fixture, i == 0 ? &one : &md5);

		assert_int_equal(fixture->n_submitted, i + 1);
		flight_fail(flight, &failure);
		flight_release(flight);
	}
	flight_release(join(fixture, &two));
	assert_int_equal(fixture->n_submitted, 3);
	flight_fail(fixture->submitted[2], &failure);
}

/* The disk is full, and so is the memory: at once where the length is told, in the middle where it is not. */
static void
what_passes_through_has_a_limit(void **state)
{
	struct fixture *fixture = *state;
	const struct flight_head head = {.size_bytes = LARGE, .url = "http://origin.example/a"};
	const struct intake_plan most = {.expected_size = PASS_THROUGH_MAX - SMALL};
	struct digests digests = digests_of(fixture->bytes, LARGE);
	struct digest digest = name_of(&digests, DIGEST_SHA256);
	struct flight *flight = join(fixture, &digest);
	struct err err = ERR_NONE;
	struct intake *others = intake_open(fixture->store, INTAKE_PASS_THROUGH, &most, &err);

	assert_non_null(others);
	assert_false(flight_announce(flight, &head, &err));
	assert_int_equal(err.code, ERR_NO_SPACE);
	assert_int_equal(metrics_get(fixture->metrics, METRIC_LIMIT_PASS_THROUGH), 1);
	announce(flight, 0);
	assert_false(flight_append(flight, fixture->bytes, SMALL, &err)); /* on the disk */
	assert_int_equal(metrics_get(fixture->metrics, METRIC_LIMIT_PASS_THROUGH), 1);
	assert_true(flight_start_over(flight));
	announce(flight, 0);
	append(flight, fixture->bytes, SMALL);
	assert_false(flight_append(flight, fixture->bytes + SMALL, 1, &err));
	assert_int_equal(err.code, ERR_NO_SPACE);
	assert_int_equal(metrics_get(fixture->metrics, METRIC_LIMIT_PASS_THROUGH), 2);
	flight_fail(flight, &err);
	flight_release(flight);
	intake_close(others);
}

/* From here on no file can be made in the store, or none can get its name there: as on a disk that takes no writes. */
static void
break_store(struct fixture *fixture, const char *what)
{
	AUTO_TEXT path = TEXT_EMPTY;

	text_addf(&path, "%s/%s", fixture->directory, what);
	assert_int_equal(rmdir(text_string(&path)), 0);
}

/* The shard of this archive. */
static void
break_shard(struct fixture *fixture, const struct digest *sha256)
{
	char hex[DIGEST_HEX_MAX], shard[32];

	digest_hex(sha256, hex);
	snprintf(shard, sizeof shard, "blobs/sha256/%.2s", hex);
	break_store(fixture, shard);
}

/* Who waits gets all of it, and the store has not kept it. */
static void
assert_passed_through(
        struct fixture *fixture, struct flight *flight, struct fake *fake, size_t size, uint64_t passed)
{
	AUTO_FREE char *got = xmalloc(size);
	struct err err = ERR_NONE;
	AUTO_BLOB blob = BLOB_NONE;
	enum flight_news news;
	uint64_t told;

	wait_until_over(flight);
	assert_int_equal(head_of(flight, fake, &told, &err), NEWS_READY);
	assert_int_equal(told, size);
	assert_int_equal(view_all(flight, fake, 0, got, &news), size);
	assert_int_equal(news, NEWS_END);
	assert_memory_equal(got, fixture->bytes, size);
	assert_int_equal(store_find(fixture->store, &fake->waiter.asked, &blob, &err), STORE_MISS);
	assert_int_equal(metrics_get(fixture->metrics, METRIC_PASSED_THROUGH), passed);
	assert_int_equal(metrics_get(fixture->metrics, METRIC_LIMIT_PASS_THROUGH), 0);
	flight_leave(flight, &fake->waiter);
}

/* What is large notices at once, and is given out while it comes; but for its tail, which has to be right. */
static void
a_large_archive_goes_through_memory_where_the_disk_takes_no_writes(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, LARGE);
	struct digest sha256 = name_of(&digests, DIGEST_SHA256);
	AUTO_FREE char *got = xmalloc(LARGE);
	struct err err = ERR_NONE;

	break_store(fixture, "tmp");
	for (int right = 0; right < 2; right++) {
		struct fake fake = fake_waiter(&sha256);
		struct flight *flight = join(fixture, &sha256);
		enum flight_news news;
		uint64_t size;

		announce(flight, LARGE);
		append(flight, fixture->bytes, LARGE - 1);
		append(flight, right ? fixture->bytes + LARGE - 1 : "", 1);
		assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_READY);
		assert_int_equal(view_all(flight, &fake, 0, got, &news), LARGE - FLIGHT_TAIL);
		assert_int_equal(news, NEWS_PARKED);
		assert_int_equal(land(flight, &err), right);
		if (right) {
			assert_passed_through(fixture, flight, &fake, LARGE, 1);
			continue;
		}
		assert_int_equal(err.code, ERR_MISMATCH);
		flight_fail(flight, &err);
		assert_int_equal(
		        view_all(flight, &fake, LARGE - FLIGHT_TAIL, got, &news), LARGE - FLIGHT_TAIL);
		assert_int_equal(news, NEWS_FAILED);
		flight_leave(flight, &fake.waiter);
	}
}

/* What is small notices when all of it is there, and comes once more. */
static void
a_small_archive_goes_through_memory_where_the_disk_takes_no_writes(void **state)
{
	struct fixture *fixture = *state;
	struct digests digests = digests_of(fixture->bytes, SMALL);
	struct digest sha256 = name_of(&digests, DIGEST_SHA256);
	struct fake fake = fake_waiter(&sha256);
	struct flight *flight = join(fixture, &sha256);
	struct err err = ERR_NONE;

	break_store(fixture, "tmp");
	announce(flight, SMALL);
	append(flight, fixture->bytes, SMALL);
	assert_false(land(flight, &err));
	assert_int_equal(err.code, ERR_IO);
	assert_true(flight_start_over(flight));
	announce(flight, SMALL);
	append(flight, fixture->bytes + 1, SMALL);
	assert_false(land(flight, &err));
	assert_int_equal(err.code, ERR_MISMATCH);
	assert_true(flight_start_over(flight));
	announce(flight, SMALL);
	append(flight, fixture->bytes, SMALL);
	assert_true(land(flight, &err));
	assert_passed_through(fixture, flight, &fake, SMALL, 1);
}

/* The disk fails when all is written: what was hashed in memory is right still, what is to be read back from it need not be. */
static void
what_cannot_be_committed_is_passed_through_if_it_is_in_memory(void **state)
{
	static const size_t sizes[] = {SMALL, LARGE};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < 2; i++) {
		struct digests digests = digests_of(fixture->bytes, sizes[i]);
		struct digest sha256 = name_of(&digests, DIGEST_SHA256);
		struct fake fake = fake_waiter(&sha256);
		struct flight *flight = join(fixture, &sha256);
		struct err err = ERR_NONE;
		uint64_t size;

		break_shard(fixture, &sha256);
		announce(flight, sizes[i]);
		append(flight, fixture->bytes, sizes[i]);
		assert_true(land(flight, &err));
		if (sizes[i] == SMALL) {
			assert_passed_through(fixture, flight, &fake, SMALL, 1);
			continue;
		}
		wait_until_over(flight);
		assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_FAILED);
		assert_int_equal(err.code, ERR_FAILING);
		assert_int_equal(metrics_get(fixture->metrics, METRIC_PASSED_THROUGH), 1);
		flight_leave(flight, &fake.waiter);
	}
}

static void
a_refused_flight_fails_who_joined(void **state)
{
	struct fixture *fixture = *state;
	struct digest digest = {.algo = DIGEST_SHA256};
	struct fake fake = fake_waiter(&digest);
	struct err err = ERR_NONE;
	struct flight *flight;
	uint64_t size;

	fixture->refuse = true;
	flight = join(fixture, &digest);
	assert_int_equal(head_of(flight, &fake, &size, &err), NEWS_FAILED);
	assert_int_equal(err.code, ERR_STOPPING);
	flight_leave(flight, &fake.waiter);
	assert_int_equal(flights_count(fixture->flights), 0);
}

#define IN_FIXTURE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        IN_FIXTURE(small_archive_is_promised_only_when_stored),
	        IN_FIXTURE(large_archive_streams_with_its_tail_held_back),
	        IN_FIXTURE(first_bytes_of_a_large_archive_go_out_at_once),
	        IN_FIXTURE(who_sends_from_where_the_bytes_lie_gets_no_more_than_who_reads),
	        IN_FIXTURE(who_leaves_parked_is_told_so),
	        IN_FIXTURE(wrong_bytes_never_complete_and_another_origin_may_be_asked),
	        IN_FIXTURE(who_only_looks_is_promised_nothing),
	        IN_FIXTURE(a_broken_stream_fails_its_readers),
	        IN_FIXTURE(what_comes_again_is_compared),
	        IN_FIXTURE(other_bytes_are_handed_on_when_nobody_was_promised_them),
	        IN_FIXTURE(other_bytes_are_handed_on_when_the_last_reader_has_left),
	        IN_FIXTURE(more_bytes_than_announced_are_refused),
	        IN_FIXTURE(who_waits_too_long_is_told_and_the_download_goes_on),
	        IN_FIXTURE(an_upload_ends_a_flight_that_seeks),
	        IN_FIXTURE(an_upload_ends_a_flight_that_has_promised_nothing),
	        IN_FIXTURE(an_upload_leaves_a_flight_that_has_promised),
	        IN_FIXTURE(an_upload_may_come_at_any_moment),
	        IN_FIXTURE(an_upload_is_not_nowhere),
	        IN_FIXTURE(one_flight_for_all_digests_of_an_archive),
	        IN_FIXTURE(a_removed_archive_is_not_fetched),
	        IN_FIXTURE(a_removal_fails_the_flight_under_way),
	        IN_FIXTURE(a_weak_digest_is_not_enough_where_a_strong_one_is_known),
	        IN_FIXTURE(the_table_has_a_limit),
	        IN_FIXTURE(nowhere_is_remembered_and_failing_is_not),
	        IN_FIXTURE(what_holds_for_a_while_is_remembered_for_so_long),
	        IN_FIXTURE(nowhere_is_nowhere_by_every_name),
	        IN_FIXTURE(nowhere_is_not_told_of_another_archive),
	        cmocka_unit_test_setup_teardown(what_passes_through_has_a_limit, setup_full, teardown),
	        IN_FIXTURE(a_large_archive_goes_through_memory_where_the_disk_takes_no_writes),
	        IN_FIXTURE(a_small_archive_goes_through_memory_where_the_disk_takes_no_writes),
	        IN_FIXTURE(what_cannot_be_committed_is_passed_through_if_it_is_in_memory),
	        IN_FIXTURE(a_refused_flight_fails_who_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
