/*
 * The access log. The worker's thread, at the end of a request; one write(2) a line, nothing at all where it
 * is switched off.
 */
#include "server/http/access_log.h"

#include <inttypes.h>
#include <stdio.h>

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

static void
format_text(const struct access_entry *entry, char ret[LOG_LINE_MAX])
{
	char when[TEXT_TIME_MAX], method[ACCESS_METHOD_MAX], path[ACCESS_PATH_MAX], agent[ACCESS_AGENT_MAX];

	text_time_now(when);
	text_escape(entry->method, method, sizeof method);
	text_escape(entry->path, path, sizeof path);
	text_escape(or_dash(entry->user_agent), agent, sizeof agent);
	for (char *at = agent; *at != '\0'; at++)
		if (*at == '"')
			*at = '\'';
	snprintf(ret, LOG_LINE_MAX, "%s access  %s %s %s %d %" PRIu64 " %" PRId64 "ms %s %s \"%s\"", when,
	        entry->client, method, path, entry->status, entry->body_bytes, entry->took_ms,
	        or_dash(access_cache_name(entry->cache)), or_dash(entry->reason), agent);
}

static void
format_json(const struct access_entry *entry, char ret[LOG_LINE_MAX])
{
	char when[TEXT_TIME_MAX], method[ACCESS_METHOD_MAX], path[ACCESS_PATH_MAX], agent[ACCESS_AGENT_MAX];

	text_time_now(when);
	text_json_escape(entry->method, method, sizeof method);
	text_json_escape(entry->path, path, sizeof path);
	text_json_escape(or_dash(entry->user_agent), agent, sizeof agent);
	snprintf(ret, LOG_LINE_MAX,
	        "{\"time\":\"%s\",\"level\":\"access\",\"client\":\"%s\",\"method\":\"%s\",\"path\":\"%s\","
	        "\"status\":%d,\"bytes\":%" PRIu64 ",\"ms\":%" PRId64
	        ",\"cache\":\"%s\",\"reason\":\"%s\",\"user_agent\":\"%s\"}",
	        when, entry->client, method, path, entry->status, entry->body_bytes, entry->took_ms,
	        or_dash(access_cache_name(entry->cache)), or_dash(entry->reason), agent);
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
access_log(const struct access_entry *entry)
{
	char line[LOG_LINE_MAX];

	access_format(entry, log_format_now(), line);
	log_raw(line);
}
