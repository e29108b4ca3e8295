/*
 * Causes: scripted news on a real index become the right events, once, whatever comes between.
 */
#include "tests/support/watched.h"

#include "server/watch/came.h"

#define T0 1694500000000ll

/* --- the postmortem's --- */

static void
an_account_is_one_event(void **state)
{
	(void)state;
	place("https://github.com/kodwx/rosa/archive/0.2.0.tar.gz", "rosa.0.2.0", STORED, 2);
	place("https://github.com/kodwx/lucid/archive/0.1.5.tar.gz", "lucid.0.1.5", STORED, 2);
	place("https://github.com/other/thing/archive/1.tar.gz", "thing.1", STORED, 0);
	serves("https://github.com/other/thing/archive/1.tar.gz", T0);
	goes("https://github.com/kodwx/rosa/archive/0.2.0.tar.gz", ORIGIN_IS_VANISHED, T0);
	goes("https://github.com/kodwx/lucid/archive/0.1.5.tar.gz", ORIGIN_IS_VANISHED, T0 + 30 * MINUTE);
	assert_told(T0 + HOUR, 0); /* quiet for half an hour only */
	assert_told(T0 + 30 * MINUTE + HOUR, 1);
	assert_told(T0 + 9 * HOUR, 0);
	assert_events(
	        "info vanished github.com/kodwx: github.com/kodwx is gone: rosa.0.2.0, lucid.0.1.5; both "
	        "are stored\n");
}

/*
 * The second archive of an account is about to be judged: people hear of both together, but not of none for
 * ever.
 */
static void
who_is_suspected_is_waited_for(void **state)
{
	(void)state;
	place("https://github.com/kodwx/rosa/archive/0.2.0.tar.gz", "rosa.0.2.0", STORED, 2);
	place("https://github.com/kodwx/lucid/archive/0.1.5.tar.gz", "lucid.0.1.5", STORED, 2);
	goes("https://github.com/kodwx/rosa/archive/0.2.0.tar.gz", ORIGIN_IS_VANISHED, T0);
	run_sql(store, "UPDATE origin SET gone = 2 WHERE url LIKE '%%lucid%%'");
	assert_told(T0 + 6 * HOUR, 0);
	goes("https://github.com/kodwx/lucid/archive/0.1.5.tar.gz", ORIGIN_IS_VANISHED, T0 + 7 * HOUR);
	assert_told(T0 + 8 * HOUR, 1);
	assert_events(
	        "info vanished github.com/kodwx: github.com/kodwx is gone: rosa.0.2.0, lucid.0.1.5; both "
	        "are stored\n");
}

/* What a mirror never had is not asked of it again, and so never judged: nobody waits for that. */
static void
what_a_mirror_never_had_is_not_waited_for(void **state)
{
	const char *cached = "https://cache.example/kodwx/lucid.tar.gz";

	(void)state;
	place("https://cache.example/kodwx/rosa.tar.gz", "rosa.0.2.0", STORED, 2);
	place(cached, "lucid.0.1.5", STORED, 2);
	run_sql(store,
	        "UPDATE origin SET first_named = NULL, last_named = NULL, gone = 1, failures = 1,"
	        " gone_since = %lld WHERE url = '%s'",
	        T0 - 90 * DAY, cached);
	goes("https://cache.example/kodwx/rosa.tar.gz", ORIGIN_IS_VANISHED, T0);
	assert_told(T0 + HOUR - MINUTE, 0);
	assert_told(T0 + HOUR, 1);
	/* For one that served it is. */
	place("https://cache.example/kodwx/duff.tar.gz", "duff.0.5", STORED, 2);
	run_sql(store, "UPDATE origin SET served_at = %lld WHERE url = '%s'", T0 - 100 * DAY, cached);
	goes("https://cache.example/kodwx/duff.tar.gz", ORIGIN_IS_VANISHED, T0 + 30 * DAY);
	assert_told(T0 + 31 * DAY - MINUTE, 0);
	assert_told(T0 + 31 * DAY, 1);
}

static void
but_only_for_a_day(void **state)
{
	(void)state;
	place("https://github.com/kodwx/rosa/archive/0.2.0.tar.gz", "rosa.0.2.0", STORED, 2);
	place("https://github.com/kodwx/lucid/archive/0.1.5.tar.gz", "lucid.0.1.5", STORED, 2);
	goes("https://github.com/kodwx/rosa/archive/0.2.0.tar.gz", ORIGIN_IS_VANISHED, T0);
	run_sql(store, "UPDATE origin SET gone = 2 WHERE url LIKE '%%lucid%%'");
	assert_told(T0 + DAY - MINUTE, 0);
	assert_told(T0 + DAY, 1);
}

