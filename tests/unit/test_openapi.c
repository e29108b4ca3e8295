/*
 * The description of the API against the table of routes: the same paths and methods, each with the statuses
 * it can give and with what it asks of the caller; and the description is OpenAPI 3.1 as far as a program can
 * tell.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/admin/auth.h"
#include "server/http/router.h"
#include "storage/base/text.h"

static json_t *description;

/*
 * What each can answer beside what follows from its row: 400 and 503 everywhere, 401, 403 and 429 where a
 * token is needed, 413 where a body is taken, 404 where only the control socket may.
 */
static const struct {
	enum request_method method;
	const char *path, *statuses;
} answers[] = {
        {METHOD_GET, "/", "200"},
        {METHOD_GET, "/healthz", "200"},
        {METHOD_GET, "/readyz", "200"},
        {METHOD_GET, "/metrics", "200"},
        {METHOD_GET, "/version", "200"},
        {METHOD_GET, "/status", "200"},
        {METHOD_GET, "/events.atom", "200 304"},
        {METHOD_GET, "/{digest}", "200 206 304 404 416"},
        {METHOD_PUT, "/{digest}", "200 201 409 422 507"},
        {METHOD_DELETE, "/{digest}", "200 404 507"},
        {METHOD_POST, "/api/v1/archives", "200 201 409 507"},
        {METHOD_GET, "/api/v1/archives/{digest}", "200 404"},
        {METHOD_POST, "/api/v1/check", "200"},
        {METHOD_GET, "/api/v1/wanted", "200"},
        {METHOD_GET, "/api/v1/events", "200"},
        {METHOD_PUT, "/api/v1/pins/{digest}", "200 404 507"},
        {METHOD_DELETE, "/api/v1/pins/{digest}", "200 404 507"},
        {METHOD_DELETE, "/api/v1/tombstones/{digest}", "200 404 507"},
        {METHOD_POST, "/api/v1/fetch", "202 507"},
        {METHOD_POST, "/api/v1/catalog", "202 507"},
        {METHOD_POST, "/api/v1/verify", "202 507"},
        {METHOD_GET, "/api/v1/jobs", "200"},
        {METHOD_GET, "/api/v1/jobs/{id}", "200 404"},
        {METHOD_DELETE, "/api/v1/jobs/{id}", "202 404 409"},
        {METHOD_GET, "/api/v1/tokens", "200"},
        {METHOD_POST, "/api/v1/tokens", "201 409 507"},
        {METHOD_DELETE, "/api/v1/tokens", "200 507"},
        {METHOD_GET, "/api/v1/openapi.json", "200"},
};

static const char *const methods[] = {[METHOD_GET] = "get",
        [METHOD_HEAD] = "head",
        [METHOD_PUT] = "put",
        [METHOD_POST] = "post",
        [METHOD_DELETE] = "delete"};

static int
set_up(void **state)
{
	json_error_t wrong;

	(void)state;
	description = json_load_file(PROJECT_DIR "/server/http/openapi.json", JSON_REJECT_DUPLICATES, &wrong);
	if (description == NULL)
		fail_msg("openapi.json:%d: %s", wrong.line, wrong.text);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	json_decref(description);
	return 0;
}

/* What "#/components/…" refers to; the value itself where it refers to nothing. */
static const json_t *
resolve(const json_t *value)
{
	const char *ref = json_string_value(json_object_get(value, "$ref"));
	const json_t *at = description;

	if (ref == NULL)
		return value;
	assert_true(text_starts_with(ref, "#/"));
	for (const char *name = ref + 2; at != NULL; name += strcspn(name, "/") + 1) {
		AUTO_FREE char *key = xstrndup(name, strcspn(name, "/"));

		at = json_object_get(at, key);
		if (name[strlen(key)] == '\0')
			break;
	}
	if (at == NULL)
		fail_msg("%s is not there", ref);
	return at;
}

/* "/api/v1/archives/{digest}" as it stands in the description, whose parameters hold no slash. */
static char *
template_of(const char *path)
{
	size_t literal = strcspn(path, "{");
	struct text text = TEXT_EMPTY;

	text_addf(&text, "%.*s%s", (int)literal, path,
	        strcmp(path + literal, "{digest}") == 0 ? "{algo}/{hex}" : path + literal);
	return text_take(&text);
}

static const json_t *
operation_of(const struct route *route)
{
	AUTO_FREE char *path = template_of(route->path);
	const json_t *item = json_object_get(json_object_get(description, "paths"), path);
	const json_t *operation = json_object_get(item, methods[route->method]);

	if (operation == NULL)
		fail_msg("%s %s is not described", methods[route->method], path);
	return operation;
}

typedef void route_check_fn(const struct route *route, const json_t *operation);

