/*
 * `larder check`: is everything safe? Main thread, read-only, beside a running daemon. Prints the report that
 * POST /api/v1/check answers.
 */
#include "server/admin/reports.h"
#include "server/commands/check_text.h"
#include "server/commands/command.h"
#include "server/commands/reading.h"
#include "server/jobs/json.h"
#include "server/jobs/wants.h"
#include "server/signals.h"

/* ret_harvest: of a lockfile or list, the caller's; else NULL. */
static bool
collect_wants(struct larder *larder, const struct invocation *invocation, struct wants *wants,
        struct harvest **ret_harvest, struct err *err)
{
	enum source_form form;

	if (invocation->n_arguments == 0)
		return wants_add_catalog(wants, larder, err);
	if (!wants_is_file(invocation->arguments[0]))
		return wants_add(wants, larder, invocation->arguments[0], err);
	*ret_harvest = reading_source(invocation->arguments[0], &form, err);
	if (*ret_harvest == NULL)
		return false;
	wants_add_harvest(wants, *ret_harvest);
	return true;
}

static json_t *
make_report(struct larder *larder, const struct invocation *invocation, struct err *err)
{
	struct wants wants = WANTS_EMPTY;
	struct harvest *harvest = NULL;
	json_t *report = NULL;

	if (collect_wants(larder, invocation, &wants, &harvest, err))
		report = report_check(larder, &wants, err);
	if (report != NULL && harvest != NULL)
		report_add_harvest(report, harvest);
	wants_finish(&wants);
	harvest_destroy(harvest);
	return report;
}

static int
check(struct larder *larder, const struct invocation *invocation)
{
	struct err err = ERR_NONE;
	json_t *report = make_report(larder, invocation, &err);
	int status;

	if (report == NULL) {
		command_fail(&err);
		return EXIT_FAILED; /* nothing was looked at: that is more than something missing */
	}
	status = check_is_safe(report) ? EXIT_DONE : EXIT_MISSING;
	if (invocation_has(invocation, FLAG_JSON)) {
		json_print(report);
		return status;
	}
	check_text_print(report, invocation->n_arguments > 0 ? invocation->arguments[0] : NULL);
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
        .summary = "is everything safe? what is not stored, and what to do about it",
        .help = "Looks whether every archive of a lockfile, or of the whole catalog, is stored. Says first "
                "how many\n"
                "are not, then what to do, for which, by site; then each of them with its state, its digest "
                "and its\n"
                "origins. Nobody is asked: it is as it was when they were last asked. States: reachable (an "
                "origin\n"
                "serves it), untried (one was never asked), failing (all were, none serves it), vanished (it "
                "is gone\n"
                "wherever it was), changed (an origin serves other bytes), unknown (no origin is known), "
                "removed\n"
                "(somebody removed it). Exit status 0 only if something is named, everything is stored and "
                "every line\n"
                "can be read and kept, else 1: what names no checksum or no archive cannot be kept. 3: it "
                "could not\n"
                "be looked for. What is stored and served by nobody else is named as well. A package or a "
                "digest can\n"
                "be named in place of the lockfile. Works beside a running daemon.\n",
        .flags = FLAG_JSON,
        .max_arguments = 1,
        .run = run,
};
