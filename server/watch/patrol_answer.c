/*
 * Answers: what an origin said becomes a contact for the catalog, or another question, or another time. patrol_answered runs on
 * whichever thread answers and only copies; all else on the patrol's thread. Nothing is called PRESENT that does not agree with
 * what is known.
 */
#include <string.h>

#include "server/admin/metrics.h"
#include "server/config.h"
#include "server/watch/patrol_parts.h"
#include "storage/base/log.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/site.h"

static void
copy_text(const char *text, char *ret, size_t size)
{
	text_escape(text != NULL ? text : "", ret, size);
}

void
patrol_answered(void *context, const struct probe_answer *answer)
{
	struct asking *asking = context;
	const struct contact *contact = &answer->contact;
	struct heard *heard = &asking->heard;

	*heard = (struct heard){.result = contact->result,
	        .status = contact->status,
	        .took_ms = contact->took_ms,
	        .length = contact->length,
	        .rest_ms = answer->retry_after_ms > 0 ? answer->retry_after_ms : 0,
	        .doubtful = answer->doubtful,
	        .forbidden = answer->forbidden,
	        .own_word = contact->own_word,
	        .intake = answer->intake};
	if (answer->digests != NULL)
		heard->digests = *answer->digests;
	copy_text(answer->ended_at, heard->ended_at, sizeof heard->ended_at);
	copy_text(contact->detail, heard->detail, sizeof heard->detail);
	copy_text(contact->etag, heard->etag, sizeof heard->etag);
	copy_text(contact->modified, heard->modified, sizeof heard->modified);
	mailbox_post(&asking->patrol->mailbox, &asking->chore.letter);
}

/* --- the ends of an asking --- */

static void
count_contact(struct patrol *patrol, enum origin_result result)
{
	static const enum metric metrics[ORIGIN_RESULTS] = {
	        [ORIGIN_UNTRIED] = METRIC_WATCH_UNASKED,
	        [ORIGIN_SERVED] = METRIC_WATCH_SERVED,
	        [ORIGIN_GONE] = METRIC_WATCH_GONE,
	        [ORIGIN_CHANGED] = METRIC_WATCH_CHANGED,
	        [ORIGIN_FAILED] = METRIC_WATCH_FAILED,
	        [ORIGIN_PRESENT] = METRIC_WATCH_PRESENT,
	};

	metrics_add(patrol->options.metrics, metrics[result], 1);
}

/* A witness has spoken, or has nothing to say yet. */
static void
dismiss_witness(struct patrol *patrol, struct asking *asking)
{
	if (asking->reason != ASKED_AS_WITNESS)
		return;
	asking->reason = ASKED_IN_TURN;
	patrol->witnesses--;
}

static struct contact
contact_of(const struct asking *asking, struct moment now)
{
	const struct heard *heard = &asking->heard;

	return (struct contact){.origin_id = asking->id,
	        .asked = asking->name,
	        .url = asking->url,
	        .result = heard->result,
	        .status = heard->status,
	        .detail = heard->detail,
	        .took_ms = heard->took_ms,
	        .etag = heard->etag,
	        .modified = heard->modified,
	        .length = heard->length,
	        .at_ms = now.wall_ms,
	        .own_word = heard->own_word};
}

/* The catalog is told, and gauges may have something new to show. */
static void
tell(struct patrol *patrol, struct asking *asking, struct moment now)
{
	struct contact contact = contact_of(asking, now);
	enum origin_result result = asking->heard.result;
	bool good = result == ORIGIN_SERVED || result == ORIGIN_PRESENT;

	catalog_contact(store_catalog(patrol->options.store), &contact);
	count_contact(patrol, result);
	dismiss_witness(patrol, asking);
	patrol->news = patrol->news || !good || asking->memory.state != ORIGIN_IS_SERVING;
	if (good)
		return;
	host_failed(asking->host, now.wall_ms);
	patrol->failed = true;
}

