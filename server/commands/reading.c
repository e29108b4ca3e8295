/*
 * Local sources. Main thread.
 */
#include "server/commands/reading.h"

#include <inttypes.h>

#include "server/commands/command.h"

struct harvest *
reading_source(const char *path, enum source_form *ret_form, struct err *err)
{
	struct harvest *harvest = harvest_create();

	if (!source_read(path, harvest, ret_form, err)) {
		harvest_destroy(harvest);
		return NULL;
	}
	reading_say_problems(harvest);
	return harvest;
}

void
reading_say_problems(const struct harvest *harvest)
{
	for (size_t i = 0; i < harvest->n_problems && i < PROBLEMS_SHOWN; i++) {
		const struct harvest_problem *problem = &harvest->problems[i];

		if (problem->line > 0)
			command_say(
			        "%s:%u:%u: %s", problem->file, problem->line, problem->column, problem->text);
		else
			command_say("%s: %s", problem->file, problem->text);
	}
	if (harvest->problems_in_all > PROBLEMS_SHOWN)
		command_say("… and %" PRIu64 " more; `larder import --json` lists them",
		        harvest->problems_in_all - PROBLEMS_SHOWN);
}
