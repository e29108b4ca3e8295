/*
 * Intakes: reading while writing, limits, starting over, giving up, memory for passing through, collisions,
 * the answer of commit.
 */
#include "tests/support/stores.h"

#include <pthread.h>

#include "storage/base/text.h"

static char *directory;
static struct store *store;

static int
set_up(void **state)
{
	(void)state;
	directory = temp_make();
	store = store_at(directory, STORE_WRITE);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	store_close(store);
	temp_remove(directory);
	return 0;
}

static struct intake *
open_intake(enum intake_keeping keeping, uint64_t expected_size, uint64_t max_size)
{
	struct intake_plan plan = {.expected_size = expected_size,
	        .max_size = max_size,
	        .came_from = "https://example.org/a.tgz"};
	struct err err = ERR_NONE;
	struct intake *intake = intake_open(store, keeping, &plan, &err);

	if (intake == NULL)
		fail_msg("%s", err.text);
	return intake;
}

static void
append(struct intake *intake, const char *string)
{
	struct err err = ERR_NONE;

	if (!intake_append(intake, string, strlen(string), &err))
		fail_msg("%s", err.text);
}

/* "first second", of which each half is read when it has come. */
static void
grow_to_two(struct intake *intake)
{
	struct err err = ERR_NONE;
	char bytes[16] = "";

	append(intake, "first ");
	assert_int_equal(intake_pread(intake, bytes, sizeof bytes, 0, &err), 6);
	append(intake, "second");
	assert_int_equal(intake_pread(intake, bytes, sizeof bytes, 6, &err), 6);
	assert_memory_equal(bytes, "second", 6);
	assert_int_equal(intake_pread(intake, bytes, sizeof bytes, 12, &err), 0);
	assert_int_equal(intake_size(intake), 12);
}

/* It is complete; and is read while and after it is stored. */
static void
store_two(struct intake *intake)
{
	struct err err = ERR_NONE;
	char bytes[16] = "";

	assert_int_equal(intake_commit_wait(intake, &err), INTAKE_STORED);
	assert_int_equal(intake_pread(intake, bytes, sizeof bytes, 0, &err), 12);
	intake_close(intake);
	assert_stored(store, "first second", BLOB_PROVEN);
	assert_int_equal(files_in(directory, "tmp", ""), 0);
}

static void
is_read_while_it_grows(void **state)
{
	struct intake *intake = open_intake(INTAKE_KEEP, 0, 0);

	(void)state;
	grow_to_two(intake);
	assert_int_equal(files_in(directory, "tmp", ""), 1);
	intake_digests(intake);
	store_two(intake);
}

static void
leaves_nothing_when_given_up(void **state)
{
	struct intake *intake = open_intake(INTAKE_KEEP, 1000, 0);

	(void)state;
	append(intake, "abandoned");
	intake_close(intake);
	intake_close(NULL);
	assert_int_equal(files_in(directory, "tmp", ""), 0);
	assert_missing(store, "abandoned");
}

static void
gives_back_what_it_did_not_need(void **state)
{
	struct intake *intake = open_intake(INTAKE_KEEP, 8 << 20, 0);
	AUTO_FREE char *path = blob_path(directory, "little");
	struct stat facts;
	struct err err = ERR_NONE;

	(void)state;
	append(intake, "little");
	intake_digests(intake);
	assert_int_equal(intake_commit_wait(intake, &err), INTAKE_STORED);
	intake_close(intake);
	assert_int_equal(stat(path, &facts), 0);
	assert_true(facts.st_blocks * 512 <= 65536);
}

