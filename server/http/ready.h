/*
 * A ready answer: the whole answer to a plain GET or HEAD of an archive. That of a stored one is made once and sent as often as it is asked
 * for. It is counted who uses it: the table of hot archives, and everybody to whom it is being sent. All of them on one worker's thread.
 */
#ifndef SERVER_HTTP_READY_H
#define SERVER_HTTP_READY_H

#include <stddef.h>
#include <sys/uio.h>

#include "server/http/date.h"
#include "server/http/request.h"
#include "storage/blob.h"

/*
 * Up to here a copy in memory is sent, above the file itself: a copy costs less than sendfile, as much at twice that size, and more archives
 * have room in hot.memory.
 */
#define READY_MEMORY_MAX (32u << 10)

#define READY_ITSELF    2048 /* bytes of memory: its header fields, and what is around it */
#define READY_TAKES_MAX (READY_ITSELF + READY_MEMORY_MAX)

struct error_answer;
struct ready;

/*
 * From a proven blob; takes its descriptor, and leaves it where it is when NULL. The caller uses it. Bytes for memory are read and
 * compared with their digest. ERR_MISMATCH: they are others; ERR_IO: they cannot be read.
 */
struct ready *ready_create(struct blob *blob, struct err *err) MUST_CHECK;
/* The same for one answer: its bytes stay in the file, whatever their size. */
struct ready *ready_of_file(struct blob *blob, enum request_cache cache);
/* The header of an archive that is coming: a flight has the body. digests: as archive_fields_make. */
struct ready *ready_of_flight(uint64_t size_bytes, const struct digests *digests);
/* The answer to an error; takes the body, which is never empty. */
struct ready *ready_of_error(struct error_answer *answer);
/* One more uses it. */
struct ready *ready_use(struct ready *ready);
/* The last one who lets go frees it. NULL is nothing. */
void ready_let_go(struct ready *ready);

/* The bytes of memory that an answer takes which is kept, by the archive's size. */
static inline uint64_t
ready_takes(uint64_t size_bytes)
{
	return READY_ITSELF + (size_bytes <= READY_MEMORY_MAX ? size_bytes : 0);
}

/* The bytes of memory that it takes. */
size_t ready_memory(const struct ready *ready);
/* The archive's file is open here, there under its name, and was not touched since: one system call. */
bool ready_holds(const struct ready *ready);
/* Of one whose bytes are in memory, when somebody else tells whether it still holds. */
void ready_close_file(struct ready *ready);
/* The request asks for nothing that a ready answer is not: no part, no condition. */
bool ready_suits(const struct request *request);

int ready_status(const struct ready *ready);
enum request_cache ready_cache(const struct ready *ready);
/* The Date that it is sent with from now on. Whoever has a part of the old one gets the rest of this one: they are as long. */
void ready_set_date(struct ready *ready, const struct http_now *now);

#define READY_PARTS_MAX 3
enum ready_end { READY_STAYS, READY_CLOSES };
/*
 * The header as it is sent, to who keeps his connection or to whom it is closed; how many parts. Right behind the last one is the body,
 * where ready_bytes has it. They are good until the caller lets go.
 */
size_t ready_header(const struct ready *ready, enum ready_end end, struct iovec ret[READY_PARTS_MAX]);
const struct digests *ready_digests(const struct ready *ready);
uint64_t ready_size(const struct ready *ready); /* bytes of the body */
/* The body; NULL: it is in the file, or a flight has it. */
const void *ready_bytes(const struct ready *ready);
int ready_file(const struct ready *ready);                  /* -1: there is none */
const struct stamp *ready_stamp(const struct ready *ready); /* of the file that the bytes are of; borrowed */

#endif
