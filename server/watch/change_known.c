/*
 * What the catalog says of the bytes that came instead of an archive: its correction, or another archive altogether; with the lines that
 * a lockfile has to be changed by. The notifier's thread; reads the index only.
 */
#include <stdio.h>
#include <string.h>

#include "server/jobs/json.h"
#include "server/watch/came.h"
#include "server/watch/changes.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/naming.h"

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

/* What a lockfile has to say then: what came, and what else the source lists for it. */
static void
write_correction(struct change *change, const struct catalog_naming *naming)
{
	struct digests now = change->came;

	digests_add(&now, &naming->digests);
	json_object_set_new(change->drift, "lines", write_lines(&change->digests, &now));
}

bool
change_learn_known(struct store *store, struct change *change, struct err *err)
{
	const struct naming_place place = {
	        .url = change->url, .digests = &change->digests, .package = change->package};
	struct catalog_naming naming;

	if (!came_complete(store, &change->came, err))
		return false;
	json_object_del(change->drift, "lines");
	switch (catalog_naming(store_catalog(store), &change->came, &place, &naming, err)) {
	case ROW_FAILED:
		return false;
	case ROW_FOUND:
		write_naming(change->drift, &naming);
		if (naming.bond == NAMING_SUCCESSOR)
			write_correction(change, &naming);
		break;
	case ROW_NONE:
		break;
	}
	return true;
}
