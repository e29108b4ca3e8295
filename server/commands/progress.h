/*
 * Progress on standard error: one line that renews itself on a terminal, a line a minute otherwise, nothing
 * with -q. Main thread.
 */
#ifndef SERVER_COMMANDS_PROGRESS_H
#define SERVER_COMMANDS_PROGRESS_H

#include <stdint.h>

#include "storage/base/text.h"

enum progress_style { PROGRESS_NONE, PROGRESS_LINE, PROGRESS_MINUTES };
enum progress_measure { PROGRESS_BYTES, PROGRESS_COUNT }; /* whether bytes are told */

struct progress {
	enum progress_style style;
	const char *verb; /* "fetched" */
	uint64_t total;   /* archives; 0: not known beforehand */
	enum progress_measure measure;
	uint64_t done, bytes;
	uint64_t under_way;         /* bytes that have gone of archives that are not done yet */
	int64_t began_ms, shown_ms; /* clock_ms */
	int width;                  /* of what stands on the terminal's line */
};

#define PROGRESS_LINE_MS    200
#define PROGRESS_MINUTES_MS 60000
#define PROGRESS_TEXT_MAX   160

/* style: what progress_choose found fit. verb is borrowed. */
void progress_begin(struct progress *progress, enum progress_style style, const char *verb, uint64_t total);
enum progress_style progress_choose(unsigned flags);
/* One more archive of so many bytes. Shows it when it is time. */
void progress_step(struct progress *progress, uint64_t bytes);
/* Shows it when it is time, though nothing happened. */
void progress_tick(struct progress *progress);
/* Makes room for a line of output; the next tick writes anew. */
void progress_clear(struct progress *progress);

/* "fetched 12 of 1245, 4.1 MiB, 820 KiB/s, 3 min left". */
void progress_text(const struct progress *progress, int64_t now_ms, char ret[PROGRESS_TEXT_MAX]);

#endif
