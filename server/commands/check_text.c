/*
 * What `check` prints. Main thread; the report says everything, this only chooses the words.
 */
#include "server/commands/check_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/admin/known.h"
#include "server/commands/check_details.h"
#include "server/commands/check_groups.h"
#include "server/commands/origin_text.h"
#include "server/jobs/json.h"
#include "server/jobs/wants.h"
#include "storage/base/text.h"

/* --- what to do --- */

typedef bool belongs_fn(const json_t *archive);

/* Nobody has looked at the bytes that are named. Who removed it does not wait for it. */
static bool
may_be_corrected(const json_t *archive)
{
	const json_t *correction = json_object_get(archive, "correction");

	return json_is_object(correction) && !json_flag_of(correction, "seen") &&
	       strcmp(json_text_of(archive, "state"), archive_state_name(ARCHIVE_IS_REMOVED)) != 0;
}

static bool
is_forbidden(const json_t *archive)
{
	return json_flag_of(archive, "forbidden");
}

static bool
has_mirrors_left(const json_t *archive)
{
	return json_array_size(json_object_get(archive, "mirrors_untried")) > 0;
}

static bool
is_any(const json_t *archive)
{
	(void)archive;
	return true;
}

#define ASK_AROUND "ask around for #: larder add FILE, or larder push from whoever has ~ in a download cache"

#define ANY_STATE ARCHIVE_STATES

/*
 * Every archive is in the first group of its state that it belongs to. In a heading # is "these 2" or "this one", ~ "them"
 * or "it", @ what to fetch.
 */
static const struct {
	enum archive_state state;
	belongs_fn *belongs;
	const char *heading;
} groups[] = {
        {ANY_STATE, may_be_corrected,
                "the catalog names another checksum for # by now: it may have been corrected (below, old and "
                "new); larder fetch @ asks for the old one:"},
        {ANY_STATE, is_forbidden,
                "larder may not ask who could have # (below, why): allow that, then larder fetch @; or "
                "larder add FILE, if you have ~:"},
        {ARCHIVE_IS_REACHABLE, is_any, "larder fetch @ gets #:"},
        {ARCHIVE_IS_UNTRIED, is_any, "larder fetch @ asks for #, since nobody was asked for ~ yet:"},
        {ARCHIVE_IS_CHANGED, check_is_corrected,
                "name the corrected checksum of #, changed in place (below, old and new):"},
        {ARCHIVE_IS_CHANGED, has_mirrors_left,
                "larder fetch @ asks mirrors for #, changed in place; else " ASK_AROUND ":"},
        {ARCHIVE_IS_CHANGED, is_any, "changed in place, and nobody has the old bytes; " ASK_AROUND ":"},
        {ARCHIVE_IS_FAILING, is_any,
                "larder fetch @ asks again for #, failing for now; larder add FILE, if you have ~:"},
        {ARCHIVE_IS_VANISHED, has_mirrors_left,
                "larder fetch @ asks mirrors for #, vanished from where published; else " ASK_AROUND ":"},
        {ARCHIVE_IS_VANISHED, is_any, "vanished, and nobody is known to have a copy; " ASK_AROUND ":"},
        {ARCHIVE_IS_UNKNOWN, has_mirrors_left,
                "larder fetch @ asks mirrors for #, of which no origin is known; larder add FILE, if you "
                "have ~:"},
        {ARCHIVE_IS_UNKNOWN, is_any, "larder add FILE, if you have #; no origin of ~ is known:"},
        {ARCHIVE_IS_REMOVED, is_any,
                "larder remove --forget lets # be fetched again, which somebody removed:"},
};

static void
print_heading(const char *heading, size_t count, const char *fetch)
{
	AUTO_TEXT line = TEXT_EMPTY;

	for (const char *at = heading; *at != '\0'; at++) {
		if (*at == '@') {
			origin_add_safe(&line, fetch);
		} else if (*at == '~') {
			text_add(&line, count == 1 ? "it" : "them");
		} else if (*at == '#' && count == 1) {
			text_add(&line, "this one");
		} else if (*at == '#') {
			text_add(&line, "these ");
			text_add_number(&line, count);
		} else {
			text_add_bytes(&line, at, 1);
		}
	}
	printf("\n%s\n", text_string(&line));
}

static bool
is_in(const json_t *archive, enum archive_state state)
{
	return state == ANY_STATE || strcmp(json_text_of(archive, "state"), archive_state_name(state)) == 0;
}

