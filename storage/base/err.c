/*
 * The table of error codes, and the three ways to fill a struct err. Any thread; nothing here allocates or
 * logs.
 */
#include "storage/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int http_status;
	int exit_status;
	const char *reason;
} codes[] = {
#define ERR(name, http_status, exit_status, reason) {#name, http_status, exit_status, reason},
#include "storage/base/err.def"
#undef ERR
};

bool
err_set(struct err *err, enum err_code code, const char *format, ...)
{
	va_list args;

	err->code = code;
	va_start(args, format);
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	return false;
}

bool
err_errno(struct err *err, const char *format, ...)
{
	int cause = errno;
	va_list args;
	size_t length;

	err->code = cause == ENOSPC || cause == EDQUOT ? ERR_NO_SPACE : ERR_IO;
	va_start(args, format);
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	length = strlen(err->text);
	snprintf(err->text + length, sizeof err->text - length, ": %s", strerror(cause));
	errno = cause;
	return false;
}

bool
err_wrap(struct err *err, const char *format, ...)
{
	char inner[sizeof err->text];
	va_list args;
	size_t length;

	memcpy(inner, err->text, sizeof inner);
	va_start(args, format);
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	length = strlen(err->text);
	snprintf(err->text + length, sizeof err->text - length, ": %s", inner);
	return false;
}

int
err_http_status(enum err_code code)
{
	return codes[code].http_status;
}

int
err_exit_status(enum err_code code)
{
	return codes[code].exit_status;
}

const char *
err_reason(enum err_code code)
{
	return codes[code].reason;
}

const char *
err_name(enum err_code code)
{
	return codes[code].name;
}
