/*
 * `larder help [COMMAND]`. Main thread.
 */
#include <stdio.h>

#include "server/commands/command.h"

static const char options_of_all[] =
        "  -c, --config FILE        configuration; else $LARDER_CONFIG, /etc/larder/larder.conf, defaults\n"
        "  -s, --store DIR          the store; else the configuration's, $LARDER_STORE, "
        "~/.local/share/larder\n"
        "  -o, --option NAME=VALUE  sets one option of the configuration, such as log.level=debug\n"
        "  -q, --quiet              no progress, no messages but errors\n";

static const struct {
	enum command_flag flag;
	const char *text;
} options[] = {
        {FLAG_JSON, "      --json               the result as JSON\n"},
        {FLAG_ALL, "      --all                everything: in the catalog; of repair, all that is named\n"},
        {FLAG_HISTORY,
                "      --history            what an opam repository ever named, from a git clone of it\n"},
        {FLAG_WANTED, "      --wanted             only what the catalog names\n"},
        {FLAG_REPAIR, "      --repair             fetches again what was wrong or gone\n"},
        {FLAG_CHECK_CONFIG,
                "      --check-config       reads the configuration, says what is wrong with it, and ends\n"},
        {FLAG_TOKEN_FILE, "      --token-file FILE    holds the token; without it LARDER_TOKEN does\n"},
        {FLAG_OUTPUT, "  -o, --output FILE        where to write the archive\n"},
};

static void
print_overview(void)
{
	puts("larder keeps source archives by hash, so that a build never depends on an upstream that "
	     "vanished.\n");
	puts("usage: larder COMMAND [OPTION]... [ARG]...\n");
	for (size_t i = 0; i < n_commands; i++)
		printf("  %-8s %s\n", commands[i]->name, commands[i]->summary);
	printf("\nOptions of every command:\n%s", options_of_all);
	puts("  -h, --help; -V, --version\n\n`larder help COMMAND` says more. Exit status: 0 done; 1 done, "
	     "but something is missing or\n"
	     "wrong; 2 usage or configuration; 3 could not do it.");
}

static void
print_command(const struct command *command)
{
	printf("usage: larder %s [OPTION]...%s%s\n\n%s\nOptions:\n", command->name,
	        command->arguments[0] != '\0' ? " " : "", command->arguments, command->help);
	for (size_t i = 0; i < COUNT_OF(options); i++)
		if ((command->flags & (unsigned)options[i].flag) != 0)
			fputs(options[i].text, stdout);
	fputs(options_of_all, stdout);
	if ((command->flags & FLAG_OUTPUT) != 0)
		puts("With this command -o is --output; write --option in full.");
}

static int
run(const struct invocation *invocation)
{
	const struct command *command;

	if (invocation->n_arguments == 0) {
		print_overview();
		return EXIT_DONE;
	}
	command = command_find(invocation->arguments[0]);
	if (command == NULL) {
		const char *meant = command_suggest(invocation->arguments[0]);

		command_say("there is no command '%s'%s%s%s; `larder help` lists them",
		        invocation->arguments[0], meant != NULL ? ", did you mean '" : "",
		        meant != NULL ? meant : "", meant != NULL ? "'?" : "");
		return EXIT_USAGE;
	}
	print_command(command);
	return EXIT_DONE;
}

const struct command command_help = {
        .name = "help",
        .arguments = "[COMMAND]",
        .summary = "what larder can do, or one of its commands",
        .help = "Lists the commands, or says what one of them does and which options it takes.\n",
        .max_arguments = 1,
        .needs = COMMAND_WITHOUT_CONFIG,
        .run = run,
};
