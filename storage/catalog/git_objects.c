/*
 * Objects through libgit2, which says of what is damaged what it is. Identities are not computed anew, as git itself
 * does not when it reads a pack. Nothing is kept in libgit2's own cache of objects, since each is wanted about once; what
 * deltas are built on is in another one. One thread.
 */
#include "storage/catalog/git_objects.h"

#include <git2.h>
#include <pthread.h>
#include <string.h>

#include "storage/base/text.h"
#include "storage/catalog/git_memory.h"

#define COMMIT_MAX  (1u << 20)
#define READS_BLIND 64 /* objects between two looks at whether to go on */

struct git_objects {
	git_odb *odb;
	const struct git_place *place;
	unsigned reads;
};

static const char *
reason(void)
{
	const git_error *error = git_error_last();

	return error != NULL && error->message != NULL ? error->message : "no reason given";
}

/* Of libgit2, which is never shut down: other threads may be at it. */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
start(void)
{
	git_memory_limit();
	git_libgit2_init();
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
	git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0);
}

struct git_objects *
git_objects_open(const struct git_place *place, struct err *err)
{
	AUTO_TEXT directory = TEXT_EMPTY;
	struct git_objects *objects;
	git_odb *odb;

	pthread_once(&once, start);
	if (place->objects != NULL)
		text_add(&directory, place->objects);
	else
		text_addf(&directory, "%s/objects", place->directory);
	if (git_odb_open(&odb, text_string(&directory)) != 0) {
		err_set(err, ERR_SYNTAX, "its objects cannot be read: %s", reason());
		return NULL;
	}
	objects = xcalloc(1, sizeof *objects);
	objects->odb = odb;
	objects->place = place;
	return objects;
}

void
git_objects_close(struct git_objects *objects)
{
	if (objects == NULL)
		return;
	git_odb_free(objects->odb);
	free(objects);
}

/* False, with err, whatever libgit2 answered. */
static bool
failed(int code, const uint8_t *id, git_object_t type, struct err *err)
{
	char hex[GIT_HEX_SIZE], why[sizeof err->text];

	if (code == GIT_ENOTFOUND)
		return err_set(err, ERR_SYNTAX,
		        "it lacks some of its %s (a partial clone?); only a whole clone can be read",
		        type == GIT_OBJECT_BLOB ? "files" : "history");
	if (git_memory_was_limited())
		return err_set(err, ERR_TOO_LARGE, "a %s larger than the %u bytes allowed",
		        git_object_type2string(type), GIT_MEMORY_MAX);
	text_hex(id, GIT_ID_SIZE, hex);
	text_escape(reason(), why, sizeof why);
	return err_set(err, ERR_SYNTAX, "its object %s cannot be read: %s", hex, why);
}

/* What came is what was wanted. */
static bool
check(git_odb_object *object, git_object_t type, size_t max, struct err *err)
{
	if (git_odb_object_type(object) != type)
		return err_set(err, ERR_SYNTAX, "an object of it is a %s where a %s belongs",
		        git_object_type2string(git_odb_object_type(object)), git_object_type2string(type));
	return git_odb_object_size(object) <= max ||
	       err_set(err, ERR_TOO_LARGE, "a %s of %zu bytes, of which %zu are allowed",
	               git_object_type2string(type), git_odb_object_size(object), max);
}

static bool
read_object(struct git_objects *objects, const uint8_t *bytes, git_object_t type, size_t max,
        struct git_held *ret, struct err *err)
{
	git_odb_object *object;
	git_oid id;
	int code;

	git_held_release(ret);
	memcpy(id.id, bytes, GIT_ID_SIZE);
	if (objects->reads++ % READS_BLIND == 0 && !git_may_go_on(objects->place, err))
		return false;
	code = git_odb_read(&object, objects->odb, &id);
	if (code != 0)
		return failed(code, bytes, type, err);
	*ret = (struct git_held){.bytes = git_odb_object_data(object),
	        .length = git_odb_object_size(object),
	        .object = object};
	if (check(object, type, max, err))
		return true;
	git_held_release(ret);
	return false;
}

bool
git_objects_read(struct git_objects *objects, const uint8_t *id, enum git_kind kind, size_t max,
        struct git_held *ret, struct err *err)
{
	return read_object(objects, id, kind == GIT_BLOB ? GIT_OBJECT_BLOB : GIT_OBJECT_TREE, max, ret, err);
}

/* A commit begins with "tree <identity>\n". */
bool
git_objects_tree_of(
        struct git_objects *objects, const uint8_t *commit, uint8_t ret[GIT_ID_SIZE], struct err *err)
{
	struct git_held held = {0};
	char hex[GIT_HEX_SIZE];
	bool good;

	if (!read_object(objects, commit, GIT_OBJECT_COMMIT, COMMIT_MAX, &held, err))
		return false;
	good = held.length > strlen("tree ") + GIT_HEX_SIZE && memcmp(held.bytes, "tree ", 5) == 0;
	if (good) {
		memcpy(hex, held.bytes + strlen("tree "), GIT_HEX_SIZE - 1);
		hex[GIT_HEX_SIZE - 1] = '\0';
		good = text_unhex(hex, ret, GIT_ID_SIZE);
	}
	git_held_release(&held);
	return good || err_set(err, ERR_SYNTAX, "a commit of it is damaged");
}

void
git_held_release(struct git_held *held)
{
	git_odb_object_free(held->object);
	*held = (struct git_held){0};
}
