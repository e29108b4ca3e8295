/*
 * Posting one document to one URL, and waiting for the answer: for webhooks. Under the same policy as everything else that goes
 * out: public addresses alone unless the configuration opens more, whatever the name says; no redirects.
 */
#ifndef SERVER_UPSTREAM_POST_H
#define SERVER_UPSTREAM_POST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/config.h"
#include "server/upstream/policy.h"

#define POST_TIMEOUT_MS 30000       /* until the answer is complete */
#define POST_ANSWER_MAX (64u << 10) /* bytes of its body that are waited for; nobody reads them */

struct post {
	const char *url;
	const char *const *fields; /* "Name: value", the last one is NULL */
	const char *body;
	size_t length;
};

struct post_answer {
	int status;      /* 0: no answer came */
	char detail[96]; /* for people: "500", "connection refused" */
};

/*
 * On the caller's thread. is_stopped is asked every second or so and ends it. Borrows all. The answer's status is the caller's to
 * judge.
 */
void post_send(const struct config_fetch *limits, const struct policy *policy, const struct post *post,
        bool (*is_stopped)(void *context), void *context, struct post_answer *ret);

#endif
