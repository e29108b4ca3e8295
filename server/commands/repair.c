/*
 * `larder repair`: what a maintainer has to write where an archive is not to be had any more. Main thread, read-only, beside a
 * running daemon.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/admin/reports.h"
#include "server/commands/command.h"
#include "server/commands/reading.h"
#include "server/commands/repair_text.h"
#include "server/signals.h"
#include "server/jobs/json.h"
#include "server/jobs/wants.h"
#include "storage/base/file.h"
#include "storage/base/text.h"
#include "storage/catalog/opam_edit.h"

/* What the arguments came to, one after the other. */
struct repairing {
	const struct invocation *invocation;
	struct larder *larder;
	uint64_t archives, untried, failing, unknown;
	json_t *repairs, *patches; /* of all arguments, for --json */
};

/* --- into a file of opam's syntax --- */

/* The names of a repair as an array, borrowed from it; the caller's to free. */
static const char **
named_urls(const json_t *repair, size_t *ret_count)
{
	const json_t *named = json_object_get(repair, "named");
	const char **urls = xcalloc(json_array_size(named) + 1, sizeof *urls);

	*ret_count = json_array_size(named);
	for (size_t i = 0; i < *ret_count; i++)
		urls[i] = json_text_of(json_array_get(named, i), "url");
	return urls;
}

static struct opam_wish *
make_wishes(const json_t *repairs)
{
	struct opam_wish *wishes = xcalloc(json_array_size(repairs) + 1, sizeof *wishes);
	struct err err = ERR_NONE;

	for (size_t i = 0; i < json_array_size(repairs); i++) {
		const json_t *repair = json_array_get(repairs, i);

		wishes[i].urls = named_urls(repair, &wishes[i].n_urls);
		wishes[i].url = json_string_value(json_object_get(repair, "url"));
		/* One that cannot be read, which is a mistake of ours, is found nowhere. */
		if (!json_digests_read(json_object_get(repair, "digests"), &wishes[i].digests, &err) ||
		        !json_digests_read(json_object_get(repair, "checksums"), &wishes[i].checksums, &err))
			wishes[i].n_urls = 0;
	}
	return wishes;
}

/* Tells each repair which section it is, and releases the wishes. */
static void
finish_wishes(struct opam_wish *wishes, json_t *repairs)
{
	for (size_t i = 0; i < json_array_size(repairs); i++) {
		if (wishes[i].title != NULL)
			json_object_set_new(
			        json_array_get(repairs, i), "extra_source", json_text(wishes[i].title));
		free(wishes[i].title);
		free(wishes[i].urls);
	}
	free(wishes);
}

/* What has to change in this file, as a diff. */
static bool
make_diff(const char *path, json_t *repairs, struct text *ret, struct err *err)
{
	struct opam_wish *wishes = make_wishes(repairs);
	struct edits edits = EDITS_EMPTY;
	AUTO_TEXT bytes = TEXT_EMPTY;
	bool done =
	        file_read_path(path, SOURCE_FILE_MAX, &bytes, err) &&
	        opam_edit(text_string(&bytes), bytes.length, wishes, json_array_size(repairs), &edits, err);

	if (done)
		edits_diff(&edits, path, text_string(&bytes), bytes.length, ret);
	else
		err_wrap(err, "%s", path);
	edits_finish(&edits);
	finish_wishes(wishes, repairs);
	return done;
}

/* --- one argument --- */

static bool
collect(struct repairing *repairing, const char *argument, struct wants *wants, enum source_form *ret_form,
        struct err *err)
{
	struct harvest *harvest;

	*ret_form = SOURCE_LIST;
	if (!wants_is_file(argument))
		return wants_add(wants, repairing->larder, argument, err);
	harvest = reading_source(argument, ret_form, err);
	if (harvest == NULL)
		return false;
	wants_add_harvest(wants, harvest);
	harvest_destroy(harvest);
	return true;
}

static void
print(const json_t *repairs, const char *diff, enum source_form form)
{
	for (size_t i = 0; i < json_array_size(repairs); i++)
		repair_print(json_array_get(repairs, i),
		        form == SOURCE_OPAM_LOCK ? REPAIR_SECTION : REPAIR_SECTION_AND_LOCK);
	fputs(diff, stdout);
}

/* The sections too, where there is an address to put into them. */
static void
keep_for_json(struct repairing *repairing, json_t *repairs, const char *file, const char *diff)
{
	for (size_t i = 0; i < json_array_size(repairs); i++) {
		json_t *repair = json_array_get(repairs, i);
		AUTO_TEXT section = TEXT_EMPTY;

		repair_section(repair, &section);
		json_object_set_new(repair, "section",
		        json_is_string(json_object_get(repair, "url")) ? json_text(text_string(&section))
		                                                       : json_null());
	}
	json_array_extend(repairing->repairs, repairs);
	if (diff[0] != '\0')
		json_array_append_new(repairing->patches,
		        json_pack("{s:o, s:o}", "file", json_text(file), "diff", json_text(diff)));
}

static bool
tell(struct repairing *repairing, const char *argument, json_t *report, enum source_form form,
        struct err *err)
{
	json_t *repairs = json_object_get(report, "repairs");
	AUTO_TEXT diff = TEXT_EMPTY;

