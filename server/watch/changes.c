/*
 * From the news of origins, as the catalog leaves them, to changes: those of one origin together, and how much each matters. The
 * notifier's thread; reads the index only. Must never forget which news a change was made of: with those it is told.
 */
#include "server/watch/changes.h"

#include <string.h>

#include "server/config.h"
#include "server/jobs/json.h"
#include "server/watch/came.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/site.h"
#include "storage/drift/drift.h"
#include "storage/index/watch_rows.h"

/* --- reading --- */

/* The row's word as one that lasts. */
static const char *
fixed_word(const char *kind)
{
	return drift_kind_name(drift_kind_find(kind));
}

/* What the drift row says, as events tell it. */
static json_t *
tell_drift(const struct drift_row *row)
{
	json_t *detail = json_loads(row->detail, 0, NULL);
	char hex[2 * sizeof row->sha256 + 1];
	json_t *drift;

	text_hex(row->sha256, sizeof row->sha256, hex);
	drift = json_pack("{s:s, s:s, s:s, s:I}", "kind", fixed_word(row->kind), "detail",
	        json_text_of(detail, "detail"), "sha256", hex, "size", (json_int_t)row->size_bytes);
	json_decref(detail);
	return drift;
}

enum cause_kind
cause_kind_of(enum origin_state is)
{
	switch (is) {
	case ORIGIN_IS_VANISHED:
		return CAUSE_VANISHED;
	case ORIGIN_IS_CHANGED:
		return CAUSE_CHANGED;
	case ORIGIN_IS_FAILING:
		return CAUSE_FAILING;
	case ORIGIN_IS_SERVING:
	case ORIGIN_IS_UNTRIED:
		break;
	}
	return CAUSE_BACK;
}

static struct change *
begin(struct changes *changes, const struct pending_row *row)
{
	struct change *change;

	if (changes->count == changes->capacity) {
		changes->capacity = changes->capacity > 0 ? 2 * changes->capacity : 64;
		changes->items = xrealloc(changes->items, changes->capacity * sizeof *changes->items);
	}
	change = &changes->items[changes->count++];
	*change = (struct change){
	        .origin = row->news.origin,
	        .first_news = changes->n_news,
	        .first_id = row->news.id,
	        .first_at_ms = row->news.at_ms,
	        .was = row->news.was,
	        .url = xstrdup(row->url),
	        .site = xstrdup(row->site),
	        .package = xstrdup(row->package),
	        .host_length = site_host_length(row->site),
	        .digests = row->digests,
	        .drift_kind = "",
	};
	if (row->digests.known != 0)
		digests_best_text(&row->digests, change->archive);
	return change;
}

static void
add_news(struct changes *changes, int64_t id)
{
	if (changes->n_news == changes->news_capacity) {
		changes->news_capacity = changes->news_capacity > 0 ? 2 * changes->news_capacity : 64;
		changes->news = xrealloc(changes->news, changes->news_capacity * sizeof *changes->news);
	}
	changes->news[changes->n_news++] = id;
}

static void
visit_news(void *context, const struct pending_row *row)
{
	struct changes *changes = context;
	struct change *change = changes->count > 0 ? &changes->items[changes->count - 1] : NULL;

	if (change == NULL || change->origin != row->news.origin)
		change = begin(changes, row);
	add_news(changes, row->news.id);
	change->n_news++;
	change->last_at_ms = row->news.at_ms;
	change->is = row->news.is;
	change->kind = cause_kind_of(row->news.is);
	change->since_ms = row->news.is == ORIGIN_IS_VANISHED ? row->gone_since_ms : row->failing_since_ms;
	if (change->kind != CAUSE_CHANGED || *row->drift.kind == '\0') {
		change->drift_kind = "";
		return;
	}
	change->drift_kind = fixed_word(row->drift.kind);
	if (change->drift != NULL)
		return;
	change->drift = tell_drift(&row->drift);
	came_noted(&row->drift, row->drift.detail, &change->came);
}

bool
changes_read(struct index *index, struct changes *ret, struct err *err)
{
	return news_rows_pending(index, visit_news, ret, err);
}

void
changes_finish(struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		free(changes->items[i].url);
		free(changes->items[i].site);
		free(changes->items[i].package);
		json_decref(changes->items[i].drift);
		json_decref(changes->items[i].hosts);
	}
	free(changes->items);
	free(changes->news);
	*changes = (struct changes){0};
}

void
group_add(struct group *group, struct change *change)
{
	group->items = xrealloc(group->items, (group->count + 1) * sizeof *group->items);
	group->items[group->count++] = change;
}