static void
keeps_to_its_limit(void **state)
{
	struct intake_plan plan = {.expected_size = 11, .max_size = 10};
	struct intake *intake = open_intake(INTAKE_KEEP, 0, 10);
	struct err err = ERR_NONE;

	(void)state;
	append(intake, "0123456789");
	assert_false(intake_append(intake, "x", 1, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
	intake_close(intake);
	assert_null(intake_open(store, INTAKE_KEEP, &plan, &err));
	assert_int_equal(err.code, ERR_TOO_LARGE);
}

static void
passes_through_memory(void **state)
{
	struct intake *intake = open_intake(INTAKE_PASS_THROUGH, 0, 0);
	struct err err = ERR_NONE;
	char bytes[16];

	(void)state;
	append(intake, "not kept");
	assert_int_equal(intake_keeping(intake), INTAKE_PASS_THROUGH);
	assert_int_equal(intake_pread(intake, bytes, sizeof bytes, 0, &err), 8);
	assert_int_equal(files_in(directory, "tmp", ""), 0);
	intake_digests(intake);
	assert_int_equal(intake_commit_wait(intake, &err), INTAKE_REFUSED);
	assert_int_equal(err.code, ERR_NO_SPACE);
	intake_close(intake);
	assert_missing(store, "not kept");
}

static void
bounds_the_memory_of_all(void **state)
{
	struct intake_plan most = {.expected_size = PASS_THROUGH_MAX - 4};
	struct err err = ERR_NONE;
	struct intake *large = intake_open(store, INTAKE_PASS_THROUGH, &most, &err);
	struct intake *small = open_intake(INTAKE_PASS_THROUGH, 0, 0);

	(void)state;
	assert_non_null(large);
	append(small, "1234");
	assert_false(intake_append(small, "5", 1, &err));
	assert_int_equal(err.code, ERR_NO_SPACE);
	assert_int_equal(figures_of(store).refused_no_space, 1);
	intake_close(large);
	append(small, "5");
	intake_close(small);
}

static void
from_hex(const char *hex, uint8_t ret[128])
{
	assert_true(text_unhex(hex, ret, 128));
}

/*
 * The sentence is the same, whether the question before the flush finds the first or the index writer does.
 */
static void
assert_refused(const struct err *err, const struct digests *first)
{
	AUTO_TEXT sentence = TEXT_EMPTY;
	char owner[DIGEST_TEXT_MAX];

	digests_best_text(first, owner);
	text_addf(&sentence,
	        "md5:79054025255fb1a26e4bc422aef54eb4 names another archive already, %s, which keeps the "
	        "name; "
	        "this one is refused",
	        owner);
	assert_int_equal(err->code, ERR_COLLISION);
	assert_string_equal(err->text, text_string(&sentence));
}

static void
refuses_a_second_archive_of_one_md5(void **state)
{
	uint8_t first[128], second[128];
	struct digests first_digests, second_digests;
	struct digest md5, sha256;
	AUTO_BLOB blob = BLOB_NONE;
	struct err err = ERR_NONE;
	struct store_audit audit;

	(void)state;
	from_hex(MD5_TWIN_A, first);
	from_hex(MD5_TWIN_B, second);
	first_digests = digests_of(first, sizeof first);
	second_digests = digests_of(second, sizeof second);
	assert_memory_equal(first_digests.md5, second_digests.md5, 16);
	assert_int_equal(put_bytes(store, first, sizeof first, &err), INTAKE_STORED);
	assert_int_equal(put_bytes(store, second, sizeof second, &err), INTAKE_REFUSED);
	assert_refused(&err, &first_digests);
	assert_int_equal(figures_of(store).collisions, 1);
	assert_true(digests_get(&first_digests, DIGEST_MD5, &md5));
	assert_int_equal(store_find(store, &md5, &blob, &err), STORE_HIT);
	assert_memory_equal(blob.digests.sha256, first_digests.sha256, 32);
	assert_true(digests_get(&second_digests, DIGEST_SHA256, &sha256));
	blob_close(&blob);
	assert_int_equal(store_find(store, &sha256, &blob, &err), STORE_MISS);
	/* Nothing of the refused one is left. */
	assert_true(store_reconcile(store, &audit, &err));
	assert_int_equal(audit.adopted + audit.quarantined + audit.rows_dropped, 0);
}

/* Both twins at once, so that the refusal comes from the index writer too. */
struct twin {
	const uint8_t *bytes;
	enum intake_result result;
	struct err err;
};

static void *
put_twin(void *argument)
{
	struct twin *twin = argument;

	twin->result = put_bytes(store, twin->bytes, 128, &twin->err);
	return NULL;
}

static void
refuses_one_of_two_at_once(void **state)
{
	uint8_t first[128], second[128];
	struct twin twins[2] = {{.bytes = first}, {.bytes = second}};
	pthread_t threads[2];
	struct store_audit audit;
	struct err err = ERR_NONE;
	struct digests kept;
	unsigned loser;

	(void)state;
	from_hex(MD5_TWIN_A, first);
	from_hex(MD5_TWIN_B, second);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, put_twin, &twins[i]), 0);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	loser = twins[0].result == INTAKE_REFUSED ? 0 : 1;
	assert_int_equal(twins[loser].result, INTAKE_REFUSED);
	kept = digests_of(twins[1 - loser].bytes, 128);
	assert_refused(&twins[loser].err, &kept);
	assert_int_equal(twins[1 - loser].result, INTAKE_STORED);
	assert_int_equal(figures_of(store).archives, 1);
	assert_true(store_reconcile(store, &audit, &err));
	assert_int_equal(audit.adopted + audit.quarantined, 0);
}

