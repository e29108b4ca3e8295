/*
 * A table of hosts; one asked for again goes to its end, so that the first idle one is the one unused for longest. The patrol's thread.
 * Must never forget one that is in the batch.
 */
#include "server/watch/hosts.h"

#include <stdlib.h>
#include <string.h>

#include "storage/base/table.h"
#include "storage/base/text.h"

struct host {
	char *name;
	enum probe_kind kind;
	size_t queued, running;
	int64_t free_at_ms;                            /* clock_ms */
	int64_t rests_until_ms, put_off_ms, failed_ms; /* wall clock; 0: not */
	UT_hash_handle hh;
};

struct hosts {
	struct host *table;
	int64_t spacing_ms;
};

struct hosts *
hosts_create(int64_t spacing_ms)
{
	struct hosts *hosts = xcalloc(1, sizeof *hosts);

	hosts->spacing_ms = spacing_ms;
	return hosts;
}

static void
forget(struct hosts *hosts, struct host *host)
{
	HASH_DEL(hosts->table, host);
	free(host->name);
	free(host);
}

void
hosts_destroy(struct hosts *hosts)
{
	struct host *host, *next;

	if (hosts == NULL)
		return;
	HASH_ITER (hh, hosts->table, host, next)
		forget(hosts, host);
	free(hosts);
}

/* One that is in no batch; rather one that does not rest, since that is known elsewhere only after a restart. */
static void
make_room(struct hosts *hosts)
{
	struct host *host, *next, *resting = NULL;

	HASH_ITER (hh, hosts->table, host, next) {
		if (host->queued > 0 || host->running > 0)
			continue;
		if (host->rests_until_ms == 0) {
			forget(hosts, host);
			return;
		}
		if (resting == NULL)
			resting = host;
	}
	if (resting != NULL)
		forget(hosts, resting);
}

struct host *
hosts_get(struct hosts *hosts, const char *name, size_t length)
{
	struct host *host;

	HASH_FIND(hh, hosts->table, name, length, host);
	if (host != NULL) {
		HASH_DEL(hosts->table, host);
	} else {
		if (HASH_COUNT(hosts->table) >= HOSTS_MAX)
			make_room(hosts);
		host = xcalloc(1, sizeof *host);
		host->name = xstrndup(name, length);
		host->kind = PROBE_HEAD;
	}
	HASH_ADD_KEYPTR(hh, hosts->table, host->name, length, host);
	return host;
}

const char *
host_name(const struct host *host)
{
	return host->name;
}

enum probe_kind
host_kind(const struct host *host)
{
	return host->kind;
}

void
host_refused_head(struct host *host)
{
	host->kind = PROBE_RANGE;
}

void
host_queue(struct host *host)
{
	host->queued++;
}

void
host_leave(struct host *host)
{
	host->queued--;
}

size_t
host_queued(const struct host *host)
{
	return host->queued;
}

void
host_charge(struct hosts *hosts, struct host *host, int64_t now_ms)
{
	if (host->free_at_ms < now_ms + hosts->spacing_ms)
		host->free_at_ms = now_ms + hosts->spacing_ms;
}

int64_t
host_free_at(const struct host *host)
{
	return host->running > 0 ? INT64_MAX : host->free_at_ms;
}

void
host_begin(struct hosts *hosts, struct host *host, int64_t now_ms)
{
	host->running++;
	host->free_at_ms = now_ms + hosts->spacing_ms;
}

void
host_end(struct host *host)
{
	host->running--;
}

void
host_rest(struct host *host, int64_t until_wall_ms)
{
	if (until_wall_ms > host->rests_until_ms)
		host->rests_until_ms = until_wall_ms;
}

int64_t
host_rests_until(const struct host *host, int64_t now_wall_ms)
{
	if (host->rests_until_ms <= now_wall_ms || host->rests_until_ms > now_wall_ms + HOSTS_REST_MAX_MS)
		return 0;
	return host->rests_until_ms;
}

size_t
hosts_resting(const struct hosts *hosts, int64_t now_wall_ms)
{
	const struct host *host;
	size_t resting = 0;

	for (host = hosts->table; host != NULL; host = host->hh.next)
		resting += host_rests_until(host, now_wall_ms) != 0;
	return resting;
}

int64_t
host_put_off(struct hosts *hosts, struct host *host, int64_t not_before_wall_ms, int64_t now_wall_ms)
{
	/* The queue of the last batch, if the clock was not set back since. */
	if (host->put_off_ms < not_before_wall_ms || host->put_off_ms > now_wall_ms + HOSTS_REST_MAX_MS)
		host->put_off_ms = not_before_wall_ms;
	host->put_off_ms += hosts->spacing_ms > 0 ? hosts->spacing_ms : 1;
	return host->put_off_ms;
}

void
host_failed(struct host *host, int64_t now_wall_ms)
{
	host->failed_ms = now_wall_ms;
}

enum host_standing
host_standing(const struct host *host, int64_t now_wall_ms)
{
	bool lately = host->failed_ms != 0 && llabs(now_wall_ms - host->failed_ms) < HOSTS_SUSPECTED_MS;

	return lately ? HOST_SUSPECTED : HOST_IN_GOOD_STANDING;
}
