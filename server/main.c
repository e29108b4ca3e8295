/*
 * From the command line to the command. Reads the options, loads the configuration, and runs one row of the
 * table. The only thread there is until a command starts more.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/commands/command.h"
#include "server/config.h"
#include "server/signals.h"
#include "storage/base/log.h"
#include "storage/base/text.h"

#define SYSTEM_CONFIG "/etc/larder/larder.conf"
#define OVERRIDES_MAX 256 /* -o on one command line */

/* What getopt_long answers for options without a letter. */
enum {
	OPTION_JSON = 256,
	OPTION_ALL,
	OPTION_WANTED,
	OPTION_REPAIR,
	OPTION_CHECK_CONFIG,
	OPTION_FORGET,
	OPTION_MAY,
	OPTION_EXPIRES,
	OPTION_TOKEN_FILE,
	OPTION_HISTORY,
	OPTION_OVERRIDE
};

static const struct option every_option[] = {
        {"config", required_argument, NULL, 'c'},
        {"store", required_argument, NULL, 's'},
        {"option", required_argument, NULL, OPTION_OVERRIDE},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {"json", no_argument, NULL, OPTION_JSON},
        {"all", no_argument, NULL, OPTION_ALL},
        {"wanted", no_argument, NULL, OPTION_WANTED},
        {"repair", no_argument, NULL, OPTION_REPAIR},
        {"check-config", no_argument, NULL, OPTION_CHECK_CONFIG},
        {"forget", no_argument, NULL, OPTION_FORGET},
        {"may", required_argument, NULL, OPTION_MAY},
        {"expires", required_argument, NULL, OPTION_EXPIRES},
        {"token-file", required_argument, NULL, OPTION_TOKEN_FILE},
        {"history", no_argument, NULL, OPTION_HISTORY},
        {"output", required_argument, NULL, 'o'},
        {NULL, 0, NULL, 0},
};

/* The command line as it is being read. */
struct line {
	struct invocation invocation;
	struct config_override overrides[OVERRIDES_MAX + 1]; /* and the one of -s */
	const char *store;
	enum { ASKED_RUN, ASKED_HELP, ASKED_VERSION } asked;
};

static bool read_options(struct line *line, int argc, char **argv, const char *letters, struct err *err);
static int run(struct line *line);

/* Where one of the three is closed, the next file that is opened would get what is written to it. */
static void
open_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int
main(int argc, char **argv)
{
	static struct line line; /* static only because it is large */
	static const struct command general = {.name = "COMMAND", .arguments = "[ARG]...", .flags = 0};
	struct err err = ERR_NONE;
	int command_at;

	open_standard_files();
	umask(077);
	signals_block();
	json_set_alloc_funcs(xmalloc, free); /* without memory jansson would go on with half of a document */
	line.invocation.command = &general;
	if (!read_options(&line, argc, argv, "+:c:s:o:qhV", &err))
		return command_misuse(&line.invocation, "%s", err.text);
	command_at = optind;
	if (line.asked == ASKED_RUN && command_at == argc)
		return command_misuse(&line.invocation, "which command? `larder help` lists them");
	if (line.asked == ASKED_RUN) {
		const char *name = argv[command_at], *meant = command_suggest(name);

		line.invocation.command = command_find(name);
		if (line.invocation.command == NULL) {
			command_say("there is no command '%s'%s%s%s; `larder help` lists them", name,
			        meant != NULL ? ", did you mean '" : "", meant != NULL ? meant : "",
			        meant != NULL ? "'?" : "");
			return EXIT_USAGE;
		}
		if (!read_options(&line, argc - command_at, argv + command_at, ":c:s:o:qhV", &err))
			return command_misuse(&line.invocation, "%s", err.text);
		line.invocation.arguments = argv + command_at + optind;
		line.invocation.n_arguments = (size_t)(argc - command_at - optind);
	}
	return command_finish(run(&line));
}

/* --- options --- */

/* The bit of a long option that only some commands take; 0: an option of all of them. */
static unsigned
flag_of(int option)
{
	static const struct {
		int option;
		unsigned flag;
	} flags[] = {{OPTION_JSON, FLAG_JSON}, {OPTION_ALL, FLAG_ALL}, {OPTION_WANTED, FLAG_WANTED},
	        {OPTION_REPAIR, FLAG_REPAIR}, {OPTION_CHECK_CONFIG, FLAG_CHECK_CONFIG},
	        {OPTION_FORGET, FLAG_FORGET}, {OPTION_MAY, FLAG_MAY}, {OPTION_EXPIRES, FLAG_EXPIRES},
	        {OPTION_TOKEN_FILE, FLAG_TOKEN_FILE}, {OPTION_HISTORY, FLAG_HISTORY}};

	for (size_t i = 0; i < COUNT_OF(flags); i++)
		if (flags[i].option == option)
			return flags[i].flag;
	return 0;
}

/* NULL: an option is called so by no long name. */
static const char *
long_name(int option)
{
	for (const struct option *each = every_option; each->name != NULL; each++)
		if (each->val == option)
			return each->name;
	return NULL;
}

