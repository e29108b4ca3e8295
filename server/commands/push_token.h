/*
 * The token that `push` shows to the other larder. Main thread.
 */
#ifndef SERVER_COMMANDS_PUSH_TOKEN_H
#define SERVER_COMMANDS_PUSH_TOKEN_H

#include "server/commands/command.h"

/*
 * From --token-file, else from LARDER_TOKEN; NULL: there is none. The caller's. ERR_USAGE: what is there is no
 * token. Warns when others can read the file.
 */
bool push_token(const struct invocation *invocation, char **ret, struct err *err) MUST_CHECK;

#endif
