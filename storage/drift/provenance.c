/*
 * Reads the pax global header of a tar made by git: a header of type 'g' and one block with the record "52
 * comment=<commit>\n". Whoever stores an archive calls this once for each, so what is neither compressed nor
 * a tar costs one pread, and of the others no more is decompressed than the record takes: a few KiB, but for
 * bzip2, which gives nothing before a whole block (900 kB of tar) was read. Never fails: damaged is the same
 * as none.
 */
#include "storage/drift/provenance.h"

#include <string.h>

#include "storage/base/file.h"
#include "storage/base/text.h"
#include "storage/drift/unpack.h"

#define TAR_BLOCK   512
#define HEAD_BYTES  (2 * TAR_BLOCK) /* the header, and the records of git, which fit a block */
#define PIECE_BYTES 4096            /* of the file at a time */
#define INPUT_MAX   (1u << 20)      /* of the file in all: more than a block of bzip2 takes */

/* Where the fields of a header lie (POSIX.1-2017, pax, ustar Interchange Format). */
enum { AT_SIZE = 124, AT_CHECKSUM = 148, AT_TYPE = 156, AT_MAGIC = 257, NUMBER_BYTES = 8, SIZE_BYTES = 12 };

/* Octal digits behind blanks, ended by a blank or a 0 or the end of the field. */
static bool
read_octal(const unsigned char *at, size_t length, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i = 0, first;

	while (i < length && at[i] == ' ')
		i++;
	for (first = i; i < length && at[i] >= '0' && at[i] <= '7'; i++)
		value = value << 3 | (at[i] - '0');
	if (i == first || (i < length && at[i] != ' ' && at[i] != '\0'))
		return false;
	*ret = value;
	return true;
}

/* The sum of all bytes of the header, its own field taken for blanks. */
static bool
is_header(const unsigned char *header)
{
	uint64_t declared, sum = 0;

	if (memcmp(header + AT_MAGIC, "ustar", 5) != 0 || header[AT_TYPE] != 'g' ||
	        !read_octal(header + AT_CHECKSUM, NUMBER_BYTES, &declared))
		return false;
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += i >= AT_CHECKSUM && i < AT_CHECKSUM + NUMBER_BYTES ? ' ' : header[i];
	return sum == declared;
}

/* "52 comment=<40 hex>\n" or "76 comment=<64 hex>\n", of which the number is the length in all. */
static bool
read_record(const char *record, size_t length, char ret[PROVENANCE_MAX])
{
	size_t digits, whole = length < 2 || memcmp(record, "76", 2) != 0 ? 52 : 76;

	if (length < whole || memcmp(record, whole == 76 ? "76 comment=" : "52 comment=", 11) != 0 ||
	        record[whole - 1] != '\n')
		return false;
	digits = whole - 12;
	for (size_t i = 0; i < digits; i++)
		if (text_hex_digit(record[11 + i]) < 0)
			return false;
	memcpy(ret, record + 11, digits);
	ret[digits] = '\0';
	return true;
}

/* The first bytes of the tar; false: there are not as many. */
static bool
read_head(int fd, unsigned char ret[HEAD_BYTES])
{
	const struct unpack_limits limits = {
	        .bytes = INPUT_MAX, .ratio = 1, .ratio_free = INPUT_MAX, .piece = PIECE_BYTES};
	struct unpack *unpack = unpack_create(fd, INPUT_MAX, &limits);
	struct err ignored = ERR_NONE;
	size_t have = 0;
	ssize_t count = 1;

	while (have < HEAD_BYTES && count > 0) {
		count = unpack_read(unpack, ret + have, HEAD_BYTES - have, &ignored);
		have += count > 0 ? (size_t)count : 0;
	}
	unpack_destroy(unpack);
	return have == HEAD_BYTES;
}

/* Whether it may be one: compressed, or a tar as it is. */
static bool
is_worth_it(int fd)
{
	unsigned char start[AT_MAGIC + 5];
	struct err ignored = ERR_NONE;
	ssize_t count = file_pread(fd, start, sizeof start, 0, &ignored);

	if (count < UNPACK_FORM_BYTES)
		return false;
	if (unpack_form_of(start, (size_t)count) != UNPACK_PLAIN)
		return true;
	return count == (ssize_t)sizeof start && start[AT_TYPE] == 'g' &&
	       memcmp(start + AT_MAGIC, "ustar", 5) == 0;
}

bool
provenance_commit(int fd, char ret[PROVENANCE_MAX])
{
	unsigned char head[HEAD_BYTES];
	uint64_t size;

	if (!is_worth_it(fd) || !read_head(fd, head) || !is_header(head) ||
	        !read_octal(head + AT_SIZE, SIZE_BYTES, &size))
		return false;
	return read_record((const char *)head + TAR_BLOCK, size < TAR_BLOCK ? (size_t)size : TAR_BLOCK, ret);
}
