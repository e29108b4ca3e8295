/*
 * `larder check`: is everything safe? Main thread, read-only, beside a running daemon; goes nowhere, and so
 * says only what was seen before.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/commands/command.h"
#include "server/commands/reading.h"
#include "server/work/json.h"
#include "server/work/wants.h"
#include "server/signals.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"

/* Of an archive that is not stored, by what its origins did when they were last asked. */
enum chance {
	CHANCE_REACHABLE, /* one served it */
	CHANCE_UNTRIED,   /* one was never asked, and none that was asked served it */
	CHANCE_FAILING,   /* all were asked and none served it */
	CHANCE_UNKNOWN,   /* there is none */
};
#define CHANCES 4

static const char *const chance_names[CHANCES] = {"reachable", "untried", "failing", "unknown"};

struct checking {
	struct larder larder;
	const struct config *config;
	struct wants wants;
	json_t *missing; /* NULL: text */
	uint64_t stored, stored_bytes;
	uint64_t by_chance[CHANCES];
};

static bool
names_url(const struct catalog_origins *origins, const char *url)
{
	for (size_t i = 0; i < origins->count; i++)
		if (strcmp(origins->items[i].url, url) == 0)
			return true;
	return false;
}

/* The URLs of the lockfile that the catalog does not know yet: nobody has asked them. */
static size_t
count_fresh(const struct want *want, const struct catalog_origins *origins)
{
	size_t count = 0;

	for (size_t i = 0; i < want->n_urls; i++)
		count += !names_url(origins, want->urls[i]);
	return count;
}

static enum chance
judge(const struct want *want, const struct catalog_origins *origins)
{
	bool untried = count_fresh(want, origins) > 0;

	for (size_t i = 0; i < origins->count; i++) {
		if (origins->items[i].result == ORIGIN_SERVED)
			return CHANCE_REACHABLE;
		untried = untried || origins->items[i].result == ORIGIN_UNTRIED;
	}
	if (untried)
		return CHANCE_UNTRIED;
	return origins->count > 0 ? CHANCE_FAILING : CHANCE_UNKNOWN;
}

static const char *
advice(enum chance chance, const struct config *config)
{
	switch (chance) {
	case CHANCE_REACHABLE:
	case CHANCE_UNTRIED:
		return "larder fetch";
	case CHANCE_FAILING:
		return "larder add FILE, if you have it; larder fetch asks again";
	case CHANCE_UNKNOWN:
		return config->n_mirrors > 0
		               ? "larder fetch asks the mirrors; larder add FILE, if you have it"
		               : "larder add FILE, if you have it";
	}
	return "";
}

static void
print_missing(const struct checking *checking, const struct want *want, const struct catalog_origins *origins)
{
	enum chance chance = judge(want, origins);
	char digest[DIGEST_TEXT_MAX], url[1024], package[512];

	wants_best_text(&want->digests, digest);
	text_escape(want->package, package, sizeof package);
	printf("%s %s %s: %s\n", chance_names[chance], package[0] != '\0' ? package : "-", digest,
	        advice(chance, checking->config));
	for (size_t i = 0; i < origins->count; i++) {
		const struct catalog_origin *origin = &origins->items[i];
		bool detailed = origin->detail != NULL && origin->detail[0] != '\0';

		text_escape(origin->url, url, sizeof url);
		printf("    %s: %s%s%s\n", url, origin_result_name(origin->result), detailed ? ", " : "",
		        detailed ? origin->detail : "");
	}
	for (size_t i = 0; i < want->n_urls; i++) {
		if (names_url(origins, want->urls[i]))
			continue;
		text_escape(want->urls[i], url, sizeof url);
		printf("    %s: %s\n", url, origin_result_name(ORIGIN_UNTRIED));
	}
}

static json_t *
missing_json(const struct checking *checking, const struct want *want, const struct catalog_origins *origins)
{
	enum chance chance = judge(want, origins);
	json_t *list = json_array();

	for (size_t i = 0; i < origins->count; i++)
		json_array_append_new(list, json_origin(&origins->items[i]));
	for (size_t i = 0; i < want->n_urls; i++) {
		struct catalog_origin fresh = {.url = want->urls[i], .detail = "", .result = ORIGIN_UNTRIED};

		if (!names_url(origins, want->urls[i]))
			json_array_append_new(list, json_origin(&fresh));
	}
	return json_pack("{s:o, s:o, s:s, s:o, s:s}", "package", json_text(want->package), "digests",
	        json_digests(&want->digests), "state", chance_names[chance], "origins", list, "advice",
	        advice(chance, checking->config));
}

