/*
 * Uploads. The body comes on the worker's thread, which writes it to the intake piece by piece; the store's threads
 * make it durable while the request is parked.
 *
 *   COMES ── the end of the body, and it is right ──→ STORING ── the store's answer ──→ ANSWERED
 *
 * Must never: say that an archive is stored before it is durable; read a body that is refused anyway.
 */
#include "server/admin/upload.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/admin/donation.h"
#include "server/admin/metrics.h"
#include "server/archive/flights.h"
#include "server/config.h"
#include "server/http/reply.h"
#include "server/jobs/json.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/intake.h"

#define DONATIONS_SHARE 2   /* of uploads.at_once, one in so many */
#define LOCATION_MAX    160 /* "/sha256/ab/abcd…" */

struct uploads {
	struct larder *larder;
	struct per_address *donors;
	pthread_mutex_t mutex; /* guards what follows; a leaf */
	pthread_cond_t stored; /* storing became 0 */
	int64_t under_way, donations;
	int64_t storing; /* parked until the store answers */
	bool closed;
};

enum upload_state { UPLOAD_COMES, UPLOAD_STORING, UPLOAD_ANSWERED };

/* By somebody whom we gave a token, or who is on this machine; or by anybody. */
enum upload_source { UPLOAD_BY_RIGHT, UPLOAD_DONATED };

struct upload {
	struct request *request;
	enum upload_source source;
	bool has_place; /* counted in uploads.under_way */
	uint64_t max_bytes;
	struct intake *intake;
	struct digests digests; /* of the bytes, once all are there */
	uint64_t size_bytes;
	/* The store's thread writes these before it wakes the worker. */
	enum upload_state state;
	enum intake_result result;
	struct err err;
	char location[LOCATION_MAX];
};

struct uploads *
uploads_create(struct larder *larder)
{
	const struct per_address_options donors = {.max = larder->config->donations.per_hour,
	        .window_ms = DONATIONS_WINDOW_MS,
	        .metrics = larder->metrics,
	        .forgotten = METRIC_LIMIT_DONORS};
	struct uploads *uploads = xcalloc(1, sizeof *uploads);

	uploads->larder = larder;
	uploads->donors = per_address_create(&donors);
	pthread_mutex_init(&uploads->mutex, NULL);
	pthread_cond_init(&uploads->stored, NULL);
	return uploads;
}

void
uploads_close(struct uploads *uploads)
{
	if (uploads == NULL)
		return;
	pthread_mutex_lock(&uploads->mutex);
	uploads->closed = true;
	while (uploads->storing > 0)
		pthread_cond_wait(&uploads->stored, &uploads->mutex);
	pthread_mutex_unlock(&uploads->mutex);
}

void
uploads_destroy(struct uploads *uploads)
{
	if (uploads == NULL)
		return;
	assert(uploads->under_way == 0 && uploads->storing == 0);
	per_address_destroy(uploads->donors);
	pthread_cond_destroy(&uploads->stored);
	pthread_mutex_destroy(&uploads->mutex);
	free(uploads);
}

static bool
was_accepted(const struct upload *upload)
{
	return upload->state == UPLOAD_ANSWERED && upload->result != INTAKE_REFUSED;
}

/* --- before the body --- */

static bool
take_place(struct upload *upload, struct err *err)
{
	struct larder *larder = upload->request->larder;
	struct uploads *uploads = larder->uploads;
	const int64_t most = larder->config->uploads.at_once;
	bool donated = upload->source == UPLOAD_DONATED;

	pthread_mutex_lock(&uploads->mutex);
	upload->has_place =
	        uploads->under_way < most && (!donated || uploads->donations < (most + 1) / DONATIONS_SHARE);
	uploads->under_way += upload->has_place;
	uploads->donations += upload->has_place && donated;
	pthread_mutex_unlock(&uploads->mutex);
	if (upload->has_place)
		return true;
	metrics_add(larder->metrics, METRIC_LIMIT_UPLOADS, 1);
	return err_set(err, ERR_OVERLOADED,
	        "as many uploads are under way as uploads.at_once allows; try again in a moment");
}