static void
tell_and_settle(struct patrol *patrol, struct asking *asking, struct moment now)
{
	tell(patrol, asking, now);
	patrol_settle(patrol, asking, 0, now);
}

void
patrol_put_off(struct patrol *patrol, struct asking *asking, int64_t not_before_ms, struct moment now)
{
	int64_t at_ms = host_put_off(patrol->hosts, asking->host, not_before_ms, now.wall_ms);

	count_contact(patrol, ORIGIN_UNTRIED);
	dismiss_witness(patrol, asking);
	patrol_settle(patrol, asking, at_ms, now);
}

/* --- hosts that want to be left alone --- */

static int64_t
rest(struct patrol *patrol, struct asking *asking, int64_t for_ms, struct moment now)
{
	int64_t until_ms = now.wall_ms + (for_ms < HOSTS_REST_MAX_MS ? for_ms : HOSTS_REST_MAX_MS);
	const char *name = host_name(asking->host);
	char until[TEXT_TIME_MAX];

	text_time(until_ms, until);
	host_rest(asking->host, until_ms);
	metrics_add(patrol->options.metrics, METRIC_WATCH_RESTS, 1);
	patrol_remember_rest(patrol, name, until_ms, now);
	log_info("%s answers %d: the patrol leaves it alone until %s", name, asking->heard.status, until);
	return until_ms;
}

/* Larder may not ask it: that is no failure of the origin's, but people who look at it are told. */
static void
tell_forbidden(struct patrol *patrol, const struct asking *asking, struct moment now)
{
	struct contact contact = contact_of(asking, now);

	catalog_contact(store_catalog(patrol->options.store), &contact);
}

/* True: the answer was about the host and not about the archive. */
static bool
is_about_the_host(struct patrol *patrol, struct asking *asking, struct moment now)
{
	const struct heard *heard = &asking->heard;
	int64_t rest_ms = heard->rest_ms;

	if (heard->status == 429) {
		patrol_put_off(patrol, asking,
		        rest(patrol, asking, rest_ms > HOSTS_REST_MS ? rest_ms : HOSTS_REST_MS, now), now);
		return true;
	}
	if (heard->result == ORIGIN_UNTRIED) {
		if (rest_ms > 0)
			host_rest(asking->host, now.wall_ms + rest_ms);
		if (heard->forbidden)
			tell_forbidden(patrol, asking, now);
		patrol_put_off(
		        patrol, asking, now.wall_ms + (rest_ms > 0 ? rest_ms : PATROL_UNASKED_MS), now);
		return true;
	}
	if (heard->status == 503 && rest_ms > 0)
		(void)rest(patrol, asking, rest_ms, now);
	return false;
}

/* --- how it is asked --- */

/* Whoever it was redirected to has been asked as well. */
static void
charge_where_it_ended(struct patrol *patrol, const struct asking *asking, struct moment now)
{
	const char *name = asking->heard.ended_at;

	if (name[0] != '\0' && strcmp(name, host_name(asking->host)) != 0)
		host_charge(patrol->hosts, hosts_get(patrol->hosts, name, strlen(name)), now.ms);
}

static void
ask_again(struct patrol *patrol, struct asking *asking, enum probe_kind kind)
{
	asking->kind = kind;
	asking->state = ASKING_WAITS;
	patrol->outstanding--;
}

/* HEAD came to nothing good: what that says of the archive only a GET can tell, since some servers answer the two differently. */
static void
confirm_by_get(struct patrol *patrol, struct asking *asking)
{
	asking->doubted = true;
	asking->head = asking->heard;
	ask_again(patrol, asking, PROBE_RANGE);
}

/*
 * The GET was not made, most likely since the host is left alone by now after one failure too many. What it answered to HEAD is a
 * failure all the same; that the archive is gone is not said without a GET.
 */
static bool
has_only_head(const struct asking *asking)
{
	return asking->doubted && asking->kind == PROBE_RANGE && asking->heard.result == ORIGIN_UNTRIED &&
	       asking->head.result == ORIGIN_FAILED;
}