/* A commit that nobody waits for: its done closes the intake. */
struct begun {
	struct intake *intake;
	enum intake_result result;
};

static void
conclude(void *context, enum intake_result result, const struct err *err)
{
	struct begun *begun = context;

	(void)err;
	begun->result = result;
	intake_close(begun->intake);
}

static void
is_finished_by_close(void **state)
{
	enum { COUNT = 100 };
	struct begun begun[COUNT];
	char name[32];

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof name, "begun %d", i);
		begun[i] = (struct begun){.intake = open_intake(INTAKE_KEEP, 0, 0), .result = INTAKE_REFUSED};
		append(begun[i].intake, name);
		intake_digests(begun[i].intake);
	}
	for (int i = 0; i < COUNT; i++)
		intake_commit(begun[i].intake, conclude, &begun[i]);
	store_close(store);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(begun[i].result, INTAKE_STORED);
	store = store_at(directory, STORE_WRITE);
	assert_int_equal(figures_of(store).archives, COUNT);
	assert_stored(store, "begun 99", BLOB_PROVEN);
}

static void
cuts_a_long_provenance(void **state)
{
	char url[2000];
	struct intake_plan plan = {.came_from = url};
	struct digest digest = digest_of("far", DIGEST_SHA256);
	struct archive archive;
	struct err err = ERR_NONE;
	struct intake *intake;

	(void)state;
	memset(url, 'u', sizeof url - 1);
	url[sizeof url - 1] = '\0';
	intake = intake_open(store, INTAKE_KEEP, &plan, &err);
	assert_non_null(intake);
	append(intake, "far");
	intake_digests(intake);
	assert_int_equal(intake_commit_wait(intake, &err), INTAKE_STORED);
	intake_close(intake);
	assert_int_equal(store_lookup(store, &digest, &archive, &err), STORE_HIT);
	assert_int_equal(strlen(archive.came_from), ARCHIVE_CAME_FROM_MAX - 1);
}

/* --- hashed behind --- */

static struct intake *
open_behind(uint64_t expected_size)
{
	struct intake_plan plan = {.expected_size = expected_size, .hashing = INTAKE_HASHES_BEHIND};
	struct err err = ERR_NONE;
	struct intake *intake = intake_open(store, INTAKE_KEEP, &plan, &err);

	if (intake == NULL)
		fail_msg("%s", err.text);
	return intake;
}

struct sealing {
	pthread_mutex_t mutex;
	pthread_cond_t told;
	unsigned times;
	struct digests digests;
};

static void
hear(void *context, const struct digests *digests, const struct err *err)
{
	struct sealing *sealing = context;

	pthread_mutex_lock(&sealing->mutex);
	assert_null(err);
	sealing->digests = *digests;
	sealing->times++;
	pthread_cond_signal(&sealing->told);
	pthread_mutex_unlock(&sealing->mutex);
}

static void
seal(struct intake *intake, const char *string)
{
	struct sealing sealing = {.mutex = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER};
	struct digest digest;

	intake_seal(intake, hear, &sealing);
	pthread_mutex_lock(&sealing.mutex);
	while (sealing.times == 0)
		pthread_cond_wait(&sealing.told, &sealing.mutex);
	pthread_mutex_unlock(&sealing.mutex);
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		digest = digest_of(string, (enum digest_algo)algo);
		assert_true(digests_have(&sealing.digests, &digest));
		assert_true(digests_have(intake_found(intake), &digest));
	}
}

static void
small_one_has_no_file_before_it_is_sealed(void **state)
{
	struct intake *intake = open_behind(12);
	char bytes[16] = "";

	(void)state;
	grow_to_two(intake);
	assert_int_equal(files_in(directory, "tmp", ""), 0);
	seal(intake, "first second");
	assert_int_equal(files_in(directory, "tmp", ""), 1);
	assert_int_equal(pread(intake_fd(intake), bytes, sizeof bytes, 0), 12);
	assert_memory_equal(bytes, "first second", 12);
	store_two(intake);
}

