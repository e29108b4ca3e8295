/*
 * A table by digest and URL. The fetcher's thread; must never block.
 */
#include "server/upstream/rests.h"

#include <string.h>

#include "storage/base/table.h"
#include "storage/base/text.h"

struct rest {
	char *key; /* "sha256:<hex> <url>" */
	enum rests_how how;
	int64_t until_ms;
	int64_t length_ms;
	UT_hash_handle hh;
};

struct rests {
	struct rest *items; /* in the order in which they were first added */
};

struct rests *
rests_create(void)
{
	return xcalloc(1, sizeof(struct rests));
}

static void
forget(struct rests *rests, struct rest *rest)
{
	HASH_DEL(rests->items, rest);
	free(rest->key);
	free(rest);
}

void
rests_destroy(struct rests *rests)
{
	if (rests == NULL)
		return;
	while (rests->items != NULL)
		forget(rests, rests->items);
	free(rests);
}

/* The caller's. */
static char *
make_key(const struct digest *digest, const char *url)
{
	struct text key = TEXT_EMPTY;
	char text[DIGEST_TEXT_MAX];

	digest_text(digest, text);
	text_addf(&key, "%s %s", text, url);
	return text_take(&key);
}

static struct rest *
find(struct rests *rests, const char *key)
{
	struct rest *rest;

	HASH_FIND_STR(rests->items, key, rest);
	return rest;
}

/* Whether and until when it rests in this way. */
static int64_t
until(struct rests *rests, const struct digest *digest, const char *url, enum rests_how how, int64_t now_ms)
{
	AUTO_FREE char *key = NULL;
	const struct rest *rest;

	if (rests->items == NULL)
		return 0;
	key = make_key(digest, url);
	rest = find(rests, key);
	return rest != NULL && rest->how == how && rest->until_ms > now_ms ? rest->until_ms : 0;
}

int64_t
rests_until(struct rests *rests, const struct digest *digest, const char *url, int64_t now_ms)
{
	return until(rests, digest, url, RESTS_UNASKED, now_ms);
}

bool
rests_is_last(struct rests *rests, const struct digest *digest, const char *url, int64_t now_ms)
{
	return until(rests, digest, url, RESTS_LAST, now_ms) != 0;
}

static struct rest *
add(struct rests *rests, const char *key)
{
	struct rest *rest = xcalloc(1, sizeof *rest);

	if (HASH_COUNT(rests->items) >= RESTS_MAX)
		forget(rests, rests->items);
	rest->key = xstrdup(key);
	HASH_ADD_KEYPTR(hh, rests->items, rest->key, strlen(rest->key), rest);
	return rest;
}

void
rests_add(
        struct rests *rests, const struct digest *digest, const char *url, enum rests_how how, int64_t now_ms)
{
	AUTO_FREE char *key = make_key(digest, url);
	struct rest *rest = find(rests, key);

	if (rest == NULL)
		rest = add(rests, key);
	rest->how = how;
	rest->length_ms = rest->length_ms == 0 ? RESTS_FIRST_MS : 2 * rest->length_ms;
	if (rest->length_ms > RESTS_LAST_MS)
		rest->length_ms = RESTS_LAST_MS;
	rest->until_ms = now_ms + rest->length_ms;
}

void
rests_remove(struct rests *rests, const struct digest *digest, const char *url)
{
	AUTO_FREE char *key = make_key(digest, url);
	struct rest *rest = find(rests, key);

	if (rest != NULL)
		forget(rests, rest);
}
