/*
 * The rows of what is noticed: news that nobody was told of yet, and what origins served instead of archives. In chores of the
 * index writer.
 */
#ifndef STORAGE_INDEX_WATCH_ROWS_H
#define STORAGE_INDEX_WATCH_ROWS_H

#include "storage/catalog/verdict.h"
#include "storage/index/index.h"

/* A change of an origin's state. */
struct news_row {
	int64_t id, origin, at_ms;
	enum origin_state was, is;
};
bool news_row_add(struct writing *writing, const struct news_row *news, struct err *err) MUST_CHECK;

/* Bytes that came instead. The same from the same origin once more changes nothing, but that they may be kept by now. */
enum drift_keeping { DRIFT_DROPPED, DRIFT_KEPT };
struct drift_row {
	int64_t id, origin, at_ms;
	uint8_t sha256[32];
	uint64_t size_bytes;
	enum drift_keeping keeping;
};
bool drift_row_add(struct writing *writing, const struct drift_row *drift, struct err *err) MUST_CHECK;

#endif
