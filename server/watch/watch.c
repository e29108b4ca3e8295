/*
 * The parts of the watch and their order. Main thread only.
 */
#include "server/watch/watch.h"

#include "server/watch/feed.h"
#include "server/watch/webhook.h"
#include "storage/base/text.h"

struct watch *
watch_start(struct larder *larder, struct err *err)
{
	struct watch *watch = xcalloc(1, sizeof *watch);

	watch->feed = feed_create(larder);
	watch->webhooks = webhooks_start(larder, err);
	if (watch->webhooks != NULL)
		return watch;
	watch_destroy(watch);
	return NULL;
}

void
watch_stop(struct watch *watch)
{
	if (watch == NULL)
		return;
	webhooks_stop(watch->webhooks);
	watch->webhooks = NULL;
}

void
watch_destroy(struct watch *watch)
{
	if (watch == NULL)
		return;
	watch_stop(watch);
	feed_destroy(watch->feed);
	free(watch);
}
