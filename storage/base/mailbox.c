/*
 * The mailbox. Any number of senders and takers; nobody holds its mutex while doing anything else, waking somebody included:
 * who was woken would find it taken. A semaphore may be destroyed by the one whom it let in, while who raised it is still at
 * it (POSIX, sem_destroy; glibc 2.21), so a mailbox may be finished by whoever took its last letter.
 */
#include "storage/base/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

void
mailbox_init(struct mailbox *mailbox)
{
	pthread_mutex_init(&mailbox->mutex, NULL);
	sem_init(&mailbox->filled, 0, 0);
	STAILQ_INIT(&mailbox->letters);
	mailbox->closed = false;
}

void
mailbox_finish(struct mailbox *mailbox)
{
	assert(STAILQ_EMPTY(&mailbox->letters));
	sem_destroy(&mailbox->filled);
	pthread_mutex_destroy(&mailbox->mutex);
}

bool
mailbox_post(struct mailbox *mailbox, struct letter *letter)
{
	bool accepted;

	pthread_mutex_lock(&mailbox->mutex);
	accepted = !mailbox->closed;
	if (accepted)
		STAILQ_INSERT_TAIL(&mailbox->letters, letter, link);
	pthread_mutex_unlock(&mailbox->mutex);
	if (accepted)
		sem_post(&mailbox->filled);
	return accepted;
}

static struct timespec
moment_in(int64_t timeout_ms)
{
	struct timespec moment;

	clock_gettime(CLOCK_MONOTONIC, &moment);
	moment.tv_sec += timeout_ms / 1000;
	moment.tv_nsec += timeout_ms % 1000 * 1000000;
	if (moment.tv_nsec >= 1000000000) {
		moment.tv_sec++;
		moment.tv_nsec -= 1000000000;
	}
	return moment;
}

/*
 * Whether a letter is there, or will never be: waits until then, or until the time is over. What was accepted before the box was closed is
 * waited for in any case, though its sender may not have raised the semaphore yet: nobody else would find it.
 */
static bool
wait_for_letter(struct mailbox *mailbox, int64_t timeout_ms)
{
	struct timespec until;
	int result = sem_trywait(&mailbox->filled);

	if (result == 0)
		return true;
	if (timeout_ms == 0 && !mailbox_is_closed(mailbox))
		return false;
	until = moment_in(timeout_ms);
	do {
		result = timeout_ms <= 0 ? sem_wait(&mailbox->filled)
		                         : sem_clockwait(&mailbox->filled, CLOCK_MONOTONIC, &until);
	} while (result != 0 && errno == EINTR);
	return result == 0;
}

struct letter *
mailbox_take(struct mailbox *mailbox, int64_t timeout_ms)
{
	struct letter *letter;

	if (!wait_for_letter(mailbox, timeout_ms))
		return NULL;
	pthread_mutex_lock(&mailbox->mutex);
	letter = STAILQ_FIRST(&mailbox->letters);
	if (letter != NULL)
		STAILQ_REMOVE_HEAD(&mailbox->letters, link);
	pthread_mutex_unlock(&mailbox->mutex);
	if (letter == NULL)
		sem_post(&mailbox->filled); /* closed and empty, as the next one is to find too */
	return letter;
}

void
mailbox_close(struct mailbox *mailbox)
{
	bool was_open;

	pthread_mutex_lock(&mailbox->mutex);
	was_open = !mailbox->closed;
	mailbox->closed = true;
	pthread_mutex_unlock(&mailbox->mutex);
	if (was_open)
		sem_post(&mailbox->filled);
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
