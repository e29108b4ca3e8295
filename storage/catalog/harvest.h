/*
 * A harvest: what an importer read from one source, in memory. The lockfile given to `check` and `fetch` is a
 * harvest too: nothing is written until catalog_learn.
 *
 * One thread. Every importer has the form: X_read(input, name, harvest, err) — false only when the input as a
 * whole cannot be read; single files or entries that are wrong become problems, and reading goes on behind
 * them.
 */
#ifndef STORAGE_CATALOG_HARVEST_H
#define STORAGE_CATALOG_HARVEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/auto.h"
#include "storage/digest.h"

/*
 * One archive as one source names it: one url section, one extra-source, one line of a list. An archive that
 * several packages share is one entry for each of them, next to each other; harvest_archives counts it once.
 */
struct harvest_entry {
	struct digests digests;  /* all that were listed together; never empty */
	const char *package;     /* "rosa.0.2.0", or "" */
	const char *const *urls; /* in the order of the source; http, https or ftp as written */
	size_t n_urls;
	int64_t first_ms,
	        last_ms; /* when its source first and last named it, since 1970; 0: by this very reading */
	bool past;       /* its source does not name it any more */
};

struct harvest_problem {
	const char *file;
	unsigned line, column; /* from 1; 0: not known */
	const char *text;
};

/* A section that larder can do nothing with. */
enum harvest_lack {
	HARVEST_NO_DIGEST, /* it names no checksum */
	HARVEST_NO_ARCHIVE /* git, hg, darcs and local sources */
};
struct harvest_unkept {
	enum harvest_lack lack;
	const char *package, *url; /* the first of each, or "" */
};

struct harvest {
	struct harvest_entry *entries;
	size_t n_entries;
	struct harvest_problem *problems;
	size_t n_problems; /* at most HARVEST_PROBLEMS_MAX are kept, problems_in_all counts on */
	uint64_t problems_in_all;
	uint64_t files; /* opam files, lockfiles, *.pkg and lists read, with or without an archive in them */
	uint64_t sections; /* url and extra-source sections, lockfile directories, fetches, list lines */
	uint64_t without_digest; /* sections that name no checksum, so that larder can do nothing with them */
	uint64_t not_archives;   /* git, hg, darcs and local sources: no archive to keep */
	struct harvest_unkept *unkept; /* the first HARVEST_UNKEPT_MAX of both */
	size_t n_unkept;
	/* Of a history: the commits it was read up to, hexadecimal, separated by a blank; NULL: no history. */
	const char *tip;
	uint64_t commits;              /* of a history: how many were read */
	struct harvest_memory *memory; /* holds all strings */
};

#define HARVEST_PROBLEMS_MAX 1000
#define HARVEST_UNKEPT_MAX   1000
#define HARVEST_URLS_MAX     64      /* of one entry */
#define HARVEST_ENTRIES_MAX  4000000 /* of one source */
#define HARVEST_URL_MAX      4096    /* bytes */
#define HARVEST_PACKAGE_MAX  256     /* bytes */

struct harvest *harvest_create(void);
void harvest_destroy(struct harvest *harvest);
/*
 * Copies the entry (with at least one digest) and its strings. False, with a problem noted by itself, when it
 * is over a limit.
 */
bool harvest_add(struct harvest *harvest, const struct harvest_entry *entry, const char *file, unsigned line);
/*
 * The text says what is wrong and what happens next ("…; skipped"). File and text are copied, escaped for a
 * terminal.
 */
void harvest_problem(struct harvest *harvest, const char *file, unsigned line, unsigned column,
        const char *format, ...) PRINTF_LIKE(5, 6);
/* Counts what cannot be kept, and copies its strings; what is over a limit stays out of them. */
void harvest_add_unkept(struct harvest *harvest, const struct harvest_unkept *unkept);
/* Copies the tip. */
void harvest_put_tip(struct harvest *harvest, const char *tip);
/* Moves the problems and figures of another harvest behind its own; the other is empty then, its entries are gone. */
void harvest_absorb(struct harvest *harvest, struct harvest *other);
/*
 * The first entry of every distinct set of digests, in the order of the source; the array is the caller's to
 * free.
 */
const struct harvest_entry **harvest_archives(const struct harvest *harvest, size_t *ret_count);

#endif
