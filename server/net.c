/*
 * Addresses and networks. Any thread; values only. Must never ask a name server.
 */
#include "server/net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "storage/base/text.h"

static bool
address_set(int family, const void *bytes, struct address *ret)
{
	static const uint8_t v4_inside_v6[12] = {[10] = 0xff, [11] = 0xff};
	const uint8_t *from = bytes;

	*ret = (struct address){.family = family};
	if (family == AF_INET6 && memcmp(from, v4_inside_v6, sizeof v4_inside_v6) == 0) {
		ret->family = AF_INET;
		from += sizeof v4_inside_v6;
	}
	memcpy(ret->bytes, from, ret->family == AF_INET ? 4 : 16);
	return true;
}

bool
address_of(const struct sockaddr *from, struct address *ret)
{
	*ret = (struct address){0};
	if (from->sa_family == AF_INET)
		return address_set(AF_INET, &((const struct sockaddr_in *)from)->sin_addr, ret);
	if (from->sa_family == AF_INET6)
		return address_set(AF_INET6, &((const struct sockaddr_in6 *)from)->sin6_addr, ret);
	return false;
}

bool
address_parse(const char *text, struct address *ret)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		return address_set(AF_INET, bytes, ret);
	if (inet_pton(AF_INET6, text, bytes) == 1)
		return address_set(AF_INET6, bytes, ret);
	return false;
}

void
address_text(const struct address *address, char ret[ADDRESS_TEXT_MAX])
{
	if (address->family == 0 || inet_ntop(address->family, address->bytes, ret, ADDRESS_TEXT_MAX) == NULL)
		memcpy(ret, "-", 2);
}

bool
address_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

struct address
address_masked(const struct address *address, unsigned bits)
{
	struct address masked = {.family = address->family};
	unsigned whole = bits / 8;

	memcpy(masked.bytes, address->bytes, whole);
	if (bits % 8 != 0)
		masked.bytes[whole] = (uint8_t)(address->bytes[whole] & (0xff00u >> bits % 8));
	return masked;
}

bool
network_parse(const char *text, struct network *ret, struct err *err)
{
	char base[ADDRESS_TEXT_MAX + 16], masked_text[ADDRESS_TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t length = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct network network;
	struct address masked;
	uint64_t bits, most;

	if (length >= sizeof base)
		return err_set(err, ERR_CONFIG, "no network is that long: \"%.60s…\"", text);
	memcpy(base, text, length);
	base[length] = '\0';
	if (!address_parse(base, &network.base))
		return err_set(err, ERR_CONFIG,
		        "\"%s\" is no network; write one as 10.1.0.0/16 or 2001:db8::/32", text);
	most = network.base.family == AF_INET ? 32 : 128;
	bits = most;
	if (slash != NULL && (!text_parse_number(slash + 1, &bits) || bits > most))
		return err_set(
		        err, ERR_CONFIG, "\"%s\": the prefix is a number from 0 to %u", text, (unsigned)most);
	network.bits = (unsigned)bits;
	masked = address_masked(&network.base, network.bits);
	if (!address_equal(&masked, &network.base)) {
		address_text(&masked, masked_text);
		return err_set(err, ERR_CONFIG, "\"%s\" has bits set past its prefix; write %s/%u", text,
		        masked_text, network.bits);
	}
	*ret = network;
	return true;
}

bool
network_has(const struct network *network, const struct address *address)
{
	struct address masked;

	if (address->family != network->base.family)
		return false;
	masked = address_masked(address, network->bits);
	return address_equal(&masked, &network->base);
}

bool
networks_parse(char *const *texts, size_t count, struct networks *ret, struct err *err)
{
	struct networks networks = {.items = xcalloc(count, sizeof *networks.items), .count = count};

	for (size_t i = 0; i < count; i++) {
		if (!network_parse(texts[i], &networks.items[i], err)) {
			networks_finish(&networks);
			return false;
		}
	}
	*ret = networks;
	return true;
}

bool
networks_have(const struct networks *networks, const struct address *address)
{
	for (size_t i = 0; i < networks->count; i++)
		if (network_has(&networks->items[i], address))
			return true;
	return false;
}

bool
networks_contain(const struct networks *networks, const struct sockaddr *address)
{
	struct address value;

	return address_of(address, &value) && networks_have(networks, &value);
}

void
networks_finish(struct networks *networks)
{
	free(networks->items);
	*networks = (struct networks){0};
}
