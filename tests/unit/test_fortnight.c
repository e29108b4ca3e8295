/*
 * A fortnight of the watch in which all happens that was ever seen to happen to archives: accounts vanish,
 * repositories are renamed, bytes change in place, the network fails, a large host has a bad day, others come
 * and go. People are told of what is lost, once, and of nothing else; over a catalog of the size of a real
 * lockfile too, where any answer may go wrong by chance.
 */
#include "tests/support/archives.h"
#include "tests/support/fortnights.h"

#include <inttypes.h>

#define ROSA      "https://github.com/kodwx/rosa/archive/0.2.0.tar.gz"
#define LUCID     "https://github.com/kodwx/lucid/archive/0.1.5.tar.gz"
#define SIMLOG    "https://github.com/muqiuhan/simlog/archive/0.0.3.tar.gz"
#define DUFF      "https://erratique.ch/software/duff/releases/duff-0.5.tbz"
#define CORRECTED "https://files.example/corrected/duff-0.5.tbz"

static bool
is_at(const struct place *place, const char *prefix)
{
	return strncmp(place->url, prefix, strlen(prefix)) == 0;
}

static bool
is_on_day(int64_t at_ms, int64_t day)
{
	return at_ms / DAY == day;
}

/* What concerns many places at once and is nobody's loss. True: it decides the answer. */
static bool
follow_weather(const struct place *place, int64_t at_ms, struct probe_answer *ret)
{
	bool second_time = (place->visits + place->number) % 2 == 0;

	if (at_ms >= 7 * DAY && at_ms < 7 * DAY + HOUR) {
		says(ret, ORIGIN_GONE, 0, "no such host");
		return true;
	}
	if (is_on_day(at_ms, 9) && is_at(place, "https://github.com/")) {
		says(ret, ORIGIN_FAILED, 502, "502");
		return true;
	}
	if (is_at(place, "https://slow.example/") && second_time) {
		says(ret, ORIGIN_FAILED, 0, "no answer within 10 s");
		return true;
	}
	if (is_at(place, "https://busy.example/") && second_time) {
		says(ret, ORIGIN_FAILED, 503, "503");
		return true;
	}
	return false;
}

static bool
is_lost(const struct place *place, int64_t at_ms)
{
	if (is_at(place, "https://github.com/kodwx/"))
		return at_ms >= 2 * DAY && at_ms < 12 * DAY;
	return is_at(place, "https://github.com/muqiuhan/simlog/") && at_ms >= 3 * DAY;
}

/* --- the fortnight --- */

static char *duff, *duff_corrected; /* as they were packed */
static size_t duff_length, duff_corrected_length;

/* A repository that was renamed and leaves a redirect behind is there as before: "moved" needs no script. */
static void
a_fortnight(struct place *place, int64_t at_ms, struct probe_answer *ret)
{
	if (strcmp(place->url, DUFF) == 0 && at_ms >= 5 * DAY && strcmp(place->version, "first") == 0)
		replace_bytes(place, duff_corrected, duff_corrected_length, "second");
	if (!follow_weather(place, at_ms, ret) && is_lost(place, at_ms))
		says(ret, ORIGIN_GONE, 404, "404");
}

static void
pack_duff(void)
{
	int old = TAR_GZ({.path = "duff/pkg/META", .content = "version = \"0.5\""},
	        {.path = "duff/src/duff.ml", .content = "let diff = compare"});
	int new = TAR_GZ({.path = "duff/pkg/META", .content = "version = \"%%VERSION_NUM%%\""},
	        {.path = "duff/src/duff.ml", .content = "let diff = compare"});

	duff = bytes_of(old, &duff_length);
	duff_corrected = bytes_of(new, &duff_corrected_length);
	close(old);
	close(new);
}

/* Some of a host; every third is stored. */
static void
settle_place(const char *under, int count)
{
	for (int i = 0; i < count; i++) {
		char package[64], url[128];

		snprintf(url, sizeof url, "https://%s/%d/archive/1.0.tar.gz", under, i);
		snprintf(package, sizeof package, "p%u.1", HASH_COUNT(places));
		add_plain_place(package, url);
		if (i % 3 == 0)
			put(store, url, INTAKE_STORED);
	}
}

