/*
 * Reports over HTTP. Clerks' threads, but for the description, which is constant.
 */
#include <string.h>

#include "server/admin/metrics.h"
#include "server/admin/reports.h"
#include "server/http/body.h"
#include "server/http/reply.h"
#include "server/jobs/asked.h"
#include "server/jobs/json.h"
#include "storage/catalog/catalog.h"
#include "storage/index/event_rows.h"

#include "openapi.json.h"

bool
api_check(struct request *request, struct api_answer *ret, struct err *err)
{
	struct larder *larder = request->larder;
	struct asked asked = ASKED_EMPTY;
	json_t *report = NULL;

	if (asked_read_request(request, &asked, err))
		report = report_check(larder, &asked.wants, err);
	if (report != NULL && asked.harvest != NULL)
		report_add_harvest(report, asked.harvest);
	asked_finish(&asked);
	*ret = (struct api_answer){.status = 200, .json = report};
	return report != NULL;
}

bool
api_archive(struct request *request, struct api_answer *ret, struct err *err)
{
	struct digests digests = {0};

	digests_put(&digests, &request->digest);
	*ret = (struct api_answer){.status = 200, .json = report_archive(request->larder, &digests, err)};
	return ret->json != NULL;
}

/* A number of the query; as it was where there is none. */
static bool
read_number(const struct request *request, const char *name, uint64_t max, uint64_t *ret, struct err *err)
{
	const char *text = request_parameter(request, name);
	uint64_t number;

	if (text == NULL)
		return true;
	if (!text_parse_number(text, &number) || number > max)
		return err_set(err, ERR_BAD_REQUEST, "%s has to be a number of at most %llu", name,
		        (unsigned long long)max);
	*ret = number;
	return true;
}

/* Which part of a long list: "after" or "since", and "limit". */
static bool
read_page(const struct request *request, const char *start, struct catalog_page *ret, struct err *err)
{
	uint64_t after = 0, limit = REPORT_LIMIT;

	if (!read_number(request, start, INT64_MAX, &after, err) ||
	        !read_number(request, "limit", REPORT_LIMIT_MAX, &limit, err))
		return false;
	if (limit == 0)
		return err_set(err, ERR_BAD_REQUEST, "limit has to be at least 1");
	*ret = (struct catalog_page){.after = (int64_t)after, .max = limit};
	return true;
}

static bool
visit_wanted(void *context, const struct digests *digests, const char *package)
{
	json_array_append_new(context, json_pack("{s:o, s:o}", "digests", json_digests(digests), "package",
	                                       json_text(package != NULL ? package : "")));
	return true;
}

bool
api_wanted(struct request *request, struct api_answer *ret, struct err *err)
{
	struct catalog *catalog = store_catalog(request->larder->store);
	struct catalog_page page;
	json_t *wanted;
	int64_t last;

	if (!read_page(request, "after", &page, err))
		return false;
	wanted = json_array();
	if (!catalog_missing(catalog, &page, visit_wanted, wanted, &last, err)) {
		json_decref(wanted);
		return false;
	}
	*ret = (struct api_answer){.status = 200,
	        .json = json_pack("{s:o, s:o}", "wanted", wanted, "next",
	                last != 0 ? json_integer(last) : json_null())};
	return true;
}

/* An answer under way. */
struct telling_events {
	json_t *events;
	size_t data_bytes;
};

/* What would make the answer too long is left for the next one. */
static void
visit_event(void *context, const struct event_row *event)
{
	struct telling_events *telling = context;

	telling->data_bytes += strlen(event->data);
	if (telling->data_bytes > REPORT_DATA_MAX && json_array_size(telling->events) > 0)
		return;
	json_array_append_new(telling->events, json_event(event));
}

/* Where to go on: behind the last one told, or where we were. */
static json_t *
next_since(const json_t *events, int64_t since)
{
	size_t count = json_array_size(events);

	if (count == 0)
		return json_integer(since);
	return json_incref(json_object_get(json_array_get(events, count - 1), "id"));
}

static bool
read_choice(const struct request *request, enum event_choice *ret, struct err *err)
{
	static const enum event_choice choices[] = {[EVENT_AUDIT] = EVENTS_AUDIT,
	        [EVENT_INFO] = EVENTS_INFO,
	        [EVENT_WARNING] = EVENTS_WARNING,
	        [EVENT_URGENT] = EVENTS_URGENT};
	const char *name = request_parameter(request, "level");
	enum event_level level;

	*ret = EVENTS_ALL;
	if (name == NULL)
		return true;
	if (!event_level_find(name, &level))
		return err_set(err, ERR_BAD_REQUEST, "level has to be info, warning, urgent or audit");
	*ret = choices[level];
	return true;
}

bool
api_events(struct request *request, struct api_answer *ret, struct err *err)
{
	struct index *index = store_index(request->larder->store);
	struct telling_events telling = {0};
	struct event_page rows;
	struct catalog_page page;
	json_t *next;

	if (!read_page(request, "since", &page, err) || !read_choice(request, &rows.choice, err))
		return false;
	rows.after = page.after;
	rows.max = page.max;
	telling.events = json_array();
	if (!event_rows_page(index, &rows, visit_event, &telling, err)) {
		json_decref(telling.events);
		return false;
	}
	next = next_since(telling.events, page.after);
	*ret = (struct api_answer){
	        .status = 200, .json = json_pack("{s:o, s:o}", "events", telling.events, "next", next)};
	return true;
}

enum outcome
api_description(struct request *request)
{
	AUTO_TEXT body = TEXT_EMPTY;

	text_add(&body, openapi_json);
	return reply_text(request, 200, "application/json", &body);
}
