/*
 * `larder show`: all that is known of an archive, or of a package's archives. Main thread, read-only.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/admin/reports.h"
#include "server/commands/command.h"
#include "server/commands/origin_text.h"
#include "server/jobs/json.h"
#include "server/jobs/wants.h"
#include "server/signals.h"
#include "storage/base/text.h"

static void
print_digests(const json_t *digests)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		const char *name = digest_algo_name((enum digest_algo)algo);
		const char *hex = json_text_of(digests, name);

		if (hex[0] != '\0')
			printf("  digest   %s:%s\n", name, hex);
	}
}

static void
print_last_contact(const json_t *origin)
{
	const char *tried = json_text_of(origin, "tried");
	const bool asked = strcmp(json_text_of(origin, "outcome"), "untried") != 0;
	uint64_t failures = json_count_of(origin, "failures");

	if (tried[0] == '\0' || !asked)
		return;
	printf("           asked %s, answered after %" PRIu64 " ms", tried, json_count_of(origin, "took_ms"));
	if (failures > 1)
		printf("; %" PRIu64 " failures in a row since %s", failures,
		        json_text_of(origin, "failing_since"));
	puts("");
}

static void
add_told(struct text *line, const char *name, const char *value)
{
	if (value[0] == '\0')
		return;
	text_addf(line, "%s%s ", line->length > 0 ? ", " : "", name);
	origin_add_safe(line, value);
}

/* What its last good answer told of the archive, which the next one is compared with. */
static void
print_told(const json_t *origin)
{
	const json_t *length = json_object_get(origin, "length");
	AUTO_TEXT line = TEXT_EMPTY;

	add_told(&line, "ETag", json_text_of(origin, "etag"));
	add_told(&line, "Last-Modified", json_text_of(origin, "modified"));
	if (json_is_integer(length))
		text_addf(&line, "%s%" PRIu64 " bytes", line.length > 0 ? ", " : "",
		        json_count_of(origin, "length"));
	if (line.length > 0)
		printf("           told %s\n", line.bytes);
}

static void
print_naming(const json_t *origin)
{
	const char *first = json_text_of(origin, "first_named"), *last = json_text_of(origin, "last_named");

	if (first[0] != '\0')
		printf("           named %.10s to %.10s\n", first, last);
}

static void
print_origin(const json_t *origin)
{
	const json_t *drifts = json_object_get(origin, "drifts");
	AUTO_TEXT lines = TEXT_EMPTY;

	text_add(&lines, "  origin   ");
	origin_add_safe(&lines, json_text_of(origin, "url"));
	text_add(&lines, "\n           ");
	origin_text(origin, &lines);
	for (size_t i = 0; i < json_array_size(drifts); i++) {
		text_add(&lines, "\n           served instead: ");
		origin_drift_text(json_array_get(drifts, i), &lines);
	}
	puts(text_string(&lines));
	print_last_contact(origin);
	print_told(origin);
	print_naming(origin);
}

/* Who else has it. */
static void
print_copies(const json_t *report)
{
	const json_t *hosts = json_object_get(report, "hosts");
	AUTO_TEXT line = TEXT_EMPTY;

	text_addf(&line, "  copies   %" PRIu64 "%s", json_count_of(report, "copies"),
	        json_flag_of(report, "stored") ? " beside this one" : "");
	for (size_t i = 0; i < json_array_size(hosts); i++) {
		text_add(&line, i == 0 ? ": " : ", ");
		origin_add_safe(&line, json_string_value(json_array_get(hosts, i)));
	}
	puts(text_string(&line));
}

