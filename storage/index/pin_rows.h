/*
 * Pins: archives that are never evicted. A pin stays while its archive's file is being mended; it goes with a
 * removal.
 */
#ifndef STORAGE_INDEX_PIN_ROWS_H
#define STORAGE_INDEX_PIN_ROWS_H

#include "storage/index/archive_rows.h"
#include "storage/index/index.h"
#include "storage/index/tombstone_rows.h"

struct pin {
	uint8_t sha256[32];
	char who[WHO_MAX];
	int64_t at_ms; /* since 1970 */
};

/* Any thread. */
enum row_answer pin_row_find(
        struct index *index, const uint8_t sha256[32], struct pin *ret, struct err *err) MUST_CHECK;
/* Durable when they return. A pin that is there already stays as it is; ROW_NONE: there was none. Block. */
bool pin_row_add(struct index *index, const struct pin *pin, struct err *err) MUST_CHECK;
enum row_answer pin_row_remove(struct index *index, const uint8_t sha256[32], struct err *err) MUST_CHECK;

/* In a chore. */
enum row_answer pin_rows_have(
        struct writing *writing, const uint8_t sha256[32], struct pin *ret, struct err *err) MUST_CHECK;
bool pin_rows_delete(struct writing *writing, const uint8_t sha256[32], struct err *err) MUST_CHECK;

#endif
