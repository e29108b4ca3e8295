/*
 * Inside of the client: one exchange, a request and its answer. Only client*.c include this.
 */
#ifndef SERVER_UPSTREAM_CLIENT_EXCHANGE_H
#define SERVER_UPSTREAM_CLIENT_EXCHANGE_H

#include <curl/curl.h>
#include <sys/queue.h>

#include "server/upstream/client.h"
#include "storage/base/text.h"

/* One request under way. In client.running until it is over, then in client.ended until somebody takes it. */
struct exchange {
	TAILQ_ENTRY(exchange) link;
	struct client *client;
	struct client_request request;
	CURL *easy;
	struct curl_slist *fields;
	struct text body; /* of the answer */
	uint64_t sent;
	bool answer_too_large;
	struct err file; /* the file to be sent could not be read */
	CURLcode end;
	char said[CURL_ERROR_SIZE]; /* by libcurl, about its end */
};

TAILQ_HEAD(exchanges, exchange);

struct client {
	CURLM *multi;
	char *base, *name;
	char *socket_path; /* NULL: none. May begin with /proc/self/fd, see socket_directory */
	int socket_directory;
	char *ca_file, *user_agent, *authorization;
	bool overheard;
	struct exchanges running, ended;
	size_t under_way;
};

/* Ready for the multi handle; in no list. */
struct exchange *exchange_open(struct client *client, const struct client_request *request);
/* What came of it, once end is set. */
void exchange_answer(struct exchange *exchange, struct client_answer *ret);
/* It is in no list and no multi handle any more. */
void exchange_close(struct exchange *exchange);

#endif
