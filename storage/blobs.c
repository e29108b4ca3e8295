/*
 * The directory of a store. Any thread; no state but descriptors. Knows nothing of the index.
 */
#include "storage/blobs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "storage/base/file.h"
#include "storage/base/text.h"
#include "storage/blob.h"
#include "storage/store_lock.h"

#define SHARDS 256

struct blobs {
	char *directory;
	int dir_fd, tmp_fd, spool_fd, shards_fd, quarantine_fd, lock_fd;
	bool were_there;
	atomic_uint_fast64_t temps; /* names given to temporary files */
};

/* "ab/abcd…" below blobs/sha256. */
struct blob_path {
	char text[3 + 64 + 1];
};

static struct blob_path
path_of(const uint8_t sha256[32])
{
	struct blob_path path;

	text_hex(sha256, 1, path.text);
	path.text[2] = '/';
	text_hex(sha256, 32, path.text + 3);
	return path;
}

static int
open_below(int dir_fd, const char *name)
{
	return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static DIR *
open_entries(int parent_fd, const char *name)
{
	AUTO_FD fd = open_below(parent_fd, name);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir != NULL)
		take_fd(&fd);
	return dir;
}

/* NULL: there is no more, or errno says why the rest cannot be read. */
static const struct dirent *
next_entry(DIR *dir)
{
	errno = 0;
	return readdir(dir);
}

static bool
sync_directory(int fd, const char *what, struct err *err)
{
	return fsync(fd) == 0 || err_errno(err, "making %s durable", what);
}

/* All 256, so that no archive has to wait for a directory; each is made once in the life of the store. */
static bool
make_shards(struct blobs *blobs, struct err *err)
{
	bool made = false;
	char name[3];

	for (int shard = 0; shard < SHARDS; shard++) {
		snprintf(name, sizeof name, "%02x", shard);
		if (mkdirat(blobs->shards_fd, name, 0700) == 0)
			made = true;
		else if (errno != EEXIST)
			return err_errno(
			        err, "making the directory %s/blobs/sha256/%s", blobs->directory, name);
	}
	return !made || sync_directory(blobs->shards_fd, "the shards", err);
}

static bool
make_tree(struct blobs *blobs, struct err *err)
{
	bool complete = faccessat(blobs->dir_fd, "spool", F_OK, 0) == 0;
	AUTO_FD blobs_fd = -1;

	blobs->were_there = faccessat(blobs->dir_fd, "blobs/sha256/ff", F_OK, 0) == 0;
	if (!file_make_directory_at(blobs->dir_fd, "tmp", err) ||
	        !file_make_directory_at(blobs->dir_fd, "spool", err) ||
	        !file_make_directory_at(blobs->dir_fd, "quarantine", err) ||
	        !file_make_directory_at(blobs->dir_fd, "blobs", err))
		return err_wrap(err, "%s", blobs->directory);
	blobs_fd = open_below(blobs->dir_fd, "blobs");
	if (blobs_fd < 0)
		return err_errno(err, "opening %s/blobs", blobs->directory);
	if (!file_make_directory_at(blobs_fd, "sha256", err))
		return err_wrap(err, "%s/blobs", blobs->directory);
	blobs->shards_fd = open_below(blobs_fd, "sha256");
	if (blobs->shards_fd < 0)
		return err_errno(err, "opening %s/blobs/sha256", blobs->directory);
	if (!make_shards(blobs, err))
		return false;
	return (blobs->were_there && complete) ||
	       (sync_directory(blobs_fd, "blobs/", err) &&
	               sync_directory(blobs->dir_fd, blobs->directory, err));
}

/* A name that blobs_create_temp gives: whatever else lies in tmp/ is not larder's to remove. */
static bool
is_temp_name(const char *name)
{
	uint8_t number[8];

	return text_unhex(name, number, sizeof number);
}

/* What an earlier process left half written was never acknowledged. */
static bool
empty_tmp(struct blobs *blobs, struct err *err)
{
	DIR *dir = open_entries(blobs->tmp_fd, ".");
	const struct dirent *entry;

	if (dir == NULL)
		return err_errno(err, "reading %s/tmp", blobs->directory);
	while ((entry = next_entry(dir)) != NULL) {
		if (is_temp_name(entry->d_name))
			unlinkat(blobs->tmp_fd, entry->d_name, 0);
	}
	closedir(dir);
	return true;
}

static bool
open_to_write(struct blobs *blobs, struct err *err)
{
	blobs->lock_fd = store_lock_take(blobs->dir_fd, blobs->directory, err);
	if (blobs->lock_fd < 0 || !make_tree(blobs, err))
		return false;
	blobs->tmp_fd = open_below(blobs->dir_fd, "tmp");
	if (blobs->tmp_fd < 0)
		return err_errno(err, "opening %s/tmp", blobs->directory);
	blobs->spool_fd = open_below(blobs->dir_fd, "spool");
	if (blobs->spool_fd < 0)
		return err_errno(err, "opening %s/spool", blobs->directory);
	blobs->quarantine_fd = open_below(blobs->dir_fd, "quarantine");
	if (blobs->quarantine_fd < 0)
		return err_errno(err, "opening %s/quarantine", blobs->directory);
	return empty_tmp(blobs, err);
}

