/*
 * Any bytes as a .tar.gz or .tar, and as whatever source they look like, under names that say the form, as a
 * file and as text.
 */
#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storage/base/file.h"
#include "storage/catalog/opam_repository.h"
#include "storage/catalog/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
as_source(int fd, const char *name, const struct text *text)
{
	struct harvest *harvest = harvest_create();
	struct err err = ERR_NONE;
	enum source_form form;
	bool read;

	if (lseek(fd, 0, SEEK_SET) != 0)
		abort();
	if (!source_read_fd(fd, name, harvest, &form, &err))
		assert(err.code == ERR_SYNTAX || err.code == ERR_TOO_LARGE);
	else
		assert(source_form_name(form)[0] != '\0');
	err = ERR_NONE;
	read = source_read_text(text, name, harvest, &form, &err);
	assert(read || err.code == ERR_SYNTAX);
	harvest_destroy(harvest);
}

/* What cannot be read at all, or is more than allowed: an error, and no more. */
static void
as_nothing(int fd, size_t size)
{
	const struct opam_limits tight = {
	        .bytes = size % 2 == 0 ? size : size / 4, .ratio = 2, .entries = 1, .file = 8};
	AUTO_FD null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct harvest *harvest = harvest_create();
	enum source_form form;
	struct err err = ERR_NONE;

	if (lseek(fd, 0, SEEK_SET) != 0)
		abort();
	if (!opam_repository_read_archive(fd, "x", &tight, harvest, &err))
		assert(err.code == ERR_SYNTAX || err.code == ERR_TOO_LARGE);
	if (opam_repository_read_archive(null_fd, "x", &tight, harvest, &err) ||
	        source_read_fd(null_fd, "x", harvest, &form, &err) ||
	        source_read_fd(-1, "x", harvest, &form, &err))
		abort();
	harvest_destroy(harvest);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
	        "x", "x.pkg", "x.opam.locked", "x.list", "opam", "x.opam", "x/opam"};
	static const struct opam_limits limits = {
	        .bytes = 1 << 22, .ratio = 200, .entries = 1000, .file = 1 << 16};
	AUTO_FD fd = memfd_create("source", MFD_CLOEXEC);
	AUTO_TEXT text = TEXT_EMPTY;
	struct harvest *harvest = harvest_create();
	struct err err = ERR_NONE;

	if (!file_write(fd, data, size, &err) || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	if (!opam_repository_read_archive(fd, "x.tar.gz", &limits, harvest, &err))
		assert(err.code == ERR_SYNTAX || err.code == ERR_TOO_LARGE);
	text_add_bytes(&text, data, size);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		as_source(fd, names[i], &text);
	as_nothing(fd, size);
	harvest_destroy(harvest);
	return 0;
}
