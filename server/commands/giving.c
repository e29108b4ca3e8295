/*
 * Giving files. Main thread; blocks on the disk.
 */
#include "server/commands/giving.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "server/commands/table.h"
#include "server/commands/trees.h"
#include "server/signals.h"
#include "server/jobs/json.h"
#include "server/jobs/wants.h"

#define CHUNK (256u << 10) /* bytes read at a time */

static void
left_behind_finish(struct left_behind *left)
{
	for (size_t i = 0; i < left->count; i++) {
		free(left->paths[i]);
		free(left->reasons[i]);
	}
	free(left->paths);
	free(left->reasons);
}

static void
left_behind_add(struct left_behind *left, const char *path, const char *reason)
{
	const size_t count = left->count++;

	left->paths = xrealloc(left->paths, (count + 1) * sizeof left->paths[0]);
	left->reasons = xrealloc(left->reasons, (count + 1) * sizeof left->reasons[0]);
	left->paths[count] = xstrdup(path);
	left->reasons[count] = xstrdup(reason);
}

void
giving_begin(struct giving *giving, const struct invocation *invocation)
{
	*giving = (struct giving){.invocation = invocation,
	        .paths = invocation->arguments,
	        .n_paths = invocation->n_arguments,
	        .chunk = xmalloc(CHUNK)};
	if (invocation_has(invocation, FLAG_JSON))
		giving->archives = json_array();
	progress_begin(&giving->progress, progress_choose(invocation->flags), "done", 0);
}

void
giving_finish(struct giving *giving)
{
	left_behind_finish(&giving->refused);
	left_behind_finish(&giving->passed);
	free(giving->chunk);
	json_decref(giving->archives);
}

/* --- the walk --- */

static void
visit_file(struct giving *giving, const char *path, gift_visit_fn *visit, void *context)
{
	struct stat info;
	struct err err = ERR_NONE;
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0 && fstat(fd, &info) == 0) {
		visit(context, path, take_fd(&fd), (uint64_t)info.st_size);
		return;
	}
	err_errno(&err, "cannot be read");
	giving_refuse(giving, path, &err);
}

void
giving_walk(struct giving *giving, gift_visit_fn *visit, void *context)
{
	const char *path;
	struct err err = ERR_NONE;
	struct trees *trees = trees_open(giving->paths, giving->n_paths, &err);

	if (trees == NULL) {
		giving->status = command_fail(&err);
		return;
	}
	while (!giving_is_stopped(giving)) {
		switch (trees_next(trees, &path, &err)) {
		case TREES_FILE:
			visit_file(giving, path, visit, context);
			break;
		case TREES_UNREADABLE:
			giving_refuse(giving, path, &err);
			break;
		case TREES_PASSED:
			left_behind_add(&giving->passed, path, err.text);
			break;
		case TREES_END:
			trees_close(trees);
			return;
		}
		progress_tick(&giving->progress);
	}
	trees_close(trees);
}

static void
heed(struct giving *giving, enum signals_wish wish)
{
	if (wish != SIGNALS_STOP || giving->stopped)
		return;
	giving->stopped = true;
	giving->status = command_worse(giving->status, EXIT_FAILED);
	signals_release(); /* another one ends it at once */
}

bool
giving_is_stopped(struct giving *giving)
{
	if (!giving->stopped)
		heed(giving, signals_poll());
	return giving->stopped;
}

void
giving_pause(struct giving *giving, int64_t pause_ms)
{
	heed(giving, signals_wait(pause_ms));
}

/* --- one file --- */

bool
giving_read(struct giving *giving, int fd, gift_piece_fn *piece, void *context, struct err *err)
{
	for (;;) {
		ssize_t got = read(fd, giving->chunk, CHUNK);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			err_errno(err, "cannot be read");
			err->code = ERR_IO;
			return false;
		}
		if (got == 0)
			return true;
		if (giving->meanwhile != NULL)
			giving->meanwhile(giving->meanwhile_context);
		if (giving_is_stopped(giving))
			return err_set(err, ERR_CANCELLED, "interrupted");
		if (!piece(context, giving->chunk, (size_t)got, err))
			return false;
	}
}

struct hashing {
	struct hasher *hasher;
	uint64_t size_bytes;
};

static bool
hash_piece(void *context, const void *bytes, size_t length, struct err *err)
{
	struct hashing *hashing = context;

	(void)err;
	hasher_add(hashing->hasher, bytes, length);
	hashing->size_bytes += length;
	return true;
}

