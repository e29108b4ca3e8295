/*
 * What is particular to the errand of a probe: it looks, and tells who wants to know. The fetcher's thread; must never
 * wait.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/admin/metrics.h"
#include "server/upstream/errand_parts.h"
#include "storage/base/text.h"

struct probe {
	struct probe_plan plan;
	char *url; /* the plan's */
	probe_done_fn *done;
	void *context;
	bool forbidden;        /* by the policy */
	struct intake *intake; /* PROBE_WHOLE: what came so far */
};

struct errand *
errand_for_probe(const struct probe_plan *plan, probe_done_fn *done, void *context)
{
	struct errand *errand = xcalloc(1, sizeof *errand);
	struct probe *probe = xcalloc(1, sizeof *probe);

	errand->kind = &errand_kind_probe;
	errand->probe = probe;
	probe->plan = *plan;
	probe->url = xstrdup(plan->url);
	probe->plan.url = probe->url;
	probe->done = done;
	probe->context = context;
	return errand;
}

static void
close_probe(struct errand *errand)
{
	intake_close(errand->probe->intake);
	free(errand->probe->url);
	free(errand->probe);
}

static void
open_probe(struct errand *errand)
{
	struct upstream *upstream = errand->upstream;

	origins_gather_one(&errand->origins, upstream->config, upstream->policy, errand->probe->url);
}

/* --- what comes --- */

static bool
begin_probe(void *context, const struct head *head, struct err *err)
{
	struct visit *visit = context;
	struct errand *errand = visit->errand;
	struct probe *probe = errand->probe;
	struct intake_plan plan = {.expected_size = head_size(head),
	        .max_size = errand->upstream->config->fetch.max_archive,
	        .came_from = errand->origins.items[visit->origin].url};

	if (!errand_wins(visit, err))
		return false;
	probe->intake = intake_open(errand->upstream->store, INTAKE_KEEP, &plan, err);
	return probe->intake != NULL;
}

static bool
append_probe(void *context, const void *bytes, size_t length, struct err *err)
{
	const struct visit *visit = context;

	return intake_append(visit->errand->probe->intake, bytes, length, err);
}

static void
plan_probe(struct visit *visit, struct transfer_plan *plan)
{
	static const struct transfer_sink sink = {.begin = begin_probe, .append = append_probe};
	static const enum transfer_wish wishes[] = {
	        [PROBE_HEAD] = TRANSFER_HEAD,
	        [PROBE_RANGE] = TRANSFER_GLANCE,
	        [PROBE_WHOLE] = TRANSFER_BODY,
	};

	plan->wish = wishes[visit->errand->probe->plan.kind];
	plan->max_bytes = plan->limits->max_archive;
	plan->sink = &sink;
}

/* --- what is told --- */

static struct probe_answer
answer_of(const struct probe *probe, enum origin_result result, const char *detail)
{
	return (struct probe_answer){.contact = {.origin_id = probe->plan.origin_id,
	                                     .asked = probe->plan.asked,
	                                     .url = probe->url,
	                                     .result = result,
	                                     .detail = detail,
	                                     .etag = "",
	                                     .modified = "",
	                                     .length = -1},
	        .retry_after_ms = -1,
	        .ended_at = ""};
}

static void
not_asked(struct errand *errand, const char *detail, int64_t rests_for_ms)
{
	const struct probe *probe = errand->probe;
	struct probe_answer answer = answer_of(probe, ORIGIN_UNTRIED, detail);

	answer.forbidden = probe->forbidden;
	answer.retry_after_ms = rests_for_ms;
	probe->done(probe->context, &answer);
}

static void
pass_over(struct errand *errand, size_t origin, enum tally_kind kind, const char *detail)
{
	errand->probe->forbidden = errand->origins.items[origin].allowed != POLICY_ALLOWED;
	tally_add(&errand->tally, kind, errand->origins.items[origin].place.host, detail);
}

/* Of the one that was to be asked; -1: it does not rest. */
static int64_t
rests_for(struct errand *errand, int64_t now_ms)
{
	int64_t until_ms = 0;

	if (errand->origins.count > 0)
		until_ms = breaker_rests_until(
		        errand->upstream->breaker, errand->origins.items[0].place.host, now_ms);
	return until_ms != 0 ? until_ms - now_ms : -1;
}