static void
a_renamed_repository_is_one_archive(void **state)
{
	const char *url = "https://github.com/muqiuhan/simlog/archive/0.0.3.tar.gz";

	(void)state;
	place(url, "simlog.0.0.3", MISSING, 0);
	place("https://github.com/muqiuhan/else/archive/1.tar.gz", "else.1", STORED, 0);
	serves("https://github.com/muqiuhan/else/archive/1.tar.gz", T0);
	goes(url, ORIGIN_IS_VANISHED, T0);
	assert_told(T0 + HOUR, 1);
	assert_events(
	        "urgent vanished simlog.0.0.3: simlog.0.0.3 is gone from github.com/muqiuhan/simlog; it is "
	        "not stored; nobody else is known to have it: ask around for it; larder add FILE, or larder "
	        "push from whoever has it, brings it back\n");
	/* Another one of a site that serves is another cause. */
	serves("https://github.com/muqiuhan/third/archive/1.tar.gz", T0);
	place("https://github.com/muqiuhan/third/archive/1.tar.gz", "third.1", STORED, 2);
	goes("https://github.com/muqiuhan/else/archive/1.tar.gz", ORIGIN_IS_VANISHED, T0 + DAY);
	serves("https://github.com/muqiuhan/third/archive/1.tar.gz", T0 + DAY);
	assert_told(T0 + 2 * DAY, 1);
}

static void
a_host_that_packs_anew_is_one_event(void **state)
{
	(void)state;
	many_changed("https://github.com", 6896, T0);
	assert_told(T0 + 23 * HOUR, 0); /* not compared yet */
	all_drift("recompressed");
	assert_told(T0 + 23 * HOUR, 1);
	assert_events("warning changed github.com: github.com recompressed 6,896 archives, and the files in "
	              "them are "
	              "the same: p0.1, p1.1, p2.1, p3.1, p4.1 and 6,891 more; all are stored; keep larder's "
	              "copies: they may be the last with the old "
	              "checksum\n");
	assert_data("$.count", "6896");
	assert_data("$.scope", "host");
	assert_int_equal(count_rows("SELECT count(*) FROM news"), 0);
}

/*
 * Two of one account changed so, another one otherwise: each is told of where it was, and a newcomer widens
 * that.
 */
static void
what_changed_is_told_of_its_narrowest_site(void **state)
{
	(void)state;
	place("https://github.com/mirage/duff/duff.tbz", "duff.0.5", STORED, 2);
	place("https://github.com/mirage/digestif/digestif.tbz", "digestif.1", STORED, 2);
	place("https://github.com/other/thing/1.tgz", "thing.1", STORED, 2);
	place("https://github.com/third/thing/1.tgz", "third.1", STORED, 2);
	goes("https://github.com/mirage/duff/duff.tbz", ORIGIN_IS_CHANGED, T0);
	goes("https://github.com/mirage/digestif/digestif.tbz", ORIGIN_IS_CHANGED, T0);
	goes("https://github.com/other/thing/1.tgz", ORIGIN_IS_CHANGED, T0);
	drifts("https://github.com/mirage/duff/duff.tbz", "recompressed", "{}");
	drifts("https://github.com/mirage/digestif/digestif.tbz", "recompressed", "{}");
	drifts("https://github.com/other/thing/1.tgz", "metadata", "{}");
	assert_told(T0 + HOUR, 2);
	assert_event_like("info changed github.com/mirage: github.com recompressed 2 archives of "
	                  "github.com/mirage, and the "
	                  "files in them are the same: duff.0.5, digestif.1; both are stored\n");
	goes("https://github.com/third/thing/1.tgz", ORIGIN_IS_CHANGED, T0 + DAY);
	drifts("https://github.com/third/thing/1.tgz", "recompressed", "{}");
	assert_told(T0 + 2 * DAY, 0);
	assert_event_like(
	        "info changed github.com: github.com recompressed 3 archives, and the files in them are the "
	        "same: duff.0.5, digestif.1, third.1; all are stored\n");
}

/* What these bytes are is asked when people are told. */
static void
came_instead(const char *url, const char *bytes)
{
	struct digest sha256 = digest_of(bytes, DIGEST_SHA256);
	char hex[DIGEST_HEX_MAX];

	put(store, bytes, INTAKE_STORED);
	digest_hex(&sha256, hex);
	run_sql(store,
	        "INSERT INTO drift (origin, sha256, size, kept, compared, kind, detail, at)"
	        " SELECT id, x'%s', 7, 1, 1, 'content', '{\"detail\": \"1 file differs: x\"}', 1 FROM origin"
	        " WHERE url = '%s'",
	        hex, url);
}

static void
the_bytes_of_another_package_are_no_correction(void **state)
{
	const char *url = "https://github.com/kodwx/rosa/archive/v0.2.0.tar.gz";

	(void)state;
	place(url, "rosa.0.2.0", STORED, 2);
	place("https://github.com/savonet/ffmpeg/1.tgz", "ffmpeg-av.1.0.0", MISSING, 0);
	goes(url, ORIGIN_IS_CHANGED, T0);
	came_instead(url, "ffmpeg-av.1.0.0");
	assert_told(T0 + HOUR, 1);
	assert_event_like("1 file differs: x; these are the bytes of ffmpeg-av.1.0.0; it is stored, and two "
	                  "others have it: copy0.example, copy1.example\n");
	assert_data("$.archives[0].drift.lines", "");
}