/* The group of an archive that is not stored; COUNT_OF(groups): of a state that this program does not know. */
static size_t
group_of(const json_t *archive)
{
	size_t i = 0;

	while (i < COUNT_OF(groups) && (!is_in(archive, groups[i].state) || !groups[i].belongs(archive)))
		i++;
	return i;
}

static void
print_groups(const json_t *missing, const char *fetch)
{
	struct check_group gathered[COUNT_OF(groups) + 1] = {0};

	for (size_t i = 0; i < json_array_size(missing); i++) {
		const json_t *archive = json_array_get(missing, i);

		check_group_add(&gathered[group_of(archive)], archive);
	}
	for (size_t i = 0; i < COUNT_OF(groups); i++) {
		if (gathered[i].count == 0)
			continue;
		print_heading(groups[i].heading, gathered[i].count, fetch);
		check_group_print(&gathered[i]);
	}
	for (size_t i = 0; i < COUNT_OF(gathered); i++)
		check_group_finish(&gathered[i]);
}

/* Nobody else is known to have these, though they were asked. */
static bool
is_only_here(const json_t *kept)
{
	const char *elsewhere = json_text_of(kept, "elsewhere");

	return strcmp(elsewhere, archive_state_name(ARCHIVE_IS_REACHABLE)) != 0 &&
	       strcmp(elsewhere, archive_state_name(ARCHIVE_IS_UNTRIED)) != 0;
}

static void
print_only_here(const json_t *kept)
{
	struct check_group group = {0};

	for (size_t i = 0; i < json_array_size(kept); i++)
		if (is_only_here(json_array_get(kept, i)))
			check_group_add(&group, json_array_get(kept, i));
	if (group.count > 0) {
		print_heading("back this store up, since nobody else is known to have #:", group.count, "");
		check_group_print(&group);
	}
	check_group_finish(&group);
}

static void
print_corrected(const json_t *kept)
{
	struct check_group group = {0};

	for (size_t i = 0; i < json_array_size(kept); i++)
		if (check_is_corrected(json_array_get(kept, i)))
			check_group_add(&group, json_array_get(kept, i));
	if (group.count > 0) {
		print_heading(
		        "stored, but the checksum of # was corrected upstream, or may have been (below, old "
		        "and new):",
		        group.count, "");
		check_group_print(&group);
	}
	check_group_finish(&group);
}

/* What the lockfile names and larder cannot keep, for one of the two reasons. */
static void
print_unkept_for(const json_t *report, const char *why, const char *counted, const char *heading)
{
	const json_t *unkept = json_object_get(report, "unkept");
	uint64_t count = json_count_of(report, counted);
	struct check_group group = {0};
	AUTO_TEXT more = TEXT_EMPTY;

	if (count == 0)
		return;
	for (size_t i = 0; i < json_array_size(unkept); i++)
		if (strcmp(json_text_of(json_array_get(unkept, i), "why"), why) == 0)
			check_group_add(&group, json_array_get(unkept, i));
	print_heading(heading, count, "");
	check_group_print(&group);
	if (count > group.count) {
		text_add_number(&more, count - group.count);
		printf("  and %s more\n", text_string(&more));
	}
	check_group_finish(&group);
}

static void
print_unkept(const json_t *report)
{
	print_unkept_for(report, "no checksum", "without_digest",
	        "cannot be kept: # without a checksum; the lockfile has to name one:");
	print_unkept_for(report, "no archive", "not_archives",
	        "cannot be kept: #, of version control or a local path; only an archive with a checksum "
	        "can:");
}

/* --- all of it --- */

static uint64_t
count_unkept(const json_t *report)
{
	return json_count_of(report, "without_digest") + json_count_of(report, "not_archives");
}

static void
add_stored(struct text *text, uint64_t archives, uint64_t stored)
{
	if (archives == 1) {
		text_addf(text, "the only archive is %sstored", stored == 1 ? "" : "not ");
		return;
	}
	if (stored == archives) {
		text_add(text, "all ");
		text_add_number(text, archives);
		text_add(text, " archives are stored");
		return;
	}
	text_add_number(text, archives - stored);
	text_add(text, " of ");
	text_add_number(text, archives);
	text_addf(text, " archives %s not safe; ", archives - stored == 1 ? "is" : "are");
	text_add_number(text, stored);
	text_addf(text, " %s stored", stored == 1 ? "is" : "are");
}

