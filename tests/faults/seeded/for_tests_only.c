/*
 * Linked into every daemon with a seeded bug. Must never let one run by mistake: without the bug's name in
 * the environment it ends at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void __attribute__((constructor)) refuse_to_run_by_mistake(void)
{
	const char *named = getenv("LARDER_SEEDED_BUG");

	fprintf(stderr, "larder with the seeded bug " SEEDED_BUG ": it is for tests alone\n");
	if (named == NULL || strcmp(named, SEEDED_BUG) != 0)
		_exit(3);
}
