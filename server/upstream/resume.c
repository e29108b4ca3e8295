/*
 * Going on where an origin broke off. The fetcher's thread, partly within callbacks of libcurl; must never wait.
 *
 * That an origin broke off is a failure only when it cannot go on: what is known of it waits until then (`pending`).
 */
#include "server/upstream/resume.h"

#include <stdio.h>
#include <string.h>

#include "server/admin/metrics.h"
#include "server/upstream/errand_parts.h"

static struct origin *
origin_of(const struct visit *visit)
{
	return &visit->errand->origins.items[visit->origin];
}

/* The rest may be asked for. */
static bool
may_ask_for_rest(const struct resume *resume)
{
	return resume->have > 0 && !resume->whole_only && resume->count < RESUMES_MAX;
}

void
resume_plan(struct visit *visit, struct transfer_plan *plan)
{
	struct resume *resume = &visit->errand->resume;

	if (!may_ask_for_rest(resume) || origin_of(visit)->no_parts)
		return;
	resume->count++;
	plan->from = visit->from = resume->have;
	if (visit->origin == resume->last)
		plan->if_range = resume->validator;
}

/* --- what comes --- */

static bool
refuse(struct visit *visit, enum visit_fault fault)
{
	visit->fault = fault;
	return false;
}

/* Of the version that was asked for; it should not have answered with a part of another one. */
static bool
is_same_version(const struct visit *visit, const struct head *head)
{
	const struct resume *resume = &visit->errand->resume;

	return visit->origin != resume->last || !head_etag_is_strong(resume->validator) ||
	       head->etag[0] == '\0' || strcmp(head->etag, resume->validator) == 0;
}

bool
resume_continues(struct visit *visit, const struct head *head, struct err *err)
{
	const struct resume *resume = &visit->errand->resume;
	char range[HEAD_RANGE_TEXT_MAX];

	head_range_text(head, range);
	if (!head->has_range || head->first != resume->have || visit->from != resume->have ||
	        (resume->total > 0 && head->has_total && head->total != resume->total) ||
	        (resume->total > 0 && head->last >= resume->total)) {
		err_set(err, ERR_MISMATCH, "a part (%s) that does not go on at byte %llu of %llu", range,
		        (unsigned long long)resume->have, (unsigned long long)resume->total);
		return refuse(visit, VISIT_NO_CONTINUATION);
	}
	if (!is_same_version(visit, head)) {
		err_set(err, ERR_MISMATCH, "a part of another version, %.80s", head->etag);
		return refuse(visit, VISIT_NO_CONTINUATION);
	}
	return true;
}

bool
resume_repeats(struct visit *visit, const struct head *head, struct err *err)
{
	const struct resume *resume = &visit->errand->resume;
	uint64_t size = head_size(head);

	if (size == 0 || resume->total == 0 || size == resume->total)
		return true;
	err_set(err, ERR_MISMATCH, "it has %llu bytes, and what was given out already is of %llu",
	        (unsigned long long)size, (unsigned long long)resume->total);
	return refuse(visit, VISIT_NO_CONTINUATION);
}

bool
resume_compare(struct visit *visit, const void *bytes, size_t length, size_t *ret_length, struct err *err)
{
	struct errand *errand = visit->errand;
	uint64_t again = errand->resume.have - visit->at;

	*ret_length = again < length ? (size_t)again : length;
	if (flight_compare(errand->flight, visit->at, bytes, *ret_length, err)) {
		visit->at += *ret_length;
		return true;
	}
	if (err->code == ERR_MISMATCH)
		visit->fault = VISIT_DIFFERS;
	return false;
}

static void
keep_validator(struct visit *visit, const struct head *head)
{
	struct resume *resume = &visit->errand->resume;

	resume->last = visit->origin;
	memcpy(resume->validator, head_etag_is_strong(head->etag) ? head->etag : head->modified,
	        sizeof resume->validator);
	origin_of(visit)->gave_part = true;
}

