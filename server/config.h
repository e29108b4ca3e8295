/*
 * The configuration: one typed value, read once from a file, the command line and the defaults. Read-only
 * after start; a reload makes a new one. Times in milliseconds, sizes in bytes.
 */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/err.h"
#include "storage/base/log.h"
#include "storage/digest.h"
#include "storage/index/event_rows.h"

struct config_list {
	char **items;
	size_t count;
};

struct config_mirror {
	char *name;
	char *url;                              /* with {algo}, {hash:2} and {hash} */
	enum digest_algo digests[DIGEST_ALGOS]; /* the ones it serves by, best first */
	size_t n_digests;
	int line;      /* of the file, where the section is; 0: it is of no file */
	bool built_in; /* nobody wrote it */
};

struct config_catalog {
	char *name;
	char *source;       /* path or http(s) URL */
	int64_t refresh_ms; /* 0: only at start */
};

struct config_rewrite {
	char *from, *to; /* URL prefixes */
};

struct config_webhook {
	char *name;
	char *url;
	char *secret_file;      /* "": what is sent is not signed */
	enum event_level level; /* the least that is sent */
	int line;               /* of the file, where the section is; 0: it is of no file */
};

struct config_fetch {
	int64_t transfers, per_host;
	int64_t connect_timeout_ms, first_byte_timeout_ms, overtake_after_ms; /* the last 0: never */
	uint64_t min_rate;                                                    /* bytes a second, over … */
	int64_t min_rate_over_ms;
	int64_t miss_deadline_ms;
	uint64_t verify_before_send, max_archive;
	int64_t redirects;
	int64_t negative_ttl_ms;
	struct config_list allow_private; /* networks: "10.1.0.0/16" */
	int64_t *allow_ports;
	size_t n_allow_ports;
	char *proxy, *ca_file, *user_agent; /* "" where none */
};

struct config_limits {
	int64_t connections, connections_per_address; /* 0: no limit */
	int64_t header_timeout_ms, idle_timeout_ms;
	uint64_t min_rate; /* bytes a second a client takes, over 30 s */
	int64_t flights;
	struct config_list trusted_proxies; /* networks */
};

struct config {
	char *path;  /* of the file; NULL: embedded defaults */
	char *store; /* directory */
	struct config_list listen;
	int64_t workers; /* never 0 after config_load */
	bool default_mirrors, software_heritage;
	struct config_mirror *mirrors; /* the default ones are in here when they apply */
	size_t n_mirrors;
	struct config_catalog *catalogs;
	size_t n_catalogs;
	struct config_rewrite *rewrites; /* longest prefix first */
	size_t n_rewrites;
	struct config_webhook *webhooks;
	size_t n_webhooks;
	struct config_fetch fetch;
	struct config_limits limits;
	struct {
		uint64_t max_archive;
		int64_t at_once, failures; /* failures: a minute from one address */
	} uploads;
	struct {
		bool open;
		uint64_t max_archive;
		int64_t per_hour; /* from one address */
	} donations;
	struct {
		uint64_t min_free, max_size;
		int64_t scrub_interval_ms; /* 0: off */
	} space;
	struct {
		bool patrol;
		int64_t interval_ms, per_host_interval_ms;
		uint64_t full_per_day; /* bytes */
		uint64_t max_drift_bytes;
	} watch;
	struct {
		uint64_t memory;
		int64_t files;
	} hot;
	struct {
		enum log_level level;
		enum log_format format;
		bool access;
	} log;
};

/* One -o NAME=VALUE of the command line, in their order; later ones win over the file. */
struct config_override {
	const char *name, *value;
};

/*
 * path NULL: no file is read, the defaults hold. ERR_CONFIG names file, line and what would be right. The
 * caller owns the result.
 */
struct config *config_load(const char *path, const struct config_override *overrides, size_t n_overrides,
        struct err *err) MUST_CHECK;
/* The same for text in memory; name is for messages, NULL when the text is empty because there is no file. */
struct config *config_parse(const char *name, const char *text, const struct config_override *overrides,
        size_t n_overrides, struct err *err) MUST_CHECK;
void config_destroy(struct config *config); /* NULL is nothing */

#define CONFIG_FILE_MAX (1u << 20) /* bytes */

#endif
