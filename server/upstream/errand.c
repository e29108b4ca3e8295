/*
 * How one archive is looked for: which origin next, what its answer means for the flight, the host, the
 * catalog and the figures. The fetcher's thread; must never wait.
 */
#include "server/upstream/errand.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "server/admin/metrics.h"
#include "storage/base/clock.h"
#include "storage/base/file.h"
#include "storage/base/log.h"

struct errand *
errand_for_flight(struct flight *flight)
{
	struct errand *errand = xcalloc(1, sizeof *errand);

	errand->flight = flight;
	return errand;
}

struct errand *
errand_for_document(struct document *document)
{
	struct errand *errand = xcalloc(1, sizeof *errand);

	errand->document = document;
	return errand;
}

void
errand_close(struct errand *errand)
{
	assert(errand->transfer == NULL);
	if (errand->flight != NULL)
		flight_release(errand->flight);
	origins_finish(&errand->origins);
	tally_finish(&errand->tally);
	free(errand);
}

/* --- where the bytes go --- */

const struct origin *
errand_origin(const struct errand *errand)
{
	return &errand->origins.items[errand->next];
}

static bool
begin_flight(void *context, const struct head *head, struct err *err)
{
	struct errand *errand = context;
	struct flight_head announced = {.size_bytes = head_size(head), .url = errand_origin(errand)->url};

	return flight_announce(errand->flight, &announced, err);
}

static bool
append_flight(void *context, const void *bytes, size_t length, struct err *err)
{
	struct errand *errand = context;

	return flight_append(errand->flight, bytes, length, err);
}

static const struct transfer_sink flight_sink = {.begin = begin_flight, .append = append_flight};

static bool
begin_document(void *context, const struct head *head, struct err *err)
{
	const struct errand *errand = context;
	int fd = errand->document->wanted->fd;

	(void)head;
	if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
		return err_errno(err, "emptying the file for %.100s", errand->document->wanted->url);
	return true;
}

static bool
append_document(void *context, const void *bytes, size_t length, struct err *err)
{
	const struct errand *errand = context;

	return file_write(errand->document->wanted->fd, bytes, length, err);
}

static const struct transfer_sink document_sink = {.begin = begin_document, .append = append_document};

/* --- the ends of an errand --- */

static void
tell_document(struct document *document, const struct err *err)
{
	pthread_mutex_lock(&document->mutex);
	document->over = true;
	document->fetched = err->code == ERR_OK;
	document->err = *err;
	pthread_cond_signal(&document->ended);
	pthread_mutex_unlock(&document->mutex);
}

static void
fail(struct errand *errand, const struct err *err)
{
	errand->state = ERRAND_OVER;
	if (errand->flight != NULL)
		flight_fail(errand->flight, err);
	else
		tell_document(errand->document, err);
}

/* Nobody is left to be asked. */
static void
give_up(struct errand *errand)
{
	struct err err = ERR_NONE;

	if (errand->flight != NULL)
		tally_verdict(&errand->tally, &err);
	else
		err_set(&err, errand->tally.counts[TALLY_TOO_LARGE] > 0 ? ERR_TOO_LARGE : ERR_FAILING,
		        "fetching %.100s: %s", errand->document->wanted->url,
		        text_string(&errand->tally.causes));
	fail(errand, &err);
}

/* --- before a transfer --- */

static struct digest
strongest(const struct digest *asked, const struct catalog_wanted *wanted)
{
	struct digest digest = *asked;

	if (wanted->count == 0 || digest_is_strong(asked->algo))
		return digest;
	if (!digests_get(&wanted->sets[0], DIGEST_SHA256, &digest) &&
	        !digests_get(&wanted->sets[0], DIGEST_SHA512, &digest))
		digest = *asked;
	return digest;
}

static void
open_flight(struct errand *errand)
{
	struct upstream *upstream = errand->upstream;
	const struct digest *asked = flight_asked(errand->flight);
	const struct catalog_wanted *wanted = flight_wanted(errand->flight);
	struct catalog_origins known = {0};
	struct origins_question question = {.asked = asked, .wanted = wanted, .known = &known};
	struct err err = ERR_NONE;

	errand->name = strongest(asked, wanted);
	if (!catalog_origins(upstream->catalog, asked, &known, &err)) {
		log_warning("the catalog cannot be read: %s; only the mirrors are asked", err.text);
		tally_add(&errand->tally, TALLY_FAILED, "", "the catalog cannot be read");
	}
	errand->tally.named = known.count > 0;
	origins_gather(&errand->origins, upstream->config, upstream->policy, &question);
	if (errand->origins.left_out > 0)
		metrics_add(upstream->metrics, METRIC_LIMIT_MIRROR_URLS, 1);
	catalog_origins_finish(&known);
}

