/*
 * Metrics: counters that any thread raises without a lock, and their Prometheus text.
 */
#ifndef SERVER_ADMIN_METRICS_H
#define SERVER_ADMIN_METRICS_H

#include <stdint.h>

#include "server/http/request.h"
#include "server/watch/event_text.h"
#include "storage/base/text.h"
#include "storage/index/event_rows.h"

enum metric {
#define METRIC(name, prometheus_name, help) METRIC_##name,
#include "server/admin/metrics.def"
#undef METRIC
	METRICS
};

struct metrics;

struct metrics *metrics_create(void);
void metrics_destroy(struct metrics *metrics);
/* metrics may be NULL: nothing is counted. Any thread, no lock. */
void metrics_add(struct metrics *metrics, enum metric metric, uint64_t count);
uint64_t metrics_get(struct metrics *metrics, enum metric metric);
/* One request answered; any status outside 100…599 counts as 0. No lock. */
void metrics_request(struct metrics *metrics, enum request_kind kind, int status);

#define METRICS_HOSTS_MAX 1000 /* hosts with rows of their own; the rest are counted under "other" */
/*
 * One contact with an origin ended: outcome is "served", "gone", "changed", "timeout", "refused", … (a short,
 * fixed word). Takes a lock.
 */
void metrics_upstream(struct metrics *metrics, const char *host, const char *outcome);

/* One event that larder noticed. No lock. */
void metrics_event(struct metrics *metrics, enum cause_kind kind, enum event_level level);
/* One of those grew. No lock. */
void metrics_event_grew(struct metrics *metrics, enum cause_kind kind, enum event_level level);

/* Everything: counters, labelled ones, and the gauges of the parts of larder that are there. */
void metrics_render(struct larder *larder, struct text *ret);

#endif