static void
print_stored(const json_t *report)
{
	const char *commit = json_text_of(report, "git_commit");
	uint64_t bytes = json_count_of(report, "size");
	char size[TEXT_SIZE_MAX], from[2 * ARCHIVE_CAME_FROM_MAX];

	if (!json_flag_of(report, "stored")) {
		puts("  stored   no");
		return;
	}
	text_size(bytes, size);
	text_escape(json_text_of(report, "came_from"), from, sizeof from);
	printf("  stored   %s, %s (%" PRIu64 " bytes), from %s\n", json_text_of(report, "stored_at"), size,
	        bytes, from);
	if (commit[0] != '\0')
		printf("  commit   made by git of commit %s\n", commit);
}

/* What somebody decided about it: "pinned", "removed". */
static void
print_decision(const json_t *report, const char *what)
{
	const json_t *decision = json_object_get(report, what);

	if (json_is_object(decision))
		printf("  %-8s by %s, %s\n", what, json_text_of(decision, "who"),
		        json_text_of(decision, "at"));
}

static void
print_report(const struct digests *asked, const json_t *report)
{
	const json_t *packages = json_object_get(report, "packages");
	const json_t *origins = json_object_get(report, "origins");
	char text[DIGEST_TEXT_MAX];

	digests_best_text(asked, text);
	printf("%s\n", text);
	for (size_t i = 0; i < json_array_size(packages); i++)
		printf("  package  %s\n", json_string_value(json_array_get(packages, i)));
	print_digests(json_object_get(report, "digests"));
	print_stored(report);
	print_decision(report, "pinned");
	print_decision(report, "removed");
	print_copies(report);
	for (size_t i = 0; i < json_array_size(origins); i++)
		print_origin(json_array_get(origins, i));
}

/* One archive, into archives or, where that is NULL, to standard output. */
static int
show_one(struct larder *larder, const struct digests *digests, json_t *archives)
{
	struct err err = ERR_NONE;
	json_t *report = report_archive(larder, digests, &err);

	if (report == NULL)
		return err.code == ERR_UNKNOWN ? EXIT_MISSING : command_fail(&err);
	if (archives != NULL) {
		json_array_append_new(archives, report);
		return EXIT_DONE;
	}
	print_report(digests, report);
	json_decref(report);
	return EXIT_DONE;
}

static int
show(const struct invocation *invocation, struct larder *larder, const struct wants *wants)
{
	json_t *archives = invocation_has(invocation, FLAG_JSON) ? json_array() : NULL;
	int status = EXIT_DONE;

	for (size_t i = 0; i < wants->count && status != EXIT_FAILED; i++)
		status = command_worse(status, show_one(larder, &wants->items[i].digests, archives));
	if (archives != NULL)
		json_print(json_pack("{s:o}", "archives", archives));
	if (status == EXIT_MISSING)
		command_say("nothing is known of %s: it is neither stored nor in the catalog",
		        invocation->arguments[0]);
	return status;
}

static int
run(const struct invocation *invocation)
{
	struct wants wants = WANTS_EMPTY;
	struct larder larder;
	struct err err = ERR_NONE;
	int status;

	signals_release();
	status = command_start(invocation, LARDER_STORE_READ, &larder);
	if (status != EXIT_DONE)
		return status;
	status = wants_add(&wants, &larder, invocation->arguments[0], &err)
	                 ? show(invocation, &larder, &wants)
	                 : command_fail(&err);
	wants_finish(&wants);
	larder_stop(&larder, 0);
	return status;
}

const struct command command_show = {
        .name = "show",
        .arguments = "DIGEST|PACKAGE",
        .summary = "all that is known of an archive",
        .help = "Digests, size, packages, when it came and from where, of which commit git made it, how many "
                "hosts\n"
                "serve it, and its origins: what they do since when, when they were asked, how fast they "
                "answered\n"
                "and what they told (ETag, Last-Modified, length), how often they failed in a row, when they "
                "were\n"
                "named, and what came instead where they changed. PACKAGE is a name (all versions) or\n"
                "name.version. Works beside a running daemon.\n",
        .flags = FLAG_JSON,
        .min_arguments = 1,
        .max_arguments = 1,
        .run = run,
};
