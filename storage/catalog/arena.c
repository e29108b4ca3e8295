/*
 * The arena: a list of chunks, of which only the newest has room. Any thread, one at a time; memory that
 * cannot be had ends the process.
 */
#include "storage/catalog/arena.h"

#include <stdalign.h>
#include <string.h>

#include "storage/base/text.h"

struct arena_chunk {
	struct arena_chunk *older;
	size_t used, size;
	alignas(max_align_t) char bytes[];
};

static struct arena_chunk *
add_chunk(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = xmalloc(sizeof *chunk + size);

	*chunk = (struct arena_chunk){.older = arena->chunks, .size = size};
	arena->chunks = chunk;
	return chunk;
}

void *
arena_take(struct arena *arena, size_t size)
{
	size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	struct arena_chunk *chunk = arena->chunks;
	void *piece;

	if (chunk == NULL || chunk->size - chunk->used < rounded)
		chunk = add_chunk(arena, rounded > ARENA_CHUNK ? rounded : ARENA_CHUNK);
	piece = chunk->bytes + chunk->used;
	chunk->used += rounded;
	return piece;
}

char *
arena_copy(struct arena *arena, const char *bytes, size_t length)
{
	char *copy = arena_take(arena, length + 1);

	memcpy(copy, bytes, length);
	copy[length] = '\0';
	return copy;
}

static void
release_from(struct arena_chunk *chunk)
{
	while (chunk != NULL) {
		struct arena_chunk *older = chunk->older;

		free(chunk);
		chunk = older;
	}
}

void
arena_clear(struct arena *arena)
{
	struct arena_chunk *kept = arena->chunks;

	if (kept == NULL)
		return;
	if (kept->size > ARENA_CHUNK) {
		arena_finish(arena);
		return;
	}
	release_from(kept->older);
	kept->older = NULL;
	kept->used = 0;
}

void
arena_finish(struct arena *arena)
{
	release_from(arena->chunks);
	*arena = ARENA_EMPTY;
}
