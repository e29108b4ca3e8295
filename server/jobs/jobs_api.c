/*
 * Jobs over HTTP. Clerks' threads: what is sent is looked at as far as that is quick, so that nonsense is told at
 * once; reading a whole source is the job's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/catalogs.h"
#include "server/http/body.h"
#include "server/jobs/asked.h"
#include "server/jobs/harvest_json.h"
#include "server/jobs/json.h"
#include "server/jobs/jobs.h"
#include "storage/base/file.h"
#include "storage/base/text.h"
#include "storage/spool.h"

#define WISH_BYTES_MAX (64u << 10) /* of {"source": URL} */

/* --- what all of them answer --- */

/* 202, and where to ask how it goes. */
static void
answer(int64_t id, struct api_answer *ret)
{
	AUTO_TEXT url = TEXT_EMPTY;

	text_addf(&url, "/api/v1/jobs/%" PRId64, id);
	*ret = (struct api_answer){.status = 202,
	        .json = json_pack("{s:I, s:s}", "id", (json_int_t)id, "url", text_string(&url)),
	        .location = xstrdup(text_string(&url))};
}

/* A new job of this kind, with a body of the spool or none. detail is for the audit. */
static bool
hire(struct request *request, struct job_wish *wish, const char *detail, struct api_answer *ret,
        struct err *err)
{
	int64_t id;

	wish->caller = &request->caller;
	wish->detail = detail;
	if (!jobs_add(request->larder->jobs, wish, &id, err))
		return false;
	answer(id, ret);
	return true;
}

/* --- ?name= --- */

/* %NN and nothing else, as in a path. False: it is too long, or holds what no name holds. */
static bool
decode(const char *from, struct text *ret)
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