/* --- what they are called --- */

void
change_add_cause(const struct change *change, struct text *ret)
{
	text_add(ret, cause_kind_name(change->kind));
	if (*change->drift_kind != '\0')
		text_addf(ret, ": %s", change->drift_kind);
}

char *
change_place(const struct change *change, enum reach reach)
{
	return reach == REACH_HOST ? xstrndup(change->site, change->host_length) : xstrdup(change->site);
}

char *
change_what(const struct change *change, enum reach reach)
{
	AUTO_FREE char *place = change_place(change, reach);
	struct text what = TEXT_EMPTY;

	text_addf(&what, "%s ", place);
	change_add_cause(change, &what);
	if (reach == REACH_ARCHIVE)
		text_addf(&what, ": %s", change->archive);
	return text_take(&what);
}

/* --- judging --- */

/* A lockfile names the sha256 of what it had before; the catalog may know the archive by others. */
static void
learn_sha256(struct change *change, const struct archive *archive)
{
	struct digest sha256;

	if (change->kind == CAUSE_CHANGED && digests_get(&archive->digests, DIGEST_SHA256, &sha256))
		digests_put(&change->digests, &sha256);
}

static bool
find_stored(struct store *store, struct change *change, struct err *err)
{
	struct archive archive;

	switch (store_has(store, &change->digests, &archive, err)) {
	case STORE_HIT:
		change->stored = true;
		learn_sha256(change, &archive);
		return true;
	case STORE_MISS:
		change->stored = false;
		return true;
	case STORE_FAILED:
		break;
	}
	return false;
}

/* One of the same provider. */
static bool
is_named(const json_t *hosts, const char *host)
{
	char provider[SITE_MAX], other[SITE_MAX];

	site_provider(host, provider);
	for (size_t i = 0; i < json_array_size(hosts); i++) {
		site_provider(json_string_value(json_array_get(hosts, i)), other);
		if (strcmp(provider, other) == 0)
			return true;
	}
	return false;
}

/* Those that catalog_copies counts. */
static json_t *
name_hosts(const struct catalog_origins *origins)
{
	json_t *hosts = json_array();
	struct site site;

	for (size_t i = 0; i < origins->count && json_array_size(hosts) < CHANGE_HOSTS_MAX; i++)
		if (catalog_serves(&origins->items[i]) && site_of(origins->items[i].url, &site) &&
		        !is_named(hosts, site.host))
			json_array_append_new(hosts, json_text(site.host));
	return hosts;
}

static bool
mirror_serves_by(const struct config_mirror *mirror, const struct digests *digests)
{
	for (size_t i = 0; i < mirror->n_digests; i++)
		if (digests_bytes(digests, mirror->digests[i]) != NULL)
			return true;
	return false;
}

/* Whom a fetch would ask beside the origin that this is about, with any prospect. */
static size_t
count_left(const struct config *config, const struct change *change, const struct catalog_origins *origins)
{
	size_t left = 0;

	for (size_t i = 0; i < origins->count; i++) {
		const struct catalog_origin *origin = &origins->items[i];

		left += origin->kind == ORIGIN_NAMED && origin->memory.state != ORIGIN_IS_VANISHED &&
		        origin->memory.state != ORIGIN_IS_CHANGED && strcmp(origin->url, change->url) != 0;
	}
	for (size_t i = 0; config != NULL && i < config->n_mirrors; i++)
		left += mirror_serves_by(&config->mirrors[i], &change->digests);
	return left;
}

static enum event_level
level_of(const struct change *change)
{
	if (change->kind == CAUSE_BACK)
		return EVENT_INFO;
	if (!change->stored && change->copies == 0)
		return EVENT_URGENT;
	return change->stored && change->copies >= CHANGE_COPIES_MIN ? EVENT_INFO : EVENT_WARNING;
}

bool
change_judge(struct store *store, const struct config *config, struct change *change, struct err *err)
{
	struct catalog_origins origins;
	struct digest best;

	if (!find_stored(store, change, err) ||
	        (change->drift != NULL && !change_learn_known(store, change, err)))
		return false;
	best = digests_best(&change->digests);
	if (change->digests.known != 0) {
		if (!catalog_origins(store_catalog(store), &best, &origins, err))
			return false;
		change->copies = catalog_copies(&origins);
		json_decref(change->hosts);
		change->hosts = name_hosts(&origins);
		change->left = count_left(config, change, &origins);
		catalog_origins_finish(&origins);
	}
	change->level = level_of(change);
	return true;
}