bool
giving_hash(struct giving *giving, const char *path, int fd, struct gift *ret, struct err *err)
{
	struct hashing hashing = {.hasher = hasher_create()};
	bool read;

	*ret = (struct gift){.path = xstrdup(path)};
	read = giving_read(giving, fd, hash_piece, &hashing, err);
	hasher_digests(hashing.hasher, &ret->digests);
	ret->size_bytes = hashing.size_bytes;
	hasher_destroy(hashing.hasher);
	return read && gift_agrees(path, &ret->digests, err);
}

bool
gift_agrees(const char *path, const struct digests *digests, struct err *err)
{
	char named[DIGEST_TEXT_MAX], found[DIGEST_TEXT_MAX];
	struct digest digest, real;

	if (!trees_path_digest(path, &digest) || digests_have(digests, &digest) ||
	        !digests_get(digests, digest.algo, &real))
		return true;
	digest_text(&digest, named);
	digest_text(&real, found);
	return err_set(err, ERR_MISMATCH, "its name says %.40s…, its bytes are %.40s…", named, found);
}

void
gift_finish(struct gift *gift)
{
	free(gift->path);
	gift->path = NULL;
}

/* --- what became of them --- */

void
giving_acknowledge(struct giving *giving, const struct gift *gift, enum gift_end end)
{
	const char *word = end == GIFT_STORED ? "stored" : "known";
	char text[DIGEST_TEXT_MAX];

	if (end == GIFT_STORED)
		giving->stored_bytes += gift->size_bytes;
	*(end == GIFT_STORED ? &giving->stored : &giving->known) += 1;
	progress_clear(&giving->progress);
	digests_best_text(&gift->digests, text);
	if (giving->archives == NULL && (end == GIFT_STORED || giving->lines == LINES_OF_ALL))
		printf("%s %s %s\n", word, text, gift->path);
	if (giving->archives != NULL)
		json_array_append_new(
		        giving->archives, json_pack("{s:s, s:o, s:I, s:o}", "result", word, "path",
		                                  json_text(gift->path), "size", (json_int_t)gift->size_bytes,
		                                  "digests", json_digests(&gift->digests)));
	fflush(stdout);
	progress_step(&giving->progress, gift->size_bytes);
}

/* Any other file would meet the same. */
static bool
concerns_all(enum err_code code)
{
	return code == ERR_NO_SPACE || code == ERR_UNAUTHORIZED || code == ERR_OVERLOADED ||
	       code == ERR_TOO_MANY;
}

void
giving_refuse(struct giving *giving, const char *path, const struct err *err)
{
	left_behind_add(&giving->refused, path, err->text);
	giving->status = command_worse(giving->status, EXIT_MISSING);
	if (giving->archives != NULL)
		json_array_append_new(
		        giving->archives, json_pack("{s:s, s:o, s:o}", "result", "refused", "path",
		                                  json_text(path), "reason", json_text(err->text)));
	if (!concerns_all(err->code))
		return;
	giving->stopped = true;
	giving->status = EXIT_FAILED;
}

void
left_behind_table(const struct left_behind *left, const char *title, struct text *ret)
{
	struct table table;

	if (left->count == 0)
		return;
	table_init(&table, (const char *const[]){"file", "why"}, 2);
	for (size_t i = 0; i < left->count; i++)
		table_add(&table, (const char *const[]){left->paths[i], left->reasons[i]});
	text_addf(ret, "\n%s:\n", title);
	table_render(&table, ret);
	table_finish(&table);
}

static json_t *
left_behind_json(const struct left_behind *left)
{
	json_t *json = json_array();

	for (size_t i = 0; i < left->count; i++)
		json_array_append_new(json, json_pack("{s:o, s:o}", "path", json_text(left->paths[i]),
		                                    "reason", json_text(left->reasons[i])));
	return json;
}

json_t *
giving_json(struct giving *giving)
{
	json_t *json = json_pack("{s:o, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:b}", "archives",
	        giving->archives, "stored", (json_int_t)giving->stored, "stored_bytes",
	        (json_int_t)giving->stored_bytes, "known", (json_int_t)giving->known, "refused",
	        (json_int_t)giving->refused.count, "passed_over", left_behind_json(&giving->passed),
	        "not_wanted", (json_int_t)giving->not_wanted, "removed", (json_int_t)giving->removed,
	        "stopped", (int)giving->stopped);

	giving->archives = NULL;
	return json;
}
