/*
 * The log: one line a message on standard error, written with one write(2), so that lines of threads never
 * mix. What comes from outside is escaped and the line is capped. Commands, server/http and the tops of
 * threads log; storage/ returns errors instead, except for what it does by itself in the background.
 */
#ifndef STORAGE_BASE_LOG_H
#define STORAGE_BASE_LOG_H

#include <stdbool.h>

#include "storage/base/auto.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

#define LOG_LINE_MAX 4096 /* bytes of a line; the rest is cut */

/*
 * From the start, text at info. Call before threads start, or again on a reload; any thread may log
 * meanwhile.
 */
void log_configure(enum log_level level, enum log_format format);
bool log_level_parse(const char *name, enum log_level *ret);
bool log_format_parse(const char *name, enum log_format *ret);
enum log_format log_format_now(void);

void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);

/* Finished lines with their newlines, as the access log makes them, to the same place. In a pipe they stay whole up to PIPE_BUF bytes. */
void log_lines(const char *bytes, size_t length);

#endif
