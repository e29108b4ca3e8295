/*
 * The schema of the index. schema.sql is what a new index gets, migrations/N.sql what brings one from N - 1
 * to N; both ways lead to the same.
 */
#include "storage/index/schema.h"

#include "storage/base/log.h"
#include "storage/index/db.h"

#include "2.sql.h"
#include "3.sql.h"
#include "4.sql.h"
#include "5.sql.h"
#include "schema.sql.h"

#define APPLICATION_ID 1279349316 /* "LARD" */

/* The first leads to version 2. */
static const char *const migrations[] = {migration_2_sql, migration_3_sql, migration_4_sql, migration_5_sql};

_Static_assert(COUNT_OF(migrations) == SCHEMA_VERSION - 1, "each version has its migration");

bool
schema_version(struct db *db, const char *path, int *ret, struct err *err)
{
	int64_t application, version;

	if (!db_number(db, SQL_APPLICATION_ID, &application, err) ||
	        !db_number(db, SQL_SCHEMA_VERSION, &version, err))
		return false;
	if (application != APPLICATION_ID || version < 1)
		return err_set(err, ERR_CORRUPT, "%s is a database, but no index of larder", path);
	if (version > SCHEMA_VERSION)
		return err_set(err, ERR_CONFIG,
		        "%s was made by a newer larder (schema %lld, this one knows up to %d); use that one "
		        "on this store",
		        path, (long long)version, SCHEMA_VERSION);
	*ret = (int)version;
	return true;
}

static bool
run_migrations(struct db *db, int version, struct err *err)
{
	for (size_t i = (size_t)version - 1; i < COUNT_OF(migrations); i++) {
		if (!db_script(db, migrations[i], err))
			return err_wrap(err, "bringing the index to schema %zu", i + 2);
	}
	return true;
}

static bool
undo(struct db *db)
{
	struct err ignored;

	if (!db_run(db, SQL_ROLLBACK, &ignored))
		log_debug("nothing to undo: %s", ignored.text);
	return false;
}

bool
schema_make(struct db *db, struct err *err)
{
	if (db_run(db, SQL_BEGIN, err) && db_script(db, schema_sql, err) && db_run(db, SQL_COMMIT, err))
		return true;
	return undo(db);
}

bool
schema_migrate(struct db *db, int version, struct err *err)
{
	if (version == SCHEMA_VERSION)
		return true;
	if (db_run(db, SQL_BEGIN, err) && run_migrations(db, version, err) && db_run(db, SQL_COMMIT, err))
		return true;
	return undo(db);
}
