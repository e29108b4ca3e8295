/*
 * Sentences of the watch: right for one, two and many archives, stored or not, and with what is to be done.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "server/watch/event_data.h"
#include "server/watch/event_text.h"
#include "storage/index/event_rows.h"

/* Archives "a.1", "b.1" …: S stored, s not; the digit behind it: copies elsewhere. */
static json_t *
data_of(const char *cause, const char *urls, const char *archives, const struct event_place *place)
{
	struct event_data *about = event_data_create(cause, NULL);

	for (size_t i = 0; archives[2 * i] != '\0'; i++) {
		struct digests digests = {.known = 1u << DIGEST_SHA256, .sha256 = {(uint8_t)(i + 1)}};
		char package[8], url[128];
		json_t *hosts = archives[2 * i + 1] == '0'   ? json_array()
		                : archives[2 * i + 1] == '1' ? json_pack("[s]", "c1.org")
		                                             : json_pack("[s, s]", "c1.org", "c2.org");

		snprintf(package, sizeof package, "%c.1", (char)('a' + i));
		snprintf(url, sizeof url, "%s/%c/x.tgz", urls, (char)('a' + i));
		event_data_add(about, &(struct event_archive){.package = package,
		                              .digests = &digests,
		                              .url = url,
		                              .stored = archives[2 * i] == 'S',
		                              .copies = (size_t)(archives[2 * i + 1] - '0'),
		                              .hosts = hosts,
		                              .left = archives[2 * i] == 'l' ? 0 : 1});
		json_decref(hosts);
	}
	return event_data_finish(about, place);
}

static void
assert_sentence(const json_t *data, const char *wanted)
{
	AUTO_TEXT sentence = TEXT_EMPTY;

	event_text_sentence(data, &sentence);
	assert_string_equal(text_string(&sentence), wanted);
}

