/*
 * The stand-ins. They keep the contracts of the real headers and assert them.
 */
#include "tests/support/fake_archive.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "storage/base/text.h"

/* --- intakes --- */

struct intake {
	struct hasher *hasher;
	struct digests digests;
	uint64_t max_size, size;
};

static atomic_uint open_intakes;

unsigned
fake_intakes(void)
{
	return open_intakes;
}

struct intake *
intake_open(struct store *store, enum intake_keeping keeping, const struct intake_plan *plan, struct err *err)
{
	struct intake *intake;

	(void)err;
	assert(store != NULL && keeping == INTAKE_KEEP);
	intake = xcalloc(1, sizeof *intake);
	intake->hasher = hasher_create();
	intake->max_size = plan->max_size;
	open_intakes++;
	return intake;
}

bool
intake_append(struct intake *intake, const void *bytes, size_t length, struct err *err)
{
	intake->size += length;
	if (intake->max_size > 0 && intake->size > intake->max_size)
		return err_set(err, ERR_TOO_LARGE, "too large");
	hasher_add(intake->hasher, bytes, length);
	return true;
}

const struct digests *
intake_digests(struct intake *intake)
{
	hasher_digests(intake->hasher, &intake->digests);
	return &intake->digests;
}

void
intake_close(struct intake *intake)
{
	if (intake == NULL)
		return;
	open_intakes--;
	hasher_destroy(intake->hasher);
	free(intake);
}

/* What a flight that refused its bytes hands on. */
static struct intake *
fake_intake(void)
{
	struct intake_plan plan = {0};
	struct err err = ERR_NONE;

	return intake_open((struct store *)(void *)&plan, INTAKE_KEEP, &plan, &err);
}

/* --- flights --- */

struct flight *
fake_flight(const struct digest *asked, const char *expected, size_t length)
{
	struct flight *flight = xcalloc(1, sizeof *flight);

	atomic_init(&flight->references, 1);
	flight->asked = *asked;
	flight->expected = expected;
	flight->expected_length = length;
	pthread_mutex_init(&flight->mutex, NULL);
	pthread_cond_init(&flight->changed, NULL);
	return flight;
}

static bool
is_over(const struct flight *flight)
{
	return flight->settled || flight->failed || flight->stored;
}

void
fake_wait(struct flight *flight)
{
	pthread_mutex_lock(&flight->mutex);
	while (!is_over(flight))
		pthread_cond_wait(&flight->changed, &flight->mutex);
	pthread_mutex_unlock(&flight->mutex);
}

void
fake_wait_length(struct flight *flight, size_t length)
{
	pthread_mutex_lock(&flight->mutex);
	while (flight->length < length)
		pthread_cond_wait(&flight->changed, &flight->mutex);
	pthread_mutex_unlock(&flight->mutex);
}

void
fake_wait_ticks(struct flight *flight, unsigned ticks)
{
	pthread_mutex_lock(&flight->mutex);
	while (flight->ticks < ticks)
		pthread_cond_wait(&flight->changed, &flight->mutex);
	pthread_mutex_unlock(&flight->mutex);
}

void
fake_wait_landed(struct flight *flight)
{
	pthread_mutex_lock(&flight->mutex);
	while (!flight->landed)
		pthread_cond_wait(&flight->changed, &flight->mutex);
	pthread_mutex_unlock(&flight->mutex);
}

/* Under the mutex. */
static void
changed(struct flight *flight)
{
	pthread_cond_broadcast(&flight->changed);
}

void
fake_promise(struct flight *flight)
{
	pthread_mutex_lock(&flight->mutex);
	flight->promised = true;
	pthread_mutex_unlock(&flight->mutex);
}

void
fake_settle(struct flight *flight)
{
	pthread_mutex_lock(&flight->mutex);
	flight->settled = true;
	changed(flight);
	pthread_mutex_unlock(&flight->mutex);
}

void
fake_stored(struct flight *flight)
{
	pthread_mutex_lock(&flight->mutex);
	flight->stored = true;
	changed(flight);
	pthread_mutex_unlock(&flight->mutex);
}

static bool
is_stored(struct flight *flight)
{
	bool stored;

	pthread_mutex_lock(&flight->mutex);
	stored = flight->stored;
	pthread_mutex_unlock(&flight->mutex);
	return stored;
}

bool
flight_announce(struct flight *flight, const struct flight_head *head, struct err *err)
{
	if (is_stored(flight))
		return err_set(err, ERR_CANCELLED, "stored");
	pthread_mutex_lock(&flight->mutex);
	assert(!flight->promised && !is_over(flight) && !flight->landed);
	flight->rejected = false;
	flight->announced_count++;
	flight->announced = head->size_bytes;
	flight->length = 0;
	pthread_mutex_unlock(&flight->mutex);
	return true;
}

