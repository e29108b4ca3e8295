/*
 * A proof on the way. The worker's thread, inside the content reader. Must never give out the last byte of an
 * archive that is wrong.
 */
#include "server/http/proof.h"

#include <assert.h>
#include <string.h>

#include "server/admin/metrics.h"
#include "server/http/connections.h"
#include "storage/base/file.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/store.h"

struct proof {
	struct request *request;
	struct blob blob;
	struct sha256_hasher *hasher;
	uint64_t hashed;     /* bytes from the start that went through the hasher */
	uint64_t tail_begin; /* the tail's position */
	uint8_t *tail;       /* NULL until it is read and found right: what is sent is what was hashed */
};

struct proof *
proof_create(struct request *request, struct blob *blob)
{
	struct proof *proof = xcalloc(1, sizeof *proof);

	proof->request = request;
	proof->blob = *blob;
	proof->blob.fd = blob_take_fd(blob);
	proof->hasher = sha256_hasher_create();
	proof->tail_begin = proof->blob.size_bytes > PROOF_TAIL ? proof->blob.size_bytes - PROOF_TAIL : 0;
	return proof;
}

void
proof_destroy(struct proof *proof)
{
	if (proof == NULL)
		return;
	sha256_hasher_destroy(proof->hasher);
	blob_close(&proof->blob);
	free(proof->tail);
	free(proof);
}

/* Exactly length bytes at the end of what is hashed so far, and through the hasher. */
static bool
read_and_hash(struct proof *proof, void *ret, size_t length, struct err *err)
{
	ssize_t got = file_pread(proof->blob.fd, ret, length, proof->hashed, err);

	if (got < 0)
		return false;
	if ((size_t)got != length)
		return err_set(err, ERR_MISMATCH, "the file is shorter than the archive");
	sha256_hasher_add(proof->hasher, ret, length);
	proof->hashed += length;
	return true;
}

static enum proof_answer
refuse(struct proof *proof, const struct err *err)
{
	struct larder *larder = proof->request->larder;

	if (err->code == ERR_MISMATCH) {
		metrics_add(larder->metrics, METRIC_BLOBS_WRONG, 1);
		store_quarantine_blob(larder->store, &proof->blob, err->text);
	} else {
		log_warning("%s; the answer is cut short", err->text);
	}
	proof->request->reason = "damaged";
	connection_cut(proof->request->connection);
	return PROOF_WRONG;
}

/* Reads the tail and decides. */
static bool
prove(struct proof *proof, struct err *err)
{
	size_t length = (size_t)(proof->blob.size_bytes - proof->tail_begin);
	AUTO_FREE uint8_t *tail = xmalloc(length);
	uint8_t value[32];

	if (!read_and_hash(proof, tail, length, err))
		return false;
	sha256_hasher_value(proof->hasher, value);
	if (memcmp(value, proof->blob.digests.sha256, sizeof value) != 0)
		return err_set(err, ERR_MISMATCH, "its bytes are not those of its digest");
	metrics_add(proof->request->larder->metrics, METRIC_BLOBS_PROVEN, 1);
	store_proven(proof->request->larder->store, &proof->blob);
	proof->tail = tail;
	tail = NULL;
	return true;
}

enum proof_answer
proof_read(struct proof *proof, uint64_t position, void *ret, size_t max, size_t *ret_length)
{
	uint64_t end = position < proof->tail_begin ? proof->tail_begin : proof->blob.size_bytes;
	size_t length = end - position < max ? (size_t)(end - position) : max;
	struct err err = ERR_NONE;

	if (position < proof->tail_begin) {
		assert(position == proof->hashed);
		if (!read_and_hash(proof, ret, length, &err))
			return refuse(proof, &err);
	} else {
		if (proof->tail == NULL && !prove(proof, &err))
			return refuse(proof, &err);
		memcpy(ret, proof->tail + (position - proof->tail_begin), length);
	}
	*ret_length = length;
	return PROOF_BYTES;
}
