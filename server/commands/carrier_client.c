/*
 * The carrier over HTTP: each gift is one PUT under its sha256, several at once. What fails for now (the server
 * has too much to do, the connection broke) rests and is sent again.
 *
 *   send ──→ SENT ──→ over ──→ next
 *             ↑↓
 *           resting                    Main thread.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/queue.h>

#include "server/commands/carrier.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"

#define CLIENT_WINDOW 8     /* uploads at once */
#define PAUSE_LAST_MS 30000 /* who asks for a longer one is not waited for */

/* Before each further try, unless the server asks for more. */
static const int64_t pauses_ms[] = {500, 1000, 2000, 4000};

struct parcel {
	TAILQ_ENTRY(parcel) link;
	struct delivery delivery;
	int fd;
	char *path, *came_from; /* of the request; came_from NULL: not told */
	size_t tries;
	int64_t not_before_ms; /* resting until */
};

TAILQ_HEAD(parcels, parcel);

struct client_carrier {
	struct carrier carrier;
	struct client *client;
	bool tells_paths;
	struct parcels resting, over;
};

static struct client_carrier *
mine(struct carrier *base)
{
	return (struct client_carrier *)(void *)base;
}

/* --- sending --- */

static char *
percent_encoded(const char *path)
{
	struct text encoded = TEXT_EMPTY;

	text_add_percent(&encoded, path);
	return text_take(&encoded);
}

static char *
path_of(const struct gift *gift)
{
	char hex[DIGEST_HEX_MAX];
	struct text path = TEXT_EMPTY;

	text_hex(gift->digests.sha256, sizeof gift->digests.sha256, hex);
	text_addf(&path, "/sha256/%.2s/%s", hex, hex);
	return text_take(&path);
}

static void
put(struct client_carrier *carrier, struct parcel *parcel)
{
	struct client_request request = {.method = "PUT",
	        .path = parcel->path,
	        .content_type = "application/octet-stream",
	        .came_from = parcel->came_from,
	        .body_fd = parcel->fd,
	        .body_size = parcel->delivery.gift.size_bytes,
	        .tag = parcel};

	parcel->tries++;
	client_send(carrier->client, &request);
}

static bool
is_hashed(const struct gift *gift)
{
	return gift->digests.known != 0;
}

static bool
hash(struct carrier *base, struct gift *gift, int fd, struct err *err)
{
	AUTO_FREE char *path = gift->path;

	return giving_hash(base->giving, path, fd, gift, err);
}

static void
send(struct carrier *base, struct gift *gift, int fd)
{
	struct client_carrier *carrier = mine(base);
	struct parcel *parcel = xcalloc(1, sizeof *parcel);
	struct delivery *delivery = &parcel->delivery;

	*parcel = (struct parcel){.delivery = {.gift = *gift, .end = GIFT_REFUSED}, .fd = fd};
	base->under_way++;
	if (!is_hashed(gift) && !hash(base, &delivery->gift, fd, &delivery->err)) {
		TAILQ_INSERT_TAIL(&carrier->over, parcel, link);
		return;
	}
	parcel->path = path_of(&delivery->gift);
	if (carrier->tells_paths)
		parcel->came_from = percent_encoded(delivery->gift.path);
	put(carrier, parcel);
}

/* --- what comes back --- */

/* It may be taken another time, and soon. */
static bool
may_be_tried_again(const struct client_carrier *carrier, const struct parcel *parcel, int64_t retry_after_ms)
{
	enum err_code code = parcel->delivery.err.code;

	return (code == ERR_OVERLOADED || code == ERR_TOO_MANY) && !carrier->carrier.giving->stopped &&
	       parcel->tries <= COUNT_OF(pauses_ms) && retry_after_ms <= PAUSE_LAST_MS;
}

static void
settle(struct client_carrier *carrier, const struct client_answer *answer)
{
	struct parcel *parcel = answer->tag;
	struct delivery *delivery = &parcel->delivery;
	int64_t retry_after_ms = answer->retry_after_ms;

	delivery->err = ERR_NONE;
	/* Who answers, and has others of ours in hand, is busy and will have time: that is no failed try. */
	if (answer->err.code == ERR_OK && client_under_way(carrier->client) > 0)
		parcel->tries--;
	if (client_answer_good(answer, &delivery->err)) {
		delivery->end = answer->status == 201 ? GIFT_STORED : GIFT_KNOWN;
		TAILQ_INSERT_TAIL(&carrier->over, parcel, link);
	} else if (may_be_tried_again(carrier, parcel, retry_after_ms)) {
		int64_t pause_ms = pauses_ms[parcel->tries > 0 ? parcel->tries - 1 : 0];

		parcel->not_before_ms = clock_ms() + (retry_after_ms > pause_ms ? retry_after_ms : pause_ms);
		TAILQ_INSERT_TAIL(&carrier->resting, parcel, link);
	} else {
		TAILQ_INSERT_TAIL(&carrier->over, parcel, link);
	}
}