static const struct sentence {
	const char *cause, *archives;
	bool whole;
	const char *wanted;
} sentences[] = {
        {"vanished", "S2S2", true, "h.org/x is gone: a.1, b.1; both are stored"},
        {"vanished", "S2S2", false, "2 archives are gone from h.org/x: a.1, b.1; both are stored"},
        {"vanished", "S2", true,
                "a.1 is gone from h.org/x/a; it is stored, and two others have it: c1.org, c2.org"},
        {"vanished", "S2S2S2", true, "h.org/x is gone: a.1, b.1, c.1; all are stored"},
        {"vanished", "S2S2S2S2S2S2S2", true,
                "h.org/x is gone: a.1, b.1, c.1, d.1, e.1 and 2 more; all are stored"},
        {"vanished", "S0", false,
                "a.1 is gone from h.org/x/a; it is stored; keep larder's copy: it may be the last"},
        {"vanished", "S1", false,
                "a.1 is gone from h.org/x/a; it is stored, and one other host has it: c1.org"},
        {"vanished", "S5", false,
                "a.1 is gone from h.org/x/a; it is stored, and 5 others have it: c1.org, c2.org and 3 more"},
        {"vanished", "S1S1", true,
                "h.org/x is gone: a.1, b.1; both are stored, and of each only one other host has a copy"},
        {"vanished", "S1S2S1", true,
                "h.org/x is gone: a.1, b.1, c.1; all are stored; of a.1, c.1 only one other host has a copy"},
        {"vanished", "s0", false,
                "a.1 is gone from h.org/x/a; it is not stored; larder fetch a.1 may still find it elsewhere"},
        {"vanished", "l0", false,
                "a.1 is gone from h.org/x/a; it is not stored; nobody else is known to have it: ask around "
                "for "
                "it; larder add FILE, or larder push from whoever has it, brings it back"},
        {"vanished", "l0l0", true,
                "h.org/x is gone: a.1, b.1; neither is stored; nobody else is known to have them: ask around "
                "for them; larder add FILE, or larder push from whoever has them, brings them back"},
        {"vanished", "l0s0S2", true,
                "h.org/x is gone: a.1, b.1, c.1; a.1, b.1 are not stored, the other is; larder fetch b.1 may "
                "still find it elsewhere; nobody else is known to have a.1: ask around for it; larder add "
                "FILE, "
                "or larder push from whoever has it, brings it back"},
        {"failing", "l0", false,
                "h.org/x/a has failed to serve a.1 for a week or more; it is not stored; larder fetch a.1 "
                "asks "
                "again; nobody else is known to have it: ask around for it; larder add FILE, or larder push "
                "from whoever has it, brings it back"},
        {"vanished", "s2", false,
                "a.1 is gone from h.org/x/a; it is not stored; larder fetch a.1 gets it from another host"},
        {"vanished", "S2s0", true,
                "h.org/x is gone: a.1, b.1; a.1 is stored, b.1 is not; larder fetch b.1 may still find it "
                "elsewhere"},
        {"vanished", "s1S2", true,
                "h.org/x is gone: a.1, b.1; b.1 is stored, a.1 is not; larder fetch a.1 gets it from another "
                "host"},
        {"vanished", "s0s1", true,
                "h.org/x is gone: a.1, b.1; neither is stored; larder fetch a.1 b.1 may still find them "
                "elsewhere"},
        {"vanished", "s1s1s1", true,
                "h.org/x is gone: a.1, b.1, c.1; none is stored; larder fetch a.1 b.1 c.1 gets them from "
                "another host"},
        {"vanished", "s1S2S2", true,
                "h.org/x is gone: a.1, b.1, c.1; a.1 is not stored, the others are; larder fetch a.1 gets it "
                "from "
                "another host"},
        {"vanished", "s1s1S2", true,
                "h.org/x is gone: a.1, b.1, c.1; a.1, b.1 are not stored, the other is; larder fetch a.1 b.1 "
                "gets them "
                "from another host"},
        {"vanished", "s0s0s0s0s0s0s0S2", true,
                "h.org/x is gone: a.1, b.1, c.1, d.1, e.1 and 3 more; a.1, b.1, c.1, d.1, e.1 and 2 more are "
                "not "
                "stored, the other is; larder fetch --all may still find them elsewhere"},
        {"vanished", "S0S0", true,
                "h.org/x is gone: a.1, b.1; both are stored; keep larder's copies: they may be the last"},
        {"vanished", "S0S3", true,
                "h.org/x is gone: a.1, b.1; both are stored; keep larder's copy of a.1: it may be the last"},
        {"failing", "S2", false,
                "h.org/x/a has failed to serve a.1 for a week or more; it is stored, and two others have it: "
                "c1.org, c2.org"},
        {"failing", "S2S2", true,
                "h.org/x has failed to serve 2 archives for a week or more: a.1, b.1; both are stored"},
        {"back", "S0", false, "h.org/x/a serves a.1 again"},
        {"back", "S0S0", false, "h.org/x serves 2 archives again: a.1, b.1"},
        {"back", "S0s1", false,
                "h.org/x serves 2 archives again: a.1, b.1; a.1 is stored, b.1 is not; larder fetch b.1 gets "
                "it now"},
        {"changed: recompressed", "S2", false,
                "h.org recompressed a.1: the files in it are the same; it is stored, and two others have it: "
                "c1.org, c2.org"},
        {"changed: recompressed", "S0S2", false,
                "h.org recompressed 2 archives of h.org/x, and the files in them are the same: a.1, b.1; "
                "both are stored; keep larder's copy of "
                "a.1: it may be the last with the old checksum"},
        {"changed: metadata", "S2", false,
                "h.org packed a.1 anew: the files in it are the same; it is stored, and two others have it: "
                "c1.org, c2.org"},
        {"changed: content", "S2", false,
                "h.org/x/a serves other files in a.1; it is stored, and two others have it: c1.org, c2.org"},
        {"changed: content", "S2S2", false,
                "h.org/x serves other files in 2 archives: a.1, b.1; both are stored"},
        {"changed: no archive", "S2S2S2", false,
                "h.org serves something that is no archive in place of 3 archives of h.org/x: a.1, b.1, c.1; "
                "all are stored"},
        {"changed: metadata", "S2S2S2S2S2S2", false,
                "h.org packed 6 archives of h.org/x anew, and the files in them are the same: a.1, b.1, c.1, "
                "d.1, e.1 and 1 more; all are stored"},
        {"changed: unknown", "s0", false,
                "h.org serves other bytes for a.1; it is not stored; larder fetch a.1 may still find it "
                "elsewhere"},
};

static void
sentences_are_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(sentences); i++) {
		struct event_place place = {
		        .scope = SCOPE_SITE, .name = "h.org/x", .whole = sentences[i].whole};
		json_t *data = data_of(sentences[i].cause, "https://h.org/x", sentences[i].archives, &place);

		assert_sentence(data, sentences[i].wanted);
		json_decref(data);
	}
}

