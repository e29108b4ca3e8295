/*
 * `larder fetch`: downloads what is named and not stored. Main thread; the doing is server/jobs/work_fetch.c,
 * here or in the daemon. Lockfiles are read here, since only the command sees its user's files.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/commands/command.h"
#include "server/commands/daemon.h"
#include "server/commands/reading.h"
#include "server/commands/table.h"
#include "server/jobs/harvest_json.h"
#include "server/jobs/json.h"
#include "server/jobs/wants.h"
#include "storage/base/text.h"

/* --- what is asked for --- */

struct wish {
	json_t *names, *entries;
	struct text sources; /* the lockfiles' names */
	uint64_t problems;   /* in them */
};

static bool
add_file(struct wish *wish, const char *path, struct err *err)
{
	enum source_form form;
	struct harvest *harvest = reading_source(path, &form, err);

	if (harvest == NULL)
		return false;
	for (size_t i = 0; i < harvest->n_entries; i++)
		json_array_append_new(wish->entries, harvest_entry_json(&harvest->entries[i]));
	wish->problems += harvest->problems_in_all;
	text_addf(&wish->sources, "%s%s", wish->sources.length > 0 ? ", " : "", path);
	harvest_destroy(harvest);
	return true;
}

static bool
add_arguments(struct wish *wish, const struct invocation *invocation, struct err *err)
{
	for (size_t i = 0; i < invocation->n_arguments; i++) {
		const char *argument = invocation->arguments[i];

		if (!wants_is_file(argument))
			json_array_append_new(wish->names, json_text(argument));
		else if (!add_file(wish, argument, err))
			return false;
	}
	return true;
}

/* What work_fetch reads; NULL: a lockfile could not be read. ret_problems: lines of one that could not. */
static json_t *
ask(const struct invocation *invocation, uint64_t *ret_problems, struct err *err)
{
	struct wish wish = {.names = json_array(), .entries = json_array()};
	json_t *asked = NULL;

	if (add_arguments(&wish, invocation, err))
		asked = json_pack("{s:O, s:O, s:o, s:b}", "names", wish.names, "entries", wish.entries,
		        "name", json_text(text_string(&wish.sources)), "all",
		        (int)invocation_has(invocation, FLAG_ALL));
	*ret_problems = wish.problems;
	json_decref(wish.names);
	json_decref(wish.entries);
	text_finish(&wish.sources);
	return asked;
}

/* --- what is told meanwhile --- */

static void
show(void *context, const json_t *event)
{
	const struct invocation *invocation = context;
	const char *name = json_text_of(event, "event"), *package = json_text_of(event, "package");

	if (strcmp(name, "stored") == 0 && !invocation_has(invocation, FLAG_JSON)) {
		printf("stored %s%s%s\n", json_text_of(event, "digest"), package[0] != '\0' ? " " : "",
		        package);
		fflush(stdout);
	}
	if (strcmp(name, "retry") == 0 && !invocation_has(invocation, FLAG_QUIET))
		command_say("%" PRIu64 " could not be had for now; trying them again in %" PRIu64 " s",
		        json_count_of(event, "count"), json_count_of(event, "seconds"));
}

/* --- the end --- */

/* The package's name, or the digest where there is none. */
static void
name_of(const json_t *missing, struct text *ret)
{
	struct digests digests;
	char digest[DIGEST_TEXT_MAX];
	struct err err = ERR_NONE;

	text_add(ret, json_text_of(missing, "package"));
	if (ret->length > 0 || !json_digests_read(json_object_get(missing, "digests"), &digests, &err))
		return;
	digests_best_text(&digests, digest);
	text_add(ret, digest);
}

/*
 * A row for each origin that was asked, the archive's name beside the first; one row with the error where
 * none was.
 */