static bool
add_override(struct line *line, char *text, struct err *err)
{
	char *equals = strchr(text, '=');

	if (equals == NULL || equals == text)
		return err_set(err, ERR_USAGE, "-o %.100s: write it as NAME=VALUE", text);
	if (line->invocation.n_overrides == OVERRIDES_MAX)
		return err_set(err, ERR_USAGE, "-o: more than %d of them; put them into a configuration file",
		        OVERRIDES_MAX);
	*equals = '\0';
	line->overrides[line->invocation.n_overrides++] = (struct config_override){text, equals + 1};
	return true;
}

static bool
take_option(struct line *line, int option, struct err *err)
{
	const struct command *command = line->invocation.command;

	switch (option) {
	case 'c':
		line->invocation.config_path = optarg;
		return true;
	case 's':
		line->store = optarg;
		return true;
	case 'o':
		if ((command->flags & FLAG_OUTPUT) == 0)
			return add_override(line, optarg, err);
		line->invocation.output = optarg;
		return true;
	case OPTION_OVERRIDE:
		return add_override(line, optarg, err);
	case OPTION_MAY:
		line->invocation.may = optarg;
		break;
	case OPTION_EXPIRES:
		line->invocation.expires = optarg;
		break;
	case OPTION_TOKEN_FILE:
		line->invocation.token_file = optarg;
		break;
	case 'q':
		line->invocation.flags |= FLAG_QUIET;
		return true;
	case 'h':
		line->asked = ASKED_HELP;
		return true;
	case 'V':
		line->asked = ASKED_VERSION;
		return true;
	}
	line->invocation.flags |= flag_of(option);
	if (command->run == NULL)
		return err_set(err, ERR_USAGE, "--%s stands behind the command", long_name(option));
	return (command->flags & flag_of(option)) != 0 ||
	       err_set(err, ERR_USAGE, "--%s: %s takes no such option", long_name(option), command->name);
}

/* What getopt_long could make nothing of. optind is not behind it yet where more letters follow the same dash. */
static bool
refuse_option(const char *last, struct err *err)
{
	if (optopt == 0)
		return err_set(err, ERR_USAGE, "%.100s: there is no such option", last);
	if (long_name(optopt) != NULL)
		return err_set(err, ERR_USAGE, "--%s takes no value", long_name(optopt));
	return err_set(err, ERR_USAGE, "-%c: there is no such option", optopt);
}

/* Reads options up to the first argument ("+" in letters) or all of them. optind is behind the last. */
static bool
read_options(struct line *line, int argc, char **argv, const char *letters, struct err *err)
{
	int option;

	optind = 0; /* getopt_long starts anew */
	opterr = 0;
	for (;;) {
		option = getopt_long(argc, argv, letters, every_option, NULL);
		if (option == -1)
			return true;
		if (option == '?')
			return refuse_option(argv[optind - 1], err);
		if (option == ':')
			return err_set(err, ERR_USAGE, "%.100s needs a value", argv[optind - 1]);
		if (!take_option(line, option, err))
			return false;
	}
}

/* --- running --- */

static const char *
find_config(const char *given)
{
	const char *named = getenv("LARDER_CONFIG");

	if (given != NULL)
		return given;
	if (named != NULL && named[0] != '\0')
		return named;
	return access(SYSTEM_CONFIG, F_OK) == 0 ? SYSTEM_CONFIG : NULL;
}

/* A person who runs a command wants its output, not the log of a daemon. */
static void
set_log(const struct invocation *invocation)
{
	enum log_level level = invocation->config->log.level;

	if (invocation->command != &command_serve && level == LOG_LEVEL_INFO)
		level = LOG_LEVEL_WARNING;
	if (invocation_has(invocation, FLAG_QUIET) && level > LOG_LEVEL_ERROR)
		level = LOG_LEVEL_ERROR;
	log_configure(level, invocation->config->log.format);
}

static int
run_with_config(struct invocation *invocation)
{
	struct err err = ERR_NONE;
	int status;

	invocation->config_path = find_config(invocation->config_path);
	invocation->config =
	        config_load(invocation->config_path, invocation->overrides, invocation->n_overrides, &err);
	if (invocation->config == NULL)
		return command_fail(&err);
	set_log(invocation);
	status = invocation->command->run(invocation);
	config_destroy(invocation->config);
	return status;
}

static int
run(struct line *line)
{
	struct invocation *invocation = &line->invocation;
	const struct command *command = invocation->command;
	char *name = (char *)command->name;

	if (line->asked == ASKED_VERSION) {
		puts("larder " LARDER_VERSION);
		return EXIT_DONE;
	}
	if (line->asked == ASKED_HELP) {
		struct invocation help = {
		        .command = &command_help, .arguments = &name, .n_arguments = command->run != NULL};

		return command_help.run(&help);
	}
	if (invocation->n_arguments < command->min_arguments)
		return command_misuse(invocation, "%s needs %s", command->name, command->arguments);
	if (invocation->n_arguments > command->max_arguments)
		return command_misuse(invocation, "%s: one argument too many: '%s'", command->name,
		        invocation->arguments[command->max_arguments]);
	if (line->store != NULL)
		line->overrides[invocation->n_overrides++] = (struct config_override){"store", line->store};
	invocation->overrides = line->overrides;
	return command->needs == COMMAND_WITHOUT_CONFIG ? command->run(invocation)
	                                                : run_with_config(invocation);
}