static void
check_routes(route_check_fn *check)
{
	for (size_t i = 0; i < n_routes; i++)
		check(&routes[i], operation_of(&routes[i]));
	for (size_t i = 0; i < n_archive_routes; i++)
		check(&archive_routes[i], operation_of(&archive_routes[i]));
}

typedef void operation_check_fn(
        const char *path, const char *method, const json_t *item, const json_t *operation);

static void
check_operations(operation_check_fn *check)
{
	const char *path, *method;
	json_t *item, *operation;

	json_object_foreach (json_object_get(description, "paths"), path, item)
		json_object_foreach (item, method, operation)
			if (strcmp(method, "parameters") != 0)
				check(path, method, item, operation);
}

static bool
is_route(const struct route *route, const char *path, const char *method)
{
	AUTO_FREE char *template = template_of(route->path);
	bool is_head = route->method == METHOD_GET && strcmp(method, "head") == 0;

	return strcmp(template, path) == 0 && (is_head || strcmp(methods[route->method], method) == 0);
}

static void
check_is_routed(const char *path, const char *method, const json_t *item, const json_t *operation)
{
	(void)item;
	(void)operation;
	for (size_t i = 0; i < n_routes; i++)
		if (is_route(&routes[i], path, method))
			return;
	for (size_t i = 0; i < n_archive_routes; i++)
		if (is_route(&archive_routes[i], path, method))
			return;
	fail_msg("%s %s is described and not routed", method, path);
}

static void
check_nothing(const struct route *route, const json_t *operation)
{
	(void)route;
	(void)operation;
}

static void
it_describes_what_is_routed_and_nothing_else(void **state)
{
	(void)state;
	check_routes(check_nothing);
	check_operations(check_is_routed);
}

static bool
names_status(const char *statuses, const char *status)
{
	return strstr(statuses, status) != NULL;
}

/* "200 404 400 503": all that this row can answer. */
static void
add_statuses(struct text *ret, const struct route *route)
{
	size_t i;

	for (i = 0; i < COUNT_OF(answers); i++)
		if (answers[i].method == route->method && strcmp(answers[i].path, route->path) == 0)
			break;
	if (i == COUNT_OF(answers))
		fail_msg("which statuses has %s %s? they are to be added here", methods[route->method],
		        route->path);
	text_addf(ret, "%s 400 503", answers[i].statuses);
	if ((route->access & RIGHTS_ALL) != 0)
		text_add(ret, " 401 403 429");
	if (route->body != NULL)
		text_add(ret, " 413");
	if (route->access == ACCESS_CONTROL)
		text_add(ret, " 404");
}

static void
check_statuses(const struct route *route, const json_t *operation)
{
	const json_t *responses = json_object_get(operation, "responses");
	AUTO_TEXT wanted = TEXT_EMPTY;
	const char *status;
	json_t *response;
	size_t count = 0;

	add_statuses(&wanted, route);
	json_object_foreach ((json_t *)(uintptr_t)responses, status, response) {
		if (!names_status(text_string(&wanted), status))
			fail_msg("%s %s: %s is described, and it never answers that", methods[route->method],
			        route->path, status);
		count++;
	}
	if (count != (wanted.length + 1) / 4)
		fail_msg("%s %s: described are %zu statuses, and it answers %s", methods[route->method],
		        route->path, count, text_string(&wanted));
}

static void
each_has_the_statuses_it_can_give(void **state)
{
	(void)state;
	check_routes(check_statuses);
}

static void
check_access(const struct route *route, const json_t *operation)
{
	const json_t *security = json_object_get(operation, "security");
	bool needs_token = (route->access & RIGHTS_ALL) != 0;
	bool is_donation = (route->access & ACCESS_DONATION) != 0;
	bool is_control = route->access == ACCESS_CONTROL;

	assert_int_equal(json_array_size(security), needs_token + is_donation);
	if (needs_token)
		assert_non_null(json_object_get(json_array_get(security, 0), "token"));
	if (is_donation)
		assert_int_equal(json_object_size(json_array_get(security, 1)), 0);
	assert_int_equal(json_is_true(json_object_get(operation, "x-control-socket-only")), is_control);
	assert_int_equal(json_object_get(operation, "requestBody") != NULL, route->body != NULL);
}

static void
each_says_what_it_asks_of_the_caller(void **state)
{
	(void)state;
	check_routes(check_access);
	assert_non_null(json_object_get(
	        json_object_get(json_object_get(description, "components"), "securitySchemes"), "token"));
}

