/*
 * Drift: how the bytes that came differ from the archive that was promised. A value, for people and for JSON.
 */
#ifndef STORAGE_DRIFT_DRIFT_H
#define STORAGE_DRIFT_DRIFT_H

#include <stddef.h>
#include <stdint.h>

#include "storage/base/err.h"

enum drift_kind {
	DRIFT_RECOMPRESSED, /* the same tar after decompression */
	DRIFT_METADATA,     /* the same files: other headers, form or top-level directory */
	DRIFT_CONTENT,      /* files differ */
	DRIFT_NO_ARCHIVE,   /* an HTML page, text, nothing, or anything else that is no archive */
	DRIFT_UNKNOWN       /* one of the two cannot be read */
};
#define DRIFT_KINDS 5
/* "recompressed", "metadata", "content", "no archive", "unknown" */
const char *drift_kind_name(enum drift_kind kind);
enum drift_kind drift_kind_find(const char *name); /* DRIFT_UNKNOWN: no kind is called that */

enum drift_change { DRIFT_ADDED, DRIFT_REMOVED, DRIFT_CHANGED };
const char *drift_change_name(enum drift_change change); /* "added", "removed", "changed" */

#define DRIFT_NAMED_MAX  20  /* files that are named */
#define DRIFT_PATH_MAX   256 /* room for one name, escaped; cut to fit */
#define DRIFT_DETAIL_MAX 1024

struct drift_file {
	enum drift_change change;
	char path[DRIFT_PATH_MAX]; /* as in the archive, escaped: printable UTF-8 */
};

struct drift {
	enum drift_kind kind;
	/* Of DRIFT_UNKNOWN: ERR_TOO_LARGE (a limit), ERR_SYNTAX, ERR_CANCELLED or ERR_IO; else ERR_OK. */
	enum err_code cause;
	/* For people, escaped: "3 files differ: rosa-0.2.0/src/a.ml changed, …". */
	char detail[DRIFT_DETAIL_MAX];
	/* Of DRIFT_CONTENT: how many differ; 0 where what was promised is a single file and no archive. */
	uint64_t n_files;
	size_t n_named;                           /* of these, here: */
	struct drift_file files[DRIFT_NAMED_MAX]; /* by path */
};

#endif