void
errand_open(struct errand *errand, struct upstream *upstream)
{
	errand->upstream = upstream;
	errand->state = ERRAND_WAITING;
	if (errand->flight != NULL)
		open_flight(errand);
	else
		origins_gather_one(
		        &errand->origins, upstream->config, upstream->policy, errand->document->wanted->url);
}

/* What the flight and the tally keep of one origin that was of no use. */
static void
note(struct errand *errand, enum tally_kind kind, const char *detail)
{
	static const enum origin_result results[TALLY_KINDS] = {
	        [TALLY_GONE] = ORIGIN_GONE,
	        [TALLY_CHANGED] = ORIGIN_CHANGED,
	        [TALLY_TOO_LARGE] = ORIGIN_FAILED,
	        [TALLY_FAILED] = ORIGIN_FAILED,
	        [TALLY_RESTING] = ORIGIN_UNTRIED,
	};
	const struct origin *origin = errand_origin(errand);

	tally_add(&errand->tally, kind, origin->place.host, detail);
	if (errand->flight != NULL)
		flight_note(errand->flight, origin->url, results[kind], detail);
}

static void
note_rest(struct errand *errand, enum tally_kind kind, const char *why, int64_t until_ms, int64_t now_ms)
{
	struct text detail = TEXT_EMPTY;

	text_addf(&detail, "%s %lld s more", why, (long long)(until_ms - now_ms + 999) / 1000);
	note(errand, kind, text_string(&detail));
	text_finish(&detail);
}

/* Whether the origin may be asked now; where not, says why. */
static bool
may_ask(struct errand *errand, const struct origin *origin, int64_t now_ms)
{
	struct upstream *upstream = errand->upstream;
	int64_t until;

	if (origin->allowed != POLICY_ALLOWED) {
		if (origin->allowed == POLICY_PORT)
			metrics_add(upstream->metrics, METRIC_LIMIT_ADDRESS_POLICY, 1);
		note(errand, TALLY_FAILED, policy_answer_text(origin->allowed));
		return false;
	}
	until = breaker_rests_until(upstream->breaker, origin->place.host, now_ms);
	if (until != 0) {
		note_rest(errand, TALLY_RESTING, "rests for", until, now_ms);
		return false;
	}
	if (errand->flight == NULL)
		return true;
	until = rests_until(upstream->rests, &errand->name, origin->url, now_ms);
	if (until != 0) {
		note_rest(errand, TALLY_CHANGED, "served other bytes, not asked for", until, now_ms);
		return false;
	}
	return true;
}

bool
errand_is_moot(const struct errand *errand)
{
	return errand->flight != NULL && errand->state != ERRAND_SETTLING && flight_is_over(errand->flight);
}

const struct origin *
errand_next(struct errand *errand, int64_t now_ms)
{
	assert(errand->state == ERRAND_WAITING);
	if (errand_is_moot(errand)) {
		errand->state = ERRAND_OVER;
		return NULL;
	}
	for (; errand->next < errand->origins.count; errand->next++)
		if (may_ask(errand, errand_origin(errand), now_ms))
			return errand_origin(errand);
	give_up(errand);
	return NULL;
}

void
errand_begin(struct errand *errand, CURLM *multi, int64_t now_ms)
{
	const struct config_fetch *limits = &errand->upstream->config->fetch;
	const struct origin *origin = errand_origin(errand);
	struct transfer_plan plan = {
	        .url = origin->url,
	        .limits = limits,
	        .policy = errand->upstream->policy,
	        .max_bytes =
	                errand->flight != NULL ? limits->max_archive : errand->document->wanted->max_bytes,
	        .sink = errand->flight != NULL ? &flight_sink : &document_sink,
	        .context = errand,
	};

	assert(errand->state == ERRAND_WAITING);
	errand->transfer = transfer_begin(multi, &plan, now_ms);
	breaker_begin(errand->upstream->breaker, origin->place.host);
	errand->state = ERRAND_RUNNING;
}

