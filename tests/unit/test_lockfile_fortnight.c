/*
 * The lockfile of the day as it was before it, and the real history of its packages, where they are at hand:
 * what `check` says, word for word, while all is well and after the fortnight in which two accounts' archives
 * vanished and duff changed in place; and whose bytes larder has in the end. Skipped without them.
 */
#include "tests/support/archives.h"
#include "tests/support/fortnights.h"

#include <sys/mman.h>
#include <unistd.h>

#include "server/admin/reports.h"
#include "server/commands/check_text.h"
#include "storage/base/file.h"
#include "storage/catalog/history.h"
#include "storage/catalog/source.h"

#define LOCKFILE REAL_DATA "/monorepo-bench.opam.locked"
#define BUNDLE   REAL_DATA "/opam-repository-history.bundle"
#define RESCUED  "https://raw.githubusercontent.com/ocaml/opam-source-archives/HEAD/"
#define DUFF     "https://github.com/mirage/duff/releases/download/v0.5/duff-0.5.tbz"

/* What was put right in the lockfile later, back to what it was before. */
static const struct {
	const char *is, *was;
} corrections[] = {
        {RESCUED "lucid-0.1.5.tar.gz", "https://github.com/kodwx/Lucid/archive/v0.1.5.tar.gz"},
        {RESCUED "rosa-0.2.0.tar.gz", "https://github.com/kodwx/Rosa/archive/v0.2.0.tar.gz"},
        {RESCUED "simlog-0.0.3.tar.gz", "https://github.com/muqiuhan/simlog/archive/v0.0.3.tar.gz"},
};

static char *duff, *duff_corrected; /* as they were packed */
static size_t duff_length, duff_corrected_length;
static struct harvest *lockfile;

/* --- what is known --- */