static void
learn_of(const char *url, const char *package, const char *bytes)
{
	struct harvest *harvest = harvest_create();
	struct digests digests = listed(bytes);

	harvest_place(harvest, url, package, &digests);
	learn(harvest);
	harvest_destroy(harvest);
}

static void
a_change_in_place_says_what_is_known_of_it(void **state)
{
	const char *url = "https://erratique.ch/software/duff/duff-0.5.tbz";

	(void)state;
	place(url, "duff.0.5", STORED, 2);
	goes(url, ORIGIN_IS_CHANGED, T0);
	came_instead(url, "new bytes");
	learn_of("https://elsewhere.org/duff.tbz", "duff.0.5", "new bytes");
	run_sql(store, "UPDATE origin SET first_at = 1687737600000");
	assert_told(T0 + HOUR, 1);
	assert_event_like("info changed duff.0.5: erratique.ch/software/duff serves other files in duff.0.5: "
	                  "1 file differs: x; sha256=");
	assert_event_like(", which list names since 2023-06-26 for duff.0.5; it is stored, and "
	                  "two others have it: copy0.example, copy1.example\n");
	assert_data("$.archives[0].drift.known", "duff.0.5");
	assert_data("$.cause", "changed: content");
	assert_data("$.scope", "archive");
	assert_data("$.site", "erratique.ch/software");
}

/* As when its host turns back to what was corrected long ago: a lockfile must not follow. */
static void
what_only_the_past_names_is_no_correction(void **state)
{
	const char *url = "https://h.org/x/duff.tbz";

	(void)state;
	place(url, "duff.0.5", STORED, 2);
	goes(url, ORIGIN_IS_CHANGED, T0);
	came_instead(url, "old bytes");
	learn_of(url, "duff.0.5", "old bytes");
	run_sql(store, "UPDATE origin SET past = 1, first_at = 1687737600000 WHERE id = (SELECT max(id) FROM "
	               "origin)");
	assert_told(T0 + HOUR, 1);
	assert_event_like("1 file differs: x; list named these bytes since 2023-06-26, and does so no more; "
	                  "it is stored");
	assert_data("$.archives[0].drift.lines", "");
}

/* What was not kept is known by the digests that were noted. */
static void
a_correction_that_is_not_kept_is_one(void **state)
{
	const char *url = "https://h.org/x/duff.tbz";
	struct digests new = digests_of("new bytes", 9);
	const struct drift drift = {.detail = "1 file differs: x"};
	AUTO_FREE char *note = came_note(&drift, &new);
	char hex[DIGEST_HEX_MAX];
	struct digest sha256 = digest_of("new bytes", DIGEST_SHA256);

	(void)state;
	digest_hex(&sha256, hex);
	place(url, "duff.0.5", STORED, 2);
	goes(url, ORIGIN_IS_CHANGED, T0);
	run_sql(store,
	        "INSERT INTO drift (origin, sha256, size, kept, compared, kind, detail, at)"
	        " SELECT id, x'%s', 7, 0, 1, 'content', '%s', 1 FROM origin WHERE url = '%s'",
	        hex, note, url);
	place_lesser("https://elsewhere.org/duff.tbz", "new bytes", "duff.0.5");
	assert_told(T0 + HOUR, 1);
	assert_int_equal(
	        count_rows("SELECT json_array_length(data, '$.archives[0].drift.lines') FROM event"), 4);
}

/*
 * The same package elsewhere, or any at the same URL: that is the correction, with all digests that both
 * have.
 */
static void
the_same_package_or_url_is_a_correction(void **state)
{
	const char *duff = "https://h.org/x/duff.tbz", *digestif = "https://h.org/y/digestif.tbz";

	(void)state;
	place(duff, "duff.0.5", STORED, 2);
	goes(duff, ORIGIN_IS_CHANGED, T0);
	came_instead(duff, "new bytes");
	learn_of("https://elsewhere.org/duff.tbz", "duff.0.5", "new bytes");
	assert_told(T0 + HOUR, 1);
	assert_event_like(" is now sha256=");
	assert_event_like(
	        " for duff.0.5; it is stored, and two others have it: copy0.example, copy1.example\n");
	assert_int_equal(
	        count_rows("SELECT json_array_length(data, '$.archives[0].drift.lines') FROM event"), 4);
	place(digestif, "digestif.1", STORED, 2);
	goes(digestif, ORIGIN_IS_CHANGED, T0 + DAY);
	came_instead(digestif, "newer bytes");
	learn_of(digestif, "digestif.2", "newer bytes");
	assert_told(T0 + DAY + HOUR, 1);
	assert_event_like(
	        " for digestif.2; it is stored, and two others have it: copy0.example, copy1.example\n");
}

