/*
 * Verifying: every stored byte against its digest, and the index against the files; what is wrong is moved out
 * of the way, and with "repair" fetched again. The thread that works; others may store and remove meanwhile.
 */
#include <string.h>
#include <unistd.h>

#include "server/config.h"
#include "server/jobs/json.h"
#include "server/jobs/order.h"
#include "server/jobs/wants.h"
#include "server/jobs/work.h"
#include "storage/base/text.h"
#include "storage/index/index.h"

#define REPAIR_TICK_MS   200
#define RECOVERY_TICK_MS 100

/* Of an archive, no more than is needed here: there may be millions. */
struct stored {
	struct digests digests;
	uint64_t size_bytes;
};

struct verifying {
	struct work *work;
	struct stored *all; /* what the index says there is */
	size_t n_all, capacity;
	struct wants wrong; /* what was wrong, or gone */
	struct store_audit audit;
	uint64_t right, repaired;
	bool stopped;
};

static bool
remember(void *context, const struct archive *archive)
{
	struct verifying *verifying = context;

	if (verifying->n_all == verifying->capacity) {
		verifying->capacity = verifying->capacity * 2 + 256;
		verifying->all = xrealloc(verifying->all, verifying->capacity * sizeof verifying->all[0]);
	}
	verifying->all[verifying->n_all++] = (struct stored){archive->digests, archive->size_bytes};
	return true;
}

/* {"event": name, "digest": "sha256:<hex>"}, and what there is to say. */
static void
tell(struct verifying *verifying, const char *name, const struct digests *digests, const char *key,
        const char *said)
{
	char text[DIGEST_TEXT_MAX];
	json_t *event;

	digests_best_text(digests, text);
	event = json_pack("{s:s, s:s}", "event", name, "digest", text);
	if (key != NULL)
		json_object_set_new(event, key, json_text(said));
	verifying->work->tell(verifying->work, event);
}

/* Notes an archive that must be fetched again, and tells it. */
static void
note_wrong(struct verifying *verifying, const struct stored *archive, const char *what)
{
	tell(verifying, "wrong", &archive->digests, "what", what);
	wants_add_digests(&verifying->wrong, &archive->digests);
}

/* Whether the index names it still: somebody may have removed it meanwhile. */
static bool
is_named(struct verifying *verifying, const struct digest *digest, bool *ret, struct err *err)
{
	struct archive archive;
	enum store_answer answer = store_lookup(verifying->work->larder->store, digest, &archive, err);

	*ret = answer == STORE_HIT;
	return answer != STORE_FAILED;
}

static bool
prove(struct verifying *verifying, const struct stored *archive, struct blob *blob, struct err *err)
{
	if (store_prove_all(verifying->work->larder->store, blob, err)) {
		verifying->right++;
		return true;
	}
	if (err->code != ERR_MISMATCH)
		return false;
	*err = ERR_NONE;
	note_wrong(verifying, archive, "its bytes are not those of its digest; the file is in quarantine/");
	return true;
}

static bool
verify_one(struct verifying *verifying, const struct stored *archive, struct err *err)
{
	struct digest digest = digests_best(&archive->digests);
	AUTO_BLOB blob = BLOB_NONE;
	bool named;

	if (!is_named(verifying, &digest, &named, err))
		return false;
	if (!named)
		return true;
	switch (store_find(verifying->work->larder->store, &digest, &blob, err)) {
	case STORE_HIT:
		return prove(verifying, archive, &blob, err);
	case STORE_MISS:
		note_wrong(verifying, archive, "its file is gone, or was wrong and is in quarantine/");
		return true;
	case STORE_FAILED:
		return false;
	}
	return false;
}

static bool
is_stopped(void *context)
{
	struct work *work = context;

	return work->is_stopped(work);
}

static bool
check_index(struct verifying *verifying, struct err *err)
{
	struct work *work = verifying->work;

	if (index_check(store_index(work->larder->store), INDEX_CHECK_FULL, is_stopped, work, err))
		return true;
	verifying->stopped = err->code == ERR_CANCELLED;
	if (verifying->stopped)
		*err = ERR_NONE;
	return verifying->stopped;
}