/* --- what is there --- */

/* Larger than all that may ever be downloaded, so that waiting is no use. */
static bool
is_too_large(const struct patrol *patrol, const struct asking *asking)
{
	const struct config *config = patrol->options.config;
	uint64_t bytes = asking->heard.length >= 0 ? (uint64_t)asking->heard.length : 0;

	return bytes > config->fetch.max_archive || bytes > config->watch.full_per_day ||
	       config->watch.full_per_day == 0;
}

void
patrol_lacks_budget(struct patrol *patrol, struct asking *asking, struct moment now)
{
	uint64_t bytes = asking->heard.length >= 0 ? (uint64_t)asking->heard.length : PATROL_GUESS_BYTES;
	int64_t wait_ms = budget_wait_ms(&patrol->budget, bytes);
	int64_t day_ms = schedule_chance(&patrol->schedule, asking->id, now.wall_ms, SCHEDULE_DAILY_MS);
	int64_t at_ms = now.wall_ms + wait_ms + day_ms;

	metrics_add(patrol->options.metrics, METRIC_LIMIT_WATCH_FULL, 1);
	if (is_too_large(patrol, asking))
		at_ms = now.wall_ms + patrol->schedule.interval_ms - day_ms;
	if (asking->need == NEED_CHECK)
		at_ms = 0; /* another visit will be chosen */
	else if (at_ms <= now.wall_ms)
		at_ms = now.wall_ms + 1;
	if (asking->need != NEED_PROOF)
		tell(patrol, asking, now);
	patrol_settle(patrol, asking, at_ms, now);
}

/* It answered as if all were well. */
static void
take_present(struct patrol *patrol, struct asking *asking, struct moment now)
{
	enum need need = NEED_NOTHING;
	struct err err = ERR_NONE;

	if (!patrol_weigh(patrol, asking, now, &need, &err)) {
		patrol_trouble(patrol, &err, now);
		patrol_put_off(patrol, asking, now.wall_ms + PATROL_TROUBLE_MS, now);
		return;
	}
	if (need == NEED_NOTHING) {
		tell_and_settle(patrol, asking, now);
		return;
	}
	dismiss_witness(patrol, asking);
	asking->need = need;
	ask_again(patrol, asking, PROBE_WHOLE);
	if (is_too_large(patrol, asking))
		patrol_lacks_budget(patrol, asking, now);
}

/* --- whole archives --- */

/* A thread of the store. */
static void
committed(void *context, enum intake_result result, const struct err *err)
{
	struct asking *asking = context;

	asking->committed = result;
	asking->err = result == INTAKE_REFUSED ? *err : ERR_NONE;
	intake_close(asking->heard.intake);
	asking->heard.intake = NULL;
	mailbox_post(&asking->patrol->mailbox, &asking->chore.letter);
}

static void
say_committed(struct patrol *patrol, const struct asking *asking)
{
	switch (asking->committed) {
	case INTAKE_STORED:
		metrics_add(patrol->options.metrics, METRIC_WATCH_RESCUED, 1);
		log_info("%s is stored: the patrol found it there, and it was not", asking->url);
		break;
	case INTAKE_REFUSED:
		if (asking->err.code == ERR_REMOVED)
			break;
		log_warning("%s was there but is not stored: %s", asking->url, asking->err.text);
		break;
	case INTAKE_KNOWN:
		break;
	}
}

/* Right, but not in the store. What cannot be looked up counts as stored; it is asked again in time. */
static bool
is_missing(struct patrol *patrol, const struct asking *asking)
{
	int64_t stored_bytes = 0;
	struct err err = ERR_NONE;

	return patrol_stored(patrol, asking, &stored_bytes, &err) && stored_bytes < 0;
}