static void
what_cannot_be_compared_is_told_after_a_day(void **state)
{
	(void)state;
	place("https://h.org/x/y/z.tgz", "z.1", MISSING, 0);
	goes("https://h.org/x/y/z.tgz", ORIGIN_IS_CHANGED, T0);
	assert_told(T0 + DAY - 1, 0);
	assert_told(T0 + DAY, 1);
	assert_event_like("urgent changed z.1: h.org serves other bytes for z.1; it is not stored");
}

/* --- what is news at all --- */

/* As if it had been asked twice before, days ago, in vain; and now once more. */
static void
is_gone_again(const char *url, const char *archive, int64_t origin)
{
	struct contact good = {.asked = digest_of(archive, DIGEST_SHA256),
	        .url = "https://good.example/x",
	        .result = ORIGIN_SERVED,
	        .status = 200,
	        .length = -1};
	struct contact gone = good;

	gone.origin_id = origin;
	gone.url = url;
	gone.result = ORIGIN_GONE;
	gone.status = 404;
	catalog_contact(store_catalog(store), &good); /* the network is well */
	catalog_contact(store_catalog(store), &gone);
	run_sql(store,
	        "UPDATE origin SET gone = 2, gone_since = 1, counted = 2, counted_since = 1, counted_at = 1 "
	        "WHERE url = '%s'",
	        url);
	catalog_contact(store_catalog(store), &gone);
	run_sql(store, "SELECT 1");
	assert_int_equal(count_rows("SELECT max(state) FROM origin"), ORIGIN_IS_VANISHED);
}

static void
that_a_mirror_lacks_an_archive_is_no_news(void **state)
{
	const char *mirror = "https://cache.example/sha256/ab";

	(void)state;
	place("https://h.org/x/r/a.tgz", "a.1", STORED, 0);
	is_gone_again(mirror, "a.1", 0);
	assert_int_equal(count_rows("SELECT count(*) FROM news"), 0);
	run_sql(store, "UPDATE origin SET state = 1 WHERE url = '%s'", mirror);
	is_gone_again(mirror, "a.1", 0);
	assert_int_equal(count_rows("SELECT count(*) FROM news"), 1);
	assert_told(clock_wall_ms() + HOUR, 1);
	assert_event_like("warning vanished a.1: a.1 is gone from cache.example/sha256");
}

static void
that_a_named_place_lacks_it_is_news(void **state)
{
	(void)state;
	place("https://h.org/x/r/a.tgz", "a.1", STORED, 0);
	is_gone_again("https://h.org/x/r/a.tgz", "a.1",
	        count_rows("SELECT id FROM origin WHERE url = 'https://h.org/x/r/a.tgz'"));
	assert_int_equal(count_rows("SELECT count(*) FROM news"), 1);
}

/* --- how they are grouped --- */

static void
four_sites(const char *host, enum storing storing)
{
	static const char *const names[] = {"a.1", "b.1", "c.1", "d.1"};
	char url[128];

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(url, sizeof url, "https://%s/%.1s/r/x.tgz", host, names[i]);
		place(url, names[i], storing, 2);
	}
}

static void
a_whole_host_is_one_event(void **state)
{
	(void)state;
	four_sites("gone.org", STORED);
	goes("https://gone.org/a/r/x.tgz", ORIGIN_IS_VANISHED, T0);
	goes("https://gone.org/b/r/x.tgz", ORIGIN_IS_VANISHED, T0);
	assert_told(T0 + HOUR, 1);
	assert_events(
	        "info vanished gone.org: 2 archives are gone from gone.org: a.1, b.1; both are stored\n");
	goes("https://gone.org/c/r/x.tgz", ORIGIN_IS_VANISHED, T0 + DAY);
	goes("https://gone.org/d/r/x.tgz", ORIGIN_IS_VANISHED, T0 + DAY);
	assert_told(T0 + 2 * DAY, 0);
	assert_events("info vanished gone.org: gone.org is gone: a.1, b.1, c.1, d.1; all are stored\n");
}

/* One of four was asked: that says nothing of the host; nor do two where a third serves. */
static void
a_host_that_is_not_known_to_be_gone_is_told_by_sites(void **state)
{
	(void)state;
	four_sites("some.org", STORED);
	serves("https://some.org/d/r/x.tgz", T0 - DAY);
	goes("https://some.org/b/r/x.tgz", ORIGIN_IS_VANISHED, T0);
	goes("https://some.org/a/r/x.tgz", ORIGIN_IS_VANISHED, T0);
	assert_told(T0 + HOUR, 2);
	assert_events("info vanished a.1: a.1 is gone from some.org/a/r; it is stored, and two others have "
	              "it: copy0.example, copy1.example\n"
	              "info vanished b.1: b.1 is gone from some.org/b/r; it is stored, and two others have "
	              "it: copy0.example, copy1.example\n");
}

