/*
 * `larder import`: learns from sources where archives live. Main thread. A path is read here, since only the
 * command sees its user's files, and the history of a repository is a path; learning it, and reading a URL, is
 * server/jobs/work_import.c, here or in the daemon.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/catalogs.h"
#include "server/commands/command.h"
#include "server/commands/daemon.h"
#include "server/commands/progress.h"
#include "server/commands/reading.h"
#include "server/signals.h"
#include "server/jobs/json.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/history.h"

static void
print_count(const json_t *report, const char *what)
{
	const json_t *counts = json_object_get(report, what);

	printf("  %-9s %8" PRIu64 "  %8" PRIu64 " new\n", what, json_count_of(counts, "total"),
	        json_count_of(counts, "new"));
}

static void
print_report(const json_t *report, int64_t took_ms)
{
	uint64_t files = json_count_of(report, "files"), sections = json_count_of(report, "sections"),
	         without_digest = json_count_of(report, "without_digest"),
	         not_archives = json_count_of(report, "not_archives"),
	         problems = json_count_of(report, "problems_total");

	printf("%s: %s, %" PRIu64 " file%s, %" PRIu64 " section%s, read in %.2f s\n",
	        json_text_of(report, "source"), json_text_of(report, "form"), files, text_plural(files),
	        sections, text_plural(sections), (double)took_ms / 1000);
	if (json_object_get(report, "commits") != NULL)
		printf("  %-9s %8" PRIu64 "\n", "commits", json_count_of(report, "commits"));
	print_count(report, "archives");
	print_count(report, "digests");
	print_count(report, "origins");
	print_count(report, "packages");
	if (without_digest > 0)
		printf("  %" PRIu64 " section%s no checksum: larder cannot keep what %s at\n", without_digest,
		        without_digest == 1 ? " names" : "s name",
		        without_digest == 1 ? "it points" : "they point");
	if (not_archives > 0)
		printf("  %" PRIu64 " section%s, no archive%s\n", not_archives,
		        not_archives == 1 ? " is a repository or a local path"
		                          : "s are repositories or local paths",
		        text_plural(not_archives));
	if (problems > 0)
		printf("  %" PRIu64 " problem%s: what stands there was skipped, all else was learned\n",
		        problems, text_plural(problems));
}

/* As reading_say_problems, of a report. */
static void
say_problems(const json_t *report)
{
	uint64_t in_all = json_count_of(report, "problems_total");
	const json_t *problem;
	size_t i;

	json_array_foreach (json_object_get(report, "problems"), i, problem) {
		const char *file = json_text_of(problem, "file"), *text = json_text_of(problem, "text");
		uint64_t line = json_count_of(problem, "line");

		if (i == PROBLEMS_SHOWN)
			break;
		if (line > 0)
			command_say("%s:%" PRIu64 ":%" PRIu64 ": %s", file, line,
			        json_count_of(problem, "column"), text);
		else
			command_say("%s: %s", file, text);
	}
	if (in_all > PROBLEMS_SHOWN)
		command_say("… and %" PRIu64 " more; --json lists all", in_all - PROBLEMS_SHOWN);
}

static void
say_failure(const json_t *report)
{
	const char *source = json_text_of(report, "source"), *text = json_text_of(report, "error");
	bool named = text_starts_with(text, source);

	command_say("%s%s%s; nothing was learned from it", named ? "" : source, named ? "" : ": ", text);
}

/* The report of a source that could not be read, as work_import makes it. */
static json_t *
failure(const char *source, const struct err *err)
{
	return json_pack("{s:o, s:o, s:i}", "source", json_text(source), "error", json_text(err->text),
	        "exit_status", err_exit_status(err->code));
}

/* --- history --- */

/* Reading the history of one repository. */
struct retrospect {
	struct progress progress;
	bool stopped; /* by a signal */
};

static void
note_progress(void *context, const char *verb, uint64_t done, uint64_t total)
{
	struct retrospect *retrospect = context;
	struct progress *progress = &retrospect->progress;

	if (strcmp(progress->verb, verb) != 0)
		progress->began_ms = clock_ms();
	progress->measure = PROGRESS_COUNT;
	progress->verb = verb;
	progress->done = done;
	progress->total = total;
	progress_tick(progress);
}

static bool
is_stopped(void *context)
{
	struct retrospect *retrospect = context;

	retrospect->stopped = retrospect->stopped || signals_poll() == SIGNALS_STOP;
	return retrospect->stopped;
}

