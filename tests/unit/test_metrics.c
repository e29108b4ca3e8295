/*
 * Metrics: what is counted is told, in the format Prometheus reads, and labels from outside stay inside their
 * quotes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <pthread.h>
#include <stdio.h>

#include "server/admin/metrics.h"

#define THREADS 4
#define EACH    10000

static struct text
rendered(struct metrics *metrics)
{
	struct larder larder = {.metrics = metrics};
	struct text text = TEXT_EMPTY;

	metrics_render(&larder, &text);
	return text;
}

static void *
count_up(void *context)
{
	for (int i = 0; i < EACH; i++) {
		metrics_add(context, METRIC_HITS, 1);
		metrics_request(context, KIND_ARCHIVE, 200);
		metrics_upstream(context, "example.org", "served");
	}
	return NULL;
}

static void
threads_lose_nothing(void **state)
{
	struct metrics *metrics = metrics_create();
	pthread_t threads[THREADS];
	AUTO_TEXT text = TEXT_EMPTY;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_up, metrics), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(metrics_get(metrics, METRIC_HITS), THREADS * EACH);
	text = rendered(metrics);
	assert_non_null(strstr(text_string(&text), "\nlarder_archive_hits_total 40000\n"));
	assert_non_null(strstr(
	        text_string(&text), "\nlarder_http_requests_total{kind=\"archive\",status=\"200\"} 40000\n"));
	assert_non_null(strstr(text_string(&text),
	        "\nlarder_upstream_outcomes_total{host=\"example.org\",outcome=\"served\"} 40000\n"));
	metrics_destroy(metrics);
}

static void
odd_statuses_share_a_row(void **state)
{
	struct metrics *metrics = metrics_create();
	AUTO_TEXT text = TEXT_EMPTY;

	(void)state;
	metrics_request(metrics, KIND_OTHER, 0);
	metrics_request(metrics, KIND_OTHER, -5);
	metrics_request(metrics, KIND_OTHER, 600);
	metrics_request(metrics, KIND_PAGE, 100);
	metrics_request(metrics, KIND_PAGE, 599);
	text = rendered(metrics);
	assert_non_null(strstr(text_string(&text), "{kind=\"other\",status=\"0\"} 3\n"));
	assert_non_null(strstr(text_string(&text), "{kind=\"page\",status=\"100\"} 1\n"));
	assert_non_null(strstr(text_string(&text), "{kind=\"page\",status=\"599\"} 1\n"));
	metrics_destroy(metrics);
}

static void
hosts_are_bounded_and_escaped(void **state)
{
	struct metrics *metrics = metrics_create();
	AUTO_TEXT text = TEXT_EMPTY;
	char host[32];

	(void)state;
	metrics_upstream(metrics, "a\"b\\c\nd", "gone");
	for (int i = 1; i < METRICS_HOSTS_MAX + 50; i++) {
		snprintf(host, sizeof host, "host%d", i);
		metrics_upstream(metrics, host, "served");
	}
	text = rendered(metrics);
	assert_non_null(strstr(text_string(&text), "{host=\"a\\\"b\\\\c\\nd\",outcome=\"gone\"} 1\n"));
	assert_non_null(strstr(text_string(&text), "{host=\"other\",outcome=\"served\"} 50\n"));
	assert_null(strstr(text_string(&text), "host=\"host1010\""));
	metrics_destroy(metrics);
}

static void
every_line_is_of_the_format(void **state)
{
	struct metrics *metrics = metrics_create();
	struct text text = rendered(metrics);
	AUTO_FREE char *copy = text_take(&text);
	char *rest = copy, *line;

	(void)state;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line == '\0')
			continue;
		assert_true(strncmp(line, "# HELP larder_", 14) == 0 ||
		            strncmp(line, "# TYPE larder_", 14) == 0 || strncmp(line, "larder_", 7) == 0);
	}
	metrics_destroy(metrics);
}

static void
without_metrics_nothing_happens(void **state)
{
	(void)state;
	metrics_add(NULL, METRIC_HITS, 1);
	metrics_request(NULL, KIND_ARCHIVE, 200);
	metrics_upstream(NULL, "h", "served");
	metrics_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(threads_lose_nothing),
	        cmocka_unit_test(odd_statuses_share_a_row),
	        cmocka_unit_test(hosts_are_bounded_and_escaped),
	        cmocka_unit_test(every_line_is_of_the_format),
	        cmocka_unit_test(without_metrics_nothing_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
