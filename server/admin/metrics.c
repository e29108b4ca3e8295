/*
 * Metrics. Any thread counts; what a hit counts goes to a shard of its processor, so that workers do not
 * share a cache line, and is only added up when somebody asks. Must never take a lock on the way of a hit.
 */
#include "server/admin/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "server/admin/gauges.h"
#include "storage/base/table.h"

#define SHARDS          16
#define CACHE_LINE      64
#define STATUS_FIRST    100
#define STATUS_LAST     599
#define STATUSES        (STATUS_LAST - STATUS_FIRST + 2) /* and one for all others, at 0 */
#define OUTCOMES_MAX    24 /* different outcomes of one host; further ones are not told apart */
#define OTHER_HOSTS     "other"
#define HOST_LENGTH_MAX 255

struct shard {
	_Alignas(CACHE_LINE) _Atomic uint64_t counters[METRICS];
	_Atomic uint64_t requests[REQUEST_KINDS][STATUSES];
};

struct outcome_count {
	const char *outcome; /* a fixed word, not owned */
	uint64_t count;
};

struct host {
	char *name;
	struct outcome_count outcomes[OUTCOMES_MAX];
	size_t n_outcomes;
	UT_hash_handle hh;
};

struct metrics {
	struct shard shards[SHARDS];
	_Atomic uint64_t events[CAUSE_KINDS][EVENT_LEVELS], grown[CAUSE_KINDS][EVENT_LEVELS];
	pthread_mutex_t mutex; /* guards hosts; a leaf of the lock order */
	struct host *hosts;
};

static const struct {
	const char *name, *help;
} counters[] = {
#define METRIC(name, prometheus_name, help) {"larder_" prometheus_name, help},
#include "server/admin/metrics.def"
#undef METRIC
};

struct metrics *
metrics_create(void)
{
	struct metrics *metrics = aligned_alloc(_Alignof(struct metrics), sizeof *metrics);

	if (metrics == NULL)
		abort();
	memset(metrics, 0, sizeof *metrics);
	pthread_mutex_init(&metrics->mutex, NULL);
	return metrics;
}

void
metrics_destroy(struct metrics *metrics)
{
	struct host *host, *next;

	if (metrics == NULL)
		return;
	HASH_ITER (hh, metrics->hosts, host, next) {
		HASH_DEL(metrics->hosts, host);
		free(host->name);
		free(host);
	}
	pthread_mutex_destroy(&metrics->mutex);
	free(metrics);
}

static struct shard *
my_shard(struct metrics *metrics)
{
	int processor = sched_getcpu();

	return &metrics->shards[processor < 0 ? 0 : processor % SHARDS];
}

void
metrics_add(struct metrics *metrics, enum metric metric, uint64_t count)
{
	if (metrics != NULL)
		atomic_fetch_add_explicit(&my_shard(metrics)->counters[metric], count, memory_order_relaxed);
}

uint64_t
metrics_get(struct metrics *metrics, enum metric metric)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < SHARDS; i++)
		sum += atomic_load_explicit(&metrics->shards[i].counters[metric], memory_order_relaxed);
	return sum;
}

void
metrics_request(struct metrics *metrics, enum request_kind kind, int status)
{
	int row = status >= STATUS_FIRST && status <= STATUS_LAST ? status - STATUS_FIRST + 1 : 0;

	if (metrics != NULL)
		atomic_fetch_add_explicit(&my_shard(metrics)->requests[kind][row], 1, memory_order_relaxed);
}

/* Under the lock. Once the table is full, those that are not in it share one row. */
static struct host *
host_find(struct metrics *metrics, const char *name)
{
	struct host *host;

	HASH_FIND_STR(metrics->hosts, name, host);
	if (host != NULL)
		return host;
	if (HASH_COUNT(metrics->hosts) >= METRICS_HOSTS_MAX && strcmp(name, OTHER_HOSTS) != 0)
		return host_find(metrics, OTHER_HOSTS);
	host = xcalloc(1, sizeof *host);
	host->name = xstrndup(name, strnlen(name, HOST_LENGTH_MAX));
	HASH_ADD_KEYPTR(hh, metrics->hosts, host->name, strlen(host->name), host);
	return host;
}

void
metrics_upstream(struct metrics *metrics, const char *host_name, const char *outcome)
{
	struct host *host;
	size_t i;

	if (metrics == NULL)
		return;
	pthread_mutex_lock(&metrics->mutex);
	host = host_find(metrics, host_name);
	for (i = 0; i < host->n_outcomes; i++)
		if (strcmp(host->outcomes[i].outcome, outcome) == 0)
			break;
	if (i == OUTCOMES_MAX)
		i = OUTCOMES_MAX - 1;
	if (i == host->n_outcomes)
		host->outcomes[host->n_outcomes++].outcome = outcome;
	host->outcomes[i].count++;
	pthread_mutex_unlock(&metrics->mutex);
}

