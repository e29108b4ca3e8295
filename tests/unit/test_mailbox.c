/*
 * Mailboxes: their order, many takers, the ends of them, and senders who are held up at the worst moment.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/base/auto.h"
#include "storage/base/mailbox.h"
#include "storage/base/text.h"

struct note {
	struct letter letter;
	int number;
};

static void
letters_keep_their_order(void **state)
{
	struct mailbox mailbox;
	struct note notes[3] = {{.number = 0}, {.number = 1}, {.number = 2}};

	(void)state;
	mailbox_init(&mailbox);
	assert_null(mailbox_take(&mailbox, 0));
	assert_null(mailbox_take(&mailbox, 1));
	for (int i = 0; i < 3; i++)
		assert_true(mailbox_post(&mailbox, &notes[i].letter));
	mailbox_close(&mailbox);
	assert_true(mailbox_is_closed(&mailbox));
	for (int i = 0; i < 3; i++)
		assert_int_equal(((struct note *)mailbox_take(&mailbox, -1))->number, i);
	assert_null(mailbox_take(&mailbox, -1));
	assert_false(mailbox_post(&mailbox, &notes[0].letter));
	mailbox_finish(&mailbox);
}

enum { LETTERS = 10000 };

static void *
take_all(void *argument)
{
	struct mailbox *mailbox = argument;
	struct letter *letter = mailbox_take(mailbox, -1);
	uintptr_t sum = 0;

	for (; letter != NULL; letter = mailbox_take(mailbox, -1))
		sum += (uintptr_t)((struct note *)letter)->number;
	return (void *)sum;
}

static void
threads_share_the_letters(void **state)
{
	static struct note notes[LETTERS];
	struct mailbox mailbox;
	pthread_t threads[4];
	uintptr_t sum = 0;

	(void)state;
	mailbox_init(&mailbox);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_all, &mailbox), 0);
	for (int i = 0; i < LETTERS; i++) {
		notes[i].number = i;
		assert_true(mailbox_post(&mailbox, &notes[i].letter));
	}
	mailbox_close(&mailbox);
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		void *part;

		pthread_join(threads[i], &part);
		sum += (uintptr_t)part;
	}
	assert_int_equal(sum, (uintptr_t)LETTERS * (LETTERS - 1) / 2);
	mailbox_finish(&mailbox);
}

static void *
post_one(void *argument)
{
	struct mailbox *mailbox = argument;
	struct note *note = xcalloc(1, sizeof *note);

	assert_true(mailbox_post(mailbox, &note->letter));
	return NULL;
}

/* Whoever takes the last letter may be done with the mailbox before the other thread knows that it was posted. */
static void
who_has_the_last_letter_may_end_it(void **state)
{
	(void)state;
	for (int i = 0; i < 500; i++) {
		struct mailbox *mailbox = xmalloc(sizeof *mailbox);
		pthread_t thread;

		mailbox_init(mailbox);
		assert_int_equal(pthread_create(&thread, NULL, post_one, mailbox), 0);
		free(mailbox_take(mailbox, i % 2 == 0 ? -1 : 60000));
		mailbox_finish(mailbox);
		free(mailbox);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
}

/* --- senders who are held up --- */

static atomic_bool holding; /* who raises a semaphore waits until the taker waits, too */
static atomic_int held;
static sem_t gate;
static _Thread_local bool is_sender;

static int
really(const char *name, sem_t *semaphore)
{
	int (*function)(sem_t *) = (int (*)(sem_t *))(uintptr_t)dlsym(RTLD_NEXT, name);

	return function(semaphore);
}

/* The libraries' calls come here first. */
int
sem_post(sem_t *semaphore)
{
	if (is_sender && atomic_load(&holding)) {
		atomic_fetch_add(&held, 1);
		while (really("sem_wait", &gate) != 0)
			continue;
	}
	return really("sem_post", semaphore);
}

int
sem_wait(sem_t *semaphore)
{
	if (!is_sender && atomic_exchange(&holding, false))
		for (int i = 0; i < atomic_load(&held); i++)
			really("sem_post", &gate);
	return really("sem_wait", semaphore);
}

static void *
send_one(void *argument)
{
	is_sender = true;
	return post_one(argument);
}

/* Two letters are in the box, and neither sender has said so yet. */
static void
what_was_accepted_is_found_in_a_closed_box(void **state)
{
	struct mailbox mailbox;
	pthread_t senders[2];

	(void)state;
	mailbox_init(&mailbox);
	sem_init(&gate, 0, 0);
	atomic_store(&holding, true);
	for (size_t i = 0; i < COUNT_OF(senders); i++)
		assert_int_equal(pthread_create(&senders[i], NULL, send_one, &mailbox), 0);
	while (atomic_load(&held) < (int)COUNT_OF(senders))
		sched_yield();
	mailbox_close(&mailbox);
	for (size_t i = 0; i < COUNT_OF(senders); i++) {
		struct letter *letter = mailbox_take(&mailbox, 0);

		assert_non_null(letter);
		free(letter);
	}
	assert_null(mailbox_take(&mailbox, 0));
	for (size_t i = 0; i < COUNT_OF(senders); i++)
		pthread_join(senders[i], NULL);
	mailbox_finish(&mailbox);
	sem_destroy(&gate);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(letters_keep_their_order),
	        cmocka_unit_test(threads_share_the_letters),
	        cmocka_unit_test(who_has_the_last_letter_may_end_it),
	        cmocka_unit_test(what_was_accepted_is_found_in_a_closed_box),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
