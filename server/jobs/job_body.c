/*
 * From the body of a request to what a job is asked. On a clerk's thread, over bytes of a client.
 */
#include "server/jobs/job_body.h"

#include <string.h>

#include "server/catalogs.h"
#include "server/jobs/asked.h"
#include "server/jobs/harvest_json.h"
#include "server/jobs/jobs.h"
#include "server/jobs/json.h"

/* --- fetch --- */

/* As work_fetch reads it. */
static json_t *
digests_json(const struct wants *wants)
{
	json_t *all = json_array();

	for (size_t i = 0; i < wants->count; i++) {
		json_t *one = json_array();

		for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
			struct digest digest;
			char text[DIGEST_TEXT_MAX];

			if (!digests_get(&wants->items[i].digests, (enum digest_algo)algo, &digest))
				continue;
			digest_text(&digest, text);
			json_array_append_new(one, json_string(text));
		}
		json_array_append_new(all, one);
	}
	return json_pack("{s:o}", "digests", all);
}

static json_t *
entries_json(const struct harvest *harvest, const char *name)
{
	json_t *entries = json_array();

	for (size_t i = 0; i < harvest->n_entries; i++)
		json_array_append_new(entries, harvest_entry_json(&harvest->entries[i]));
	return json_pack("{s:o, s:o}", "name", json_text(name), "entries", entries);
}

/* Nothing in it was of use: the first thing that was wrong is why. */
static bool
nothing_in(const struct harvest *harvest, struct err *err)
{
	const struct harvest_problem *problem = harvest->problems;

	if (harvest->n_problems == 0)
		return err_set(err, ERR_SYNTAX, "no archive is named there");
	return err_set(err, ERR_SYNTAX, "line %u: %s", problem->line, problem->text);
}

/* A lockfile, a list, lines of digests. NULL with err. */
static json_t *
read_text(const struct text *body, const char *name, struct err *err)
{
	struct asked asked;
	json_t *wish = NULL;

	if (asked_read_body(body, &asked, err)) {
		if (asked.harvest != NULL && asked.harvest->n_entries > 0)
			wish = entries_json(asked.harvest, name);
		else if (asked.harvest != NULL)
			nothing_in(asked.harvest, err);
		else if (asked.wants.count > 0)
			wish = digests_json(&asked.wants);
		else
			err_set(err, ERR_SYNTAX, "no archive is named there");
	}
	asked_finish(&asked);
	return wish;
}

static json_t *
read_json(const struct text *body, struct err *err)
{
	json_error_t wrong;
	json_t *wish = json_loadb(body->bytes, body->length, JSON_REJECT_DUPLICATES, &wrong);

	if (wish == NULL)
		err_set(err, ERR_SYNTAX, "the body is not JSON: line %d: %.150s", wrong.line, wrong.text);
	return wish;
}

json_t *
job_body_fetch(const struct text *body, const char *name, struct err *err)
{
	json_t *order = asked_is_json(body) ? read_json(body, err) : read_text(body, name, err);

	/* Text, too: what is no UTF-8 in it became longer. */
	if (order == NULL || work_fetch_check(order, err))
		return order;
	json_decref(order);
	return NULL;
}

/* --- catalog --- */

json_t *
job_body_source(const struct text *body, struct err *err)
{
	size_t start = strspn(text_string(body), " \t\r\n");
	json_t *sent, *source = NULL;
	const char *url;

	if (text_string(body)[start] != '{' || text_starts_with(text_string(body), HARVEST_JSON_START))
		return NULL;
	sent = json_loadb(body->bytes, body->length, JSON_REJECT_DUPLICATES, NULL);
	url = json_text_of(sent, "source");
	if (sent == NULL)
		err_set(err, ERR_SYNTAX,
		        "JSON sent here is {\"source\": URL}; a source itself is sent as it is");
	else if (!catalogs_is_url(url) || strlen(url) > HARVEST_URL_MAX)
		err_set(err, ERR_BAD_REQUEST,
		        "\"source\" has to be an http or https URL; what lies elsewhere is sent as the body");
	else
		source = json_pack("{s:s}", "source", url);
	json_decref(sent);
	return source;
}

/* --- ?name= --- */

bool
job_body_name(const char *from, struct text *ret)
{
	for (; *from != '\0'; from++) {
		char hex[3] = {0};
		uint8_t byte = (uint8_t)*from;

		if (*from == '%') {
			memcpy(hex, from + 1, strnlen(from + 1, 2));
			if (!text_unhex(hex, &byte, 1))
				return false;
			from += 2;
		}
		if (byte < ' ' || byte == 0x7f || ret->length == JOB_NAME_MAX)
			return false;
		text_add_bytes(ret, &byte, 1);
	}
	return ret->length > 0;
}
