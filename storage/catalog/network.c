/*
 * A table of hosts, walked as a whole when somebody asks: there are a few hundred of them.
 */
#include "storage/catalog/network.h"

#include <stdbool.h>
#include <string.h>

#include "storage/base/table.h"
#include "storage/base/text.h"

#define ANSWERS 3

struct heard {
	char *host;
	int64_t at_ms[ANSWERS]; /* by enum network_answer: the last time; 0: never */
	UT_hash_handle hh;
};

struct network {
	struct heard *hosts;
};

struct network *
network_create(void)
{
	return xcalloc(1, sizeof(struct network));
}

static void
forget(struct network *network, struct heard *heard)
{
	HASH_DEL(network->hosts, heard);
	free(heard->host);
	free(heard);
}

void
network_destroy(struct network *network)
{
	struct heard *heard, *next;

	if (network == NULL)
		return;
	HASH_ITER (hh, network->hosts, heard, next)
		forget(network, heard);
	free(network);
}

/* A host heard of again goes to the end: the first one in the table is the one heard of longest ago. */
static struct heard *
take(struct network *network, const char *host)
{
	struct heard *heard;

	HASH_FIND_STR(network->hosts, host, heard);
	if (heard != NULL) {
		HASH_DEL(network->hosts, heard);
	} else {
		heard = xcalloc(1, sizeof *heard);
		heard->host = xstrdup(host);
		if (HASH_COUNT(network->hosts) >= NETWORK_HOSTS_MAX)
			forget(network, network->hosts);
	}
	HASH_ADD_KEYPTR(hh, network->hosts, heard->host, strlen(heard->host), heard);
	return heard;
}

void
network_note(struct network *network, const char *host, enum network_answer answer, int64_t now_ms)
{
	take(network, host)->at_ms[answer] = now_ms;
}

/* A clock that was set back makes what is "later" old. */
static bool
is_recent(int64_t at_ms, int64_t now_ms)
{
	return at_ms != 0 && at_ms <= now_ms && now_ms - at_ms < NETWORK_WINDOW_MS;
}

/* Of the recent answers of a host the best. False: there was none. */
static bool
best_answer(const struct heard *heard, int64_t now_ms, enum network_answer *ret)
{
	for (int answer = NETWORK_GOOD; answer <= NETWORK_SILENT; answer++) {
		if (!is_recent(heard->at_ms[answer], now_ms))
			continue;
		*ret = (enum network_answer)answer;
		return true;
	}
	return false;
}

enum network_trust
network_trust(const struct network *network, const char *host, int64_t now_ms)
{
	unsigned hosts[ANSWERS] = {0}, in_all = 0, bad;
	const struct heard *heard;
	enum network_answer answer;

	for (heard = network->hosts; heard != NULL; heard = heard->hh.next) {
		if (strcmp(heard->host, host) == 0 || !best_answer(heard, now_ms, &answer))
			continue;
		hosts[answer]++;
		in_all++;
	}
	bad = hosts[NETWORK_ANSWERED] + hosts[NETWORK_SILENT];
	if (hosts[NETWORK_GOOD] == 0 || hosts[NETWORK_SILENT] * NETWORK_SHARE >= in_all ||
	        (bad >= NETWORK_PORTAL_MIN && bad * NETWORK_SHARE >= in_all))
		return NETWORK_SUSPECTED;
	return NETWORK_TRUSTED;
}
