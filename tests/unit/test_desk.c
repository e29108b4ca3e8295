/*
 * The desk: clerks answer while requests are parked, no more wait than may, and nobody is left parked. The
 * replies are stand-ins that note what they were given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "server/admin/metrics.h"
#include "server/http/desk.h"
#include "server/http/reply.h"
#include "storage/base/text.h"

/* What the last reply was. */
static struct {
	int status;
	enum err_code code;
	bool has_json;
	const char *location;
} replied;
static uint64_t counted[METRICS];

enum outcome
reply_error(struct request *request, const struct err *err)
{
	(void)request;
	replied.code = err->code;
	replied.status = err_http_status(err->code);
	return REPLIED;
}

enum outcome
reply_json(struct request *request, int status, json_t *value)
{
	replied.status = status;
	replied.has_json = true;
	replied.location = request->location;
	json_decref(value);
	return REPLIED;
}

enum outcome
reply_empty(struct request *request, int status)
{
	(void)request;
	replied.status = status;
	replied.has_json = false;
	return REPLIED;
}

void
metrics_add(struct metrics *metrics, enum metric metric, uint64_t count)
{
	(void)metrics;
	counted[metric] += count;
}

/* A request that can be parked, woken and waited for. */
struct client {
	struct request request;
	int parked, woken; /* guarded by mutex, like all of this test */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int working; /* clerks inside wait_at_gate */
static bool gate_is_open;

static struct client *
client_of(struct waiter *waiter)
{
	return (struct client *)(void *)((char *)waiter - offsetof(struct request, waiter));
}

static void
note_parked(struct waiter *waiter)
{
	pthread_mutex_lock(&mutex);
	client_of(waiter)->parked++;
	pthread_mutex_unlock(&mutex);
}

static void
note_woken(struct waiter *waiter)
{
	pthread_mutex_lock(&mutex);
	client_of(waiter)->woken++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

static void
wait_until_woken(struct client *client)
{
	pthread_mutex_lock(&mutex);
	while (client->woken == 0)
		pthread_cond_wait(&changed, &mutex);
	pthread_mutex_unlock(&mutex);
}

static void
client_init(struct client *client)
{
	*client = (struct client){.request.waiter = {.park = note_parked, .wake = note_woken}};
}

static struct desk *
a_desk(void)
{
	struct err err = ERR_NONE;
	struct desk *desk = desk_create(NULL, &err);

	assert_non_null(desk);
	memset(counted, 0, sizeof counted);
	gate_is_open = false;
	working = 0;
	return desk;
}

/* Parks, waits for the clerk, and takes the answer. */
static void
ask(struct desk *desk, struct client *client, api_fn *api)
{
	client_init(client);
	memset(&replied, 0, sizeof replied);
	assert_int_equal(desk_take(desk, &client->request, api), PARKED);
	assert_int_equal(client->parked, 1);
	wait_until_woken(client);
	assert_int_equal(replied.status, 0);
	assert_int_equal(desk_take(desk, &client->request, api), REPLIED);
}

static bool
make_something(struct request *request, struct api_answer *ret, struct err *err)
{
	(void)request;
	(void)err;
	*ret = (struct api_answer){
	        .status = 202, .json = json_object(), .location = xstrdup("/api/v1/jobs/1")};
	return true;
}

static bool
make_nothing(struct request *request, struct api_answer *ret, struct err *err)
{
	(void)request;
	(void)err;
	ret->status = 204;
	return true;
}

static bool
refuse(struct request *request, struct api_answer *ret, struct err *err)
{
	(void)request;
	(void)ret;
	return err_set(err, ERR_TAKEN, "it is taken");
}

static void
a_clerk_answers_while_the_request_is_parked(void **state)
{
	struct desk *desk = a_desk();
	struct client client;

	(void)state;
	ask(desk, &client, make_something);
	assert_int_equal(replied.status, 202);
	assert_true(replied.has_json);
	assert_string_equal(replied.location, "/api/v1/jobs/1");
	desk_forget(&client.request);
	assert_null(client.request.desk);
	ask(desk, &client, make_nothing);
	assert_int_equal(replied.status, 204);
	assert_false(replied.has_json);
	desk_forget(&client.request);
	ask(desk, &client, refuse);
	assert_int_equal(replied.code, ERR_TAKEN);
	desk_forget(&client.request);
	desk_destroy(desk);
}

static bool
wait_at_gate(struct request *request, struct api_answer *ret, struct err *err)
{
	(void)request;
	(void)err;
	pthread_mutex_lock(&mutex);
	working++;
	pthread_cond_broadcast(&changed);
	while (!gate_is_open)
		pthread_cond_wait(&changed, &mutex);
	pthread_mutex_unlock(&mutex);
	ret->status = 204;
	return true;
}

static void
take(struct desk *desk, struct client *client)
{
	client_init(client);
	assert_int_equal(desk_take(desk, &client->request, wait_at_gate), PARKED);
}

static void
wait_until_all_clerks_work(void)
{
	pthread_mutex_lock(&mutex);
	while (working < DESK_CLERKS)
		pthread_cond_wait(&changed, &mutex);
	pthread_mutex_unlock(&mutex);
}

static void
open_gate(void)
{
	pthread_mutex_lock(&mutex);
	gate_is_open = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

static void
so_many_wait_and_no_more_and_nobody_is_left(void **state)
{
	enum { ALL = DESK_CLERKS + DESK_WAITING_MAX };
	static struct client clients[ALL], late;
	struct desk *desk = a_desk();

	(void)state;
	for (int i = 0; i < DESK_CLERKS; i++)
		take(desk, &clients[i]);
	wait_until_all_clerks_work();
	for (int i = DESK_CLERKS; i < ALL; i++)
		take(desk, &clients[i]);
	client_init(&late);
	assert_int_equal(desk_take(desk, &late.request, wait_at_gate), REPLIED);
	assert_int_equal(replied.code, ERR_OVERLOADED);
	assert_int_equal(late.parked, 0);
	assert_int_equal(counted[METRIC_LIMIT_DESK], 1);
	open_gate();
	desk_close(desk);
	for (int i = 0; i < ALL; i++) {
		assert_int_equal(clients[i].woken, 1);
		assert_int_equal(desk_take(desk, &clients[i].request, wait_at_gate), REPLIED);
		assert_int_equal(replied.status, 204);
		desk_forget(&clients[i].request);
	}
	desk_destroy(desk);
}

static void
who_comes_after_the_close_is_told(void **state)
{
	struct desk *desk = a_desk();
	struct client client;

	(void)state;
	desk_close(desk);
	desk_close(desk);
	ask(desk, &client, make_nothing);
	assert_int_equal(replied.code, ERR_STOPPING);
	desk_forget(&client.request);
	desk_forget(&client.request);
	desk_destroy(desk);
	desk_close(NULL);
	desk_destroy(NULL);
}

static void
bodies_in_memory_have_a_limit_all_together(void **state)
{
	struct desk *desk = a_desk();
	struct err err = ERR_NONE;

	(void)state;
	assert_true(desk_hold_text(desk, DESK_TEXT_MAX - 10, &err));
	assert_false(desk_hold_text(desk, 11, &err));
	assert_int_equal(err.code, ERR_OVERLOADED);
	assert_int_equal(counted[METRIC_LIMIT_BODY_MEMORY], 1);
	assert_true(desk_hold_text(desk, 10, &err));
	desk_release_text(desk, 11);
	assert_true(desk_hold_text(desk, 11, &err));
	desk_destroy(desk);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_clerk_answers_while_the_request_is_parked),
	        cmocka_unit_test(so_many_wait_and_no_more_and_nobody_is_left),
	        cmocka_unit_test(who_comes_after_the_close_is_told),
	        cmocka_unit_test(bodies_in_memory_have_a_limit_all_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
