/*
 * Managing archives: removing, forgetting, pinning. On a clerk's thread or a command's; everything blocks on the
 * index writer, and is durable and noted in the audit when it returns.
 */
#include "server/admin/manage.h"

#include <stdio.h>
#include <string.h>

#include "server/admin/auth.h"
#include "server/jobs/json.h"
#include "storage/base/clock.h"
#include "storage/base/text.h"
#include "storage/index/pin_rows.h"
#include "storage/index/tombstone_rows.h"

/* What happened, with the digest that was named. */
static void
note(struct larder *larder, const struct manage_act *act, const char *what, const char *result)
{
	char subject[DIGEST_TEXT_MAX];
	struct audit audit = {.what = what, .subject = subject, .result = result, .detail = ""};

	digest_text(&act->digest, subject);
	audit_note(larder, act->caller, &audit);
}

/* ERR_UNKNOWN: it is not stored. */
static bool
find_stored(struct larder *larder, const struct digest *digest, struct archive *ret, struct err *err)
{
	char text[DIGEST_TEXT_MAX];

	switch (store_lookup(larder->store, digest, ret, err)) {
	case STORE_HIT:
		return true;
	case STORE_MISS:
		digest_text(digest, text);
		return err_set(err, ERR_UNKNOWN, "%s is not stored", text);
	case STORE_FAILED:
		break;
	}
	return false;
}

bool
manage_remove(struct larder *larder, const struct manage_act *act, json_t **ret, struct err *err)
{
	struct archive archive;
	enum store_answer found = store_lookup(larder->store, &act->digest, &archive, err);
	const bool stored = found == STORE_HIT;
	char text[DIGEST_TEXT_MAX];

	if (found == STORE_FAILED)
		return false;
	if (!store_remove(larder->store, &act->digest, act->caller->who, &archive, err)) {
		digest_text(&act->digest, text);
		return err_wrap(err, "%s", text);
	}
	note(larder, act, "remove", stored ? "removed" : "not stored, will not be fetched");
	*ret = json_pack("{s:b, s:o, s:I}", "removed", (int)stored, "digests", json_digests(&archive.digests),
	        "size", (json_int_t)archive.size_bytes);
	return true;
}

bool
manage_forget(struct larder *larder, const struct manage_act *act, json_t **ret, struct err *err)
{
	struct index *index = store_index(larder->store);
	struct tombstone tombstone;
	enum row_answer answer = tombstone_row_find(index, &act->digest, &tombstone, err);
	char text[DIGEST_TEXT_MAX];

	if (answer == ROW_FOUND)
		answer = tombstone_row_lift(index, &act->digest, err);
	switch (answer) {
	case ROW_FAILED:
		return false;
	case ROW_NONE:
		digest_text(&act->digest, text);
		return err_set(err, ERR_NOT_FOUND, "%s was not removed, so there is nothing to forget", text);
	case ROW_FOUND:
		break;
	}
	note(larder, act, "forget", "forgotten");
	*ret = json_pack("{s:b, s:o}", "forgotten", 1, "digests", json_digests(&tombstone.digests));
	return true;
}

bool
manage_pin(struct larder *larder, const struct manage_act *act, json_t **ret, struct err *err)
{
	struct pin pin = {.at_ms = clock_wall_ms()};
	struct archive archive;

	if (!find_stored(larder, &act->digest, &archive, err))
		return false;
	memcpy(pin.sha256, archive.digests.sha256, sizeof pin.sha256);
	snprintf(pin.who, sizeof pin.who, "%s", act->caller->who);
	if (!pin_row_add(store_index(larder->store), &pin, err))
		return false;
	note(larder, act, "pin", "pinned");
	*ret = json_pack("{s:b, s:o}", "pinned", 1, "digests", json_digests(&archive.digests));
	return true;
}

/* Pins go by sha256; one that is named so may be without its archive. */
static bool
find_pinned(struct larder *larder, const struct digest *digest, struct digests *ret, struct err *err)
{
	struct archive archive;

	if (find_stored(larder, digest, &archive, err)) {
		*ret = archive.digests;
		return true;
	}
	if (err->code != ERR_UNKNOWN || digest->algo != DIGEST_SHA256)
		return false;
	*ret = (struct digests){0};
	digests_put(ret, digest);
	return true;
}

bool
manage_unpin(struct larder *larder, const struct manage_act *act, json_t **ret, struct err *err)
{
	struct digests digests;
	char text[DIGEST_TEXT_MAX];

	if (!find_pinned(larder, &act->digest, &digests, err))
		return false;
	switch (pin_row_remove(store_index(larder->store), digests.sha256, err)) {
	case ROW_FAILED:
		return false;
	case ROW_NONE:
		digest_text(&act->digest, text);
		return err_set(err, ERR_NOT_FOUND, "%s is not pinned", text);
	case ROW_FOUND:
		break;
	}
	note(larder, act, "unpin", "unpinned");
	*ret = json_pack("{s:b, s:o}", "pinned", 0, "digests", json_digests(&digests));
	return true;
}

/* --- the API --- */

typedef bool manage_fn(struct larder *larder, const struct manage_act *act, json_t **ret, struct err *err);

static bool
answer(struct request *request, manage_fn *manage, struct api_answer *ret, struct err *err)
{
	struct manage_act act = {.digest = request->digest, .caller = &request->caller};

	ret->status = 200;
	return manage(request->larder, &act, &ret->json, err);
}

bool
api_remove(struct request *request, struct api_answer *ret, struct err *err)
{
	return answer(request, manage_remove, ret, err);
}

bool
api_forget(struct request *request, struct api_answer *ret, struct err *err)
{
	return answer(request, manage_forget, ret, err);
}

bool
api_pin(struct request *request, struct api_answer *ret, struct err *err)
{
	return answer(request, manage_pin, ret, err);
}

bool
api_unpin(struct request *request, struct api_answer *ret, struct err *err)
{
	return answer(request, manage_unpin, ret, err);
}
