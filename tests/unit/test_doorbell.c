/*
 * The doorbell: who rings is heard, however many ring and whenever.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include "server/http/doorbell.h"

#define RINGERS     3
#define RINGS       100000 /* of each */
#define PATIENCE_MS 10000  /* in which somebody who rang is heard */

static struct doorbell bell;
static _Atomic int rings;

static void *
ring_often(void *context)
{
	for (int i = 0; i < RINGS; i++) {
		atomic_fetch_add(&rings, 1);
		doorbell_ring(&bell);
		sched_yield(); /* so that it is heard often, and not all at once */
	}
	return context;
}

static bool
rings_within(int patience_ms)
{
	struct pollfd pollfd = {.fd = bell.fd, .events = POLLIN};

	return poll(&pollfd, 1, patience_ms) == 1;
}

static void
it_is_silent_once_heard(void **state)
{
	(void)state;
	assert_true(doorbell_init(&bell));
	assert_false(rings_within(0));
	doorbell_ring(&bell);
	doorbell_ring(&bell);
	assert_true(rings_within(0));
	doorbell_hear(&bell);
	assert_false(rings_within(0));
	doorbell_ring(&bell);
	assert_true(rings_within(0));
	doorbell_finish(&bell);
	doorbell_ring(&bell);
}

/* Who hears has seen all that was rung for when it is silent again. */
static void
nobody_rings_in_vain(void **state)
{
	pthread_t ringers[RINGERS];
	int seen = 0;

	(void)state;
	assert_true(doorbell_init(&bell));
	for (size_t i = 0; i < RINGERS; i++)
		assert_int_equal(pthread_create(&ringers[i], NULL, ring_often, NULL), 0);
	while (seen < RINGERS * RINGS) {
		if (!rings_within(PATIENCE_MS))
			fail_msg("silent after %d of %d", seen, atomic_load(&rings));
		doorbell_hear(&bell);
		seen = atomic_load(&rings);
	}
	for (size_t i = 0; i < RINGERS; i++)
		pthread_join(ringers[i], NULL);
	doorbell_finish(&bell);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(it_is_silent_once_heard),
	        cmocka_unit_test(nobody_rings_in_vain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
