/*
 * The Date of an answer (RFC 9110, sections 5.6.7 and 6.6.1).
 */
#ifndef SERVER_HTTP_DATE_H
#define SERVER_HTTP_DATE_H

#include <time.h>

#define HTTP_DATE_MAX sizeof "Sun, 06 Nov 1994 08:49:37 GMT"

/* "" for a moment that no calendar has. A pure function. */
void http_date(time_t moment, char ret[HTTP_DATE_MAX]);

#endif
