/*
 * Whose certificates are believed, for every exchange with another server.
 */
#ifndef SERVER_UPSTREAM_TRUST_H
#define SERVER_UPSTREAM_TRUST_H

#include <curl/curl.h>

/* Those of this file (fetch.ca_file) and no others; "": those of the system. Not 0: libcurl has no memory for it. */
unsigned trust_file(CURL *easy, const char *ca_file);

#endif
