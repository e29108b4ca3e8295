/*
 * Reads a list: lines of `URL algo=hex [algo=hex ...] [package]`, words separated by blanks, # comments,
 * blank lines, LF or CRLF. A line that is wrong becomes a problem. One thread.
 */
#ifndef STORAGE_CATALOG_LIST_H
#define STORAGE_CATALOG_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/err.h"
#include "storage/catalog/harvest.h"

#define LIST_LINE_MAX 8192 /* bytes of one line, a longer one is skipped */

/* Piece by piece, so that a list of any length costs a line of memory. */
struct list_reader {
	struct harvest *harvest;
	const char *name;
	unsigned line;
	size_t length; /* of the line in hand; past LIST_LINE_MAX: too long */
	char bytes[LIST_LINE_MAX + 1];
};

void list_start(struct list_reader *reader, const char *name, struct harvest *harvest);
void list_feed(struct list_reader *reader, const char *bytes, size_t length);
void list_end(struct list_reader *reader); /* the last line may lack its newline */

/* An open file from where it stands; more than bytes_max is ERR_TOO_LARGE. */
bool list_read(
        int fd, uint64_t bytes_max, const char *name, struct harvest *harvest, struct err *err) MUST_CHECK;

#endif