static void
settle_the_four(void)
{
	struct err err = ERR_NONE;

	pack_duff();
	add_plain_place("rosa.0.2.0", ROSA);
	put(store, ROSA, INTAKE_STORED);
	add_plain_place("lucid.0.1.5", LUCID);
	add_plain_place("simlog.0.0.3", SIMLOG);
	add_place("simlog.0.0.3", "https://files.example/copies/simlog-0.0.3.tar.gz", SIMLOG, strlen(SIMLOG),
	        DAY);
	add_place("duff.0.5", DUFF, duff, duff_length, 100 * DAY);
	add_place("duff.0.5", "https://files.example/copies/duff-0.5.tbz", duff, duff_length, 100 * DAY);
	add_place("duff.0.5", "https://gitlab.com/copies/duff-0.5.tbz", duff, duff_length, 100 * DAY);
	assert_int_equal(put_bytes(store, duff, duff_length, &err), INTAKE_STORED);
	add_place("duff.0.5", CORRECTED, duff_corrected, duff_corrected_length, 50 * DAY);
}

static void
settle_all(void)
{
	settle_the_four();
	settle_place("github.com/mirage", 7);
	settle_place("github.com/ocaml", 7);
	settle_place("github.com/janestreet", 7);
	settle_place("github.com/muqiuhan", 2);
	settle_place("github.com/moved", 2);
	settle_place("gitlab.com/nomadic-labs", 8);
	settle_place("codeberg.org/ocaml", 6);
	settle_place("erratique.ch/software", 5);
	settle_place("opam.example/cache", 7);
	settle_place("files.example/pub", 5);
	settle_place("slow.example/pub", 4);
	settle_place("busy.example/pub", 4);
	learn_places();
}

/* --- what people were told --- */

/* Two of them come within hours of each other, whichever first. */
#define EVENTS                                                                                               \
	"SELECT level || ' ' || kind || ' ' || subject FROM event ORDER BY kind = 'back', kind, subject"

static void
assert_index(const char *question, const char *wanted)
{
	assert_string_equal(ask_index("%s", question), wanted);
}

/* Of what was told of a site or a package: the values at some paths. */
static void
assert_data(const char *subject, const char *paths, const char *wanted)
{
	const char *got =
	        ask_index("SELECT json_extract(data, %s) FROM event WHERE subject = '%s' AND kind <> 'back'",
	                paths, subject);

	assert_string_equal(got, wanted);
}

static int64_t
told_at(const char *subject)
{
	return strtoll(
	        ask_index("SELECT at FROM event WHERE subject = '%s' AND kind <> 'back'", subject), NULL, 10);
}

/*
 * The verdict comes 49 hours after the first failure, and people hear of it when its cause was quiet for an
 * hour.
 */
static void
assert_told_in_time(const char *subject, const char *url)
{
	int64_t since_ms = place_at(url)->missing_ms;

	assert_in_range(told_at(subject), since_ms + 50 * HOUR, since_ms + 51 * HOUR + 20 * MINUTE);
}

static void
assert_kodwx_told(void)
{
	assert_index("SELECT detail FROM event WHERE kind = 'vanished' AND subject = 'github.com/kodwx'",
	        "github.com/kodwx is gone: lucid.0.1.5, rosa.0.2.0; rosa.0.2.0 is stored, lucid.0.1.5 is not;"
	        " nobody else is known to have lucid.0.1.5: ask around for it; larder add FILE, or larder "
	        "push from whoever has it, brings it back;"
	        " keep larder's copy: it may be the last\n");
	assert_data("github.com/kodwx", "'$.scope', '$.count', '$.cause', '$.whole'",
	        "[\"site\",2,\"vanished\",true]\n");
	assert_data("github.com/kodwx", "'$.archives[0].stored', '$.archives[0].copies'", "[false,0]\n");
	assert_data("github.com/kodwx", "'$.archives[1].stored', '$.archives[1].copies'", "[true,0]\n");
	assert_told_in_time("github.com/kodwx", ROSA);
	assert_told_in_time("github.com/kodwx", LUCID);
}

/* The bytes that came were compared with those that are stored, and the catalog knows them under a name. */
static void
assert_duff_told(void)
{
	struct digests came = digests_of(duff_corrected, duff_corrected_length);
	char hex[2 * sizeof came.sha256 + 1];
	AUTO_TEXT wanted = TEXT_EMPTY;

	text_hex(came.sha256, sizeof came.sha256, hex);
	text_addf(&wanted, "[\"%s\",%zu]\n", hex, duff_corrected_length);
	assert_data("duff.0.5", "'$.scope', '$.count', '$.cause'", "[\"archive\",1,\"changed: content\"]\n");
	assert_data("duff.0.5", "'$.archives[0].stored', '$.archives[0].copies'", "[true,2]\n");
	assert_data("duff.0.5", "'$.archives[0].drift.detail'",
	        "1 file differs: duff/pkg/META changed; 1 is the same\n");
	assert_data(
	        "duff.0.5", "'$.archives[0].drift.sha256', '$.archives[0].drift.size'", text_string(&wanted));
	assert_data("duff.0.5",
	        "'$.archives[0].drift.known', '$.archives[0].drift.known_from', "
	        "'$.archives[0].drift.known_since'",
	        "[\"duff.0.5\",\"opam-repository\",\"2023-09-25\"]\n");
	assert_in_range(told_at("duff.0.5"), T0 + 5 * DAY + HOUR, T0 + 6 * DAY + 3 * HOUR);
}

