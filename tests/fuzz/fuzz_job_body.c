/*
 * Any bytes as the body of POST /api/v1/fetch and /api/v1/catalog, and as ?name=: an order that is made of them is one that the job
 * takes, with all that was read; what is none is refused with a sentence, and not as a fault of larder's.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "server/catalogs.h"
#include "server/jobs/asked.h"
#include "server/jobs/job_body.h"
#include "server/jobs/jobs.h"
#include "server/jobs/json.h"
#include "tests/support/refusal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Text became JSON: nothing got lost on the way. */
static void
check_all_of_it(const struct text *body, const json_t *order)
{
	struct asked asked;
	struct err err = ERR_NONE;

	assert(asked_read_body(body, &asked, &err));
	if (asked.harvest != NULL)
		assert(json_array_size(json_object_get(order, "entries")) == asked.harvest->n_entries);
	else
		assert(json_array_size(json_object_get(order, "digests")) == asked.wants.count);
	asked_finish(&asked);
}

static void
as_order(const struct text *body)
{
	struct err err = ERR_NONE;
	json_t *order = job_body_fetch(body, "what a client sent", &err);

	if (order == NULL) {
		check_refusal(&err);
		return;
	}
	assert(work_fetch_check(order, &err));
	if (!asked_is_json(body))
		check_all_of_it(body, order);
	json_decref(order);
}

static void
as_source(const struct text *body)
{
	struct err err = ERR_NONE;
	json_t *source = job_body_source(body, &err);

	if (source != NULL)
		assert(catalogs_is_url(json_text_of(source, "source")));
	else if (err.code != ERR_OK)
		check_refusal(&err);
	json_decref(source);
}

static void
as_name(const char *name)
{
	AUTO_TEXT text = TEXT_EMPTY;

	if (!job_body_name(name, &text))
		return;
	assert(text.length > 0 && text.length <= JOB_NAME_MAX && strlen(text_string(&text)) == text.length);
	for (const char *at = text_string(&text); *at != '\0'; at++)
		assert((unsigned char)*at >= ' ' && *at != 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_TEXT body = TEXT_EMPTY;

	text_add_bytes(&body, data, size);
	as_order(&body);
	as_source(&body);
	as_name(text_string(&body));
	return 0;
}
