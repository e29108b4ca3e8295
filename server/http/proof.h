/*
 * A proof on the way: a stored archive that is read, hashed and sent at once, its tail held back until the
 * hash is right.
 */
#ifndef SERVER_HTTP_PROOF_H
#define SERVER_HTTP_PROOF_H

#include <stdint.h>
#include <sys/types.h>

#include "server/http/request.h"
#include "storage/blob.h"

struct proof;

#define PROOF_TAIL (64u << 10) /* bytes held back */

/* Takes the blob. The request outlives the proof. */
struct proof *proof_create(struct request *request, struct blob *blob);
void proof_destroy(struct proof *proof);

enum proof_answer { PROOF_BYTES, PROOF_WRONG };

/*
 * Up to max bytes at position, which goes on where the last call ended. PROOF_WRONG: the bytes on disk are
 * not those of the archive; it is quarantined, and the answer must not be finished.
 */
enum proof_answer proof_read(
        struct proof *proof, uint64_t position, void *ret, size_t max, size_t *ret_length);

#endif