/* Where all are of one repository it is that which is gone, as far as anybody can tell. */
static void
the_narrowest_place_is_named(void **state)
{
	struct event_place place = {.scope = SCOPE_SITE, .name = "h.org/x", .whole = true};
	struct event_data *about = event_data_create("vanished", NULL);
	json_t *data;

	(void)state;
	for (uint8_t i = 1; i <= 2; i++) {
		struct digests digests = {.known = 1u << DIGEST_MD5, .md5 = {i}};

		event_data_add(about,
		        &(struct event_archive){.package = i == 1 ? "one.1" : "",
		                .digests = &digests,
		                .url = i == 1 ? "https://h.org/x/r/one.tgz" : "https://h.org/x/r/two.tgz",
		                .stored = true,
		                .copies = 2});
	}
	data = event_data_finish(about, &place);
	assert_sentence(
	        data, "h.org/x/r is gone: one.1, md5:02000000000000000000000000000000; both are stored");
	json_decref(data);
}

static void
a_corrected_checksum_is_a_line_to_paste(void **state)
{
	struct digests digests = {.known = 1u << DIGEST_SHA256, .sha256 = {0xd1, 0xea}};
	json_t *drift = json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s}", "kind", "content", "detail",
	        "1 file differs: pkg/META", "sha256", "f945", "size", 7, "known", "duff.0.5", "known_from",
	        "opam-repository", "known_since", "2023-06-26");
	json_t *lines = json_pack("[s, s]", "- \"sha256=d1ea\"", "+ \"sha256=f945\"");
	struct event_data *about = event_data_create("changed: content", NULL);
	json_t *data;

	(void)state;
	json_object_set_new(drift, "lines", lines);
	event_data_add(about, &(struct event_archive){.package = "duff.0.5",
	                              .digests = &digests,
	                              .url = "https://github.com/mirage/duff/releases/duff.tbz",
	                              .stored = true,
	                              .copies = 2,
	                              .drift = drift});
	data = event_data_finish(
	        about, &(struct event_place){.scope = SCOPE_SITE, .name = "github.com/mirage"});
	assert_sentence(data,
	        "github.com/mirage/duff serves other files in duff.0.5: 1 file differs: pkg/META; "
	        "sha256=d1ea000000000000000000000000000000000000000000000000000000000000 is now sha256=f945, "
	        "which "
	        "opam-repository names since 2023-06-26 for duff.0.5; it is stored, and two others have it");
	json_decref(data);
	json_decref(drift);
}

static void
add_changed(struct event_data *about, const char *package, const char *url, uint8_t number, json_t *drift)
{
	struct digests digests = {.known = 1u << DIGEST_SHA256, .sha256 = {number}};

	event_data_add(about, &(struct event_archive){.package = package,
	                              .digests = &digests,
	                              .url = url,
	                              .stored = true,
	                              .copies = 2,
	                              .drift = drift});
	json_decref(drift);
}

/*
 * Of a few archives it is said what differs in each, and what its checksum is now, or whose bytes those are.
 */
static void
of_a_few_it_is_said_what_differs_in_each(void **state)
{
	struct event_data *about = event_data_create("changed: content", NULL);
	json_t *data;

	(void)state;
	add_changed(about, "duff.0.5", "https://github.com/mirage/duff/duff.tbz", 1,
	        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:[s, s]}", "kind", "content", "detail",
	                "1 file differs: pkg/META", "sha256", "f94500112233445566", "known", "duff.0.5",
	                "known_from", "opam-repository", "known_since", "2023-06-26", "lines", "-", "+"));
	add_changed(about, "digestif.1", "https://github.com/mirage/digestif/1.tbz", 2,
	        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kind", "content", "detail",
	                "2 files differ: a, b", "sha256", "02", "known", "ffmpeg-av.1.0.0", "known_from",
	                "opam-repository", "known_since", "2023-06-26"));
	add_changed(about, "logs.1", "https://github.com/mirage/logs/1.tbz", 3,
	        json_pack("{s:s, s:s, s:s}", "kind", "content", "detail", "", "sha256", "03"));
	data = event_data_finish(about, &(struct event_place){.scope = SCOPE_HOST, .name = "github.com"});
	assert_sentence(data,
	        "github.com/mirage serves other files in 3 archives: duff.0.5 (1 file differs: pkg/META; "
	        "sha256=010000000000… is now sha256=f94500112233…, which opam-repository names since "
	        "2023-06-26 for duff.0.5), digestif.1 (2 files differ: a, b; these are the bytes of "
	        "ffmpeg-av.1.0.0), logs.1; all are stored");
	assert_string_equal(json_string_value(json_object_get(data, "site")), "github.com/mirage");
	assert_string_equal(json_string_value(json_object_get(data, "scope")), "site");
	/* One of another account joins. */
	about = event_data_create("changed: content", data);
	json_decref(data);
	add_changed(about, "ocp.1", "https://github.com/OCamlPro/ocp/1.tbz", 4, json_object());
	data = event_data_finish(about, &(struct event_place){.scope = SCOPE_HOST, .name = "github.com"});
	assert_string_equal(json_string_value(json_object_get(data, "site")), "github.com");
	json_decref(data);
}

