/*
 * Makes the list of URLs to ask. Called by the fetcher's thread with what it read from the catalog; must
 * never go out or read a disk.
 */
#include "server/upstream/origins.h"

#include <string.h>

#include "storage/base/text.h"

/*
 * The URL with the longest matching prefix replaced (the configuration has them longest first). The caller's.
 */
static char *
rewrite(const struct config *config, const char *url)
{
	struct text result = TEXT_EMPTY;

	for (size_t i = 0; i < config->n_rewrites; i++) {
		const struct config_rewrite *rule = &config->rewrites[i];

		if (text_starts_with(url, rule->from)) {
			text_addf(&result, "%s%s", rule->to, url + strlen(rule->from));
			return text_take(&result);
		}
	}
	return xstrdup(url);
}

static bool
is_listed(const struct origins *origins, const char *url)
{
	for (size_t i = 0; i < origins->count; i++)
		if (strcmp(origins->items[i].url, url) == 0)
			return true;
	return false;
}

static void
add(struct origins *origins, const struct config *config, const struct policy *policy, int64_t id,
        const char *url)
{
	AUTO_FREE char *rewritten = rewrite(config, url);
	struct origin *origin;

	if (is_listed(origins, rewritten))
		return;
	origins->items = xrealloc(origins->items, (origins->count + 1) * sizeof *origins->items);
	origin = &origins->items[origins->count++];
	*origin = (struct origin){.id = id, .url = xstrdup(rewritten)};
	origin->allowed = policy_url(policy, origin->url, &origin->place);
}

/* {algo}, {hash:2} and {hash} replaced. The caller's. */
static char *
fill_template(const char *template, const struct digest *digest)
{
	struct text url = TEXT_EMPTY;
	char hex[DIGEST_HEX_MAX];

	digest_hex(digest, hex);
	for (const char *at = template; *at != '\0';) {
		if (text_starts_with(at, "{algo}")) {
			text_add(&url, digest_algo_name(digest->algo));
			at += strlen("{algo}");
		} else if (text_starts_with(at, "{hash:2}")) {
			text_add_bytes(&url, hex, 2);
			at += strlen("{hash:2}");
		} else if (text_starts_with(at, "{hash}")) {
			text_add(&url, hex);
			at += strlen("{hash}");
		} else {
			text_add_bytes(&url, at++, 1);
		}
	}
	return text_take(&url);
}

static bool
serves_by(const struct config_mirror *mirror, enum digest_algo algo)
{
	for (size_t i = 0; i < mirror->n_digests; i++)
		if (mirror->digests[i] == algo)
			return true;
	return false;
}

/* The digest of this set that the mirror likes best. */
static bool
pick_digest(const struct config_mirror *mirror, const struct digests *set, struct digest *ret)
{
	for (size_t i = 0; i < mirror->n_digests; i++)
		if (digests_get(set, mirror->digests[i], ret))
			return true;
	return false;
}

/*
 * By the digest asked for where the mirror has that algorithm, else by one that the catalog lists together
 * with it.
 */
static void
add_mirror(struct origins *origins, const struct config *config, const struct policy *policy,
        const struct config_mirror *mirror, const struct origins_question *question)
{
	struct digest digest;

	if (serves_by(mirror, question->asked->algo)) {
		AUTO_FREE char *url = fill_template(mirror->url, question->asked);

		add(origins, config, policy, ORIGIN_MIRROR, url);
		return;
	}
	for (size_t i = 0; i < question->wanted->count; i++) {
		AUTO_FREE char *url = NULL;

		if (!pick_digest(mirror, &question->wanted->sets[i], &digest))
			continue;
		url = fill_template(mirror->url, &digest);
		add(origins, config, policy, ORIGIN_MIRROR, url);
	}
}

void
origins_gather(struct origins *ret, const struct config *config, const struct policy *policy,
        const struct origins_question *question)
{
	*ret = (struct origins){0};
	for (size_t i = 0; i < question->known->count; i++) {
		if (question->known->items[i].kind == ORIGIN_OF_MIRROR)
			continue; /* those that are configured now are asked */
		add(ret, config, policy, question->known->items[i].id, question->known->items[i].url);
	}
	for (size_t i = 0; i < config->n_mirrors; i++)
		add_mirror(ret, config, policy, &config->mirrors[i], question);
}

void
origins_gather_one(
        struct origins *ret, const struct config *config, const struct policy *policy, const char *url)
{
	*ret = (struct origins){0};
	add(ret, config, policy, ORIGIN_MIRROR, url);
}

void
origins_finish(struct origins *origins)
{
	for (size_t i = 0; i < origins->count; i++)
		free(origins->items[i].url);
	free(origins->items);
	*origins = (struct origins){0};
}
