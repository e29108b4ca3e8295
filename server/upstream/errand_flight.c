/*
 * What is particular to the errand of a flight: where its bytes go, and what a wrong, a cut and a refused answer mean
 * for it. The fetcher's thread; must never wait.
 */
#include <stdlib.h>

#include "server/admin/metrics.h"
#include "server/upstream/drift.h"
#include "server/upstream/errand_parts.h"
#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/text.h"

struct errand *
errand_for_flight(struct flight *flight)
{
	struct errand *errand = xcalloc(1, sizeof *errand);

	errand->kind = &errand_kind_flight;
	errand->flight = flight;
	return errand;
}

static void
close_flight(struct errand *errand)
{
	if (errand->flight != NULL)
		flight_release(errand->flight);
}

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
put_mistrusted_last(struct errand *errand)
{
	int64_t now_ms = clock_ms();

	for (size_t i = 0; i < errand->origins.count; i++) {
		struct origin *origin = &errand->origins.items[i];

		if (rests_is_last(errand->upstream->rests, &errand->name, origin->url, now_ms))
			origin->turn = ORIGIN_SECOND_TURN;
	}
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
	for (size_t i = 0; i < known.count; i++)
		errand->tally.named = errand->tally.named || known.items[i].kind == ORIGIN_NAMED;
	errand->tally.vanished = catalog_has_vanished(&known);
	origins_gather(&errand->origins, upstream->config, upstream->policy, &question);
	put_mistrusted_last(errand);
	if (errand->origins.left_out > 0)
		metrics_add(upstream->metrics, METRIC_LIMIT_MIRROR_URLS, 1);
	catalog_origins_finish(&known);
}

/* Whoever broke off, to be asked for the rest. */
static size_t
prefers(const struct errand *errand)
{
	const struct resume *resume = &errand->resume;

	const struct origin *broken = &errand->origins.items[resume->broken];

	return resume->pending && !broken->asked && broken->turn == ORIGIN_FIRST_TURN ? resume->broken
	                                                                              : ORIGINS_ANY;
}

static int64_t
flight_rests_until(const struct errand *errand, const struct origin *origin, int64_t now_ms)
{
	return rests_until(errand->upstream->rests, &errand->name, origin->url, now_ms);
}

/* --- where the bytes go --- */

/* From its start. Where bytes were given out already it has to repeat them first. */
static bool
begin_whole(struct visit *visit, const struct head *head, struct err *err)
{
	struct errand *errand = visit->errand;
	struct flight_head announced = {
	        .size_bytes = head_size(head), .url = errand->origins.items[visit->origin].url};

	if (errand->resume.have > 0 && !flight_start_over(errand->flight)) {
		if (!resume_repeats(visit, head, err))
			return false;
		resume_part_begins(visit, head);
		return true;
	}
	resume_whole_begins(visit, head);
	return flight_announce(errand->flight, &announced, err);
}

static bool
begin_flight(void *context, const struct head *head, struct err *err)
{
	struct visit *visit = context;

	if (head->status != 206)
		return errand_wins(visit, err) && begin_whole(visit, head, err);
	if (!resume_continues(visit, head, err) || !errand_wins(visit, err))
		return false;
	resume_part_begins(visit, head);
	return true;
}

static bool
append_flight(void *context, const void *bytes, size_t length, struct err *err)
{
	struct visit *visit = context;
	struct errand *errand = visit->errand;
	const char *fresh = bytes;
	size_t compared = 0;

	if (visit->at < errand->resume.have && !resume_compare(visit, bytes, length, &compared, err))
		return false;
	fresh += compared;
	length -= compared;
	if (length == 0)
		return true;
	if (!flight_append(errand->flight, fresh, length, err))
		return false;
	visit->at += length;
	errand->resume.have += length;
	return true;
}

static void
plan_flight(struct visit *visit, struct transfer_plan *plan)
{
	static const struct transfer_sink sink = {.begin = begin_flight, .append = append_flight};

	plan->wish = TRANSFER_BODY;
	plan->max_bytes = plan->limits->max_archive;
	plan->sink = &sink;
	resume_plan(visit, plan);
}

/* --- what comes after a visit --- */

static void
fail_flight(struct errand *errand, const struct err *err)
{
	flight_fail(errand->flight, err);
}

/* What is there is kept: the next origin goes on with it, repeats it, or begins anew. */
static void
go_on(struct errand *errand)
{
	bool more = false;

	errand->retried = false;
	for (size_t i = 0; i < errand->origins.count; i++)
		more = more || !errand->origins.items[i].asked;
	if (more)
		metrics_add(errand->upstream->metrics, METRIC_FLIGHT_RESTARTS, 1);
	errand_goes_on(errand);
}

/* What is there is wrong, and some of it was given out. */
static void
fail_promised(struct errand *errand, enum err_code code)
{
	struct err err = ERR_NONE;

	err_set(&err, code, "it broke off after bytes were given out: %s",
	        text_string(&errand->tally.causes));
	errand_fail(errand, &err);
}

/*
 * Who is right cannot be told. The one whose bytes were given out is asked last for this archive, so that whoever comes
 * next gets it from another.
 */