	repairing->archives += json_count_of(report, "archives");
	repairing->untried += json_count_of(report, "untried");
	repairing->failing += json_count_of(report, "failing");
	repairing->unknown += json_count_of(report, "unknown");
	if (form == SOURCE_OPAM_LOCK && !make_diff(argument, repairs, &diff, err))
		return false;
	if (!invocation_has(repairing->invocation, FLAG_JSON))
		print(repairs, text_string(&diff), form);
	keep_for_json(repairing, repairs, argument, text_string(&diff));
	return true;
}

static bool
repair_argument(struct repairing *repairing, const char *argument, struct err *err)
{
	struct wants wants = WANTS_EMPTY;
	json_t *report = NULL;
	enum source_form form;
	bool done;

	if (collect(repairing, argument, &wants, &form, err))
		report = report_repair(repairing->larder, &wants,
		        invocation_has(repairing->invocation, FLAG_ALL) ? REPAIR_ALL : REPAIR_BROKEN, err);
	done = report != NULL && tell(repairing, argument, report, form, err);
	json_decref(report);
	wants_finish(&wants);
	return done;
}

/* --- all of them --- */

static void
add_open(struct text *text, uint64_t count, const char *words)
{
	if (count > 0)
		text_addf(text, "%s%" PRIu64 " %s", text->length > 0 ? ", " : "", count, words);
}

/* Of what nobody knows whether it is to be had, in the words of check. */
static void
say_open(const struct repairing *repairing)
{
	AUTO_TEXT open = TEXT_EMPTY;

	add_open(&open, repairing->untried, "untried (an origin was never asked)");
	add_open(&open, repairing->failing, "failing (no origin serves it, without a verdict yet)");
	add_open(&open, repairing->unknown, "unknown (no origin is known)");
	if (open.length > 0)
		command_say("whether these are gone is not known: %s; larder check lists those that are not "
		            "stored",
		        text_string(&open));
}

static void
say_nothing(const struct repairing *repairing)
{
	if (repairing->archives == 0)
		command_say("nothing to repair: no archives are named");
	else if (repairing->archives == 1)
		command_say("nothing to repair: the archive is not known to be gone from where it is named");
	else
		command_say("nothing to repair: of %" PRIu64
		            " archives none is known to be gone from where it is named",
		        repairing->archives);
}

static int
finish(struct repairing *repairing)
{
	const struct invocation *invocation = repairing->invocation;
	size_t count = json_array_size(repairing->repairs);

	if (invocation_has(invocation, FLAG_JSON)) {
		json_print(json_pack("{s:I, s:I, s:I, s:I, s:O, s:O}", "archives",
		        (json_int_t)repairing->archives, "untried", (json_int_t)repairing->untried, "failing",
		        (json_int_t)repairing->failing, "unknown", (json_int_t)repairing->unknown, "repairs",
		        repairing->repairs, "patches", repairing->patches));
	} else if (!invocation_has(invocation, FLAG_QUIET)) {
		if (count == 0)
			say_nothing(repairing);
		say_open(repairing);
	}
	return count > 0 ? EXIT_MISSING : EXIT_DONE;
}

static int
repair(const struct invocation *invocation, struct larder *larder)
{
	struct repairing repairing = {
	        .invocation = invocation, .larder = larder, .repairs = json_array(), .patches = json_array()};
	struct err err = ERR_NONE;
	bool done = true;
	int status;

	for (size_t i = 0; done && i < invocation->n_arguments; i++)
		done = repair_argument(&repairing, invocation->arguments[i], &err);
	status = done ? finish(&repairing) : EXIT_FAILED;
	if (!done)
		command_fail(&err);
	json_decref(repairing.repairs);
	json_decref(repairing.patches);
	return status;
}

static int
run(const struct invocation *invocation)
{
	struct larder larder;
	int status;

	signals_release();
	status = command_start(invocation, LARDER_STORE_READ, &larder);
	if (status != EXIT_DONE)
		return status;
	status = repair(invocation, &larder);
	larder_stop(&larder, 0);
	return status;
}

const struct command command_repair = {
        .name = "repair",
        .arguments = "LOCKFILE|PACKAGE[.VERSION]|DIGEST...",
        .summary = "what to write where an archive is not to be had any more",
        .help = "For each archive that has vanished, changed or fails wherever it is named (by the lockfile, "
                "or by\n"
                "today's sources), or of which a newer source names other bytes there: the section for its "
                "opam file,\n"
                "with a URL that serves it and all digests, and the lines for a lockfile of opam-monorepo. "
                "Where\n"
                "nobody serves it: what to call it in a rescue repository, and how to get it. For an "
                "opam-monorepo\n"
                "lockfile or an opam file a diff is added, which `patch -p0` or `git apply -p0` takes "
                "together with\n"
                "all else that is printed. Exit status 0 when there is nothing to repair, 1 when something "
                "was\n"
                "printed, 3 when something named could not be read. Nothing is changed and nobody is asked. "
                "Works\n"
                "beside a running daemon.\n",
        .flags = FLAG_JSON | FLAG_ALL,
        .min_arguments = 1,
        .max_arguments = ARGUMENTS_ANY,
        .run = run,
};
