/*
 * What the catalog says of the bytes that came instead of an archive: its correction, or another archive altogether; with the lines that
 * a lockfile has to be changed by. The notifier's thread; reads the index only.
 */
#include <stdio.h>
#include <string.h>

#include "server/watch/changes.h"
#include "server/jobs/json.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/naming.h"

/* All digests of what came, as far as they are known. */
static bool
find_bytes(struct store *store, const struct change *change, struct digests *ret, struct err *err)
{
	struct digest sha256 = {.algo = DIGEST_SHA256};
	struct archive archive;

	*ret = (struct digests){0};
	if (!text_unhex(json_text_of(change->drift, "sha256"), sha256.bytes, digest_size(DIGEST_SHA256)))
		return true;
	digests_put(ret, &sha256);
	switch (store_has(store, ret, &archive, err)) {
	case STORE_HIT:
		*ret = archive.digests;
		return true;
	case STORE_MISS:
		return true;
	case STORE_FAILED:
		break;
	}
	return false;
}

static void
add_line(json_t *lines, char sign, const struct digest *digest)
{
	AUTO_TEXT line = TEXT_EMPTY;
	char hex[DIGEST_HEX_MAX];

	digest_hex(digest, hex);
	text_addf(&line, "%c \"%s=%s\"", sign, digest_algo_name(digest->algo), hex);
	json_array_append_new(lines, json_string(text_string(&line)));
}

/* Every digest that both have, the best first. */
static json_t *
write_lines(const struct digests *old, const struct digests *new)
{
	json_t *lines = json_array();

	for (int i = 0; i < DIGEST_ALGOS; i++) {
		struct digest gone, come;

		if (!digests_get(old, digests_best_first[i], &gone) ||
		        !digests_get(new, digests_best_first[i], &come))
			continue;
		add_line(lines, '-', &gone);
		add_line(lines, '+', &come);
	}
	return lines;
}

static void
write_naming(json_t *drift, const struct catalog_naming *naming)
{
	char since[TEXT_TIME_MAX];

	text_time(naming->since_ms, since);
	json_object_set_new(drift, "known", json_text(naming->package));
	json_object_set_new(drift, "known_from", json_text(naming->source));
	json_object_set_new(drift, "known_since", json_pack("s%", since, strcspn(since, "T")));
}

/* As it was noted when the bytes came, where they cannot be asked after any more. */
static bool
was_corrected(const struct change *change)
{
	const char *package = json_text_of(change->drift, "known");

	return *package != '\0' && strcmp(package, change->package) == 0;
}

bool
change_learn_known(struct store *store, struct change *change, struct err *err)
{
	const struct catalog_asked asked = {.digests = &change->digests, .url = change->url};
	struct catalog_naming naming;
	struct digests bytes;
	bool corrected = was_corrected(change);

	if (!find_bytes(store, change, &bytes, err))
		return false;
	switch (catalog_naming(store_catalog(store), &bytes, &asked, &naming, err)) {
	case ROW_FAILED:
		return false;
	case ROW_FOUND:
		write_naming(change->drift, &naming);
		digests_add(&bytes, &naming.digests); /* what else the source lists for them */
		corrected = naming.kin == NAMED_INSTEAD;
		break;
	case ROW_NONE:
		break;
	}
	json_object_del(change->drift, "lines");
	if (corrected)
		json_object_set_new(change->drift, "lines", write_lines(&change->digests, &bytes));
	return true;
}
