/*
 * A mailbox: how threads hand work to each other. A list of letters under one mutex, which is a leaf of the
 * lock order, and a semaphore that counts them.
 */
#ifndef STORAGE_BASE_MAILBOX_H
#define STORAGE_BASE_MAILBOX_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* The first member of what is sent, so that a letter's address is that of the thing. */
struct letter {
	STAILQ_ENTRY(letter) link;
};

STAILQ_HEAD(letters, letter);

struct mailbox {
	pthread_mutex_t mutex;
	sem_t filled; /* one for each letter, and one for being closed */
	struct letters letters;
	bool closed;
};

void mailbox_init(struct mailbox *mailbox);
void mailbox_finish(struct mailbox *mailbox); /* must be empty */

/* Hands the letter over. False when the mailbox is closed: the letter is still the caller's. Any thread. */
bool mailbox_post(struct mailbox *mailbox, struct letter *letter);

/*
 * The oldest letter; waits for one up to timeout_ms (negative: for ever, 0: not at all). NULL when none came,
 * or when the mailbox is closed and empty (ask mailbox_is_closed). What was accepted before it was closed is found with any timeout.
 */
struct letter *mailbox_take(struct mailbox *mailbox, int64_t timeout_ms);

/* No more letters are accepted; what is inside can still be taken. Wakes everybody who waits. */
void mailbox_close(struct mailbox *mailbox);
bool mailbox_is_closed(struct mailbox *mailbox);

#endif
