/*
 * The site of a URL: whose it is, as far as the URL tells. What vanishes together is of one site: an account of a forge
 * ("github.com/kodwx"), or a folder at the top of a host ("erratique.ch/software"). Pure.
 */
#ifndef STORAGE_CATALOG_SITE_H
#define STORAGE_CATALOG_SITE_H

#include <stdbool.h>
#include <stddef.h>

#define SITE_MAX 256 /* bytes of each with the terminator; what is longer is no site */

struct site {
	char host[SITE_MAX]; /* in lower case, with the port where it is not the scheme's own: "github.com" */
	char text[SITE_MAX]; /* the host and the first part of the path: "github.com/kodwx" */
};

/* Of an http or https URL. False: it is none, or one of these is too long; ret is then two empty strings. */
bool site_of(const char *url, struct site *ret);

/* How much of a site's text is its host. */
size_t site_host_length(const char *text);

/*
 * Who runs a host (or the host of a site's text), as well as its name tells: what is under one registered name, and the
 * names that belong together ("github.com" of "codeload.github.com" and of "x.github.io"). What is lost goes together;
 * in doubt two are one. An address is its own; the port does not matter.
 */
void site_provider(const char *host, char ret[SITE_MAX]);

#endif
