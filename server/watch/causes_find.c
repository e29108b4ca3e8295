/*
 * What is known of causes: whether one is open that a change comes under, and how the places stand by which causes are told apart. The
 * watch's thread; reads the index only.
 */
#include "server/watch/causes_parts.h"

#include <string.h>

bool
causes_is_over(int64_t since_ms, int64_t span_ms, int64_t now_ms)
{
	return now_ms - since_ms >= span_ms || since_ms - now_ms >= span_ms;
}

static void
keep_event(void *context, const struct event_row *event)
{
	struct known_event *ret = context;

	ret->there = true;
	ret->level = event->level;
	ret->data = json_loads(event->data, 0, NULL);
}

bool
causes_find_event(struct turn *turn, int64_t id, struct known_event **ret, struct err *err)
{
	struct known_event *event;

	for (size_t i = 0; i < turn->n_known; i++) {
		*ret = turn->known[i];
		if ((*ret)->id == id)
			return true;
	}
	event = xcalloc(1, sizeof *event);
	event->id = id;
	turn->known = xrealloc(turn->known, (turn->n_known + 1) * sizeof *turn->known);
	turn->known[turn->n_known++] = *ret = event;
	return event_row_find(turn->index, id, keep_event, event, err);
}

static bool
is_open(const struct turn *turn, const struct cause_row *cause)
{
	return cause->last_at_ms != 0 && !causes_is_over(cause->last_at_ms, CAUSES_OPEN_MS, turn->now_ms);
}

bool
causes_waits(struct turn *turn, struct change *change, bool *ret, struct err *err)
{
	AUTO_FREE char *what = change_what(change, REACH_ARCHIVE);
	struct cause_row cause;

	*ret = false;
	switch (cause_row_find(turn->index, what, &cause, err)) {
	case ROW_NONE:
		return true;
	case ROW_FAILED:
		return false;
	case ROW_FOUND:
		break;
	}
	if (is_open(turn, &cause) || causes_is_over(cause.told_at_ms, CAUSES_AGAIN_MS, turn->now_ms))
		return true;
	if (!change_judge(turn->options->store, change, err))
		return false;
	*ret = change->level <= cause.level;
	return true;
}

bool
causes_find_fate(struct turn *turn, const struct change *change, struct fate *ret, struct err *err)
{
	*ret = (struct fate){.of = FATE_NEW};
	for (int reach = REACH_HOST; reach <= REACH_ARCHIVE; reach++) {
		AUTO_FREE char *what = change_what(change, (enum reach)reach);
		struct known_event *event;
		struct cause_row cause;

		switch (cause_row_find(turn->index, what, &cause, err)) {
		case ROW_NONE:
			continue;
		case ROW_FAILED:
			return false;
		case ROW_FOUND:
			break;
		}
		if (!causes_find_event(turn, cause.event, &event, err))
			return false;
		if (event->there && is_open(turn, &cause)) {
			*ret = (struct fate){.of = FATE_JOINS, .cause = cause, .reach = (enum reach)reach};
			return true;
		}
	}
	return true;
}

bool
causes_read_states(struct turn *turn, const struct change *of, enum reach reach, struct site_states *ret,
        struct err *err)
{
	AUTO_FREE char *place = change_place(of, reach);
	AUTO_TEXT first = TEXT_EMPTY, last = TEXT_EMPTY;
	struct site_range range = {.state = of->is};

	/* Every site has a slash behind its host; '0' is the character that follows it. */
	text_addf(&first, "%s%s", place, reach == REACH_HOST ? "/" : "");
	text_addf(&last, "%s%s", place, reach == REACH_HOST ? "0" : "");
	range.first = text_string(&first);
	range.last = text_string(&last);
	return site_rows_states(turn->index, &range, ret, err);
}
