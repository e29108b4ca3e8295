/*
 * Text. Any thread; values only, no state. Memory that cannot be had ends the process.
 */
#include "storage/base/text.h"

#include <endian.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "storage/base/clock.h"

void *
xrealloc(void *pointer, size_t size)
{
	void *result = realloc(pointer, size > 0 ? size : 1);

	if (result != NULL)
		return result;
	fputs("larder: out of memory; stopping\n", stderr);
	abort();
}

void *
xmalloc(size_t size)
{
	return xrealloc(NULL, size);
}

void *
xcalloc(size_t count, size_t size)
{
	void *result = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

	if (result != NULL)
		return result;
	return xrealloc(NULL, SIZE_MAX); /* says so and stops */
}

char *
xstrndup(const char *string, size_t length)
{
	char *copy = xmalloc(length + 1);

	memcpy(copy, string, length);
	copy[length] = '\0';
	return copy;
}

char *
xstrdup(const char *string)
{
	return xstrndup(string, strlen(string));
}

void
text_reserve(struct text *text, size_t more)
{
	size_t needed = text->length + more + 1;
	size_t capacity = text->capacity > 0 ? text->capacity : 64;

	if (needed <= text->capacity)
		return;
	while (capacity < needed)
		capacity *= 2;
	text->bytes = xrealloc(text->bytes, capacity);
	text->capacity = capacity;
}

void
text_add_bytes(struct text *text, const void *bytes, size_t length)
{
	text_reserve(text, length);
	if (length > 0)
		memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void
text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, strlen(string));
}

void
text_addf(struct text *text, const char *format, ...)
{
	va_list args, again;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length > 0) {
		text_reserve(text, (size_t)length);
		vsnprintf(text->bytes + text->length, (size_t)length + 1, format, again);
		text->length += (size_t)length;
	}
	va_end(again);
}

void
text_add_number(struct text *text, uint64_t number)
{
	char digits[TEXT_DECIMAL_MAX];
	size_t length;

	text_decimal(number, digits);
	length = strlen(digits);
	for (size_t i = 0; i < length; i++)
		text_addf(text, "%s%c", i > 0 && (length - i) % 3 == 0 ? "," : "", digits[i]);
}

void
text_clear(struct text *text)
{
	text->length = 0;
	if (text->bytes != NULL)
		text->bytes[0] = '\0';
}

char *
text_take(struct text *text)
{
	char *bytes = text->bytes != NULL ? text->bytes : xstrdup("");

	*text = TEXT_EMPTY;
	return bytes;
}

void
text_finish(struct text *text)
{
	free(text->bytes);
	*text = TEXT_EMPTY;
}

const char *
text_string(const struct text *text)
{
	return text->bytes != NULL ? text->bytes : "";
}

