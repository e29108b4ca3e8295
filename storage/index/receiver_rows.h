/*
 * The rows of receivers: how far each was told of events. Questions on the caller's thread, changes through the index writer.
 */
#ifndef STORAGE_INDEX_RECEIVER_ROWS_H
#define STORAGE_INDEX_RECEIVER_ROWS_H

#include "storage/index/archive_rows.h"
#include "storage/index/index.h"

/* The last event that the receiver of this name was told, or that was given up. ROW_NONE: it is new. */
enum row_answer receiver_row_find(
        struct index *index, const char *name, int64_t *ret_event, struct err *err) MUST_CHECK;
/* Durable when it returns. Blocks. */
bool receiver_row_set(struct index *index, const char *name, int64_t event, struct err *err) MUST_CHECK;

#endif
