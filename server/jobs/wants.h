/*
 * Which archives are meant: named by a lockfile, a package, a digest, or the whole catalog. One thread at a
 * time.
 */
#ifndef SERVER_WORK_WANTS_H
#define SERVER_WORK_WANTS_H

#include <stdbool.h>
#include <stddef.h>

#include "server/larder.h"
#include "storage/base/err.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/harvest.h"
#include "storage/digest.h"

struct want {
	struct digests digests; /* all that were named of one archive */
	char *package;          /* "" where none is known */
	char **urls;            /* those of the lockfile; the catalog may know more */
	size_t n_urls;
};

/* Each archive once, in the order it was named: what has a digest in common, and none that is another, is the same. */
struct wants {
	struct want *items;
	size_t count, capacity;
	struct wants_name *names; /* the digests of all of them */
};

#define WANTS_EMPTY ((struct wants){0})

/* A digest, or a package of the catalog. ERR_UNKNOWN: it is neither. */
bool wants_add(struct wants *wants, struct larder *larder, const char *argument, struct err *err) MUST_CHECK;
bool wants_add_catalog(struct wants *wants, struct larder *larder, struct err *err) MUST_CHECK;
void wants_add_harvest(struct wants *wants, const struct harvest *harvest);
void wants_add_digests(struct wants *wants, const struct digests *digests);
void wants_finish(struct wants *wants);

/* The argument names a file or directory to read and no digest. */
bool wants_is_file(const char *argument);
/* The origins of the entries that have one of these digests, the best digest that has any. */
bool wants_origins(struct catalog *catalog, const struct digests *digests, struct catalog_origins *ret,
        struct err *err) MUST_CHECK;

#endif
