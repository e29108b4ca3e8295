/*
 * Contacts: every time an origin was asked, how that ended. Remembered in the catalog with what they amount to
 * (storage/catalog/verdict.h); a change of state becomes news for whoever tells people.
 */
#ifndef STORAGE_CATALOG_CONTACT_H
#define STORAGE_CATALOG_CONTACT_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/err.h"
#include "storage/catalog/verdict.h"
#include "storage/digest.h"
#include "storage/index/watch_rows.h"

struct catalog;

struct contact {
	int64_t origin_id; /* of catalog_origins; 0: a mirror's URL, of the archive that has the digest asked for */
	struct digest asked;         /* by whatever digest the archive was wanted */
	const char *url;             /* as named, before rewriting */
	enum origin_result result;   /* ORIGIN_UNTRIED: it was not asked, and detail says why */
	int status;                  /* of HTTP; 0: no answer came */
	const char *detail;          /* "404", "connection refused", "" */
	int64_t took_ms;             /* to the first byte, or to the failure */
	const char *etag, *modified; /* "" where not told */
	int64_t length;              /* of the archive; -1: not told */
	int64_t at_ms;               /* since 1970; 0: now */
	/* "It is not here", from the host that the URL names, whose certificate says so: no network in between can have said it. */
	bool own_word;
};

/*
 * Remembers it. Copies all; returns at once; written later with others. Any thread. A mirror's is kept where the catalog
 * lists the archive. What an origin answers for a URL that several entries name is held for all of them where it tells
 * nothing of the bytes; what is good for one of them is good for those within it. A first failure makes the patrol plan
 * anew when it asks the next time.
 */
void catalog_contact(struct catalog *catalog, const struct contact *contact);

/*
 * What an origin served instead of the archive, once it was looked at and is known to be kept or not. Copies all; returns at once.
 * Any thread. A mirror's (origin_id 0) is kept where its contact is.
 */
struct drift_seen {
	int64_t origin_id;
	struct digest asked;
	const char *url;
	uint8_t sha256[32];
	uint64_t size_bytes;
	enum drift_keeping keeping;
	enum drift_look look;
	const char *kind, *detail; /* as struct drift_row has them */
};
void catalog_drift_seen(struct catalog *catalog, const struct drift_seen *drift);

/* NETWORK_SUSPECTED: the last failures were held against nobody, as nothing vouches for the network. Any thread. */
enum network_trust catalog_network(struct catalog *catalog);

#endif
