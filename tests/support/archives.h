/*
 * For the tests of drift: archives made in memory, member by member or byte by byte, and what comparing them
 * says. Each check fails the running cmocka test.
 */
#ifndef TESTS_SUPPORT_ARCHIVES_H
#define TESTS_SUPPORT_ARCHIVES_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <zlib.h>

#include "storage/base/file.h"
#include "storage/drift/compare.h"

/* A member; what is 0 or NULL is a file of mode 0644 of root, of 2020. */
struct made {
	const char *path, *content, *link; /* link: a symbolic one, or hard where type is AE_IFREG */
	unsigned type, mode;
	int64_t mtime, uid;
	const char *user;
};

static inline int
memory_file(const void *bytes, size_t length)
{
	int fd = memfd_create("made", MFD_CLOEXEC);
	struct err err = ERR_NONE;

	assert_true(fd >= 0);
	if (!file_write(fd, bytes, length, &err))
		fail_msg("%s", err.text);
	return fd;
}

static inline uint64_t
size_of(int fd)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	return (uint64_t)status.st_size;
}

/* All bytes of the file, to be freed. */
static inline char *
bytes_of(int fd, size_t *ret_length)
{
	size_t length = (size_t)size_of(fd);
	char *bytes = xmalloc(length);
	struct err err = ERR_NONE;

	assert_int_equal(file_pread(fd, bytes, length, 0, &err), length);
	*ret_length = length;
	return bytes;
}

static inline struct archive_entry *
made_entry(const struct made *made)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, made->path);
	archive_entry_set_filetype(entry, made->type != 0 ? made->type : AE_IFREG);
	archive_entry_set_perm(entry, (mode_t)(made->mode != 0 ? made->mode : 0644));
	archive_entry_set_mtime(entry, (time_t)(made->mtime != 0 ? made->mtime : 1577836800), 0);
	archive_entry_set_uid(entry, made->uid);
	archive_entry_set_uname(entry, made->user != NULL ? made->user : "root");
	archive_entry_set_size(entry, made->content != NULL ? (la_int64_t)strlen(made->content) : 0);
	if (made->link != NULL && made->type == AE_IFLNK)
		archive_entry_set_symlink(entry, made->link);
	else if (made->link != NULL)
		archive_entry_set_hardlink(entry, made->link);
	return entry;
}

/* A writer on a new file in memory. */
static inline struct archive *
writer_on(int format, int filter, int *ret_fd)
{
	struct archive *archive = archive_write_new();

	*ret_fd = memory_file("", 0);
	assert_int_equal(archive_write_set_format(archive, format), ARCHIVE_OK);
	assert_int_equal(archive_write_add_filter(archive, filter), ARCHIVE_OK);
	assert_int_equal(archive_write_open_fd(archive, *ret_fd), ARCHIVE_OK);
	return archive;
}

static inline void
writer_end(struct archive *archive)
{
	assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
	archive_write_free(archive);
}

static inline int
archive_of(const struct made *members, size_t count, int format, int filter)
{
	int fd;
	struct archive *archive = writer_on(format, filter, &fd);

	for (size_t i = 0; i < count; i++) {
		struct archive_entry *entry = made_entry(&members[i]);
		size_t length = members[i].content != NULL ? strlen(members[i].content) : 0;

		assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
		if (length > 0)
			assert_int_equal(archive_write_data(archive, members[i].content, length), length);
		archive_entry_free(entry);
	}
	writer_end(archive);
	return fd;
}

/* The usual: ustar, gzip. */
#define TAR_GZ(...)                                                                                          \
	archive_of((const struct made[]){__VA_ARGS__},                                                       \
	        sizeof((const struct made[]){__VA_ARGS__}) / sizeof(struct made), ARCHIVE_FORMAT_TAR_USTAR,  \
	        ARCHIVE_FILTER_GZIP)
#define TAR_AS(format, ...)                                                                                  \
	archive_of((const struct made[]){__VA_ARGS__},                                                       \
	        sizeof((const struct made[]){__VA_ARGS__}) / sizeof(struct made), format,                    \
	        ARCHIVE_FILTER_NONE)

/* A header of a tar written by hand, ustar. */
static inline void
add_header(struct text *tar, const char *name, char type, size_t size)
{
	char header[512] = "";
	unsigned sum = 0;

	snprintf(header, 100, "%s", name);
	snprintf(header + 100, 8, "%07o", 0644);
	snprintf(header + 124, 12, "%011o", (unsigned)size);
	memset(header + 148, ' ', 8);
	header[156] = type;
	memcpy(header + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof header; i++)
		sum += (unsigned char)header[i];
	snprintf(header + 148, 8, "%07o", sum);
	text_add_bytes(tar, header, sizeof header);
}

/* What follows it, up to a whole block. */
static inline void
add_blocks(struct text *tar, const void *bytes, size_t length)
{
	static const char zeros[512];

	text_add_bytes(tar, bytes, length);
	text_add_bytes(tar, zeros, (512 - length % 512) % 512);
}

/* gzip of the bytes, at a level, with a time in its header. */
static inline int
gzip_of(const void *bytes, size_t length, int level, unsigned long mtime)
{
	z_stream stream = {0};
	gz_header header = {.time = mtime, .os = 3};
	size_t room = length + length / 100 + 4096;
	unsigned char *packed = xmalloc(room);
	int fd;

	assert_int_equal(
	        deflateInit2(&stream, level, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflateSetHeader(&stream, &header), Z_OK);
	stream.next_in = (unsigned char *)(uintptr_t)bytes;
	stream.avail_in = (uInt)length;
	stream.next_out = packed;
	stream.avail_out = (uInt)room;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	fd = memory_file(packed, room - stream.avail_out);
	deflateEnd(&stream);
	free(packed);
	return fd;
}

/* Compressed by libarchive: xz, bzip2, zstd, lzma. */
static inline int
packed_of(const void *bytes, size_t length, int filter)
{
	int fd;
	struct archive *archive = writer_on(ARCHIVE_FORMAT_RAW, filter, &fd);
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_filetype(entry, AE_IFREG);
	assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(archive, bytes, length), length);
	archive_entry_free(entry);
	writer_end(archive);
	return fd;
}

static inline void
compare_fds(int promised, int came, const struct compare_limits *limits, struct drift *ret)
{
	const struct compare_file left = {promised, size_of(promised)}, right = {came, size_of(came)};
	off_t before = lseek(promised, 0, SEEK_CUR), after;

	compare_archives(&left, &right, limits, &(const struct compare_stop){NULL, NULL}, ret);
	after = lseek(promised, 0, SEEK_CUR);
	assert_int_equal(before, after);
}

static inline void
assert_drift(const struct drift *drift, enum drift_kind kind, const char *part)
{
	if (drift->kind != kind || strstr(drift->detail, part) == NULL)
		fail_msg("'%s: %s' is not '%s: … %s'", drift_kind_name(drift->kind), drift->detail,
		        drift_kind_name(kind), part);
}

/* Compares the two, which are closed afterwards; checks the kind, and that the detail contains a part. */
static inline struct drift
expect(int promised, int came, enum drift_kind kind, const char *part)
{
	const struct compare_limits limits = COMPARE_LIMITS;
	struct drift drift;

	compare_fds(promised, came, &limits, &drift);
	assert_drift(&drift, kind, part);
	close(promised);
	close(came);
	return drift;
}

#endif
