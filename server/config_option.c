/*
 * The types of options: how each is read from text, and what is said when it cannot be. Any thread; touches
 * nothing but the value it is given.
 */
#include "server/config_option.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/config.h"
#include "server/net.h"
#include "storage/base/text.h"

#define OPTION(owner, section, name, type, member, default_text, lowest, highest, explanation)               \
	{section, #name, CONFIG_##type, offsetof(struct owner, member), default_text, lowest, highest,       \
	        explanation},
const struct config_option config_options[] = {
#include "server/config.def"
};
#undef OPTION

const size_t config_n_options = COUNT_OF(config_options);

/*
 * Reads text into *place, or only looks at it when place is NULL. The error is the sentence behind the
 * option's name.
 */
typedef bool parse_fn(const struct config_option *option, void *place, const char *text, struct err *err);

static parse_fn parse_text, parse_number, parse_size, parse_duration, parse_yes_no, parse_url,
        parse_url_or_none, parse_mirror_url, parse_level, parse_format, parse_event_level, parse_address,
        parse_network, parse_port, parse_digest;

static parse_fn *const parsers[] = {
        [CONFIG_TEXT] = parse_text,
        [CONFIG_NUMBER] = parse_number,
        [CONFIG_SIZE] = parse_size,
        [CONFIG_DURATION] = parse_duration,
        [CONFIG_YES_NO] = parse_yes_no,
        [CONFIG_URL] = parse_url,
        [CONFIG_URL_OR_NONE] = parse_url_or_none,
        [CONFIG_MIRROR_URL] = parse_mirror_url,
        [CONFIG_LEVEL] = parse_level,
        [CONFIG_FORMAT] = parse_format,
        [CONFIG_EVENT_LEVEL] = parse_event_level,
        [CONFIG_ADDRESSES] = parse_address,
        [CONFIG_NETWORKS] = parse_network,
        [CONFIG_PORTS] = parse_port,
        [CONFIG_DIGESTS] = parse_digest,
};

const struct config_option *
config_option_find(const char *section, const char *name)
{
	for (size_t i = 0; i < config_n_options; i++)
		if (strcmp(config_options[i].section, section) == 0 &&
		        strcmp(config_options[i].name, name) == 0)
			return &config_options[i];
	return NULL;
}

bool
config_option_is_list(const struct config_option *option)
{
	return option->type >= CONFIG_ADDRESSES;
}

bool
config_option_set(const struct config_option *option, void *base, const char *text, struct err *err)
{
	void *place = base != NULL ? (char *)base + option->offset : NULL;

	if (parsers[option->type](option, place, text, err))
		return true;
	return err_wrap(err, "%s%s%s", option->section, *option->section != '\0' ? "." : "", option->name);
}

/* The struct around a list whose length stands beside it. */
#define AROUND(place, type, member) ((type *)(void *)((char *)(place)-offsetof(type, member)))

void
config_option_clear(const struct config_option *option, void *base)
{
	void *place = (char *)base + option->offset;

	switch (option->type) {
	case CONFIG_TEXT:
	case CONFIG_URL:
	case CONFIG_URL_OR_NONE:
	case CONFIG_MIRROR_URL:
		free(*(char **)place);
		*(char **)place = NULL;
		return;
	case CONFIG_ADDRESSES:
	case CONFIG_NETWORKS: {
		struct config_list *list = place;

		for (size_t i = 0; i < list->count; i++)
			free(list->items[i]);
		free(list->items);
		*list = (struct config_list){0};
		return;
	}
	case CONFIG_PORTS: {
		struct config *config = AROUND(place, struct config, fetch.allow_ports);

		free(config->fetch.allow_ports);
		config->fetch.allow_ports = NULL;
		config->fetch.n_allow_ports = 0;
		return;
	}
	case CONFIG_DIGESTS:
		AROUND(place, struct config_mirror, digests)->n_digests = 0;
		return;
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
	case CONFIG_DURATION:
	case CONFIG_YES_NO:
	case CONFIG_LEVEL:
	case CONFIG_FORMAT:
	case CONFIG_EVENT_LEVEL:
		return;
	}
}

