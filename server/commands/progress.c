/*
 * Progress. Main thread only; must never write to standard output.
 */
#include "server/commands/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/commands/command.h"
#include "storage/base/clock.h"

enum progress_style
progress_choose(unsigned flags)
{
	if ((flags & FLAG_QUIET) != 0)
		return PROGRESS_NONE;
	return isatty(STDERR_FILENO) ? PROGRESS_LINE : PROGRESS_MINUTES;
}

void
progress_begin(struct progress *progress, enum progress_style style, const char *verb, uint64_t total)
{
	*progress = (struct progress){.style = style, .verb = verb, .total = total, .began_ms = clock_ms()};
	progress->shown_ms = progress->began_ms;
}

/* "40 s", "3 min", "2 h": as exact as an estimate deserves. */
static void
estimate_text(uint64_t seconds, char *ret, size_t size)
{
	if (seconds < 100)
		snprintf(ret, size, "%" PRIu64 " s", seconds);
	else if (seconds < 6000)
		snprintf(ret, size, "%" PRIu64 " min", (seconds + 30) / 60);
	else
		snprintf(ret, size, "%" PRIu64 " h", (seconds + 1800) / 3600);
}

void
progress_text(const struct progress *progress, int64_t now_ms, char ret[PROGRESS_TEXT_MAX])
{
	uint64_t spent_ms = now_ms > progress->began_ms ? (uint64_t)(now_ms - progress->began_ms) : 1;
	const uint64_t gone = progress->bytes + progress->under_way;
	char bytes[TEXT_SIZE_MAX], rate[TEXT_SIZE_MAX], left[24], of[32] = "", estimate[40] = "";

	text_size(gone, bytes);
	text_size((uint64_t)((double)gone * 1000 / (double)spent_ms), rate);
	if (progress->total > 0)
		snprintf(of, sizeof of, " of %" PRIu64, progress->total);
	if (progress->total > progress->done && progress->done > 0) {
		double each_ms = (double)spent_ms / (double)progress->done;

		estimate_text((uint64_t)((double)(progress->total - progress->done) * each_ms / 1000), left,
		        sizeof left);
		snprintf(estimate, sizeof estimate, ", %s left", left);
	}
	if (progress->measure == PROGRESS_COUNT)
		snprintf(ret, PROGRESS_TEXT_MAX, "%s %" PRIu64 "%s%s", progress->verb, progress->done, of,
		        estimate);
	else
		snprintf(ret, PROGRESS_TEXT_MAX, "%s %" PRIu64 "%s, %s, %s/s%s", progress->verb,
		        progress->done, of, bytes, rate, estimate);
}

void
progress_tick(struct progress *progress)
{
	int64_t now_ms = clock_ms();
	char text[PROGRESS_TEXT_MAX];

	if (progress->style == PROGRESS_NONE ||
	        now_ms - progress->shown_ms <
	                (progress->style == PROGRESS_LINE ? PROGRESS_LINE_MS : PROGRESS_MINUTES_MS))
		return;
	progress_text(progress, now_ms, text);
	progress->shown_ms = now_ms;
	if (progress->style == PROGRESS_MINUTES) {
		command_say("%s", text);
		return;
	}
	fprintf(stderr, "\r%-*s", progress->width, text);
	progress->width = (int)strlen(text);
	fflush(stderr);
}

void
progress_step(struct progress *progress, uint64_t bytes)
{
	progress->done++;
	progress->bytes += bytes;
	progress_tick(progress);
}

void
progress_clear(struct progress *progress)
{
	if (progress->width == 0)
		return;
	fprintf(stderr, "\r%*s\r", progress->width, "");
	fflush(stderr);
	progress->width = 0;
	progress->shown_ms = 0;
}
