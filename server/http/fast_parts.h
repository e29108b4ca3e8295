/*
 * What the parts of the fast path share: fast_path.c (those who are connected, and the loop's calls), fast_answer.c (sending) and
 * fast_miss.c (who waits for a flight). Nobody else includes this.
 */
#ifndef SERVER_HTTP_FAST_PARTS_H
#define SERVER_HTTP_FAST_PARTS_H

#include <pthread.h>
#include <sys/queue.h>

#include "server/archive/miss.h"
#include "server/http/access_log.h"
#include "server/http/connections.h"
#include "server/http/date.h"
#include "server/http/exchange.h"
#include "server/http/fast_path.h"
#include "server/http/head.h"
#include "server/http/lookahead.h"
#include "server/http/ready.h"

/* What the access log says of a request, once it is over. */
struct fast_entry {
	int64_t began_at_ms;
	char client[CLIENT_NAME_MAX], path[ACCESS_PATH_MAX], agent[ACCESS_AGENT_MAX];
	bool has_agent;
};

/* What is being sent to a client. */
struct fast_answer {
	struct ready *ready; /* NULL: nothing is */
	enum ready_end end;  /* of the connection, after it */
	bool is_slow;        /* not all of it could be sent at once */
	uint64_t sent;       /* bytes, of header and body */
};

/* A client for whom a flight fetches. */
struct fast_miss {
	struct miss miss;
	struct waiter waiter;
	struct fast_client *client;
	bool awaits;   /* parked, or woken and not heard yet: the flight is not asked meanwhile */
	bool is_woken; /* in the list of those who were; its lock guards this and the link */
	TAILQ_ENTRY(fast_miss) link;
};

struct fast_client {
	struct fast_path *fast;
	int fd;
	uint32_t watched; /* events that the worker's epoll set has him with; 0: he is not in it */
	bool has_turn;    /* in line for its next turn */
	bool has_more;    /* there may be bytes on the socket that nobody has looked at */
	bool is_ending;   /* the end of them was seen by epoll */
	bool lingers;     /* had his last answer: nothing is read but to be dropped */
	bool is_asking;   /* a request of his is being answered, and counted */
	struct connection *connection;
	struct lookahead ahead;
	/* of that request */
	enum request_method method;
	struct fast_entry *entry; /* NULL: there is no access log */
	struct fast_miss *miss;   /* NULL: no flight fetches what he asks for */
	const char *reason;       /* why it failed, for the access log; NULL: it did not */
	struct fast_answer answer;
	TAILQ_ENTRY(fast_client) link, turn;
};

TAILQ_HEAD(fast_clients, fast_client);
TAILQ_HEAD(fast_misses, fast_miss);

struct fast_path {
	struct exchange_setting *setting;
	struct worker *worker;
	struct fast_clients clients; /* all */
	struct fast_clients line;    /* whose turn was over before all was sent */
	size_t waiting;              /* in that line */
	struct http_now now;
	char bytes[HEAD_MAX]; /* of the request that is looked at */
	struct head_memory memory;
	bool is_rung;             /* the bell, since the woken had their turn */
	pthread_mutex_t mutex;    /* guards what follows; the last one of the lock order */
	struct fast_misses woken; /* by the fetcher's thread or one of the store's */
	size_t n_woken;
};

/* What was found on a client's socket. */
enum glance { GLANCE_NOTHING, GLANCE_ANSWER, GLANCE_AWAITS, GLANCE_OTHER, GLANCE_LEFT };
/* What came of sending. PUSH_AWAITS: a flight has no more of it yet. */
enum push { PUSH_DONE, PUSH_WAITS, PUSH_TURN_OVER, PUSH_AWAITS, PUSH_BROKEN };

/* --- fast_path.c --- */

/* A request of his has come; counted once, until it is over. */
void fast_client_asks(struct fast_client *client, const struct head *head);
/* His turn: answers until he has to be waited for, or others have to have theirs. He may be gone afterwards. */
void fast_client_serve(struct fast_client *client);

/* --- fast_answer.c --- */

/* The caller uses ready, and has told it the date. */
void fast_answer_begin(struct fast_answer *answer, struct ready *ready, enum ready_end end);
/* Bytes of the answer's body: none for HEAD. */
uint64_t fast_answer_body(const struct fast_client *client);
/* Sends what can be sent now, and not more than a turn's. */
enum push fast_answer_push(struct fast_client *client);

/* --- fast_miss.c --- */

/*
 * He asks for what is not stored; and again once he was woken. GLANCE_ANSWER: the caller uses *ret, whose body his flight has where *ret
 * has none. GLANCE_AWAITS: he will be woken. GLANCE_OTHER: libmicrohttpd is to answer.
 */
enum glance fast_miss_ask(struct fast_client *client, const struct head *head, struct ready **ret);
/* Between being told that he is to wait and being served again. */
bool fast_miss_awaits(const struct fast_client *client);
/* Leaves his flight, if there is one. */
void fast_miss_leave(struct fast_client *client);
/* Serves those who were woken; who is woken meanwhile has his turn the next time. */
void fast_miss_hear(struct fast_path *fast);

#endif