static bool
same_items(const struct config_list *a, const struct config_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static bool
same_digests(const struct config_mirror *a, const struct config_mirror *b)
{
	return a->n_digests == b->n_digests &&
	       memcmp(a->digests, b->digests, a->n_digests * sizeof a->digests[0]) == 0;
}

static bool
same_ports(const struct config_fetch *a, const struct config_fetch *b)
{
	return a->n_allow_ports == b->n_allow_ports &&
	       memcmp(a->allow_ports, b->allow_ports, a->n_allow_ports * sizeof a->allow_ports[0]) == 0;
}

bool
config_option_equal(const struct config_option *option, const void *a, const void *b)
{
	const void *left = (const char *)a + option->offset, *right = (const char *)b + option->offset;

	switch (option->type) {
	case CONFIG_TEXT:
	case CONFIG_URL:
	case CONFIG_URL_OR_NONE:
	case CONFIG_MIRROR_URL:
		return strcmp(*(char *const *)left, *(char *const *)right) == 0;
	case CONFIG_NUMBER:
	case CONFIG_SIZE:
	case CONFIG_DURATION:
		return memcmp(left, right, sizeof(int64_t)) == 0;
	case CONFIG_YES_NO:
		return *(const bool *)left == *(const bool *)right;
	case CONFIG_LEVEL:
		return *(const enum log_level *)left == *(const enum log_level *)right;
	case CONFIG_FORMAT:
		return *(const enum log_format *)left == *(const enum log_format *)right;
	case CONFIG_EVENT_LEVEL:
		return *(const enum event_level *)left == *(const enum event_level *)right;
	case CONFIG_ADDRESSES:
	case CONFIG_NETWORKS:
		return same_items(left, right);
	case CONFIG_PORTS:
		return same_ports(&((const struct config *)a)->fetch, &((const struct config *)b)->fetch);
	case CONFIG_DIGESTS:
		return same_digests(a, b);
	}
	return false;
}

/* Takes nothing of text: a copy replaces what was there. */
static bool
put_string(void *place, const char *text)
{
	char **string = place;

	if (string == NULL)
		return true;
	free(*string);
	*string = xstrdup(text);
	return true;
}

static bool
put_item(void *place, const char *text)
{
	struct config_list *list = place;

	if (list == NULL)
		return true;
	list->items = xrealloc(list->items, (list->count + 1) * sizeof list->items[0]);
	list->items[list->count++] = xstrdup(text);
	return true;
}

static bool
parse_text(const struct config_option *option, void *place, const char *text, struct err *err)
{
	for (const char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return err_set(err, ERR_CONFIG, "control characters are not allowed here");
	if (option->default_text == NULL && *text == '\0')
		return err_set(err, ERR_CONFIG, "must not be empty");
	return put_string(place, text);
}

/* The limits of config.def are written with units, as people read them. */
static bool
refuse_range(const struct config_option *option, const char *text, struct err *err)
{
	return err_set(err, ERR_CONFIG, "'%.40s' is out of range; %s to %s is possible", text, option->lowest,
	        option->highest);
}

static bool
parse_number(const struct config_option *option, void *place, const char *text, struct err *err)
{
	uint64_t value, lowest = 0, highest = 0;

	if (!text_parse_number(text, &value))
		return err_set(err, ERR_CONFIG, "'%.40s' is no number; write one from %s to %s", text,
		        option->lowest, option->highest);
	if (!text_parse_number(option->lowest, &lowest) || !text_parse_number(option->highest, &highest) ||
	        value < lowest || value > highest)
		return refuse_range(option, text, err);
	if (place != NULL)
		*(int64_t *)place = (int64_t)value;
	return true;
}

static bool
parse_size(const struct config_option *option, void *place, const char *text, struct err *err)
{
	uint64_t value, lowest = 0, highest = 0;

	if (!text_parse_size(text, &value))
		return err_set(err, ERR_CONFIG,
		        "'%.40s' is no size; write a number with B, KiB, MiB, GiB or TiB", text);
	if (!text_parse_size(option->lowest, &lowest) || !text_parse_size(option->highest, &highest) ||
	        value < lowest || value > highest)
		return refuse_range(option, text, err);
	if (place != NULL)
		*(uint64_t *)place = value;
	return true;
}

static bool
parse_duration(const struct config_option *option, void *place, const char *text, struct err *err)
{
	int64_t value, lowest = 0, highest = 0;

	if (!text_parse_duration(text, &value))
		return err_set(
		        err, ERR_CONFIG, "'%.40s' is no time; write a number with ms, s, m, h or d", text);
	if (!text_parse_duration(option->lowest, &lowest) ||
	        !text_parse_duration(option->highest, &highest) || value < lowest || value > highest)
		return refuse_range(option, text, err);
	if (place != NULL)
		*(int64_t *)place = value;
	return true;
}

static bool
parse_yes_no(const struct config_option *option, void *place, const char *text, struct err *err)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {
	        {"yes", true}, {"no", false}, {"true", true}, {"false", false}, {"on", true}, {"off", false}};

	(void)option;
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcasecmp(text, words[i].word) != 0)
			continue;
		if (place != NULL)
			*(bool *)place = words[i].value;
		return true;
	}
	return err_set(err, ERR_CONFIG, "'%.40s' is neither yes nor no", text);
}

static bool
is_http_url(const char *text)
{
	const char *host = text_starts_with(text, "http://")    ? text + 7
	                   : text_starts_with(text, "https://") ? text + 8
	                                                        : NULL;

	if (host == NULL || *host == '\0' || *host == '/')
		return false;
	for (const char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f)
			return false;
	return true;
}

