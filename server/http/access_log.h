/*
 * The access log: one line a request, soon after it is over. What comes from the client is escaped and capped.
 *
 *   text:  TIME access CLIENT METHOD PATH STATUS BYTES MS HIT|MISS|- REASON|- "USER AGENT"
 *   JSON:  {"time":…,"client":…,"method":…,"path":…,"status":…,"bytes":…,"ms":…,"cache":…,"reason":…,"user_agent":…}
 */
#ifndef SERVER_HTTP_ACCESS_LOG_H
#define SERVER_HTTP_ACCESS_LOG_H

#include <limits.h>
#include <stddef.h>

#include "server/http/request.h"
#include "storage/base/log.h"

#define ACCESS_METHOD_MAX 24  /* of the method */
#define ACCESS_PATH_MAX   512 /* bytes of the path in a line, escaped */
#define ACCESS_AGENT_MAX  256 /* of the user agent */

/* All strings are borrowed; method and path as they came. */
struct access_entry {
	const char *client, *method, *path;
	int status;
	uint64_t body_bytes;
	int64_t took_ms;
	enum request_cache cache;
	const char *reason, *user_agent; /* NULL: none */
};

/* The line without its newline. A pure function but for the time of day. */
void access_format(const struct access_entry *entry, enum log_format format, char ret[LOG_LINE_MAX]);

/*
 * Lines of one worker that are not written yet: a write(2) costs as much as half an answer, so those who were answered in one round of its
 * loop share one. As many as stay whole in a pipe, into which others write too. Start from nothing; its thread's alone.
 */
#define ACCESS_LINES_MAX PIPE_BUF /* bytes */

struct access_lines {
	size_t length;
	char bytes[ACCESS_LINES_MAX];
};

/* Adds the line in the log's format, and writes what has no room beside it. */
void access_log(struct access_lines *lines, const struct access_entry *entry);
/* Writes what was added. */
void access_log_write(struct access_lines *lines);

/* "HIT", "MISS"; NULL where the answer was neither. */
const char *access_cache_name(enum request_cache cache);

#endif
