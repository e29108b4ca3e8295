/*
 * Any bytes of a client: what is taken for a plain head lies within them, ends with an empty line and is one
 * that the guard lets through; and what came before changes nothing of that.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/guard.h"
#include "server/http/head.h"
#include "storage/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Of all inputs so far. */
static struct head_memory memory;

static char *
copy_of(const uint8_t *bytes, size_t length)
{
	char *copy = xmalloc(length > 0 ? length : 1);

	memcpy(copy, bytes, length);
	return copy;
}

static bool
same(const char *a, const char *b)
{
	return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

/* Twice: the second time its own line and fields are those that came before. */
static void
compare(const uint8_t *bytes, size_t length, bool plain, const struct head *expected)
{
	for (int i = 0; i < 2; i++) {
		AUTO_FREE char *copy = copy_of(bytes, length);
		struct head head;

		if (head_is_plain(copy, length, &memory, &head) != plain)
			abort();
		if (plain && (head.length != expected->length || head.closes != expected->closes ||
		                     head.method != expected->method || !same(head.path, expected->path) ||
		                     !same(head.user_agent, expected->user_agent) ||
		                     !same(head.forwarded_for, expected->forwarded_for) ||
		                     head.is_archive != expected->is_archive ||
		                     (head.is_archive && !digest_equal(&head.digest, &expected->digest))))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	AUTO_FREE char *copy = copy_of(bytes, length);
	struct head head;
	struct err err = ERR_NONE;
	bool plain;

	plain = head_is_plain(copy, length, NULL, &head);
	compare(bytes, length, plain, &head);
	if (!plain)
		return 0;
	if (head.length > length || memcmp(bytes + head.length - 4, "\r\n\r\n", 4) != 0)
		abort();
	if (memmem(bytes, head.length - 1, "\r\n\r\n", 4) != NULL || memchr(bytes, '\0', head.length) != NULL)
		abort();
	if (guard_check_bytes((const char *)bytes, head.length, &err) != GUARD_CLEAN)
		abort();
	if (head.path[0] != '/' || strlen(head.path) >= head.length ||
	        (head.method != METHOD_GET && head.method != METHOD_HEAD))
		abort();
	return 0;
}