static bool
parse_url(const struct config_option *option, void *place, const char *text, struct err *err)
{
	(void)option;
	if (!is_http_url(text))
		return err_set(
		        err, ERR_CONFIG, "'%.80s' is no URL that begins with http:// or https://", text);
	return put_string(place, text);
}

static bool
parse_url_or_none(const struct config_option *option, void *place, const char *text, struct err *err)
{
	return *text == '\0' ? put_string(place, text) : parse_url(option, place, text, err);
}

static bool
parse_mirror_url(const struct config_option *option, void *place, const char *text, struct err *err)
{
	if (strstr(text, "{hash}") == NULL)
		return err_set(err, ERR_CONFIG,
		        "'%.80s' does not say where the digest goes; write it as "
		        "https://host/{algo}/{hash:2}/{hash}",
		        text);
	return parse_url(option, place, text, err);
}

static bool
parse_level(const struct config_option *option, void *place, const char *text, struct err *err)
{
	enum log_level level;

	(void)option;
	if (!log_level_parse(text, &level))
		return err_set(
		        err, ERR_CONFIG, "'%.40s' is no level; write error, warning, info or debug", text);
	if (place != NULL)
		*(enum log_level *)place = level;
	return true;
}

static bool
parse_format(const struct config_option *option, void *place, const char *text, struct err *err)
{
	enum log_format format;

	(void)option;
	if (!log_format_parse(text, &format))
		return err_set(err, ERR_CONFIG, "'%.40s' is no format; write text or json", text);
	if (place != NULL)
		*(enum log_format *)place = format;
	return true;
}

static bool
parse_event_level(const struct config_option *option, void *place, const char *text, struct err *err)
{
	enum event_level level;

	(void)option;
	if (!event_level_find(text, &level) || level == EVENT_AUDIT)
		return err_set(err, ERR_CONFIG, "'%.40s' is no level; write info, warning or urgent", text);
	if (place != NULL)
		*(enum event_level *)place = level;
	return true;
}

/* ADDRESS:PORT, where the address of IPv6 stands in brackets. The listener reads it again when it binds. */
static bool
parse_address(const struct config_option *option, void *place, const char *text, struct err *err)
{
	const char *colon = strrchr(text, ':');
	struct address address;
	uint64_t port;
	bool bracketed = *text == '[';
	size_t length = colon != NULL ? (size_t)(colon - text) : 0;
	char host[ADDRESS_TEXT_MAX];

	(void)option;
	if (colon == NULL || !text_parse_number(colon + 1, &port) || port > 65535 || length < 3 ||
	        length >= sizeof host || (bracketed && text[length - 1] != ']'))
		return err_set(err, ERR_CONFIG,
		        "'%.80s' is no address; write it as 127.0.0.1:8080 or [::1]:8080", text);
	snprintf(host, sizeof host, "%.*s", (int)(length - (bracketed ? 2 : 0)), text + (bracketed ? 1 : 0));
	if (!address_parse(host, &address) || (strchr(host, ':') != NULL) != bracketed)
		return err_set(err, ERR_CONFIG,
		        "'%.80s' has no numeric address; write it as 127.0.0.1:8080 or [::1]:8080", text);
	return put_item(place, text);
}

static bool
parse_network(const struct config_option *option, void *place, const char *text, struct err *err)
{
	struct network network;

	(void)option;
	if (!network_parse(text, &network, err))
		return false;
	return put_item(place, text);
}

static bool
parse_port(const struct config_option *option, void *place, const char *text, struct err *err)
{
	struct config *config;
	uint64_t port;

	(void)option;
	if (!text_parse_number(text, &port) || port < 1 || port > 65535)
		return err_set(err, ERR_CONFIG, "'%.40s' is no port; write a number from 1 to 65535", text);
	if (place == NULL)
		return true;
	config = AROUND(place, struct config, fetch.allow_ports);
	config->fetch.allow_ports = xrealloc(config->fetch.allow_ports,
	        (config->fetch.n_allow_ports + 1) * sizeof config->fetch.allow_ports[0]);
	config->fetch.allow_ports[config->fetch.n_allow_ports++] = (int64_t)port;
	return true;
}

static bool
parse_digest(const struct config_option *option, void *place, const char *text, struct err *err)
{
	enum digest_algo algo;
	struct config_mirror *mirror;

	(void)option;
	if (!digest_algo_parse(text, &algo))
		return err_set(
		        err, ERR_CONFIG, "'%.40s' is no digest; write md5, sha1, sha256 or sha512", text);
	if (place == NULL)
		return true;
	mirror = AROUND(place, struct config_mirror, digests);
	for (size_t i = 0; i < mirror->n_digests; i++)
		if (mirror->digests[i] == algo)
			return err_set(
			        err, ERR_CONFIG, "'%.40s' is listed twice; name each digest once", text);
	mirror->digests[mirror->n_digests++] = algo;
	return true;
}
