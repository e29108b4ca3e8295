/*
 * The verdict: reads both into tables of members and says what differs. Runs on the thread of whoever asks;
 * never fails, since what cannot be compared is an answer as well.
 */
#include "storage/drift/compare.h"

#include <stdio.h>
#include <string.h>

#include "storage/base/text.h"
#include "storage/drift/differences.h"
#include "storage/drift/members.h"
#include "storage/drift/provenance.h"

#define SAID_MAX      3 /* files named in the sentence */
#define SAID_PATH_MAX 128
#define COMMIT_SHOWN  12 /* hexadecimal digits */

/* Both sides, read. */
struct comparison {
	const struct compare_file *files[2];
	struct members members[2];
	struct err errs[2];
	bool read[2];
	struct drift *drift;
};

enum { PROMISED, CAME };

static void
conclude(struct drift *drift, enum drift_kind kind, const struct text *detail)
{
	drift->kind = kind;
	snprintf(drift->detail, sizeof drift->detail, "%s", text_string(detail));
}

static void
read_side(struct comparison *comparison, int side, const struct members_limits *limits)
{
	const struct compare_file *file = comparison->files[side];

	comparison->read[side] = members_read(
	        file->fd, file->size_bytes, limits, &comparison->members[side], &comparison->errs[side]);
}

/* "text of 12 KiB: words", and how it was compressed. */
static void
describe_looks(const struct members *members, struct text *text)
{
	looks_describe(members->start, members->start_length, members->size, text);
	if (members->packed != UNPACK_PLAIN)
		text_addf(text, " (compressed by %s)", unpack_form_name(members->packed));
}

static enum looks
looks(const struct members *members)
{
	return looks_of(members->start, members->start_length);
}

/* "12 files" */
static void
add_files(struct text *text, uint64_t count)
{
	text_addf(text, "%llu file%s", (unsigned long long)count, text_plural(count));
}

static void
conclude_unread(struct comparison *comparison, int side)
{
	AUTO_TEXT detail = TEXT_EMPTY;

	text_addf(&detail, "%s cannot be compared: %s", side == CAME ? "what came" : "what was promised",
	        comparison->errs[side].text);
	comparison->drift->cause = comparison->errs[side].code;
	conclude(comparison->drift, DRIFT_UNKNOWN, &detail);
}

/* A 7-Zip archive or the like. */
static void
conclude_unreadable(struct comparison *comparison, int side)
{
	AUTO_TEXT looks_like = TEXT_EMPTY;

	describe_looks(&comparison->members[side], &looks_like);
	err_set(&comparison->errs[side], ERR_SYNTAX, "%s, which larder does not read",
	        text_string(&looks_like));
	conclude_unread(comparison, side);
}

static bool
is_same_stream(const struct comparison *comparison)
{
	const struct members *promised = &comparison->members[PROMISED], *came = &comparison->members[CAME];

	return comparison->read[PROMISED] && promised->size == came->size &&
	       memcmp(promised->sha256, came->sha256, sizeof promised->sha256) == 0;
}

static void
conclude_recompressed(struct comparison *comparison)
{
	enum unpack_form before = comparison->members[PROMISED].packed,
	                 now = comparison->members[CAME].packed;
	const char *what = comparison->members[CAME].form == MEMBERS_TAR ? "tar" : "file";
	AUTO_TEXT detail = TEXT_EMPTY;

	if (before != now)
		text_addf(&detail, "the same %s with %s instead of %s", what, unpack_form_name(now),
		        unpack_form_name(before));
	else if (now != UNPACK_PLAIN)
		text_addf(
		        &detail, "the same %s, compressed by %s in another way", what, unpack_form_name(now));
	else
		text_add(&detail, "the same bytes");
	conclude(comparison->drift, DRIFT_RECOMPRESSED, &detail);
}

/* A patch or the like was promised, which is no archive either. */
static bool
promised_a_file(const struct comparison *comparison)
{
	return comparison->read[PROMISED] && comparison->members[PROMISED].form == MEMBERS_NONE;
}

static void
conclude_file(struct comparison *comparison)
{
	const struct members *came = &comparison->members[CAME];
	AUTO_TEXT detail = TEXT_EMPTY;

	if (looks(&comparison->members[PROMISED]) == LOOKS_ARCHIVE) {
		conclude_unreadable(comparison, PROMISED);
		return;
	}
	text_add(&detail, "what was promised is a single file, ");
	describe_looks(&comparison->members[PROMISED], &detail);
	text_add(&detail, "; what came is ");
	if (came->form == MEMBERS_NONE)
		describe_looks(came, &detail);
	else
		text_addf(&detail, "an archive of %zu members", came->count);
	conclude(comparison->drift, DRIFT_CONTENT, &detail);
}

static void
conclude_no_archive(struct comparison *comparison)
{
	const struct members *came = &comparison->members[CAME];
	AUTO_TEXT detail = TEXT_EMPTY;

	text_add(&detail, "what came is ");
	if (came->form == MEMBERS_NONE)
		describe_looks(came, &detail);
	else
		text_add(&detail, "an archive that holds nothing");
	conclude(comparison->drift, DRIFT_NO_ARCHIVE, &detail);
}

