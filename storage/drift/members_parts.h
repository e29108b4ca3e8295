/*
 * The table's own verbs. For storage/drift/members*.c alone.
 */
#ifndef STORAGE_DRIFT_MEMBERS_PARTS_H
#define STORAGE_DRIFT_MEMBERS_PARTS_H

#include "storage/drift/members.h"

/* A table that grows, and what it costs. */
struct members_table {
	struct members *members;
	const struct members_limits *limits;
	size_t capacity;
	uint64_t bytes;
};

/* Adds a copy of the member and of its strings, the path normalized. ERR_TOO_LARGE. */
bool members_add(struct members_table *table, const struct member *member, struct err *err) MUST_CHECK;
/* When all were added: sorts, resolves hard links, finds the top-level directory. */
void members_settle(struct members *members);

#endif