static void
many_sites_of_a_host_at_once_are_one_event(void **state)
{
	char url[64], name[16];

	(void)state;
	place("https://big.org/fine/r/x.tgz", "fine.1", STORED, 0);
	serves("https://big.org/fine/r/x.tgz", T0);
	for (int i = 0; i <= CAUSES_SITES_MAX; i++) {
		snprintf(url, sizeof url, "https://big.org/s%d/r/x.tgz", i);
		snprintf(name, sizeof name, "s%d.1", i);
		place(url, name, STORED, 2);
		goes(url, ORIGIN_IS_FAILING, T0);
	}
	assert_told(T0 + HOUR, 1);
	assert_events(
	        "info failing big.org: big.org has failed to serve 6 archives for a week or more: s0.1, "
	        "s1.1, s2.1, s3.1, s4.1 and 1 more; all are stored\n");
	/* A site that was in it joins, another one does not. */
	place("https://big.org/s0/r/y.tgz", "also.1", STORED, 2);
	place("https://big.org/later/r/y.tgz", "later.1", STORED, 2);
	goes("https://big.org/s0/r/y.tgz", ORIGIN_IS_FAILING, T0 + DAY);
	goes("https://big.org/later/r/y.tgz", ORIGIN_IS_FAILING, T0 + DAY);
	assert_told(T0 + DAY + HOUR, 1);
	assert_event_like("serve 7 archives for a week or more");
	assert_event_like("info failing later.1: big.org/later/r has failed to serve later.1");
}

static void
an_archive_of_several_entries_counts_once(void **state)
{
	(void)state;
	place("https://h.org/x/r/a.tgz", "a.1", STORED, 2);
	place_lesser("https://h.org/x/r/mirror/a.tgz", "a.1", "other.2");
	place("https://h.org/x/s/b.tgz", "b.1", STORED, 2);
	goes("https://h.org/x/r/a.tgz", ORIGIN_IS_VANISHED, T0);
	goes("https://h.org/x/r/mirror/a.tgz", ORIGIN_IS_VANISHED, T0);
	goes("https://h.org/x/s/b.tgz", ORIGIN_IS_VANISHED, T0);
	assert_told(T0 + HOUR, 1);
	assert_events("info vanished h.org/x: h.org/x is gone: a.1, b.1; both are stored\n");
	assert_data("$.count", "2");
}

static void
some_are_stored(void **state)
{
	(void)state;
	place("https://github.com/kodwx/rosa/archive/0.2.0.tar.gz", "rosa.0.2.0", STORED, 2);
	place("https://github.com/kodwx/lucid/archive/0.1.5.tar.gz", "lucid.0.1.5", MISSING, 1);
	goes("https://github.com/kodwx/rosa/archive/0.2.0.tar.gz", ORIGIN_IS_VANISHED, T0);
	goes("https://github.com/kodwx/lucid/archive/0.1.5.tar.gz", ORIGIN_IS_VANISHED, T0);
	assert_told(T0 + HOUR, 1);
	assert_events("warning vanished github.com/kodwx: github.com/kodwx is gone: lucid.0.1.5, rosa.0.2.0; "
	              "rosa.0.2.0 is "
	              "stored, lucid.0.1.5 is not; larder fetch lucid.0.1.5 gets it from another host\n");
	assert_data("$.archives[0].copies", "1");
	assert_data("$.archives[1].stored", "1");
}

static void
levels_follow_what_is_left(void **state)
{
	static const struct {
		enum storing storing;
		unsigned copies;
		const char *level;
	} cases[] = {
	        {MISSING, 0, "urgent"},
	        {MISSING, 1, "warning"},
	        {MISSING, 3, "warning"},
	        {STORED, 0, "warning"},
	        {STORED, 1, "warning"},
	        {STORED, 2, "info"},
	};
	char url[64], name[16], wanted[64];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		snprintf(url, sizeof url, "https://h%zu.org/x/r/a.tgz", i);
		snprintf(name, sizeof name, "a%zu.1", i);
		place(url, name, cases[i].storing, cases[i].copies);
		goes(url, ORIGIN_IS_VANISHED, T0);
		assert_told(T0 + HOUR, 1);
		snprintf(wanted, sizeof wanted, "%s vanished %s: ", cases[i].level, name);
		assert_event_like(wanted);
		goes(url, ORIGIN_IS_SERVING, T0 + DAY);
		assert_told(T0 + 2 * DAY, 1);
		snprintf(wanted, sizeof wanted, "info back %s: ", name);
		assert_event_like(wanted);
	}
	assert_event_like(
	        "warning vanished a4.1: a4.1 is gone from h4.org/x/r; it is stored, and one other host has "
	        "it: copy0.example\n");
}

