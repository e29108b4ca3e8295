/*
 * Followers: each hashes one file that grows, behind whoever writes it, so that hashing costs the writer no time and is soon
 * over once the last byte is written, as is flushing it. Two lanes with two digests each work on one file; a few threads work on all.
 */
#ifndef STORAGE_FOLLOWER_H
#define STORAGE_FOLLOWER_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/err.h"
#include "storage/digest.h"

#define FOLLOWER_THREADS 2          /* files, or lanes of one, hashed at once */
#define FOLLOWER_STEP    (1u << 20) /* bytes that are worth being hashed before the end */

struct followers;
struct follower;

/* The threads. */
struct followers *followers_create(void);
/* Every follower was destroyed before. NULL is nothing. */
void followers_destroy(struct followers *followers);

/* Follows the file from its start; has a descriptor of its own. NULL with err on failure. */
struct follower *follower_create(struct followers *followers, int fd, struct err *err) MUST_CHECK;
/* So many bytes are in the file by now. The writer's thread; returns at once. */
void follower_advance(struct follower *follower, uint64_t size);
/* The digests of so many bytes, which is all there are; once. Waits until they are hashed. */
bool follower_finish(
        struct follower *follower, uint64_t size, struct digests *ret, struct err *err) MUST_CHECK;
/* Gives up what is not hashed yet; returns at once. NULL is nothing. */
void follower_destroy(struct follower *follower);

#endif
