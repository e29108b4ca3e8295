/*
 * Origins in words. Main thread; what came from outside is escaped.
 */
#include "server/commands/origin_text.h"

#include <stdio.h>
#include <string.h>

#include "server/jobs/json.h"

void
origin_day(const json_t *object, const char *name, char ret[ORIGIN_DAY_MAX])
{
	snprintf(ret, ORIGIN_DAY_MAX, "%.10s", json_text_of(object, name));
}

void
origin_add_safe(struct text *text, const char *string)
{
	size_t size = 4 * strlen(string) + 1; /* each byte may become \xNN */
	AUTO_FREE char *escaped = xmalloc(size);

	text_escape(string, escaped, size);
	text_add(text, escaped);
}

static void
add_day(struct text *text, const char *before, const json_t *object, const char *name)
{
	char day[ORIGIN_DAY_MAX];

	origin_day(object, name, day);
	if (day[0] != '\0')
		text_addf(text, "%s%s", before, day);
}

/* "(gone, 404)": how the last contact ended, where that says more than the state. */
static void
add_outcome(struct text *text, const json_t *origin)
{
	const char *detail = json_text_of(origin, "detail"), *outcome = json_text_of(origin, "outcome");

	if (detail[0] == '\0' && strcmp(outcome, json_text_of(origin, "state")) == 0)
		return;
	text_addf(text, " (%s%s", outcome, detail[0] != '\0' ? ", " : "");
	origin_add_safe(text, detail);
	text_add(text, ")");
}

/* That larder itself may not ask it. */
static void
add_refusal(struct text *text, const json_t *origin)
{
	const char *why = json_text_of(origin, "refused");

	if (why[0] == '\0')
		return;
	text_add(text, "; may not be asked: ");
	origin_add_safe(text, why);
}

static void
add_names(struct text *text, const json_t *origin)
{
	if (json_flag_of(origin, "mirror"))
		text_add(text, "; a mirror");
	else if (json_flag_of(origin, "past"))
		add_day(text, "; named until ", origin, "last_named");
}

void
origin_text(const json_t *origin, struct text *ret)
{
	const char *state = json_text_of(origin, "state");
	const bool asked = strcmp(json_text_of(origin, "outcome"), "untried") != 0;
	const bool fails = json_count_of(origin, "failures") > 0;
	const bool accused = strcmp(state, "untried") != 0 && strcmp(state, "serving") != 0;

	if (strcmp(state, "untried") == 0 && asked)
		state = "no verdict yet";
	text_add(ret, state);
	if (fails && asked)
		add_outcome(ret, origin);
	if (fails)
		add_day(ret, " since ", origin, "failing_since");
	if (fails && !accused && json_count_of(origin, "failures_held") == 0)
		text_add(ret, ", not held against it while the network here is suspected");
	add_day(ret, ", last served ", origin, "served");
	add_refusal(ret, origin);
	add_names(ret, origin);
}

/* Whose bytes these are, as events of the watch say it. */
static void
add_known(struct text *text, const json_t *drift)
{
	const char *package = json_text_of(drift, "known"), *from = json_text_of(drift, "known_from");
	const bool earlier = json_flag_of(drift, "earlier");

	if (package[0] != '\0' && !earlier) {
		text_add(text, json_flag_of(drift, "successor") ? ", known as " : ", the bytes of ");
		origin_add_safe(text, package);
	} else if (from[0] != '\0') {
		text_add(text, ", which ");
		origin_add_safe(text, from);
		text_add(text, earlier ? " named" : " names");
		add_day(text, " since ", drift, "known_since");
		text_add(text, earlier ? ", and does so no more" : "");
	}
}

void
origin_drift_text(const json_t *drift, struct text *ret)
{
	const char *kind = json_text_of(drift, "kind");
	char size[TEXT_SIZE_MAX];

	text_size(json_count_of(drift, "size"), size);
	text_addf(ret, "sha256:%s (%s%s%s%s)", json_text_of(drift, "sha256"), kind,
	        kind[0] != '\0' ? ", " : "", size, json_flag_of(drift, "kept") ? ", kept here" : "");
	add_day(ret, " since ", drift, "at");
	add_known(ret, drift);
}

void
origin_add_lines(struct text *text, const json_t *origin, const char *begin)
{
	const json_t *drifts = json_object_get(origin, "drifts");

	text_add(text, begin);
	origin_add_safe(text, json_text_of(origin, "url"));
	text_add(text, ": ");
	origin_text(origin, text);
	for (size_t i = 0; i < json_array_size(drifts); i++) {
		text_addf(text, "\n%s  served instead: ", begin);
		origin_drift_text(json_array_get(drifts, i), text);
	}
	text_add(text, "\n");
}
