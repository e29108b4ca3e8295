/*
 * What the patrol is made of, for its own files. The patrol's thread, except where a comment says otherwise.
 */
#ifndef SERVER_WATCH_PATROL_PARTS_H
#define SERVER_WATCH_PATROL_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "server/watch/hosts.h"
#include "server/watch/patrol.h"
#include "server/watch/schedule.h"
#include "storage/base/mailbox.h"
#include "storage/base/table.h"
#include "storage/catalog/site.h"
#include "storage/index/patrol_rows.h"
#include "storage/intake.h"
#include "storage/store.h"

/*
 * One origin in the batch.
 *
 *            asked               an answer             the right bytes of what is not stored
 *   WAITING ───────→ UNDER WAY ─────────→ (weighed) ──────────────────────────────→ COMMITTING
 *      ↑                                     │    └── told, or put off ──→ SETTLING ←────┘
 *      └─── has to be asked in another way ──┘                               └── planned: it leaves the batch
 */
enum asking_state { ASKING_WAITS, ASKING_UNDER_WAY, ASKING_COMMITS, ASKING_SETTLES };
enum asking_reason { ASKED_IN_TURN, ASKED_AS_WITNESS };

/*
 * Why all bytes of an archive are needed that is there: to know what they are, since what is told of it has moved; to have them,
 * since it is going away; or to see, from time to time, that what is told is true.
 */
enum need { NEED_NOTHING, NEED_PROOF, NEED_RESCUE, NEED_CHECK };

/* An answer, with room of its own. */
struct heard {
	enum origin_result result;
	int status;
	int64_t took_ms, length, rest_ms;
	bool doubtful, forbidden, own_word;
	char ended_at[SITE_MAX];
	char detail[ORIGIN_DETAIL_MAX], etag[ORIGIN_TAG_MAX], modified[ORIGIN_TAG_MAX];
	struct digests digests;
	struct intake *intake;
};

struct asking {
	struct chore chore; /* which plans it; first, since its letter carries answers too */
	struct patrol *patrol;
	TAILQ_ENTRY(asking) link;
	UT_hash_handle hh; /* by id */
	enum asking_state state;
	enum asking_reason reason;
	struct host *host; /* that is really asked for it, after rewriting */

	/* as its row was */
	int64_t id, length;
	char *url, *site;
	struct digests digests;
	struct digest name; /* the one of them that proves most */
	struct origin_memory memory;
	enum origin_result last_result;
	char etag[ORIGIN_TAG_MAX], modified[ORIGIN_TAG_MAX];

	enum probe_kind kind; /* the next probe, or the one under way */
	bool doubted;         /* HEAD was answered badly, and so a ranged GET is tried */
	enum need need;       /* why PROBE_WHOLE, where it is that */
	int64_t spent;        /* of the budget, for the probe under way */
	struct heard heard;   /* written by who answers, while UNDER WAY */
	struct heard head;    /* what HEAD was answered, where that is doubted */
	enum intake_result committed;
	struct err err; /* why it was not, or why it is not planned */

	/* for the index writer, while SETTLING */
	int64_t now_ms, plan_at_ms; /* plan_at_ms 0: as its contacts let it look */
};

TAILQ_HEAD(askings, asking);

struct patrol {
	struct patrol_options options;
	struct schedule schedule;
	pthread_t thread;
	bool started;
	atomic_bool stopping;
	struct mailbox mailbox; /* of answers, and of what is settled */
	struct letter stop;     /* wakes the thread */

	struct askings batch; /* in the order in which they are to be asked */
	struct asking *by_id; /* the same */
	size_t count;         /* of them */
	size_t under_way;     /* UNDER_WAY */
	size_t witnesses;     /* asked as such, and not heard yet */
	size_t whole;         /* PROBE_WHOLE under way: one at most */
	size_t outstanding;   /* UNDER_WAY, COMMITTING or SETTLING: a letter will come */
	struct hosts *hosts;
	struct budget budget;
	bool rests_loaded;
	bool failed;              /* something did, since witnesses were asked */
	int64_t vouched_ms;       /* when they were, by the wall clock; 0: never */
	int64_t trouble_until_ms; /* clock_ms */
	int64_t suspected_ms;     /* since when the network is suspected, clock_ms; 0: it is not */
	bool suspicion_told;
	bool news;          /* something changed since archives were counted */
	int64_t counted_ms; /* clock_ms; 0: never */

	pthread_mutex_t mutex; /* guards figures; a leaf */
	struct patrol_figures figures;
};

/* --- patrol.c --- */

/* Waits a while before anything is asked again. Logs why. */
void patrol_trouble(struct patrol *patrol, const struct err *err, struct moment now);

/* --- patrol_batch.c --- */

/* Brings in those that are due, as far as there is room, and witnesses where some are needed. */
void patrol_fill(struct patrol *patrol, struct moment now);
/* Asks those whose turn it is. */
void patrol_begin(struct patrol *patrol, struct moment now);
/* When one of the batch may be asked, by clock_ms; INT64_MAX: none waits. */
int64_t patrol_next_ms(const struct patrol *patrol);
/* It leaves the batch. */
void patrol_release(struct patrol *patrol, struct asking *asking);

/* --- patrol_answer.c --- */

/* The answer to a probe; any thread. context: the asking. */
probe_done_fn patrol_answered;
/* What came by mail: an answer, or that one is settled. */
void patrol_take_letter(struct patrol *patrol, struct letter *letter, struct moment now);
void patrol_take_letters(struct patrol *patrol, struct moment now);
/* It is not asked now, and nothing is held against it. */
void patrol_put_off(struct patrol *patrol, struct asking *asking, int64_t not_before_ms, struct moment now);
/* Drops what comes until nothing is outstanding. */
void patrol_drain(struct patrol *patrol);
/* There is no room in the budget: it is done without, or later. */
void patrol_lacks_budget(struct patrol *patrol, struct asking *asking, struct moment now);

/* --- patrol_weigh.c --- */

/* What an origin says of an archive without sending it. "" and -1: not said, not known. */
struct hints {
	const char *etag, *modified;
	int64_t length;
};
enum hints_answer {
	HINTS_AGREE,   /* something can be compared, and all of that is the same */
	HINTS_DIFFER,  /* something is different */
	HINTS_MISSING, /* nothing can be compared */
};
/* known: as of the last good contact; stored_bytes: the size of the archive in the store, -1: it is not there. Pure. */
enum hints_answer hints_compare(const struct hints *said, const struct hints *known, int64_t stored_bytes);

bool patrol_weigh(struct patrol *patrol, const struct asking *asking, struct moment now, enum need *ret,
        struct err *err) MUST_CHECK;
/* The size of the archive in the store; -1: it is not there. */
bool patrol_stored(
        struct patrol *patrol, const struct asking *asking, int64_t *ret_bytes, struct err *err) MUST_CHECK;

/* --- patrol_plan.c --- */

/* Plans what is not planned; false: there may be more. */
bool patrol_plan(struct patrol *patrol, struct moment now);
/* It is over: when it is asked next is written, behind what the catalog was told; then it leaves the batch. 0: as contacts say. */
void patrol_settle(struct patrol *patrol, struct asking *asking, int64_t plan_at_ms, struct moment now);
/* Origins that are not asked this time. */
struct later {
	int64_t id, at_ms;
};
bool patrol_plan_later(
        struct patrol *patrol, const struct later *items, size_t count, struct err *err) MUST_CHECK;
/* Remembers, over restarts, that a host rests. */
void patrol_remember_rest(struct patrol *patrol, const char *host, int64_t until_ms, struct moment now);

#endif