static void
replace_all(struct text *text, const char *is, const char *was)
{
	struct text changed = TEXT_EMPTY;
	const char *at = text_string(text), *found;
	unsigned times = 0;

	for (found = strstr(at, is); found != NULL; found = strstr(at, is)) {
		text_add_bytes(&changed, at, (size_t)(found - at));
		text_add(&changed, was);
		at = found + strlen(is);
		times++;
	}
	assert_true(times > 0);
	text_add(&changed, at);
	text_finish(text);
	*text = changed;
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

/* What was at duff's URL, and what it became, by the first bytes of their sha256. */
static const uint8_t duff_was[] = {0xd1, 0xea, 0xa9, 0x7c}, duff_is[] = {0xf9, 0x45, 0x3c, 0xf4};

/* Neither of the two is at hand: archives made here stand for them. */
static void
put_stand_ins(struct harvest *harvest)
{
	for (size_t i = 0; i < harvest->n_entries; i++) {
		struct digests *digests = &harvest->entries[i].digests;

		if (strcmp(harvest->entries[i].package, "duff.0.5") != 0)
			continue;
		if (memcmp(digests->sha256, duff_was, sizeof duff_was) == 0)
			*digests = digests_of(duff, duff_length);
		else if (memcmp(digests->sha256, duff_is, sizeof duff_is) == 0)
			*digests = digests_of(duff_corrected, duff_corrected_length);
	}
}

/* In the lockfile of then it is what it was. */
static void
put_back_duff(struct harvest *harvest)
{
	for (size_t i = 0; i < harvest->n_entries; i++)
		if (strcmp(harvest->entries[i].package, "duff.0.5") == 0)
			harvest->entries[i].digests = digests_of(duff, duff_length);
}

static struct harvest *
read_lockfile(void)
{
	AUTO_TEXT text = TEXT_EMPTY;
	struct harvest *harvest = harvest_create();
	enum source_form form;
	struct err err = ERR_NONE;

	assert_true(file_read_path(LOCKFILE, 64u << 20, &text, &err));
	for (size_t i = 0; i < COUNT_OF(corrections); i++)
		replace_all(&text, corrections[i].is, corrections[i].was);
	if (!source_read_text(&text, "bench.opam.locked", harvest, &form, &err))
		fail_msg("%s", err.text);
	assert_int_equal(form, SOURCE_OPAM_LOCK);
	put_back_duff(harvest);
	return harvest;
}

static void
tell_nobody(void *context, const char *verb, uint64_t done, uint64_t total)
{
	(void)context;
	(void)verb;
	(void)done;
	(void)total;
}

static bool
is_never_stopped(void *context)
{
	(void)context;
	return false;
}

static void
learn_from(struct harvest *harvest, const char *name)
{
	struct catalog_learned learned;
	struct err err = ERR_NONE;

	if (!catalog_learn(store_catalog(store), harvest, name, &learned, &err))
		fail_msg("%s", err.text);
}

static void
learn_history(void)
{
	struct history_wish wish = {.path = BUNDLE,
	        .known = "",
	        .limits = HISTORY_LIMITS,
	        .progress = tell_nobody,
	        .is_stopped = is_never_stopped};
	struct harvest *harvest = harvest_create();
	struct err err = ERR_NONE;

	if (!history_read(&wish, harvest, &err))
		fail_msg("%s", err.text);
	put_stand_ins(harvest);
	learn_from(harvest, "opam-repository");
	harvest_destroy(harvest);
}

/* --- the places --- */

/*
 * What is at a URL at first: at duff's and the rescued ones their bytes; elsewhere something that is never
 * sent.
 */
static void
settle(const char *url)
{
	AUTO_TEXT path = TEXT_EMPTY, bytes = TEXT_EMPTY;
	struct err err = ERR_NONE;
	struct place *place;

	HASH_FIND_STR(places, url, place);
	if (place != NULL)
		return;
	place = xcalloc(1, sizeof *place);
	place->url = xstrdup(url);
	place->number = HASH_COUNT(places);
	HASH_ADD_KEYPTR(hh, places, place->url, strlen(place->url), place);
	if (strncmp(url, RESCUED, strlen(RESCUED)) == 0)
		text_addf(&path, REAL_DATA "/archives/%s", url + strlen(RESCUED));
	if (strcmp(url, DUFF) == 0)
		replace_bytes(place, duff, duff_length, "first");
	else if (path.length > 0 && file_read_path(text_string(&path), 1u << 20, &bytes, &err))
		replace_bytes(place, bytes.bytes, bytes.length, "first");
	else
		replace_bytes(place, url, strlen(url), "first");
}

static void
answer_as_scripted(const char *url, enum probe_kind kind, struct probe_answer *ret)
{
	const struct place *place;
	bool real;

	settle(url);
	place = place_at(url);
	real = place->length != strlen(url) || memcmp(place->bytes, url, place->length) != 0;
	follow_script(url, kind == PROBE_WHOLE && !real ? PROBE_RANGE : kind, ret);
}

static bool
is_at(const struct place *place, const char *prefix)
{
	return strncmp(place->url, prefix, strlen(prefix)) == 0;
}

static void
the_fortnight(struct place *place, int64_t at_ms, struct probe_answer *ret)
{
	if (strcmp(place->url, DUFF) == 0 && at_ms >= 5 * DAY && strcmp(place->version, "first") == 0)
		replace_bytes(place, duff_corrected, duff_corrected_length, "second");
	if ((is_at(place, "https://github.com/kodwx/") && at_ms >= 2 * DAY) ||
	        (is_at(place, "https://github.com/muqiuhan/simlog/") && at_ms >= 3 * DAY))
		says(ret, ORIGIN_GONE, 404, "404");
}

/* --- what is said --- */

/* As it goes to a pipe. */
static char *
said_by_check(void)
{
	struct larder larder = {.config = config, .store = store};
	struct wants wants = WANTS_EMPTY;
	struct text said = TEXT_EMPTY;
	struct err err = ERR_NONE;
	int before = dup(STDOUT_FILENO), file = memfd_create("said", MFD_CLOEXEC);
	json_t *report;

	flush();
	wants_add_harvest(&wants, lockfile);
	report = report_check(&larder, &wants, &err);
	if (report == NULL)
		fail_msg("%s", err.text);
	fflush(stdout);
	dup2(file, STDOUT_FILENO);
	check_text_print(report, "bench.opam.locked");
	fflush(stdout);
	dup2(before, STDOUT_FILENO);
	close(before);
	lseek(file, 0, SEEK_SET);
	assert_true(file_read(file, 16u << 20, &said, &err));
	close(file);
	json_decref(report);
	wants_finish(&wants);
	return text_take(&said);
}

/* The part of it between two texts, the first included. */
static void
assert_says(const char *said, const char *from, const char *to, const char *wanted)
{
	const char *start = strstr(said, from), *end = start != NULL ? strstr(start, to) : NULL;
	AUTO_TEXT part = TEXT_EMPTY;

	if (end == NULL)
		fail_msg("'%s' … '%s' is not in:\n%.4000s", from, to, said);
	text_add_bytes(&part, start, (size_t)(end - start));
	assert_string_equal(text_string(&part), wanted);
}

static void
assert_ends(const char *said, const char *wanted)
{
	size_t length = strlen(said), part = strlen(wanted);

	assert_true(length >= part);
	assert_string_equal(said + length - part, wanted);
}

static int
set_up(void **state)
{
	(void)state;
	if (access(LOCKFILE, R_OK) != 0 || access(BUNDLE, R_OK) != 0)
		return 0;
	pack_duff();
	begin_fortnight(the_fortnight);
	internet = answer_as_scripted;
	idle_step_ms = 10 * MINUTE;
	lockfile = read_lockfile();
	learn_from(lockfile, "bench.opam.locked");
	learn_history();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	if (lockfile == NULL)
		return 0;
	harvest_destroy(lockfile);
	end_fortnight();
	free(duff);
	free(duff_corrected);
	return 0;
}

/* --- the fortnight --- */

#define NONE_IS_SAFE                                                                                         \
	"1,245 of 1,245 archives are not safe; 0 are stored\n"                                               \
	"\n"                                                                                                 \
	"larder fetch bench.opam.locked gets these 1,245:\n"                                                 \
	"  ocaml.janestreet.com/ocaml-core: abstract_algebra.v0.15.0, accessor.v0.15.0, "                    \
	"accessor_async.v0.15.0, accessor_base.v0.15.0, accessor_core.v0.15.0, async.v0.15.0, "              \
	"async_durable.v0.15.0, async_extra.v0.15.0 and 140 more\n"

/* Where the history knows it to be, besides what the lockfile says. */
#define ROSA_IS_AT_TWO_PLACES                                                                                \
	"reachable rosa.0.2.0 sha512:e3c4c8a3149da5292ee7463c00a6fb48fd9a3edfa5ab1336f578bb9a8278798e"       \
	"32cd95eababbb0a58294aaf55414d326975d04c88e952aab69bdd4990292c409: larder fetch; 1 host has it\n"    \
	"    https://github.com/kodwx/Rosa/archive/v0.2.0.tar.gz: serving, last served 2023-11-16\n"         \
	"    https://raw.githubusercontent.com/ocaml/opam-source-archives/HEAD/rosa-0.2.0.tar.gz: serving, " \
	"last served 2023-11-16\n"

#define THREE_ARE_STORED                                                                                     \
	"1,242 of 1,245 archives are not safe; 3 are stored\n"                                               \
	"of the 3 stored, 3 are at one other host\n"                                                         \
	"\n"                                                                                                 \
	"larder fetch bench.opam.locked gets these 1,241:\n"

#define DUFF_IS_CORRECTED                                                                                    \
	"name the corrected checksum of this one, changed in place (below, old and new):\n"                  \
	"  github.com/mirage: duff.0.5\n"                                                                    \
	"\n"

/* A line of a lockfile or an opam file. */
static void
add_checksum(struct text *text, char sign, const struct digests *digests, enum digest_algo algo)
{
	struct digest digest;
	char hex[DIGEST_HEX_MAX];

	assert_true(digests_get(digests, algo, &digest));
	digest_hex(&digest, hex);
	text_addf(text, "    %c \"%s=%s\"\n", sign, digest_algo_name(algo), hex);
}

/* What to paste: the checksums of the lockfile, and what the history names now. */
static void
assert_correction(const char *said)
{
	struct digests was = digests_of(duff, duff_length);
	struct digests is = digests_of(duff_corrected, duff_corrected_length);
	AUTO_TEXT wanted = TEXT_EMPTY;

	text_add(&wanted,
	        "    the catalog names other bytes there now, as duff.0.5; in the lockfile or opam file:\n");
	add_checksum(&wanted, '-', &was, DIGEST_SHA256);
	add_checksum(&wanted, '-', &was, DIGEST_SHA512);
	add_checksum(&wanted, '-', &was, DIGEST_MD5);
	add_checksum(&wanted, '+', &is, DIGEST_SHA256);
	add_checksum(&wanted, '+', &is, DIGEST_SHA512);
	add_checksum(&wanted, '+', &is, DIGEST_MD5);
	if (strstr(said, text_string(&wanted)) == NULL)
		fail_msg("this is not said:\n%s", text_string(&wanted));
}

static void
assert_events(const char *question, const char *wanted)
{
	assert_string_equal(ask_index("%s", question), wanted);
}

static void
three_are_rescued_and_the_fourth_is_explained(void **state)
{
	AUTO_FREE char *before = NULL, *after = NULL;

	(void)state;
	if (lockfile == NULL)
		skip();
	live_until(2 * DAY - HOUR);
	before = said_by_check();
	assert_says(before, "1,245 of", "  github.com/mirage: ", NONE_IS_SAFE);
	assert_non_null(strstr(before, ROSA_IS_AT_TWO_PLACES));
	assert_ends(before, "\n\n1245 archives: 0 stored (0 B), 1245 missing, 1245 reachable\n");

	live_until(9 * DAY);
	after = said_by_check();
	assert_says(after, "1,242 of", "  ocaml.janestreet.com/", THREE_ARE_STORED);
	assert_says(after, "name the corrected", "reachable ", DUFF_IS_CORRECTED);
	assert_correction(after);
	assert_ends(after, "\n\n1245 archives: 3 stored (12 KiB), 1242 missing, 1241 reachable, 1 changed\n");
	for (size_t i = 0; i < COUNT_OF(corrections); i++)
		assert_null(strstr(after, corrections[i].was));
	assert_events("SELECT level, kind, detail FROM event WHERE kind = 'vanished' ORDER BY id",
	        "urgent|vanished|github.com/kodwx is gone: rosa.0.1.0, rosa.0.2.0, lucid.0.1.5; rosa.0.1.0 "
	        "is not "
	        "stored, the others are; of rosa.0.2.0, lucid.0.1.5 only one other host has a copy; nobody "
	        "else is known to have rosa.0.1.0: ask around for it; larder add FILE, or larder push from "
	        "whoever has it, brings it back\n"
	        "warning|vanished|simlog.0.0.3 is gone from github.com/muqiuhan/simlog; it is stored, and "
	        "one "
	        "other host has it: raw.githubusercontent.com\n");
	assert_events("SELECT level, kind, subject FROM event WHERE kind <> 'vanished'",
	        "urgent|changed|duff.0.5\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(
	                three_are_rescued_and_the_fourth_is_explained, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