/* Index and files may just be compared, which takes out of the index what is lost: it would be missed here. */
static void
wait_for_recovery(struct verifying *verifying)
{
	struct work *work = verifying->work;
	struct store_figures figures;

	for (;;) {
		store_figures(work->larder->store, &figures);
		verifying->stopped = verifying->stopped || work->is_stopped(work);
		if (!figures.recovering || verifying->stopped)
			return;
		usleep(RECOVERY_TICK_MS * 1000);
	}
}

/* What was lost before, and is not there again. */
static bool
note_lost(struct verifying *verifying, struct err *err)
{
	struct stored lost = {0};
	bool named;

	for (size_t i = 0; store_lost(verifying->work->larder->store, i, &lost.digests); i++) {
		struct digest digest = digests_best(&lost.digests);

		if (!is_named(verifying, &digest, &named, err))
			return false;
		if (!named)
			note_wrong(verifying, &lost,
			        "its file was gone or wrong when index and files were compared at the start");
	}
	return true;
}

static bool
verify_all(struct verifying *verifying, struct err *err)
{
	struct work *work = verifying->work;
	uint64_t bytes = 0;

	wait_for_recovery(verifying);
	if (!check_index(verifying, err) || !note_lost(verifying, err))
		return false;
	if (!verifying->stopped && !store_walk(work->larder->store, remember, verifying, err))
		return false;
	work->progress(work, "verified", 0, verifying->n_all, 0);
	for (size_t i = 0; i < verifying->n_all && !verifying->stopped; i++) {
		if (!verify_one(verifying, &verifying->all[i], err))
			return false;
		bytes += verifying->all[i].size_bytes;
		work->progress(work, "verified", i + 1, verifying->n_all, bytes);
		verifying->stopped = work->is_stopped(work);
	}
	return verifying->stopped || store_reconcile(work->larder->store, &verifying->audit, err);
}

/* --- repair --- */

static void
take_home(struct verifying *verifying, const struct order *order)
{
	if (order->state == ORDER_STORED) {
		verifying->repaired++;
		tell(verifying, "repaired", &order->want->digests, NULL, NULL);
		return;
	}
	if (order->err.code == ERR_STOPPING)
		verifying->stopped = true;
	tell(verifying, "lost", &order->want->digests, "why", order->err.text);
}

/* Fetches again what was wrong, as many at once as leave half of the flights to others. */
static void
repair(struct verifying *verifying)
{
	struct order *orders = xcalloc(verifying->wrong.count + 1, sizeof orders[0]);
	size_t window = (size_t)verifying->work->larder->config->limits.flights / 2 + 1, sent = 0;
	struct orders office;

	orders_init(&office, verifying->work->larder);
	while (!verifying->stopped) {
		const struct order *order;

		for (; sent < verifying->wrong.count && orders_under_way(&office) < window; sent++) {
			order_init(&orders[sent], &office, &verifying->wrong.items[sent]);
			order_send(&orders[sent]);
		}
		if (orders_under_way(&office) == 0)
			break;
		order = orders_next(&office, REPAIR_TICK_MS);
		if (order != NULL)
			take_home(verifying, order);
		verifying->stopped = verifying->stopped || verifying->work->is_stopped(verifying->work);
	}
	orders_abandon(&office, orders, sent);
	for (size_t i = 0; i < sent; i++)
		order_finish(&orders[i]);
	orders_finish(&office);
	free(orders);
}

/* --- the end --- */

static json_t *
result_of(const struct verifying *verifying)
{
	const struct store_audit *audit = &verifying->audit;
	json_t *wrong = json_array();

	for (size_t i = 0; i < verifying->wrong.count; i++)
		json_array_append_new(wrong, json_digests(&verifying->wrong.items[i].digests));
	return json_pack("{s:I, s:o, s:I, s:I, s:I, s:I, s:b}", "right", (json_int_t)verifying->right,
	        "wrong", wrong, "repaired", (json_int_t)verifying->repaired, "adopted",
	        (json_int_t)audit->adopted, "quarantined", (json_int_t)audit->quarantined, "rows_dropped",
	        (json_int_t)audit->rows_dropped, "stopped", (int)verifying->stopped);
}

json_t *
work_verify(struct work *work, struct err *err)
{
	struct verifying verifying = {.work = work};
	json_t *result = NULL;

	if (verify_all(&verifying, err)) {
		if (json_flag_of(work->asked, "repair") && !verifying.stopped)
			repair(&verifying);
		result = result_of(&verifying);
	}
	wants_finish(&verifying.wrong);
	free(verifying.all);
	return result;
}
