/*
 * How a row of ORIGIN_COLUMNS is read. For storage/index/ alone.
 */
#ifndef STORAGE_INDEX_ORIGIN_READ_H
#define STORAGE_INDEX_ORIGIN_READ_H

#include "storage/index/db.h"
#include "storage/index/origin_rows.h"

#define ORIGIN_COLUMNS_COUNT 27 /* what is asked for besides begins here */

/* The texts are the statement's: until its next step. */
void origin_row_read(sqlite3_stmt *statement, struct origin_row *ret);

#endif
