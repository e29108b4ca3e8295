/*
 * Any bytes as the body of POST /api/v1/check and /api/v1/fetch: what is read names archives, no more than
 * are allowed, each by a digest; what is not is refused with a sentence, and not as a fault of larder's.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "server/jobs/asked.h"
#include "server/jobs/work.h"
#include "tests/support/refusal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
as_names(const struct text *body)
{
	struct asked asked;
	struct err err = ERR_NONE;

	if (!asked_read_body(body, &asked, &err))
		check_refusal(&err);
	assert(asked.wants.count <= ASKED_ARCHIVES_MAX);
	for (size_t i = 0; i < asked.wants.count; i++)
		assert(asked.wants.items[i].digests.known != 0);
	asked_finish(&asked);
}

static void
as_order(const struct text *body)
{
	json_t *order = json_loadb(text_string(body), body->length, JSON_REJECT_DUPLICATES, NULL);
	struct err err = ERR_NONE;

	if (order != NULL && !work_fetch_check(order, &err))
		check_refusal(&err);
	json_decref(order);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_TEXT body = TEXT_EMPTY;

	text_add_bytes(&body, data, size);
	as_names(&body);
	as_order(&body);
	return 0;
}
