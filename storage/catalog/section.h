/*
 * A section: the URLs and checksums that a source lists together for one archive, gathered one by one and
 * then added to the harvest as one entry. Every importer feeds one, so that what counts as a URL, as a digest
 * and as no archive is decided once. One thread.
 */
#ifndef STORAGE_CATALOG_SECTION_H
#define STORAGE_CATALOG_SECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/catalog/harvest.h"
#include "storage/catalog/place.h"

struct section {
	struct harvest *harvest;
	const char *file;
	struct place place;
	struct digests digests;
	const char *urls[HARVEST_URLS_MAX]; /* borrowed until section_end */
	size_t n_urls;
	size_t n_elsewhere;    /* git, hg, darcs, rsync and local sources */
	const char *elsewhere; /* the first of them that is a URL, borrowed as those are; or "" */
	bool wrong;            /* something named here was refused, with a problem */
};

void section_start(struct section *section, struct harvest *harvest, const char *file, struct place place);
/*
 * An http, https or ftp URL, without the #fragment that only version control has a use for (the string is cut
 * there); every other source is one that is no archive. What cannot be a URL becomes a problem.
 */
void section_url(struct section *section, char *url, size_t length, struct place place);
/* A source that is no archive, whatever it is. */
void section_elsewhere(struct section *section);
/*
 * "sha256=<hex>", or bare hex that is an md5; anything else becomes a problem, and so does a second value of
 * one algorithm.
 */
void section_checksum(struct section *section, const char *text, size_t length, struct place place);
/* Counts the section and, where it has a digest and a URL, adds an entry for each package ("" for none). */
void section_end(struct section *section, const char *const *packages, size_t n_packages);

/* Whether the text begins with http://, https:// or ftp:// in any case. */
bool section_is_web_url(const char *text);

#endif
