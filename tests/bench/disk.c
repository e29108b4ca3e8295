/*
 * What this disk makes durable by itself: so many threads, each of which writes a file, fdatasyncs it,
 * renames it into one of 256 folders and fsyncs the folder, as larder does. Nothing is indexed, nothing is
 * deleted; and nothing is hashed, unless the four digests that larder makes are asked for.
 *
 *     disk DIR THREADS FILES BYTES [hashed]     prints the seconds
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/digest.h"

#define SHARDS      256
#define THREADS_MAX 256

static int directory_fd;
static long n_files, n_bytes;
static char *body;
static bool hashed;
static atomic_long next;

static void
must(int result)
{
	if (result >= 0)
		return;
	perror("disk");
	exit(1);
}

static void
store(struct hasher *hasher, long number)
{
	char temp[32], shard[8], name[64];
	struct digests digests;
	int file, folder;

	if (hashed) {
		hasher_add(hasher, body, (size_t)n_bytes);
		hasher_digests(hasher, &digests);
	}
	snprintf(temp, sizeof temp, "tmp/%ld", number);
	/* Scattered as digests are. */
	snprintf(shard, sizeof shard, "%02lx", number * 2654435761u % SHARDS);
	snprintf(name, sizeof name, "%s/%ld", shard, number);
	file = openat(directory_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	must(file);
	must(write(file, body, (size_t)n_bytes) == n_bytes ? 0 : -1);
	must(fdatasync(file));
	must(renameat(directory_fd, temp, directory_fd, name));
	folder = openat(directory_fd, shard, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(folder);
	must(fsync(folder));
	close(folder);
	close(file);
}

static void *
work(void *unused)
{
	struct hasher *hasher = hasher_create();
	long number;

	for (number = atomic_fetch_add(&next, 1); number < n_files; number = atomic_fetch_add(&next, 1))
		store(hasher, number);
	hasher_destroy(hasher);
	return unused;
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void
make_folders(const char *directory)
{
	char shard[8];

	must(mkdir(directory, 0700));
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(directory_fd);
	must(mkdirat(directory_fd, "tmp", 0700));
	for (int i = 0; i < SHARDS; i++) {
		snprintf(shard, sizeof shard, "%02x", (unsigned)i);
		must(mkdirat(directory_fd, shard, 0700));
	}
	must(syncfs(directory_fd));
}

int
main(int argc, char **argv)
{
	long n_threads = argc == 5 || argc == 6 ? atol(argv[2]) : 0;
	pthread_t threads[THREADS_MAX];
	double began;

	if (n_threads < 1 || n_threads > THREADS_MAX) {
		fputs("disk DIR THREADS FILES BYTES [hashed]\n", stderr);
		return 2;
	}
	n_files = atol(argv[3]);
	n_bytes = atol(argv[4]);
	hashed = argc == 6;
	body = malloc((size_t)n_bytes);
	for (long at = 0; at < n_bytes; at += 256)
		must((int)getrandom(body + at, (size_t)(n_bytes - at < 256 ? n_bytes - at : 256), 0));
	make_folders(argv[1]);
	began = now();
	for (long i = 0; i < n_threads; i++)
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			abort();
	for (long i = 0; i < n_threads; i++)
		pthread_join(threads[i], NULL);
	printf("%.6f\n", now() - began);
	return 0;
}