/* Decimal digits, then the rest; false when there is no digit or the number is past 2^63. */
static bool
parse_digits(const char *string, uint64_t *ret, const char **ret_rest)
{
	uint64_t value = 0;
	const char *at = string;

	for (; *at >= '0' && *at <= '9'; at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (value > (INT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	*ret_rest = at;
	return at != string;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static bool
parse_with_unit(const char *string, const struct unit *units, size_t n_units, uint64_t *ret)
{
	const char *rest;
	uint64_t value;

	if (!parse_digits(string, &value, &rest))
		return false;
	for (size_t i = 0; i < n_units; i++) {
		if (strcmp(rest, units[i].name) != 0)
			continue;
		if (value > INT64_MAX / units[i].factor)
			return false;
		*ret = value * units[i].factor;
		return true;
	}
	return false;
}

bool
text_parse_size(const char *string, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
	        {"", 1}, {"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1ULL << 40}};

	return parse_with_unit(string, units, COUNT_OF(units), ret_bytes);
}

bool
text_parse_duration(const char *string, int64_t *ret_ms)
{
	static const struct unit units[] = {
	        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	uint64_t ms;

	if (strcmp(string, "0") == 0) {
		*ret_ms = 0;
		return true;
	}
	if (!parse_with_unit(string, units, COUNT_OF(units), &ms))
		return false;
	*ret_ms = (int64_t)ms;
	return true;
}

bool
text_parse_number(const char *string, uint64_t *ret)
{
	const char *rest;
	uint64_t value;

	if (!parse_digits(string, &value, &rest) || *rest != '\0')
		return false;
	*ret = value;
	return true;
}

void
text_size(uint64_t bytes, char ret[TEXT_SIZE_MAX])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < COUNT_OF(units)) {
		value /= 1024;
		unit++;
	}
	snprintf(ret, TEXT_SIZE_MAX, unit > 0 && value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

/* The last count digits of a number and what comes behind them; the end. */
static char *
put_digits(char *at, unsigned number, int count, char behind)
{
	for (int i = count - 1; i >= 0; i--, number /= 10)
		at[i] = (char)('0' + number % 10);
	at[count] = behind;
	return at + count + 1;
}

/* Every line of the log has one: by hand it takes a tenth of what strftime does. */
void
text_time(int64_t wall_ms, char ret[TEXT_TIME_MAX])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm parts;
	char *at = ret;

	gmtime_r(&seconds, &parts);
	at = put_digits(at, (unsigned)parts.tm_year + 1900, 4, '-');
	at = put_digits(at, (unsigned)parts.tm_mon + 1, 2, '-');
	at = put_digits(at, (unsigned)parts.tm_mday, 2, 'T');
	at = put_digits(at, (unsigned)parts.tm_hour, 2, ':');
	at = put_digits(at, (unsigned)parts.tm_min, 2, ':');
	at = put_digits(at, (unsigned)parts.tm_sec, 2, '.');
	at = put_digits(at, (unsigned)(wall_ms % 1000), 3, 'Z');
	*at = '\0';
}

void
text_time_now(char ret[TEXT_TIME_MAX])
{
	text_time(clock_wall_ms(), ret);
}

void
text_decimal(uint64_t number, char ret[TEXT_DECIMAL_MAX])
{
	char digits[TEXT_DECIMAL_MAX], *at = digits + sizeof digits - 1;

	*at = '\0';
	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	memcpy(ret, at, (size_t)(digits + sizeof digits - at));
}

void
text_hex(const uint8_t *bytes, size_t length, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < length; i++) {
		*ret++ = digits[bytes[i] >> 4];
		*ret++ = digits[bytes[i] & 15];
	}
	*ret = '\0';
}

const char *
text_plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static inline int
hex_value(char c)
{
	unsigned digit = (unsigned)c - '0', letter = ((unsigned)c | 0x20) - 'a';

	if (digit < 10)
		return (int)digit;
	return letter < 6 ? (int)letter + 10 : -1;
}

int
text_hex_digit(char c)
{
	return hex_value(c);
}

#define EACH_BYTE(value) ((value)*0x0101010101010101u)

/*
 * Eight digits to four bytes at once, each in a byte of a word. A digit's value is its low four bits, and nine more for a letter, which has
 * bit 6; a value that is more than four bits, or is written in another way than it came, in lower case, was no digit's.
 */
static bool
unhex_word(const char *hex, uint8_t ret[4])
{
	uint64_t word, values, letters;
	uint32_t bytes;

	memcpy(&word, hex, sizeof word);
	word = le64toh(word);
	values = (word & EACH_BYTE(0x0f)) + 9 * (word >> 6 & EACH_BYTE(0x01));
	letters = (values + EACH_BYTE(6)) >> 4 & EACH_BYTE(0x01);
	if ((values & EACH_BYTE(0x10)) != 0 ||
	        (word | EACH_BYTE(0x20)) != values + EACH_BYTE('0') + letters * ('a' - 10 - '0') ||
	        ((word | word >> 1) & EACH_BYTE(0x20)) != EACH_BYTE(0x20))
		return false;
	values = (values << 4 | values >> 8) & 0x00ff00ff00ff00ffu;
	values = (values | values >> 8) & 0x0000ffff0000ffffu;
	bytes = htole32((uint32_t)(values | values >> 16));
	memcpy(ret, &bytes, sizeof bytes);
	return true;
}

bool
text_unhex(const char *hex, uint8_t *ret, size_t length)
{
	size_t done = 0;

	if (strnlen(hex, 2 * length + 1) != 2 * length)
		return false;
	for (; done + 4 <= length; done += 4)
		if (!unhex_word(hex + 2 * done, ret + done))
			return false;
	for (; done < length; done++) {
		int high = hex_value(hex[2 * done]), low = hex_value(hex[2 * done + 1]);

		if (high < 0 || low < 0)
			return false;
		ret[done] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void
text_copy(const char *string, char *ret, size_t size)
{
	size_t length = strnlen(string, size - 1);

	memcpy(ret, string, length);
	ret[length] = '\0';
}

bool
text_starts_with(const char *string, const char *prefix)
{
	return strncmp(string, prefix, strlen(prefix)) == 0;
}

bool
text_ends_with(const char *string, const char *suffix)
{
	size_t length = strlen(string), tail = strlen(suffix);

	return length >= tail && strcmp(string + length - tail, suffix) == 0;
}
