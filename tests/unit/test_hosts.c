/*
 * The patrol's hosts: spacing, rests, the way they are asked, and room for any number of them.
 */
#include "tests/support/stores.h"

#include "server/watch/hosts.h"

#define T0   1700000000000ll
#define HOUR 3600000ll

static struct hosts *hosts;

static int
make(void **state)
{
	(void)state;
	hosts = hosts_create(2000);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	hosts_destroy(hosts);
	return 0;
}

static struct host *
get(const char *name)
{
	return hosts_get(hosts, name, strlen(name));
}

static void
asks_with_space_between(void **state)
{
	struct host *host = get("h.example");

	(void)state;
	assert_int_equal(host_free_at(host), 0);
	host_begin(hosts, host, 5000);
	assert_int_equal(host_free_at(host), INT64_MAX); /* one at a time */
	host_end(host);
	assert_int_equal(host_free_at(host), 7000);
	assert_ptr_equal(hosts_get(hosts, "h.example/u", 9), host);
	assert_int_equal(host_kind(host), PROBE_HEAD);
	host_refused_head(host);
	assert_int_equal(host_kind(host), PROBE_RANGE);
}

static void
who_was_asked_by_a_redirect_is_charged(void **state)
{
	struct host *host = get("h.example");

	(void)state;
	host_begin(hosts, host, 5000);
	host_end(host);
	host_charge(hosts, host, 4000); /* as it is already */
	assert_int_equal(host_free_at(host), 7000);
	host_charge(hosts, host, 6000);
	assert_int_equal(host_free_at(host), 8000);
	assert_string_equal(host_name(host), "h.example");
}

static void
rests_until_told(void **state)
{
	struct host *host = get("h.example");

	(void)state;
	assert_int_equal(host_rests_until(host, T0), 0);
	host_rest(host, T0 + 2 * HOUR);
	host_rest(host, T0 + HOUR);
	assert_int_equal(host_rests_until(host, T0), T0 + 2 * HOUR);
	assert_int_equal(hosts_resting(hosts, T0), 1);
	assert_int_equal(host_rests_until(host, T0 + 2 * HOUR), 0);
	assert_int_equal(hosts_resting(hosts, T0 + 2 * HOUR), 0);
	/* A clock that was wrong when it asked. */
	host_rest(host, T0 + 2 * 365 * 24 * HOUR);
	assert_int_equal(host_rests_until(host, T0), 0);
}

static void
those_put_off_queue_up(void **state)
{
	struct host *host = get("h.example");

	(void)state;
	assert_int_equal(host_put_off(hosts, host, T0 + HOUR, T0), T0 + HOUR + 2000);
	assert_int_equal(host_put_off(hosts, host, T0 + HOUR, T0), T0 + HOUR + 4000);
	assert_int_equal(host_put_off(hosts, host, T0 + 2 * HOUR, T0), T0 + 2 * HOUR + 2000);
	assert_int_equal(host_put_off(hosts, host, T0, T0 - 40 * 24 * HOUR), T0 + 2000);
}

static void
a_failure_speaks_against_it_for_an_hour(void **state)
{
	struct host *host = get("h.example");

	(void)state;
	assert_int_equal(host_standing(host, T0), HOST_IN_GOOD_STANDING);
	host_failed(host, T0);
	assert_int_equal(host_standing(host, T0 + HOSTS_SUSPECTED_MS - 1), HOST_SUSPECTED);
	assert_int_equal(host_standing(host, T0 + HOSTS_SUSPECTED_MS), HOST_IN_GOOD_STANDING);
	assert_int_equal(host_standing(host, T0 - 2 * HOUR), HOST_IN_GOOD_STANDING);
}

static void
remembers_those_that_matter(void **state)
{
	struct host *queued = get("queued.example"), *resting = get("resting.example");

	(void)state;
	host_queue(queued);
	host_refused_head(queued);
	host_rest(resting, T0 + HOUR);
	host_refused_head(get("idle.example"));
	for (int i = 0; i < 2 * HOSTS_MAX; i++) {
		char name[32];

		snprintf(name, sizeof name, "h%d.example", i);
		get(name);
	}
	assert_int_equal(host_queued(get("queued.example")), 1);
	assert_int_equal(host_kind(get("queued.example")), PROBE_RANGE);
	assert_int_equal(host_rests_until(get("resting.example"), T0), T0 + HOUR);
	assert_int_equal(host_kind(get("idle.example")), PROBE_HEAD); /* forgotten */
	host_leave(get("queued.example"));
	/* When all of them rest, the first of them makes room. */
	for (int i = 0; i < 2 * HOSTS_MAX; i++) {
		char name[32];

		snprintf(name, sizeof name, "r%d.example", i);
		host_rest(get(name), T0 + HOUR);
	}
	assert_int_equal(hosts_resting(hosts, T0), HOSTS_MAX);
}

#define WITH_HOSTS(test) cmocka_unit_test_setup_teardown(test, make, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_HOSTS(asks_with_space_between),
	        WITH_HOSTS(who_was_asked_by_a_redirect_is_charged),
	        WITH_HOSTS(rests_until_told),
	        WITH_HOSTS(those_put_off_queue_up),
	        WITH_HOSTS(a_failure_speaks_against_it_for_an_hour),
	        WITH_HOSTS(remembers_those_that_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
