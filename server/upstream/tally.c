/*
 * Counts and sums up. The codes matter: who is told ERR_UNKNOWN or ERR_VANISHED may rely on it for a while,
 * since then everybody who could have it was asked and said no.
 */
#include "server/upstream/tally.h"

#include <ctype.h>
#include <string.h>

static bool
ends_with(const struct text *text, const char *end)
{
	size_t length = strlen(end);

	return text->length >= length && strcmp(text_string(text) + text->length - length, end) == 0;
}

void
tally_add(struct tally *tally, enum tally_kind kind, const char *host, const char *detail)
{
	AUTO_TEXT cause = TEXT_EMPTY;

	tally->counts[kind]++;
	if (tally->causes.length >= TALLY_CAUSES_MAX)
		return;
	if (host[0] != '\0')
		text_addf(&cause, "%.80s%s", host, isdigit((unsigned char)detail[0]) ? " said " : ": ");
	text_add(&cause, detail);
	if (ends_with(&tally->causes, text_string(&cause)))
		return; /* as for a mirror that has it under none of its names */
	if (tally->causes.length > 0)
		text_add(&tally->causes, ", ");
	text_add(&tally->causes, text_string(&cause));
}

unsigned
tally_total(const struct tally *tally)
{
	unsigned total = 0;

	for (int kind = 0; kind < TALLY_KINDS; kind++)
		total += tally->counts[kind];
	return total;
}

void
tally_verdict(const struct tally *tally, struct err *ret)
{
	const unsigned *counts = tally->counts;
	const char *causes = text_string(&tally->causes);
	unsigned total = tally_total(tally), asked = total - counts[TALLY_RESTING];

	if (total == 0)
		err_set(ret, ERR_UNKNOWN,
		        "nobody to ask: the catalog names no origin, and no mirror serves by this digest");
	else if (counts[TALLY_GONE] == total && !tally->named)
		err_set(ret, ERR_UNKNOWN, "no mirror has it, and the catalog names no origin: %u asked, %s",
		        asked, causes);
	else if (counts[TALLY_GONE] == total)
		err_set(ret, ERR_VANISHED, "every origin says it is gone: %u asked, %s", asked, causes);
	else if (counts[TALLY_RESTING] == total)
		err_set(ret, ERR_FAILING, "every origin is at rest: %s", causes);
	else if (counts[TALLY_FAILED] + counts[TALLY_RESTING] > 0)
		err_set(ret, ERR_FAILING, "no origin has it now: %u asked, %s", asked, causes);
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
}
