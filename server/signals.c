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
	signal(SIGXFSZ, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

enum signals_wish
signals_wait(int64_t timeout_ms)
{
	struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000};
	sigset_t set = watched();

	return wish_of(sigtimedwait(&set, NULL, &timeout));
}

enum signals_wish
signals_poll(void)
{
	return signals_wait(0);
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
