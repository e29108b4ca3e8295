/*
 * What is remembered of the origins of a flight: in the errand's tally, the flight's report, the figures and the catalog.
 * The fetcher's thread; must never wait.
 */
#include "server/admin/metrics.h"
#include "server/upstream/errand_parts.h"
#include "storage/base/text.h"

/* In the tally and in the flight's report. */
static void
note(struct errand *errand, size_t index, enum tally_kind kind, const char *detail)
{
	static const enum origin_result results[TALLY_KINDS] = {
	        [TALLY_GONE] = ORIGIN_GONE,
	        [TALLY_CHANGED] = ORIGIN_CHANGED,
	        [TALLY_TOO_LARGE] = ORIGIN_FAILED,
	        [TALLY_FAILED] = ORIGIN_FAILED,
	        [TALLY_RESTING] = ORIGIN_UNTRIED,
	        [TALLY_LEFT] = ORIGIN_UNTRIED,
	        [TALLY_BUSY] = ORIGIN_FAILED,
	        [TALLY_BARRED] = ORIGIN_UNTRIED,
	};
	const struct origin *origin = &errand->origins.items[index];

	tally_add(&errand->tally, kind, origin->place.host, detail);
	flight_note(errand->flight, origin->url, results[kind], detail);
}

struct contact
errand_flight_contact(const struct errand *errand, const struct ending *ending)
{
	const struct origin *origin = &errand->origins.items[ending->origin];

	return (struct contact){.origin_id = origin->id,
	        .asked = origin->by,
	        .url = origin->named,
	        .result = ending->result,
	        .status = ending->report->status,
	        .detail = ending->detail,
	        .took_ms = ending->report->took_ms,
	        .etag = ending->report->etag,
	        .modified = ending->report->modified,
	        .length = ending->report->length};
}

void
errand_flight_record(struct errand *errand, const struct ending *ending)
{
	const struct origin *origin = &errand->origins.items[ending->origin];
	struct contact contact = errand_flight_contact(errand, ending);

	metrics_upstream(errand->upstream->metrics, origin->place.host, ending->word);
	catalog_contact(errand->upstream->catalog, &contact);
}

void
errand_flight_note(struct errand *errand, const struct ending *ending)
{
	errand_flight_record(errand, ending);
	note(errand, ending->origin, ending->kind, ending->detail);
}

bool
errand_flight_keeps_promise(const struct errand *errand, size_t origin)
{
	const struct digests *promised = &errand->origins.items[origin].promised;
	const struct digests *came = flight_rejected(errand->flight);

	return came != NULL && digests_count(promised) > 0 && digests_satisfy(came, promised);
}

/* The row of a mirror may be that of an entry which promises more than the mirror did: nothing is said of that. */
void
errand_flight_note_kept(struct errand *errand, const struct ending *ending)
{
	const struct origin *origin = &errand->origins.items[ending->origin];
	struct ending kept = {.origin = ending->origin,
	        .report = ending->report,
	        .result = ORIGIN_SERVED,
	        .word = "served",
	        .detail = ""};

	if (origin->id != ORIGIN_MIRROR)
		errand_flight_record(errand, &kept);
	else
		metrics_upstream(errand->upstream->metrics, origin->place.host, kept.word);
	note(errand, ending->origin, ending->kind, ending->detail);
}

void
errand_flight_pass_over(struct errand *errand, size_t origin, enum tally_kind kind, const char *detail)
{
	note(errand, origin, kind, detail);
}

/*
 * Not in the flight's report: it is asked again when nobody else has it, and that tells. Nor does the host rest for it:
 * a host that is only slow may be the one that has the next archive.
 */
void
errand_flight_left(struct visit *visit, const struct transfer_report *report, int64_t silent_ms)
{
	const struct resume *resume = &visit->errand->resume;
	AUTO_TEXT detail = TEXT_EMPTY;
	struct ending ending = {
	        .origin = visit->origin, .report = report, .result = ORIGIN_FAILED, .word = "silent"};

	if (resume->pending && resume->broken == visit->origin)
		return; /* that it broke off is told of it */
	text_addf(&detail, "silent for %lld s, left for another", (long long)silent_ms / 1000);
	ending.detail = text_string(&detail);
	errand_flight_record(visit->errand, &ending);
}
