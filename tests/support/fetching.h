/*
 * A fetcher between scripted origins and stand-ins for everything else: what the tests of the fetcher set up,
 * name, ask and expect.
 */
#ifndef TESTS_SUPPORT_FETCHING_H
#define TESTS_SUPPORT_FETCHING_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/config.h"
#include "server/upstream/fetcher.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "tests/support/fake_archive.h"
#include "tests/support/scripted_origin.h"

#define RIGHT       "the right bytes"
#define CLOSED_PORT 1 /* nobody listens there */

struct world {
	struct config config;
	char *networks[1];
	int64_t ports[4];
	struct config_mirror mirror;
	char *mirror_url;
	struct fake_catalog catalog;
	struct metrics *metrics;
	struct scripted_origin *origin, *other;
	struct fetcher *fetcher;
	struct digest asked;
};

static char loopback[] = "127.0.0.0/8", none[] = "", agent[] = "larder/test";

static inline int
set_up(void **state)
{
	struct world *world = xcalloc(1, sizeof *world);
	struct config_fetch *fetch = &world->config.fetch;

	log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	world->origin = scripted_origin_start();
	world->other = scripted_origin_start();
	world->networks[0] = loopback;
	world->ports[0] = scripted_origin_port(world->origin);
	world->ports[1] = scripted_origin_port(world->other);
	world->ports[2] = CLOSED_PORT;
	*fetch = (struct config_fetch){.transfers = 64,
	        .per_host = 8,
	        .connect_timeout_ms = 5000,
	        .first_byte_timeout_ms = 5000,
	        .min_rate = 1,
	        .min_rate_over_ms = 30000,
	        .max_archive = 1u << 20,
	        .redirects = 3,
	        .allow_private = {world->networks, 1},
	        .allow_ports = world->ports,
	        .n_allow_ports = 3,
	        .proxy = none,
	        .ca_file = none,
	        .user_agent = agent};
	pthread_mutex_init(&world->catalog.mutex, NULL);
	world->metrics = fake_metrics_create();
	world->asked = (struct digest){.algo = DIGEST_SHA256, .bytes = {0xab, 0xcd}};
	*state = world;
	return 0;
}

static inline void
start(struct world *world)
{
	struct err err = ERR_NONE;

	world->fetcher = fetcher_create(&world->config, fake_store(&world->catalog), world->metrics, &err);
	assert_non_null(world->fetcher);
}

static inline int
tear_down(void **state)
{
	struct world *world = *state;

	fetcher_destroy(world->fetcher);
	scripted_origin_stop(world->origin);
	scripted_origin_stop(world->other);
	fake_metrics_destroy(world->metrics);
	for (size_t i = 0; i < world->catalog.count; i++)
		free(world->catalog.urls[i]);
	pthread_mutex_destroy(&world->catalog.mutex);
	free(world->mirror_url);
	free(world);
	return 0;
}

/* The catalog names this URL for whatever is asked. */
static inline void name_url(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);

static inline void
name_url(struct world *world, const char *format, ...)
{
	char url[512];
	va_list args;

	va_start(args, format);
	vsnprintf(url, sizeof url, format, args);
	va_end(args);
	assert_true(world->catalog.count < FAKE_ORIGINS_MAX);
	world->catalog.urls[world->catalog.count++] = xstrdup(url);
}

/* The last one. */
static inline void
unname(struct world *world)
{
	free(world->catalog.urls[--world->catalog.count]);
}

static inline void
name(struct world *world, const char *path)
{
	name_url(world, "http://127.0.0.1:%u%s", scripted_origin_port(world->origin), path);
}

static inline void
name_other(struct world *world, const char *path)
{
	name_url(world, "http://127.0.0.1:%u%s", scripted_origin_port(world->other), path);
}

static inline void
configure_mirror(struct world *world)
{
	struct text url = TEXT_EMPTY;

	text_addf(&url, "http://127.0.0.1:%u/mirror/{algo}/{hash:2}", scripted_origin_port(world->other));
	world->mirror_url = text_take(&url);
	world->mirror =
	        (struct config_mirror){.url = world->mirror_url, .digests = {DIGEST_SHA256}, .n_digests = 1};
	world->config.mirrors = &world->mirror;
	world->config.n_mirrors = 1;
}

static inline struct flight *
submit(struct world *world, struct flight *flight)
{
	struct err err = ERR_NONE;

	flight_hold(flight);
	assert_true(fetcher_submit(world->fetcher, flight, &err));
	return flight;
}

/* A flight for the right bytes, until it is over. The caller releases it. */
static inline struct flight *
ask(struct world *world)
{
	struct flight *flight = submit(world, fake_flight(&world->asked, RIGHT, strlen(RIGHT)));

	fake_wait(flight);
	return flight;
}

/* It ends well; releases it. */
static inline void
expect_settled(struct flight *flight)
{
	fake_wait(flight);
	if (flight->failed)
		fail_msg("failed: %s", flight->err.text);
	assert_true(flight->settled);
	flight_release(flight);
}

static inline void
expect_landed(struct world *world)
{
	expect_settled(ask(world));
}

static inline void
expect_failed(struct world *world, enum err_code code, const char *part)
{
	struct flight *flight = ask(world);

	assert_true(flight->failed);
	if (flight->err.code != code || strstr(flight->err.text, part) == NULL)
		fail_msg("%s, %s instead of %s with \"%s\"", err_name(flight->err.code), flight->err.text,
		        err_name(code), part);
	flight_release(flight);
}

static inline void
serve_right(struct scripted_origin *origin, const char *path)
{
	scripted_serve(origin, path, RIGHT, strlen(RIGHT));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