/* --- after a transfer --- */

static void
log_news(const char *host, enum breaker_news news, const struct breaker_rest *rest, const char *detail)
{
	switch (news) {
	case BREAKER_AS_BEFORE:
		break;
	case BREAKER_RESTS:
		if (rest->failures > 0)
			log_warning(
			        "origin %s rests %lld s after %u failures: %s; others are asked meanwhile",
			        host, (long long)rest->for_ms / 1000, rest->failures, detail);
		else
			log_warning("origin %s rests %lld s, as it asked with %s; others are asked meanwhile",
			        host, (long long)rest->for_ms / 1000, detail);
		break;
	case BREAKER_ANSWERS_AGAIN:
		log_info("origin %s answers again", host);
		break;
	}
}

static void
judge_host(struct errand *errand, const struct transfer_report *report, int64_t now_ms)
{
	struct breaker *breaker = errand->upstream->breaker;
	const char *host = errand_origin(errand)->place.host;
	enum breaker_news news = BREAKER_AS_BEFORE;
	struct breaker_rest rest = {0};

	if (report->end == TRANSFER_BUSY)
		news = breaker_asked_rest(breaker, host, report->rest_ms, now_ms, &rest);
	else if (transfer_end_blames_host(report->end))
		news = breaker_failed(breaker, host, now_ms, &rest);
	else if (transfer_end_is_answer(report->end))
		news = breaker_answered(breaker, host, now_ms);
	log_news(host, news, &rest, report->detail);
}

static void
count_limit(struct metrics *metrics, enum transfer_limit limit)
{
	static const enum metric counters[] = {
	        [TRANSFER_LIMIT_CONNECT] = METRIC_LIMIT_CONNECT,
	        [TRANSFER_LIMIT_FIRST_BYTE] = METRIC_LIMIT_FIRST_BYTE,
	        [TRANSFER_LIMIT_RATE] = METRIC_LIMIT_FETCH_RATE,
	        [TRANSFER_LIMIT_REDIRECTS] = METRIC_LIMIT_REDIRECTS,
	        [TRANSFER_LIMIT_ADDRESS] = METRIC_LIMIT_ADDRESS_POLICY,
	        [TRANSFER_LIMIT_HEADERS] = METRIC_LIMIT_FETCH_HEADERS,
	        [TRANSFER_LIMIT_SIZE] = METRIC_LIMIT_MAX_ARCHIVE,
	};

	if (limit != TRANSFER_NO_LIMIT)
		metrics_add(metrics, counters[limit], 1);
}

/* The contact's place in the figures and in the catalog. */
static void
record(struct errand *errand, enum origin_result result, const char *word, const char *detail)
{
	const struct origin *origin = errand_origin(errand);
	struct contact contact;

	metrics_upstream(errand->upstream->metrics, origin->place.host, word);
	if (errand->flight == NULL)
		return;
	contact = (struct contact){.origin_id = origin->id,
	        .asked = origin->asked,
	        .url = origin->named,
	        .result = result,
	        .detail = detail,
	        .etag = "",
	        .modified = "",
	        .length = -1};
	catalog_contact(errand->upstream->catalog, &contact);
}

/* The next origin, or the end when bytes of this one were promised already. */
static void
go_on(struct errand *errand, enum err_code code_if_promised)
{
	struct err err = ERR_NONE;

	errand->next++;
	errand->retried = false;
	errand->state = ERRAND_WAITING;
	if (errand->flight == NULL)
		return;
	if (flight_start_over(errand->flight)) {
		if (errand->next < errand->origins.count)
			metrics_add(errand->upstream->metrics, METRIC_FLIGHT_RESTARTS, 1);
		return;
	}
	err_set(&err, code_if_promised, "it broke off after bytes were given out: %s",
	        text_string(&errand->tally.causes));
	fail(errand, &err);
}

static void
served_other_bytes(struct errand *errand, const char *detail, int64_t now_ms)
{
	metrics_add(errand->upstream->metrics, METRIC_WRONG_BYTES, 1);
	rests_add(errand->upstream->rests, &errand->name, errand_origin(errand)->url, now_ms);
	record(errand, ORIGIN_CHANGED, "changed", detail);
	note(errand, TALLY_CHANGED, detail);
	go_on(errand, ERR_CHANGED);
}

