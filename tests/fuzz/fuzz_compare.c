/*
 * Any two files, promised and came: an answer that can be shown. Two bytes say how long the first one is.
 * What is compared with itself is the same or cannot be read.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storage/base/file.h"
#include "storage/drift/compare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct compare_limits limits = {.bytes = 4 << 20,
        .ratio = 200,
        .ratio_free = 1 << 16,
        .entries = 1000,
        .table = 1 << 18,
        .path = 512};

static int
file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("side", MFD_CLOEXEC);
	struct err err = ERR_NONE;

	if (!file_write(fd, data, size, &err))
		abort();
	return fd;
}

static void
assert_showable(const char *text)
{
	assert(text[0] != '\0');
	for (; *text != '\0'; text++)
		assert((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void
check(const struct drift *drift)
{
	assert((drift->kind == DRIFT_UNKNOWN) == (drift->cause != ERR_OK));
	assert(drift->kind == DRIFT_CONTENT || drift->n_files == 0);
	assert(drift->n_named <= drift->n_files && drift->n_named <= DRIFT_NAMED_MAX);
	assert(strlen(drift->detail) + 1 < sizeof drift->detail);
	assert_showable(drift->detail);
}

/* Says that it is enough once it was asked so many times. */
static bool
enough(void *context)
{
	unsigned *left = context;

	if (*left == 0)
		return true;
	(*left)--;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned left = size < 2 ? 0 : data[1] % 8;
	size_t first = size < 2 ? 0 : (size_t)(data[0] << 8 | data[1]);
	size_t rest = size < 2 ? 0 : size - 2;
	AUTO_FD promised_fd = -1;
	AUTO_FD came_fd = -1;
	struct compare_file promised, came;
	struct drift drift;

	if (first > rest)
		first = rest;
	promised_fd = file_of(data + (size - rest), first);
	came_fd = file_of(data + (size - rest) + first, rest - first);
	promised = (struct compare_file){promised_fd, first};
	came = (struct compare_file){came_fd, rest - first};
	compare_archives(&promised, &came, &limits, &(const struct compare_stop){NULL, NULL}, &drift);
	check(&drift);
	compare_archives(&promised, &came, &limits, &(const struct compare_stop){enough, &left}, &drift);
	check(&drift);
	compare_archives(&came, &came, &limits, &(const struct compare_stop){NULL, NULL}, &drift);
	check(&drift);
	assert(drift.kind == DRIFT_RECOMPRESSED || drift.kind == DRIFT_UNKNOWN);
	return 0;
}
