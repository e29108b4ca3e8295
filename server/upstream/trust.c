/*
 * The system's certificates are a file and a directory to libcurl, and setting the one leaves the other. Any thread.
 */
#include "server/upstream/trust.h"

unsigned
trust_file(CURL *easy, const char *ca_file)
{
	if (ca_file[0] == '\0')
		return 0;
	return (unsigned)curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) |
	       (unsigned)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
}