static struct digests
numbered(unsigned known, size_t number)
{
	struct digests digests = {.known = known};

	memcpy(digests.md5, &number, sizeof number);
	memcpy(digests.sha256, &number, sizeof number);
	memcpy(digests.sha512, &number, sizeof number);
	return digests;
}

static void
add_numbered(struct event_data *about, unsigned known, size_t number)
{
	struct digests digests = numbered(known, number);

	event_data_add(about, &(struct event_archive){.package = "x.1",
	                              .digests = &digests,
	                              .url = "https://h.org/x/y/z",
	                              .stored = true,
	                              .copies = 2});
}

/* Named by md5 and sha256, by sha256 and sha512, by sha512 alone: it is one. */
static void
an_archive_counts_once(void **state)
{
	const unsigned md5 = 1u << DIGEST_MD5, sha256 = 1u << DIGEST_SHA256, sha512 = 1u << DIGEST_SHA512;
	struct event_place place = {.scope = SCOPE_SITE, .name = "h.org/x"};
	struct event_data *about = event_data_create("vanished", NULL);
	json_t *data;

	(void)state;
	add_numbered(about, md5 | sha256, 1);
	add_numbered(about, sha256 | sha512, 1);
	add_numbered(about, sha512, 1);
	data = event_data_finish(about, &place);
	assert_int_equal(json_integer_value(json_object_get(data, "count")), 1);
	assert_string_equal(json_string_value(json_object_get(data, "scope")), "archive");
	about = event_data_create("vanished", data);
	add_numbered(about, md5, 1);
	add_numbered(about, md5, 2);
	json_decref(data);
	data = event_data_finish(about, &place);
	assert_int_equal(json_integer_value(json_object_get(data, "count")), 2);
	assert_int_equal(json_array_size(json_object_get(data, "archives")), 2);
	assert_string_equal(json_string_value(json_object_get(data, "scope")), "site");
	json_decref(data);
}

static void
what_is_not_listed_is_counted(void **state)
{
	const unsigned all = 1u << DIGEST_MD5 | 1u << DIGEST_SHA256 | 1u << DIGEST_SHA512;
	struct event_place place = {.scope = SCOPE_HOST, .name = "h.org"};
	struct event_data *about = event_data_create("changed: recompressed", NULL);
	json_t *data;

	(void)state;
	for (size_t i = 1; i <= 6896; i++)
		add_numbered(about, all, i);
	data = event_data_finish(about, &place);
	assert_in_range(json_array_size(json_object_get(data, "archives")), 400, EVENT_DATA_LISTED_MAX);
	assert_in_range(json_dumpb(data, NULL, 0, JSON_COMPACT), 100, EVENT_DATA_MAX);
	assert_sentence(data,
	        "h.org recompressed 6,896 archives, and the files in them are the same: x.1, x.1, x.1, "
	        "x.1, x.1 and 6,891 more; all are stored");
	about = event_data_create("changed: recompressed", data);
	json_decref(data);
	add_numbered(about, all, 7000);
	data = event_data_finish(about, &place);
	assert_int_equal(json_integer_value(json_object_get(data, "count")), 6897);
	assert_int_equal(json_integer_value(json_object_get(data, "stored")), 6897);
	json_decref(data);
	about = event_data_create("vanished", NULL);
	for (size_t i = 1; i <= 2000; i++)
		add_numbered(about, 1u << DIGEST_MD5, i);
	data = event_data_finish(about, &place);
	assert_int_equal(json_array_size(json_object_get(data, "archives")), EVENT_DATA_LISTED_MAX);
	assert_int_equal(json_integer_value(json_object_get(data, "count")), 2000);
	json_decref(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(sentences_are_right),
	        cmocka_unit_test(the_narrowest_place_is_named),
	        cmocka_unit_test(a_corrected_checksum_is_a_line_to_paste),
	        cmocka_unit_test(of_a_few_it_is_said_what_differs_in_each),
	        cmocka_unit_test(an_archive_counts_once),
	        cmocka_unit_test(what_is_not_listed_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
