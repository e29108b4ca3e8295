/*
 * Contacts become rows, on the index writer's thread and in company: what is remembered of the origin, the verdict, and, where
 * that changed, news. All of it in one transaction, so that no change is told twice or never.
 */
#include "storage/catalog/contact.h"

#include <stdlib.h>
#include <string.h>

#include "storage/base/clock.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog_parts.h"
#include "storage/catalog/site.h"
#include "storage/index/catalog_rows.h"
#include "storage/index/watch_rows.h"

/* A contact on its way to the writer; what came from outside is cut and escaped. */
struct noted {
	struct chore chore;
	struct catalog *catalog;
	struct contact contact; /* its texts are those below */
	int64_t at_ms;
	char *url;
	char detail[ORIGIN_DETAIL_MAX], etag[ORIGIN_TAG_MAX], modified[ORIGIN_TAG_MAX];
};

/* Rows as they were read, with texts of their own. */
struct origin_copies {
	struct origin_row *items;
	size_t count;
};

static void
keep_copy(void *context, const struct origin_row *row)
{
	struct origin_copies *copies = context;
	struct origin_row *copy;

	copies->items = xrealloc(copies->items, (copies->count + 1) * sizeof *copies->items);
	copy = &copies->items[copies->count++];
	*copy = *row;
	copy->url = xstrdup(row->url);
	copy->site = xstrdup(row->site);
	copy->etag = xstrdup(row->etag);
	copy->modified = xstrdup(row->modified);
}

static void
finish_copy(struct origin_row *copy)
{
	free((char *)copy->url);
	free((char *)copy->site);
	free((char *)copy->etag);
	free((char *)copy->modified);
}

static void
finish_copies(struct origin_copies *copies)
{
	for (size_t i = 0; i < copies->count; i++)
		finish_copy(&copies->items[i]);
	free(copies->items);
}

/* --- which rows --- */

/* Where something came from that is to be remembered. */
struct place {
	int64_t origin_id; /* 0: a mirror's URL, of the archive that has the digest asked for */
	const struct digest *asked;
	const char *url;
	int64_t at_ms;
};

/* The entry that a mirror's URL belongs to: one that has the digest, best one that is within no other. 0: none. */
static bool
find_entry(const struct place *place, struct writing *writing, int64_t *ret, struct err *err)
{
	struct entry_rows rows = {0};
	bool found = entry_rows_known(writing, place->asked, &rows, err);

	*ret = 0;
	for (size_t i = 0; i < rows.count; i++)
		if (*ret == 0 || rows.items[i].within == 0)
			*ret = rows.items[i].id;
	entry_rows_finish(&rows);
	return found;
}

static enum row_answer
find_mirror(const struct place *place, struct writing *writing, struct origin_copies *ret, struct err *err)
{
	struct origin_row row = {.url = place->url, .tried_at_ms = place->at_ms};
	enum row_answer answer;
	struct site site;

	if (!site_of(place->url, &site))
		return ROW_NONE;
	row.site = site.text;
	if (!find_entry(place, writing, &row.entry, err))
		return ROW_FAILED;
	if (row.entry == 0)
		return ROW_NONE;
	answer = origin_row_by_url(writing, row.entry, place->url, keep_copy, ret, err);
	if (answer != ROW_NONE)
		return answer;
	if (!origin_row_add_mirror(writing, &row, err))
		return ROW_FAILED;
	return origin_row_by_url(writing, row.entry, place->url, keep_copy, ret, err);
}

static enum row_answer
find_place(const struct place *place, struct writing *writing, struct origin_copies *ret, struct err *err)
{
	if (place->origin_id != 0)
		return origin_row_by_id(writing, place->origin_id, keep_copy, ret, err);
	return find_mirror(place, writing, ret, err);
}

/* Whom else of those that name the same URL an answer concerns. */
enum concern { CONCERNS_ALL, CONCERNS_LESSER, CONCERNS_NOBODY };

/*
 * That nothing is there is so for whichever archive the URL is asked; what is right for an archive is so for the entries
 * that list less of it; other bytes may be just what another entry names.
 */
static enum concern
concern_of(enum origin_result result)
{
	switch (result) {
	case ORIGIN_GONE:
	case ORIGIN_FAILED:
		return CONCERNS_ALL;
	case ORIGIN_SERVED:
	case ORIGIN_PRESENT:
		return CONCERNS_LESSER;
	case ORIGIN_UNTRIED:
	case ORIGIN_CHANGED:
		break;
	}
	return CONCERNS_NOBODY;
}

static bool
is_within(struct writing *writing, int64_t entry, int64_t greater, bool *ret, struct err *err)
{
	while (entry != 0 && entry != greater)
		if (!entry_row_within(writing, entry, &entry, err))
			return false;
	*ret = entry == greater;
	return true;
}

