/*
 * The client against a scripted origin: URLs, what goes out, what statuses mean, several at once, and servers
 * that misbehave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/upstream/client.h"
#include "storage/base/text.h"
#include "tests/support/scripted_origin.h"

#define NO_BODY (-1)

struct world {
	struct scripted_origin *origin;
	struct client *client;
};

static struct client *
client_of(struct scripted_origin *origin, const char *token)
{
	AUTO_TEXT url = TEXT_EMPTY;
	struct client_target target = {.token = token, .user_agent = "larder/test"};
	struct client *client;
	struct err err = ERR_NONE;

	text_addf(&url, "http://127.0.0.1:%u/base/", scripted_origin_port(origin));
	target.url = text_string(&url);
	client = client_create(&target, &err);
	assert_non_null(client);
	return client;
}

static int
set_up(void **state)
{
	struct world *world = xcalloc(1, sizeof *world);

	unsetenv("http_proxy");
	unsetenv("all_proxy");
	world->origin = scripted_origin_start();
	world->client = client_of(world->origin, "secret");
	*state = world;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *world = *state;

	client_destroy(world->client);
	scripted_origin_stop(world->origin);
	free(world);
	return 0;
}

static struct client_request
get(const char *path)
{
	return (struct client_request){.method = "GET", .path = path, .body_fd = NO_BODY};
}

/* Asks and waits. False: no answer came at all. */
static bool
ask(struct client *client, const struct client_request *request, struct client_answer *ret, struct err *err)
{
	client_send(client, request);
	assert_true(client_next(client, -1, ret));
	if (ret->err.code == ERR_OK)
		return true;
	*err = ret->err;
	client_answer_finish(ret);
	return false;
}

static struct client_answer
call(struct world *world, const struct client_request *request)
{
	struct client_answer answer;
	struct err err = ERR_NONE;

	if (!ask(world->client, request, &answer, &err))
		fail_msg("%s", err.text);
	return answer;
}

/* --- URLs --- */

static bool
is_url(const char *url)
{
	struct err err = ERR_NONE;
	struct client *client = client_create(&(struct client_target){.url = url}, &err);
	bool is = client != NULL;

	assert_int_equal(err.code, is ? ERR_OK : ERR_USAGE);
	assert_null(strstr(err.text, "hidden"));
	client_destroy(client);
	return is;
}

static void
urls(void **state)
{
	(void)state;
	assert_true(is_url("http://larder.example.org"));
	assert_true(is_url("https://larder.example.org:8443/cellar/"));
	assert_true(is_url("HTTP://[::1]:8080"));
	assert_false(is_url(""));
	assert_false(is_url("larder.example.org"));
	assert_false(is_url("ftp://larder.example.org"));
	assert_false(is_url("file:///etc/passwd"));
	assert_false(is_url("http://"));
	assert_false(is_url("http://me:hidden@larder.example.org"));
	assert_false(is_url("http://larder.example.org/?q"));
	assert_false(is_url("http://larder.example.org/#f"));
	assert_false(is_url("http://larder.example.org:99999"));
}

static bool
is_overheard(const char *url)
{
	struct err err = ERR_NONE;
	struct client *client = client_create(&(struct client_target){.url = url}, &err);
	bool is;

	assert_non_null(client);
	is = client_is_overheard(client);
	client_destroy(client);
	return is;
}

static void
overheard(void **state)
{
	(void)state;
	assert_true(is_overheard("http://larder.example.org"));
	assert_true(is_overheard("http://10.0.0.1:8080/x"));
	assert_false(is_overheard("https://larder.example.org"));
	assert_false(is_overheard("http://127.0.0.1:8080"));
	assert_false(is_overheard("http://localhost"));
	assert_false(is_overheard("http://[::1]:8080"));
}

/* --- what goes out, what comes back --- */

static void
an_answer(void **state)
{
	static const char json[] = "{\"name\": \"larder\"}";
	struct world *world = *state;
	struct client_request request = get("/version");
	struct client_answer answer;
	struct err err = ERR_NONE;

	request.tag = world;
	scripted_serve(world->origin, "/base/version", json, strlen(json));
	answer = call(world, &request);
	assert_int_equal(answer.status, 200);
	assert_ptr_equal(answer.tag, world);
	assert_string_equal(answer.text, json);
	assert_string_equal(json_string_value(json_object_get(answer.json, "name")), "larder");
	assert_true(client_answer_good(&answer, &err));
	client_answer_finish(&answer);
	assert_true(scripted_last_request_has(world->origin, "Authorization: Bearer secret\r\n"));
	assert_true(scripted_last_request_has(world->origin, "User-Agent: larder/test\r\n"));
	assert_false(scripted_last_request_has(world->origin, "Expect"));
}

