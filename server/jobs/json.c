/*
 * JSON through jansson. Any thread; what came from outside is looked at as such.
 */
#include "server/jobs/json.h"

#include <stdio.h>
#include <string.h>

#include "storage/base/text.h"

void
json_print(json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(value);
}

json_t *
json_text(const char *text)
{
	json_t *value = json_string(text);
	AUTO_FREE char *escaped = NULL;
	size_t size = 4 * strlen(text) + 1; /* each byte may become \xNN */

	if (value != NULL)
		return value;
	escaped = xmalloc(size);
	text_escape(text, escaped, size);
	return json_string(escaped);
}

json_t *
json_digests(const struct digests *digests)
{
	json_t *object = json_object();

	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;
		char hex[DIGEST_HEX_MAX];

		if (!digests_get(digests, (enum digest_algo)algo, &digest))
			continue;
		digest_hex(&digest, hex);
		json_object_set_new(object, digest_algo_name(digest.algo), json_string(hex));
	}
	return object;
}

bool
json_digests_read(const json_t *value, struct digests *ret, struct err *err)
{
	const char *name;
	json_t *hex;

	*ret = (struct digests){0};
	if (!json_is_object(value))
		return err_set(err, ERR_SYNTAX, "digests are an object, {\"sha256\": \"…\"}");
	json_object_foreach ((json_t *)(uintptr_t)value, name, hex) {
		struct digest digest;

		if (!json_is_string(hex))
			return err_set(err, ERR_SYNTAX, "a digest's value is a string of hexadecimal digits");
		if (!digest_parse(name, json_string_value(hex), &digest, err)) {
			err->code = ERR_SYNTAX;
			return false;
		}
		digests_put(ret, &digest);
	}
	if (digests_count(ret) == 0)
		return err_set(err, ERR_SYNTAX, "an archive without a digest");
	return true;
}

const char *
json_text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

uint64_t
json_count_of(const json_t *object, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(object, name));

	return value > 0 ? (uint64_t)value : 0;
}

bool
json_flag_of(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

json_t *
json_time(int64_t wall_ms)
{
	char text[TEXT_TIME_MAX];

	if (wall_ms == 0)
		return json_null();
	text_time(wall_ms, text);
	return json_string(text);
}

static json_t *
text_or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? json_text(text) : json_null();
}

json_t *
json_origin(const struct catalog_origin *origin)
{
	const struct origin_memory *memory = &origin->memory;
	const bool named = origin->kind == ORIGIN_NAMED;

	return json_pack(
	        "{s:o, s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b}",
	        "url", json_text(origin->url), "state", origin_state_name(memory->state), "outcome",
	        origin_result_name(origin->result), "detail",
	        json_text(origin->detail != NULL ? origin->detail : ""), "tried",
	        json_time(origin->tried_at_ms), "served", json_time(memory->served_at_ms), "failures",
	        (json_int_t)memory->failures, "failures_held", (json_int_t)memory->counted, "failing_since",
	        json_time(memory->failing_since_ms), "took_ms",
	        origin->tried_at_ms != 0 ? json_integer((json_int_t)origin->took_ms) : json_null(), "etag",
	        text_or_null(origin->etag), "modified", text_or_null(origin->modified), "length",
	        origin->length >= 0 && origin->tried_at_ms != 0 ? json_integer((json_int_t)origin->length)
	                                                        : json_null(),
	        "first_named", json_time(named ? origin->first_at_ms : 0), "last_named",
	        json_time(named ? origin->last_at_ms : 0), "past", origin->age == ORIGIN_PAST, "mirror",
	        !named);
}

json_t *
json_scrub(const struct scrub_round *scrub)
{
	return json_pack("{s:b, s:I, s:I, s:I, s:o, s:o, s:I}", "under_way", (int)scrub->under_way,
	        "archives", (json_int_t)scrub->archives, "bytes", (json_int_t)scrub->bytes, "wrong",
	        (json_int_t)scrub->wrong, "began", json_time(scrub->began_at_ms), "ended",
	        json_time(scrub->ended_at_ms), "ended_wrong", (json_int_t)scrub->ended_wrong);
}

json_t *
json_event(const struct event_row *event)
{
	json_t *about = event->data[0] != '\0' ? json_loads(event->data, JSON_REJECT_DUPLICATES, NULL) : NULL;

	return json_pack("{s:I, s:o, s:o, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
	        (json_int_t)event->id, "at", json_time(event->at_ms), "changed",
	        json_time(event->changed_at_ms), "revision", (json_int_t)event->revision, "level",
	        event_level_name(event->level), "kind", json_text(event->kind), "subject",
	        json_text(event->subject), "who", json_text(event->who), "from", json_text(event->came_from),
	        "result", json_text(event->result), "detail", json_text(event->detail), "about",
	        about != NULL ? about : json_null());
}

json_t *
json_problems(const struct harvest *harvest)
{
	json_t *list = json_array();

	for (size_t i = 0; i < harvest->n_problems; i++) {
		const struct harvest_problem *problem = &harvest->problems[i];

		json_array_append_new(
		        list, json_pack("{s:o, s:i, s:i, s:o}", "file", json_text(problem->file), "line",
		                      (int)problem->line, "column", (int)problem->column, "text",
		                      json_text(problem->text)));
	}
	return list;
}
