/*
 * `larder import`: learns from sources where archives live. Main thread. A source goes in whole or not at
 * all; entries of it that cannot be read are named and skipped.
 */
#include <inttypes.h>
#include <stdio.h>

#include "server/catalogs.h"
#include "server/commands/command.h"
#include "server/commands/reading.h"
#include "server/work/json.h"
#include "server/work/wants.h"
#include "server/signals.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/source.h"

/* What one source came to. */
struct import {
	const char *source;
	enum source_form form;
	struct catalog_learned learned;
	int64_t took_ms;
};

static void
print_count(const char *what, uint64_t count, uint64_t fresh)
{
	printf("  %-9s %8" PRIu64 "  %8" PRIu64 " new\n", what, count, fresh);
}

static void
print_report(const struct import *import, const struct harvest *harvest)
{
	const struct catalog_learned *learned = &import->learned;

	printf("%s: %s, %" PRIu64 " files, %" PRIu64 " sections, read in %.2f s\n", import->source,
	        source_form_name(import->form), harvest->files, harvest->sections,
	        (double)import->took_ms / 1000);
	print_count("archives", learned->archives, learned->new_archives);
	print_count("digests", learned->digests, learned->new_digests);
	print_count("origins", learned->origins, learned->new_origins);
	print_count("packages", learned->packages, learned->new_packages);
	if (harvest->without_digest > 0)
		printf("  %" PRIu64 " sections name no checksum: larder cannot keep what they point at\n",
		        harvest->without_digest);
	if (harvest->not_archives > 0)
		printf("  %" PRIu64 " sections are repositories or local paths, no archives\n",
		        harvest->not_archives);
	if (harvest->problems_in_all > 0)
		printf("  %" PRIu64 " problems: what stands there was skipped, all else was learned\n",
		        harvest->problems_in_all);
}

static json_t *
problems_json(const struct harvest *harvest)
{
	json_t *problems = json_array();

	for (size_t i = 0; i < harvest->n_problems; i++)
		json_array_append_new(problems,
		        json_pack("{s:o, s:i, s:i, s:o}", "file", json_text(harvest->problems[i].file),
		                "line", (int)harvest->problems[i].line, "column",
		                (int)harvest->problems[i].column, "text",
		                json_text(harvest->problems[i].text)));
	return problems;
}

static json_t *
count_json(uint64_t count, uint64_t fresh)
{
	return json_pack("{s:I, s:I}", "total", (json_int_t)count, "new", (json_int_t)fresh);
}

static json_t *
report_json(const struct import *import, const struct harvest *harvest)
{
	const struct catalog_learned *learned = &import->learned;
	json_t *report = json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:I}", "source", json_text(import->source),
	        "form", source_form_name(import->form), "files", (json_int_t)harvest->files, "sections",
	        (json_int_t)harvest->sections, "without_digest", (json_int_t)harvest->without_digest,
	        "not_archives", (json_int_t)harvest->not_archives, "problems_total",
	        (json_int_t)harvest->problems_in_all);

	json_object_set_new(report, "archives", count_json(learned->archives, learned->new_archives));
	json_object_set_new(report, "digests", count_json(learned->digests, learned->new_digests));
	json_object_set_new(report, "origins", count_json(learned->origins, learned->new_origins));
	json_object_set_new(report, "packages", count_json(learned->packages, learned->new_packages));
	json_object_set_new(report, "problems", problems_json(harvest));
	return report;
}

/* One source; with reports non-NULL its report is added there, else it is printed. */
static int
import_source(struct larder *larder, const char *source, json_t *reports)
{
	struct import import = {.source = source, .took_ms = clock_ms()};
	struct harvest *harvest = harvest_create();
	int status = EXIT_DONE;
	struct err err = ERR_NONE;

	if (!catalogs_read(larder, source, harvest, &import.form, &err) ||
	        !catalog_learn(store_catalog(larder->store), harvest, source, &import.learned, &err)) {
		bool named = text_starts_with(err.text, source);

		command_say("%s%s%s; nothing was learned from it", named ? "" : source, named ? "" : ": ",
		        err.text);
		if (reports != NULL)
			json_array_append_new(reports, json_pack("{s:o, s:o}", "source", json_text(source),
			                                       "error", json_text(err.text)));
		status = err_exit_status(err.code);
	} else {
		import.took_ms = clock_ms() - import.took_ms;
		if (reports != NULL)
			json_array_append_new(reports, report_json(&import, harvest));
		else
			print_report(&import, harvest);
		if (reports == NULL)
			reading_say_problems(harvest);
		status = harvest->problems_in_all > 0 ? EXIT_MISSING : EXIT_DONE;
	}
	harvest_destroy(harvest);
	return status;
}

static enum larder_parts
parts_for(const struct invocation *invocation)
{
	for (size_t i = 0; i < invocation->n_arguments; i++)
		if (catalogs_is_url(invocation->arguments[i]))
			return LARDER_FETCHING;
	return LARDER_STORE_WRITE;
}

static int
run(const struct invocation *invocation)
{
	json_t *reports = invocation_has(invocation, FLAG_JSON) ? json_array() : NULL;
	struct larder larder;
	int status;

	signals_release();
	status = command_start(invocation, parts_for(invocation), &larder);
	if (status != EXIT_DONE) {
		json_decref(reports);
		return status;
	}
	for (size_t i = 0; i < invocation->n_arguments; i++)
		status = command_worse(status, import_source(&larder, invocation->arguments[i], reports));
	larder_stop(&larder, 0);
	if (reports != NULL)
		json_print(json_pack("{s:o}", "sources", reports));
	return status;
}

const struct command command_import = {
        .name = "import",
        .arguments = "SOURCE...",
        .summary = "learn where archives live",
        .help = "Reads sources into the catalog: an opam repository (a directory, or a .tar.gz of one), an\n"
                "opam-monorepo lockfile (*.opam.locked), a dune.lock directory, or a list of lines\n"
                "`URL algo=hex [algo=hex ...] [package]`; a path or an http(s) URL of a file. Reading a "
                "source\n"
                "again adds only what is new; nothing that was learned before is forgotten. Exit status 1 "
                "when\n"
                "entries could not be read and were skipped.\n",
        .flags = FLAG_JSON,
        .min_arguments = 1,
        .max_arguments = ARGUMENTS_ANY,
        .run = run,
};
