/*
 * The Date of an answer. The thread of who asks.
 */
#include "server/http/date.h"

void
http_now_refresh(struct http_now *now)
{
	time_t second = time(NULL);
	struct tm parts;

	if (second == now->second)
		return;
	now->second = second;
	if (gmtime_r(&second, &parts) != NULL)
		strftime(now->date, sizeof now->date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
}
