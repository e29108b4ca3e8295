/*
 * What systemd is told when it runs larder (Type=notify). Without NOTIFY_SOCKET nothing happens. Main thread.
 */
#ifndef SERVER_SYSTEMD_H
#define SERVER_SYSTEMD_H

void systemd_ready(void);
void systemd_reloading(void); /* systemd_ready ends it */
void systemd_stopping(void);

#endif
