/*
 * The mailbox. Any number of senders and takers; nobody holds its mutex while doing anything else.
 */
#include "storage/base/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

void
mailbox_init(struct mailbox *mailbox)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&mailbox->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&mailbox->filled, &attributes);
	pthread_condattr_destroy(&attributes);
	STAILQ_INIT(&mailbox->letters);
	mailbox->count = 0;
	mailbox->closed = false;
}

void
mailbox_finish(struct mailbox *mailbox)
{
	assert(STAILQ_EMPTY(&mailbox->letters));
	pthread_cond_destroy(&mailbox->filled);
	pthread_mutex_destroy(&mailbox->mutex);
}

bool
mailbox_post(struct mailbox *mailbox, struct letter *letter)
{
	bool accepted;

	pthread_mutex_lock(&mailbox->mutex);
	accepted = !mailbox->closed;
	if (accepted) {
		STAILQ_INSERT_TAIL(&mailbox->letters, letter, link);
		mailbox->count++;
		pthread_cond_signal(&mailbox->filled);
	}
	pthread_mutex_unlock(&mailbox->mutex);
	return accepted;
}

/* Under the mutex: waits until there is a letter, the box is closed, or the time is over. */
static void
wait_for_letter(struct mailbox *mailbox, int64_t timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	if (timeout_ms > 0) {
		until.tv_sec += timeout_ms / 1000;
		until.tv_nsec += timeout_ms % 1000 * 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
	}
	while (STAILQ_EMPTY(&mailbox->letters) && !mailbox->closed) {
		if (timeout_ms < 0)
			pthread_cond_wait(&mailbox->filled, &mailbox->mutex);
		else if (pthread_cond_timedwait(&mailbox->filled, &mailbox->mutex, &until) == ETIMEDOUT)
			return;
	}
}

struct letter *
mailbox_take(struct mailbox *mailbox, int64_t timeout_ms)
{
	struct letter *letter;

	pthread_mutex_lock(&mailbox->mutex);
	if (timeout_ms != 0)
		wait_for_letter(mailbox, timeout_ms);
	letter = STAILQ_FIRST(&mailbox->letters);
	if (letter != NULL) {
		STAILQ_REMOVE_HEAD(&mailbox->letters, link);
		mailbox->count--;
	}
	pthread_mutex_unlock(&mailbox->mutex);
	return letter;
}

void
mailbox_close(struct mailbox *mailbox)
{
	pthread_mutex_lock(&mailbox->mutex);
	mailbox->closed = true;
	pthread_cond_broadcast(&mailbox->filled);
	pthread_mutex_unlock(&mailbox->mutex);
}

bool
mailbox_is_closed(struct mailbox *mailbox)
{
	bool closed;

	pthread_mutex_lock(&mailbox->mutex);
	closed = mailbox->closed;
	pthread_mutex_unlock(&mailbox->mutex);
	return closed;
}