static bool
report_missing(struct checking *checking, const struct want *want, struct err *err)
{
	struct catalog_origins origins;

	if (!wants_origins(store_catalog(checking->larder.store), &want->digests, &origins, err))
		return false;
	checking->by_chance[judge(want, &origins)]++;
	if (checking->missing != NULL)
		json_array_append_new(checking->missing, missing_json(checking, want, &origins));
	else
		print_missing(checking, want, &origins);
	catalog_origins_finish(&origins);
	return true;
}

static bool
check_all(struct checking *checking, struct err *err)
{
	for (size_t i = 0; i < checking->wants.count; i++) {
		struct archive archive;

		switch (store_has(checking->larder.store, &checking->wants.items[i].digests, &archive, err)) {
		case STORE_HIT:
			checking->stored++;
			checking->stored_bytes += archive.size_bytes;
			break;
		case STORE_MISS:
			if (!report_missing(checking, &checking->wants.items[i], err))
				return false;
			break;
		case STORE_FAILED:
			return false;
		}
	}
	return true;
}

static void
print_summary(const struct checking *checking)
{
	char bytes[TEXT_SIZE_MAX];

	text_size(checking->stored_bytes, bytes);
	printf("%zu archives: %" PRIu64 " stored (%s), %" PRIu64 " missing", checking->wants.count,
	        checking->stored, bytes, (uint64_t)checking->wants.count - checking->stored);
	for (size_t i = 0; i < CHANCES; i++)
		if (checking->by_chance[i] > 0)
			printf(", %" PRIu64 " %s", checking->by_chance[i], chance_names[i]);
	puts(checking->stored == checking->wants.count ? ": all is safe" : "");
}

static void
print_json(struct checking *checking)
{
	json_t *states = json_object();

	for (size_t i = 0; i < CHANCES; i++)
		json_object_set_new(
		        states, chance_names[i], json_integer((json_int_t)checking->by_chance[i]));
	json_print(json_pack("{s:I, s:I, s:I, s:o, s:o}", "archives", (json_int_t)checking->wants.count,
	        "stored", (json_int_t)checking->stored, "stored_bytes", (json_int_t)checking->stored_bytes,
	        "states", states, "missing", checking->missing));
	checking->missing = NULL;
}

static bool
collect_wants(struct checking *checking, const struct invocation *invocation, struct err *err)
{
	struct harvest *harvest;
	enum source_form form;

	if (invocation->n_arguments == 0)
		return wants_add_catalog(&checking->wants, &checking->larder, err);
	if (!wants_is_file(invocation->arguments[0]))
		return wants_add(&checking->wants, &checking->larder, invocation->arguments[0], err);
	harvest = reading_source(invocation->arguments[0], &form, err);
	if (harvest == NULL)
		return false;
	wants_add_harvest(&checking->wants, harvest);
	harvest_destroy(harvest);
	return true;
}

static int
check(struct checking *checking, const struct invocation *invocation)
{
	struct err err = ERR_NONE;

	if (!collect_wants(checking, invocation, &err) || !check_all(checking, &err))
		return command_fail(&err);
	if (checking->missing != NULL)
		print_json(checking);
	else
		print_summary(checking);
	return checking->stored < checking->wants.count ? EXIT_MISSING : EXIT_DONE;
}

static int
run(const struct invocation *invocation)
{
	struct checking checking = {.config = invocation->config};
	int status;

	signals_release();
	status = command_start(invocation, LARDER_STORE_READ, &checking.larder);
	if (status != EXIT_DONE)
		return status;
	if (invocation_has(invocation, FLAG_JSON))
		checking.missing = json_array();
	status = check(&checking, invocation);
	json_decref(checking.missing);
	wants_finish(&checking.wants);
	larder_stop(&checking.larder, 0);
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
                "asked, none served it), unknown (no origin is known). Exit status 1 when anything is "
                "missing. A\n"
                "package or a digest can be named in place of the lockfile. Works beside a running daemon.\n",
        .flags = FLAG_JSON,
        .max_arguments = 1,
        .run = run,
};
