/*
 * sd_notify(3), in one file. Main thread only; a service manager that does not listen must never be a reason
 * to fail.
 */
#include "server/systemd.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "storage/base/clock.h"

void
systemd_ready(void)
{
	sd_notify(0, "READY=1");
}

void
systemd_reloading(void)
{
	/* The time stamp lets systemd tell this reload from an earlier one (sd_notify(3)). */
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_ms() * 1000);
}

void
systemd_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

int64_t
systemd_watch_ms(void)
{
	enum { TIMES = 4, US_IN_MS = 1000 };
	uint64_t usec;

	return sd_watchdog_enabled(0, &usec) > 0 ? (int64_t)(usec / US_IN_MS / TIMES) : 0;
}

void
systemd_alive(void)
{
	sd_notify(0, "WATCHDOG=1");
}
