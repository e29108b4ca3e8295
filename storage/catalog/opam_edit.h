/*
 * Writing into opam files and opam-monorepo lockfiles: other URLs and checksums for archives, everything else as it is. Pure;
 * one thread.
 */
#ifndef STORAGE_CATALOG_OPAM_EDIT_H
#define STORAGE_CATALOG_OPAM_EDIT_H

#include "storage/base/edits.h"
#include "storage/base/err.h"
#include "storage/digest.h"

/* What shall stand for an archive. All is borrowed; the titles until they were read. */
struct opam_wish {
	const char **urls; /* it is named by one of these … */
	size_t n_urls;
	struct digests digests; /* … with digests that agree with these */
	const char *url;        /* the first URL becomes this; NULL: nothing is changed */
	struct digests checksums;
	/* the answer */
	size_t found; /* in how many places */
	char *title;  /* of the extra-source it is, the caller's; NULL: it is none */
};

/*
 * Adds what has to change in the bytes of a file: of x-opam-monorepo-duniverse-dirs, of pin-depends of the same URLs, and of url
 * and extra-source sections. ERR_SYNTAX when it is no such file.
 */
bool opam_edit(const char *bytes, size_t length, struct opam_wish *wishes, size_t n_wishes, struct edits *ret,
        struct err *err) MUST_CHECK;

/* The digests that opam's syntax knows, in the order of the opam repository. */
#define OPAM_CHECKSUMS 3
extern const enum digest_algo opam_checksums[OPAM_CHECKSUMS];
/* Adds "a string" in opam's syntax. */
void opam_add_string(struct text *text, const char *string);
/* "sha256=<hex>" for each of them, as strings, each behind `before` and in front of `after`. */
void opam_add_checksums(
        struct text *text, const struct digests *digests, const char *before, const char *after);
/* How many of these there are. */
size_t opam_count_checksums(const struct digests *digests);

#endif