static void
served(struct errand *errand, int64_t now_ms)
{
	struct err err = ERR_NONE;

	if (errand->flight == NULL) {
		record(errand, ORIGIN_SERVED, "served", "");
		errand->state = ERRAND_OVER;
		tell_document(errand->document, &err);
	} else if (flight_land(errand->flight, &err)) {
		record(errand, ORIGIN_SERVED, "served", "");
		rests_remove(errand->upstream->rests, &errand->name, errand_origin(errand)->url);
		errand->state = ERRAND_SETTLING;
	} else if (err.code == ERR_MISMATCH) {
		served_other_bytes(errand, err.text, now_ms);
	} else {
		fail(errand, &err);
	}
}

/* It was on this side: the disk, a limit of the flight's, more bytes than announced. */
static void
refused_here(struct errand *errand, const struct err *err, int64_t now_ms)
{
	if (errand->flight == NULL) {
		fail(errand, err);
	} else if (err->code == ERR_MISMATCH) {
		served_other_bytes(errand, err->text, now_ms);
	} else if (err->code == ERR_TOO_LARGE) {
		record(errand, ORIGIN_FAILED, transfer_end_word(TRANSFER_TOO_LARGE), err->text);
		note(errand, TALLY_TOO_LARGE, err->text);
		go_on(errand, ERR_LIMIT);
	} else if (err->code == ERR_NO_SPACE && !errand->retried && flight_start_over(errand->flight)) {
		errand->retried = true; /* the flight has turned to memory: the same origin once more */
		errand->state = ERRAND_WAITING;
	} else {
		fail(errand, err);
	}
}

static void
was_of_no_use(struct errand *errand, const struct transfer_report *report)
{
	enum tally_kind kind = TALLY_FAILED;

	if (report->end == TRANSFER_GONE)
		kind = TALLY_GONE;
	else if (report->end == TRANSFER_TOO_LARGE)
		kind = TALLY_TOO_LARGE;
	record(errand, kind == TALLY_GONE ? ORIGIN_GONE : ORIGIN_FAILED, transfer_end_word(report->end),
	        report->detail);
	note(errand, kind, report->detail);
	go_on(errand, kind == TALLY_TOO_LARGE ? ERR_LIMIT : ERR_FAILING);
}

void
errand_ended(struct errand *errand, CURLM *multi, CURLcode code, int64_t now_ms)
{
	struct upstream *upstream = errand->upstream;
	struct transfer_report report;

	assert(errand->state == ERRAND_RUNNING);
	transfer_finish(multi, errand->transfer, code, &report);
	errand->transfer = NULL;
	breaker_end(upstream->breaker, errand_origin(errand)->place.host);
	metrics_add(upstream->metrics, METRIC_UPSTREAM_BYTES, report.received);
	if (errand_is_moot(errand)) { /* says nothing about the origin */
		errand->state = ERRAND_OVER;
		return;
	}
	count_limit(upstream->metrics, report.limit);
	judge_host(errand, &report, now_ms);
	if (report.end == TRANSFER_SERVED)
		served(errand, now_ms);
	else if (report.end == TRANSFER_REFUSED_HERE)
		refused_here(errand, &report.err, now_ms);
	else
		was_of_no_use(errand, &report);
}

void
errand_tick(struct errand *errand, int64_t now_ms)
{
	if (errand->flight == NULL)
		return;
	flight_tick(errand->flight, now_ms);
	if (errand->state != ERRAND_RUNNING && flight_is_over(errand->flight))
		errand->state = ERRAND_OVER;
}

void
errand_break(struct errand *errand, CURLM *multi)
{
	struct transfer_report report;
	struct err err = ERR_NONE;

	if (errand->transfer != NULL) {
		transfer_finish(multi, errand->transfer, CURLE_ABORTED_BY_CALLBACK, &report);
		errand->transfer = NULL;
	}
	err_set(&err, ERR_STOPPING, "larder is stopping");
	if (errand->state == ERRAND_WAITING || errand->state == ERRAND_RUNNING)
		fail(errand, &err);
	errand->state = ERRAND_OVER;
}