/* Of those behind the first only the ones whose entry is within the first one's. */
static bool
keep_lesser(struct writing *writing, struct origin_copies *copies, struct err *err)
{
	size_t kept = 1;

	for (size_t i = 1; i < copies->count; i++) {
		struct origin_row row = copies->items[i];
		bool within;

		if (!is_within(writing, row.entry, copies->items[0].entry, &within, err))
			return false;
		if (!within)
			continue;
		copies->items[i] = copies->items[kept]; /* so that each is still released once */
		copies->items[kept++] = row;
	}
	for (size_t i = kept; i < copies->count; i++)
		finish_copy(&copies->items[i]);
	copies->count = kept;
	return true;
}

static enum row_answer
find_rows(const struct noted *noted, struct writing *writing, struct origin_copies *ret, struct err *err)
{
	struct place place = {.origin_id = noted->contact.origin_id,
	        .asked = &noted->contact.asked,
	        .url = noted->url,
	        .at_ms = noted->at_ms};
	enum row_answer answer = find_place(&place, writing, ret, err);
	enum concern concern = concern_of(noted->contact.result);

	if (answer != ROW_FOUND || concern == CONCERNS_NOBODY)
		return answer;
	if (!origin_rows_alike(writing, &ret->items[0], keep_copy, ret, err))
		return ROW_FAILED;
	return concern == CONCERNS_ALL || keep_lesser(writing, ret, err) ? ROW_FOUND : ROW_FAILED;
}

/* --- what becomes of them --- */

static bool
is_good(enum origin_result result)
{
	return result == ORIGIN_SERVED || result == ORIGIN_PRESENT;
}

static void
hear_host(const struct noted *noted, const char *host)
{
	enum network_answer answer = NETWORK_SILENT;

	if (is_good(noted->contact.result))
		answer = NETWORK_GOOD;
	else if (noted->contact.status != 0 && noted->contact.status < 500)
		answer = NETWORK_ANSWERED;
	network_note(noted->catalog->network, host, answer, noted->at_ms);
}

/*
 * A catalog of one host has nobody who could vouch for the network. Where that host served before it is taken at its word when it says
 * that something is not there; with others to ask they decide, since a host may have a bad hour too.
 */
static bool
is_taken_at_its_word(
        const struct noted *noted, const char *host, struct writing *writing, bool *ret, struct err *err)
{
	struct host_facts facts = {0};

	if (noted->contact.own_word && !origin_rows_of_host(writing, host, &facts, err))
		return false;
	*ret = noted->contact.own_word && facts.alone && facts.served;
	return true;
}

/* Something good: it may be what clears up why the last failure did not count. */
static void
clear_up(struct catalog *catalog, const char *host, int64_t at_ms)
{
	if (catalog->trust == NETWORK_SUSPECTED &&
	        (strcmp(host, catalog->suspected_by) == 0 ||
	                network_trust(catalog->network, catalog->suspected_by, at_ms) == NETWORK_TRUSTED))
		catalog->trust = NETWORK_TRUSTED;
}

/* Whether a failure is held against the host, whose answer is noted for the others. */
static bool
judge_network(const struct noted *noted, const char *site, struct writing *writing, enum network_trust *ret,
        struct err *err)
{
	struct catalog *catalog = noted->catalog;
	bool word = false;
	char host[SITE_MAX];

	*ret = NETWORK_TRUSTED;
	if (noted->contact.result == ORIGIN_UNTRIED)
		return true;
	snprintf(host, sizeof host, "%.*s", (int)site_host_length(site), site);
	hear_host(noted, host);
	if (is_good(noted->contact.result)) {
		clear_up(catalog, host, noted->at_ms);
		return true;
	}
	*ret = network_trust(catalog->network, host, noted->at_ms);
	if (*ret == NETWORK_SUSPECTED && !is_taken_at_its_word(noted, host, writing, &word, err))
		return false;
	if (word)
		*ret = NETWORK_TRUSTED;
	if (*ret == NETWORK_SUSPECTED)
		snprintf(catalog->suspected_by, sizeof catalog->suspected_by, "%s", host);
	catalog->trust = *ret;
	return true;
}

/* Nobody said that a mirror has the archive: that it has not is no news, unless it had. */
static enum origin_age
age_of(const struct origin_row *row)
{
	return row->kind == ORIGIN_OF_MIRROR ? ORIGIN_PAST : row->age;
}

static bool
remember(const struct noted *noted, enum network_trust trust, struct origin_row *row, struct writing *writing,
        struct err *err)
{
	const struct contact *contact = &noted->contact;
	struct news_row news = {.origin = row->id, .at_ms = noted->at_ms, .was = row->memory.state};
	bool moved = verdict_contact(&row->memory, contact->result, trust, noted->at_ms);
	struct origin_row after = *row;

