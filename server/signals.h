/*
 * Signals, taken synchronously by the main thread: no handler ever runs. Blocked before the first thread
 * starts, so that every thread inherits it.
 */
#ifndef SERVER_SIGNALS_H
#define SERVER_SIGNALS_H

#include <stdint.h>

enum signals_wish {
	SIGNALS_NONE,
	SIGNALS_STOP,   /* SIGTERM, SIGINT */
	SIGNALS_RELOAD, /* SIGHUP */
};

/* Before any thread. SIGPIPE and SIGXFSZ are ignored for good: who writes is told. */
void signals_block(void);
/* Waits for the next one, at most this long; SIGNALS_NONE: none came. Main thread. */
enum signals_wish signals_wait(int64_t timeout_ms);
/* One that came meanwhile; does not wait. */
enum signals_wish signals_poll(void);
/*
 * From here on SIGTERM and SIGINT end the process at once: for whoever does not want to wait for an orderly
 * end.
 */
void signals_release(void);

#endif
