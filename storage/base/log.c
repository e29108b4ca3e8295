/*
 * The log. Any thread; holds no lock, since write(2) of one line keeps lines whole. Must never fail its
 * caller.
 */
#include "storage/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "storage/base/text.h"

static const char *const level_names[] = {"error", "warning", "info", "debug"};

/* The two globals the style allows: what a message needs to know before any part of larder exists. */
static _Atomic enum log_level level_now = LOG_LEVEL_INFO;
static _Atomic enum log_format format_now = LOG_FORMAT_TEXT;

void
log_configure(enum log_level level, enum log_format format)
{
	atomic_store(&level_now, level);
	atomic_store(&format_now, format);
}

bool
log_level_parse(const char *name, enum log_level *ret)
{
	for (size_t i = 0; i < COUNT_OF(level_names); i++) {
		if (strcmp(name, level_names[i]) != 0)
			continue;
		*ret = (enum log_level)i;
		return true;
	}
	return false;
}

bool
log_format_parse(const char *name, enum log_format *ret)
{
	if (strcmp(name, "text") != 0 && strcmp(name, "json") != 0)
		return false;
	*ret = strcmp(name, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
	return true;
}

enum log_format
log_format_now(void)
{
	return atomic_load_explicit(&format_now, memory_order_relaxed);
}

void
log_lines(const char *bytes, size_t length)
{
	ssize_t written;

	do
		written = write(STDERR_FILENO, bytes, length);
	while (written < 0 && errno == EINTR);
}

static void PRINTF_LIKE(2, 0) log_message(enum log_level level, const char *format, va_list args)
{
	char message[2048], escaped[3072], line[LOG_LINE_MAX + 1], when[TEXT_TIME_MAX];
	size_t length;

	if (level > atomic_load_explicit(&level_now, memory_order_relaxed))
		return;
	vsnprintf(message, sizeof message, format, args);
	text_time_now(when);
	if (log_format_now() == LOG_FORMAT_JSON) {
		text_json_escape(message, escaped, sizeof escaped);
		snprintf(line, LOG_LINE_MAX, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"%s\"}", when,
		        level_names[level], escaped);
	} else {
		text_escape(message, escaped, sizeof escaped);
		snprintf(line, LOG_LINE_MAX, "%s %-7s %s", when, level_names[level], escaped);
	}
	length = strlen(line);
	line[length++] = '\n'; /* its length goes along */
	log_lines(line, length);
}

#define LOG_AT(name, level)                                                                                  \
	void name(const char *format, ...)                                                                   \
	{                                                                                                    \
		va_list args;                                                                                \
                                                                                                             \
		va_start(args, format);                                                                      \
		log_message(level, format, args);                                                            \
		va_end(args);                                                                                \
	}

LOG_AT(log_error, LOG_LEVEL_ERROR)
LOG_AT(log_warning, LOG_LEVEL_WARNING)
LOG_AT(log_info, LOG_LEVEL_INFO)
LOG_AT(log_debug, LOG_LEVEL_DEBUG)