void
metrics_event(struct metrics *metrics, enum cause_kind kind, enum event_level level)
{
	if (metrics != NULL)
		atomic_fetch_add_explicit(&metrics->events[kind][level], 1, memory_order_relaxed);
}

void
metrics_event_grew(struct metrics *metrics, enum cause_kind kind, enum event_level level)
{
	if (metrics != NULL)
		atomic_fetch_add_explicit(&metrics->grown[kind][level], 1, memory_order_relaxed);
}

/* --- as Prometheus text --- */

static void
render_counters(struct metrics *metrics, struct text *ret)
{
	for (size_t i = 0; i < METRICS; i++)
		text_addf(ret, "# HELP %s %s\n# TYPE %s counter\n%s %" PRIu64 "\n", counters[i].name,
		        counters[i].help, counters[i].name, counters[i].name,
		        metrics_get(metrics, (enum metric)i));
}

static uint64_t
requests_of(const struct metrics *metrics, size_t kind, size_t row)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < SHARDS; i++)
		sum += atomic_load_explicit(&metrics->shards[i].requests[kind][row], memory_order_relaxed);
	return sum;
}

static void
render_requests(const struct metrics *metrics, struct text *ret)
{
	static const char *const kinds[REQUEST_KINDS] = {
	        "archive", "upload", "api", "operating", "page", "other"};

	text_add(ret,
	        "# HELP larder_http_requests_total requests answered; status 0: cut short before an answer\n"
	        "# TYPE larder_http_requests_total counter\n");
	for (size_t kind = 0; kind < REQUEST_KINDS; kind++)
		for (size_t row = 0; row < STATUSES; row++) {
			uint64_t count = requests_of(metrics, kind, row);

			if (count > 0)
				text_addf(ret,
				        "larder_http_requests_total{kind=\"%s\",status=\"%zu\"} %" PRIu64
				        "\n",
				        kinds[kind], row > 0 ? row + STATUS_FIRST - 1 : 0, count);
		}
}

/*
 * Quotes, backslashes and newlines as the format wants them; a host's name holds none of them, but it comes
 * from outside.
 */
static void
add_label(struct text *ret, const char *value)
{
	for (; *value != '\0'; value++) {
		if (*value == '\n') {
			text_add(ret, "\\n");
			continue;
		}
		if (*value == '"' || *value == '\\')
			text_add(ret, "\\");
		text_add_bytes(ret, value, 1);
	}
}

static void
render_upstream(struct metrics *metrics, struct text *ret)
{
	struct host *host, *next;

	text_add(ret, "# HELP larder_upstream_outcomes_total contacts with origins by how they ended\n"
	              "# TYPE larder_upstream_outcomes_total counter\n");
	pthread_mutex_lock(&metrics->mutex);
	HASH_ITER (hh, metrics->hosts, host, next) {
		for (size_t i = 0; i < host->n_outcomes; i++) {
			text_add(ret, "larder_upstream_outcomes_total{host=\"");
			add_label(ret, host->name);
			text_addf(ret, "\",outcome=\"%s\"} %" PRIu64 "\n", host->outcomes[i].outcome,
			        host->outcomes[i].count);
		}
	}
	pthread_mutex_unlock(&metrics->mutex);
}

/* All of them from the start, so that the first one is seen as an increase. */
static void
render_event_counts(const char *name, _Atomic uint64_t counts[CAUSE_KINDS][EVENT_LEVELS], struct text *ret)
{
	text_addf(ret, "# TYPE %s counter\n", name);
	for (int kind = 0; kind < CAUSE_KINDS; kind++)
		for (int level = EVENT_INFO; level < EVENT_LEVELS; level++)
			text_addf(ret, "%s{kind=\"%s\",level=\"%s\"} %" PRIu64 "\n", name,
			        cause_kind_name((enum cause_kind)kind),
			        event_level_name((enum event_level)level),
			        atomic_load_explicit(&counts[kind][level], memory_order_relaxed));
}

static void
render_events(struct metrics *metrics, struct text *ret)
{
	text_add(ret, "# HELP larder_events_total events of the watch: what became of places of archives\n");
	render_event_counts("larder_events_total", metrics->events, ret);
	text_add(ret, "# HELP larder_events_grown_total times that one of those grew by what came under it "
	              "later\n");
	render_event_counts("larder_events_grown_total", metrics->grown, ret);
}

void
metrics_render(struct larder *larder, struct text *ret)
{
	render_counters(larder->metrics, ret);
	render_requests(larder->metrics, ret);
	render_upstream(larder->metrics, ret);
	render_events(larder->metrics, ret);
	gauges_render(larder, ret);
}
