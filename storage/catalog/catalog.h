/*
 * The catalog: what larder was told about archives elsewhere. Entries (the digests one source lists together
 * for one archive), their origins (URLs) with the outcome of the last contact, and the packages that use
 * them. What was learned once is never forgotten by learning again.
 *
 * It lives in the store's index: questions run on the caller's thread, changes on the index writer's.
 */
#ifndef STORAGE_CATALOG_CATALOG_H
#define STORAGE_CATALOG_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/err.h"
#include "storage/base/text.h"
#include "storage/catalog/contact.h"
#include "storage/catalog/harvest.h"
#include "storage/digest.h"
#include "storage/index/origin_rows.h"

struct catalog;
struct index;

/* The store's own; others get it from store_catalog. The index stays the store's. */
struct catalog *catalog_create(struct index *index);
void catalog_destroy(struct catalog *catalog); /* NULL is nothing */

/*
 * How a harvest changed the catalog. Two entries are one archive when one of them lists all digests of the
 * other and more ({md5} and {md5, sha256}): the lesser one is counted and visited with the greater. An origin
 * is a URL for one set of digests.
 */
struct catalog_learned {
	uint64_t archives, digests, origins, packages;                 /* distinct ones in the harvest */
	uint64_t new_archives, new_digests, new_origins, new_packages; /* of these, not known before */
};

/*
 * Writes the harvest in one transaction, all or nothing; source is its name ("opam-repository.tar.gz") for
 * `show`. Blocks.
 */
bool catalog_learn(struct catalog *catalog, const struct harvest *harvest, const char *source,
        struct catalog_learned *ret, struct err *err) MUST_CHECK;

/* Up to which commits histories were learned; as harvest.tip has it. */
bool catalog_history_tips(struct catalog *catalog, struct text *ret, struct err *err) MUST_CHECK;

/* Times in milliseconds since 1970; 0: never. */
struct catalog_origin {
	int64_t id;
	char *url;
	struct digests digests;          /* of the entry that names it: what its bytes must satisfy */
	enum origin_kind kind;           /* ORIGIN_OF_MIRROR: nobody names it, a mirror was asked */
	int64_t first_at_ms, last_at_ms; /* when a source first and last named it */
	enum origin_age age;             /* ORIGIN_PAST: none does any more */
	enum origin_result result;       /* of the last contact */
	char *detail;                    /* "404", "connection refused", "" */
	int64_t tried_at_ms, took_ms;
	char *etag, *modified; /* as last told; "" where not */
	int64_t length;        /* -1: not told */
	struct origin_memory memory;
};

#define CATALOG_ORIGINS_MAX      256 /* asked for one archive */
#define CATALOG_ALTERNATIVES_MAX 8   /* entries that share one digest and contradict each other */

struct catalog_origins {
	struct catalog_origin *items;
	size_t count;
};

/*
 * Every origin of every entry that has this digest, and of those that name the same archive by another digest
 * listed with it (and contradict nothing): those that were named last come first, then the source's own
 * order; those that only a history names behind them, and last of all what mirrors said when they were asked.
 * Each URL once; none: count 0.
 */
bool catalog_origins(struct catalog *catalog, const struct digest *digest, struct catalog_origins *ret,
        struct err *err) MUST_CHECK;
void catalog_origins_finish(struct catalog_origins *origins);
/* Each of them that ever had it, or is named to have it, is in state vanished; and there is one. */
bool catalog_has_vanished(const struct catalog_origins *origins);
/* It is held to serve, and did when it was last asked. */
bool catalog_serves(const struct catalog_origin *origin);
/* At how many independent hosts among them the archive is now, as far as is known: those of one provider are one. */
size_t catalog_copies(const struct catalog_origins *origins);

/*
 * The digest sets of the entries that have this digest: each set has all digests that one source lists
 * together. Where one of them holds a sha256 or sha512 only such sets are given, since md5 and sha1 are names
 * and not proof. An archive is right for the digest when it satisfies at least one of them; none: the digest
 * itself is all there is to satisfy. Of two sets that prove and agree the one that demands less is given, of
 * two that only name the one that demands more.
 */
struct catalog_wanted {
	struct digests sets[CATALOG_ALTERNATIVES_MAX];
	size_t count;
};
bool catalog_wanted(struct catalog *catalog, const struct digest *digest, struct catalog_wanted *ret,
        struct err *err) MUST_CHECK;

/*
 * The rule above: these bytes are right for the digest asked, and for one of the sets that list it. Pure.
 */
bool catalog_is_right(
        const struct catalog_wanted *wanted, const struct digest *asked, const struct digests *bytes);
/* Some entry of the catalog is satisfied by an archive of these digests. */
bool catalog_lists(
        struct catalog *catalog, const struct digests *digests, bool *ret, struct err *err) MUST_CHECK;

/* Every package that uses the archive of this digest, "rosa.0.2.0", visited in order. */
typedef bool package_visit_fn(void *context, const char *package);
bool catalog_packages(struct catalog *catalog, const struct digest *digest, package_visit_fn *visit,
        void *context, struct err *err) MUST_CHECK;

/*
 * The newest set of digests for which a source names this URL now, other than for an archive of these: what
 * people say it serves.
 */
struct catalog_successor {
	struct digests digests;
	char package[HARVEST_PACKAGE_MAX + 1]; /* the first that uses it, or "" */
	int64_t at_ms;                         /* when a source named it last */
};
enum row_answer catalog_named_now(struct catalog *catalog, const char *url, const struct digests *apart_from,
        struct catalog_successor *ret, struct err *err) MUST_CHECK;

/* An entry for visitors: borrowed for the call. */
typedef bool entry_visit_fn(void *context, const struct digests *digests, const char *package);
/* The entries of a package, all versions ("rosa") or one ("rosa.0.2.0"); of the whole catalog, each once. */
bool catalog_package_entries(struct catalog *catalog, const char *package, entry_visit_fn *visit,
        void *context, struct err *err) MUST_CHECK;
bool catalog_entries(
        struct catalog *catalog, entry_visit_fn *visit, void *context, struct err *err) MUST_CHECK;

/*
 * The entries that no stored archive satisfies and no tombstone forbids, by id, beginning behind `after` (0: at
 * the start), at most max; ret_last is the id to go on from, 0 when there are no more.
 */
struct catalog_page {
	int64_t after;
	size_t max;
};
bool catalog_missing(struct catalog *catalog, const struct catalog_page *page, entry_visit_fn *visit,
        void *context, int64_t *ret_last, struct err *err) MUST_CHECK;

/*
 * Distinct counts, kept as the catalog grows (no walk). wanted is counted by a query: what catalog_missing
 * visits.
 */
struct catalog_figures {
	uint64_t archives, digests, origins, packages;
};
bool catalog_figures(struct catalog *catalog, struct catalog_figures *ret, struct err *err) MUST_CHECK;
bool catalog_count_wanted(struct catalog *catalog, uint64_t *ret, struct err *err) MUST_CHECK;

#endif
