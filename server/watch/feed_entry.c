/*
 * One event as an entry of the feed. Any thread; pure. Must never give out what is no literal but through text_add_html, which escapes
 * for XML as well; the content is HTML in XML, and so escaped twice.
 */
#include "server/watch/feed_parts.h"
#include "server/jobs/json.h"

static void
add_element(struct text *ret, const char *name, const char *value)
{
	text_addf(ret, "<%s>", name);
	text_add_html(ret, value);
	text_addf(ret, "</%s>", name);
}

/* What to change in a lockfile for one archive. */
static void
add_lines(const json_t *archive, struct text *html)
{
	const json_t *lines = json_object_get(json_object_get(archive, "drift"), "lines");

	if (json_array_size(lines) == 0)
		return;
	text_add(html, "<pre>");
	text_add_html(html, json_text_of(archive, "package"));
	for (size_t i = 0; i < json_array_size(lines); i++) {
		const char *line = json_string_value(json_array_get(lines, i));

		text_add(html, "\n");
		text_add_html(html, line != NULL ? line : "");
	}
	text_add(html, "</pre>");
}

static void
add_content(const struct event_row *event, struct text *ret)
{
	json_t *data = event->data[0] != '\0' ? json_loads(event->data, 0, NULL) : NULL;
	const json_t *archives = json_object_get(data, "archives");
	AUTO_TEXT html = TEXT_EMPTY;

	text_add(&html, "<p>");
	text_add_html(&html, event->detail[0] != '\0' ? event->detail : event->subject);
	text_add(&html, "</p>");
	for (size_t i = 0; i < json_array_size(archives) && i < FEED_LINES_OF; i++)
		add_lines(json_array_get(archives, i), &html);
	json_decref(data);
	text_add(ret, "<content type=\"html\">");
	text_add_html(ret, text_string(&html));
	text_add(ret, "</content>");
}

void
feed_add_entry(const char *feed_id, const struct event_row *event, struct text *ret)
{
	char at[TEXT_TIME_MAX], changed[TEXT_TIME_MAX], id[FEED_ID_MAX];

	text_time(event->at_ms, at);
	text_time(event->changed_at_ms, changed);
	feed_id_of_event(feed_id, event, id);
	text_add(ret, "<entry>");
	add_element(ret, "id", id);
	add_element(ret, "title", event->detail[0] != '\0' ? event->detail : event->subject);
	add_element(ret, "published", at);
	add_element(ret, "updated", changed);
	text_addf(ret, "<category term=\"%s\"/><category term=\"", event_level_name(event->level));
	text_add_html(ret, event->kind);
	text_add(ret, "\"/>");
	add_element(ret, "summary", event->subject);
	add_content(event, ret);
	text_add(ret, "</entry>\n");
}
