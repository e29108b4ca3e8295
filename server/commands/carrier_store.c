/*
 * The carrier into the store of this process. The main thread reads; the store's threads hash and make durable, several
 * archives at once, so that all processors hash and the flushes overlap.
 */
#include "server/admin/auth.h"
#include "server/commands/carrier.h"
#include "storage/base/mailbox.h"
#include "storage/base/text.h"
#include "storage/intake.h"

#define STORE_WINDOW 64 /* archives being hashed and made durable at once */

struct store_carrier {
	struct carrier carrier;
	struct larder *larder;
	struct caller caller; /* for the audit */
	struct mailbox done;
};

/* One archive on its way; posted to the mailbox when the store has answered. */
struct parcel {
	struct letter letter;
	struct mailbox *home;
	struct intake *intake; /* NULL: it did not get so far */
	struct delivery delivery;
};

/* On a thread of the store. */
static void
committed(void *context, enum intake_result result, const struct err *err)
{
	static const enum gift_end ends[] = {
	        [INTAKE_STORED] = GIFT_STORED, [INTAKE_KNOWN] = GIFT_KNOWN, [INTAKE_REFUSED] = GIFT_REFUSED};
	struct parcel *parcel = context;

	parcel->delivery.end = ends[result];
	if (result == INTAKE_REFUSED)
		parcel->delivery.err = *err;
	mailbox_post(parcel->home, &parcel->letter);
}

/* On a thread of the store: the digests are known. */
static void
sealed(void *context, const struct digests *digests, const struct err *err)
{
	struct parcel *parcel = context;
	struct gift *gift = &parcel->delivery.gift;

	if (digests == NULL) {
		parcel->delivery.err = *err;
		mailbox_post(parcel->home, &parcel->letter);
		return;
	}
	gift->digests = *digests;
	gift->size_bytes = intake_size(parcel->intake);
	if (gift_agrees(gift->path, &gift->digests, &parcel->delivery.err))
		intake_commit(parcel->intake, committed, parcel);
	else
		mailbox_post(parcel->home, &parcel->letter);
}

static bool
append(void *context, const void *bytes, size_t length, struct err *err)
{
	return intake_append(context, bytes, length, err);
}

/* Reads the file into an intake. */
static bool
take_in(struct store_carrier *carrier, struct parcel *parcel, int fd, struct err *err)
{
	struct gift *gift = &parcel->delivery.gift;
	struct giving *giving = carrier->carrier.giving;
	struct intake_plan plan = {.expected_size = gift->size_bytes,
	        .max_size = giving->invocation->config->uploads.max_archive,
	        .came_from = gift->path,
	        .source = INTAKE_GIVEN,
	        .hashing = INTAKE_HASHES_BEHIND};

	parcel->intake = intake_open(carrier->larder->store, INTAKE_KEEP, &plan, err);
	return parcel->intake != NULL && giving_read(giving, fd, append, parcel->intake, err);
}

static void
send(struct carrier *base, struct gift *gift, int fd)
{
	struct store_carrier *carrier = (struct store_carrier *)(void *)base;
	struct parcel *parcel = xcalloc(1, sizeof *parcel);
	struct err err = ERR_NONE;
	AUTO_FD file = fd;

	*parcel = (struct parcel){.home = &carrier->done, .delivery = {.gift = *gift, .end = GIFT_REFUSED}};
	base->under_way++;
	if (take_in(carrier, parcel, file, &err)) {
		intake_seal(parcel->intake, sealed, parcel);
		return;
	}
	parcel->delivery.err = err;
	mailbox_post(parcel->home, &parcel->letter);
}

/* As the daemon notes what it is given; what the command gave up itself never was. */
static void
note(const struct store_carrier *carrier, const struct delivery *delivery)
{
	static const char *const words[] = {
	        [GIFT_STORED] = "stored", [GIFT_KNOWN] = "known", [GIFT_REFUSED] = "refused"};
	char subject[DIGEST_TEXT_MAX] = "-";
	struct digest digest;

	if (delivery->err.code == ERR_CANCELLED)
		return;
	if (digests_get(&delivery->gift.digests, DIGEST_SHA256, &digest))
		digest_text(&digest, subject);
	audit_note(carrier->larder, &carrier->caller,
	        &(struct audit){"upload", subject, words[delivery->end], delivery->err.text});
}

static bool
next(struct carrier *base, int64_t timeout_ms, struct delivery *ret)
{
	struct store_carrier *carrier = (struct store_carrier *)(void *)base;
	struct parcel *parcel = (struct parcel *)(void *)mailbox_take(&carrier->done, timeout_ms);

	if (parcel == NULL)
		return false;
	base->under_way--;
	*ret = parcel->delivery;
	note(carrier, ret);
	intake_close(parcel->intake);
	free(parcel);
	return true;
}

static void
close_carrier(struct carrier *base)
{
	struct store_carrier *carrier = (struct store_carrier *)(void *)base;

	mailbox_finish(&carrier->done);
	free(carrier);
}

struct carrier *
carrier_to_store(struct giving *giving, struct larder *larder)
{
	struct store_carrier *carrier = xcalloc(1, sizeof *carrier);

	carrier->carrier = (struct carrier){
	        .giving = giving, .window = STORE_WINDOW, .send = send, .next = next, .close = close_carrier};
	carrier->larder = larder;
	caller_of_process(&carrier->caller);
	mailbox_init(&carrier->done);
	return &carrier->carrier;
}
