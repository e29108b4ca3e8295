/*
 * Drift. Fetching threads hand over, the notifier's thread compares, keeps and notes. Must never keep more than it
 * may.
 */
#include "server/watch/drifts.h"

#include <stdatomic.h>
#include <string.h>

#include "server/watch/came.h"
#include "storage/base/log.h"
#include "storage/base/mailbox.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/site.h"
#include "storage/index/watch_rows.h"

#define NOTHING_TO_COMPARE "the archive itself is not stored, so nothing can be compared"
#define TOO_MANY           "too many others were being compared"

struct drifts {
	struct drifts_options options;
	struct mailbox mailbox; /* of struct taken */
	atomic_size_t waiting;
	atomic_bool stopping;
	uint64_t kept_bytes; /* the notifier's thread's; at least what is kept */
	bool counted;
};

/* Bytes that came instead. */
struct taken {
	struct letter letter;
	struct intake *intake;
	struct digest asked;
	int64_t origin_id;
	char *url;
};

struct drifts *
drifts_create(const struct drifts_options *options)
{
	struct drifts *drifts = xcalloc(1, sizeof *drifts);

	drifts->options = *options;
	mailbox_init(&drifts->mailbox);
	return drifts;
}

static void
taken_destroy(struct drifts *drifts, struct taken *taken)
{
	intake_close(taken->intake);
	free(taken->url);
	free(taken);
	atomic_fetch_sub(&drifts->waiting, 1);
}

static struct taken *
next_taken(struct drifts *drifts)
{
	return (struct taken *)mailbox_take(&drifts->mailbox, 0);
}

void
drifts_stop(struct drifts *drifts)
{
	if (drifts == NULL)
		return;
	atomic_store(&drifts->stopping, true);
	mailbox_close(&drifts->mailbox);
}

void
drifts_destroy(struct drifts *drifts)
{
	struct taken *taken;

	if (drifts == NULL)
		return;
	drifts_stop(drifts);
	for (taken = next_taken(drifts); taken != NULL; taken = next_taken(drifts))
		taken_destroy(drifts, taken);
	mailbox_finish(&drifts->mailbox);
	free(drifts);
}

/* --- noting --- */

static void
note(struct drifts *drifts, struct drift_seen *seen, const struct digests *bytes, const struct drift *drift)
{
	AUTO_FREE char *detail = came_note(drift, bytes);

	seen->kind = drift_kind_name(drift->kind);
	seen->detail = detail;
	catalog_drift_seen(store_catalog(drifts->options.store), seen);
}

static struct drift_seen
seen_of(const struct taken *taken, const struct digests *bytes)
{
	struct drift_seen seen = {.origin_id = taken->origin_id,
	        .asked = taken->asked,
	        .url = taken->url,
	        .size_bytes = intake_size(taken->intake),
	        .keeping = DRIFT_DROPPED,
	        .look = DRIFT_ALONE};

	memcpy(seen.sha256, bytes->sha256, sizeof seen.sha256);
	return seen;
}

/* --- taking --- */

static void
refuse(struct drifts *drifts, struct taken *taken)
{
	struct drift drift = {.kind = DRIFT_UNKNOWN, .detail = TOO_MANY};
	const struct digests *bytes = intake_found(taken->intake);
	struct drift_seen seen = seen_of(taken, bytes);

	metrics_add(drifts->options.metrics, METRIC_LIMIT_DRIFTS, 1);
	note(drifts, &seen, bytes, &drift);
	taken_destroy(drifts, taken);
}

void
drifts_take(struct drifts *drifts, const struct contact *contact, struct intake *intake)
{
	struct taken *taken = xcalloc(1, sizeof *taken);

	taken->intake = intake;
	taken->asked = contact->asked;
	taken->origin_id = contact->origin_id;
	taken->url = xstrdup(contact->url != NULL ? contact->url : "");
	if (atomic_fetch_add(&drifts->waiting, 1) >= DRIFT_WAITING_MAX) {
		refuse(drifts, taken);
		return;
	}
	if (!mailbox_post(&drifts->mailbox, &taken->letter)) {
		taken_destroy(drifts, taken);
		return;
	}
	if (drifts->options.wake != NULL)
		drifts->options.wake(drifts->options.context);
}

/* --- looking --- */

static bool
is_stopped(void *context)
{
	return atomic_load(&((struct drifts *)context)->stopping);
}

