/*
 * Any bytes as a .tar.gz or .tar, and as whatever source they look like.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storage/base/file.h"
#include "storage/catalog/opam_repository.h"
#include "storage/catalog/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct opam_limits limits = {
	        .bytes = 1 << 22, .ratio = 200, .entries = 1000, .file = 1 << 16};
	AUTO_FD fd = memfd_create("source", MFD_CLOEXEC);
	struct harvest *harvest = harvest_create();
	struct err err = ERR_NONE;
	enum source_form form;

	if (!file_write(fd, data, size, &err) || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	if (!opam_repository_read_archive(fd, "x.tar.gz", &limits, harvest, &err))
		assert(err.code == ERR_SYNTAX || err.code == ERR_TOO_LARGE);
	if (lseek(fd, 0, SEEK_SET) != 0)
		abort();
	if (!source_read_fd(fd, "x", harvest, &form, &err))
		assert(err.code == ERR_SYNTAX || err.code == ERR_TOO_LARGE);
	harvest_destroy(harvest);
	return 0;
}
