/*
 * The policy: where larder may go out to. Schemes, ports and URLs are looked at before a transfer begins, the
 * address itself when the socket is made: whatever a name, a number or a redirect was meant to hide is an
 * address by then.
 *
 * Read-only after policy_create; any thread.
 */
#ifndef SERVER_UPSTREAM_POLICY_H
#define SERVER_UPSTREAM_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "server/config.h"
#include "storage/base/err.h"

struct policy;

/* Copies what it needs. ERR_CONFIG names the network that is none. */
struct policy *policy_create(const struct config_fetch *fetch, struct err *err) MUST_CHECK;
void policy_destroy(struct policy *policy);

enum policy_answer {
	POLICY_ALLOWED,
	POLICY_NO_URL, /* not one that larder can read */
	POLICY_SCHEME, /* neither http nor https */
	POLICY_CREDENTIALS, /* a user name or password: refused and not stripped, since without them it is another request */
	POLICY_PORT,    /* not one of fetch.allow_ports */
	POLICY_ADDRESS, /* not public, nor one of fetch.allow_private */
};
const char *policy_answer_text(enum policy_answer answer); /* for people: "neither http nor https" */

#define PLACE_MAX 272 /* a host name and a port */

/* Whom a URL asks: "gitlab.com", "[2001:db8::1]:8080"; lower case, the scheme's own port left out. */
struct place {
	char host[PLACE_MAX];
};

/*
 * ret is set, if only to "", whatever the answer. A host that is an address is judged as one, unless a proxy looks after
 * that; a name is not looked up.
 */
enum policy_answer policy_url(const struct policy *policy, const char *url, struct place *ret);

/*
 * The address of a socket about to be made. No private, loopback, link-local, multicast, documentation or
 * otherwise special IPv4 (RFC 6890); of IPv6 only 2000::/3 less its special parts, with addresses that carry
 * an IPv4 one (::ffff:0:0/96, 64:ff9b::/96) judged by that. fetch.allow_private opens networks. The port must
 * be allowed too.
 */
enum policy_answer policy_address(const struct policy *policy, const struct sockaddr *address);

#define POLICY_REFUSAL_MAX 96 /* bytes with the terminator; longer is cut */
/* Of an address that is not allowed: "10.0.0.7: neither public nor in fetch.allow_private". */
void policy_refusal(enum policy_answer answer, const struct sockaddr *address, char ret[POLICY_REFUSAL_MAX]);

#endif
