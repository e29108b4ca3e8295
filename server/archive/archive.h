/*
 * GET and HEAD of an archive: the story of a request, hit or miss.
 */
#ifndef SERVER_ARCHIVE_ARCHIVE_H
#define SERVER_ARCHIVE_ARCHIVE_H

#include "server/http/request.h"

/* The handler of KIND_ARCHIVE. */
handler_fn archive_get;

#endif