static void
leave_place(struct upload *upload)
{
	struct uploads *uploads = upload->request->larder->uploads;

	if (!upload->has_place)
		return;
	pthread_mutex_lock(&uploads->mutex);
	uploads->under_way--;
	uploads->donations -= upload->source == UPLOAD_DONATED;
	pthread_mutex_unlock(&uploads->mutex);
}

/* What was named or, once it is known, what the bytes are. False: a POST whose bytes are not all here. */
static bool
subject_of(const struct request *request, struct digest *ret)
{
	const struct upload *upload = request->upload;

	if (request->method != METHOD_PUT || was_accepted(upload))
		return digests_get(&upload->digests, DIGEST_SHA256, ret);
	*ret = request->digest;
	return true;
}

static void
note(struct request *request, const char *result, const char *detail)
{
	const struct upload *upload = request->upload;
	char subject[DIGEST_TEXT_MAX] = "-";
	struct digest digest;
	struct audit audit = {.what = upload->source == UPLOAD_DONATED ? "donation" : "upload",
	        .subject = subject,
	        .result = result,
	        .detail = detail};

	if (subject_of(request, &digest))
		digest_text(&digest, subject);
	audit_note(request->larder, &request->caller, &audit);
}

/* "%41" is "A"; what is no such escape stays as it is. */
static void
decode_percent(const char *encoded, char *ret, size_t size)
{
	size_t length = 0;

	for (const char *at = encoded; *at != '\0' && length + 1 < size; at++) {
		int high = *at == '%' ? text_hex_digit(at[1]) : -1;
		int low = high >= 0 ? text_hex_digit(at[2]) : -1;
		char byte = *at;

		if (low >= 0 && (high | low) != 0) {
			byte = (char)(high << 4 | low);
			at += 2;
		}
		ret[length++] = byte;
	}
	ret[length] = '\0';
}

/* A command that runs here may say which file it was. */
static void
write_origin(const struct request *request, char ret[ARCHIVE_CAME_FROM_MAX])
{
	const char *named = request_header(request, UPLOAD_CAME_FROM);

	if (request->caller.kind == CALLER_CONTROL && named != NULL && named[0] != '\0')
		decode_percent(named, ret, ARCHIVE_CAME_FROM_MAX);
	else
		snprintf(ret, ARCHIVE_CAME_FROM_MAX, "upload by %s from %s", request->caller.who,
		        request->caller.from);
}

/*
 * A donation may not bring back what was removed. Its length is only what a stranger says, so nothing is reserved
 * for it.
 */
static struct intake *
open_intake(const struct upload *upload, struct err *err)
{
	const struct request *request = upload->request;
	char came_from[ARCHIVE_CAME_FROM_MAX];
	const bool donated = upload->source == UPLOAD_DONATED;
	struct intake_plan plan = {.expected_size = donated ? 0 : request->body.announced,
	        .max_size = upload->max_bytes,
	        .came_from = came_from,
	        .source = donated ? INTAKE_FETCHED : INTAKE_GIVEN};

	write_origin(request, came_from);
	return intake_open(request->larder->store, INTAKE_KEEP, &plan, err);
}

static bool
check_announced(const struct upload *upload, struct err *err)
{
	const uint64_t announced = upload->request->body.announced;

	if (announced <= upload->max_bytes)
		return true;
	return err_set(err, ERR_TOO_LARGE, "%llu bytes, of which at most %llu are allowed",
	        (unsigned long long)announced, (unsigned long long)upload->max_bytes);
}

static bool
admit(struct upload *upload, struct err *err)
{
	struct request *request = upload->request;

	if (!check_announced(upload, err) || !take_place(upload, err))
		return false;
	if (upload->source == UPLOAD_DONATED &&
	        !donation_admit(request->larder->uploads->donors, request, err))
		return false;
	upload->intake = open_intake(upload, err);
	return upload->intake != NULL;
}

