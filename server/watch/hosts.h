/*
 * The hosts that the patrol asks: when each may be asked again, which of them rest, and how they like to be asked. Times are
 * arguments: spacing by clock_ms, rests by the wall clock, since they outlive restarts.
 *
 * One thread.
 */
#ifndef SERVER_WATCH_HOSTS_H
#define SERVER_WATCH_HOSTS_H

#include <stddef.h>
#include <stdint.h>

#include "server/upstream/probe.h"

#define HOSTS_MAX          4096             /* remembered; one that is idle makes room for another */
#define HOSTS_QUEUE_MAX    32               /* origins of one host in the batch; further ones are put off */
#define HOSTS_REST_MS      (24 * 3600000ll) /* after a 429 … */
#define HOSTS_REST_MAX_MS  (30 * 24 * 3600000ll) /* … and at most, whatever the host says */
#define HOSTS_SUSPECTED_MS 3600000ll             /* a host that failed so lately is no witness */

struct hosts;
struct host;

struct hosts *hosts_create(int64_t spacing_ms);
void hosts_destroy(struct hosts *hosts); /* NULL is nothing */

/* The host with this name (of length bytes, as the beginning of a site); valid until the next hosts_get while it is idle. */
struct host *hosts_get(struct hosts *hosts, const char *name, size_t length);

const char *host_name(const struct host *host);

/* How an origin of this host is asked first. HEAD, until it refused that. */
enum probe_kind host_kind(const struct host *host);
void host_refused_head(struct host *host);

/* An origin of it came into the batch, and left it. */
void host_queue(struct host *host);
void host_leave(struct host *host);
size_t host_queued(const struct host *host);

/* When it may be asked, by clock_ms; INT64_MAX: it is being asked. */
int64_t host_free_at(const struct host *host);
void host_begin(struct hosts *hosts, struct host *host, int64_t now_ms);
void host_end(struct host *host);
/* It was asked too, by a redirect of another host's: it may not be asked sooner than if it had been meant. */
void host_charge(struct hosts *hosts, struct host *host, int64_t now_ms);

/* Leaves it alone until then, by the wall clock; never shorter than before. */
void host_rest(struct host *host, int64_t until_wall_ms);
/* 0: it does not rest. What lies further ahead than HOSTS_REST_MAX_MS was set by a clock that was wrong. */
int64_t host_rests_until(const struct host *host, int64_t now_wall_ms);
size_t hosts_resting(const struct hosts *hosts, int64_t now_wall_ms);

/* A moment for one more origin that is put off: after not_before, and after the others that were. By the wall clock. */
int64_t host_put_off(struct hosts *hosts, struct host *host, int64_t not_before_wall_ms, int64_t now_wall_ms);

void host_failed(struct host *host, int64_t now_wall_ms);
enum host_standing { HOST_IN_GOOD_STANDING, HOST_SUSPECTED };
enum host_standing host_standing(const struct host *host, int64_t now_wall_ms);

#endif
