/*
 * Bodies in memory and in files of the spool. The worker's thread; a spooled piece is one write(2) into the page
 * cache, and only a clerk waits for the disk.
 */
#include "server/http/body.h"

#include <assert.h>

#include "server/http/desk.h"
#include "storage/catalog/source.h"
#include "storage/spool.h"

/* --- in memory --- */

static bool
text_begin(struct request *request, struct err *err)
{
	(void)err;
	request->body.max_bytes = BODY_TEXT_MAX;
	request->body.context = xcalloc(1, sizeof(struct text));
	return true;
}

static bool
text_append(struct request *request, const void *bytes, size_t length, struct err *err)
{
	struct text *text = request->body.context;

	if (!desk_hold_text(request->larder->desk, length, err))
		return false;
	text_add_bytes(text, bytes, length);
	return true;
}

static void
text_end(struct request *request)
{
	struct text *text = request->body.context;

	desk_release_text(request->larder->desk, text->length);
	text_finish(text);
	free(text);
}

const struct body_kind body_text = {text_begin, text_append, text_end};

const struct text *
body_text_of(const struct request *request)
{
	assert(request->body.kind == &body_text);
	return request->body.context;
}

/* --- in the spool --- */

/* Whose the file is. */
enum spooling { SPOOL_OURS, SPOOL_TAKEN };

struct spooled {
	int fd;
	enum spooling state;
	char name[SPOOL_NAME_MAX];
};

static bool
spool_begin(struct request *request, struct err *err)
{
	struct spooled *spooled = xcalloc(1, sizeof *spooled);

	request->body.max_bytes = SOURCE_BYTES_MAX;
	spooled->fd = spool_create(request->larder->store, spooled->name, err);
	if (spooled->fd < 0) {
		free(spooled);
		return false;
	}
	request->body.context = spooled;
	return true;
}

static bool
spool_append(struct request *request, const void *bytes, size_t length, struct err *err)
{
	const struct spooled *spooled = request->body.context;

	return spool_write(request->larder->store, spooled->fd, bytes, length, err);
}

static void
spool_end(struct request *request)
{
	struct spooled *spooled = request->body.context;

	if (spooled == NULL)
		return;
	close(spooled->fd);
	if (spooled->state == SPOOL_OURS)
		spool_remove(request->larder->store, spooled->name);
	free(spooled);
}

const struct body_kind body_spool = {spool_begin, spool_append, spool_end};

const char *
body_spool_take(struct request *request, struct err *err)
{
	struct spooled *spooled = request->body.context;

	assert(request->body.kind == &body_spool);
	if (!spool_sync(request->larder->store, spooled->fd, err))
		return NULL;
	spooled->state = SPOOL_TAKEN;
	return spooled->name;
}