static void
give_up_probe(struct errand *errand, int64_t now_ms)
{
	errand_move(errand, ERRAND_OVER);
	not_asked(errand, text_string(&errand->tally.causes), rests_for(errand, now_ms));
}

static void
fail_probe(struct errand *errand, const struct err *err)
{
	not_asked(errand, err->text, -1);
}

/* What a whole body is. */
static enum origin_result
judge_body(struct probe *probe, struct probe_answer *answer)
{
	answer->digests = intake_digests(probe->intake);
	answer->intake = probe->intake;
	probe->intake = NULL;
	return digests_have(answer->digests, &probe->plan.asked) ? ORIGIN_SERVED : ORIGIN_CHANGED;
}

static enum origin_result
result_of(const struct transfer_report *report)
{
	if (report->end == TRANSFER_SERVED)
		return ORIGIN_PRESENT;
	if (report->end == TRANSFER_REFUSED_HERE && report->err.code != ERR_TOO_LARGE)
		return ORIGIN_UNTRIED;
	return transfer_end_result(report->end);
}

/*
 * The host was reached and did badly by what it was asked: what HEAD comes to says little of GET, with some servers. Not what it
 * wants to be left alone with, nor where nothing was asked yet.
 */
static bool
is_doubtful(const struct transfer_report *report)
{
	switch (report->end) {
	case TRANSFER_GONE:
	case TRANSFER_DENIED:
	case TRANSFER_BROKEN:
	case TRANSFER_CUT:
	case TRANSFER_UNUSABLE:
		return true;
	case TRANSFER_TIMED_OUT:
		return report->limit == TRANSFER_LIMIT_FIRST_BYTE;
	case TRANSFER_FORBIDDEN:
		return report->limit == TRANSFER_LIMIT_REDIRECTS;
	case TRANSFER_SERVED:
	case TRANSFER_BUSY:
	case TRANSFER_NO_NAME:
	case TRANSFER_UNREACHABLE:
	case TRANSFER_TOO_LARGE:
	case TRANSFER_NOT_ALLOWED:
	case TRANSFER_REFUSED_HERE:
		break;
	}
	return false;
}

/* That it is not there, said over TLS by the host that the catalog names and not by one that stands in for it. */
static bool
is_own_word(const struct transfer_report *report, const struct origin *origin)
{
	return report->end == TRANSFER_GONE && strcmp(origin->url, origin->named) == 0 &&
	       strncasecmp(origin->url, "https:", 6) == 0;
}

static void
ended_probe(struct visit *visit, const struct transfer_report *report, int64_t now_ms)
{
	struct errand *errand = visit->errand;
	struct probe *probe = errand->probe;
	struct probe_answer answer = answer_of(probe, result_of(report), report->detail);

	errand_judge_host(errand, visit->origin, report, now_ms);
	if (report->end == TRANSFER_REFUSED_HERE)
		answer.contact.detail = report->err.text;
	else
		metrics_upstream(errand->upstream->metrics, errand->origins.items[visit->origin].place.host,
		        transfer_end_word(report->end));
	answer.contact.took_ms = report->took_ms;
	answer.contact.etag = report->etag;
	answer.contact.modified = report->modified;
	answer.contact.length = report->length;
	answer.contact.status = report->status;
	answer.contact.own_word = is_own_word(report, &errand->origins.items[visit->origin]);
	answer.retry_after_ms = report->retry_after_ms;
	answer.ended_at = report->ended_at.host;
	answer.doubtful = is_doubtful(report);
	answer.forbidden = report->end == TRANSFER_NOT_ALLOWED;
	if (report->end == TRANSFER_SERVED && probe->plan.kind == PROBE_WHOLE)
		answer.contact.result = judge_body(probe, &answer);
	errand_move(errand, ERRAND_OVER);
	probe->done(probe->context, &answer);
}

const struct errand_kind errand_kind_probe = {
        .rank = ERRAND_YIELDS,
        .pace = ERRAND_ASKS_ONE,
        .open = open_probe,
        .prefers = errand_prefers_nobody,
        .rests_until = errand_rests_never,
        .pass_over = pass_over,
        .plan = plan_probe,
        .ended = ended_probe,
        .give_up = give_up_probe,
        .fail = fail_probe,
        .tick = errand_ticks_for_nobody,
        .is_moot = errand_is_never_moot,
        .close = close_probe,
};
