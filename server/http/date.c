/*
 * The Date of an answer. Any thread; a pure function.
 */
#include "server/http/date.h"

void
http_date(time_t moment, char ret[HTTP_DATE_MAX])
{
	struct tm parts;

	if (gmtime_r(&moment, &parts) == NULL ||
	        strftime(ret, HTTP_DATE_MAX, "%a, %d %b %Y %H:%M:%S GMT", &parts) == 0)
		ret[0] = '\0';
}