/* promised NULL: it is not stored. What came is then compared with itself, which tells whether it is an archive at all. */
static void
compare(struct drifts *drifts, const struct compare_file *promised, const struct compare_file *came,
        struct drift *ret)
{
	const struct compare_limits limits = COMPARE_LIMITS;
	const struct compare_stop stop = {.is_stopped = is_stopped, .context = drifts};

	drifts->options.compare(promised != NULL ? promised : came, came, &limits, &stop, ret);
	if (promised == NULL && ret->kind != DRIFT_NO_ARCHIVE)
		*ret = (struct drift){.kind = DRIFT_UNKNOWN, .detail = NOTHING_TO_COMPARE};
}

/* What came this way before was looked at then, or is when the archive is stored. */
static bool
is_known(struct drifts *drifts, const struct taken *taken, const struct digests *bytes)
{
	struct drift_source source = {.origin = taken->origin_id, .url = taken->url, .sha256 = bytes->sha256};
	struct err err = ERR_NONE;
	struct drift_row row;
	struct site site;

	if (!site_of(taken->url, &site))
		return false;
	source.site = site.text;
	switch (drift_row_known(store_index(drifts->options.store), &source, &row, &err)) {
	case ROW_FOUND:
		return row.look == DRIFT_COMPARED || row.keeping == DRIFT_KEPT;
	case ROW_FAILED:
		log_warning("whether %s served these bytes before is not known: %s", taken->url, err.text);
		break;
	case ROW_NONE:
		break;
	}
	return false;
}

static bool
count_kept(struct drifts *drifts)
{
	struct err err = ERR_NONE;

	drifts->counted = drift_rows_bytes(store_index(drifts->options.store), &drifts->kept_bytes, &err);
	if (!drifts->counted)
		log_warning("what origins served instead of archives is not kept: %s", err.text);
	return drifts->counted;
}

/* Counted anew where it seems to be too much: some of it may have been removed. */
static bool
fits(struct drifts *drifts, uint64_t size_bytes)
{
	if (drifts->counted && drifts->kept_bytes + size_bytes <= drifts->options.max_bytes)
		return true;
	if (!count_kept(drifts))
		return false;
	if (drifts->kept_bytes + size_bytes <= drifts->options.max_bytes)
		return true;
	metrics_add(drifts->options.metrics, METRIC_LIMIT_DRIFT_BYTES, 1);
	return false;
}

static void
look_for_page(void *context, const struct drift_row *row, const char *kind, const char *detail)
{
	bool *found = context;

	(void)detail;
	*found |= row->keeping == DRIFT_KEPT && drift_kind_find(kind) == DRIFT_NO_ARCHIVE;
}

/* A small one, and the first of its origin: of none that is not in the catalog. */
static bool
is_page_to_keep(struct drifts *drifts, const struct taken *taken)
{
	bool found = false;
	struct err err = ERR_NONE;

	if (intake_size(taken->intake) > DRIFT_PAGE_MAX || taken->origin_id == 0)
		return false;
	if (drift_rows_of(store_index(drifts->options.store), taken->origin_id, look_for_page, &found, &err))
		return !found;
	log_warning("the page that %s serves is not kept: %s", taken->url, err.text);
	return false;
}

static enum drift_keeping
keep(struct drifts *drifts, const struct taken *taken, const struct drift *drift)
{
	struct err err = ERR_NONE;

	if (drift->kind == DRIFT_NO_ARCHIVE && !is_page_to_keep(drifts, taken))
		return DRIFT_DROPPED;
	if (!fits(drifts, intake_size(taken->intake)))
		return DRIFT_DROPPED;
	switch (intake_commit_wait(taken->intake, &err)) {
	case INTAKE_STORED:
	case INTAKE_KNOWN:
		drifts->kept_bytes += intake_size(taken->intake);
		return DRIFT_KEPT;
	case INTAKE_REFUSED:
		log_info("what %s serves instead of the archive is not kept: %s", taken->url, err.text);
		break;
	}
	return DRIFT_DROPPED;
}

static void
say(const struct taken *taken, const struct drift_seen *seen, const struct drift *drift)
{
	char asked[DIGEST_TEXT_MAX];

	digest_text(&taken->asked, asked);
	log_info("%s serves other bytes than %s: %s%s%s; they are %s", taken->url, asked, seen->kind,
	        *drift->detail != '\0' ? ", " : "", drift->detail,
	        seen->keeping == DRIFT_KEPT ? "kept beside it" : "not kept");
}

/* The archive that was asked for; none: fd -1. */
static void
find_archive(struct drifts *drifts, const struct digest *digest, struct blob *ret)
{
	struct err err = ERR_NONE;

	*ret = BLOB_NONE;
	if (store_find(drifts->options.store, digest, ret, &err) == STORE_FAILED)
		log_warning("an archive cannot be compared with what an origin serves: %s", err.text);
}

