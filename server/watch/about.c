/*
 * The data of an event. Archives are found again by any of their digests; those beyond what is listed are remembered as long as this
 * lives, and counted for good.
 */
#include "server/watch/about.h"

#include <string.h>

#include <uthash.h>

#include "server/work/json.h"
#include "storage/base/text.h"
#include "storage/catalog/site.h"
#include "storage/index/event_rows.h"

struct met {
	struct digests digests; /* under all of which it was met */
	bool stored;
};

/* One digest of one of them. */
struct alias {
	char text[DIGEST_TEXT_MAX];
	size_t at; /* in met */
	UT_hash_handle hh;
};

struct about {
	json_t *data, *archives; /* the archives are those first met, in their order */
	struct met *met;
	size_t count, capacity;
	size_t hidden, hidden_stored; /* of an event that grows: counted, but not listed */
	struct alias *aliases;
};

static bool
find_digest(const struct about *about, const struct digest *digest, struct alias **ret)
{
	char text[DIGEST_TEXT_MAX];

	digest_text(digest, text);
	HASH_FIND_STR(about->aliases, text, *ret);
	return *ret != NULL;
}

static void
add_alias(struct about *about, const struct digest *digest, size_t at)
{
	struct alias *alias;

	if (find_digest(about, digest, &alias))
		return;
	alias = xcalloc(1, sizeof *alias);
	digest_text(digest, alias->text);
	alias->at = at;
	HASH_ADD_STR(about->aliases, text, alias);
}

/* The one that this is; their number where it is new. */
static size_t
find_met(const struct about *about, const struct digests *digests)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct alias *alias;
		struct digest digest;

		if (digests_get(digests, (enum digest_algo)algo, &digest) &&
		        find_digest(about, &digest, &alias) &&
		        digests_agree(&about->met[alias->at].digests, digests))
			return alias->at;
	}
	return about->count;
}

/* True: it is new. */
static bool
meet(struct about *about, const struct digests *digests, size_t *ret_at)
{
	size_t at = find_met(about, digests);
	bool is_new = at == about->count;

	if (is_new && about->count == about->capacity) {
		about->capacity = about->capacity > 0 ? 2 * about->capacity : 16;
		about->met = xrealloc(about->met, about->capacity * sizeof *about->met);
	}
	if (is_new)
		about->met[about->count++] = (struct met){0};
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;

		if (!digests_get(digests, (enum digest_algo)algo, &digest))
			continue;
		digests_put(&about->met[at].digests, &digest);
		add_alias(about, &digest, at);
	}
	*ret_at = at;
	return is_new;
}

/* What cannot be read any more is counted, and not listed. */
static void
take_up(struct about *about, const json_t *before)
{
	const json_t *archives = json_object_get(before, "archives");
	size_t stored = 0, at;

	for (size_t i = 0; i < json_array_size(archives); i++) {
		json_t *archive = json_array_get(archives, i);
		struct digests digests;
		struct err err;

		if (!json_digests_read(json_object_get(archive, "digests"), &digests, &err) ||
		        !meet(about, &digests, &at))
			continue;
		about->met[at].stored = json_flag_of(archive, "stored");
		stored += about->met[at].stored;
		json_array_append_new(about->archives, json_deep_copy(archive));
	}
	about->hidden = json_count_of(before, "count");
	about->hidden -= about->hidden < about->count ? about->hidden : about->count;
	about->hidden_stored = json_count_of(before, "stored");
	about->hidden_stored -= about->hidden_stored < stored ? about->hidden_stored : stored;
}

struct about *
about_create(const char *cause, const json_t *before)
{
	struct about *about = xcalloc(1, sizeof *about);

	about->archives = json_array();
	about->data = json_pack("{s:s, s:s, s:o, s:i, s:i, s:b, s:o}", "site", "", "scope", "", "cause",
	        json_text(cause), "count", 0, "stored", 0, "whole", 0, "archives", about->archives);
	if (before != NULL)
		take_up(about, before);
	return about;
}

static json_t *
describe(const struct about_archive *archive)
{
	json_t *object = json_pack("{s:o, s:o, s:o, s:b, s:I}", "package", json_text(archive->package),
	        "digests", json_digests(archive->digests), "url", json_text(archive->url), "stored",
	        archive->stored, "copies", (json_int_t)archive->copies);

	if (archive->drift != NULL)
		json_object_set_new(object, "drift", json_deep_copy(archive->drift));
	return object;
}

void
about_add(struct about *about, const struct about_archive *archive)
{
	size_t at;
	bool is_new = meet(about, archive->digests, &at);

	about->met[at].stored = archive->stored;
	if (at < json_array_size(about->archives))
		json_object_update_new(json_array_get(about->archives, at),
		        json_pack("{s:b, s:I}", "stored", archive->stored, "copies",
		                (json_int_t)archive->copies));
	else if (is_new && at == json_array_size(about->archives) && at < ABOUT_LISTED_MAX)
		json_array_append_new(about->archives, describe(archive));
}

static void
place_it(struct about *about, const struct about_place *place, size_t count)
{
	const char *url = json_text_of(json_array_get(about->archives, 0), "url");
	const char *scope = place->scope == ABOUT_HOST ? "host" : "site", *name = place->name;
	struct site site;

	if (count == 1) {
		scope = "archive";
		if (site_of(url, &site))
			name = site.text;
	}
	json_object_set_new(about->data, "scope", json_string(scope));
	json_object_set_new(about->data, "site", json_text(name));
	json_object_set_new(about->data, "whole", json_boolean(place->whole));
}

/* The last ones go until the index takes it. */
static void
fit(struct about *about)
{
	size_t length, listed = json_array_size(about->archives);

	for (length = json_dumpb(about->data, NULL, 0, JSON_COMPACT); length > EVENT_DATA_MAX && listed > 1;
	        length = json_dumpb(about->data, NULL, 0, JSON_COMPACT))
		for (size_t goes = listed / 16 + 1; goes > 0; goes--)
			json_array_remove(about->archives, --listed);
}

json_t *
about_finish(struct about *about, const struct about_place *place)
{
	size_t count = about->count + about->hidden, stored = about->hidden_stored;
	struct alias *alias, *next;
	json_t *data = about->data;

	for (size_t i = 0; i < about->count; i++)
		stored += about->met[i].stored;
	json_object_set_new(data, "count", json_integer((json_int_t)count));
	json_object_set_new(data, "stored", json_integer((json_int_t)stored));
	place_it(about, place, count);
	fit(about);
	HASH_ITER (hh, about->aliases, alias, next) {
		HASH_DEL(about->aliases, alias);
		free(alias);
	}
	free(about->met);
	free(about);
	return data;
}
