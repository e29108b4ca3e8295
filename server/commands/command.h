/*
 * A command of larder: what it is called, which options it takes, what it does. main.c finds it in the table
 * and gives it what the command line said.
 */
#ifndef SERVER_COMMANDS_COMMAND_H
#define SERVER_COMMANDS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "server/config.h"
#include "server/larder.h"
#include "storage/base/err.h"

/* Exit statuses: the meaning is the same for every command. */
enum command_exit {
	EXIT_DONE = 0,
	EXIT_MISSING = 1, /* done, but something is missing or wrong: the output says what */
	EXIT_USAGE = 2,   /* the command line or the configuration */
	EXIT_FAILED = 3,  /* could not do it */
};

/* The options a command takes beside -c, -s, -q and --option. */
enum command_flag {
	FLAG_JSON = 1 << 0,
	FLAG_ALL = 1 << 1,
	FLAG_WANTED = 1 << 2,
	FLAG_REPAIR = 1 << 3,
	FLAG_CHECK_CONFIG = 1 << 4,
	FLAG_OUTPUT = 1 << 5, /* -o FILE instead of -o NAME=VALUE */
	FLAG_QUIET = 1 << 6,  /* every command */
	FLAG_FORGET = 1 << 7,
	FLAG_MAY = 1 << 8,         /* --may RIGHTS */
	FLAG_EXPIRES = 1 << 9,     /* --expires DURATION */
	FLAG_TOKEN_FILE = 1 << 10, /* --token-file FILE */
	FLAG_HISTORY = 1 << 11,
};

struct command;

/* What the command line said. Borrowed by the command while it runs. */
struct invocation {
	const struct command *command;
	unsigned flags;            /* enum command_flag, those that were given */
	const char *output;        /* -o FILE of FLAG_OUTPUT; NULL: none */
	const char *may, *expires; /* of FLAG_MAY and FLAG_EXPIRES; NULL: not given */
	const char *token_file;    /* of FLAG_TOKEN_FILE; NULL: not given */
	const char *config_path;   /* NULL: embedded defaults */
	struct config *config;     /* read, unless the command says COMMAND_WITHOUT_CONFIG */
	const struct config_override *overrides;
	size_t n_overrides;
	char **arguments;
	size_t n_arguments;
};

enum command_needs { COMMAND_WITH_CONFIG, COMMAND_WITHOUT_CONFIG };

struct command {
	const char *name;
	const char *arguments; /* "SOURCE..." */
	const char *summary;   /* one line */
	const char *help;      /* several lines, each ending in a newline */
	unsigned flags;        /* which it takes */
	size_t min_arguments, max_arguments;
	enum command_needs needs;
	int (*run)(const struct invocation *invocation); /* an exit status */
};

#define ARGUMENTS_ANY ((size_t)-1)

extern const struct command command_serve, command_import, command_fetch, command_add, command_check,
        command_get, command_show, command_verify, command_export, command_stat, command_token,
        command_remove, command_pin, command_unpin, command_push, command_repair, command_help;

/* All of them, in the order of the help. */
extern const struct command *const commands[];
extern const size_t n_commands;

/* NULL: no such command. */
const struct command *command_find(const char *name);
/* The known name closest to a mistyped one; NULL: nothing is close. */
const char *command_suggest(const char *name);

static inline bool
invocation_has(const struct invocation *invocation, enum command_flag flag)
{
	return (invocation->flags & (unsigned)flag) != 0;
}

/* "larder: text" on standard error. */
void command_say(const char *format, ...) PRINTF_LIKE(1, 2);
/* The same with an error: says it and answers the exit status that goes with it. */
int command_fail(const struct err *err);
/* A mistake on the command line: says it and how to get help; EXIT_USAGE. */
int command_misuse(const struct invocation *invocation, const char *format, ...) PRINTF_LIKE(2, 3);
/*
 * Starts the parts a command needs; EXIT_DONE, or it has said why not and this is the exit status. A store
 * that is not there yet, and is only to be read, is EXIT_FAILED.
 */
int command_start(const struct invocation *invocation, enum larder_parts parts, struct larder *ret);
/* Of two exit statuses the graver. */
int command_worse(int status, int other);
/*
 * Writes out what is still buffered for standard output. What could not be written is EXIT_FAILED with a
 * message; else status.
 */
int command_finish(int status);

#endif
