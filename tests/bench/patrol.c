/*
 * What the patrol of a large catalog costs: one full round over so many origins, each of which answers at
 * once that it is there, with a clock that does not wait. Prints figures, a line each, for patrol.py.
 */
#include "tests/support/patrolled.h"

#include <inttypes.h>
#include <malloc.h>

static uint64_t asked;

static bool
ask_nobody(void *context, const struct probe_plan *plan, probe_done_fn *done, void *done_context,
        struct err *err)
{
	struct probe_answer answer = {.contact = {.result = ORIGIN_PRESENT,
	                                      .status = 200,
	                                      .detail = "",
	                                      .etag = "W/\"0f3a6c1d0b7e5f9a8c4d2e1b6a7f8091\"",
	                                      .modified = "Tue, 14 Nov 2023 22:13:20 GMT",
	                                      .took_ms = 180,
	                                      .length = 76543},
	        .retry_after_ms = -1};

	(void)context;
	(void)plan;
	(void)err;
	asked++;
	done(done_context, &answer);
	return true;
}

static void
learn_many(int count)
{
	struct harvest *harvest = harvest_create();

	for (int i = 0; i < count; i++) {
		struct digests all, some = {0};
		struct digest digest;
		char url[160];

		if (i % 5 < 3)
			snprintf(url, sizeof url, "https://github.com/user%d/project%d/archive/v1.%d.tar.gz",
			        i % 977, i % 4999, i);
		else
			snprintf(url, sizeof url, "https://host%d.example/files/project-%d.tar.gz", i % 523,
			        i);
		all = all_digests(url);
		for (int algo = DIGEST_SHA256; algo <= DIGEST_SHA512; algo++)
			if (digests_get(&all, (enum digest_algo)algo, &digest))
				digests_put(&some, &digest);
		add_entry(harvest, &some, url);
	}
	learn_harvest(harvest);
}

/* Closes the store, so that all of the index is in one file; its size in KiB. */
static int64_t
index_kib(void)
{
	AUTO_FREE char *path = path_below(directory, "index.db");
	struct stat status;

	shut_down();
	if (stat(path, &status) != 0)
		abort();
	boot();
	patrol->options.ask.probe = ask_nobody;
	return status.st_size / 1024;
}

static void
forget_peak(void)
{
	AUTO_FD fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	malloc_trim(0); /* what learning left behind */
	if (fd < 0 || write(fd, "5", 1) != 1)
		abort();
}

static int64_t
memory_kib(const char *name)
{
	AUTO_FILE status = fopen("/proc/self/status", "re");
	char line[256];

	while (status != NULL && fgets(line, sizeof line, status) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			return strtoll(line + strlen(name) + 1, NULL, 10);
	abort();
}

static void
tell(const char *name, int64_t value)
{
	printf("%s %" PRId64 "\n", name, value);
}

int
main(int argc, char **argv)
{
	int count = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 50000;
	int64_t began_ms;

	begin_patrol("");
	patrol->options.ask.probe = ask_nobody;
	learn_many(count);
	tell("learned_kib", index_kib());
	began_ms = clock_ms();
	run_for(0);
	tell("plan_ms", clock_ms() - began_ms);
	tell("planned_kib", index_kib());
	forget_peak();
	tell("before_kib", memory_kib("VmRSS"));
	began_ms = clock_ms();
	run_for(30 * DAY);
	tell("round_ms", clock_ms() - began_ms);
	tell("peak_kib", memory_kib("VmHWM"));
	tell("asked", (int64_t)asked);
	tell("untried", number_in_index("SELECT count(*) FROM origin WHERE tried_at = 0"));
	tell("round_kib", index_kib());
	began_ms = clock_ms();
	patrol_count(patrol, now);
	tell("count_ms", clock_ms() - began_ms);
	run_for(30 * DAY);
	tell("second_round_kib", index_kib());
	/* After a stop of two rounds all are overdue. */
	now.wall_ms += 60 * DAY;
	now.ms += 60 * DAY;
	forget_peak();
	run_for(HOUR);
	tell("overdue_peak_kib", memory_kib("VmHWM"));
	end_patrol();
	return 0;
}
