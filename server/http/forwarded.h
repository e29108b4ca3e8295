/*
 * X-Forwarded-For and X-Forwarded-Proto: who is the client behind the trusted proxies, and how did he come? Pure functions.
 */
#ifndef SERVER_HTTP_FORWARDED_H
#define SERVER_HTTP_FORWARDED_H

#include "server/net.h"

/*
 * The last address of the list that is no trusted proxy, as seen from peer: a list is believed only from
 * right to left and only as long as each address it was added by is trusted. Without a list, from an
 * untrusted peer, or where the list holds nonsense: the last address believed.
 */
struct address forwarded_client(
        const char *header, const struct networks *trusted, const struct address *peer);

/* "https" where the peer is a trusted proxy and says so: what it added, the last of a list, counts. Else "http". */
const char *forwarded_scheme(const char *header, const struct networks *trusted, const struct address *peer);

#endif
