/*
 * Counts and sums up. The codes matter: who is told ERR_UNKNOWN, ERR_VANISHED or ERR_ABSENT may rely on it for a
 * while, since then everybody who could have it was asked and said no. So may who is told that it fails, as long as all who
 * could have it and did not say no asked to be left alone. Who is told ERR_BARRED need not try again: those that may be
 * asked gave an answer that stands.
 */
#include "server/upstream/tally.h"

#include <string.h>

static bool
ends_with(const struct text *text, const char *end)
{
	size_t length = strlen(end);

	return text->length >= length && strcmp(text_string(text) + text->length - length, end) == 0;
}

/* "404", and not "10.0.0.7: neither public nor …". */
static bool
is_status(const char *detail)
{
	return detail[0] != '\0' && detail[strspn(detail, "0123456789")] == '\0';
}

void
tally_add(struct tally *tally, enum tally_kind kind, const char *host, const char *detail)
{
	AUTO_TEXT cause = TEXT_EMPTY;

	tally->counts[kind]++;
	if (tally->causes.length >= TALLY_CAUSES_MAX)
		return;
	if (host[0] != '\0')
		text_addf(&cause, "%.80s%s", host, is_status(detail) ? " said " : ": ");
	text_add(&cause, detail);
	if (ends_with(&tally->causes, text_string(&cause)))
		return; /* as for a mirror that has it under none of its names */
	if (tally->causes.length > 0)
		text_add(&tally->causes, ", ");
	text_add(&tally->causes, text_string(&cause));
}

void
tally_add_rest(struct tally *tally, const char *host, int64_t until_ms, int64_t until_wall_ms)
{
	AUTO_TEXT rest = TEXT_EMPTY;
	char until[TEXT_TIME_MAX];

	if (tally->rests_until_ms == 0 || until_ms < tally->rests_until_ms)
		tally->rests_until_ms = until_ms;
	text_addf(&rest, "%.80s asked for rest until ", host);
	if (tally->rests.length >= TALLY_CAUSES_MAX ||
	        strstr(text_string(&tally->rests), text_string(&rest)) != NULL)
		return;
	text_time(until_wall_ms, until);
	text_addf(
	        &tally->rests, "%s%s%.19sZ", tally->rests.length > 0 ? ", " : "", text_string(&rest), until);
}

unsigned
tally_total(const struct tally *tally)
{
	unsigned total = 0;

	for (int kind = 0; kind < TALLY_KINDS; kind++)
		total += tally->counts[kind];
	return total;
}

static unsigned
want_rest(const struct tally *tally)
{
	return tally->counts[TALLY_LEFT] + tally->counts[TALLY_BUSY];
}

int64_t
tally_holds_until(const struct tally *tally)
{
	unsigned gone = tally->counts[TALLY_GONE];

	return gone > 0 && gone + want_rest(tally) == tally_total(tally) ? tally->rests_until_ms : 0;
}

void
tally_verdict(const struct tally *tally, struct err *ret)
{
	const unsigned *counts = tally->counts;
	const char *causes = text_string(&tally->causes);
	unsigned total = tally_total(tally), barred = counts[TALLY_BARRED],
	         resting = counts[TALLY_RESTING] + counts[TALLY_LEFT], asked = total - resting - barred;

	if (total == 0)
		err_set(ret, ERR_UNKNOWN,
		        "nobody to ask: the catalog names no origin, and no mirror serves by this digest");
	else if (barred == total)
		err_set(ret, ERR_BARRED, "no origin may be asked: %s", causes);
	else if (counts[TALLY_GONE] == total && !tally->named)
		err_set(ret, ERR_UNKNOWN, "no mirror has it, and the catalog names no origin: %u asked, %s",
		        asked, causes);
	else if (counts[TALLY_GONE] == total && tally->vanished)
		err_set(ret, ERR_VANISHED, "every origin says it is gone, and has for days: %u asked, %s",
		        asked, causes);
	else if (counts[TALLY_GONE] == total)
		err_set(ret, ERR_ABSENT,
		        "every origin says it is not there, which may be for now: %u asked, %s", asked,
		        causes);
	else if (asked == 0)
		err_set(ret, ERR_FAILING, "every origin %sis at rest: %s",
		        barred > 0 ? "that may be asked " : "", causes);
	else if (tally_holds_until(tally) != 0)
		err_set(ret, ERR_FAILING,
		        "no origin has it now: %u asked do not have it, %s and will be asked then",
		        counts[TALLY_GONE], text_string(&tally->rests));
	else if (counts[TALLY_FAILED] + counts[TALLY_RESTING] + want_rest(tally) > 0)
		err_set(ret, ERR_FAILING, "no origin has it now: %u asked, %s", asked, causes);
	else if (barred > 0)
		err_set(ret, ERR_BARRED, "no origin that may be asked has it: %u asked, %s", asked, causes);
	else if (counts[TALLY_TOO_LARGE] > 0)
		err_set(ret, ERR_LIMIT, "no origin has it within the limits: %u asked, %s", asked, causes);
	else
		err_set(ret, ERR_CHANGED, "no origin serves these bytes any more: %u asked, %s", asked,
		        causes);
}

void
tally_finish(struct tally *tally)
{
	text_finish(&tally->causes);
	text_finish(&tally->rests);
}