static bool
begin(struct request *request, struct err *err)
{
	const struct config *config = request->larder->config;
	struct upload *upload = xcalloc(1, sizeof *upload);
	const bool donated = request->caller.kind == CALLER_UNKNOWN;

	upload->request = request;
	upload->source = donated ? UPLOAD_DONATED : UPLOAD_BY_RIGHT;
	request->upload = upload;
	upload->max_bytes = donated ? config->donations.max_archive : config->uploads.max_archive;
	request->body.max_bytes = UINT64_MAX; /* who is refused for ours stands in the audit */
	if (admit(upload, err))
		return true;
	/* Strangers do not fill the audit with what they were not let try. */
	if (!donated)
		note(request, "refused", err->text);
	return false;
}

/* --- the body --- */

/* Not every body has a length that could be refused beforehand. */
static bool
check_received(const struct upload *upload, struct err *err)
{
	if (upload->request->body.received <= upload->max_bytes)
		return true;
	return err_set(err, ERR_TOO_LARGE, "the body is larger than the %llu bytes that are allowed",
	        (unsigned long long)upload->max_bytes);
}

static bool
append(struct request *request, const void *bytes, size_t length, struct err *err)
{
	struct upload *upload = request->upload;

	metrics_add(request->larder->metrics, METRIC_UPLOAD_BYTES, length);
	if (check_received(upload, err) && intake_append(upload->intake, bytes, length, err))
		return true;
	note(request, "refused", err->text);
	return false;
}

static void
finish(struct request *request)
{
	struct upload *upload = request->upload;
	struct metrics *metrics = request->larder->metrics;

	assert(upload->state != UPLOAD_STORING);
	if (!was_accepted(upload))
		metrics_add(metrics, METRIC_UPLOADS_REFUSED, 1);
	if (request->status == err_http_status(ERR_TOO_LARGE))
		metrics_add(metrics, METRIC_LIMIT_UPLOAD_SIZE, 1);
	leave_place(upload);
	intake_close(upload->intake);
	free(upload);
	request->upload = NULL;
}

const struct body_kind body_upload = {.begin = begin, .append = append, .finish = finish};

/* --- the end of the body --- */

/* What a donor may not do is no 404 to him. */
static enum outcome
refuse(struct request *request, struct err *err)
{
	if (err->code == ERR_REMOVED)
		err->code = ERR_FORBIDDEN;
	if (err->code == ERR_COLLISION)
		log_warning("an upload by %s is refused: %s", request->caller.who, err->text);
	note(request, "refused", err->text);
	return reply_error(request, err);
}

/* What the bytes are, and why that is not what the path names. */
static bool
is_other(const struct request *request, const struct digests *digests, struct err *err)
{
	struct digest sha256 = {0};
	char are[DIGEST_TEXT_MAX], asked[DIGEST_TEXT_MAX];

	digests_get(digests, DIGEST_SHA256, &sha256);
	digest_text(&sha256, are);
	digest_text(&request->digest, asked);
	if (!digests_have(digests, &request->digest))
		return err_set(err, ERR_MISMATCH, "these bytes are %s, not %s", are, asked);
	return err_set(err, ERR_MISMATCH,
	        "these bytes are %s, and the catalog names another archive by their %s", are,
	        digest_algo_name(request->digest.algo));
}

/* The rule for what an origin serves holds for what people give, too. */
static bool
is_named(const struct request *request, const struct digests *digests, struct err *err)
{
	struct catalog_wanted wanted;

	if (!catalog_wanted(store_catalog(request->larder->store), &request->digest, &wanted, err))
		return false;
	return catalog_is_right(&wanted, &request->digest, digests) || is_other(request, digests, err);
}

/* From here on the request is parked until the store has answered, unless larder is past that. */
static bool
enter_store(struct uploads *uploads, struct err *err)
{
	bool may;

	pthread_mutex_lock(&uploads->mutex);
	may = !uploads->closed;
	uploads->storing += may;
	pthread_mutex_unlock(&uploads->mutex);
	return may || err_set(err, ERR_STOPPING, "larder is stopping; the archive is not stored");
}