/*
 * Up to which commits histories were learned before, so that only later ones are read. A store that cannot be read, or is
 * not there yet, knows none: then all is read, which does no harm.
 */
static char *
known_commits(const struct invocation *invocation)
{
	struct text tips = TEXT_EMPTY;
	struct err unimportant = ERR_NONE;
	struct larder larder;

	if (!larder_start(&larder, invocation->config, LARDER_STORE_READ, &unimportant))
		return xstrdup("");
	if (!catalog_history_tips(store_catalog(larder.store), &tips, &unimportant))
		text_clear(&tips);
	larder_stop(&larder, 0);
	return text_take(&tips);
}

static bool
read_history(const struct invocation *invocation, const char *path, struct harvest *harvest, struct err *err)
{
	AUTO_FREE char *known = known_commits(invocation);
	struct retrospect retrospect = {.stopped = false};
	struct history_wish wish = {.path = path,
	        .known = known,
	        .limits = HISTORY_LIMITS,
	        .progress = note_progress,
	        .is_stopped = is_stopped,
	        .context = &retrospect};
	bool done;

	if (catalogs_is_url(path))
		return err_set(err, ERR_USAGE, "%s is a URL: clone it, and give the clone", path);
	progress_begin(&retrospect.progress, progress_choose(invocation->flags), "", 0);
	done = history_read(&wish, harvest, err);
	progress_clear(&retrospect.progress);
	return done;
}

/* --- sources --- */

static bool
read_local(const struct invocation *invocation, const char *source, struct harvest *harvest,
        enum source_form *ret_form, struct err *err)
{
	if (!invocation_has(invocation, FLAG_HISTORY))
		return source_read(source, harvest, ret_form, err);
	*ret_form = SOURCE_HISTORY;
	return read_history(invocation, source, harvest, err);
}

/* The report of one source, the caller's; NULL: what went wrong was said. */
static json_t *
import_source(const struct invocation *invocation, const char *source, int *ret_status)
{
	struct undertaking importing = {
	        .kind = "import", .asked = json_pack("{s:o}", "source", json_text(source))};
	enum source_form form;
	struct err err = ERR_NONE;
	json_t *report = NULL;

	if (catalogs_is_url(source) && !invocation_has(invocation, FLAG_HISTORY)) {
		*ret_status = undertake(invocation, &importing, &report);
	} else {
		importing.harvest = harvest_create();
		if (read_local(invocation, source, importing.harvest, &form, &err)) {
			json_object_set_new(importing.asked, "form", json_string(source_form_name(form)));
			*ret_status = undertake(invocation, &importing, &report);
		} else if (err.code == ERR_CANCELLED) {
			*ret_status = command_fail(&err);
		} else {
			report = failure(source, &err);
			*ret_status = err_exit_status(err.code);
		}
	}
	harvest_destroy(importing.harvest);
	json_decref(importing.asked);
	return report;
}

/* Says what a report tells to a person. */
static void
show(const json_t *report, int64_t took_ms)
{
	if (json_object_get(report, "error") != NULL) {
		say_failure(report);
		return;
	}
	print_report(report, took_ms);
	fflush(stdout);
	say_problems(report);
}

static int
run(const struct invocation *invocation)
{
	json_t *reports = json_array();
	int status = EXIT_DONE;

	for (size_t i = 0; i < invocation->n_arguments; i++) {
		int64_t began_ms = clock_ms();
		int its_status;
		json_t *report = import_source(invocation, invocation->arguments[i], &its_status);

		status = command_worse(status, its_status);
		if (report == NULL)
			break; /* not the source's fault: the next would fare no better */
		if (!invocation_has(invocation, FLAG_JSON))
			show(report, clock_ms() - began_ms);
		else if (json_object_get(report, "error") != NULL)
			say_failure(report);
		json_array_append_new(reports, report);
	}
	if (invocation_has(invocation, FLAG_JSON) && json_array_size(reports) > 0)
		json_print(json_pack("{s:O}", "sources", reports));
	json_decref(reports);
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
                "entries could not be read and were skipped.\n\n"
                "With --history a source is a git clone of an opam repository, or a bundle of one, and all\n"
                "that any commit ever named is learned, not what is named today. Nothing that a clone is\n"
                "configured to run is run. The next time only new commits are read.\n",
        .flags = FLAG_JSON | FLAG_HISTORY,
        .min_arguments = 1,
        .max_arguments = ARGUMENTS_ANY,
        .run = run,
};
