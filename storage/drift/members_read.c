/*
 * Reads an archive into a table of members: unpack decompresses, libarchive takes the tar or zip apart. Runs
 * on the thread of whoever compares archives; must never open, follow or write anything that an archive
 * names.
 */
#include "storage/drift/members.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "storage/base/file.h"
#include "storage/base/text.h"
#include "storage/digest.h"
#include "storage/drift/members_parts.h"

#define OWNER_MAX       512 /* bytes of a member's owner that count */
#define ZIP_ENTRY_SIGN  "PK\1\2"
#define EMPTY_ZIP_BYTES 22 /* of the record at its end alone */

struct reading {
	struct members *members;
	const struct members_limits *limits;
	struct members_table table;
	struct archive *archive;
	struct unpack *unpack;
	struct sha256_hasher *stream_hasher, *file_hasher;
	int fd;
	uint64_t size, at;    /* of the file; where a zip is read */
	uint64_t given;       /* bytes: of a tar since libarchive last answered, of a zip in all */
	uint64_t content;     /* bytes of all files so far */
	uint64_t zip_entries; /* that a zip can have at most */
	struct err failure;   /* met while libarchive asked for more */
	unsigned char piece[UNPACK_PIECE], data[UNPACK_PIECE];
};

static bool
check_stopped(const struct unpack_limits *limits, struct err *err)
{
	if (limits->is_stopped == NULL || !limits->is_stopped(limits->context))
		return true;
	return err_set(err, ERR_CANCELLED, "stopped");
}

/* What a callback met comes before what libarchive made of it. */
static bool
failed(struct reading *reading, struct err *err)
{
	const char *text = archive_error_string(reading->archive);
	char escaped[160];

	if (reading->failure.code != ERR_OK) {
		*err = reading->failure;
		return false;
	}
	text_escape(text != NULL ? text : "unknown reason", escaped, sizeof escaped);
	return err_set(err, ERR_SYNTAX, "damaged: %s", escaped);
}

/* Decompressed bytes into the piece; whatever comes is hashed and its start kept. */
static ssize_t
read_stream(struct reading *reading, struct err *err)
{
	struct members *members = reading->members;
	ssize_t count = unpack_read(reading->unpack, reading->piece, sizeof reading->piece, err);
	size_t room = sizeof members->start - members->start_length;

	if (count <= 0)
		return count;
	if (room > (size_t)count)
		room = (size_t)count;
	memcpy(members->start + members->start_length, reading->piece, room);
	members->start_length += room;
	members->size += (uint64_t)count;
	sha256_hasher_add(reading->stream_hasher, reading->piece, (size_t)count);
	return count;
}

/* libarchive's way to ask for more of a tar. */
static la_ssize_t
give_tar(struct archive *archive, void *context, const void **ret_bytes)
{
	struct reading *reading = context;
	ssize_t count = -1;

	if (reading->given > MEMBERS_HEADERS_MAX)
		err_set(&reading->failure, ERR_TOO_LARGE,
		        "has more than the %u bytes of headers allowed for one file", MEMBERS_HEADERS_MAX);
	else
		count = read_stream(reading, &reading->failure);
	if (count < 0)
		archive_set_error(archive, EIO, "%s", reading->failure.text);
	else
		reading->given += (uint64_t)count;
	*ret_bytes = reading->piece;
	return count;
}

/* libarchive's way to ask for more of a zip, which it reads here and there. */
static la_ssize_t
give_zip(struct archive *archive, void *context, const void **ret_bytes)
{
	struct reading *reading = context;
	struct err *err = &reading->failure;
	ssize_t count = -1;

	if (reading->given > reading->limits->unpack.bytes)
		err_set(err, ERR_TOO_LARGE, "makes larder read more than the %llu bytes allowed",
		        (unsigned long long)reading->limits->unpack.bytes);
	else if (check_stopped(&reading->limits->unpack, err))
		count = file_pread(reading->fd, reading->piece, sizeof reading->piece, reading->at, err);
	if (count < 0)
		archive_set_error(archive, EIO, "%s", err->text);
	else {
		reading->given += (uint64_t)count;
		reading->at += (uint64_t)count;
	}
	*ret_bytes = reading->piece;
	return count;
}

static la_int64_t
seek_zip(struct archive *archive, void *context, la_int64_t offset, int whence)
{
	struct reading *reading = context;
	int64_t base = whence == SEEK_SET   ? 0
	               : whence == SEEK_CUR ? (int64_t)reading->at
	                                    : (int64_t)reading->size;

	(void)archive;
	if (offset < -base)
		return ARCHIVE_FATAL;
	reading->at = (uint64_t)(base + offset);
	return (la_int64_t)reading->at;
}

static bool
check_content(const struct reading *reading, struct err *err)
{
	const struct unpack_limits *limits = &reading->limits->unpack;

	if (reading->content > limits->bytes)
		return err_set(err, ERR_TOO_LARGE, "holds more than the %llu bytes of files allowed",
		        (unsigned long long)limits->bytes);
	if (reading->content > limits->ratio_free && reading->content / limits->ratio > reading->size)
		return err_set(err, ERR_TOO_LARGE,
		        "holds files of more than %llu times its size, the ratio allowed",
		        (unsigned long long)limits->ratio);
	return check_stopped(limits, err);
}