/* A file of this size with nothing in it. */
static int
make_file(off_t size)
{
	int fd = memfd_create("body", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

static void
bodies(void **state)
{
	struct world *world = *state;
	AUTO_FD fd = make_file(1 << 20);
	struct client_request request = {.method = "PUT",
	        .path = "/x",
	        .content_type = "application/octet-stream",
	        .came_from = "/a%20b",
	        .body_fd = fd,
	        .body_size = 1 << 20};
	struct client_answer answer;

	/* The server answers without reading: nothing of a large body has to be sent before it said so. */
	scripted_answer(world->origin, "/base/x",
	        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "", 0,
	        THEN_CLOSE);
	answer = call(world, &request);
	assert_int_equal(answer.status, 401);
	client_answer_finish(&answer);
	assert_true(scripted_last_request_has(world->origin, "Expect: 100-continue\r\n"));
	assert_true(scripted_last_request_has(world->origin, "Content-Length: 1048576\r\n"));
	assert_true(scripted_last_request_has(world->origin, "Larder-Came-From: /a%20b\r\n"));

	request = (struct client_request){
	        .method = "POST", .path = "/x", .body = "{}", .body_length = 2, .body_fd = NO_BODY};
	scripted_answer(world->origin, "/base/x",
	        "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "", 0, THEN_CLOSE);
	answer = call(world, &request);
	assert_int_equal(answer.status, 202);
	client_answer_finish(&answer);
	assert_true(scripted_last_request_has(world->origin, "Content-Length: 2\r\n"));
	assert_false(scripted_last_request_has(world->origin, "Expect"));
}

static void
what_has_gone_is_counted(void **state)
{
	struct world *world = *state;
	char body[1000] = {0};
	struct client_request request = {
	        .method = "PUT", .path = "/x", .body = body, .body_length = sizeof body, .body_fd = NO_BODY};
	struct client_answer answer;

	scripted_serve(world->origin, "/base/x", "1", 1);
	scripted_gate(world->origin, "/base/x");
	assert_int_equal(client_sent_bytes(world->client), 0);
	client_send(world->client, &request);
	while (client_sent_bytes(world->client) < sizeof body)
		assert_false(client_next(world->client, 10, &answer));
	client_send(world->client, &request);
	while (client_sent_bytes(world->client) < 2 * sizeof body)
		assert_false(client_next(world->client, 10, &answer));
	scripted_open_gate(world->origin, "/base/x");
	for (size_t left = 2; left-- > 0; client_answer_finish(&answer)) {
		assert_true(client_next(world->client, -1, &answer));
		assert_int_equal(client_sent_bytes(world->client), left * sizeof body);
	}
}

static void
a_file_that_became_shorter(void **state)
{
	struct world *world = *state;
	AUTO_FD fd = make_file(100);
	struct client_request request = {.method = "PUT", .path = "/x", .body_fd = fd, .body_size = 200};
	struct client_answer answer;
	struct err err = ERR_NONE;

	scripted_answer(world->origin, "/base/x", "", "", 0, THEN_STALL);
	assert_false(ask(world->client, &request, &answer, &err));
	assert_int_equal(err.code, ERR_IO);
	assert_non_null(strstr(err.text, "became shorter"));
}

static void
several_at_once(void **state)
{
	struct world *world = *state;
	static const char *const paths[] = {"/1", "/2", "/3"};
	struct client_answer answer;
	unsigned seen = 0;

	scripted_serve(world->origin, "/base/1", "1", 1);
	scripted_gate(world->origin, "/base/1");
	scripted_serve(world->origin, "/base/2", "2", 1);
	scripted_serve(world->origin, "/base/3", "3", 1);
	assert_false(client_next(world->client, 0, &answer));
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct client_request request = get(paths[i]);

		request.tag = (void *)paths[i];
		client_send(world->client, &request);
	}
	assert_int_equal(client_under_way(world->client), 3);
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		assert_true(client_next(world->client, -1, &answer));
		assert_int_equal(answer.status, 200);
		seen |= 1u << (answer.text[0] - '0');
		assert_string_equal((const char *)answer.tag + 1, answer.text);
		client_answer_finish(&answer);
		if (i == 1) {
			assert_int_equal(seen, 1u << 2 | 1u << 3);
			assert_int_equal(client_under_way(world->client), 1);
			assert_false(client_next(world->client, 1, &answer));
			scripted_open_gate(world->origin, "/base/1");
		}
	}
	assert_int_equal(client_under_way(world->client), 0);
	assert_true(scripted_connections(world->origin) <= 4);
}

static void
broken_off(void **state)
{
	struct world *world = *state;
	struct client_request request = get("/stalls");

	scripted_answer(world->origin, "/base/stalls", "", "", 0, THEN_STALL);
	client_send(world->client, &request);
	client_destroy(world->client); /* with one under way */
	world->client = NULL;
}

/* --- what is no answer --- */

static enum err_code
failure(struct world *world, const char *path, const char *head, enum scripted_then then)
{
	struct client_request request = get(path);
	AUTO_TEXT whole = TEXT_EMPTY;
	struct client_answer answer;
	struct err err = ERR_NONE;

	text_addf(&whole, "/base%s", path);
	scripted_answer(world->origin, text_string(&whole), head, "", 0, then);
	assert_false(ask(world->client, &request, &answer, &err));
	assert_null(strstr(err.text, "secret"));
	assert_non_null(strstr(err.text, "http://127.0.0.1"));
	return err.code;
}

static void
no_answer(void **state)
{
	struct world *world = *state;
	struct client_request request = get("/x");
	struct client_answer answer;
	struct err err = ERR_NONE;
	struct client *client;

	assert_int_equal(failure(world, "/closes", "", THEN_CLOSE), ERR_OVERLOADED);
	assert_int_equal(failure(world, "/resets", "", THEN_RESET), ERR_OVERLOADED);
	assert_int_equal(failure(world, "/cut", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", THEN_CLOSE),
	        ERR_OVERLOADED);
	assert_int_equal(failure(world, "/ssh", "SSH-2.0-OpenSSH_9.2\r\n\r\n", THEN_CLOSE), ERR_IO);
	client = client_create(&(struct client_target){.url = "http://127.0.0.1:1"}, &err);
	assert_non_null(client);
	assert_false(ask(client, &request, &answer, &err));
	assert_int_equal(err.code, ERR_OVERLOADED);
	client_destroy(client);
}

static void
redirects_are_not_followed(void **state)
{
	struct world *world = *state;
	struct client_request request = get("/moved");
	struct client_answer answer;
	struct err err = ERR_NONE;

	scripted_status(world->origin, "/base/moved", "302 Found", "Location: /base/else\r\n");
	answer = call(world, &request);
	assert_int_equal(answer.status, 302);
	assert_false(client_answer_good(&answer, &err));
	client_answer_finish(&answer);
	assert_int_equal(scripted_hits(world->origin, "/base/else"), 0);
}

static void
retry_after(void **state)
{
	struct world *world = *state;
	struct client_request request = get("/busy");
	struct client_answer answer;

	scripted_status(world->origin, "/base/busy", "503 Service Unavailable", "Retry-After: 7\r\n");
	answer = call(world, &request);
	assert_int_equal(answer.retry_after_ms, 7000);
	client_answer_finish(&answer);
	scripted_status(world->origin, "/base/busy", "429 Too Many Requests", "Retry-After: 99999999999\r\n");
	answer = call(world, &request);
	assert_int_equal(answer.retry_after_ms, 86400000);
	client_answer_finish(&answer);
}

/* --- statuses as errors --- */

static enum err_code
code_of(int status, const char *json)
{
	struct client_answer answer = {.status = status, .json = json_loads(json, 0, NULL)};
	struct err err = ERR_NONE;

	assert_false(client_answer_good(&answer, &err));
	json_decref(answer.json);
	return err.code;
}

static void
statuses(void **state)
{
	static const struct {
		int status;
		enum err_code code;
	} rows[] = {{400, ERR_BAD_REQUEST}, {401, ERR_UNAUTHORIZED}, {403, ERR_FORBIDDEN},
	        {404, ERR_NOT_FOUND}, {409, ERR_COLLISION}, {413, ERR_TOO_LARGE}, {422, ERR_MISMATCH},
	        {429, ERR_TOO_MANY}, {503, ERR_OVERLOADED}, {502, ERR_OVERLOADED}, {507, ERR_NO_SPACE},
	        {500, ERR_IO}, {301, ERR_BAD_REQUEST}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(code_of(rows[i].status, "{}"), rows[i].code);
	assert_int_equal(code_of(404, "{\"reason\": \"unknown\"}"), ERR_UNKNOWN);
	assert_int_equal(code_of(404, "{\"reason\": \"removed\"}"), ERR_REMOVED);
	assert_int_equal(code_of(404, "{\"reason\": 5}"), ERR_NOT_FOUND);
}

static const char *
sentence_of(const char *text, struct err *err)
{
	struct client_answer answer = {
	        .status = 400, .text = xstrdup(text), .json = json_loads(text, 0, NULL)};

	assert_false(client_answer_good(&answer, err));
	client_answer_finish(&answer);
	return err->text;
}

static void
sentences(void **state)
{
	AUTO_FREE char *endless = xcalloc(1, 100000);
	struct err err = ERR_NONE;

	(void)state;
	memset(endless, 'x', 99999);
	assert_string_equal(sentence_of("{\"error\": \"no such archive\"}", &err), "no such archive");
	assert_string_equal(sentence_of("no such page\nsecond line", &err), "no such page");
	assert_string_equal(sentence_of("<html><body>nginx", &err), "it answered 400");
	assert_string_equal(sentence_of("", &err), "it answered 400");
	assert_string_equal(sentence_of("{\"error\": 1}", &err), "it answered 400");
	assert_string_equal(sentence_of("red \x1b[31m", &err), "red \\x1b[31m");
	assert_string_equal(
	        sentence_of("{\"error\": \"'a\\\\b' and '\\\\x1b'\"}", &err), "'a\\b' and '\\x1b'");
	assert_true(strlen(sentence_of(endless, &err)) < 240);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(urls),
	        cmocka_unit_test(overheard),
	        cmocka_unit_test_setup_teardown(an_answer, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(bodies, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(what_has_gone_is_counted, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(a_file_that_became_shorter, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(several_at_once, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(broken_off, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(no_answer, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(redirects_are_not_followed, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(retry_after, set_up, tear_down),
	        cmocka_unit_test(statuses),
	        cmocka_unit_test(sentences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
