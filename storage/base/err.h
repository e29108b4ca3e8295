/*
 * What went wrong, in one value: a code that decides the HTTP and the exit status, and a sentence for a
 * person. A function that can fail takes a struct err * last and returns false (or NULL); the one who can act
 * on it logs it or answers with it, once.
 */
#ifndef STORAGE_BASE_ERR_H
#define STORAGE_BASE_ERR_H

#include <stdbool.h>

#include "storage/base/auto.h"

enum err_code {
#define ERR(name, http_status, exit_status, reason) ERR_##name,
#include "storage/base/err.def"
#undef ERR
};

struct err {
	enum err_code code;
	char text[240];
};

#define ERR_NONE ((struct err){.code = ERR_OK})

/* Sets code and text; longer text is cut. Always false, so that a function can `return err_set(…)`. */
bool err_set(struct err *err, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/*
 * Sets the text and ": " and the meaning of errno; the code is ERR_NO_SPACE for ENOSPC and EDQUOT, else
 * ERR_IO. errno stays as it is. False.
 */
bool err_errno(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Puts "format: " in front of the text, keeps the code. False. */
bool err_wrap(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Facts of the table err.def about a code. The reason is "" where the code has none. */
int err_http_status(enum err_code code);
int err_exit_status(enum err_code code);
const char *err_reason(enum err_code code);
const char *err_name(enum err_code code); /* "BAD_REQUEST" */

#endif
