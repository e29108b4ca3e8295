/*
 * Answers of a larder, read: which error a status is, and the sentence that goes with it. What the other side
 * wrote is shown to people, and so escaped and cut.
 */
#include <string.h>

#include "server/upstream/client.h"
#include "storage/base/text.h"

#define SENTENCE_MAX 200 /* bytes of an answer that are shown */

/* A 404 that says why is the honest answer about an archive; any other is a page that is not there. */
static enum err_code
code_of_reason(const char *reason)
{
	static const enum err_code codes[] = {
	        ERR_UNKNOWN, ERR_VANISHED, ERR_CHANGED, ERR_FAILING, ERR_TIMEOUT, ERR_LIMIT, ERR_REMOVED};

	for (size_t i = 0; i < COUNT_OF(codes); i++)
		if (reason != NULL && strcmp(err_reason(codes[i]), reason) == 0)
			return codes[i];
	return ERR_NOT_FOUND;
}

static enum err_code
code_of_status(int status, const char *reason)
{
	static const struct {
		int status;
		enum err_code code;
	} codes[] = {{400, ERR_BAD_REQUEST}, {401, ERR_UNAUTHORIZED}, {403, ERR_FORBIDDEN}, {405, ERR_METHOD},
	        {409, ERR_COLLISION}, {413, ERR_TOO_LARGE}, {416, ERR_RANGE}, {422, ERR_MISMATCH},
	        {429, ERR_TOO_MANY}, {502, ERR_OVERLOADED}, {503, ERR_OVERLOADED}, {504, ERR_OVERLOADED},
	        {507, ERR_NO_SPACE}};

	if (status == 404)
		return code_of_reason(reason);
	for (size_t i = 0; i < COUNT_OF(codes); i++)
		if (codes[i].status == status)
			return codes[i].code;
	return status < 500 ? ERR_BAD_REQUEST : ERR_IO;
}

/* The first line of a plain answer; "" where it is none for people: a page, or nothing. */
static void
first_line(const char *text, char ret[SENTENCE_MAX])
{
	AUTO_FREE char *line = xstrndup(text, strcspn(text, "\r\n"));

	ret[0] = '\0';
	if (line[0] != '<' && line[0] != '{')
		text_printable(line, ret, SENTENCE_MAX);
}

void
client_answer_read(struct client_answer *answer, struct text *body)
{
	if (body->length > 0 && (body->bytes[0] == '{' || body->bytes[0] == '['))
		answer->json = json_loadb(body->bytes, body->length, 0, NULL);
	answer->text = text_take(body);
}

bool
client_answer_good(const struct client_answer *answer, struct err *err)
{
	const char *sentence = json_string_value(json_object_get(answer->json, "error"));
	const char *reason = json_string_value(json_object_get(answer->json, "reason"));
	char said[SENTENCE_MAX];

	if (answer->err.code != ERR_OK) {
		*err = answer->err;
		return false;
	}
	if (answer->status >= 200 && answer->status < 300)
		return true;
	if (sentence != NULL)
		text_printable(sentence, said, sizeof said);
	else
		first_line(answer->text != NULL ? answer->text : "", said);
	if (said[0] == '\0')
		return err_set(err, code_of_status(answer->status, reason), "it answered %d", answer->status);
	return err_set(err, code_of_status(answer->status, reason), "%s", said);
}

void
client_answer_finish(struct client_answer *answer)
{
	json_decref(answer->json);
	free(answer->text);
	answer->json = NULL;
	answer->text = NULL;
}
