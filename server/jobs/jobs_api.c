/*
 * Jobs over HTTP. Clerks' threads: what is sent is looked at as far as that is quick, so that nonsense is told at
 * once; reading a whole source is the job's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/http/body.h"
#include "server/jobs/asked.h"
#include "server/jobs/job_body.h"
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

/* What the sender calls it, or "what WHO sent". */
static bool
read_name(struct request *request, struct text *ret, struct err *err)
{
	const char *name = request_parameter(request, "name");

	if (name == NULL) {
		text_addf(ret, "what %s sent", request->caller.who);
		return true;
	}
	return job_body_name(name, ret) ||
	       err_set(err, ERR_BAD_REQUEST,
	               "name= is for messages: 1 to %d bytes, no control characters, percent-encoded",
	               JOB_NAME_MAX);
}

/* --- fetch --- */

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
	wish = job_body_fetch(body, text_string(&name), err);
	if (wish == NULL)
		return asked_refused(request, err);
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
	struct job_wish job = {.kind = "import", .body = "", .asked = wish};

	return hire(request, &job, json_text_of(wish, "source"), ret, err);
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

/* NULL: it is no JSON that names a URL, and err says what is wrong where it means to be. */
static json_t *
read_wish(struct request *request, const char *body, struct err *err)
{
	AUTO_FD fd = spool_open(request->larder->store, body, err);
	AUTO_TEXT text = TEXT_EMPTY;

	if (fd < 0 || request->body.received > WISH_BYTES_MAX || !file_read(fd, WISH_BYTES_MAX, &text, err))
		return NULL;
	return job_body_source(&text, err);
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
