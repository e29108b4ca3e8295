/*
 * What to call the file of an archive, as in a repository of rescued archives: "rosa-0.2.0.tar.gz". Pure.
 */
#ifndef SERVER_WORK_ARCHIVE_NAME_H
#define SERVER_WORK_ARCHIVE_NAME_H

#include <stddef.h>

#include "storage/base/text.h"

struct archive_naming {
	const char *package; /* "rosa.0.2.0", or "" */
	const char *url;     /* where it was published; "": not known */
	const char *suffix;  /* tells it from another archive of the package; "" where there is none */
	const char *start;   /* its first bytes; NULL: not at hand */
	size_t n_start;
};
#define ARCHIVE_NAME_START 512 /* as many of them tell its form */

/*
 * Adds package-version and the extension of its form: that of the URL, unless the bytes are plainly of another one. A file
 * that is no archive keeps its own name behind that of the package. Letters that a file name should not have become _.
 */
void archive_name(const struct archive_naming *naming, struct text *ret);

#endif