/* Nothing that could be unpacked came. Where none was to be unpacked, that alone says little. */
static void
judge_no_archive(struct comparison *comparison)
{
	bool file = promised_a_file(comparison);

	switch (looks(&comparison->members[CAME])) {
	case LOOKS_EMPTY:
		file = false;
		break;
	case LOOKS_HTML:
		file = file && looks(&comparison->members[PROMISED]) == LOOKS_HTML;
		break;
	case LOOKS_ARCHIVE:
		conclude_unreadable(comparison, CAME);
		return;
	case LOOKS_TEXT:
	case LOOKS_BINARY:
		break;
	}
	if (file)
		conclude_file(comparison);
	else
		conclude_no_archive(comparison);
}

/* "; another commit (… instead of …)", where git left them. */
static void
add_commits(const struct comparison *comparison, struct text *detail)
{
	char before[PROVENANCE_MAX] = "none", now[PROVENANCE_MAX] = "none";
	bool known = provenance_commit(comparison->files[PROMISED]->fd, before);

	known = provenance_commit(comparison->files[CAME]->fd, now) || known;
	if (known && strcmp(before, now) != 0)
		text_addf(detail, "; another commit (%.*s instead of %.*s)", COMMIT_SHOWN, now, COMMIT_SHOWN,
		        before);
}

static void
add_named(const struct differences *differences, struct text *detail)
{
	size_t said = differences->n_named < SAID_MAX ? differences->n_named : SAID_MAX;

	for (size_t i = 0; i < said; i++) {
		const struct drift_file *file = &differences->named[i];
		size_t length = strlen(file->path);

		/* Of a long name the end says more. A byte inside a character cannot be the first. */
		const char *end = length < SAID_PATH_MAX ? file->path : file->path + length - SAID_PATH_MAX;
		while ((*end & 0xc0) == 0x80)
			end++;
		text_addf(detail, "%s%s%s %s", i > 0 ? ", " : "", end > file->path ? "…" : "", end,
		        drift_change_name(file->change));
	}
	if (differences->differ > said)
		text_addf(detail, ", and %llu more", (unsigned long long)(differences->differ - said));
}

static void
conclude_content(struct comparison *comparison, struct differences *differences)
{
	struct drift *drift = comparison->drift;
	AUTO_TEXT detail = TEXT_EMPTY, top = TEXT_EMPTY;

	add_files(&detail, differences->differ);
	text_add(&detail, differences->differ == 1 ? " differs: " : " differ: ");
	add_named(differences, &detail);
	text_addf(&detail, "; %llu %s the same", (unsigned long long)differences->same,
	        differences->same == 1 ? "is" : "are");
	differences->traits &= TRAIT_TOP;
	differences_describe_traits(
	        &comparison->members[PROMISED], &comparison->members[CAME], differences, &top);
	if (top.length > 0)
		text_addf(&detail, "; %s", text_string(&top));
	add_commits(comparison, &detail);
	conclude(drift, DRIFT_CONTENT, &detail);
	drift->n_files = differences->differ;
	drift->n_named = differences->n_named;
	memcpy(drift->files, differences->named, sizeof drift->files);
}

static void
conclude_metadata(struct comparison *comparison, const struct differences *differences)
{
	AUTO_TEXT detail = TEXT_EMPTY, traits = TEXT_EMPTY;

	differences_describe_traits(
	        &comparison->members[PROMISED], &comparison->members[CAME], differences, &traits);
	text_add(&detail, "the same ");
	add_files(&detail, differences->same);
	text_addf(&detail, " with %s",
	        traits.length > 0 ? text_string(&traits)
	                          : "other headers or padding, which larder does not tell apart");
	add_commits(comparison, &detail);
	conclude(comparison->drift, DRIFT_METADATA, &detail);
}

static void
judge_members(struct comparison *comparison)
{
	struct differences differences;

	differences_find(&comparison->members[PROMISED], &comparison->members[CAME], &differences);
	if (differences.differ > 0)
		conclude_content(comparison, &differences);
	else
		conclude_metadata(comparison, &differences);
}

/* What came is read first: a page where an archive should be is told whatever was promised. */
static void
judge(struct comparison *comparison, const struct members_limits *limits)
{
	read_side(comparison, CAME, limits);
	if (!comparison->read[CAME]) {
		conclude_unread(comparison, CAME);
		return;
	}
	read_side(comparison, PROMISED, limits);
	if (comparison->errs[PROMISED].code == ERR_CANCELLED)
		conclude_unread(comparison, PROMISED);
	else if (is_same_stream(comparison))
		conclude_recompressed(comparison);
	else if (comparison->members[CAME].count == 0)
		judge_no_archive(comparison);
	else if (!comparison->read[PROMISED])
		conclude_unread(comparison, PROMISED);
	else if (promised_a_file(comparison))
		conclude_file(comparison);
	else
		judge_members(comparison);
}

void
compare_archives(const struct compare_file *promised, const struct compare_file *came,
        const struct compare_limits *limits, const struct compare_stop *stop, struct drift *ret)
{
	const struct members_limits inner = {.unpack = {.bytes = limits->bytes,
	                                             .ratio = limits->ratio,
	                                             .ratio_free = limits->ratio_free,
	                                             .is_stopped = stop->is_stopped,
	                                             .context = stop->context},
	        .entries = limits->entries,
	        .table = limits->table,
	        .path = limits->path};
	struct comparison comparison = {.files = {[PROMISED] = promised, [CAME] = came}, .drift = ret};

	*ret = (struct drift){.kind = DRIFT_UNKNOWN};
	judge(&comparison, &inner);
	members_finish(&comparison.members[PROMISED]);
	members_finish(&comparison.members[CAME]);
}
