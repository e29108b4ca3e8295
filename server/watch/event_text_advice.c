/*
 * The end of a sentence: what of it is stored, who else has it, and what to do. Pure; any thread. Must never advise what is not needed.
 */
#include "server/watch/event_text_parts.h"
#include "server/jobs/json.h"

static void
add_mixed(const struct story *story, struct text *ret)
{
	size_t missing = story->count - story->stored;
	const json_t *first = json_array_get(story->archives, 0),
	             *second = json_array_get(story->archives, 1);

	if (story->count == 2 && story->listed == 2) {
		bool swapped = !json_flag_of(first, "stored");

		story_add_name(swapped ? second : first, ret);
		text_add(ret, " is stored, ");
		story_add_name(swapped ? first : second, ret);
		text_add(ret, " is not");
		return;
	}
	story_add_names(story, WHICH_NOT_STORED, missing, ", ", ret);
	text_addf(ret, "%s not stored, the other%s", missing == 1 ? " is" : " are",
	        story->stored == 1 ? " is" : "s are");
}

/* ", and two others have it: a.example, b.example": the reason of the level. */
static void
add_others(const json_t *archive, struct text *ret)
{
	const json_t *hosts = json_object_get(archive, "hosts");
	size_t copies = json_count_of(archive, "copies"), named = json_array_size(hosts);

	if (copies == 0)
		return;
	text_add(ret, ", and ");
	if (copies > 2)
		text_add_number(ret, copies);
	else
		text_add(ret, copies == 2 ? "two" : "one");
	text_add(ret, copies == 1 ? " other host has it" : " others have it");
	for (size_t i = 0; i < named; i++) {
		const char *host = json_string_value(json_array_get(hosts, i));

		text_addf(ret, "%s%s", i > 0 ? ", " : ": ", host != NULL ? host : "");
	}
	if (named > 0 && named < copies)
		text_addf(ret, " and %zu more", copies - named);
}

/* Of several: those of which there is one more copy, and no third. */
static void
add_rare(const struct story *story, struct text *ret)
{
	size_t rare = story_count(story, WHICH_RARE);

	if (rare == 0 || story->only != NULL || story->kind == CAUSE_BACK)
		return;
	text_add(ret, rare == story->count ? ", and of each" : "; of ");
	if (rare < story->count)
		story_add_names(story, WHICH_RARE, rare, ", ", ret);
	text_add(ret, " only one other host has a copy");
}

static void
add_stored(const struct story *story, struct text *ret)
{
	text_add(ret, "; ");
	if (story->only != NULL)
		text_add(ret, story->stored > 0 ? "it is stored" : "it is not stored");
	else if (story->stored == story->count)
		text_add(ret, story->count == 2 ? "both are stored" : "all are stored");
	else if (story->stored == 0)
		text_add(ret, story->count == 2 ? "neither is stored" : "none is stored");
	else
		add_mixed(story, ret);
	if (story->only != NULL && story->stored > 0)
		add_others(story->only, ret);
	add_rare(story, ret);
}

static void
add_fetch(const struct story *story, enum which which, size_t count, struct text *ret)
{
	text_add(ret, "; larder fetch ");
	if (count <= EVENT_TEXT_NAMES_MAX && story_count(story, which) == count)
		story_add_names(story, which, count, " ", ret);
	else
		text_add(ret, "--all");
}

/* "larder fetch lucid.0.1.5 may still find it elsewhere" */
static void
advise_fetch(const struct story *story, enum which which, size_t count, struct text *ret)
{
	const char *it = count == 1 ? "it" : "them";

	add_fetch(story, which, count, ret);
	if (story->kind == CAUSE_BACK)
		text_addf(ret, " gets %s now", it);
	else if (story_count(story, WHICH_HOPELESS) > story_count(story, WHICH_LOST))
		text_addf(ret, " may still find %s elsewhere", it);
	else
		text_addf(ret, " gets %s from another host", it);
}

/* Nobody is left to be asked but whoever fails: then people are. */
static void
advise_asking(const struct story *story, size_t count, struct text *ret)
{
	const char *it = count == 1 ? "it" : "them";

	if (story->kind == CAUSE_FAILING) {
		add_fetch(story, WHICH_LOST, count, ret);
		text_add(ret, " asks again");
	}
	text_add(ret, "; nobody else is known to have ");
	if (count == story->count)
		text_add(ret, it);
	else
		story_add_names(story, WHICH_LOST, count, ", ", ret);
	text_addf(ret,
	        ": ask around for %s; larder add FILE, or larder push from whoever has %s, brings %s back",
	        it, it, it);
}

/* Where it came back, it is to be had. */
static void
advise_missing(const struct story *story, struct text *ret)
{
	size_t lost = story->kind == CAUSE_BACK ? 0 : story_count(story, WHICH_LOST),
	       sought = story->count - story->stored - lost;

	if (sought > 0)
		advise_fetch(story, lost > 0 ? WHICH_SOUGHT : WHICH_NOT_STORED, sought, ret);
	if (lost > 0)
		advise_asking(story, lost, ret);
}

/* "keep larder's copy: it may be the last" */
static void
advise_keep(const struct story *story, struct text *ret)
{
	size_t last = story_count(story, WHICH_LAST);
	const char *old = story->kind == CAUSE_CHANGED ? " with the old checksum" : "";

	text_addf(ret, "; keep larder's cop%s", last == 1 ? "y" : "ies");
	if (last < story->stored && story->listed == story->count) {
		text_add(ret, " of ");
		story_add_names(story, WHICH_LAST, last, ", ", ret);
	}
	text_addf(ret, ": %s may be the last%s", last == 1 ? "it" : "they", old);
}

void
story_add_rest(const struct story *story, struct text *ret)
{
	if (story->kind != CAUSE_BACK || story->stored < story->count)
		add_stored(story, ret);
	if (story->stored < story->count)
		advise_missing(story, ret);
	if (story->kind != CAUSE_BACK && story_count(story, WHICH_LAST) > 0)
		advise_keep(story, ret);
}
