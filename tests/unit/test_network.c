/*
 * Whether larder's own end of the line is suspected, by what the hosts of the last hour answered.
 */
#include "tests/support/stores.h"

#include "storage/catalog/network.h"

#define T0     1700000000000ll
#define MINUTE 60000ll

static struct network *network;

static int
make(void **state)
{
	(void)state;
	network = network_create();
	return 0;
}

static int
end(void **state)
{
	(void)state;
	network_destroy(network);
	return 0;
}

/* So many hosts of their own that answer like this. */
static void
hear(const char *name, int hosts, enum network_answer answer, int64_t at_ms)
{
	for (int i = 0; i < hosts; i++) {
		char host[64];

		snprintf(host, sizeof host, "%s%d.example", name, i);
		network_note(network, host, answer, at_ms);
	}
}

static void
is_trusted_only_on_evidence(void **state)
{
	(void)state;
	assert_int_equal(network_trust(network, "judged.example", T0), NETWORK_SUSPECTED);
	hear("silent", 1, NETWORK_SILENT, T0);
	assert_int_equal(network_trust(network, "judged.example", T0), NETWORK_SUSPECTED);
	hear("good", 2, NETWORK_GOOD, T0);
	assert_int_equal(
	        network_trust(network, "judged.example", T0), NETWORK_SUSPECTED); /* a third is silent */
	hear("good", 3, NETWORK_GOOD, T0);
	assert_int_equal(network_trust(network, "judged.example", T0), NETWORK_TRUSTED);
}

/* A host's own failures say nothing of the network. */
static void
a_host_is_judged_by_the_others(void **state)
{
	(void)state;
	hear("silent", 1, NETWORK_SILENT, T0);
	hear("good", 1, NETWORK_GOOD, T0);
	assert_int_equal(network_trust(network, "silent0.example", T0), NETWORK_TRUSTED);
	assert_int_equal(network_trust(network, "good0.example", T0), NETWORK_SUSPECTED);
	/* Two of three are dead, or the line is. */
	hear("silent", 2, NETWORK_SILENT, T0);
	assert_int_equal(network_trust(network, "silent0.example", T0), NETWORK_SUSPECTED);
	hear("good", 3, NETWORK_GOOD, T0);
	assert_int_equal(network_trust(network, "silent0.example", T0), NETWORK_TRUSTED);
	assert_int_equal(network_trust(network, "good0.example", T0), NETWORK_SUSPECTED);
}

static void
one_large_host_is_one_host(void **state)
{
	(void)state;
	hear("good", 3, NETWORK_GOOD, T0);
	for (int i = 0; i < 500; i++)
		network_note(network, "forge.example", NETWORK_SILENT, T0 + i);
	assert_int_equal(network_trust(network, "judged.example", T0 + 500), NETWORK_TRUSTED);
}

static void
one_good_answer_speaks_for_its_host(void **state)
{
	(void)state;
	hear("host", 9, NETWORK_SILENT, T0);
	assert_int_equal(network_trust(network, "judged.example", T0), NETWORK_SUSPECTED);
	hear("host", 7, NETWORK_GOOD, T0 + MINUTE);
	assert_int_equal(network_trust(network, "judged.example", T0 + MINUTE), NETWORK_TRUSTED);
	hear("host", 7, NETWORK_SILENT, T0 + 2 * MINUTE);
	assert_int_equal(network_trust(network, "judged.example", T0 + 2 * MINUTE), NETWORK_TRUSTED);
	/* … for an hour. */
	hear("host", 7, NETWORK_SILENT, T0 + 61 * MINUTE);
	assert_int_equal(network_trust(network, "judged.example", T0 + 61 * MINUTE), NETWORK_SUSPECTED);
}

static void
a_few_who_say_not_here_are_believed(void **state)
{
	(void)state;
	hear("good", 1, NETWORK_GOOD, T0);
	hear("other", 3, NETWORK_ANSWERED, T0);
	assert_int_equal(network_trust(network, "judged.example", T0), NETWORK_TRUSTED);
	/* Many of them look like a portal that answers in everybody's name. */
	hear("other", 4, NETWORK_ANSWERED, T0);
	assert_int_equal(network_trust(network, "judged.example", T0), NETWORK_SUSPECTED);
	hear("good", 9, NETWORK_GOOD, T0);
	assert_int_equal(network_trust(network, "judged.example", T0), NETWORK_TRUSTED);
}

static void
forgets_and_survives_a_clock_set_back(void **state)
{
	(void)state;
	hear("good", 5, NETWORK_GOOD, T0);
	assert_int_equal(network_trust(network, "judged.example", T0 + 59 * MINUTE), NETWORK_TRUSTED);
	assert_int_equal(network_trust(network, "judged.example", T0 + 60 * MINUTE), NETWORK_SUSPECTED);
	assert_int_equal(network_trust(network, "judged.example", T0 - MINUTE), NETWORK_SUSPECTED);
}

static void
keeps_the_hosts_heard_of_last(void **state)
{
	(void)state;
	network_note(network, "silent.example", NETWORK_SILENT, T0);
	network_note(network, "first.example", NETWORK_GOOD, T0);
	network_note(network, "silent.example", NETWORK_SILENT, T0 + 1);
	assert_int_equal(network_trust(network, "judged.example", T0 + 1), NETWORK_SUSPECTED);
	hear("good", NETWORK_HOSTS_MAX, NETWORK_GOOD, T0 + 2);
	hear("late", NETWORK_HOSTS_MAX / 3 + 1, NETWORK_SILENT, T0 + 3);
	assert_int_equal(network_trust(network, "judged.example", T0 + 3), NETWORK_SUSPECTED);
	hear("good", NETWORK_HOSTS_MAX, NETWORK_GOOD, T0 + 4);
	assert_int_equal(network_trust(network, "judged.example", T0 + 4), NETWORK_TRUSTED);
}

#define IN_NETWORK(test) cmocka_unit_test_setup_teardown(test, make, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        IN_NETWORK(is_trusted_only_on_evidence),
	        IN_NETWORK(a_host_is_judged_by_the_others),
	        IN_NETWORK(one_large_host_is_one_host),
	        IN_NETWORK(one_good_answer_speaks_for_its_host),
	        IN_NETWORK(a_few_who_say_not_here_are_believed),
	        IN_NETWORK(forgets_and_survives_a_clock_set_back),
	        IN_NETWORK(keeps_the_hosts_heard_of_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
