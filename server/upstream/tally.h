/*
 * A tally: what asking one origin after the other came to, and the one error it amounts to when none of them
 * had the archive.
 */
#ifndef SERVER_UPSTREAM_TALLY_H
#define SERVER_UPSTREAM_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/err.h"
#include "storage/base/text.h"

enum tally_kind {
	TALLY_GONE,      /* said 404 or 410 */
	TALLY_CHANGED,   /* served other bytes, now or so lately that it was not asked again */
	TALLY_TOO_LARGE, /* over a limit */
	TALLY_FAILED,    /* any other way */
	TALLY_RESTING,   /* not asked: its host rests for its failures */
	TALLY_LEFT,      /* not asked: its host asked to be left alone … */
	TALLY_BUSY,      /* … now, when it was asked */
	TALLY_BARRED,    /* not asked: its URL alone says that the policy forbids it */
};
#define TALLY_KINDS 8

struct tally {
	bool named;    /* the catalog names an origin at all */
	bool vanished; /* it holds that the archive is gone wherever it was: several failures, over days */
	unsigned counts[TALLY_KINDS];
	struct text causes;     /* "github.com said 404, opam.ocaml.org: timed out after 15 s" */
	struct text rests;      /* "archive.example.org asked for rest until 2023-09-12T10:00:00Z" */
	int64_t rests_until_ms; /* the first of them; 0: none */
};

#define TALLY_CAUSES_MAX 140 /* bytes of causes, so that they fit an error; later ones are only counted */

/*
 * One origin that did not have it. A detail that is a status ("404") reads "said 404"; the same from the same host as
 * just before is only counted.
 */
void tally_add(struct tally *tally, enum tally_kind kind, const char *host, const char *detail);
/* Beside TALLY_LEFT and TALLY_BUSY: until when, by clock_ms and since 1970. Told of each host once. */
void tally_add_rest(struct tally *tally, const char *host, int64_t until_ms, int64_t until_wall_ms);
unsigned tally_total(const struct tally *tally);
/*
 * ERR_UNKNOWN: nobody to ask, or only mirrors, and each said gone. ERR_VANISHED: the catalog names origins,
 * and each one said gone, as it did for days; ERR_ABSENT: as it does now. ERR_LIMIT and ERR_CHANGED: at least one
 * was too large or served other bytes, and none failed otherwise. ERR_BARRED: some may not be asked, and asking the
 * others again in a moment would not help. Else ERR_FAILING.
 */
void tally_verdict(const struct tally *tally, struct err *ret);
/*
 * Of ERR_FAILING: until when (clock_ms) asking again would tell nothing new, since everybody said gone but those who
 * are not asked before. 0: somebody may have it at any time.
 */
int64_t tally_holds_until(const struct tally *tally);
void tally_finish(struct tally *tally);

#endif