/* A mirror was asked for what no source lists: nobody could be told what its bytes should have been, and no row counts them. */
static bool
is_of_nothing(struct drifts *drifts, const struct taken *taken)
{
	struct catalog_wanted wanted;
	struct err err = ERR_NONE;

	if (taken->origin_id != 0)
		return false;
	if (catalog_wanted(store_catalog(drifts->options.store), &taken->asked, &wanted, &err))
		return wanted.count == 0;
	log_warning("what %s serves is not looked at: %s", taken->url, err.text);
	return true;
}

static void
look_at(struct drifts *drifts, const struct taken *taken)
{
	struct digests bytes = *intake_found(taken->intake);
	struct drift_seen seen = seen_of(taken, &bytes);
	struct compare_file came = {.fd = intake_fd(taken->intake), .size_bytes = intake_size(taken->intake)};
	struct compare_file promised;
	AUTO_BLOB archive = BLOB_NONE;
	struct drift drift;

	if (is_of_nothing(drifts, taken) || is_known(drifts, taken, &bytes))
		return;
	find_archive(drifts, &taken->asked, &archive);
	promised = (struct compare_file){.fd = archive.fd, .size_bytes = archive.size_bytes};
	compare(drifts, archive.fd >= 0 ? &promised : NULL, &came, &drift);
	if (is_stopped(drifts))
		return; /* half a look is none */
	if (archive.fd >= 0 || drift.kind == DRIFT_NO_ARCHIVE)
		seen.look = DRIFT_COMPARED;
	seen.keeping = keep(drifts, taken, &drift);
	note(drifts, &seen, &bytes, &drift);
	say(taken, &seen, &drift);
}

/* --- what was kept while the archive was missing --- */

static bool
find_pair(struct drifts *drifts, const struct drift_row *row, const struct digests *listed,
        struct blob *ret_old, struct blob *ret_new)
{
	struct digest old, sha256 = {.algo = DIGEST_SHA256};
	struct archive archive;
	struct err err = ERR_NONE;

	memcpy(sha256.bytes, row->sha256, sizeof row->sha256);
	if (store_has(drifts->options.store, listed, &archive, &err) != STORE_HIT ||
	        !digests_get(&archive.digests, DIGEST_SHA256, &old))
		return false;
	find_archive(drifts, &old, ret_old);
	find_archive(drifts, &sha256, ret_new);
	return ret_old->fd >= 0 && ret_new->fd >= 0;
}

static void
look_again(struct drifts *drifts, const struct drift_row *row, const struct digests *listed)
{
	AUTO_BLOB old = BLOB_NONE, new = BLOB_NONE;
	struct compare_file promised, came;
	struct drift drift;
	struct drift_seen seen = {.origin_id = row->origin,
	        .url = "",
	        .size_bytes = row->size_bytes,
	        .keeping = DRIFT_KEPT,
	        .look = DRIFT_COMPARED};

	if (!find_pair(drifts, row, listed, &old, &new))
		return;
	promised = (struct compare_file){.fd = old.fd, .size_bytes = old.size_bytes};
	came = (struct compare_file){.fd = new.fd, .size_bytes = new.size_bytes};
	compare(drifts, &promised, &came, &drift);
	if (is_stopped(drifts))
		return;
	memcpy(seen.sha256, row->sha256, sizeof seen.sha256);
	note(drifts, &seen, &new.digests, &drift);
}

static void
compare_late(struct drifts *drifts)
{
	struct index *index = store_index(drifts->options.store);
	struct drift_row row = {0};
	struct digests listed;
	struct err err = ERR_NONE;
	enum row_answer answer = ROW_FOUND;

	while (answer == ROW_FOUND && !is_stopped(drifts)) {
		answer = drift_row_to_compare(index, row.id, &row, &listed, &err);
		if (answer == ROW_FOUND)
			look_again(drifts, &row, &listed);
	}
	if (answer == ROW_FAILED)
		log_warning("what origins served instead of archives is not compared: %s; the next try is in "
		            "a minute",
		        err.text);
}

void
drifts_turn(struct drifts *drifts)
{
	struct taken *taken;

	for (taken = next_taken(drifts); taken != NULL; taken = next_taken(drifts)) {
		if (!is_stopped(drifts))
			look_at(drifts, taken);
		taken_destroy(drifts, taken);
	}
	compare_late(drifts);
}
