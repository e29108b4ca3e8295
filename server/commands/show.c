/*
 * `larder show`: all that is known of an archive, or of a package's archives. Main thread, read-only.
 */
#include <inttypes.h>
#include <stdio.h>

#include "server/commands/command.h"
#include "server/work/json.h"
#include "server/work/wants.h"
#include "server/signals.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"

/* One archive as store and catalog know it. */
struct known {
	const struct want *want;
	enum store_answer answer;
	struct archive archive; /* of STORE_HIT */
	struct catalog_origins origins;
	char **packages;
	size_t n_packages;
};

static bool
visit_package(void *context, const char *package)
{
	struct known *known = context;

	known->packages = xrealloc(known->packages, (known->n_packages + 1) * sizeof known->packages[0]);
	known->packages[known->n_packages++] = xstrdup(package);
	return true;
}

static bool
look_up(struct store *store, const struct want *want, struct known *ret, struct err *err)
{
	struct digest best = wants_best(&want->digests);

	*ret = (struct known){.want = want};
	ret->answer = store_has(store, &want->digests, &ret->archive, err);
	return ret->answer != STORE_FAILED &&
	       wants_origins(store_catalog(store), &want->digests, &ret->origins, err) &&
	       catalog_packages(store_catalog(store), &best, visit_package, ret, err);
}

static void
known_finish(struct known *known)
{
	catalog_origins_finish(&known->origins);
	for (size_t i = 0; i < known->n_packages; i++)
		free(known->packages[i]);
	free(known->packages);
}

/* An archive nobody has ever heard of: neither stored nor in the catalog. */
static bool
is_unknown(const struct known *known)
{
	return known->answer == STORE_MISS && known->origins.count == 0 && known->n_packages == 0;
}

static void
print_digests(const struct digests *digests)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;
		char text[DIGEST_TEXT_MAX];

		if (!digests_get(digests, (enum digest_algo)algo, &digest))
			continue;
		digest_text(&digest, text);
		printf("  digest   %s\n", text);
	}
}

static void
print_origin(const struct catalog_origin *origin)
{
	char tried[TEXT_TIME_MAX] = "", url[1024];

	if (origin->tried_at_ms != 0)
		text_time(origin->tried_at_ms, tried);
	text_escape(origin->url, url, sizeof url);
	printf("  origin   %s\n           %s%s%s%s%s\n", url, origin_result_name(origin->result),
	        origin->detail != NULL && origin->detail[0] != '\0' ? ": " : "",
	        origin->detail != NULL ? origin->detail : "", tried[0] != '\0' ? ", " : "", tried);
}

static void
print_known(const struct known *known)
{
	char text[DIGEST_TEXT_MAX], when[TEXT_TIME_MAX], size[TEXT_SIZE_MAX],
	        from[2 * sizeof known->archive.came_from];

	wants_best_text(&known->want->digests, text);
	printf("%s\n", text);
	for (size_t i = 0; i < known->n_packages; i++)
		printf("  package  %s\n", known->packages[i]);
	print_digests(known->answer == STORE_HIT ? &known->archive.digests : &known->want->digests);
	if (known->answer == STORE_HIT) {
		text_time(known->archive.stored_at_ms, when);
		text_size(known->archive.size_bytes, size);
		text_escape(known->archive.came_from, from, sizeof from);
		printf("  stored   %s, %s (%" PRIu64 " bytes), from %s\n", when, size,
		        known->archive.size_bytes, from);
	} else {
		puts("  stored   no");
	}
	for (size_t i = 0; i < known->origins.count; i++)
		print_origin(&known->origins.items[i]);
}

static json_t *
known_json(const struct known *known)
{
	const bool stored = known->answer == STORE_HIT;
	json_t *packages = json_array(), *origins = json_array();

	for (size_t i = 0; i < known->n_packages; i++)
		json_array_append_new(packages, json_text(known->packages[i]));
	for (size_t i = 0; i < known->origins.count; i++)
		json_array_append_new(origins, json_origin(&known->origins.items[i]));
	return json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "digests",
	        json_digests(stored ? &known->archive.digests : &known->want->digests), "stored", (int)stored,
	        "size", stored ? json_integer((json_int_t)known->archive.size_bytes) : json_null(),
	        "stored_at", json_time(stored ? known->archive.stored_at_ms : 0), "came_from",
	        stored ? json_text(known->archive.came_from) : json_null(), "packages", packages, "origins",
	        origins);
}

static int
show(const struct invocation *invocation, struct larder *larder, struct wants *wants)
{
	json_t *archives = invocation_has(invocation, FLAG_JSON) ? json_array() : NULL;
	struct err err = ERR_NONE;
	int status = EXIT_DONE;

	for (size_t i = 0; i < wants->count && err.code == ERR_OK; i++) {
		struct known known;

		if (!look_up(larder->store, &wants->items[i], &known, &err))
			status = command_fail(&err);
		else if (is_unknown(&known))
			status = EXIT_MISSING;
		else if (archives != NULL)
			json_array_append_new(archives, known_json(&known));
		else
			print_known(&known);
		known_finish(&known);
	}
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
        .help = "Digests, size, packages, when it came and from where, and its origins with the outcome of "
                "the last\n"
                "contact. PACKAGE is a name (all versions) or name.version. Works beside a running daemon.\n",
        .flags = FLAG_JSON,
        .min_arguments = 1,
        .max_arguments = 1,
        .run = run,
};
