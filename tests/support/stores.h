/*
 * For the tests of the store: a store in a directory of its own, archives made of a string, and what lies on
 * the disk. Each check fails the running cmocka test.
 */
#ifndef TESTS_SUPPORT_STORES_H
#define TESTS_SUPPORT_STORES_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/base/clock.h"
#include "storage/base/file.h"
#include "storage/intake.h"
#include "storage/store.h"
#include "tests/support/temp.h"

/* Two archives with one md5, 79054025255fb1a26e4bc422aef54eb4 (Wang and Yu, 2004). */
#define MD5_TWIN_A                                                                                           \
	"d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488832571415a"   \
	"085125e8f7cdc99fd91dbdf280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0"   \
	"e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
#define MD5_TWIN_B                                                                                           \
	"d131dd02c5e6eec4693d9a0698aff95c2fcab50712467eab4004583eb8fb7f8955ad340609f4b30283e4888325f1415a"   \
	"085125e8f7cdc99fd91dbd7280373c5bd8823e3156348f5bae6dacd436c919c6dd53e23487da03fd02396306d248cda0"   \
	"e99f33420f577ee8ce54b67080280d1ec69821bcb6a8839396f965ab6ff72a70"

static inline struct store *
store_at(const char *directory, enum store_mode mode)
{
	struct store_options options = {.directory = directory, .mode = mode};
	struct err err = ERR_NONE;
	struct store *store = store_open(&options, &err);

	if (store == NULL)
		fail_msg("%s", err.text);
	return store;
}

static inline struct digests
digests_of(const void *bytes, size_t length)
{
	struct hasher *hasher = hasher_create();
	struct digests digests;

	hasher_add(hasher, bytes, length);
	hasher_digests(hasher, &digests);
	hasher_destroy(hasher);
	return digests;
}

static inline struct digest
digest_of(const char *string, enum digest_algo algo)
{
	struct digests digests = digests_of(string, strlen(string));
	struct digest digest;

	assert_true(digests_get(&digests, algo, &digest));
	return digest;
}

static inline enum intake_result
put_bytes(struct store *store, const void *bytes, size_t length, struct err *err)
{
	struct intake_plan plan = {.came_from = "a test"};
	struct intake *intake = intake_open(store, INTAKE_KEEP, &plan, err);
	enum intake_result result = INTAKE_REFUSED;

	if (intake == NULL)
		return result;
	if (intake_append(intake, bytes, length, err)) {
		intake_digests(intake);
		result = intake_commit_wait(intake, err);
	}
	intake_close(intake);
	return result;
}

static inline void
put(struct store *store, const char *string, enum intake_result wanted)
{
	struct err err = ERR_NONE;
	enum intake_result result = put_bytes(store, string, strlen(string), &err);

	if (result != wanted)
		fail_msg("'%s' ended %d, not %d: %s", string, result, wanted, err.text);
}

/* Found by all four digests, with these bytes and this trust. */
static inline void
assert_stored(struct store *store, const char *string, enum blob_trust trust)
{
	struct digests digests = digests_of(string, strlen(string));
	struct err err = ERR_NONE;
	char bytes[4096];

	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest;
		AUTO_BLOB blob = BLOB_NONE;

		assert_true(digests_get(&digests, (enum digest_algo)algo, &digest));
		if (store_find(store, &digest, &blob, &err) != STORE_HIT)
			fail_msg("'%s' is not found by its %s: %s", string, digest_algo_name(digest.algo),
			        err.text);
		assert_int_equal(blob.size_bytes, strlen(string));
		assert_int_equal(file_pread(blob.fd, bytes, sizeof bytes, 0, &err), strlen(string));
		assert_memory_equal(bytes, string, strlen(string));
		assert_true(digests_satisfy(&blob.digests, &digests));
		assert_int_equal(blob.trust, trust);
	}
}

static inline void
assert_missing(struct store *store, const char *string)
{
	for (int algo = 0; algo < DIGEST_ALGOS; algo++) {
		struct digest digest = digest_of(string, (enum digest_algo)algo);
		AUTO_BLOB blob = BLOB_NONE;
		struct err err = ERR_NONE;

		assert_int_equal(store_find(store, &digest, &blob, &err), STORE_MISS);
	}
}

static inline struct store_figures
figures_of(struct store *store)
{
	struct store_figures figures;

	store_figures(store, &figures);
	return figures;
}

/* Waits for the work in the background; a test that hangs here is stopped by ctest. */
static inline struct store_figures
figures_after_recovery(struct store *store)
{
	while (figures_of(store).recovering)
		usleep(1000);
	return figures_of(store);
}

static inline char *
blob_path(const char *directory, const char *string)
{
	struct digest digest = digest_of(string, DIGEST_SHA256);
	char hex[DIGEST_HEX_MAX];
	struct text path = TEXT_EMPTY;

	digest_hex(&digest, hex);
	text_addf(&path, "%s/blobs/sha256/%.2s/%s", directory, hex, hex);
	return text_take(&path);
}

static inline char *
path_below(const char *directory, const char *name)
{
	struct text path = TEXT_EMPTY;

	text_addf(&path, "%s/%s", directory, name);
	return text_take(&path);
}

static inline void
write_file(const char *path, const void *bytes, size_t length)
{
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct err err = ERR_NONE;

	assert_true(fd >= 0);
	assert_true(file_write(fd, bytes, length, &err));
}

/* Files directly in a directory; with a name that begins so, when one is given. */
static inline unsigned
files_in(const char *directory, const char *name, const char *prefix)
{
	AUTO_FREE char *path = path_below(directory, name);
	AUTO_TEXT command = TEXT_EMPTY;
	unsigned count = 0;
	FILE *pipe;

	text_addf(&command, "ls -A '%s' | grep -c '^%s'", path, prefix);
	pipe = popen(text_string(&command), "r");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%u", &count), 1);
	pclose(pipe);
	return count;
}

/* Runs it on a store in a process of its own, which is then killed: nothing is closed. */
static inline void
die_after(const char *directory, void (*run)(struct store *store))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct store_options options = {.directory = directory, .mode = STORE_WRITE};
		struct err err = ERR_NONE;
		struct store *store = store_open(&options, &err);

		if (store == NULL)
			_exit(1);
		run(store);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

#endif
