/*
 * `larder token`: who may change this larder over HTTP. Main thread. The text of a token goes to standard output,
 * once, and nowhere else.
 */
#include <stdio.h>
#include <string.h>

#include "server/admin/auth.h"
#include "server/admin/manage.h"
#include "server/commands/daemon.h"
#include "server/commands/table.h"
#include "server/signals.h"
#include "server/jobs/json.h"
#include "storage/base/text.h"

#define TOKENS "/api/v1/tokens"

/* --- add --- */

static bool
add_alone(struct larder *larder, const void *argument, json_t **ret, struct err *err)
{
	struct caller caller;

	caller_of_process(&caller);
	return manage_token_add(larder, &caller, argument, ret, err);
}

static json_t *
wish_of(const struct invocation *invocation)
{
	json_t *wish = json_pack("{s:o}", "name", json_text(invocation->arguments[1]));

	if (invocation->may != NULL)
		json_object_set_new(wish, "rights", json_text(invocation->may));
	if (invocation->expires != NULL)
		json_object_set_new(wish, "expires", json_text(invocation->expires));
	return wish;
}

/* ["upload", "remove"] → "upload,remove" */
static void
add_rights(const json_t *rights, struct text *ret)
{
	size_t i;
	const json_t *right;

	json_array_foreach (rights, i, right) {
		text_addf(ret, "%s%s", i > 0 ? "," : "", json_string_value(right));
	}
}

static void
show_added(const struct invocation *invocation, const json_t *token)
{
	const char *expires = json_string_value(json_object_get(token, "expires"));
	AUTO_TEXT rights = TEXT_EMPTY;

	puts(json_string_value(json_object_get(token, "token")));
	if (invocation_has(invocation, FLAG_QUIET))
		return;
	add_rights(json_object_get(token, "rights"), &rights);
	command_say("this token is shown only now and kept nowhere; %s may %s, %s%s",
	        json_string_value(json_object_get(token, "name")), text_string(&rights),
	        expires != NULL ? "until " : "for ever", expires != NULL ? expires : "");
}

static int
add_token(const struct invocation *invocation)
{
	json_t *wish = wish_of(invocation), *token;
	AUTO_FREE char *body = json_dumps(wish, 0);
	struct act act = {.request = {.method = "POST",
	                          .path = TOKENS,
	                          .content_type = "application/json",
	                          .body = body,
	                          .body_length = strlen(body),
	                          .body_fd = -1},
	        .act = add_alone,
	        .argument = wish,
	        .known_by = "`larder token list` tells whether the token was made all the same; its text is "
	                    "lost then: revoke it"};
	int status = act_do(invocation, &act, &token);

	json_decref(wish);
	if (status != EXIT_DONE)
		return status;
	if (invocation_has(invocation, FLAG_JSON)) {
		json_print(token);
		return EXIT_DONE;
	}
	show_added(invocation, token);
	json_decref(token);
	return EXIT_DONE;
}

/* --- list --- */

static const char *
text_or(const json_t *object, const char *key, const char *other)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : other;
}

static void
print_tokens(const json_t *tokens)
{
	static const char *const headings[] = {"NAME", "MAY", "CREATED", "EXPIRES", "LAST USED"};
	struct table table;
	AUTO_TEXT page = TEXT_EMPTY;
	size_t i;
	const json_t *token;

	table_init(&table, headings, COUNT_OF(headings));
	json_array_foreach (tokens, i, token) {
		AUTO_TEXT rights = TEXT_EMPTY;

		add_rights(json_object_get(token, "rights"), &rights);
		table_add(&table, (const char *[]){text_or(token, "name", ""), text_string(&rights),
		                          text_or(token, "created", "-"), text_or(token, "expires", "never"),
		                          text_or(token, "used", "never")});
	}
	table_render(&table, &page);
	fputs(text_string(&page), stdout);
	table_finish(&table);
}