static void
one_that_grows_beyond_its_length_gets_a_file(void **state)
{
	struct intake *intake = open_behind(5);
	struct err err = ERR_NONE;
	char bytes[16];

	(void)state;
	append(intake, "first");
	assert_int_equal(files_in(directory, "tmp", ""), 0);
	append(intake, " and more");
	assert_int_equal(files_in(directory, "tmp", ""), 1);
	assert_int_equal(intake_pread(intake, bytes, sizeof bytes, 0, &err), 14);
	seal(intake, "first and more");
	assert_int_equal(intake_commit_wait(intake, &err), INTAKE_STORED);
	intake_close(intake);
	assert_stored(store, "first and more", BLOB_PROVEN);
}

/* Reads until all of it is there. */
static void *
read_along(void *context)
{
	static const char all[] = "first and more";
	const struct intake *intake = context;
	char bytes[16] = "";
	struct err err = ERR_NONE;
	ssize_t got = 0;

	while (got >= 0 && (size_t)got < sizeof all - 1 && memcmp(bytes, all, (size_t)got) == 0)
		got = intake_pread(intake, bytes, sizeof bytes, 0, &err);
	return got == sizeof all - 1 && memcmp(bytes, all, sizeof all - 1) == 0 ? NULL : context;
}

static void
one_that_outgrows_its_length_is_read_meanwhile(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		struct intake *intake = open_behind(5);
		pthread_t reader;
		void *wrong;

		assert_int_equal(pthread_create(&reader, NULL, read_along, intake), 0);
		append(intake, "first");
		append(intake, " and more");
		pthread_join(reader, &wrong);
		assert_null(wrong);
		intake_close(intake);
	}
}

static void
one_of_unknown_length_has_a_file(void **state)
{
	struct intake *intake = open_behind(0);
	struct err err = ERR_NONE;

	(void)state;
	append(intake, "of any length");
	assert_int_equal(files_in(directory, "tmp", ""), 1);
	seal(intake, "of any length");
	assert_int_equal(intake_commit_wait(intake, &err), INTAKE_STORED);
	intake_close(intake);
	assert_stored(store, "of any length", BLOB_PROVEN);
}

static void
sealed_one_that_is_not_committed_disappears(void **state)
{
	struct intake *intake = open_behind(5);

	(void)state;
	append(intake, "wrong");
	seal(intake, "wrong");
	intake_close(intake);
	assert_int_equal(files_in(directory, "tmp", ""), 0);
	assert_missing(store, "wrong");
}

static void
bounds_what_is_held(void **state)
{
	enum { FIT = INTAKE_HELD_TOTAL / INTAKE_HELD_MAX };
	struct intake *held[FIT], *more = open_behind(INTAKE_HELD_MAX + 1);

	(void)state;
	assert_int_equal(files_in(directory, "tmp", ""), 1); /* too large */
	intake_close(more);
	for (int i = 0; i < FIT; i++)
		held[i] = open_behind(INTAKE_HELD_MAX);
	assert_int_equal(files_in(directory, "tmp", ""), 0);
	more = open_behind(INTAKE_HELD_MAX);
	assert_int_equal(files_in(directory, "tmp", ""), 1);
	intake_close(held[0]);
	held[0] = open_behind(INTAKE_HELD_MAX);
	assert_int_equal(files_in(directory, "tmp", ""), 1);
	intake_close(more);
	for (int i = 0; i < FIT; i++)
		intake_close(held[i]);
	assert_int_equal(files_in(directory, "tmp", ""), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(is_read_while_it_grows, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(leaves_nothing_when_given_up, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(gives_back_what_it_did_not_need, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(keeps_to_its_limit, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(passes_through_memory, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(bounds_the_memory_of_all, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(refuses_a_second_archive_of_one_md5, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(refuses_one_of_two_at_once, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(is_finished_by_close, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(cuts_a_long_provenance, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(small_one_has_no_file_before_it_is_sealed, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                one_that_grows_beyond_its_length_gets_a_file, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                one_that_outgrows_its_length_is_read_meanwhile, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(one_of_unknown_length_has_a_file, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(
	                sealed_one_that_is_not_committed_disappears, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(bounds_what_is_held, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
