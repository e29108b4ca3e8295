/*
 * The spool. A name is random and means nothing, so that none is ever given twice; whatever else lies in
 * spool/ is not larder's to open or remove.
 */
#include "storage/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>

#include "storage/base/file.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/store_parts.h"

#define NAME_BYTES 12

_Static_assert(2 * NAME_BYTES < SPOOL_NAME_MAX, "a name fits");

static bool
is_name(const char *name)
{
	uint8_t bytes[NAME_BYTES];

	return text_unhex(name, bytes, sizeof bytes);
}

static int
create_file(struct store *store, char ret_name[SPOOL_NAME_MAX], struct err *err)
{
	uint8_t bytes[NAME_BYTES];
	char name[SPOOL_NAME_MAX];
	int fd;

	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) {
		err_errno(err, "choosing a name in %s/spool", store_directory(store));
		return -1;
	}
	text_hex(bytes, sizeof bytes, name);
	fd = openat(
	        blobs_spool(store->blobs), name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		err_errno(err, "making a file in %s/spool", store_directory(store));
	else
		memcpy(ret_name, name, sizeof name);
	return fd;
}

int
spool_create(struct store *store, char ret_name[SPOOL_NAME_MAX], struct err *err)
{
	return space_take(&store->space, 0, err) ? create_file(store, ret_name, err) : -1;
}

bool
spool_write(struct store *store, int fd, const void *bytes, size_t length, struct err *err)
{
	return space_take(&store->space, length, err) && file_write(fd, bytes, length, err);
}

bool
spool_sync(struct store *store, int fd, struct err *err)
{
	if (fdatasync(fd) == 0 && fsync(blobs_spool(store->blobs)) == 0)
		return true;
	return err_errno(err, "making a file in %s/spool durable", store_directory(store));
}

int
spool_open(struct store *store, const char *name, struct err *err)
{
	int fd;

	if (!is_name(name)) {
		err_set(err, ERR_NOT_FOUND, "this is no name of a file in %s/spool", store_directory(store));
		return -1;
	}
	fd = openat(blobs_spool(store->blobs), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && (errno == ENOENT || errno == ELOOP))
		err_set(err, ERR_NOT_FOUND, "there is no file %s/spool/%s", store_directory(store), name);
	else if (fd < 0)
		err_errno(err, "opening %s/spool/%s", store_directory(store), name);
	return fd;
}

void
spool_remove(struct store *store, const char *name)
{
	if (is_name(name))
		unlinkat(blobs_spool(store->blobs), name, 0); /* what stays is removed at the next start */
}

void
spool_clean(struct store *store, spool_keep_fn *keep, void *context)
{
	int fd = openat(blobs_spool(store->blobs), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (dir == NULL) {
		auto_close(&fd);
		log_warning(
		        "%s/spool cannot be read, so what was left in it stays there until the next start",
		        store_directory(store));
		return;
	}
	for (entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (is_name(entry->d_name) && !keep(context, entry->d_name))
			unlinkat(blobs_spool(store->blobs), entry->d_name, 0);
	}
	closedir(dir);
}