/* Sends again what has rested; once all is stopped nothing rests any more. When the next one is due; -1: none rests. */
static int64_t
wake_resting(struct client_carrier *carrier)
{
	struct parcel *parcel = TAILQ_FIRST(&carrier->resting);
	int64_t now_ms = clock_ms(), due_ms = -1;

	while (parcel != NULL) {
		struct parcel *after = TAILQ_NEXT(parcel, link);

		if (carrier->carrier.giving->stopped) {
			TAILQ_REMOVE(&carrier->resting, parcel, link);
			TAILQ_INSERT_TAIL(&carrier->over, parcel, link);
		} else if (parcel->not_before_ms <= now_ms) {
			TAILQ_REMOVE(&carrier->resting, parcel, link);
			put(carrier, parcel);
		} else if (due_ms < 0 || parcel->not_before_ms < due_ms) {
			due_ms = parcel->not_before_ms;
		}
		parcel = after;
	}
	return due_ms;
}

/* A large archive on a slow line is seen to move. */
static void
show_sent(struct client_carrier *carrier)
{
	carrier->carrier.giving->progress.under_way = client_sent_bytes(carrier->client);
}

/* One round: waits for an answer, or for one that rests. */
static void
wait_a_while(struct client_carrier *carrier, int64_t until_ms)
{
	int64_t due_ms = wake_resting(carrier), now_ms = clock_ms(), wait_ms;
	struct client_answer answer;

	if (!TAILQ_EMPTY(&carrier->over))
		return;
	wait_ms = (due_ms >= 0 && due_ms < until_ms ? due_ms : until_ms) - now_ms;
	if (wait_ms < 0)
		wait_ms = 0;
	if (client_under_way(carrier->client) == 0) {
		if (due_ms >= 0 && wait_ms > 0)
			giving_pause(carrier->carrier.giving, wait_ms);
		return;
	}
	if (client_next(carrier->client, wait_ms, &answer)) {
		settle(carrier, &answer);
		client_answer_finish(&answer);
	}
	show_sent(carrier);
}

static bool
next(struct carrier *base, int64_t timeout_ms, struct delivery *ret)
{
	struct client_carrier *carrier = mine(base);
	int64_t until_ms = clock_ms() + timeout_ms;
	struct parcel *parcel;

	if (base->under_way == 0)
		return false;
	do
		wait_a_while(carrier, until_ms);
	while (TAILQ_EMPTY(&carrier->over) && clock_ms() < until_ms);
	parcel = TAILQ_FIRST(&carrier->over);
	if (parcel == NULL)
		return false;
	TAILQ_REMOVE(&carrier->over, parcel, link);
	base->under_way--;
	*ret = parcel->delivery;
	close(parcel->fd);
	free(parcel->path);
	free(parcel->came_from);
	free(parcel);
	return true;
}

/* While a file is read: what is under way goes on. */
static void
meanwhile(void *context)
{
	struct client_carrier *carrier = context;

	if (client_under_way(carrier->client) > 0)
		wait_a_while(carrier, 0);
}

static void
close_carrier(struct carrier *base)
{
	base->giving->meanwhile = NULL;
	free(base);
}

static struct carrier *
create(struct giving *giving, struct client *client)
{
	struct client_carrier *carrier = xcalloc(1, sizeof *carrier);

	carrier->carrier = (struct carrier){.giving = giving,
	        .window = CLIENT_WINDOW,
	        .send = send,
	        .next = next,
	        .close = close_carrier};
	carrier->client = client;
	TAILQ_INIT(&carrier->resting);
	TAILQ_INIT(&carrier->over);
	giving->meanwhile = meanwhile;
	giving->meanwhile_context = carrier;
	return &carrier->carrier;
}

struct carrier *
carrier_to_larder(struct giving *giving, struct client *client)
{
	return create(giving, client);
}

struct carrier *
carrier_to_daemon(struct giving *giving, struct client *client)
{
	struct carrier *carrier = create(giving, client);

	mine(carrier)->tells_paths = true;
	return carrier;
}