/* The content of the entry in hand: its digest and size. Holes of sparse files count as the zeros they are. */
static bool
read_content(struct reading *reading, struct member *member, struct err *err)
{
	la_ssize_t count;

	member->size = 0;
	while ((count = archive_read_data(reading->archive, reading->data, sizeof reading->data)) > 0) {
		if (reading->members->form == MEMBERS_TAR)
			reading->given = 0;
		reading->content += (uint64_t)count;
		member->size += (uint64_t)count;
		sha256_hasher_add(reading->file_hasher, reading->data, (size_t)count);
		if (!check_content(reading, err))
			return false;
	}
	sha256_hasher_value(reading->file_hasher, member->sha256);
	return count == 0 || failed(reading, err);
}

static const char *
or_empty(const char *string)
{
	return string != NULL ? string : "";
}

static enum member_type
type_of(struct archive_entry *entry)
{
	switch ((int)archive_entry_filetype(entry)) {
	case AE_IFREG:
		return MEMBER_FILE;
	case AE_IFDIR:
		return MEMBER_DIRECTORY;
	case AE_IFLNK:
		return MEMBER_SYMLINK;
	default:
		return MEMBER_OTHER;
	}
}

/* Where a link leads, or which device it is; written to room where it has to be made up. */
static const char *
target_of(struct archive_entry *entry, const struct member *member, char *room, size_t size)
{
	if (member->is_hard_link)
		return or_empty(archive_entry_hardlink(entry));
	if (member->type == MEMBER_SYMLINK)
		return or_empty(archive_entry_symlink(entry));
	if (member->type != MEMBER_OTHER)
		return "";
	snprintf(room, size, "%o %ju:%ju", (unsigned)archive_entry_filetype(entry),
	        (uintmax_t)archive_entry_rdevmajor(entry), (uintmax_t)archive_entry_rdevminor(entry));
	return room;
}

/* libarchive tells how a zip's entry is compressed in the name of the format alone. */
static bool
check_method(struct reading *reading, struct err *err)
{
	const char *name = or_empty(archive_format_name(reading->archive));

	if (reading->members->form != MEMBERS_ZIP || strstr(name, "(deflation)") != NULL ||
	        strstr(name, "(uncompressed)") != NULL)
		return true;
	return err_set(err, ERR_SYNTAX, "holds files compressed in a way larder does not read: %.60s", name);
}

static bool
read_entry(struct reading *reading, struct archive_entry *entry, struct err *err)
{
	const char *hard_link = archive_entry_hardlink(entry);
	char owner[OWNER_MAX], device[64];
	struct member member = {
	        .path = archive_entry_pathname(entry),
	        .owner = owner,
	        .mtime = archive_entry_mtime(entry),
	        .mtime_ns = (uint32_t)archive_entry_mtime_nsec(entry),
	        .mode = archive_entry_perm(entry) & 07777,
	        .is_hard_link = hard_link != NULL,
	        .type = (uint8_t)(hard_link != NULL ? MEMBER_OTHER : type_of(entry)),
	};

	if (member.path == NULL)
		return err_set(err, ERR_SYNTAX, "damaged: a name cannot be read");
	snprintf(owner, sizeof owner, "%lld:%lld %s:%s", (long long)archive_entry_uid(entry),
	        (long long)archive_entry_gid(entry), or_empty(archive_entry_uname(entry)),
	        or_empty(archive_entry_gname(entry)));
	member.target = target_of(entry, &member, device, sizeof device);
	if (!check_method(reading, err) || !read_content(reading, &member, err))
		return false;
	if (member.is_hard_link && member.size > 0) { /* a link that brings the content along is a file */
		member.is_hard_link = 0;
		member.type = MEMBER_FILE;
		member.target = "";
	}
	return members_add(&reading->table, &member, err);
}

/* The kind of headers of the entry in hand. */
static unsigned
tar_form(int format)
{
	if (format == ARCHIVE_FORMAT_TAR_USTAR)
		return MEMBERS_USTAR;
	if (format == ARCHIVE_FORMAT_TAR_GNUTAR)
		return MEMBERS_GNU_TAR;
	if (format == ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE || format == ARCHIVE_FORMAT_TAR_PAX_RESTRICTED)
		return MEMBERS_PAX;
	return MEMBERS_OLD_TAR;
}

static bool
read_entries(struct reading *reading, struct err *err)
{
	struct members *members = reading->members;
	struct archive_entry *entry;
	int answer;

	while ((answer = archive_read_next_header(reading->archive, &entry)) == ARCHIVE_OK ||
	        answer == ARCHIVE_WARN) {
		if (members->form == MEMBERS_TAR) {
			members->tar_forms |= tar_form(archive_format(reading->archive));
			reading->given = 0;
		}
		if (!read_entry(reading, entry, err))
			return false;
	}
	return answer == ARCHIVE_EOF || failed(reading, err);
}