/* Reads the index, as the commands that only report do, with a daemon or without. */
static int
list_tokens(const struct invocation *invocation)
{
	struct larder larder;
	struct err err = ERR_NONE;
	json_t *answer = NULL;
	int status = command_start(invocation, LARDER_STORE_READ, &larder);

	if (status != EXIT_DONE)
		return status;
	if (!manage_token_list(&larder, &answer, &err))
		status = command_fail(&err);
	larder_stop(&larder, 0);
	if (status != EXIT_DONE)
		return status;
	if (invocation_has(invocation, FLAG_JSON)) {
		json_print(answer);
		return EXIT_DONE;
	}
	print_tokens(json_object_get(answer, "tokens"));
	json_decref(answer);
	return EXIT_DONE;
}

/* --- revoke --- */

static bool
revoke_alone(struct larder *larder, const void *argument, json_t **ret, struct err *err)
{
	struct caller caller;

	caller_of_process(&caller);
	return manage_token_revoke(larder, &caller, argument, ret, err);
}

static int
revoke_token(const struct invocation *invocation)
{
	const char *name = invocation->arguments[1];
	AUTO_TEXT path = TEXT_EMPTY;
	struct act act = {.request = {.method = "DELETE", .body_fd = -1},
	        .act = revoke_alone,
	        .argument = name,
	        .known_by = "`larder token list` tells whether the token is revoked all the same"};
	json_t *answer;
	struct err err = ERR_NONE;
	int status;

	if (!token_name_check(name, &err))
		return command_misuse(invocation, "%s", err.text);
	text_addf(&path, TOKENS "?name=%s", name);
	act.request.path = text_string(&path);
	status = act_do(invocation, &act, &answer);
	if (status != EXIT_DONE)
		return status;
	if (invocation_has(invocation, FLAG_JSON)) {
		json_print(answer);
		return EXIT_DONE;
	}
	json_decref(answer);
	printf("revoked %s\n", name);
	return EXIT_DONE;
}

/* --- which --- */

static int
run(const struct invocation *invocation)
{
	static const struct {
		const char *name;
		size_t n_arguments;
		int (*run)(const struct invocation *invocation);
	} verbs[] = {{"add", 2, add_token}, {"list", 1, list_tokens}, {"revoke", 2, revoke_token}};
	const char *name = invocation->arguments[0];

	for (size_t i = 0; i < COUNT_OF(verbs); i++) {
		if (strcmp(verbs[i].name, name) != 0)
			continue;
		if (invocation->n_arguments != verbs[i].n_arguments)
			return command_misuse(invocation, "token %s takes %s", name,
			        verbs[i].n_arguments == 1 ? "no name" : "a name");
		if (verbs[i].run != add_token && (invocation->may != NULL || invocation->expires != NULL))
			return command_misuse(invocation, "token %s takes neither --may nor --expires", name);
		return verbs[i].run(invocation);
	}
	return command_misuse(invocation, "token: '%s' is none of add, list and revoke", name);
}

const struct command command_token = {
        .name = "token",
        .arguments = "add NAME | list | revoke NAME",
        .summary = "who may change this larder over HTTP",
        .help = "add      makes a token and prints it, this once: only its SHA-256 is kept. NAME is for the "
                "list and\n"
                "         the audit: letters, digits and ._@-. Clients send it as \"Authorization: Bearer "
                "TOKEN\";\n"
                "         `larder push` takes it from LARDER_TOKEN or --token-file\n"
                "list     all of them: what they may, when they were made, expire and were last used\n"
                "revoke   from now on it is refused\n"
                "\n"
                "  --may RIGHTS      some of upload,remove,catalog,fetch; upload alone without it\n"
                "  --expires TIME    as 90d or 12h; never without it\n",
        .flags = FLAG_JSON | FLAG_MAY | FLAG_EXPIRES,
        .min_arguments = 1,
        .max_arguments = 2,
        .run = run,
};