bool
flight_append(struct flight *flight, const void *bytes, size_t length, struct err *err)
{
	assert(flight->announced_count > 0);
	if (is_stored(flight))
		return err_set(err, ERR_CANCELLED, "stored");
	if (flight->refuse_append.code != ERR_OK) {
		*err = flight->refuse_append;
		flight->refuse_append = ERR_NONE;
		return false;
	}
	pthread_mutex_lock(&flight->mutex);
	flight->bytes = xrealloc(flight->bytes, flight->length + length);
	memcpy(flight->bytes + flight->length, bytes, length);
	flight->length += length;
	changed(flight);
	pthread_mutex_unlock(&flight->mutex);
	return true;
}

bool
flight_compare(struct flight *flight, uint64_t position, const void *bytes, size_t length, struct err *err)
{
	assert(position + length <= flight->length);
	if (memcmp(flight->bytes + position, bytes, length) == 0)
		return true;
	return err_set(err, ERR_MISMATCH, "not what came before");
}

void
flight_hand_on(struct flight *flight, flight_rejected_fn *take, void *context)
{
	pthread_mutex_lock(&flight->mutex);
	assert(flight->rejected);
	flight->handed_on++;
	pthread_mutex_unlock(&flight->mutex);
	take(context, fake_intake());
}

bool
flight_start_over(struct flight *flight)
{
	bool may;

	pthread_mutex_lock(&flight->mutex);
	may = !flight->promised && !flight->stored;
	pthread_mutex_unlock(&flight->mutex);
	return may;
}

static void
hash_all(struct flight *flight)
{
	struct hasher *hasher = hasher_create();

	hasher_add(hasher, flight->bytes, flight->length);
	hasher_digests(hasher, &flight->came);
	hasher_destroy(hasher);
}

const struct digests *
flight_rejected(const struct flight *flight)
{
	return flight->rejected ? &flight->came : NULL;
}

static bool
land(struct flight *flight, struct err *err)
{
	bool right = flight->length == flight->expected_length &&
	             (flight->length == 0 || memcmp(flight->bytes, flight->expected, flight->length) == 0);

	assert(flight->announced_count > 0);
	if (is_stored(flight))
		return err_set(err, ERR_CANCELLED, "stored");
	if (flight->refuse_land.code != ERR_OK) {
		*err = flight->refuse_land;
		return false;
	}
	flight->rejected = !right;
	hash_all(flight);
	if (!right)
		return err_set(err, ERR_MISMATCH, "other bytes");
	pthread_mutex_lock(&flight->mutex);
	flight->landed = true;
	flight->settled = !flight->settles_later;
	changed(flight);
	pthread_mutex_unlock(&flight->mutex);
	return true;
}

void
flight_land(struct flight *flight, flight_told_fn *told, void *context)
{
	struct err err = ERR_NONE;

	if (!flight->tells_later) {
		told(context, land(flight, &err) ? NULL : &err);
		return;
	}
	pthread_mutex_lock(&flight->mutex);
	flight->told_context = context;
	flight->told = told;
	changed(flight);
	pthread_mutex_unlock(&flight->mutex);
}

void
fake_wait_landing(struct flight *flight)
{
	pthread_mutex_lock(&flight->mutex);
	while (flight->told == NULL)
		pthread_cond_wait(&flight->changed, &flight->mutex);
	pthread_mutex_unlock(&flight->mutex);
}

void
fake_tell(struct flight *flight)
{
	struct err err = ERR_NONE;
	flight_told_fn *told;

	fake_wait_landing(flight);
	pthread_mutex_lock(&flight->mutex);
	told = flight->told;
	flight->told = NULL;
	pthread_mutex_unlock(&flight->mutex);
	told(flight->told_context, land(flight, &err) ? NULL : &err);
}

void
flight_fail(struct flight *flight, const struct err *err)
{
	flight_fail_until(flight, err, 0);
}

void
flight_fail_until(struct flight *flight, const struct err *err, int64_t until_ms)
{
	pthread_mutex_lock(&flight->mutex);
	assert(flight->stored || !is_over(flight));
	if (!flight->stored) {
		flight->failed = true;
		flight->err = *err;
		flight->failed_until_ms = until_ms;
		changed(flight);
	}
	pthread_mutex_unlock(&flight->mutex);
}

void
flight_tick(struct flight *flight, int64_t now_ms)
{
	(void)now_ms;
	pthread_mutex_lock(&flight->mutex);
	flight->ticks++;
	changed(flight);
	pthread_mutex_unlock(&flight->mutex);
}

bool
flight_is_over(struct flight *flight)
{
	bool over;

	pthread_mutex_lock(&flight->mutex);
	over = is_over(flight);
	pthread_mutex_unlock(&flight->mutex);
	return over;
}