static void
print_verdict(const json_t *report)
{
	uint64_t archives = json_count_of(report, "archives"), unkept = count_unkept(report);
	AUTO_TEXT line = TEXT_EMPTY;

	if (archives > 0)
		add_stored(&line, archives, json_count_of(report, "stored"));
	if (unkept > 0) {
		if (archives > 0)
			text_add(&line, archives == 1 ? "; beside it " : "; beside them ");
		text_add_number(&line, unkept);
		text_add(&line, " cannot be kept");
	}
	puts(text_string(&line));
}

/* Another part of a sum, where it is not 0. */
static void
add_part(struct text *text, uint64_t count, const char *where)
{
	if (count == 0)
		return;
	text_add(text, text->length > 0 ? ", " : "");
	text_add_number(text, count);
	text_addf(text, " %s %s", count == 1 ? "is" : "are", where);
}

/* Of what is stored: who else has it. */
static void
print_copies(const json_t *report)
{
	const json_t *kept = json_object_get(report, "kept");
	uint64_t one = 0, more = 0, only_here = json_count_of(report, "only_here"),
	         all = json_array_size(kept);
	AUTO_TEXT parts = TEXT_EMPTY, line = TEXT_EMPTY;

	for (size_t i = 0; i < all; i++) {
		uint64_t copies = json_count_of(json_array_get(kept, i), "copies");

		one += copies == 1;
		more += copies > 1;
	}
	if (all == 0)
		return;
	add_part(&parts, only_here, "nowhere else that is known");
	add_part(&parts, one, "at one other host");
	add_part(&parts, more, "at two or more");
	add_part(&parts, all - only_here - one - more, "where nobody was asked yet");
	text_add(&line, "of the ");
	text_add_number(&line, all);
	printf("%s stored, %s\n", text_string(&line), text_string(&parts));
}

/* Of what could not be read nobody knows; and nobody looked where nothing is named. */
bool
check_is_safe(const json_t *report)
{
	return json_count_of(report, "archives") > 0 &&
	       json_count_of(report, "stored") == json_count_of(report, "archives") &&
	       json_array_size(json_object_get(report, "problems")) == 0 && count_unkept(report) == 0;
}

static void
print_figures(const json_t *report)
{
	const json_t *states = json_object_get(report, "states");
	uint64_t archives = json_count_of(report, "archives"), stored = json_count_of(report, "stored");
	uint64_t problems = json_array_size(json_object_get(report, "problems"));
	char bytes[TEXT_SIZE_MAX];

	text_size(json_count_of(report, "stored_bytes"), bytes);
	printf("%" PRIu64 " archive%s: %" PRIu64 " stored (%s), %" PRIu64 " missing", archives,
	        text_plural(archives), stored, bytes, archives - stored);
	for (int state = 0; state < ARCHIVE_STATES; state++) {
		const char *name = archive_state_name((enum archive_state)state);

		if (json_count_of(states, name) > 0)
			printf(", %" PRIu64 " %s", json_count_of(states, name), name);
	}
	if (problems > 0)
		printf("; %" PRIu64 " problem%s: what stands there was not looked for", problems,
		        text_plural(problems));
	if (count_unkept(report) > 0)
		printf("; %" PRIu64 " cannot be kept", count_unkept(report));
	puts(check_is_safe(report) ? ": all is safe" : "");
}

/* Nothing is named that could be missing: who takes that for safe may have named the wrong file. */
static void
print_nothing(const char *argument)
{
	AUTO_TEXT line = TEXT_EMPTY;

	if (argument == NULL) {
		puts("the catalog names no archives; larder import tells it of some");
		return;
	}
	origin_add_safe(&line, argument);
	printf("%s names no archives\n", text_string(&line));
}

static bool
has_more_to_say(const json_t *report)
{
	return json_count_of(report, "stored") < json_count_of(report, "archives") ||
	       json_count_of(report, "only_here") > 0 || json_count_of(report, "corrected") > 0 ||
	       count_unkept(report) > 0;
}

void
check_text_print(const json_t *report, const char *argument)
{
	const json_t *missing = json_object_get(report, "missing"), *kept = json_object_get(report, "kept");

	if (json_count_of(report, "archives") == 0)
		print_nothing(argument);
	if (has_more_to_say(report)) {
		print_verdict(report);
		print_copies(report);
		print_groups(missing, argument != NULL ? argument : "--all");
		print_unkept(report);
		print_corrected(kept);
		print_only_here(kept);
		check_details_print_missing(missing);
		check_details_print_kept(kept, json_count_of(report, "corrected"));
		puts("");
	} else {
		print_copies(report);
	}
	if (json_count_of(report, "archives") > 0 || count_unkept(report) > 0 ||
	        json_array_size(json_object_get(report, "problems")) > 0)
		print_figures(report);
}
