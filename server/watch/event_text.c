/*
 * The sentences of events. Pure; any thread. Must be right for one, two and many archives, and never name more than can be read.
 */
#include "server/watch/event_text_parts.h"

#include <string.h>

#include "server/jobs/json.h"
#include "storage/catalog/site.h"
#include "storage/drift/drift.h"

#define CHECKSUM_SHOWN 12  /* digits of each, where several archives are told of */
#define DETAIL_SHOWN   300 /* bytes of what differs in one of several */

static const char *const kind_names[] = {
        [CAUSE_VANISHED] = "vanished",
        [CAUSE_CHANGED] = "changed",
        [CAUSE_FAILING] = "failing",
        [CAUSE_BACK] = "back",
};

const char *
cause_kind_name(enum cause_kind kind)
{
	return kind_names[kind];
}

/* --- names --- */

/* By which digest it is told: the best one. */
static const char *
digest_name(const json_t *archive)
{
	const json_t *digests = json_object_get(archive, "digests");

	for (int i = 0; i < DIGEST_ALGOS; i++) {
		const char *name = digest_algo_name(digests_best_first[i]);

		if (*json_text_of(digests, name) != '\0')
			return name;
	}
	return "md5";
}

void
story_add_name(const json_t *archive, struct text *ret)
{
	const char *package = json_text_of(archive, "package"), *algo;

	if (*package != '\0') {
		text_add(ret, package);
		return;
	}
	algo = digest_name(archive);
	text_addf(ret, "%s:%s", algo, json_text_of(json_object_get(archive, "digests"), algo));
}

static bool
is_one(const json_t *archive, enum which which)
{
	const json_t *left = json_object_get(archive, "left"); /* events of an older larder have none */
	bool stored = json_flag_of(archive, "stored"), elsewhere = json_count_of(archive, "copies") > 0,
	     lost = !stored && !elsewhere && json_is_integer(left) && json_integer_value(left) == 0;

	switch (which) {
	case WHICH_ALL:
		return true;
	case WHICH_NOT_STORED:
		return !stored;
	case WHICH_LAST:
		return stored && !elsewhere;
	case WHICH_RARE:
		return stored && json_count_of(archive, "copies") == 1;
	case WHICH_HOPELESS:
		return !stored && !elsewhere;
	case WHICH_LOST:
		return lost;
	case WHICH_SOUGHT:
		return !stored && !lost;
	}
	return false;
}

size_t
story_count(const struct story *story, enum which which)
{
	size_t count = 0;

	for (size_t i = 0; i < story->listed; i++)
		count += is_one(json_array_get(story->archives, i), which);
	return count;
}

void
story_add_names(
        const struct story *story, enum which which, size_t in_all, const char *between, struct text *ret)
{
	size_t named = 0;

	for (size_t i = 0; i < story->listed && named < EVENT_TEXT_NAMES_MAX; i++) {
		const json_t *archive = json_array_get(story->archives, i);

		if (!is_one(archive, which))
			continue;
		text_add(ret, named > 0 ? between : "");
		story_add_name(archive, ret);
		named++;
	}
	if (named >= in_all)
		return;
	text_add(ret, named > 0 ? " and " : "");
	text_add_number(ret, in_all - named);
	text_add(ret, named > 0 ? " more" : " archives");
}

/* --- where --- */

/* The site of a URL and, where it is a folder, the next part of its path: on a forge, the repository. */
static void
add_place(const char *url, struct text *ret)
{
	const char *host = strstr(url, "://"), *part;
	struct site site;
	size_t length;

	if (host == NULL || !site_of(url, &site)) {
		text_add(ret, url);
		return;
	}
	text_add(ret, site.text);
	part = strchr(host + 3, '/');
	part = part != NULL ? strchr(part + 1, '/') : NULL;
	length = part != NULL ? strcspn(part + 1, "/?#") : 0;
	if (length > 0 && part[1 + length] == '/')
		text_add_bytes(ret, part, 1 + length);
}

/* One place that holds them all; else it stays empty. */
static void
find_place(struct story *story)
{
	for (size_t i = 0; i < story->listed && story->listed == story->count; i++) {
		AUTO_TEXT place = TEXT_EMPTY;

		add_place(json_text_of(json_array_get(story->archives, i), "url"), &place);
		if (i == 0)
			text_add(&story->place, text_string(&place));
		else if (strcmp(text_string(&place), text_string(&story->place)) != 0)
			text_clear(&story->place);
	}
}

