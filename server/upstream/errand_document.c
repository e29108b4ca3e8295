/*
 * What is particular to the errand of a document: one URL into a file, somebody blocks until it is there. The
 * fetcher's thread; must never wait.
 */
#include "server/upstream/errand_document.h"

#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "server/admin/metrics.h"
#include "server/upstream/errand_parts.h"
#include "storage/base/file.h"
#include "storage/base/text.h"

struct errand *
errand_for_document(struct document *document)
{
	struct errand *errand = xcalloc(1, sizeof *errand);

	errand->kind = &errand_kind_document;
	errand->document = document;
	return errand;
}

static void
open_document(struct errand *errand)
{
	struct upstream *upstream = errand->upstream;

	origins_gather_one(
	        &errand->origins, upstream->config, upstream->policy, errand->document->wanted->url);
}

static void
pass_over(struct errand *errand, size_t origin, enum tally_kind kind, const char *detail)
{
	tally_add(&errand->tally, kind, errand->origins.items[origin].place.host, detail);
}

static bool
begin_document(void *context, const struct head *head, struct err *err)
{
	struct visit *visit = context;
	const struct fetch_document *wanted = visit->errand->document->wanted;

	(void)head;
	if (!errand_wins(visit, err))
		return false;
	if (ftruncate(wanted->fd, 0) != 0 || lseek(wanted->fd, 0, SEEK_SET) != 0)
		return err_errno(err, "emptying the file for %.100s", wanted->url);
	return true;
}

static bool
append_document(void *context, const void *bytes, size_t length, struct err *err)
{
	const struct visit *visit = context;

	return file_write(visit->errand->document->wanted->fd, bytes, length, err);
}

static void
plan_document(struct visit *visit, struct transfer_plan *plan)
{
	static const struct transfer_sink sink = {.begin = begin_document, .append = append_document};

	plan->wish = TRANSFER_BODY;
	plan->max_bytes = visit->errand->document->wanted->max_bytes;
	plan->sink = &sink;
}

static void
tell(struct errand *errand, const struct err *err)
{
	struct document *document = errand->document;

	pthread_mutex_lock(&document->mutex);
	document->over = true;
	document->fetched = err->code == ERR_OK;
	document->err = *err;
	pthread_cond_signal(&document->ended);
	pthread_mutex_unlock(&document->mutex);
}

static void
give_up_document(struct errand *errand, int64_t now_ms)
{
	struct err err = ERR_NONE;

	(void)now_ms;
	err_set(&err, errand->tally.counts[TALLY_TOO_LARGE] > 0 ? ERR_TOO_LARGE : ERR_FAILING,
	        "fetching %.100s: %s", errand->document->wanted->url, text_string(&errand->tally.causes));
	errand_fail(errand, &err);
}

static void
ended_document(struct visit *visit, const struct transfer_report *report, int64_t now_ms)
{
	struct errand *errand = visit->errand;
	bool served = report->end == TRANSFER_SERVED;

	errand_judge_host(errand, visit->origin, report, now_ms);
	if (report->end == TRANSFER_REFUSED_HERE) {
		errand_fail(errand, &report->err);
		return;
	}
	metrics_upstream(errand->upstream->metrics, errand->origins.items[visit->origin].place.host,
	        transfer_end_word(report->end));
	if (served) {
		errand_move(errand, ERRAND_OVER);
		tell(errand, &ERR_NONE);
		return;
	}
	pass_over(errand, visit->origin, report->end == TRANSFER_TOO_LARGE ? TALLY_TOO_LARGE : TALLY_FAILED,
	        report->detail);
	errand_goes_on(errand);
}

static void
close_document(struct errand *errand)
{
	(void)errand; /* the document is its caller's */
}

const struct errand_kind errand_kind_document = {
        .rank = ERRAND_IS_WAITED_FOR,
        .pace = ERRAND_ASKS_ONE,
        .open = open_document,
        .prefers = errand_prefers_nobody,
        .rests_until = errand_rests_never,
        .pass_over = pass_over,
        .plan = plan_document,
        .ended = ended_document,
        .give_up = give_up_document,
        .fail = tell,
        .tick = errand_ticks_for_nobody,
        .is_moot = errand_is_never_moot,
        .close = close_document,
};
