/*
 * GET and HEAD of an archive: the story of a request, hit or miss.
 */
#ifndef SERVER_ARCHIVE_ARCHIVE_H
#define SERVER_ARCHIVE_ARCHIVE_H

#include "server/http/request.h"

/*
 * Blobs up to this size are read again before they are sent, when that is due; larger ones while they are
 * sent.
 */
#define PROVE_INLINE_MAX (1u << 20)

/* The handler of KIND_ARCHIVE. */
handler_fn archive_get;

#endif