/* Reads on behind the end of the tar: the checksum at the very end counts too. */
static bool
drain(struct reading *reading, struct err *err)
{
	ssize_t count;

	while ((count = read_stream(reading, err)) > 0)
		;
	return count == 0;
}

/* What libarchive does not take for a tar is none, unless that was for want of bytes. */
static bool
read_tar(struct reading *reading, struct err *err)
{
	bool opened = archive_read_support_format_tar(reading->archive) == ARCHIVE_OK &&
	              archive_read_open(reading->archive, reading, NULL, give_tar, NULL) == ARCHIVE_OK;

	if (!opened && reading->failure.code != ERR_OK)
		return failed(reading, err);
	if (!opened)
		return drain(reading, err);
	reading->members->form = MEMBERS_TAR;
	return read_entries(reading, err) && drain(reading, err);
}

/*
 * Counts what begins like an entry of the directory of a zip: libarchive keeps that whole directory in memory
 * before it gives the first entry, so their number is limited beforehand. Hashes the file on the way.
 */
static bool
scan_zip(struct reading *reading, struct err *err)
{
	size_t length = strlen(ZIP_ENTRY_SIGN), matched = 0;
	ssize_t count;

	while ((count = read_stream(reading, err)) > 0) {
		for (ssize_t i = 0; i < count; i++) {
			char c = (char)reading->piece[i];

			matched = c == ZIP_ENTRY_SIGN[matched] ? matched + 1 : c == ZIP_ENTRY_SIGN[0];
			if (matched == length) {
				reading->zip_entries++;
				matched = 0;
			}
		}
	}
	if (count < 0)
		return false;
	if (reading->zip_entries > reading->limits->entries)
		return err_set(err, ERR_TOO_LARGE, "its directory lists more than the %llu members allowed",
		        (unsigned long long)reading->limits->entries);
	return true;
}

static bool
open_and_read_zip(struct reading *reading, struct err *err)
{
	struct archive *archive = reading->archive;

	if (archive_read_support_format_zip_seekable(archive) == ARCHIVE_OK &&
	        archive_read_set_seek_callback(archive, seek_zip) == ARCHIVE_OK &&
	        archive_read_open(archive, reading, NULL, give_zip, NULL) == ARCHIVE_OK)
		return read_entries(reading, err);
	if (reading->failure.code != ERR_OK)
		return failed(reading, err);
	return err_set(err, ERR_SYNTAX, "damaged or cut off: the directory at the end of the zip is missing");
}

/* Names in a zip may be UTF-8, which libarchive gives only to a thread whose locale is. */
static bool
read_zip(struct reading *reading, struct err *err)
{
	locale_t utf8, before = (locale_t)0;
	bool done;

	reading->members->form = MEMBERS_ZIP;
	if (!scan_zip(reading, err))
		return false;
	if (reading->members->size == EMPTY_ZIP_BYTES) /* which libarchive takes for damaged */
		return true;
	utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (utf8 != (locale_t)0)
		before = uselocale(utf8);
	done = open_and_read_zip(reading, err);
	if (utf8 != (locale_t)0) {
		uselocale(before);
		freelocale(utf8);
	}
	return done;
}

static bool
is_zip(struct reading *reading, bool *ret, struct err *err)
{
	char magic[4];
	ssize_t count = file_pread(reading->fd, magic, sizeof magic, 0, err);

	*ret = count == 4 && (memcmp(magic, "PK\3\4", 4) == 0 || memcmp(magic, "PK\5\6", 4) == 0);
	return count >= 0;
}

static bool
read_any(struct reading *reading, struct err *err)
{
	bool zip;

	if (reading->archive == NULL)
		return err_set(err, ERR_IO, "libarchive cannot start, out of memory");
	if (!is_zip(reading, &zip, err))
		return false;
	return zip ? read_zip(reading, err) : read_tar(reading, err);
}

bool
members_read(int fd, uint64_t size_bytes, const struct members_limits *limits, struct members *ret,
        struct err *err)
{
	struct reading *reading = xcalloc(1, sizeof *reading);
	bool done;

	*ret = (struct members){.form = MEMBERS_NONE};
	reading->members = ret;
	reading->limits = limits;
	reading->table = (struct members_table){.members = ret, .limits = limits};
	reading->archive = archive_read_new();
	reading->unpack = unpack_create(fd, size_bytes, &limits->unpack);
	reading->stream_hasher = sha256_hasher_create();
	reading->file_hasher = sha256_hasher_create();
	reading->fd = fd;
	reading->size = size_bytes;
	done = read_any(reading, err);
	ret->packed = unpack_form(reading->unpack);
	sha256_hasher_value(reading->stream_hasher, ret->sha256);
	members_settle(ret);
	archive_read_free(reading->archive);
	unpack_destroy(reading->unpack);
	sha256_hasher_destroy(reading->stream_hasher);
	sha256_hasher_destroy(reading->file_hasher);
	free(reading);
	return done;
}