static const char *
narrowest(const struct story *story)
{
	return story->place.length > 0 ? text_string(&story->place) : story->where;
}

/* --- what happened --- */

/* "3 archives", or the name of the only one. */
static void
add_what(const struct story *story, struct text *ret)
{
	if (story->only != NULL) {
		story_add_name(story->only, ret);
		return;
	}
	text_add_number(ret, story->count);
	text_add(ret, " archives");
}

/* Their names, where they are several. */
static void
add_list(const struct story *story, struct text *ret)
{
	if (story->only != NULL)
		return;
	text_add(ret, ": ");
	story_add_names(story, WHICH_ALL, story->count, ", ", ret);
}

static void
tell_vanished(const struct story *story, struct text *ret)
{
	if (story->whole && story->only == NULL) {
		text_addf(ret, "%s is gone", narrowest(story));
	} else {
		add_what(story, ret);
		text_addf(ret, " %s gone from %s", story->only != NULL ? "is" : "are", narrowest(story));
	}
	add_list(story, ret);
}

static void
tell_failing(const struct story *story, struct text *ret)
{
	text_addf(ret, "%s has failed to serve ", narrowest(story));
	add_what(story, ret);
	text_add(ret, " for a week or more");
	add_list(story, ret);
}

static void
tell_back(const struct story *story, struct text *ret)
{
	text_addf(ret, "%s serves ", narrowest(story));
	add_what(story, ret);
	text_add(ret, " again");
	add_list(story, ret);
}

/* Who packs is the host; what is in it is the author's matter. Whether all are the same to whoever unpacks them. */
static const struct drift_words {
	const char *before, *after_one, *after_many;
	enum { BY_HOST, BY_AUTHOR } by;
	enum { SAME, OTHER } files;
} drift_words[DRIFT_KINDS] = {
        [DRIFT_RECOMPRESSED] = {" recompressed ", ": the files in it are the same",
                ", and the files in them are the same", BY_HOST, SAME},
        [DRIFT_METADATA] = {" packed ", " anew: the files in it are the same",
                " anew, and the files in them are the same", BY_HOST, SAME},
        [DRIFT_CONTENT] = {" serves other files in ", "", "", BY_AUTHOR, OTHER},
        [DRIFT_NO_ARCHIVE] = {" serves something that is no archive in place of ", "", "", BY_HOST, OTHER},
        [DRIFT_UNKNOWN] = {" serves other bytes for ", "", "", BY_HOST, OTHER},
};

/* As a lockfile has it; of several archives the beginning, since all of it is in the data. */
static void
add_checksum(const struct story *story, const char *algo, const char *hex, struct text *ret)
{
	bool all = story->only != NULL || strlen(hex) <= CHECKSUM_SHOWN;

	text_addf(ret, "%s=%.*s%s", algo, all ? (int)strlen(hex) : CHECKSUM_SHOWN, hex, all ? "" : "…");
}

/* Whose bytes these are that correct nothing: those of the same package are such that no source names any more. */
static void
add_others(const json_t *archive, struct text *ret)
{
	const json_t *drift = json_object_get(archive, "drift");
	const char *package = json_text_of(drift, "known"), *from = json_text_of(drift, "known_from");
	const char *since = json_text_of(drift, "known_since");

	if (*package == '\0')
		text_addf(ret, "%s names these bytes since %s", from, since);
	else if (strcmp(package, json_text_of(archive, "package")) == 0)
		text_addf(ret, "%s named these bytes since %s, and does so no more", from, since);
	else
		text_addf(ret, "these are the bytes of %s", package);
}

/* The old checksum and the new one, where a source corrected it; else whose bytes these are, where that is known. */
static void
add_known(const struct story *story, const json_t *archive, const char *between, struct text *ret)
{
	const json_t *drift = json_object_get(archive, "drift");
	const char *package = json_text_of(drift, "known"), *from = json_text_of(drift, "known_from");
	const char *since = json_text_of(drift, "known_since"), *algo = digest_name(archive);

	if (*since == '\0')
		return;
	text_add(ret, between);
	if (json_object_get(drift, "lines") == NULL) {
		add_others(archive, ret);
		return;
	}
	add_checksum(story, algo, json_text_of(json_object_get(archive, "digests"), algo), ret);
	text_add(ret, " is now ");
	add_checksum(story, "sha256", json_text_of(drift, "sha256"), ret);
	text_addf(ret, ", which %s names since %s", from, since);
	if (*package != '\0')
		text_addf(ret, " for %s", package);
}

