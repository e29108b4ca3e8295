/*
 * A ready answer: the whole answer to a plain GET or HEAD of one stored archive, made once and sent again and again. Made, sent and
 * given up on one worker's thread; what is being sent outlives it.
 */
#ifndef SERVER_HTTP_READY_H
#define SERVER_HTTP_READY_H

#include <stddef.h>

#include "server/http/request.h"
#include "storage/blob.h"

/* Up to here a copy in memory is sent, above the file itself: a copy costs less than sendfile up to 32 KiB, and as much at 64. */
#define READY_MEMORY_MAX (64u << 10)

#define READY_ITSELF                                                                                         \
	2048 /* bytes of memory: the response of libmicrohttpd with its headers, and what is around it */
#define READY_TAKES_MAX (READY_ITSELF + READY_MEMORY_MAX)

struct ready;

/*
 * From a proven blob; takes its descriptor, and leaves it where it is when NULL. Bytes for memory are read and compared with their
 * digest. ERR_MISMATCH: they are others; ERR_CHANGED: the file was touched meanwhile.
 */
struct ready *ready_create(struct blob *blob, struct err *err) MUST_CHECK;
void ready_destroy(struct ready *ready);
/* The bytes of memory that it takes. */
size_t ready_memory(const struct ready *ready);
/* The archive's file is there under its name, and was not touched since: one system call. */
bool ready_holds(const struct ready *ready);
/* The request asks for nothing that a ready answer is not: no part, no condition. */
bool ready_suits(const struct request *request);
/* 200, with all headers of the contract. */
enum outcome reply_ready(struct request *request, const struct ready *ready);

#endif
