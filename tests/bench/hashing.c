/*
 * How fast bytes are hashed four ways: by one hasher, and by as many as there are processors.
 *
 *     hashing MEBIBYTES THREADS       prints MB/s of all together
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "storage/base/text.h"
#include "storage/digest.h"

#define PIECE       (64u << 10)
#define THREADS_MAX 64

static long mebibytes;

static void *
hash(void *unused)
{
	AUTO_FREE char *piece = xcalloc(1, PIECE);
	struct hasher *hasher = hasher_create();
	struct digests digests;

	for (long left = mebibytes << 20; left > 0; left -= PIECE)
		hasher_add(hasher, piece, PIECE);
	hasher_digests(hasher, &digests);
	hasher_destroy(hasher);
	return unused;
}

int
main(int argc, char **argv)
{
	long n_threads = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
	pthread_t threads[THREADS_MAX];
	struct timespec begin, end;

	if (n_threads < 1 || n_threads > THREADS_MAX) {
		fputs("hashing MEBIBYTES THREADS\n", stderr);
		return 2;
	}
	mebibytes = strtol(argv[1], NULL, 10);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (long i = 0; i < n_threads; i++)
		if (pthread_create(&threads[i], NULL, hash, NULL) != 0)
			abort();
	for (long i = 0; i < n_threads; i++)
		pthread_join(threads[i], NULL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%.1f\n",
	        (double)(mebibytes << 20) * (double)n_threads / 1e6 /
	                ((double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9));
	return 0;
}