static void
leave_store(struct uploads *uploads)
{
	pthread_mutex_lock(&uploads->mutex);
	uploads->storing--;
	if (uploads->storing == 0)
		pthread_cond_broadcast(&uploads->stored);
	pthread_mutex_unlock(&uploads->mutex);
}

/* On a thread of the store. The request may be over as soon as it is woken. */
static void
stored(void *context, enum intake_result result, const struct err *err)
{
	struct upload *upload = context;
	struct larder *larder = upload->request->larder;

	upload->result = result;
	if (result == INTAKE_REFUSED)
		upload->err = *err;
	else
		flights_stored(larder->flights, &upload->digests);
	upload->state = UPLOAD_ANSWERED;
	upload->request->waiter.wake(&upload->request->waiter);
	leave_store(larder->uploads);
}

/* Parked first, since the store may answer before this returns. */
static enum outcome
store(struct request *request)
{
	struct upload *upload = request->upload;
	struct err err = ERR_NONE;

	if (!enter_store(request->larder->uploads, &err))
		return refuse(request, &err);
	upload->state = UPLOAD_STORING;
	request->waiter.park(&request->waiter);
	intake_commit(upload->intake, stored, upload);
	return PARKED;
}

static void
take_digests(struct upload *upload)
{
	upload->size_bytes = intake_size(upload->intake);
	upload->digests = *intake_digests(upload->intake);
}

/* "/sha256/ab/abcd…" */
static void
write_location(struct upload *upload)
{
	char hex[DIGEST_HEX_MAX];

	text_hex(upload->digests.sha256, sizeof upload->digests.sha256, hex);
	snprintf(upload->location, sizeof upload->location, "/sha256/%.2s/%s", hex, hex);
}

/* "stored" or "known", which is also what the metrics, the audit and the status tell. */
static const char *
tell_result(struct request *request, int *ret_status)
{
	struct upload *upload = request->upload;
	const bool is_new = upload->result == INTAKE_STORED;
	const char *word = is_new ? "stored" : "known";

	metrics_add(request->larder->metrics, is_new ? METRIC_UPLOADS_STORED : METRIC_UPLOADS_KNOWN, 1);
	note(request, word, "");
	*ret_status = is_new ? 201 : 200;
	if (is_new) {
		write_location(upload);
		request->location = upload->location;
	}
	return word;
}

enum outcome
upload_put(struct request *request)
{
	struct upload *upload = request->upload;
	AUTO_TEXT body = TEXT_EMPTY;
	struct err err = ERR_NONE;
	struct digest sha256;
	char name[DIGEST_TEXT_MAX];
	int status;

	if (upload->state == UPLOAD_COMES) {
		take_digests(upload);
		return is_named(request, &upload->digests, &err) ? store(request) : refuse(request, &err);
	}
	if (upload->result == INTAKE_REFUSED)
		return refuse(request, &upload->err);
	digests_get(&upload->digests, DIGEST_SHA256, &sha256);
	digest_text(&sha256, name);
	text_addf(&body, "%s %s\n", tell_result(request, &status), name);
	return reply_text(request, status, "text/plain; charset=utf-8", &body);
}

enum outcome
upload_post(struct request *request)
{
	struct upload *upload = request->upload;
	struct err err = ERR_NONE;
	const char *result;
	int status;

	if (upload->state == UPLOAD_COMES) {
		take_digests(upload);
		if (upload->size_bytes > 0)
			return store(request);
		err_set(&err, ERR_BAD_REQUEST, "the body is empty; there is nothing to store");
		return refuse(request, &err);
	}
	if (upload->result == INTAKE_REFUSED)
		return refuse(request, &upload->err);
	result = tell_result(request, &status);
	return reply_json(request, status,
	        json_pack("{s:s, s:I, s:o}", "result", result, "size", (json_int_t)upload->size_bytes,
	                "digests", json_digests(&upload->digests)));
}