/* Right bytes: they are kept where they are not yet; not those that were only looked at, or the world would come in that way. */
static void
take_right(struct patrol *patrol, struct asking *asking, struct moment now)
{
	tell(patrol, asking, now);
	if (asking->need != NEED_CHECK && is_missing(patrol, asking)) {
		asking->state = ASKING_COMMITS;
		intake_commit(asking->heard.intake, committed, asking);
		return;
	}
	intake_close(asking->heard.intake);
	asking->heard.intake = NULL;
	patrol_settle(patrol, asking, 0, now);
}

static void
take_other(struct patrol *patrol, struct asking *asking, struct moment now)
{
	struct contact contact = contact_of(asking, now);
	struct intake *intake = asking->heard.intake;

	asking->heard.intake = NULL;
	tell(patrol, asking, now);
	if (patrol->options.drifted != NULL)
		patrol->options.drifted(patrol->options.drifted_context, &contact, intake);
	else
		intake_close(intake);
	patrol_settle(patrol, asking, 0, now);
}

static void
take_whole(struct patrol *patrol, struct asking *asking, struct moment now)
{
	struct heard *heard = &asking->heard;

	budget_spend(&patrol->budget, (int64_t)intake_size(heard->intake) - asking->spent);
	if (digests_satisfy(&heard->digests, &asking->digests)) {
		heard->result = ORIGIN_SERVED;
		take_right(patrol, asking, now);
	} else {
		heard->result = ORIGIN_CHANGED;
		take_other(patrol, asking, now);
	}
}

/* --- letters --- */

static void
take_answer(struct patrol *patrol, struct asking *asking, struct moment now)
{
	const struct heard *heard = &asking->heard;

	host_end(asking->host);
	charge_where_it_ended(patrol, asking, now);
	patrol->under_way--;
	patrol->whole -= asking->kind == PROBE_WHOLE;
	if (heard->intake != NULL) {
		take_whole(patrol, asking, now);
		return;
	}
	if (has_only_head(asking)) {
		asking->heard = asking->head;
		tell_and_settle(patrol, asking, now);
		return;
	}
	if (is_about_the_host(patrol, asking, now))
		return;
	if (asking->kind == PROBE_HEAD && heard->doubtful) {
		confirm_by_get(patrol, asking);
		return;
	}
	if (heard->result != ORIGIN_PRESENT || asking->kind == PROBE_WHOLE) {
		tell_and_settle(patrol, asking, now);
		return;
	}
	if (asking->doubted)
		host_refused_head(asking->host);
	take_present(patrol, asking, now);
}

static void
take_settled(struct patrol *patrol, struct asking *asking, struct moment now)
{
	patrol->outstanding--;
	if (asking->err.code != ERR_OK)
		patrol_trouble(patrol, &asking->err, now);
	patrol_release(patrol, asking);
}

void
patrol_take_letter(struct patrol *patrol, struct letter *letter, struct moment now)
{
	struct asking *asking = (struct asking *)letter;

	if (letter == &patrol->stop)
		return;
	switch (asking->state) {
	case ASKING_UNDER_WAY:
		take_answer(patrol, asking, now);
		break;
	case ASKING_COMMITS:
		say_committed(patrol, asking);
		patrol_settle(patrol, asking, 0, now);
		break;
	case ASKING_SETTLES:
		take_settled(patrol, asking, now);
		break;
	case ASKING_WAITS:
		break;
	}
}

void
patrol_take_letters(struct patrol *patrol, struct moment now)
{
	struct letter *letter;

	for (letter = mailbox_take(&patrol->mailbox, 0); letter != NULL;
	        letter = mailbox_take(&patrol->mailbox, 0))
		patrol_take_letter(patrol, letter, now);
}

void
patrol_drain(struct patrol *patrol)
{
	while (patrol->outstanding > 0) {
		struct letter *letter = mailbox_take(&patrol->mailbox, -1);
		struct asking *asking = (struct asking *)letter;

		if (letter == &patrol->stop)
			continue;
		if (asking->state == ASKING_UNDER_WAY) {
			host_end(asking->host);
			intake_close(asking->heard.intake);
		}
		patrol->outstanding--;
		patrol_release(patrol, asking);
	}
}