/* Who is one provider is one copy, and named once. */
static void
one_provider_is_named_once(void **state)
{
	(void)state;
	place("https://h.org/x/r/a.tgz", "a.1", STORED, 0);
	learn_of("https://github.com/y/a/archive/1.tar.gz", "a.1", "a.1");
	learn_of("https://codeload.github.com/y/a/tar.gz/1", "a.1", "a.1");
	serves("https://github.com/y/a/archive/1.tar.gz", T0);
	serves("https://codeload.github.com/y/a/tar.gz/1", T0);
	goes("https://h.org/x/r/a.tgz", ORIGIN_IS_VANISHED, T0);
	assert_told(T0 + HOUR, 1);
	assert_event_like("warning vanished a.1: a.1 is gone from h.org/x/r; it is stored, and one other "
	                  "host has it: ");
	assert_int_equal(count_rows("SELECT json_array_length(data, '$.archives[0].hosts') FROM event"), 1);
}

/* --- when --- */

static void
news_that_never_rest_are_told_after_a_day(void **state)
{
	char url[64], name[16];

	(void)state;
	for (int i = 0; i < 26; i++) {
		snprintf(url, sizeof url, "https://h.org/x/r/%d.tgz", i);
		snprintf(name, sizeof name, "a%d.1", i);
		place(url, name, STORED, 2);
		goes(url, ORIGIN_IS_VANISHED, T0 + i * HOUR - i * MINUTE);
		assert_told(T0 + i * HOUR - i * MINUTE, i == 25 ? 1 : 0);
	}
	assert_data("$.count", "26");
}

static void
a_clock_that_was_set_back_holds_nothing_up(void **state)
{
	(void)state;
	place("https://h.org/x/r/a.tgz", "a.1", STORED, 2);
	goes("https://h.org/x/r/a.tgz", ORIGIN_IS_VANISHED, T0 + 400 * DAY);
	assert_told(T0, 1);
}

static void
going_and_coming_back_is_nothing(void **state)
{
	const char *url = "https://h.org/x/r/a.tgz";

	(void)state;
	place(url, "a.1", STORED, 2);
	serves(url, T0 - DAY);
	goes(url, ORIGIN_IS_VANISHED, T0);
	goes(url, ORIGIN_IS_SERVING, T0 + 10 * MINUTE);
	assert_told(T0 + 5 * HOUR, 0);
	assert_int_equal(count_rows("SELECT count(*) FROM news"), 0);
	goes(url, ORIGIN_IS_VANISHED, T0 + DAY);
	goes(url, ORIGIN_IS_SERVING, T0 + DAY + 1);
	goes(url, ORIGIN_IS_VANISHED, T0 + DAY + 2);
	assert_told(T0 + 2 * DAY, 1);
	goes(url, ORIGIN_IS_SERVING, T0 + 3 * DAY);
	goes(url, ORIGIN_IS_VANISHED, T0 + 3 * DAY + 1);
	assert_told(T0 + 4 * DAY, 0);
	assert_events("info vanished a.1: a.1 is gone from h.org/x/r; it is stored, and two others have it: "
	              "copy0.example, copy1.example\n");
}

/* Now so, now so, a day each: of each people hear once a week, and at last what is true. */
static void
who_flaps_is_told_of_once_a_week(void **state)
{
	const char *url = "https://h.org/x/r/a.tgz";
	size_t told = 0;
	int day;

	(void)state;
	place(url, "a.1", STORED, 2);
	serves(url, T0 - DAY);
	for (day = 0; day < 28; day++) {
		goes(url, day % 2 == 0 ? ORIGIN_IS_CHANGED : ORIGIN_IS_SERVING, T0 + day * DAY);
		if (day == 0)
			drifts(url, "metadata", "{\"detail\": \"\"}");
		for (int hour = 1; hour < 24; hour += 2)
			told += turn_at(T0 + day * DAY + hour * HOUR);
	}
	assert_in_range(told, 6, 8);
	for (; day < 40; day++)
		told += turn_at(T0 + day * DAY);
	assert_int_equal(count_rows("SELECT count(*) FROM news"), 0);
	assert_int_equal(count_rows("SELECT kind = 'back' FROM event ORDER BY id DESC LIMIT 1"), 1);
	assert_in_range(told, 6, 9);
}

/* --- what comes later --- */

static void
what_comes_later_joins_without_a_word(void **state)
{
	(void)state;
	place("https://h.org/x/r/a.tgz", "a.1", STORED, 2);
	place("https://h.org/x/s/b.tgz", "b.1", STORED, 2);
	goes("https://h.org/x/r/a.tgz", ORIGIN_IS_VANISHED, T0);
	assert_told(T0 + HOUR, 1);
	assert_events("info vanished a.1: a.1 is gone from h.org/x/r; it is stored, and two others have it: "
	              "copy0.example, copy1.example\n");
	goes("https://h.org/x/s/b.tgz", ORIGIN_IS_VANISHED, T0 + 20 * DAY);
	assert_told(T0 + 21 * DAY, 0);
	assert_events("info vanished h.org/x: h.org/x is gone: a.1, b.1; both are stored\n");
	assert_data("$.count", "2");
	/* Open for thirty days since it grew; then it is another matter. */
	place("https://h.org/x/t/c.tgz", "c.1", STORED, 2);
	goes("https://h.org/x/t/c.tgz", ORIGIN_IS_VANISHED, T0 + 50 * DAY);
	assert_told(T0 + 51 * DAY - 1, 0);
	place("https://h.org/x/t/d.tgz", "d.1", STORED, 2);
	goes("https://h.org/x/t/d.tgz", ORIGIN_IS_VANISHED, T0 + 82 * DAY);
	assert_told(T0 + 83 * DAY, 1);
}

