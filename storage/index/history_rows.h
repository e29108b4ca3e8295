/*
 * The rows of histories: up to which commits they were read.
 */
#ifndef STORAGE_INDEX_HISTORY_ROWS_H
#define STORAGE_INDEX_HISTORY_ROWS_H

#include "storage/base/text.h"
#include "storage/index/index.h"

/* The commits in hexadecimal, with a blank between them. Any thread. */
bool history_rows_tips(struct index *index, struct text *ret, struct err *err) MUST_CHECK;
/* In a chore. One that is there already stays. */
bool history_row_add(struct writing *writing, const char *tip, int64_t at_ms, struct err *err) MUST_CHECK;

#endif
