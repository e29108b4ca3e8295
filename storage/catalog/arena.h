/*
 * An arena: many small pieces of memory that are released together. Pointers stay valid until arena_clear or
 * arena_finish. One thread at a time.
 */
#ifndef STORAGE_CATALOG_ARENA_H
#define STORAGE_CATALOG_ARENA_H

#include <stddef.h>

#define ARENA_CHUNK (64u << 10) /* bytes asked for at a time; what is larger gets a chunk of its own */

struct arena {
	struct arena_chunk *chunks; /* the newest first */
};

#define ARENA_EMPTY ((struct arena){0})

/* Memory aligned for any object, not cleared. Never NULL. */
void *arena_take(struct arena *arena, size_t size);
/* A copy of the bytes with a 0 behind them. */
char *arena_copy(struct arena *arena, const char *bytes, size_t length);
void arena_clear(struct arena *arena);  /* empties it and keeps one chunk for what comes next */
void arena_finish(struct arena *arena); /* releases everything; the arena is empty and usable again */

#endif
