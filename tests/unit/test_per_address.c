/*
 * Counts per address: a window, its limit, who counts as one, and that the table does not grow without end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "server/admin/metrics.h"
#include "server/admin/per_address.h"

#define WINDOW_MS 1000

static struct per_address *
table_of(int64_t max)
{
	const struct per_address_options options = {.max = max, .window_ms = WINDOW_MS};

	return per_address_create(&options);
}

static struct address
address(const char *text)
{
	struct address address;

	assert_true(address_parse(text, &address));
	return address;
}

static void
so_many_in_a_window(void **state)
{
	struct per_address *table = table_of(2);
	const struct address one = address("192.0.2.1"), other = address("192.0.2.2");

	(void)state;
	assert_int_equal(per_address_left_ms(table, &one, 0), 0);
	assert_true(per_address_take(table, &one, 0));
	assert_false(per_address_is_over(table, &one, 0));
	assert_true(per_address_take(table, &one, 1));
	assert_int_equal(per_address_left_ms(table, &one, 1), WINDOW_MS - 1);
	assert_true(per_address_is_over(table, &one, 1));
	assert_false(per_address_take(table, &one, WINDOW_MS - 1));
	assert_true(per_address_take(table, &other, WINDOW_MS - 1));
	assert_int_equal(per_address_left_ms(table, &one, WINDOW_MS), 0);
	assert_true(per_address_take(table, &one, WINDOW_MS));
	per_address_count(table, &one, WINDOW_MS);
	per_address_count(table, &one, WINDOW_MS);
	assert_true(per_address_is_over(table, &one, WINDOW_MS));
	assert_false(per_address_is_over(table, &one, 2 * WINDOW_MS));
	per_address_destroy(table);
}

static void
a_network_of_ipv6_is_one_client(void **state)
{
	struct per_address *table = table_of(1);
	const struct address one = address("2001:db8:1:2::3"), same = address("2001:db8:1:2:4::"),
	                     other = address("2001:db8:1:3::3");

	(void)state;
	assert_true(per_address_take(table, &one, 0));
	assert_false(per_address_take(table, &same, 0));
	assert_true(per_address_take(table, &other, 0));
	per_address_destroy(table);
}

static void
the_oldest_make_room(void **state)
{
	struct metrics *metrics = metrics_create();
	const struct per_address_options options = {
	        .max = 1, .window_ms = WINDOW_MS, .metrics = metrics, .forgotten = METRIC_LIMIT_DONORS};
	struct per_address *table = per_address_create(&options);
	const struct address first = address("198.51.100.1"), second = address("198.51.100.2");
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	assert_true(per_address_take(table, &first, 0));
	assert_true(per_address_take(table, &second, 0));
	for (int i = 0; i < PER_ADDRESS_MAX - 1; i++) {
		struct address more;

		snprintf(text, sizeof text, "10.0.%d.%d", i / 256, i % 256);
		more = address(text);
		assert_true(per_address_take(table, &more, 0));
	}
	assert_true(per_address_is_over(table, &second, 0));
	assert_false(per_address_is_over(table, &first, 0));
	assert_int_equal(metrics_get(metrics, METRIC_LIMIT_DONORS), 1);
	per_address_destroy(table);
	metrics_destroy(metrics);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(so_many_in_a_window),
	        cmocka_unit_test(a_network_of_ipv6_is_one_client),
	        cmocka_unit_test(the_oldest_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
