/*
 * Tokens from a file or the environment: never from the command line, which everybody can see.
 */
#include "server/commands/push_token.h"

#include <string.h>
#include <sys/stat.h>

#include "storage/base/file.h"
#include "storage/base/text.h"

#define TOKEN_FILE_MAX 4096 /* bytes */

/* Visible ASCII and nothing else, so that it can stand in a header. */
static bool
may_be_token(const char *text)
{
	for (const char *at = text; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~')
			return false;
	return text[0] != '\0';
}

static bool
read_token_file(const char *path, char **ret, struct err *err)
{
	AUTO_TEXT text = TEXT_EMPTY;
	struct stat info;

	if (!file_read_path(path, TOKEN_FILE_MAX, &text, err)) {
		err->code = ERR_USAGE;
		return err_wrap(err, "--token-file");
	}
	while (text.length > 0 && strchr("\r\n\t ", text.bytes[text.length - 1]) != NULL)
		text.bytes[--text.length] = '\0';
	if (strlen(text_string(&text)) != text.length || !may_be_token(text_string(&text)))
		return err_set(err, ERR_USAGE, "--token-file: %.150s does not hold a token", path);
	if (stat(path, &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		command_say("others can read the token in %s; `chmod 600` keeps it to yourself", path);
	*ret = text_take(&text);
	return true;
}

bool
push_token(const struct invocation *invocation, char **ret, struct err *err)
{
	const char *environment = getenv("LARDER_TOKEN");

	*ret = NULL;
	if (invocation->token_file != NULL)
		return read_token_file(invocation->token_file, ret, err);
	if (environment == NULL || environment[0] == '\0')
		return true;
	if (!may_be_token(environment))
		return err_set(err, ERR_USAGE, "LARDER_TOKEN does not hold a token");
	*ret = xstrdup(environment);
	return true;
}