/* From the one copy that was left the archive came into the store, before or after people were told. */
static void
assert_simlog_told(void)
{
	assert_index(
	        "SELECT detail LIKE 'simlog.0.0.3 is gone from github.com/muqiuhan/simlog; it is %stored%'"
	        " FROM event WHERE subject = 'simlog.0.0.3'",
	        "1\n");
	assert_data("simlog.0.0.3", "'$.scope', '$.count', '$.archives[0].copies'", "[\"archive\",1,1]\n");
	assert_told_in_time("simlog.0.0.3", SIMLOG);
	assert_stored(store, SIMLOG, BLOB_PROVEN);
}

static int
set_up(void **state)
{
	(void)state;
	begin_fortnight(a_fortnight);
	settle_all();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	end_fortnight();
	free(duff);
	free(duff_corrected);
	return 0;
}

#define TOLD_BY_THE_TWELFTH                                                                                  \
	"info changed duff.0.5\n"                                                                            \
	"urgent vanished github.com/kodwx\n"                                                                 \
	"warning vanished simlog.0.0.3\n"

static void
people_are_told_of_what_is_lost_and_of_nothing_else(void **state)
{
	/* In the midst of suspicion, of the verdicts, after them, of the outage, and of the bad day. */
	static const int64_t stops[] = {
	        3 * DAY, 4 * DAY + 10 * HOUR, 6 * DAY, 7 * DAY + HOUR / 2, 9 * DAY + 6 * HOUR};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(stops); i++) {
		live_until(stops[i]);
		stop_and_start();
	}
	live_until(12 * DAY);
	assert_index(EVENTS, TOLD_BY_THE_TWELFTH);
	assert_kodwx_told();
	assert_duff_told();
	assert_simlog_told();
	assert_missing(store, LUCID);
	live_until(13 * DAY);
	stop_and_start();
	live_until(14 * DAY);
	assert_index(EVENTS, TOLD_BY_THE_TWELFTH "info back github.com/kodwx\n");
	assert_index("SELECT detail LIKE 'github.com/kodwx serves 2 archives again: %' FROM event"
	             " WHERE kind = 'back'",
	        "1\n");
	assert_stored(store, LUCID, BLOB_PROVEN);
	assert_index("SELECT url FROM origin WHERE state <> 1 ORDER BY url", DUFF "\n" SIMLOG "\n");
	assert_index("SELECT count(*) FROM news", "0\n");
	assert_int_equal(too_soon, 0);
}

/* --- as many as in a real lockfile, and chance --- */

#define ARCHIVES 1245
#define ACCOUNTS 150
#define HOSTS    60

#define FORTNIGHTS 1 /* unless more are wanted */

static struct schedule chance;

static void
a_fortnight_of_bad_luck(struct place *place, int64_t at_ms, struct probe_answer *ret)
{
	int64_t luck = schedule_chance(&chance, place->number, now.wall_ms, 100);

	if (follow_weather(place, at_ms, ret))
		return;
	if (is_at(place, "https://github.com/kodwx/") && at_ms >= 2 * DAY)
		says(ret, ORIGIN_GONE, 404, "404");
	if (is_at(place, "https://github.com/muqiuhan/") && at_ms >= 3 * DAY)
		says(ret, ORIGIN_GONE, 404, "404");
	if (luck == 0)
		says(ret, ORIGIN_FAILED, 0, "no answer within 10 s");
	if (luck == 1)
		says(ret, ORIGIN_FAILED, 500 + (int)place->number % 5, "5xx");
	if (luck == 2)
		says(ret, ORIGIN_GONE, 404, "404");
}