static void
add_missing_rows(struct table *table, const json_t *missing)
{
	const json_t *attempts = json_object_get(missing, "attempts"), *attempt;
	const char *reason = json_text_of(missing, "reason");
	AUTO_TEXT name = TEXT_EMPTY;
	size_t i;

	name_of(missing, &name);
	if (json_array_size(attempts) == 0)
		table_add(table,
		        (const char *const[]){text_string(&name), reason, json_text_of(missing, "text")});
	json_array_foreach (attempts, i, attempt) {
		const char *detail = json_text_of(attempt, "detail");
		AUTO_TEXT said = TEXT_EMPTY;

		text_addf(&said, "%s: %s%s%s", json_text_of(attempt, "url"), json_text_of(attempt, "outcome"),
		        detail[0] != '\0' ? ", " : "", detail);
		table_add(table, (const char *const[]){i == 0 ? text_string(&name) : "", i == 0 ? reason : "",
		                         text_string(&said)});
	}
}

static void
print_missing(const json_t *result)
{
	const json_t *missing;
	struct table table;
	AUTO_TEXT text = TEXT_EMPTY;
	size_t i;

	table_init(&table, (const char *const[]){"archive", "reason", "what was said"}, 3);
	json_array_foreach (json_object_get(result, "missing"), i, missing) {
		add_missing_rows(&table, missing);
	}
	if (table.n_rows > 1) {
		table_render(&table, &text);
		printf("\nnot to be had:\n%s", text_string(&text));
	}
	table_finish(&table);
}

static void
say_summary(const struct invocation *invocation, const json_t *result)
{
	uint64_t named = json_count_of(result, "named"), present = json_count_of(result, "present"),
	         stored = json_array_size(json_object_get(result, "stored")),
	         missing = named - present - stored;
	char bytes[TEXT_SIZE_MAX];

	text_size(json_count_of(result, "stored_bytes"), bytes);
	if (!invocation_has(invocation, FLAG_QUIET))
		command_say("%" PRIu64 " named: %" PRIu64 " stored before, %" PRIu64
		            " stored now (%s), %" PRIu64 " missing",
		        named, present, stored, bytes, missing);
	if (json_flag_of(result, "stopped"))
		command_say(
		        "stopped before the end: what is listed as stored is safe; running it again goes on");
	else if (missing > 0 && !invocation_has(invocation, FLAG_JSON))
		command_say("what is missing: `larder add FILE` if you have it; running this again asks once "
		            "more");
}

/* What was named as it should be is there, but something was not. */
static int
say_problems(uint64_t problems, int status)
{
	if (problems == 0)
		return status;
	command_say("%" PRIu64 " problems in what was named: what stands there was not fetched", problems);
	return command_worse(status, EXIT_MISSING);
}

static int
run(const struct invocation *invocation)
{
	struct undertaking fetching = {
	        .kind = "fetch", .show = show, .context = (void *)(uintptr_t)invocation};
	struct err err = ERR_NONE;
	json_t *result;
	uint64_t problems;
	int status;

	if (invocation->n_arguments == 0 && !invocation_has(invocation, FLAG_ALL))
		return command_misuse(
		        invocation, "fetch what? name a lockfile, a package or a digest, or give --all");
	fetching.asked = ask(invocation, &problems, &err);
	if (fetching.asked == NULL)
		return command_fail(&err);
	status = undertake(invocation, &fetching, &result);
	json_decref(fetching.asked);
	if (result == NULL)
		return status;
	if (!invocation_has(invocation, FLAG_JSON))
		print_missing(result);
	say_summary(invocation, result);
	status = say_problems(problems, status);
	if (invocation_has(invocation, FLAG_JSON))
		json_print(result);
	else
		json_decref(result);
	return status;
}

const struct command command_fetch = {
        .name = "fetch",
        .arguments = "[LOCKFILE|PACKAGE[.VERSION]|DIGEST]...",
        .summary = "download what is named and not stored",
        .help = "Downloads from the origins the catalog names, and from the mirrors, whatever of the named "
                "archives\n"
                "is not stored yet: those of a lockfile (which is learned first), of a package, of a digest, "
                "or of the\n"
                "whole catalog. `stored sha256:<hex> PACKAGE` is printed once the archive would survive a "
                "power cut.\n"
                "What failed for now is tried twice more. Ends with a table of what could not be had and "
                "why, exit\n"
                "status 1 then. Running it again goes on where it stopped.\n",
        .flags = FLAG_JSON | FLAG_ALL,
        .max_arguments = ARGUMENTS_ANY,
        .run = run,
};