/* What receivers are told, in their order, since they were told last: "a.1 h.org/x ". */
static void
add_subject(void *context, const struct event_row *event)
{
	text_addf(context, "%lld:%s ", (long long)event->telling, event->subject);
}

static void
assert_next_telling(int64_t behind, const char *wanted)
{
	AUTO_TEXT told = TEXT_EMPTY;
	struct err err = ERR_NONE;

	assert_true(event_row_to_tell(store_index(store), behind, EVENT_INFO, add_subject, &told, &err));
	assert_string_equal(text_string(&told), wanted);
}

/* Days later: at once. On the same day again: when that is over, all of it together. */
static void
receivers_are_told_again_once_a_day(void **state)
{
	(void)state;
	place("https://h.org/x/r/a.tgz", "a.1", STORED, 2);
	place("https://h.org/x/s/b.tgz", "b.1", STORED, 2);
	place("https://h.org/x/t/c.tgz", "c.1", STORED, 2);
	place("https://h.org/x/u/d.tgz", "d.1", STORED, 2);
	goes("https://h.org/x/r/a.tgz", ORIGIN_IS_VANISHED, T0);
	assert_told(T0 + HOUR, 1);
	assert_next_telling(0, "1:a.1 ");
	goes("https://h.org/x/s/b.tgz", ORIGIN_IS_VANISHED, T0 + 4 * DAY);
	assert_told(T0 + 4 * DAY + HOUR, 0);
	assert_next_telling(1, "2:h.org/x ");
	goes("https://h.org/x/t/c.tgz", ORIGIN_IS_VANISHED, T0 + 4 * DAY + 2 * HOUR);
	goes("https://h.org/x/u/d.tgz", ORIGIN_IS_VANISHED, T0 + 4 * DAY + 9 * HOUR);
	assert_told(T0 + 4 * DAY + 10 * HOUR, 0);
	assert_event_like("h.org/x is gone: a.1, b.1, c.1, d.1;");
	assert_told(T0 + 5 * DAY, 0);
	assert_next_telling(2, "");
	assert_told(T0 + 5 * DAY + HOUR, 0);
	assert_next_telling(2, "3:h.org/x ");
	assert_told(T0 + 9 * DAY, 0);
	assert_next_telling(3, "");
}

static void
graver_newcomers_are_told(void **state)
{
	(void)state;
	place("https://h.org/x/r/a.tgz", "a.1", STORED, 2);
	place("https://h.org/x/s/b.tgz", "b.1", MISSING, 0);
	place("https://h.org/x/t/c.tgz", "c.1", STORED, 2);
	goes("https://h.org/x/r/a.tgz", ORIGIN_IS_VANISHED, T0);
	assert_told(T0 + HOUR, 1);
	goes("https://h.org/x/s/b.tgz", ORIGIN_IS_VANISHED, T0 + DAY);
	assert_told(T0 + DAY + HOUR, 1);
	assert_events(
	        "info vanished a.1: a.1 is gone from h.org/x/r; it is stored, and two others have it: "
	        "copy0.example, copy1.example\n"
	        "urgent vanished b.1: b.1 is gone from h.org/x/s; it is not stored; nobody else is known to "
	        "have it: ask around for it; larder add FILE, or larder push from whoever has it, brings it "
	        "back\n");
	goes("https://h.org/x/t/c.tgz", ORIGIN_IS_VANISHED, T0 + 2 * DAY);
	assert_told(T0 + 2 * DAY + HOUR, 0);
	assert_event_like("urgent vanished h.org/x: h.org/x is gone: b.1, c.1; c.1 is stored, b.1 is not");
}

/* The event that a cause would grow was forgotten: there is a new one. */
static void
a_forgotten_event_cannot_grow(void **state)
{
	(void)state;
	place("https://h.org/x/r/a.tgz", "a.1", STORED, 2);
	place("https://h.org/x/s/b.tgz", "b.1", STORED, 2);
	goes("https://h.org/x/r/a.tgz", ORIGIN_IS_VANISHED, T0);
	assert_told(T0 + HOUR, 1);
	run_sql(store, "DELETE FROM event");
	goes("https://h.org/x/s/b.tgz", ORIGIN_IS_VANISHED, T0 + DAY);
	assert_told(T0 + 2 * DAY, 1);
	assert_events("info vanished b.1: b.1 is gone from h.org/x/s; it is stored, and two others have it: "
	              "copy0.example, copy1.example\n");
}

/* --- exactly once --- */

