/*
 * What came, written down and read again. Any thread; reads the index and changes nothing.
 */
#include "server/watch/came.h"

#include <jansson.h>
#include <string.h>

#include "server/jobs/json.h"
#include "storage/base/text.h"

char *
came_note(const struct drift *drift, const struct digests *bytes)
{
	json_t *names = json_array(), *note;
	char *text;

	for (size_t i = 0; i < drift->n_named; i++) {
		AUTO_TEXT name = TEXT_EMPTY;

		text_addf(&name, "%s %s", drift_change_name(drift->files[i].change), drift->files[i].path);
		json_array_append_new(names, json_text(text_string(&name)));
	}
	note = json_pack("{s:o, s:o, s:o}", "detail", json_text(drift->detail), "names", names, "digests",
	        json_digests(bytes));
	text = json_dumps(note, JSON_COMPACT);
	json_decref(note);
	return text;
}

void
came_noted(const struct drift_row *row, const char *detail, struct digests *ret)
{
	struct digest sha256 = {.algo = DIGEST_SHA256};
	struct digests bytes = {0}, noted;
	json_t *note = json_loads(detail, 0, NULL);
	struct err err = ERR_NONE;

	memcpy(sha256.bytes, row->sha256, sizeof row->sha256);
	digests_put(&bytes, &sha256);
	/* An older note has none; a damaged one is of other bytes. */
	if (json_digests_read(json_object_get(note, "digests"), &noted, &err) &&
	        digests_satisfy(&noted, &bytes))
		bytes = noted;
	json_decref(note);
	*ret = bytes;
}

bool
came_complete(struct store *store, struct digests *bytes, struct err *err)
{
	struct archive archive;

	if (digests_count(bytes) == DIGEST_ALGOS)
		return true;
	switch (store_has(store, bytes, &archive, err)) {
	case STORE_HIT:
		*bytes = archive.digests;
		return true;
	case STORE_MISS: /* evicted or removed since, or never kept */
		return true;
	case STORE_FAILED:
		break;
	}
	return false;
}
