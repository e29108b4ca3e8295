/*
 * Any bytes as a harvest that somebody sends to POST /api/v1/catalog: what is read and written once more is
 * the same when it is read again.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "server/jobs/harvest_json.h"
#include "storage/base/auto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* NULL: it is none. ret_name and ret_form as harvest_json_read. */
static struct harvest *
read_bytes(const void *bytes, size_t size, enum source_form *ret_form, char **ret_name)
{
	AUTO_FD fd = memfd_create("harvest", MFD_CLOEXEC);
	struct harvest *harvest = harvest_create();
	struct err err = ERR_NONE;

	assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	if (harvest_json_read(fd, harvest, ret_form, ret_name, &err))
		return harvest;
	assert(err.code == ERR_SYNTAX);
	harvest_destroy(harvest);
	return NULL;
}

static void
check_same(const struct harvest *a, const struct harvest *b)
{
	assert(a->n_entries == b->n_entries && a->problems_in_all == b->problems_in_all);
	for (size_t i = 0; i < a->n_entries; i++) {
		const struct harvest_entry *one = &a->entries[i], *other = &b->entries[i];

		assert(memcmp(&one->digests, &other->digests, sizeof one->digests) == 0);
		assert(strcmp(one->package, other->package) == 0 && one->n_urls == other->n_urls);
		for (size_t n = 0; n < one->n_urls; n++)
			assert(strcmp(one->urls[n], other->urls[n]) == 0);
	}
}

static void
write_and_read_again(const struct harvest *harvest, enum source_form form, const char *name)
{
	AUTO_TEXT text = TEXT_EMPTY;
	json_t *asked = json_pack("{s:s, s:s}", "source", name, "form", source_form_name(form));
	enum source_form again_form;
	AUTO_FREE char *again_name = NULL;
	struct harvest *again;

	harvest_json_add(&text, harvest, asked);
	again = read_bytes(text_string(&text), text.length, &again_form, &again_name);
	assert(again != NULL && again_form == form && strcmp(again_name, name) == 0);
	check_same(harvest, again);
	harvest_destroy(again);
	json_decref(asked);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum source_form form;
	AUTO_FREE char *name = NULL;
	struct harvest *harvest = read_bytes(data, size, &form, &name);

	if (harvest == NULL)
		return 0;
	write_and_read_again(harvest, form, name);
	harvest_destroy(harvest);
	return 0;
}
