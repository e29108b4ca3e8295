/*
 * Any bytes as what somebody answers who is taken for a larder: the first two are the status, the rest is the body. Whoever asked
 * gets a sentence that can be shown, or archives that are not stored there, each by a digest.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "server/commands/push_report.h"
#include "server/upstream/client.h"
#include "storage/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
count_lack(void *context, const uint8_t sha256[32], enum offer_state state)
{
	size_t *count = context;
	char hex[65];

	text_hex(sha256, 32, hex); /* all of it can be read */
	assert(strlen(hex) == 64);
	assert(state == OFFER_NAMED || state == OFFER_UNNAMED || state == OFFER_REMOVED);
	(*count)++;
}

static void
check_sentence(const char *text)
{
	assert(text[0] != '\0');
	for (; *text != '\0'; text++)
		assert((unsigned char)*text >= ' ' && *text != 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client_answer answer = {.status = 200};
	AUTO_TEXT body = TEXT_EMPTY;
	struct err err = ERR_NONE;
	size_t lacks = 0;

	if (size < 2)
		return 0;
	answer.status = 100 + (data[0] << 8 | data[1]) % 500;
	text_add_bytes(&body, data + 2, size - 2);
	client_answer_read(&answer, &body);
	if (client_answer_good(&answer, &err))
		assert(answer.status >= 200 && answer.status < 300);
	else
		check_sentence(err.text);
	if (push_report_read(answer.json, count_lack, &lacks))
		assert(lacks <= json_array_size(json_object_get(answer.json, "missing")));
	else
		assert(lacks == 0);
	client_answer_finish(&answer);
	return 0;
}
