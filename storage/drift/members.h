/*
 * What an archive holds: a table of its members, each with its headers and a digest of its content, read in
 * one pass and within limits. Names are only compared and shown, nothing is opened by them and nothing is
 * written; an archive inside the archive is just bytes. One thread; blocks on the disk.
 */
#ifndef STORAGE_DRIFT_MEMBERS_H
#define STORAGE_DRIFT_MEMBERS_H

#include "storage/catalog/arena.h"
#include "storage/drift/looks.h"
#include "storage/drift/unpack.h"

enum member_type { MEMBER_FILE, MEMBER_DIRECTORY, MEMBER_SYMLINK, MEMBER_OTHER };

struct member {
	const char *path;   /* without "." and doubled or trailing slashes; else as it was written */
	const char *target; /* of a link; the numbers of a device; else "" */
	const char *owner;  /* user and group, numbers and names */
	uint64_t size;
	int64_t mtime; /* seconds */
	uint32_t mtime_ns;
	uint16_t mode;        /* the permissions alone */
	uint8_t type;         /* enum member_type */
	uint8_t is_hard_link; /* to an earlier member; type, size and digest are that one's */
	uint8_t sha256[32];   /* of a file's content */
};

enum members_form { MEMBERS_NONE, MEMBERS_TAR, MEMBERS_ZIP };

/* Which headers a tar uses; bits of tar_forms. */
enum { MEMBERS_OLD_TAR = 1, MEMBERS_USTAR = 2, MEMBERS_PAX = 4, MEMBERS_GNU_TAR = 8 };

struct members {
	enum members_form form;
	unsigned tar_forms;
	enum unpack_form packed;
	uint64_t size;      /* decompressed bytes */
	uint8_t sha256[32]; /* of the decompressed bytes, of a zip as it is */
	struct member *all; /* in the order of the archive */
	size_t count;
	/* Places in all by path; of members with one path only the last, as it would be extracted. */
	uint32_t *sorted;
	size_t distinct;
	const char *top;         /* the directory that everything is in; "" when there is none */
	char start[LOOKS_BYTES]; /* of the decompressed bytes */
	size_t start_length;
	struct arena arena;
};

struct members_limits {
	struct unpack_limits unpack;
	uint64_t entries; /* members */
	uint64_t table;   /* bytes of memory for them */
	size_t path;      /* bytes of a name */
};

#define MEMBERS_HEADERS_MAX (4u << 20) /* bytes of headers of one member of a tar */

/*
 * Reads the file from its start. What is neither tar nor zip, compressed or not, is MEMBERS_NONE and no
 * error. False: it cannot be read, as in unpack_read. members_finish in any case.
 */
bool members_read(int fd, uint64_t size_bytes, const struct members_limits *limits, struct members *ret,
        struct err *err) MUST_CHECK;
void members_finish(struct members *members);

#endif