static void
mistrust_first(struct errand *errand, int64_t now_ms)
{
	rests_add(errand->upstream->rests, &errand->name, errand->origins.items[errand->resume.first].url,
	        RESTS_LAST, now_ms);
}

/* What is there is wrong: another origin from the start, or the end when some of it was given out. */
static void
start_over(struct errand *errand, enum err_code code_if_promised)
{
	if (!flight_start_over(errand->flight)) {
		fail_promised(errand, code_if_promised);
		return;
	}
	resume_forget(&errand->resume);
	go_on(errand);
}

static void
give_up_flight(struct errand *errand, int64_t now_ms)
{
	struct err err = ERR_NONE;

	if (errand->resume.pending)
		resume_given_up(errand, now_ms);
	if (errand->resume.have > 0 && !flight_start_over(errand->flight)) {
		if (errand->resume.disputed)
			mistrust_first(errand, now_ms);
		fail_promised(errand, ERR_FAILING);
		return;
	}
	tally_verdict(&errand->tally, &err);
	errand_move(errand, ERRAND_OVER);
	flight_fail_until(errand->flight, &err, tally_holds_until(&errand->tally));
}

/*
 * The parts of several answers are not the archive together; whose is wrong cannot be told. Once more, each origin
 * for all of it.
 */
static void
parts_do_not_fit(struct visit *visit, const struct transfer_report *report, int64_t now_ms)
{
	struct errand *errand = visit->errand;
	struct ending ending = {.origin = visit->origin,
	        .report = report,
	        .result = ORIGIN_FAILED,
	        .kind = TALLY_FAILED,
	        .word = "parts",
	        .detail = "parts that are not the archive together"};

	errand_flight_note(errand, &ending);
	for (size_t i = 0; i < errand->origins.count; i++)
		if (errand->origins.items[i].gave_part)
			errand->origins.items[i].asked = false;
	errand->resume.whole_only = true;
	if (flight_start_over(errand->flight)) {
		resume_forget(&errand->resume);
		go_on(errand);
		return;
	}
	mistrust_first(errand, now_ms);
	fail_promised(errand, ERR_FAILING);
}

/* It serves other bytes than it is named for: whoever wants to look at them gets them. */
static void
has_changed(struct errand *errand, const struct ending *ending)
{
	struct contact contact = errand_flight_contact(errand, ending);

	metrics_add(errand->upstream->metrics, METRIC_WRONG_BYTES, 1);
	errand_flight_note(errand, ending);
	if (ending->report->end == TRANSFER_SERVED)
		drift_hand_on(errand->upstream, errand->flight, &contact);
}

static void
served_other_bytes(
        struct visit *visit, const struct transfer_report *report, const char *detail, int64_t now_ms)
{
	struct errand *errand = visit->errand;
	struct upstream *upstream = errand->upstream;
	struct ending ending = {.origin = visit->origin,
	        .report = report,
	        .result = ORIGIN_CHANGED,
	        .kind = TALLY_CHANGED,
	        .word = "changed",
	        .detail = detail};
	bool anew = flight_start_over(errand->flight);

	rests_add(upstream->rests, &errand->name, errand->origins.items[visit->origin].url, RESTS_UNASKED,
	        now_ms);
	if (errand_flight_keeps_promise(errand, visit->origin))
		errand_flight_note_kept(errand, &ending);
	else
		has_changed(errand, &ending);
	if (!anew) {
		fail_promised(errand, ERR_CHANGED);
		return;
	}
	resume_forget(&errand->resume);
	go_on(errand);
}

static void
came_otherwise(struct visit *visit, const struct transfer_report *report, const char *detail, int64_t now_ms)
{
	if (visit->continues)
		parts_do_not_fit(visit, report, now_ms);
	else
		served_other_bytes(visit, report, detail, now_ms);
}

/* On a thread of the store, or on the fetcher's. */
static void
told(void *context, const struct err *err)
{
	struct errand *errand = context;

	errand->proof->err = err != NULL ? *err : ERR_NONE;
	proofs_end(&errand->upstream->proofs, &errand->letter); /* from here on it is the fetcher's alone */
}

static void
served(struct visit *visit, const struct transfer_report *report)
{
	struct errand *errand = visit->errand;

	errand->proof = xcalloc(1, sizeof *errand->proof);
	errand->proof->visit = visit;
	errand->proof->report = *report;
	errand_move(errand, ERRAND_PROVING);
	proofs_begin(&errand->upstream->proofs);
	flight_land(errand->flight, told, errand);
}

/* An origin that was of no use, but says nothing against what others brought. Its host was judged. */
static void
was_of_no_use(struct visit *visit, const struct transfer_report *report, const char *word, const char *detail,
        int64_t now_ms)
{
	struct ending ending = {.origin = visit->origin,
	        .report = report,
	        .result = transfer_end_result(report->end),
	        .kind = TALLY_FAILED,
	        .word = word,
	        .detail = detail};

	if (report->end == TRANSFER_GONE)
		ending.kind = TALLY_GONE;
	else if (report->end == TRANSFER_TOO_LARGE)
		ending.kind = TALLY_TOO_LARGE;
	else if (report->end == TRANSFER_BUSY && errand_note_rest(visit->errand, visit->origin, now_ms))
		ending.kind = TALLY_BUSY;
	errand_flight_note(visit->errand, &ending);
	go_on(visit->errand);
}

