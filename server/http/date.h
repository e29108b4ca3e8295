/*
 * The Date of an answer (RFC 9110, sections 5.6.7 and 6.6.1).
 */
#ifndef SERVER_HTTP_DATE_H
#define SERVER_HTTP_DATE_H

#include <time.h>

#define HTTP_DATE_FIRST  "Thu, 01 Jan 1970 00:00:00 GMT" /* each is as long */
#define HTTP_DATE_MAX    sizeof HTTP_DATE_FIRST
#define HTTP_DATE_LENGTH (HTTP_DATE_MAX - 1)

/* The Date of a second. Start from HTTP_NOW_NONE. */
struct http_now {
	time_t second;
	char date[HTTP_DATE_MAX];
};

#define HTTP_NOW_NONE ((struct http_now){.second = -1, .date = HTTP_DATE_FIRST})

/* It is written once a second, however often it is asked for. */
void http_now_refresh(struct http_now *now);

#endif