static void
add_detail(const char *detail, struct text *ret)
{
	size_t length = strlen(detail);

	if (length > DETAIL_SHOWN) {
		length = DETAIL_SHOWN;
		while (length > 0 && ((unsigned char)detail[length] & 0xc0) == 0x80)
			length--;
	}
	text_add_bytes(ret, detail, length);
	text_add(ret, detail[length] != '\0' ? "…" : "");
}

/* "duff.0.5 (1 file differs: pkg/META), digestif.1": where they are few. */
static void
add_differences(const struct story *story, struct text *ret)
{
	for (size_t i = 0; i < story->listed; i++) {
		const json_t *archive = json_array_get(story->archives, i);
		AUTO_TEXT differs = TEXT_EMPTY;

		if (drift_words[story->drift].files == OTHER)
			add_detail(json_text_of(json_object_get(archive, "drift"), "detail"), &differs);
		add_known(story, archive, differs.length > 0 ? "; " : "", &differs);
		text_add(ret, i > 0 ? ", " : ": ");
		story_add_name(archive, ret);
		if (differs.length > 0)
			text_addf(ret, " (%s)", text_string(&differs));
	}
}

/* Of one what differs stands at the end, of a few behind each name. */
static void
add_changes(const struct story *story, struct text *ret)
{
	const char *detail = json_text_of(json_object_get(story->only, "drift"), "detail");

	if (story->only == NULL && story->count <= EVENT_TEXT_NAMES_MAX && story->listed == story->count) {
		add_differences(story, ret);
		return;
	}
	add_list(story, ret);
	if (*detail != '\0' && drift_words[story->drift].files == OTHER)
		text_addf(ret, ": %s", detail);
	if (story->only != NULL)
		add_known(story, story->only, "; ", ret);
}

static void
tell_changed(const struct story *story, struct text *ret)
{
	const struct drift_words *words = &drift_words[story->drift];
	const char *where = words->by == BY_AUTHOR ? narrowest(story) : story->where;
	size_t host_length = site_host_length(where), length = strlen(where);
	bool by_host = words->by == BY_HOST;

	text_addf(ret, "%.*s%s", by_host ? (int)host_length : (int)length, where, words->before);
	add_what(story, ret);
	if (by_host && story->only == NULL && host_length < length)
		text_addf(ret, " of %s", where);
	text_add(ret, story->only != NULL ? words->after_one : words->after_many);
	add_changes(story, ret);
}

/* --- all of it --- */

/* "changed: recompressed" */
static void
read_cause(const char *cause, struct story *ret)
{
	size_t length = strcspn(cause, ":");

	for (int kind = 0; kind < CAUSE_KINDS; kind++)
		if (strncmp(cause, kind_names[kind], length) == 0 && kind_names[kind][length] == '\0')
			ret->kind = (enum cause_kind)kind;
	cause += length + strspn(cause + length, ": ");
	ret->drift = drift_kind_find(cause);
}

static void
read_story(const json_t *data, struct story *ret)
{
	*ret = (struct story){.archives = json_object_get(data, "archives"),
	        .count = json_count_of(data, "count"),
	        .stored = json_count_of(data, "stored"),
	        .where = json_text_of(data, "site"),
	        .whole = json_flag_of(data, "whole")};
	ret->listed = json_array_size(ret->archives);
	ret->only = ret->count == 1 ? json_array_get(ret->archives, 0) : NULL;
	read_cause(json_text_of(data, "cause"), ret);
	find_place(ret);
}

void
event_text_sentence(const json_t *data, struct text *ret)
{
	struct story story;

	read_story(data, &story);
	switch (story.kind) {
	case CAUSE_VANISHED:
		tell_vanished(&story, ret);
		break;
	case CAUSE_CHANGED:
		tell_changed(&story, ret);
		break;
	case CAUSE_FAILING:
		tell_failing(&story, ret);
		break;
	case CAUSE_BACK:
		tell_back(&story, ret);
		break;
	}
	story_add_rest(&story, ret);
	text_finish(&story.place);
}

void
event_text_subject(const json_t *data, struct text *ret)
{
	struct story story;

	read_story(data, &story);
	if (story.only != NULL)
		story_add_name(story.only, ret);
	else
		text_add(ret, story.where);
	text_finish(&story.place);
}