/* What the sender calls it, or "what WHO sent". */
static bool
read_name(struct request *request, struct text *ret, struct err *err)
{
	const char *name = request_parameter(request, "name");

	if (name == NULL) {
		text_addf(ret, "what %s sent", request->caller.who);
		return true;
	}
	return decode(name, ret) ||
	       err_set(err, ERR_BAD_REQUEST,
	               "name= is for messages: 1 to %d bytes, no control characters, percent-encoded",
	               JOB_NAME_MAX);
}

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
read_text(struct request *request, const char *name, struct err *err)
{
	struct asked asked;
	json_t *wish = NULL;

	if (asked_read_request(request, &asked, err)) {
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
	if (wish == NULL || work_fetch_check(wish, err))
		return wish;
	json_decref(wish);
	return NULL;
}

bool
api_fetch(struct request *request, struct api_answer *ret, struct err *err)
{
	const struct text *body = body_text_of(request);
	AUTO_TEXT name = TEXT_EMPTY;
	struct job_wish job = {.kind = "fetch", .body = ""};
	json_t *wish;
	bool done;

	if (!read_name(request, &name, err))
		return false;
	wish = asked_is_json(body) ? read_json(body, err) : read_text(request, text_string(&name), err);
	if (wish == NULL)
		return false;
	job.asked = wish;
	done = hire(request, &job, text_string(&name), ret, err);
	json_decref(wish);
	return done;
}

/* --- catalog --- */

/* A source that larder is to get for itself. */
static bool
hire_url(struct request *request, const json_t *wish, struct api_answer *ret, struct err *err)
{
	const char *url = json_text_of(wish, "source");
	json_t *asked;
	struct job_wish job = {.kind = "import", .body = ""};
	bool done;

	if (!catalogs_is_url(url) || strlen(url) > HARVEST_URL_MAX)
		return err_set(err, ERR_BAD_REQUEST,
		        "\"source\" has to be an http or https URL; what lies elsewhere is sent as the body");
	asked = json_pack("{s:s}", "source", url);
	job.asked = asked;
	done = hire(request, &job, url, ret, err);
	json_decref(asked);
	return done;
}

static bool
hire_body(struct request *request, const char *body, struct api_answer *ret, struct err *err)
{
	AUTO_TEXT name = TEXT_EMPTY;
	struct job_wish job = {.kind = "import", .body = body};
	json_t *asked;
	bool done;

	if (!read_name(request, &name, err)) {
		spool_remove(request->larder->store, body);
		return false;
	}
	asked = json_pack("{s:o}", "source", json_text(text_string(&name)));
	job.asked = asked;
	done = hire(request, &job, text_string(&name), ret, err); /* takes the body in any case */
	json_decref(asked);
	return done;
}

/* {"source": URL} as JSON; NULL: it is something else, and err says what where nobody could read it. */
static json_t *
read_wish(struct request *request, const char *body, struct err *err)
{
	AUTO_FD fd = spool_open(request->larder->store, body, err);
	AUTO_TEXT text = TEXT_EMPTY;
	json_t *wish;
	size_t start;

	if (fd < 0 || request->body.received > WISH_BYTES_MAX || !file_read(fd, WISH_BYTES_MAX, &text, err))
		return NULL;
	start = strspn(text_string(&text), " \t\r\n");
	if (text_string(&text)[start] != '{' || text_starts_with(text_string(&text), HARVEST_JSON_START))
		return NULL;
	wish = json_loadb(text.bytes, text.length, JSON_REJECT_DUPLICATES, NULL);
	if (wish == NULL)
		err_set(err, ERR_SYNTAX,
		        "JSON sent here is {\"source\": URL}; a source itself is sent as it is");
	return wish;
}

bool
api_catalog(struct request *request, struct api_answer *ret, struct err *err)
{
	const char *body;
	json_t *wish;
	bool done;

	if (request->body.received == 0)
		return err_set(err, ERR_BAD_REQUEST,
		        "the body is empty; it has to be an opam repository's .tar.gz, a lockfile, a list, "
		        "or "
		        "{\"source\": URL}");
	body = body_spool_take(request, err);
	if (body == NULL)
		return false;
	wish = read_wish(request, body, err);
	if (wish == NULL && err->code == ERR_OK)
		return hire_body(request, body, ret, err);
	done = wish != NULL && hire_url(request, wish, ret, err);
	json_decref(wish);
	spool_remove(request->larder->store, body);
	return done;
}

/* --- verify --- */

bool
api_verify(struct request *request, struct api_answer *ret, struct err *err)
{
	const char *repair = request_parameter(request, "repair");
	struct job_wish job = {.kind = "verify", .body = ""};
	json_t *asked;
	bool done;

	if (repair != NULL && strcmp(repair, "yes") != 0 && strcmp(repair, "no") != 0)
		return err_set(err, ERR_BAD_REQUEST, "repair= is yes or no");
	asked = json_pack("{s:b}", "repair", repair != NULL && strcmp(repair, "yes") == 0);
	job.asked = asked;
	done = hire(request, &job, json_flag_of(asked, "repair") ? "with repair" : "", ret, err);
	json_decref(asked);
	return done;
}

/* --- the jobs themselves --- */

bool
api_jobs(struct request *request, struct api_answer *ret, struct err *err)
{
	ret->json = jobs_list(request->larder->jobs, err);
	ret->status = 200;
	return ret->json != NULL;
}

bool
api_job(struct request *request, struct api_answer *ret, struct err *err)
{
	const char *text = request_parameter(request, "since");
	uint64_t since = 0;

	if (text != NULL && !text_parse_number(text, &since))
		return err_set(err, ERR_BAD_REQUEST, "since= is the number that \"next\" was");
	ret->json = jobs_tell(request->larder->jobs, request->id, since, err);
	ret->status = 200;
	return ret->json != NULL;
}

bool
api_job_cancel(struct request *request, struct api_answer *ret, struct err *err)
{
	char subject[32];

	if (!jobs_cancel(request->larder->jobs, request->id, err))
		return false;
	snprintf(subject, sizeof subject, "job %" PRId64, request->id);
	audit_note(request->larder, &request->caller, &(struct audit){"cancel", subject, "accepted", ""});
	answer(request->id, ret);
	return true;
}