/* It has something else than what was given out. */
static void
disputes(struct visit *visit, const struct transfer_report *report, const char *word, const char *detail,
        int64_t now_ms)
{
	struct resume *resume = &visit->errand->resume;

	resume->disputed = resume->disputed || visit->origin != resume->first;
	was_of_no_use(visit, report, word, detail, now_ms);
}

/* It does not go on where what there is ends: it is asked for all of it, once. */
static void
cannot_go_on(struct visit *visit, const struct transfer_report *report, int64_t now_ms)
{
	struct errand *errand = visit->errand;
	struct origin *origin = &errand->origins.items[visit->origin];
	const char *detail = report->end == TRANSFER_REFUSED_HERE ? report->err.text : report->detail;

	if (origin->no_parts) {
		disputes(visit, report, "no_part", detail, now_ms);
		return;
	}
	metrics_upstream(errand->upstream->metrics, origin->place.host, "no_part");
	origin->no_parts = true;
	origin->asked = false;
	go_on(errand);
}

/* It was on this side: the disk, a limit of the flight's, more bytes than announced. */
static void
refused_here(struct visit *visit, const struct transfer_report *report, int64_t now_ms)
{
	struct errand *errand = visit->errand;
	const struct err *err = &report->err;
	struct ending ending = {.origin = visit->origin,
	        .report = report,
	        .result = ORIGIN_FAILED,
	        .kind = TALLY_TOO_LARGE,
	        .word = transfer_end_word(TRANSFER_TOO_LARGE),
	        .detail = err->text};

	if (err->code == ERR_MISMATCH) {
		came_otherwise(visit, report, err->text, now_ms);
	} else if (err->code == ERR_TOO_LARGE) {
		errand_flight_note(errand, &ending);
		start_over(errand, ERR_LIMIT);
	} else if (intake_may_pass_through(err) && !errand->retried && flight_start_over(errand->flight)) {
		errand->retried = true; /* the flight has turned to memory: the same origin once more */
		errand->origins.items[visit->origin].asked = false;
		resume_forget(&errand->resume);
		errand_goes_on(errand);
	} else {
		errand_fail(errand, err);
	}
}

static void
proved_flight(struct errand *errand, int64_t now_ms)
{
	AUTO_FREE struct proof *proof = errand->proof;
	struct visit *visit = proof->visit;
	struct ending ending = {.origin = visit->origin,
	        .report = &proof->report,
	        .result = ORIGIN_SERVED,
	        .word = "served",
	        .detail = ""};

	errand->proof = NULL;
	if (proof->err.code == ERR_OK) {
		errand_flight_record(errand, &ending);
		rests_remove(
		        errand->upstream->rests, &errand->name, errand->origins.items[visit->origin].url);
		errand_move(errand, ERRAND_SETTLING);
		return;
	}
	proof->report.err = proof->err;
	refused_here(visit, &proof->report, now_ms);
}

static void
ended_flight(struct visit *visit, const struct transfer_report *told, int64_t now_ms)
{
	struct errand *errand = visit->errand;
	struct transfer_report report = *told;

	resume_shorten(visit, &report);
	resume_judge(visit, &report, now_ms);
	if (resume_broke_off(visit, &report)) {
		errand_goes_on(errand);
		return;
	}
	errand_judge_host(errand, visit->origin, &report, now_ms);
	if (visit->fault == VISIT_NO_CONTINUATION || (visit->from > 0 && report.status == 416))
		cannot_go_on(visit, &report, now_ms);
	else if (visit->fault == VISIT_DIFFERS)
		disputes(visit, &report, "differs", report.err.text, now_ms);
	else if (report.end == TRANSFER_SERVED)
		served(visit, &report);
	else if (report.end == TRANSFER_REFUSED_HERE)
		refused_here(visit, &report, now_ms);
	else
		was_of_no_use(visit, &report, transfer_end_word(report.end), report.detail, now_ms);
}

static void
tick_flight(struct errand *errand, int64_t now_ms)
{
	flight_tick(errand->flight, now_ms);
}

static bool
flight_is_moot(const struct errand *errand)
{
	return flight_is_over(errand->flight);
}

const struct errand_kind errand_kind_flight = {
        .rank = ERRAND_IS_WAITED_FOR,
        .pace = ERRAND_OVERTAKES,
        .open = open_flight,
        .prefers = prefers,
        .rests_until = flight_rests_until,
        .pass_over = errand_flight_pass_over,
        .plan = plan_flight,
        .ended = ended_flight,
        .proved = proved_flight,
        .left = errand_flight_left,
        .give_up = give_up_flight,
        .fail = fail_flight,
        .tick = tick_flight,
        .is_moot = flight_is_moot,
        .close = close_flight,
};
