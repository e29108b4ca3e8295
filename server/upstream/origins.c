/*
 * Makes the list of URLs to ask. Called by the fetcher's thread with what it read from the catalog; must
 * never go out or read a disk.
 */
#include "server/upstream/origins.h"

#include <string.h>

#include "storage/base/text.h"

/* With the longest matching prefix replaced: the configuration has them longest first. */
char *
origins_rewrite(const struct config *config, const char *url)
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

/* Makes the list; borrows both. */
struct gathering {
	struct origins *origins;
	const struct config *config;
	const struct policy *policy;
};

/* NULL: the URL was listed before. */
static struct origin *
add(const struct gathering *gathering, int64_t id, const struct digest *by, const char *named)
{
	struct origins *origins = gathering->origins;
	AUTO_FREE char *url = origins_rewrite(gathering->config, named);
	struct origin *origin;

	if (is_listed(origins, url))
		return NULL;
	origins->items = xrealloc(origins->items, (origins->count + 1) * sizeof *origins->items);
	origin = &origins->items[origins->count++];
	*origin = (struct origin){.id = id, .by = *by, .named = xstrdup(named), .url = xstrdup(url)};
	origin->allowed = policy_url(gathering->policy, origin->url, &origin->place);
	return origin;
}

static void
add_named(const struct gathering *gathering, const struct digest *asked, const struct catalog_origin *known)
{
	struct origin *origin = add(gathering, known->id, asked, known->url);

	if (origin != NULL)
		origin->promised = known->digests;
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

/* Counts in used what the mirror was given of its share. */
static void
add_by_digest(const struct gathering *gathering, const struct config_mirror *mirror,
        const struct digest *digest, size_t *used)
{
	AUTO_FREE char *url = fill_template(mirror->url, digest);
	struct origin *origin;

	if (*used == ORIGINS_OF_MIRROR_MAX) {
		gathering->origins->left_out++;
		return;
	}
	origin = add(gathering, ORIGIN_MIRROR, digest, url);
	if (origin == NULL)
		return;
	digests_put(&origin->promised, digest);
	(*used)++;
}

/*
 * By the digest asked for where the mirror has that algorithm, then by those that the catalog lists together with
 * it, as the mirror likes them best: who was given an archive under one of its names may not know the others.
 */
static void
add_mirror(const struct gathering *gathering, const struct config_mirror *mirror,
        const struct origins_question *question)
{
	struct digest digest;
	size_t used = 0;

	if (serves_by(mirror, question->asked->algo))
		add_by_digest(gathering, mirror, question->asked, &used);
	for (size_t i = 0; i < mirror->n_digests; i++) {
		if (mirror->digests[i] == question->asked->algo)
			continue;
		for (size_t set = 0; set < question->wanted->count; set++)
			if (digests_get(&question->wanted->sets[set], mirror->digests[i], &digest))
				add_by_digest(gathering, mirror, &digest, &used);
	}
}

void
origins_gather(struct origins *ret, const struct config *config, const struct policy *policy,
        const struct origins_question *question)
{
	struct gathering gathering = {.origins = ret, .config = config, .policy = policy};

	*ret = (struct origins){0};
	for (size_t i = 0; i < question->known->count; i++) {
		const struct catalog_origin *known = &question->known->items[i];

		if (known->kind == ORIGIN_NAMED) /* of mirrors those that are configured now are asked */
			add_named(&gathering, question->asked, known);
	}
	for (size_t i = 0; i < config->n_mirrors; i++)
		add_mirror(&gathering, &config->mirrors[i], question);
}

void
origins_gather_one(
        struct origins *ret, const struct config *config, const struct policy *policy, const char *url)
{
	struct gathering gathering = {.origins = ret, .config = config, .policy = policy};
	struct digest none = {0};

	*ret = (struct origins){0};
	add(&gathering, ORIGIN_MIRROR, &none, url);
}

/* As it would be asked. */
static enum policy_answer
judge_url(const struct config *config, const struct policy *policy, const char *url, struct place *ret)
{
	AUTO_FREE char *asked = origins_rewrite(config, url);

	return policy_url(policy, asked, ret);
}

const char *
origins_refusal(const struct config *config, const struct policy *policy, const char *url)
{
	struct place place;
	enum policy_answer answer = judge_url(config, policy, url, &place);

	return answer != POLICY_ALLOWED ? policy_answer_text(answer) : NULL;
}

static bool
check_mirror(const struct config *config, const struct policy *policy, const struct config_mirror *mirror,
        struct err *err)
{
	struct place place;
	enum policy_answer answer = judge_url(config, policy, mirror->url, &place);

	if (mirror->built_in || answer == POLICY_ALLOWED)
		return true;
	err_set(err, ERR_CONFIG, "mirror \"%s\": url: %s%s%s; it would never be asked", mirror->name,
	        place.host, place.host[0] != '\0' ? ": " : "", policy_answer_text(answer));
	if (mirror->line > 0 && config->path != NULL)
		return err_wrap(err, "%s:%d", config->path, mirror->line);
	return false;
}

bool
origins_check_mirrors(const struct config *config, struct err *err)
{
	struct policy *policy = policy_create(&config->fetch, err);
	bool right = policy != NULL;

	for (size_t i = 0; right && i < config->n_mirrors; i++)
		right = check_mirror(config, policy, &config->mirrors[i], err);
	policy_destroy(policy);
	return right;
}

void
origins_finish(struct origins *origins)
{
	for (size_t i = 0; i < origins->count; i++) {
		free(origins->items[i].named);
		free(origins->items[i].url);
	}
	free(origins->items);
	*origins = (struct origins){0};
}
