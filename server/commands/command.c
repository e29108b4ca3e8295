/*
 * The table of commands, and how they all speak. Main thread.
 */
#include "server/commands/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "storage/base/text.h"

const struct command *const commands[] = {&command_serve, &command_import, &command_fetch, &command_add,
        &command_check, &command_repair, &command_get, &command_show, &command_verify, &command_export,
        &command_stat, &command_remove, &command_pin, &command_unpin, &command_push, &command_token,
        &command_help};

const size_t n_commands = COUNT_OF(commands);

#define SUGGEST_MAX    2  /* letters a name may be off */
#define SUGGEST_LENGTH 32 /* of the longest name looked at */

const struct command *
command_find(const char *name)
{
	for (size_t i = 0; i < n_commands; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

/*
 * How many letters must be changed, added or left out to make one of the other (Levenshtein). Both are short.
 */
static size_t
distance(const char *a, const char *b)
{
	size_t row[SUGGEST_LENGTH + 1];
	size_t length = strlen(b);

	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= length; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[length];
}

const char *
command_suggest(const char *name)
{
	const char *closest = NULL;
	size_t best = SUGGEST_MAX + 1;

	if (strlen(name) > SUGGEST_LENGTH)
		return NULL;
	for (size_t i = 0; i < n_commands; i++) {
		size_t off = distance(name, commands[i]->name);

		if (off >= best || off >= strlen(commands[i]->name))
			continue;
		best = off;
		closest = commands[i]->name;
	}
	return closest;
}

/* One line, whatever it quotes: nothing in it is obeyed by a terminal. */
static void PRINTF_LIKE(1, 0) say(const char *format, va_list args)
{
	AUTO_FREE char *message = NULL, *clean = NULL;
	int length = vasprintf(&message, format, args);
	size_t size;

	if (length < 0) {
		message = NULL;
		return;
	}
	size = 4 * (size_t)length + 1; /* each byte may become \xNN */
	clean = xmalloc(size);
	text_printable(message, clean, size);
	fflush(stdout); /* what was said before stands before */
	fprintf(stderr, "larder: %s\n", clean);
}

void
command_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

int
command_fail(const struct err *err)
{
	command_say("%s", err->text);
	return err_exit_status(err->code);
}

int
command_misuse(const struct invocation *invocation, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	fprintf(stderr, "usage: larder %s [OPTION]...%s%s\n`larder help %s` says more\n",
	        invocation->command->name, invocation->command->arguments[0] != '\0' ? " " : "",
	        invocation->command->arguments, invocation->command->name);
	return EXIT_USAGE;
}

int
command_start(const struct invocation *invocation, enum larder_parts parts, struct larder *ret)
{
	struct err err = ERR_NONE;

	if (larder_start(ret, invocation->config, parts, &err))
		return EXIT_DONE;
	if (err.code != ERR_NOT_FOUND)
		return command_fail(&err);
	command_say("there is no store at %s; `larder serve`, `larder import` or `larder add` makes one, -s "
	            "DIR names another",
	        invocation->config->store);
	return EXIT_FAILED;
}

int
command_worse(int status, int other)
{
	return other > status ? other : status;
}

int
command_finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	command_say("the results could not be written to standard output; they are incomplete");
	return EXIT_FAILED;
}
