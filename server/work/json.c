/*
 * JSON through jansson. Main thread.
 */
#include "server/work/json.h"

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

json_t *
json_time(int64_t wall_ms)
{
	char text[TEXT_TIME_MAX];

	if (wall_ms == 0)
		return json_null();
	text_time(wall_ms, text);
	return json_string(text);
}

json_t *
json_origin(const struct catalog_origin *origin)
{
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:I}", "url", json_text(origin->url), "outcome",
	        origin_result_name(origin->result), "detail",
	        json_text(origin->detail != NULL ? origin->detail : ""), "tried",
	        json_time(origin->tried_at_ms), "served", json_time(origin->served_at_ms), "failures",
	        (json_int_t)origin->failures);
}