static void
nothing_is_told_that_is_not_written(void **state)
{
	struct causes_options options = {.store = store};
	struct err err = ERR_NONE;
	size_t told;

	(void)state;
	place("https://h.org/x/r/a.tgz", "a.1", STORED, 2);
	goes("https://h.org/x/r/a.tgz", ORIGIN_IS_VANISHED, T0);
	/* The last thing the transaction does fails. */
	run_sql(store,
	        "CREATE TRIGGER full BEFORE INSERT ON cause BEGIN SELECT raise(ABORT, 'no room'); END");
	assert_false(causes_turn(&options, T0 + HOUR, &told, &err));
	assert_events("");
	assert_int_equal(count_rows("SELECT count(*) FROM news"), 1);
	run_sql(store, "DROP TRIGGER full");
	open_store_again();
	assert_told(T0 + HOUR, 1);
	open_store_again();
	assert_told(T0 + HOUR, 0);
	assert_int_equal(count_rows("SELECT count(*) FROM event"), 1);
}

static void
tell_and_die(struct store *dying)
{
	struct causes_options options = {.store = dying};
	struct err err = ERR_NONE;
	size_t told;

	if (!causes_turn(&options, T0 + HOUR, &told, &err) || told != 1)
		_exit(2);
}

static void
a_kill_tells_nothing_twice(void **state)
{
	(void)state;
	place("https://h.org/x/r/a.tgz", "a.1", MISSING, 0);
	goes("https://h.org/x/r/a.tgz", ORIGIN_IS_VANISHED, T0);
	close_store();
	die_after(root, tell_and_die);
	open_store();
	assert_told(T0 + 2 * HOUR, 0);
	assert_int_equal(count_rows("SELECT count(*) FROM event"), 1);
}

static void
what_is_told_is_counted(void **state)
{
	struct metrics *metrics = metrics_create();
	struct causes_options options = {.store = store, .metrics = metrics};
	struct larder larder = {.metrics = metrics};
	struct err err = ERR_NONE;
	AUTO_TEXT text = TEXT_EMPTY;
	size_t told;

	(void)state;
	place("https://h.org/x/r/a.tgz", "a.1", STORED, 1);
	goes("https://h.org/x/r/a.tgz", ORIGIN_IS_VANISHED, T0);
	assert_true(causes_turn(&options, T0 + HOUR, &told, &err));
	metrics_render(&larder, &text);
	assert_non_null(
	        strstr(text_string(&text), "\nlarder_events_total{kind=\"vanished\",level=\"warning\"} 1\n"));
	assert_non_null(
	        strstr(text_string(&text), "\nlarder_events_total{kind=\"back\",level=\"info\"} 0\n"));
	assert_non_null(strstr(
	        text_string(&text), "\nlarder_events_grown_total{kind=\"vanished\",level=\"warning\"} 0\n"));
	text_clear(&text);
	place("https://h.org/x/s/b.tgz", "b.1", STORED, 1);
	goes("https://h.org/x/s/b.tgz", ORIGIN_IS_VANISHED, T0 + 4 * DAY);
	assert_true(causes_turn(&options, T0 + 5 * DAY, &told, &err));
	metrics_render(&larder, &text);
	assert_non_null(
	        strstr(text_string(&text), "\nlarder_events_total{kind=\"vanished\",level=\"warning\"} 1\n"));
	assert_non_null(strstr(
	        text_string(&text), "\nlarder_events_grown_total{kind=\"vanished\",level=\"warning\"} 1\n"));
	metrics_destroy(metrics);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(an_account_is_one_event, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(who_is_suspected_is_waited_for, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(what_a_mirror_never_had_is_not_waited_for, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(but_only_for_a_day, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_renamed_repository_is_one_archive, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                a_change_in_place_says_what_is_known_of_it, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_host_that_packs_anew_is_one_event, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                what_changed_is_told_of_its_narrowest_site, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                the_bytes_of_another_package_are_no_correction, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(what_only_the_past_names_is_no_correction, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_correction_that_is_not_kept_is_one, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(the_same_package_or_url_is_a_correction, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                what_cannot_be_compared_is_told_after_a_day, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(that_a_mirror_lacks_an_archive_is_no_news, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(that_a_named_place_lacks_it_is_news, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_whole_host_is_one_event, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                a_host_that_is_not_known_to_be_gone_is_told_by_sites, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                many_sites_of_a_host_at_once_are_one_event, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(an_archive_of_several_entries_counts_once, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(some_are_stored, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(levels_follow_what_is_left, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(one_provider_is_named_once, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(news_that_never_rest_are_told_after_a_day, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                a_clock_that_was_set_back_holds_nothing_up, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(going_and_coming_back_is_nothing, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(who_flaps_is_told_of_once_a_week, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(what_comes_later_joins_without_a_word, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(receivers_are_told_again_once_a_day, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(graver_newcomers_are_told, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_forgotten_event_cannot_grow, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(nothing_is_told_that_is_not_written, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_kill_tells_nothing_twice, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(what_is_told_is_counted, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