	after.result = contact->result;
	after.detail = noted->detail;
	after.tried_at_ms = noted->at_ms;
	after.took_ms = contact->took_ms;
	if (is_good(contact->result)) {
		after.etag = noted->etag;
		after.modified = noted->modified;
		after.length = contact->length;
	}
	if (!origin_row_remember(writing, &after, err))
		return false;
	news.is = after.memory.state;
	if (!moved || !verdict_is_news(news.was, news.is, age_of(row)))
		return true;
	return news_row_add(writing, &news, err);
}

static enum chore_result
run_contact(struct chore *chore, struct writing *writing, struct err *err)
{
	const struct noted *noted = (struct noted *)chore;
	struct origin_copies rows = {0};
	enum row_answer answer = find_rows(noted, writing, &rows, err);
	enum network_trust trust = NETWORK_SUSPECTED;
	bool done = answer != ROW_FAILED;

	if (answer == ROW_FOUND)
		done = judge_network(noted, rows.items[0].site, writing, &trust, err);
	for (size_t i = 0; done && i < rows.count; i++)
		done = remember(noted, trust, &rows.items[i], writing, err);
	finish_copies(&rows);
	return done ? CHORE_WRITTEN : CHORE_FAILED;
}

static void
contact_written(struct chore *chore, const struct err *err)
{
	struct noted *noted = (struct noted *)chore;

	if (err != NULL && err->code != ERR_STOPPING)
		log_warning("how an origin answered is not remembered: %s", err->text);
	free(noted->url);
	free(noted);
}

static void
copy_text(const char *text, char *ret, size_t size)
{
	text_escape(text != NULL ? text : "", ret, size);
}

void
catalog_contact(struct catalog *catalog, const struct contact *contact)
{
	struct writer *writer = index_writer(catalog->index);
	struct noted *noted;

	if (writer == NULL)
		return;
	noted = xcalloc(1, sizeof *noted);
	noted->chore = (struct chore){.kind = CHORE_LAZY, .run = run_contact, .done = contact_written};
	noted->catalog = catalog;
	noted->contact = *contact;
	noted->at_ms = contact->at_ms != 0 ? contact->at_ms : clock_wall_ms();
	noted->url = xstrdup(contact->url != NULL ? contact->url : "");
	copy_text(contact->detail, noted->detail, sizeof noted->detail);
	copy_text(contact->etag, noted->etag, sizeof noted->etag);
	copy_text(contact->modified, noted->modified, sizeof noted->modified);
	writer_post(writer, &noted->chore);
}

enum network_trust
catalog_network(struct catalog *catalog)
{
	return atomic_load(&catalog->trust);
}

/* --- other bytes --- */

struct drift_chore {
	struct chore chore;
	struct drift_seen seen; /* its texts are its own */
	int64_t at_ms;
};

static enum chore_result
run_drift(struct chore *chore, struct writing *writing, struct err *err)
{
	const struct drift_chore *noting = (struct drift_chore *)chore;
	const struct drift_seen *seen = &noting->seen;
	struct place place = {.origin_id = seen->origin_id,
	        .asked = &seen->asked,
	        .url = seen->url,
	        .at_ms = noting->at_ms};
	struct drift_row row = {.at_ms = noting->at_ms,
	        .size_bytes = seen->size_bytes,
	        .keeping = seen->keeping,
	        .look = seen->look,
	        .kind = seen->kind,
	        .detail = seen->detail};
	struct origin_copies rows = {0};
	enum row_answer answer = find_place(&place, writing, &rows, err);
	bool done = answer != ROW_FAILED;

	if (answer == ROW_FOUND) {
		row.origin = rows.items[0].id;
		memcpy(row.sha256, seen->sha256, sizeof row.sha256);
		done = drift_row_add(writing, &row, err);
	}
	finish_copies(&rows);
	return done ? CHORE_WRITTEN : CHORE_FAILED;
}

static void
drift_written(struct chore *chore, const struct err *err)
{
	struct drift_chore *noting = (struct drift_chore *)chore;

	if (err != NULL && err->code != ERR_STOPPING)
		log_warning("what an origin served instead of an archive is not remembered: %s", err->text);
	free((char *)noting->seen.url);
	free((char *)noting->seen.kind);
	free((char *)noting->seen.detail);
	free(noting);
}

void
catalog_drift_seen(struct catalog *catalog, const struct drift_seen *drift)
{
	struct writer *writer = index_writer(catalog->index);
	struct drift_chore *chore;

	if (writer == NULL)
		return;
	chore = xcalloc(1, sizeof *chore);
	chore->chore = (struct chore){.kind = CHORE_PROMPT, .run = run_drift, .done = drift_written};
	chore->at_ms = clock_wall_ms();
	chore->seen = *drift;
	chore->seen.url = xstrdup(drift->url != NULL ? drift->url : "");
	chore->seen.kind = xstrdup(drift->kind);
	chore->seen.detail = xstrdup(drift->detail);
	writer_post(writer, &chore->chore);
}
