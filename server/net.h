/*
 * Addresses and networks: an IP address as a value, "10.1.0.0/16" as people write it, and whether one lies in
 * the other. An IPv4 address inside IPv6 (::ffff:10.1.2.3) is the IPv4 address, everywhere.
 */
#ifndef SERVER_NET_H
#define SERVER_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "storage/base/err.h"

struct address {
	int family;        /* AF_INET or AF_INET6; 0: none */
	uint8_t bytes[16]; /* network order; the first 4 of AF_INET, the rest 0 */
};

#define ADDRESS_TEXT_MAX 48

/* False: the family is neither IPv4 nor IPv6 (a unix socket), ret is all zero. */
bool address_of(const struct sockaddr *from, struct address *ret);
/* A numeric address and nothing else: "10.1.2.3", "2001:db8::1". */
bool address_parse(const char *text, struct address *ret);
void address_text(const struct address *address, char ret[ADDRESS_TEXT_MAX]); /* "-" for none */
bool address_equal(const struct address *a, const struct address *b);
/* The address with everything past its first bits cleared. */
struct address address_masked(const struct address *address, unsigned bits);

struct network {
	struct address base;
	unsigned bits; /* of the prefix: 0…32 or 0…128 */
};

/*
 * "10.1.0.0/16", "2001:db8::/32", or one address. ERR_CONFIG says what would be right; bits past the prefix
 * must be zero.
 */
bool network_parse(const char *text, struct network *ret, struct err *err) MUST_CHECK;
bool network_has(const struct network *network, const struct address *address);

struct networks {
	struct network *items;
	size_t count;
};

/*
 * All of a list of texts (struct config_list), or an error that names the wrong one. The result is the
 * caller's.
 */
bool networks_parse(char *const *texts, size_t count, struct networks *ret, struct err *err) MUST_CHECK;
bool networks_contain(const struct networks *networks, const struct sockaddr *address);
bool networks_have(const struct networks *networks, const struct address *address);
void networks_finish(struct networks *networks);

#endif