const struct digest *
flight_asked(const struct flight *flight)
{
	return &flight->asked;
}

const struct catalog_wanted *
flight_wanted(const struct flight *flight)
{
	return &flight->wanted;
}

void
flight_note(struct flight *flight, const char *url, enum origin_result result, const char *detail)
{
	pthread_mutex_lock(&flight->mutex);
	assert(flight->stored || !is_over(flight));
	if (!flight->stored)
		attempts_add(&flight->attempts, url, result, detail);
	pthread_mutex_unlock(&flight->mutex);
}

const struct attempts *
flight_attempts(const struct flight *flight)
{
	return &flight->attempts;
}

void
flight_hold(struct flight *flight)
{
	atomic_fetch_add(&flight->references, 1);
}

void
flight_release(struct flight *flight)
{
	if (atomic_fetch_sub(&flight->references, 1) > 1)
		return;
	attempts_finish(&flight->attempts);
	pthread_cond_destroy(&flight->changed);
	pthread_mutex_destroy(&flight->mutex);
	free(flight->bytes);
	free(flight);
}

/* --- the catalog --- */

struct store *
fake_store(struct fake_catalog *catalog)
{
	return (struct store *)(void *)catalog;
}

struct catalog *
store_catalog(struct store *store)
{
	return (struct catalog *)(void *)store;
}

bool
catalog_origins(
        struct catalog *catalog, const struct digest *digest, struct catalog_origins *ret, struct err *err)
{
	struct fake_catalog *fake = (struct fake_catalog *)(void *)catalog;

	(void)digest;
	if (fake->asked != NULL)
		fake->asked(fake->context);
	if (fake->broken)
		return err_set(err, ERR_CORRUPT, "broken on purpose");
	ret->items = xcalloc(fake->count + 1, sizeof *ret->items);
	ret->count = fake->count;
	for (size_t i = 0; i < fake->count; i++) {
		ret->items[i].id = (int64_t)i + 1;
		ret->items[i].url = xstrdup(fake->urls[i]);
		ret->items[i].digests = fake->promised[i];
		ret->items[i].memory.state = fake->vanished ? ORIGIN_IS_VANISHED : ORIGIN_IS_UNTRIED;
	}
	return true;
}

bool
catalog_has_vanished(const struct catalog_origins *origins)
{
	return origins->count > 0 && origins->items[0].memory.state == ORIGIN_IS_VANISHED;
}

void
catalog_origins_finish(struct catalog_origins *origins)
{
	for (size_t i = 0; i < origins->count; i++)
		free(origins->items[i].url);
	free(origins->items);
}

void
catalog_contact(struct catalog *catalog, const struct contact *contact)
{
	struct fake_catalog *fake = (struct fake_catalog *)(void *)catalog;
	struct fake_contact *last;

	pthread_mutex_lock(&fake->mutex);
	last = &fake->last[contact->origin_id];
	*last = (struct fake_contact){.count = last->count + 1,
	        .asked = contact->asked,
	        .result = contact->result,
	        .took_ms = contact->took_ms,
	        .length = contact->length};
	snprintf(last->url, sizeof last->url, "%s", contact->url);
	snprintf(last->detail, sizeof last->detail, "%s", contact->detail);
	snprintf(last->etag, sizeof last->etag, "%s", contact->etag);
	snprintf(last->modified, sizeof last->modified, "%s", contact->modified);
	pthread_mutex_unlock(&fake->mutex);
}

/* --- the metrics --- */

struct metrics {
	_Atomic uint64_t counters[METRICS];
	pthread_mutex_t mutex;
	struct text outcomes;
};

struct metrics *
fake_metrics_create(void)
{
	struct metrics *metrics = xcalloc(1, sizeof *metrics);

	pthread_mutex_init(&metrics->mutex, NULL);
	return metrics;
}

void
fake_metrics_destroy(struct metrics *metrics)
{
	pthread_mutex_destroy(&metrics->mutex);
	text_finish(&metrics->outcomes);
	free(metrics);
}

const char *
fake_metrics_outcomes(struct metrics *metrics)
{
	return text_string(&metrics->outcomes);
}

void
metrics_add(struct metrics *metrics, enum metric metric, uint64_t count)
{
	metrics->counters[metric] += count;
}

uint64_t
metrics_get(struct metrics *metrics, enum metric metric)
{
	return metrics->counters[metric];
}

void
metrics_upstream(struct metrics *metrics, const char *host, const char *outcome)
{
	pthread_mutex_lock(&metrics->mutex);
	text_addf(&metrics->outcomes, "%s %s\n", host, outcome);
	pthread_mutex_unlock(&metrics->mutex);
}