/* Three of five at one forge, two of its accounts to be lost; two of the other hosts flap. */
static void
name_place(int i, char ret[128])
{
	static const char *const lost[] = {"kodwx", "muqiuhan"}, *const flapping[] = {"slow", "busy"};
	int account = (i / 5 * 3 + i % 5) % ACCOUNTS, host = (i / 5 * 2 + i % 5 - 3) % HOSTS;

	if (i % 5 < 3 && account < 2)
		snprintf(ret, 128, "https://github.com/%s/%d/archive/1.tar.gz", lost[account], i);
	else if (i % 5 < 3)
		snprintf(ret, 128, "https://github.com/user%d/%d/archive/1.tar.gz", account, i);
	else if (host < 2)
		snprintf(ret, 128, "https://%s.example/pub/%d.tar.gz", flapping[host], i);
	else
		snprintf(ret, 128, "https://host%d.example/pub/%d.tar.gz", host, i);
}

static void
settle_many(void)
{
	for (int i = 0; i < ARCHIVES; i++) {
		char package[64], url[128];

		name_place(i, url);
		snprintf(package, sizeof package, "p%d.1", i);
		add_plain_place(package, url);
	}
	learn_places();
}

#define ARE_LOST "site IN ('github.com/kodwx', 'github.com/muqiuhan')"

/* What came of all fortnights. */
static struct {
	uint64_t fortnights, questions, events, failing, wrong, missed;
} seen;

/* Anything else than "0" is told with its seed, so that it can be looked at. */
static uint64_t
count_in_index(uint64_t seed, const char *what, const char *question)
{
	uint64_t count = (uint64_t)number_in_index(question);

	if (count > 0)
		print_message("# seed %" PRIu64 ": %" PRIu64 " %s\n", seed, count, what);
	return count;
}

/*
 * Those of the two accounts are gone, each account was told of in one event, and nothing else was told to be
 * gone.
 */
static void
judge_fortnight(uint64_t seed)
{
	seen.fortnights++;
	seen.questions += n_asked;
	seen.events += (uint64_t)number_in_index("SELECT count(*) FROM event");
	seen.failing += count_in_index(
	        seed, "told to be failing", "SELECT count(*) FROM event WHERE kind = 'failing'");
	seen.wrong += count_in_index(seed, "wrongly held to be gone",
	        "SELECT count(*) FROM origin WHERE state = 3 AND NOT " ARE_LOST);
	seen.wrong += count_in_index(seed, "wrongly told to be gone",
	        "SELECT count(*) FROM event, json_each(data, '$.archives') AS archive JOIN origin"
	        " ON origin.url = json_extract(archive.value, '$.url') WHERE event.kind = 'vanished' AND "
	        "NOT " ARE_LOST);
	seen.missed += count_in_index(
	        seed, "not held to be gone", "SELECT count(*) FROM origin WHERE state <> 3 AND " ARE_LOST);
	seen.missed += strcmp(ask_index("SELECT json_extract(data, '$.site', '$.count') FROM event WHERE "
	                                "kind = 'vanished' ORDER BY 1"),
	                       "[\"github.com/kodwx\",5]\n[\"github.com/muqiuhan\",5]\n") != 0;
}

static void
live_fortnight(uint64_t seed)
{
	chance.seed = seed;
	begin_fortnight(a_fortnight_of_bad_luck);
	patrol->schedule.seed = seed;
	idle_step_ms = 10 * MINUTE;
	settle_many();
	assert_index("SELECT count(*), count(DISTINCT substr(site, 1, instr(site, '/'))), sum(site LIKE "
	             "'github.com/%'),"
	             " count(DISTINCT CASE WHEN site LIKE 'github.com/%' THEN site END), sum(" ARE_LOST
	             ") FROM origin",
	        "1245|61|747|150|10\n");
	live_until(14 * DAY);
	judge_fortnight(seed);
	assert_int_equal(too_soon, 0);
	end_fortnight();
}

/* LARDER_FORTNIGHTS=100 makes it as many; the seeds are 1, 2, … */
static void
bad_luck_makes_nothing_vanish(void **state)
{
	const char *wanted = getenv("LARDER_FORTNIGHTS");
	uint64_t fortnights = wanted != NULL ? strtoull(wanted, NULL, 10) : FORTNIGHTS;

	(void)state;
	for (uint64_t seed = 1; seed <= fortnights; seed++)
		live_fortnight(seed);
	print_message("# %" PRIu64 " fortnights: %" PRIu64 " questions, %" PRIu64 " events, %" PRIu64
	              " of them of what fails, %" PRIu64 " wrong, %" PRIu64 " missed\n",
	        seen.fortnights, seen.questions, seen.events, seen.failing, seen.wrong, seen.missed);
	assert_true(seen.fortnights > 0);
	assert_int_equal(seen.wrong, 0);
	assert_int_equal(seen.missed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(
	                people_are_told_of_what_is_lost_and_of_nothing_else, set_up, tear_down),
	        cmocka_unit_test(bad_luck_makes_nothing_vanish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
