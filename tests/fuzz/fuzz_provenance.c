/*
 * Any bytes as an archive: a commit that is one, or none.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storage/base/file.h"
#include "storage/drift/provenance.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FD fd = memfd_create("archive", MFD_CLOEXEC);
	char commit[PROVENANCE_MAX] = "";
	struct err err = ERR_NONE;

	if (!file_write(fd, data, size, &err))
		abort();
	if (!provenance_commit(fd, commit)) {
		assert(commit[0] == '\0');
		return 0;
	}
	assert(strlen(commit) == 40 || strlen(commit) == 64);
	assert(strspn(commit, "0123456789abcdefABCDEF") == strlen(commit));
	return 0;
}
