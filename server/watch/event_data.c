/*
 * The data of an event, gathered on the notifier's thread. Archives are found again by any of their digests; those beyond what is listed
 * are remembered as long as this lives, and counted for good. Must never be more than the index takes.
 */
#include "server/watch/event_data.h"

#include <string.h>

#include "server/jobs/json.h"
#include "storage/base/table.h"
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

struct event_data {
	json_t *json, *archives; /* the archives are those first met, in their order */
	struct met *met;
	size_t count, capacity;
	size_t hidden, hidden_stored; /* of an event that grows: counted, but not listed */
	struct alias *aliases;
};

static bool
find_digest(const struct event_data *data, const struct digest *digest, struct alias **ret)
{
	char text[DIGEST_TEXT_MAX];

	digest_text(digest, text);
	HASH_FIND_STR(data->aliases, text, *ret);
	return *ret != NULL;
}

static void
add_alias(struct event_data *data, const struct digest *digest, size_t at)
{
	struct alias *alias;

	if (find_digest(data, digest, &alias))
		return;
	alias = xcalloc(1, sizeof *alias);
	digest_text(digest, alias->text);
	alias->at = at;
	HASH_ADD_STR(data->aliases, text, alias);
}

/* The one that this is; their number where it is new. */
static size_t
find_met(const struct event_data *data, const struct digests *digests)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct alias *alias;
		struct digest digest;

		if (digests_get(digests, (enum digest_algo)algo, &digest) &&
		        find_digest(data, &digest, &alias) &&
		        digests_agree(&data->met[alias->at].digests, digests))
			return alias->at;
	}
	return data->count;
}

/* True: it is new. */
static bool
meet(struct event_data *data, const struct digests *digests, size_t *ret_at)
{
	size_t at = find_met(data, digests);
	bool is_new = at == data->count;

	if (is_new && data->count == data->capacity) {
		data->capacity = data->capacity > 0 ? 2 * data->capacity : 16;
		data->met = xrealloc(data->met, data->capacity * sizeof *data->met);
	}
	if (is_new)
		data->met[data->count++] = (struct met){0};
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;

		if (!digests_get(digests, (enum digest_algo)algo, &digest))
			continue;
		digests_put(&data->met[at].digests, &digest);
		add_alias(data, &digest, at);
	}
	*ret_at = at;
	return is_new;
}

/* What cannot be read any more is counted, and not listed. */
static void
take_up(struct event_data *data, const json_t *before)
{
	const json_t *archives = json_object_get(before, "archives");
	size_t stored = 0, at;

	for (size_t i = 0; i < json_array_size(archives); i++) {
		json_t *archive = json_array_get(archives, i);
		struct digests digests;
		struct err err;

		if (!json_digests_read(json_object_get(archive, "digests"), &digests, &err) ||
		        !meet(data, &digests, &at))
			continue;
		data->met[at].stored = json_flag_of(archive, "stored");
		stored += data->met[at].stored;
		json_array_append_new(data->archives, json_deep_copy(archive));
	}
	data->hidden = json_count_of(before, "count");
	data->hidden -= data->hidden < data->count ? data->hidden : data->count;
	data->hidden_stored = json_count_of(before, "stored");
	data->hidden_stored -= data->hidden_stored < stored ? data->hidden_stored : stored;
}

struct event_data *
event_data_create(const char *cause, const json_t *before)
{
	struct event_data *data = xcalloc(1, sizeof *data);

	data->archives = json_array();
	data->json = json_pack("{s:s, s:s, s:o, s:i, s:i, s:b, s:o}", "site", "", "scope", "", "cause",
	        json_text(cause), "count", 0, "stored", 0, "whole", 0, "archives", data->archives);
	if (before != NULL)
		take_up(data, before);
	return data;
}

static void
add_hosts(json_t *object, const struct event_archive *archive)
{
	json_object_set_new(
	        object, "hosts", archive->hosts != NULL ? json_deep_copy(archive->hosts) : json_array());
}

static json_t *
describe(const struct event_archive *archive)
{
	json_t *object = json_pack("{s:o, s:o, s:o, s:b, s:I, s:I}", "package", json_text(archive->package),
	        "digests", json_digests(archive->digests), "url", json_text(archive->url), "stored",
	        archive->stored, "copies", (json_int_t)archive->copies, "left", (json_int_t)archive->left);

	add_hosts(object, archive);
	if (archive->drift != NULL)
		json_object_set_new(object, "drift", json_deep_copy(archive->drift));
	return object;
}

static void
bring_up_to_date(json_t *object, const struct event_archive *archive)
{
	json_object_set_new(object, "stored", json_boolean(archive->stored));
	json_object_set_new(object, "copies", json_integer((json_int_t)archive->copies));
	json_object_set_new(object, "left", json_integer((json_int_t)archive->left));
	add_hosts(object, archive);
	if (archive->drift != NULL)
		json_object_set_new(object, "drift", json_deep_copy(archive->drift));
}

void
event_data_add(struct event_data *data, const struct event_archive *archive)
{
	size_t at;
	bool is_new = meet(data, archive->digests, &at);

	data->met[at].stored = archive->stored;
	if (at < json_array_size(data->archives))
		bring_up_to_date(json_array_get(data->archives, at), archive);
	else if (is_new && at == json_array_size(data->archives) && at < EVENT_DATA_LISTED_MAX)
		json_array_append_new(data->archives, describe(archive));
}

/* The site of all of them, where it is one and none is hidden. */
static bool
find_site(const struct event_data *data, size_t count, struct site *ret)
{
	size_t listed = json_array_size(data->archives);
	struct site site;

	for (size_t i = 0; i < listed; i++) {
		if (!site_of(json_text_of(json_array_get(data->archives, i), "url"), &site) ||
		        (i > 0 && strcmp(site.text, ret->text) != 0))
			return false;
		*ret = site;
	}
	return listed == count;
}

static void
write_place(struct event_data *data, const struct event_place *place, size_t count)
{
	const char *scope = place->scope == SCOPE_HOST ? "host" : "site", *name = place->name;
	struct site site;

	if (find_site(data, count, &site)) {
		scope = "site";
		name = site.text;
	}
	if (count == 1)
		scope = "archive";
	json_object_set_new(data->json, "scope", json_string(scope));
	json_object_set_new(data->json, "site", json_text(name));
	json_object_set_new(data->json, "whole", json_boolean(place->whole));
}

static void
write_counts(struct event_data *data, size_t count)
{
	size_t stored = data->hidden_stored;

	for (size_t i = 0; i < data->count; i++)
		stored += data->met[i].stored;
	json_object_set_new(data->json, "count", json_integer((json_int_t)count));
	json_object_set_new(data->json, "stored", json_integer((json_int_t)stored));
}

/* The last ones go until the index takes it. */
static void
fit(struct event_data *data)
{
	size_t listed = json_array_size(data->archives);

	while (listed > 1 && json_dumpb(data->json, NULL, 0, JSON_COMPACT) > EVENT_DATA_MAX)
		for (size_t goes = listed / 16 + 1; goes > 0; goes--)
			json_array_remove(data->archives, --listed);
}

json_t *
event_data_finish(struct event_data *data, const struct event_place *place)
{
	size_t count = data->count + data->hidden;
	struct alias *alias, *next;
	json_t *json = data->json;

	write_counts(data, count);
	write_place(data, place, count);
	fit(data);
	HASH_ITER (hh, data->aliases, alias, next) {
		HASH_DEL(data->aliases, alias);
		free(alias);
	}
	free(data->met);
	free(data);
	return json;
}