static bool
open_to_read(struct blobs *blobs, struct err *err)
{
	blobs->shards_fd = openat(blobs->dir_fd, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (blobs->shards_fd >= 0) {
		blobs->were_there = true;
		return true;
	}
	if (errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND,
		        "%s holds no store yet; 'larder serve' or 'larder add' makes one", blobs->directory);
	return err_errno(err, "opening %s/blobs/sha256", blobs->directory);
}

static bool
open_directory(struct blobs *blobs, const char *directory, enum blobs_mode mode, struct err *err)
{
	if (mode == BLOBS_WRITE && !file_make_directories(directory, err))
		return false;
	blobs->directory = realpath(directory, NULL);
	if (blobs->directory == NULL && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND,
		        "there is no store %s; 'larder serve' or 'larder add' makes one", directory);
	if (blobs->directory == NULL)
		return err_errno(err, "opening the store %s", directory);
	blobs->dir_fd = file_open_directory(blobs->directory, err);
	return blobs->dir_fd >= 0;
}

struct blobs *
blobs_open(const char *directory, enum blobs_mode mode, struct err *err)
{
	struct blobs *blobs = xcalloc(1, sizeof *blobs);
	bool opened;

	blobs->dir_fd = blobs->tmp_fd = blobs->spool_fd = blobs->shards_fd = -1;
	blobs->quarantine_fd = blobs->lock_fd = -1;
	opened = open_directory(blobs, directory, mode, err) &&
	         (mode == BLOBS_WRITE ? open_to_write(blobs, err) : open_to_read(blobs, err));
	if (opened)
		return blobs;
	blobs_close(blobs);
	return NULL;
}

void
blobs_close(struct blobs *blobs)
{
	if (blobs == NULL)
		return;
	auto_close(&blobs->tmp_fd);
	auto_close(&blobs->spool_fd);
	auto_close(&blobs->quarantine_fd);
	auto_close(&blobs->shards_fd);
	auto_close(&blobs->lock_fd);
	auto_close(&blobs->dir_fd);
	free(blobs->directory);
	free(blobs);
}

const char *
blobs_directory(const struct blobs *blobs)
{
	return blobs->directory;
}

bool
blobs_were_there(const struct blobs *blobs)
{
	return blobs->were_there;
}

bool
blobs_writer_exists(const struct blobs *blobs)
{
	return blobs->lock_fd >= 0 || store_lock_is_held(blobs->dir_fd);
}

bool
blobs_read_only(const struct blobs *blobs)
{
	struct statvfs facts;

	return fstatvfs(blobs->dir_fd, &facts) == 0 && (facts.f_flag & ST_RDONLY) != 0;
}

bool
blobs_lacks_inodes(const struct blobs *blobs)
{
	struct statvfs facts;

	/* Some filesystems have no fixed number of them, and say 0 of 0. */
	return fstatvfs(blobs->dir_fd, &facts) == 0 && facts.f_files > 0 && facts.f_favail == 0;
}

bool
blobs_free_space(const struct blobs *blobs, uint64_t *ret_bytes, struct err *err)
{
	struct statvfs facts;

	if (fstatvfs(blobs->dir_fd, &facts) != 0)
		return err_errno(err, "asking for the free space of %s", blobs->directory);
	*ret_bytes = (uint64_t)facts.f_bavail * facts.f_frsize;
	return true;
}

int
blobs_create_temp(struct blobs *blobs, char ret_name[BLOBS_TEMP_MAX], struct err *err)
{
	uint64_t number = atomic_fetch_add(&blobs->temps, 1);
	int fd;

	snprintf(ret_name, BLOBS_TEMP_MAX, "%016llx", (unsigned long long)number);
	fd = openat(blobs->tmp_fd, ret_name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0400);
	if (fd < 0)
		err_errno(err, "making a file in %s/tmp", blobs->directory);
	return fd;
}

void
blobs_remove_temp(struct blobs *blobs, const char *name)
{
	unlinkat(blobs->tmp_fd, name, 0); /* what cannot be removed now is at the next start */
}

int
blobs_spool(const struct blobs *blobs)
{
	return blobs->spool_fd;
}

bool
blob_file_now(int fd, struct blob_file *ret, struct err *err)
{
	struct stat facts;

	if (fstat(fd, &facts) != 0)
		return err_errno(err, "asking for a blob's size");
	if (!S_ISREG(facts.st_mode))
		return err_set(err, ERR_NOT_FOUND, "there is something else in the place of a blob");
	*ret = (struct blob_file){
	        .size_bytes = (uint64_t)facts.st_size,
	        .written_ms = (int64_t)facts.st_mtim.tv_sec * 1000 + facts.st_mtim.tv_nsec / 1000000,
	        .named = facts.st_nlink > 0,
	        .stamp =
	                {
	                        .inode = (uint64_t)facts.st_ino,
	                        .change_ns =
	                                (int64_t)facts.st_ctim.tv_sec * 1000000000 + facts.st_ctim.tv_nsec,
	                },
	};
	return true;
}

bool
blob_is_untouched(int fd, const struct stamp *since)
{
	struct blob_file now;
	struct err unimportant;

	return blob_file_now(fd, &now, &unimportant) && now.named && stamp_equal(&now.stamp, since);
}

static bool
sync_shard(const struct blobs *blobs, const struct blob_path *path, struct err *err)
{
	char shard[3] = {path->text[0], path->text[1], '\0'};
	AUTO_FD fd = open_below(blobs->shards_fd, shard);

	if (fd < 0 || fsync(fd) != 0)
		return err_errno(err, "making %s/blobs/sha256/%s durable", blobs->directory, shard);
	return true;
}

bool
blobs_publish(struct blobs *blobs, const char *temp, const uint8_t sha256[32], struct err *err)
{
	struct blob_path path = path_of(sha256);

	if (renameat(blobs->tmp_fd, temp, blobs->shards_fd, path.text) != 0) {
		err_errno(err, "giving an archive its name %s/blobs/sha256/%s", blobs->directory, path.text);
		blobs_remove_temp(blobs, temp);
		return false;
	}
	return sync_shard(blobs, &path, err);
}

int
blobs_open_file(const struct blobs *blobs, const uint8_t sha256[32], struct blob_file *ret, struct err *err)
{
	struct blob_path path = path_of(sha256);
	AUTO_FD fd = openat(blobs->shards_fd, path.text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR || errno == ENXIO)) {
		err_set(err, ERR_NOT_FOUND, "there is no file %s/blobs/sha256/%s", blobs->directory,
		        path.text);
		return -1;
	}
	if (fd < 0) {
		err_errno(err, "opening %s/blobs/sha256/%s", blobs->directory, path.text);
		return -1;
	}
	return blob_file_now(fd, ret, err) ? take_fd(&fd) : -1;
}

