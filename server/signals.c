/*
 * The sigwait loop's half of signals. Main thread only.
 */
#include "server/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

static sigset_t
watched(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	return set;
}

static enum signals_wish
wish_of(int number)
{
	if (number == SIGHUP)
		return SIGNALS_RELOAD;
	return number == SIGTERM || number == SIGINT ? SIGNALS_STOP : SIGNALS_NONE;
}

void
signals_block(void)
{
	sigset_t set = watched();

	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

enum signals_wish
signals_wait(void)
{
	sigset_t set = watched();
	int number = 0;

	sigwait(&set, &number);
	return wish_of(number);
}

enum signals_wish
signals_poll(void)
{
	static const struct timespec now = {0};
	sigset_t set = watched();

	return wish_of(sigtimedwait(&set, NULL, &now));
}

void
signals_release(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
