/*
 * The page at "/": what this is, how to use it, and how it is. Worker threads. Everything that is not a
 * literal goes through text_add_html.
 */
#include <inttypes.h>
#include <string.h>

#include "server/admin/gauges.h"
#include "server/admin/metrics.h"
#include "server/admin/status.h"
#include "server/http/reply.h"
#include "server/watch/feed.h"

#define HOST_MAX 255

static const char page_head[] =
        "<!doctype html>\n"
        "<html lang=\"en\">\n"
        "<head>\n"
        "<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<title>larder</title>\n"
        "<link rel=\"alternate\" type=\"application/atom+xml\" href=\"/events.atom\" title=\"what happened "
        "elsewhere\">\n"
        "<style>\n"
        ":root { color-scheme: light dark; }\n"
        "body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; "
        "}\n"
        "pre { padding: .75rem; overflow-x: auto; border: 1px solid; border-radius: .25rem; }\n"
        "table { border-collapse: collapse; }\n"
        "th { text-align: left; font-weight: normal; padding-right: 2rem; }\n"
        "td { text-align: right; font-variant-numeric: tabular-nums; }\n"
        "</style>\n"
        "</head>\n"
        "<body>\n"
        "<h1>larder</h1>\n"
        "<p>This machine keeps source archives by hash, so that a build does not depend on an upstream that "
        "may vanish.\n"
        "Ask for <code>/&lt;algorithm&gt;/&lt;hash&gt;</code> with md5, sha1, sha256 or sha512; what is not "
        "here yet\n"
        "is fetched, checked, and kept.</p>\n";

static const char page_foot[] = "<p><a href=\"/status\">status</a> · <a href=\"/readyz\">readiness</a> ·\n"
                                "<a href=\"/metrics\">metrics</a> · <a href=\"/version\">version</a> ·\n"
                                "<a href=\"/events.atom\">feed</a></p>\n"
                                "</body>\n"
                                "</html>\n";

/*
 * The Host is the client's word: used only where it looks like a host, else the first address larder listens
 * on.
 */
void
status_add_own_address(const struct request *request, struct text *ret)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";
	const char *host = request_header(request, "Host");

	if (host != NULL && host[0] != '\0' && strlen(host) <= HOST_MAX &&
	        strspn(host, allowed) == strlen(host)) {
		text_addf(ret, "%s://", request->scheme);
		text_add_html(ret, host);
		return;
	}
	text_add_html(ret, listener_url(request->larder->listener, 0));
}

static void
add_use(const struct request *request, struct text *ret)
{
	text_add(ret, "<h2>Use it</h2>\n<p>opam 2.2 and later:</p>\n"
	              "<pre>opam option --global 'archive-mirrors=\"");
	status_add_own_address(request, ret);
	text_add(ret, "\"'</pre>\n<p>opam 2.0 and 2.1, a line in <code>~/.opam/config</code> "
	              "or in a repository's <code>repo</code> file:</p>\n<pre>archive-mirrors: \"");
	status_add_own_address(request, ret);
	text_add(ret, "\"</pre>\n<p>Give it what you have, with a token from whoever runs it:</p>\n"
	              "<pre>larder push --token-file TOKEN ");
	status_add_own_address(request, ret);
	text_add(ret, " ~/.opam/download-cache</pre>\n"
	              "<p>Or in other ways: <a href=\"/api/v1/openapi.json\">the API</a>.</p>\n");
}

static void
add_row(struct text *ret, const char *what, const char *value)
{
	text_add(ret, "<tr><th scope=\"row\">");
	text_add_html(ret, what);
	text_add(ret, "</th><td>");
	text_add_html(ret, value);
	text_add(ret, "</td></tr>\n");
}

static void
add_number(struct text *ret, const char *what, uint64_t value)
{
	AUTO_TEXT number = TEXT_EMPTY;

	text_addf(&number, "%" PRIu64, value);
	add_row(ret, what, text_string(&number));
}

static void
add_bytes(struct text *ret, const char *what, uint64_t bytes)
{
	char size[TEXT_SIZE_MAX];

	text_size(bytes, size);
	add_row(ret, what, size);
}

static void
add_scrub(struct text *ret, const struct gauges *gauges)
{
	const struct scrub_round *scrub = &gauges->scrub;
	char when[TEXT_TIME_MAX];

	if (scrub->under_way) {
		add_number(ret, "read again in this round", scrub->archives);
		add_number(ret, "of these damaged or gone", scrub->wrong);
	}
	if (scrub->ended_at_ms != 0) {
		text_time(scrub->ended_at_ms, when);
		add_row(ret, "all were read again", when);
		add_number(ret, "of these damaged or gone then", scrub->ended_wrong);
	}
}

static void
add_figures(struct request *request, struct text *ret)
{
	struct metrics *metrics = request->larder->metrics;
	struct gauges gauges;

	gauges_collect(request->larder, &gauges);
	text_add(ret, "<h2>How it is</h2>\n<table>\n");
	add_number(ret, "archives stored", gauges.store.archives);
	add_bytes(ret, "their size", gauges.store.bytes);
	add_bytes(ret, "free space", gauges.store.free_bytes);
	add_number(ret, "archives the catalog knows", gauges.catalog.archives);
	add_number(ret, "their origins", gauges.catalog.origins);
	add_number(ret, "answered from the store", metrics_get(metrics, METRIC_HITS));
	add_number(ret, "asked for and not stored", metrics_get(metrics, METRIC_MISSES));
	add_number(ret, "fetches under way", (uint64_t)gauges.flights);
	add_number(ret, "hosts that rest", gauges.fetcher.resting_hosts);
	add_number(ret, "given by uploads", metrics_get(metrics, METRIC_UPLOADS_STORED));
	add_number(ret, "jobs that wait or run", gauges.jobs.waiting + gauges.jobs.running);
	add_number(ret, "removed by people", gauges.store.removed);
	add_number(ret, "evicted to make room", gauges.store.evicted);
	add_scrub(ret, &gauges);
	add_row(ret, "version", LARDER_VERSION);
	text_add(ret, "</table>\n");
	if (gauges.store.health_text[0] != '\0') {
		text_add(ret, "<p role=\"alert\"><strong>");
		text_add_html(ret, gauges.store.health_text);
		text_add(ret, "</strong></p>\n");
	}
}

enum outcome
status_page(struct request *request)
{
	AUTO_TEXT body = TEXT_EMPTY;

	text_add(&body, page_head);
	add_use(request, &body);
	feed_add_html(request->larder, &body);
	add_figures(request, &body);
	text_add(&body, page_foot);
	return reply_text(request, 200, "text/html; charset=utf-8", &body);
}
