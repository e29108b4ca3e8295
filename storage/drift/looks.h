/*
 * What bytes that are no archive look like, for people: an HTML page and its title, text and its first line,
 * nothing, an archive of a form larder does not read. A guess from the first bytes. Pure; any thread.
 */
#ifndef STORAGE_DRIFT_LOOKS_H
#define STORAGE_DRIFT_LOOKS_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/text.h"

#define LOOKS_BYTES 4096 /* of the start are enough */

enum looks {
	LOOKS_EMPTY,
	LOOKS_HTML,
	LOOKS_TEXT,
	LOOKS_BINARY,
	LOOKS_ARCHIVE /* 7-Zip and the like */
};

enum looks looks_of(const char *start, size_t length);
/* "an HTML page of 9.1 KiB: Not Found": adds it to the text, escaped and capped. */
void looks_describe(const char *start, size_t length, uint64_t size_bytes, struct text *text);

#endif
