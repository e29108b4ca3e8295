/*
 * Text: a string that grows, units as people write them ("10s", "1MiB"), hexadecimal, escapes, times.
 */
#ifndef STORAGE_BASE_TEXT_H
#define STORAGE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/auto.h"

/*
 * A string that grows: start from TEXT_EMPTY, end with text_finish. bytes is always terminated, or NULL while
 * empty.
 */
struct text {
	char *bytes;
	size_t length;
	size_t capacity;
};

#define TEXT_EMPTY ((struct text){0})
#define AUTO_TEXT  __attribute__((cleanup(text_finish))) struct text

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const void *bytes, size_t length);
void text_addf(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
void text_add_number(struct text *text, uint64_t number); /* "6,896": for people */
void text_reserve(struct text *text, size_t more); /* room for so many bytes behind what it holds, and a 0 */
void text_clear(struct text *text);                /* empties it, keeps the memory */
char *text_take(
        struct text *text); /* the string, owned by the caller ("" when empty); the text is empty again */
void text_finish(struct text *text);              /* releases the memory */
const char *text_string(const struct text *text); /* never NULL */

/*
 * Memory that cannot be had ends the process with a message: larder's own structures are small and bounded.
 */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *pointer, size_t size);
char *xstrdup(const char *string);
char *xstrndup(const char *string, size_t length);

/*
 * "512", "64KiB", "1MiB", "4GiB", "2TiB" → bytes. "500ms", "10s", "5m", "1h", "30d" → milliseconds. A bare 0
 * is a duration.
 */
bool text_parse_size(const char *string, uint64_t *ret_bytes);
bool text_parse_duration(const char *string, int64_t *ret_ms);
bool text_parse_number(const char *string, uint64_t *ret); /* decimal digits alone, up to INT64_MAX */

/* What a noun behind this number ends with: "1 file", "2 files". */
const char *text_plural(uint64_t count);

#define TEXT_SIZE_MAX 24
#define TEXT_TIME_MAX 32
/* "4.1 KiB", "23 MiB": for people. */
void text_size(uint64_t bytes, char ret[TEXT_SIZE_MAX]);
/* RFC 3339 in UTC with milliseconds, of now or of milliseconds since 1970. */
void text_time_now(char ret[TEXT_TIME_MAX]);
void text_time(int64_t wall_ms, char ret[TEXT_TIME_MAX]);

#define TEXT_DECIMAL_MAX 24 /* bytes of a number's digits, with the terminator */
void text_decimal(uint64_t number, char ret[TEXT_DECIMAL_MAX]);
/* ret has room for 2 * length + 1. Lower case. */
void text_hex(const uint8_t *bytes, size_t length, char *ret);
/* The value of a hexadecimal digit in either case; -1: it is none. */
int text_hex_digit(char c);
/* Exactly length bytes of hexadecimal in either case, and nothing after them. */
bool text_unhex(const char *hex, uint8_t *ret, size_t length);

/*
 * Control characters, backslashes and what is no UTF-8 as \xNN; cut to fit, always terminated. For log lines
 * and messages.
 */
void text_escape(const char *string, char *ret, size_t size);
/*
 * The same but for backslashes, which stay: safe for a terminal, and what was escaped already is not escaped once
 * more. For sentences that pass through several hands.
 */
void text_printable(const char *string, char *ret, size_t size);
/* The inside of a JSON string; bytes that are no UTF-8 become U+FFFD. */
void text_json_escape(const char *string, char *ret, size_t size);
/* For HTML and XML: & < > " ' as entities. */
void text_add_html(struct text *text, const char *string);
/* %NN for all but letters, digits and -._~/, which stand in a URL as they are. */
void text_add_percent(struct text *text, const char *string);

/* The start of a string, as much as has room; what snprintf("%s") does, on ways that are gone often. */
void text_copy(const char *string, char *ret, size_t size);
bool text_starts_with(const char *string, const char *prefix);
bool text_ends_with(const char *string, const char *suffix);

#endif
