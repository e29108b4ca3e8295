/*
 * The access log. The worker's thread, at the end of a request and of a round of its loop; nothing at all where it is switched off.
 */
#include "server/http/access_log.h"

#include <string.h>

#include "storage/base/text.h"

const char *
access_cache_name(enum request_cache cache)
{
	switch (cache) {
	case CACHE_NONE:
		return NULL;
	case CACHE_HIT:
		return "HIT";
	case CACHE_MISS:
		return "MISS";
	}
	return NULL;
}

static const char *
or_dash(const char *string)
{
	return string != NULL ? string : "-";
}

/* What of an entry has to be written in another way. */
struct words {
	char when[TEXT_TIME_MAX], method[ACCESS_METHOD_MAX], path[ACCESS_PATH_MAX], agent[ACCESS_AGENT_MAX];
	char status[TEXT_DECIMAL_MAX], bytes[TEXT_DECIMAL_MAX], milliseconds[TEXT_DECIMAL_MAX];
};

typedef void escape_fn(const char *string, char *ret, size_t size);

static void
write_words(const struct access_entry *entry, escape_fn *escape, struct words *ret)
{
	text_time_now(ret->when);
	escape(entry->method, ret->method, sizeof ret->method);
	escape(entry->path, ret->path, sizeof ret->path);
	escape(or_dash(entry->user_agent), ret->agent, sizeof ret->agent);
	text_decimal((uint64_t)entry->status, ret->status);
	text_decimal(entry->body_bytes, ret->bytes);
	text_decimal(entry->took_ms > 0 ? (uint64_t)entry->took_ms : 0, ret->milliseconds);
}

/* One behind the other; what has no room is cut. A tenth of what printf takes, for each request. */
static void
join(const char *const *pieces, size_t count, char ret[LOG_LINE_MAX])
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(pieces[i]), room = LOG_LINE_MAX - 1 - used;

		if (length > room)
			length = room;
		memcpy(ret + used, pieces[i], length);
		used += length;
	}
	ret[used] = '\0';
}

static void
format_text(const struct access_entry *entry, char ret[LOG_LINE_MAX])
{
	struct words words;
	const char *const line[] = {words.when, " access  ", entry->client, " ", words.method, " ",
	        words.path, " ", words.status, " ", words.bytes, " ", words.milliseconds, "ms ",
	        or_dash(access_cache_name(entry->cache)), " ", or_dash(entry->reason), " \"", words.agent,
	        "\""};

	write_words(entry, text_escape, &words);
	for (char *at = words.agent; *at != '\0'; at++)
		if (*at == '"')
			*at = '\'';
	join(line, COUNT_OF(line), ret);
}

static void
format_json(const struct access_entry *entry, char ret[LOG_LINE_MAX])
{
	struct words words;
	const char *const line[] = {"{\"time\":\"", words.when, "\",\"level\":\"access\",\"client\":\"",
	        entry->client, "\",\"method\":\"", words.method, "\",\"path\":\"", words.path,
	        "\",\"status\":", words.status, ",\"bytes\":", words.bytes, ",\"ms\":", words.milliseconds,
	        ",\"cache\":\"", or_dash(access_cache_name(entry->cache)), "\",\"reason\":\"",
	        or_dash(entry->reason), "\",\"user_agent\":\"", words.agent, "\"}"};

	write_words(entry, text_json_escape, &words);
	join(line, COUNT_OF(line), ret);
}

void
access_format(const struct access_entry *entry, enum log_format format, char ret[LOG_LINE_MAX])
{
	switch (format) {
	case LOG_FORMAT_TEXT:
		format_text(entry, ret);
		break;
	case LOG_FORMAT_JSON:
		format_json(entry, ret);
		break;
	}
}

void
access_log_write(struct access_lines *lines)
{
	if (lines->length > 0)
		log_lines(lines->bytes, lines->length);
	lines->length = 0;
}

_Static_assert(LOG_LINE_MAX <= ACCESS_LINES_MAX, "every line has room");

void
access_log(struct access_lines *lines, const struct access_entry *entry)
{
	char line[LOG_LINE_MAX];
	size_t length;

	access_format(entry, log_format_now(), line);
	length = strlen(line) + 1;
	line[length - 1] = '\n';
	if (lines->length + length > sizeof lines->bytes)
		access_log_write(lines);
	memcpy(lines->bytes + lines->length, line, length);
	lines->length += length;
}
