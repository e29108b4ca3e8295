/*
 * From the body of a request to sets of digests. Runs on a clerk's thread, over bytes of a client: every word
 * is copied into a buffer of fixed size before anything looks at it.
 */
#include "server/jobs/asked.h"

#include <string.h>

#include "server/admin/metrics.h"
#include "server/http/body.h"
#include "storage/base/auto.h"
#include "storage/catalog/source.h"

#define BLANKS   " \t\r"
#define WORD_MAX DIGEST_TEXT_MAX

/* A word of a line: bytes up to the next blank or the line's end. */
struct word {
	const char *bytes;
	size_t length;
};

static bool
is_over_limit(const struct asked *asked, struct err *err)
{
	if (asked->wants.count <= ASKED_ARCHIVES_MAX)
		return false;
	err_set(err, ERR_TOO_LARGE, "more than %d archives in one request; ask for them in parts",
	        ASKED_ARCHIVES_MAX);
	return true;
}

/* One more digest of an archive. */
static bool
add_digest(struct digests *digests, const char *text, struct err *err)
{
	struct digest digest;

	if (!digest_parse_text(text, &digest, err))
		return false;
	if (digests_bytes(digests, digest.algo) != NULL && !digests_have(digests, &digest))
		return err_set(err, ERR_BAD_REQUEST, "two values of %s for one archive",
		        digest_algo_name(digest.algo));
	digests_put(digests, &digest);
	return true;
}

static bool
read_json_archive(const json_t *list, struct digests *ret, struct err *err)
{
	*ret = (struct digests){0};
	if (!json_is_array(list) || json_array_size(list) == 0)
		return err_set(err, ERR_BAD_REQUEST, "is not a list of at least one digest");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text == NULL)
			return err_set(err, ERR_BAD_REQUEST, "has a digest that is not a string");
		if (!add_digest(ret, text, err))
			return false;
	}
	return true;
}

bool
asked_read_digests(const json_t *digests, struct asked *ret, struct err *err)
{
	if (!json_is_array(digests))
		return err_set(err, ERR_BAD_REQUEST,
		        "\"digests\" has to be a list that holds a list of digests for each archive");
	for (size_t i = 0; i < json_array_size(digests); i++) {
		struct digests one;

		if (!read_json_archive(json_array_get(digests, i), &one, err))
			return err_wrap(err, "archive %zu of \"digests\"", i + 1);
		wants_add_digests(&ret->wants, &one);
		if (is_over_limit(ret, err))
			return false;
	}
	return true;
}

static bool
read_json(const struct text *body, struct asked *ret, struct err *err)
{
	json_error_t wrong;
	json_t *document = json_loadb(body->bytes, body->length, JSON_REJECT_DUPLICATES, &wrong);
	bool good;

	if (document == NULL)
		return err_set(
		        err, ERR_SYNTAX, "the body is not JSON: line %d: %.150s", wrong.line, wrong.text);
	if (json_object_get(document, "digests") == NULL || json_object_size(document) != 1)
		good = err_set(err, ERR_BAD_REQUEST,
		        "the JSON has to be an object with \"digests\" in it and nothing else");
	else
		good = asked_read_digests(json_object_get(document, "digests"), ret, err);
	json_decref(document);
	return good;
}

static struct word
next_word(const char **rest, const char *end)
{
	struct word word = {.bytes = *rest};

	while (word.bytes < end && strchr(BLANKS, *word.bytes) != NULL)
		word.bytes++;
	while (word.bytes + word.length < end && strchr(BLANKS, word.bytes[word.length]) == NULL)
		word.length++;
	*rest = word.bytes + word.length;
	return word;
}

/* A line of digests into a set; an empty one or a comment leaves the set empty. */
static bool
read_line(const char *line, const char *end, struct digests *ret, struct err *err)
{
	*ret = (struct digests){0};
	for (;;) {
		struct word word = next_word(&line, end);
		char text[WORD_MAX];

		if (word.length == 0 || word.bytes[0] == '#')
			return true;
		if (word.length >= sizeof text)
			return err_set(err, ERR_BAD_REQUEST, "a word that is too long to be a digest");
		memcpy(text, word.bytes, word.length);
		text[word.length] = '\0';
		if (!add_digest(ret, text, err))
			return false;
	}
}

static bool
read_lines(const struct text *body, struct asked *ret, struct err *err)
{
	const char *line = body->bytes, *const end = body->bytes + body->length;

	for (unsigned number = 1; line < end; number++) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *line_end = newline != NULL ? newline : end;
		struct digests digests;

		if (!read_line(line, line_end, &digests, err))
			return err_wrap(err, "line %u", number);
		if (digests.known != 0)
			wants_add_digests(&ret->wants, &digests);
		if (is_over_limit(ret, err))
			return false;
		line = line_end + 1;
	}
	return true;
}

static bool
read_source(const struct text *body, struct asked *ret, struct err *err)
{
	enum source_form form;

	ret->harvest = harvest_create();
	if (!source_read_text(body, "body", ret->harvest, &form, err))
		return false;
	wants_add_harvest(&ret->wants, ret->harvest);
	return !is_over_limit(ret, err);
}

/* The first line that says anything; borrowed. */
static const char *
first_words(const struct text *body)
{
	const char *at = text_string(body);

	at += strspn(at, BLANKS "\n");
	while (*at == '#') {
		at += strcspn(at, "\n");
		at += strspn(at, BLANKS "\n");
	}
	return at;
}

/* It begins with the name of an algorithm and ':' or '=', or with the bare digits of an md5. */
static bool
looks_like_digests(const char *words)
{
	char name[WORD_MAX];
	size_t length = strcspn(words, ":= \t\r\n");
	enum digest_algo algo;

	if (length == 2 * digest_size(DIGEST_MD5) && strspn(words, "0123456789abcdefABCDEF") == length)
		return true;
	if (length >= sizeof name || (words[length] != ':' && words[length] != '='))
		return false;
	memcpy(name, words, length);
	name[length] = '\0';
	return digest_algo_parse(name, &algo);
}

bool
asked_is_json(const struct text *body)
{
	const char *words = first_words(body);

	return *words == '{' || *words == '[';
}

bool
asked_read_body(const struct text *body, struct asked *ret, struct err *err)
{
	*ret = ASKED_EMPTY;
	if (body->length == 0)
		return err_set(err, ERR_BAD_REQUEST,
		        "the body is empty; it has to be a lockfile, a list, lines of digests, or JSON");
	if (strlen(body->bytes) != body->length)
		return err_set(err, ERR_SYNTAX,
		        "the body is binary; it has to be a lockfile, a list, lines of digests, or JSON");
	if (asked_is_json(body))
		return read_json(body, ret, err);
	if (looks_like_digests(first_words(body)))
		return read_lines(body, ret, err);
	return read_source(body, ret, err);
}

bool
asked_refused(struct request *request, const struct err *err)
{
	if (err->code == ERR_TOO_LARGE)
		metrics_add(request->larder->metrics, METRIC_LIMIT_ASKED, 1);
	return false;
}

bool
asked_read_request(struct request *request, struct asked *ret, struct err *err)
{
	return asked_read_body(body_text_of(request), ret, err) || asked_refused(request, err);
}

void
asked_finish(struct asked *asked)
{
	wants_finish(&asked->wants);
	harvest_destroy(asked->harvest);
	*asked = ASKED_EMPTY;
}
