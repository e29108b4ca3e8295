/*
 * `larder check`: is everything safe? Main thread, read-only, beside a running daemon. Prints the report that
 * POST /api/v1/check answers.
 */
#include <inttypes.h>
#include <stdio.h>

#include "server/admin/reports.h"
#include "server/commands/command.h"
#include "server/commands/reading.h"
#include "server/work/json.h"
#include "server/work/wants.h"
#include "server/signals.h"
#include "storage/base/text.h"

static void
print_origin(const json_t *origin)
{
	const char *detail = json_text_of(origin, "detail");
	char url[1024];

	text_escape(json_text_of(origin, "url"), url, sizeof url);
	printf("    %s: %s%s%s\n", url, json_text_of(origin, "outcome"), detail[0] != '\0' ? ", " : "",
	        detail);
}

static void
print_missing(const json_t *missing)
{
	const json_t *origins = json_object_get(missing, "origins");
	const json_t *removed = json_object_get(missing, "removed");
	char package[512], digest[DIGEST_TEXT_MAX];
	struct err err = ERR_NONE;
	struct digests digests;

	if (!json_digests_read(json_object_get(missing, "digests"), &digests, &err))
		return;
	wants_best_text(&digests, digest);
	text_escape(json_text_of(missing, "package"), package, sizeof package);
	printf("%s %s %s: %s\n", json_text_of(missing, "state"), package[0] != '\0' ? package : "-", digest,
	        json_text_of(missing, "advice"));
	if (json_is_object(removed))
		printf("    removed by %s, %s\n", json_text_of(removed, "who"), json_text_of(removed, "at"));
	for (size_t i = 0; i < json_array_size(origins); i++)
		print_origin(json_array_get(origins, i));
}

/* Of what could not be read nobody knows. */
static bool
is_safe(const json_t *report)
{
	return json_count_of(report, "stored") == json_count_of(report, "archives") &&
	       json_array_size(json_object_get(report, "problems")) == 0;
}

static void
print_summary(const json_t *report)
{
	const json_t *states = json_object_get(report, "states");
	uint64_t archives = json_count_of(report, "archives"), stored = json_count_of(report, "stored"),
	         problems = json_array_size(json_object_get(report, "problems"));
	char bytes[TEXT_SIZE_MAX];

	text_size(json_count_of(report, "stored_bytes"), bytes);
	printf("%" PRIu64 " archives: %" PRIu64 " stored (%s), %" PRIu64 " missing", archives, stored, bytes,
	        archives - stored);
	for (size_t i = 0; i < REPORT_STATES; i++)
		if (json_count_of(states, report_states[i]) > 0)
			printf(", %" PRIu64 " %s", json_count_of(states, report_states[i]), report_states[i]);
	if (problems > 0)
		printf("; %" PRIu64 " problems: what stands there was not looked for", problems);
	puts(is_safe(report) ? ": all is safe" : "");
}

static void
print_report(const json_t *report)
{
	const json_t *missing = json_object_get(report, "missing");

	for (size_t i = 0; i < json_array_size(missing); i++)
		print_missing(json_array_get(missing, i));
	print_summary(report);
}

/* ret_problems: those of a lockfile or list. */
static bool
collect_wants(struct larder *larder, const struct invocation *invocation, struct wants *wants,
        json_t **ret_problems, struct err *err)
{
	struct harvest *harvest;
	enum source_form form;

	if (invocation->n_arguments == 0)
		return wants_add_catalog(wants, larder, err);
	if (!wants_is_file(invocation->arguments[0]))
		return wants_add(wants, larder, invocation->arguments[0], err);
	harvest = reading_source(invocation->arguments[0], &form, err);
	if (harvest == NULL)
		return false;
	wants_add_harvest(wants, harvest);
	*ret_problems = json_problems(harvest);
	harvest_destroy(harvest);
	return true;
}

static int
check(struct larder *larder, const struct invocation *invocation)
{
	struct wants wants = WANTS_EMPTY;
	struct err err = ERR_NONE;
	json_t *report = NULL, *problems = NULL;
	int status;

	if (collect_wants(larder, invocation, &wants, &problems, &err))
		report = report_check(larder, &wants, &err);
	wants_finish(&wants);
	if (report != NULL && problems != NULL)
		json_object_set(report, "problems", problems);
	json_decref(problems);
	if (report == NULL)
		return command_fail(&err);
	status = is_safe(report) ? EXIT_DONE : EXIT_MISSING;
	if (invocation_has(invocation, FLAG_JSON)) {
		json_print(report);
		return status;
	}
	print_report(report);
	json_decref(report);
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
	status = check(&larder, invocation);
	larder_stop(&larder, 0);
	return status;
}

const struct command command_check = {
        .name = "check",
        .arguments = "[LOCKFILE]",
        .summary = "is everything safe? what is not stored, and where it could still be had",
        .help = "Looks whether every archive of a lockfile, or of the whole catalog, is stored. For each one "
                "that\n"
                "is not: its state, package and digest, what to do, and its origins with what they last "
                "said.\n"
                "States: reachable (an origin served it), untried (an origin was never asked), failing (all "
                "were\n"
                "asked, none served it), unknown (no origin is known), removed (somebody removed it). Exit "
                "status 1\n"
                "when anything is missing or a line cannot be read. A package or a digest can be named in "
                "place of\n"
                "the lockfile. Works beside a running daemon.\n",
        .flags = FLAG_JSON,
        .max_arguments = 1,
        .run = run,
};