void
resume_part_begins(struct visit *visit, const struct head *head)
{
	struct errand *errand = visit->errand;

	if (head->status == 206) {
		visit->continues = true;
		visit->at = errand->resume.have;
		if (head->has_total)
			errand->resume.total = head->total;
	}
	keep_validator(visit, head);
	metrics_add(errand->upstream->metrics, METRIC_FLIGHT_RESUMES, 1);
}

void
resume_whole_begins(struct visit *visit, const struct head *head)
{
	struct errand *errand = visit->errand;
	struct resume *resume = &errand->resume;

	for (size_t i = 0; i < errand->origins.count; i++)
		errand->origins.items[i].gave_part = false;
	if (visit->origin != resume->last)
		resume->furthest = 0; /* of this one's bytes there were none yet */
	resume->have = 0;
	resume->total = head_size(head);
	resume->first = visit->origin;
	resume->disputed = false;
	keep_validator(visit, head);
}

void
resume_forget(struct resume *resume)
{
	resume->have = resume->furthest = resume->total = 0;
	resume->validator[0] = '\0';
}

/* --- how it ended --- */

void
resume_shorten(const struct visit *visit, struct transfer_report *report)
{
	const struct resume *resume = &visit->errand->resume;
	bool all = !visit->continues || resume->total == 0 || resume->have == resume->total;

	if (report->end != TRANSFER_SERVED || (visit->at == resume->have && all))
		return;
	report->end = TRANSFER_CUT;
	snprintf(report->detail, sizeof report->detail, "ended after %llu bytes, which is not all of it",
	        (unsigned long long)visit->at);
}

void
resume_given_up(struct errand *errand, int64_t now_ms)
{
	struct resume *resume = &errand->resume;
	struct ending ending = {.origin = resume->broken,
	        .report = &resume->cut,
	        .result = transfer_end_result(resume->cut.end),
	        .kind = TALLY_FAILED,
	        .word = transfer_end_word(resume->cut.end),
	        .detail = resume->cut.detail};

	resume->pending = false;
	errand_judge_host(errand, resume->broken, &resume->cut, now_ms);
	errand_flight_note(errand, &ending);
}

static bool
is_being_asked(const struct errand *errand, size_t origin)
{
	for (int i = 0; i < ERRAND_VISITS; i++)
		if (visit_is_under_way(&errand->visits[i]) && errand->visits[i].origin == origin)
			return true;
	return false;
}

void
resume_judge(struct visit *visit, const struct transfer_report *report, int64_t now_ms)
{
	struct errand *errand = visit->errand;
	struct resume *resume = &errand->resume;

	visit->progressed = visit->taken && resume->have > resume->furthest;
	if (visit->progressed)
		resume->furthest = resume->have;
	if (!resume->pending || is_being_asked(errand, resume->broken))
		return;
	if (visit->origin == resume->broken && visit->progressed) {
		resume->pending = false;
		metrics_upstream(errand->upstream->metrics, origin_of(visit)->place.host, "resumed");
	} else if (visit->origin == resume->broken && transfer_end_blames_host(report->end)) {
		resume->pending = false; /* one failure, and this end tells it */
	} else {
		resume_given_up(errand, now_ms);
	}
}

bool
resume_broke_off(struct visit *visit, const struct transfer_report *report)
{
	struct errand *errand = visit->errand;
	struct resume *resume = &errand->resume;
	struct origin *origin = origin_of(visit);

	if ((report->end != TRANSFER_CUT && report->end != TRANSFER_TIMED_OUT) || !visit->progressed)
		return false;
	if (report->end == TRANSFER_TIMED_OUT && origin->slow++ == RESUMES_SLOW_MAX)
		return false;
	if (resume->count == RESUMES_MAX)
		metrics_add(errand->upstream->metrics, METRIC_LIMIT_RESUMES, 1);
	if (!may_ask_for_rest(resume) || origin->no_parts)
		return false;
	origin->asked = false;
	resume->pending = true;
	resume->broken = visit->origin;
	resume->cut = *report;
	return true;
}
