/*
 * A document: what somebody blocks for in fetcher_document.
 */
#ifndef SERVER_UPSTREAM_ERRAND_DOCUMENT_H
#define SERVER_UPSTREAM_ERRAND_DOCUMENT_H

#include <pthread.h>
#include <stdbool.h>

#include "server/upstream/fetcher.h"

/* On the stack of the caller of fetcher_document. */
struct document {
	const struct fetch_document *wanted;
	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t ended;
	bool over;
	bool fetched;
	struct err err;
};

#endif