bool
blobs_sync(const struct blobs *blobs, struct err *err)
{
	return syncfs(blobs->dir_fd) == 0 || err_errno(err, "making %s durable", blobs->directory);
}

void
blobs_remove(struct blobs *blobs, const uint8_t sha256[32])
{
	struct blob_path path = path_of(sha256);

	unlinkat(blobs->shards_fd, path.text, 0);
}

bool
blobs_remove_durably(struct blobs *blobs, const uint8_t sha256[32], struct err *err)
{
	struct blob_path path = path_of(sha256);

	if (unlinkat(blobs->shards_fd, path.text, 0) != 0 && errno != ENOENT)
		return err_errno(err, "deleting %s/blobs/sha256/%s", blobs->directory, path.text);
	return sync_shard(blobs, &path, err);
}

bool
blobs_quarantine(
        struct blobs *blobs, const uint8_t sha256[32], char ret_name[BLOBS_QUARANTINE_MAX], struct err *err)
{
	struct blob_path path = path_of(sha256);
	char when[TEXT_TIME_MAX];

	text_time_now(when);
	snprintf(ret_name, BLOBS_QUARANTINE_MAX, "%s.%s", path.text + 3, when);
	if (renameat(blobs->shards_fd, path.text, blobs->quarantine_fd, ret_name) == 0)
		return sync_shard(blobs, &path, err) &&
		       sync_directory(blobs->quarantine_fd, "quarantine/", err);
	if (errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "there is no file %s/blobs/sha256/%s", blobs->directory,
		        path.text);
	return err_errno(err, "moving %s/blobs/sha256/%s to quarantine/", blobs->directory, path.text);
}

enum walking { WALK_ON, WALK_ENOUGH, WALK_FAILED };

static enum walking
walk_shard(const struct blobs *blobs, int shard, blob_visit_fn *visit, void *context, struct err *err)
{
	char name[3];
	DIR *dir;
	const struct dirent *entry = NULL;
	enum walking walking = WALK_ON;

	snprintf(name, sizeof name, "%02x", shard);
	dir = open_entries(blobs->shards_fd, name);
	while (dir != NULL && walking == WALK_ON && (entry = next_entry(dir)) != NULL) {
		uint8_t sha256[32];

		if (text_unhex(entry->d_name, sha256, sizeof sha256) && sha256[0] == shard &&
		        !visit(context, sha256))
			walking = WALK_ENOUGH;
	}
	if (dir == NULL || (entry == NULL && errno != 0)) {
		err_errno(err, "reading %s/blobs/sha256/%s", blobs->directory, name);
		walking = WALK_FAILED;
	}
	if (dir != NULL)
		closedir(dir);
	return walking;
}

bool
blobs_walk(const struct blobs *blobs, blob_visit_fn *visit, void *context, struct err *err)
{
	enum walking walking = WALK_ON;

	for (int shard = 0; shard < SHARDS && walking == WALK_ON; shard++)
		walking = walk_shard(blobs, shard, visit, context, err);
	return walking != WALK_FAILED;
}