static void
walk(const json_t *value, const char *name)
{
	const char *key;
	json_t *item;
	size_t i;

	resolve(value);
	json_array_foreach (value, i, item)
		walk(item, name);
	json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
		if (strcmp(key, "required") == 0 && json_is_array(item) && strcmp(name, "properties") != 0) {
			const json_t *properties = json_object_get(value, "properties");
			const json_t *wanted;
			size_t n;

			json_array_foreach (item, n, wanted)
				if (json_object_get(properties, json_string_value(wanted)) == NULL)
					fail_msg("required is %s, which is no property",
					        json_string_value(wanted));
		}
		walk(item, key);
	}
}

static void
whatever_it_refers_to_is_there(void **state)
{
	(void)state;
	walk(description, "");
}

static bool
is_declared(const char *name, size_t length, const json_t *parameters)
{
	const json_t *item;
	size_t i;

	json_array_foreach (parameters, i, item) {
		const json_t *parameter = resolve(item);
		const char *called = json_string_value(json_object_get(parameter, "name"));

		if (strcmp(json_string_value(json_object_get(parameter, "in")), "path") != 0)
			continue;
		if (strlen(called) == length && memcmp(called, name, length) == 0) {
			assert_true(json_is_true(json_object_get(parameter, "required")));
			return true;
		}
	}
	return false;
}

static void
check_parameters(const char *path, const char *method, const json_t *item, const json_t *operation)
{
	(void)method;
	(void)operation;
	for (const char *at = strchr(path, '{'); at != NULL; at = strchr(at + 1, '{'))
		if (!is_declared(at + 1, strcspn(at + 1, "}"), json_object_get(item, "parameters")))
			fail_msg("%s: {%.*s} is not declared", path, (int)strcspn(at + 1, "}"), at + 1);
}

static bool
has_tag(const char *name)
{
	const json_t *tag;
	size_t i;

	json_array_foreach (json_object_get(description, "tags"), i, tag)
		if (strcmp(json_string_value(json_object_get(tag, "name")), name) == 0)
			return true;
	return false;
}

static json_t *ids; /* {operationId: true} of those that were seen */

static void
check_operation(const char *path, const char *method, const json_t *item, const json_t *operation)
{
	const char *id = json_string_value(json_object_get(operation, "operationId")), *status;
	json_t *responses = json_object_get(operation, "responses"), *response;

	(void)item;
	if (id == NULL || json_object_get(ids, id) != NULL)
		fail_msg("%s %s: the operationId is missing or another's", method, path);
	json_object_set_new(ids, id, json_true());
	assert_non_null(json_string_value(json_object_get(operation, "summary")));
	assert_true(has_tag(json_string_value(json_array_get(json_object_get(operation, "tags"), 0))));
	assert_true(json_object_size(responses) > 0);
	json_object_foreach (responses, status, response)
		if (json_string_value(json_object_get(resolve(response), "description")) == NULL)
			fail_msg("%s %s: %s has no description", method, path, status);
}

static void
each_operation_is_whole(void **state)
{
	(void)state;
	ids = json_object();
	check_operations(check_operation);
	check_operations(check_parameters);
	json_decref(ids);
}

/*
 * The body of an error is JSON below /api/ and a sentence elsewhere; a 416 has none, and 503 of /readyz says
 * what is wrong.
 */
static void
check_errors(const char *path, const char *method, const json_t *item, const json_t *operation)
{
	const char *wanted = text_starts_with(path, "/api/") ? "application/json" : "text/plain", *status;
	json_t *response;

	(void)item;
	json_object_foreach (json_object_get(operation, "responses"), status, response) {
		const json_t *content = json_object_get(resolve(response), "content");

		if (status[0] < '4' || strcmp(status, "416") == 0 ||
		        (strcmp(path, "/readyz") == 0 && strcmp(status, "503") == 0))
			continue;
		if (json_object_get(content, wanted) == NULL)
			fail_msg("%s %s: %s is not described as %s", method, path, status, wanted);
	}
}

static void
errors_are_of_the_kind_that_is_sent(void **state)
{
	(void)state;
	check_operations(check_errors);
}

static void
it_is_of_this_version(void **state)
{
	const json_t *info = json_object_get(description, "info");

	(void)state;
	assert_true(text_starts_with(json_string_value(json_object_get(description, "openapi")), "3.1."));
	assert_string_equal(json_string_value(json_object_get(info, "version")), LARDER_VERSION);
	assert_string_equal(json_string_value(json_object_get(info, "title")), "larder");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(it_describes_what_is_routed_and_nothing_else),
	        cmocka_unit_test(each_has_the_statuses_it_can_give),
	        cmocka_unit_test(each_says_what_it_asks_of_the_caller),
	        cmocka_unit_test(whatever_it_refers_to_is_there),
	        cmocka_unit_test(each_operation_is_whole),
	        cmocka_unit_test(errors_are_of_the_kind_that_is_sent),
	        cmocka_unit_test(it_is_of_this_version),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
