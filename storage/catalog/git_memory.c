/*
 * An allocator in libgit2's form (git2/sys/alloc.h). Memory that there is not ends the process, as everywhere in larder;
 * more than the limit is an error of libgit2. Any thread.
 */
#include "storage/catalog/git_memory.h"

#include <git2.h>
#include <git2/sys/alloc.h>
#include <stdlib.h>
#include <string.h>

#include "storage/base/text.h"

static bool
is_allowed(size_t count, size_t size)
{
	size_t bytes;

	if (!__builtin_mul_overflow(count, size, &bytes) && bytes <= GIT_MEMORY_MAX)
		return true;
	git_error_set_oom();
	return false;
}

static void *
take(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return is_allowed(1, size) ? xmalloc(size) : NULL;
}

static void *
take_array(size_t count, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return is_allowed(count, size) ? xmalloc(count * size) : NULL;
}

static void *
take_zeroed(size_t count, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return is_allowed(count, size) ? xcalloc(count, size) : NULL;
}

static void *
resize(void *memory, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return is_allowed(1, size) ? xrealloc(memory, size) : NULL;
}

static void *
resize_array(void *memory, size_t count, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return is_allowed(count, size) ? xrealloc(memory, count * size) : NULL;
}

/* Exactly so many bytes, and a 0. */
static char *
copy_bytes(const char *string, size_t length, const char *file, int line)
{
	char *copy = take(length + 1, file, line);

	if (copy != NULL) {
		memcpy(copy, string, length);
		copy[length] = '\0';
	}
	return copy;
}

static char *
copy_start(const char *string, size_t length, const char *file, int line)
{
	return copy_bytes(string, strnlen(string, length), file, line);
}

static char *
copy_string(const char *string, const char *file, int line)
{
	return copy_bytes(string, strlen(string), file, line);
}

void
git_memory_limit(void)
{
	static git_allocator allocator = {.gmalloc = take,
	        .gcalloc = take_zeroed,
	        .gstrdup = copy_string,
	        .gstrndup = copy_start,
	        .gsubstrdup = copy_bytes,
	        .grealloc = resize,
	        .greallocarray = resize_array,
	        .gmallocarray = take_array,
	        .gfree = free};

	git_libgit2_opts(GIT_OPT_SET_ALLOCATOR, &allocator);
}

bool
git_memory_was_limited(void)
{
	const git_error *error = git_error_last();

	return error != NULL && error->klass == GIT_ERROR_NOMEMORY;
}
