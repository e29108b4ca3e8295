/*
 * The schema of the index: made, recognised, brought up to date. For storage/index/ alone; on the connection
 * that writes, before others use the index.
 */
#ifndef STORAGE_INDEX_SCHEMA_H
#define STORAGE_INDEX_SCHEMA_H

#include "storage/base/err.h"

struct db;

#define SCHEMA_VERSION 5

/*
 * Which an index with tables has, up to SCHEMA_VERSION. ERR_CORRUPT: it is no index of larder. ERR_CONFIG: a
 * newer larder made it.
 */
bool schema_version(struct db *db, const char *path, int *ret, struct err *err) MUST_CHECK;
/* The tables of an empty one, in one transaction. */
bool schema_make(struct db *db, struct err *err) MUST_CHECK;
/* From a version to SCHEMA_VERSION, in one transaction. */
bool schema_migrate(struct db *db, int version, struct err *err) MUST_CHECK;

#endif
