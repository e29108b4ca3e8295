/*
 * What systemd is told when it runs larder (Type=notify). Without NOTIFY_SOCKET nothing happens. Main thread.
 */
#ifndef SERVER_SYSTEMD_H
#define SERVER_SYSTEMD_H

#include <stdint.h>

void systemd_ready(void);
void systemd_reloading(void); /* systemd_ready ends it */
void systemd_stopping(void);

/* How often it wants to hear that all goes on, several times as often as it must; 0: it does not watch. */
int64_t systemd_watch_ms(void);
void systemd_alive(void);

#endif
