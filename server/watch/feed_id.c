/*
 * The names of the feed and of its entries (RFC 9562: version 4 of chance, version 8 of what is hashed). At the start on the main thread,
 * for entries on any. Must never name the same feed in two ways.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/watch/feed_parts.h"
#include "storage/base/file.h"
#include "storage/base/log.h"
#include "storage/digest.h"

#define UUID_BYTES 16

static void
write_uuid(const uint8_t value[UUID_BYTES], uint8_t version, char ret[FEED_ID_MAX])
{
	uint8_t bytes[UUID_BYTES];
	char hex[2 * UUID_BYTES + 1];

	memcpy(bytes, value, sizeof bytes);
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | version << 4);
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
	text_hex(bytes, sizeof bytes, hex);
	snprintf(ret, FEED_ID_MAX, "urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
	        hex + 20);
}

static void
hash_text(const char *text, char ret[FEED_ID_MAX])
{
	struct sha256_hasher *hasher = sha256_hasher_create();
	uint8_t value[32];

	sha256_hasher_add(hasher, text, strlen(text));
	sha256_hasher_value(hasher, value);
	sha256_hasher_destroy(hasher);
	write_uuid(value, 8, ret);
}

/* By what it is and when, not by what it says: that may grow. */
void
feed_id_of_event(const char *feed_id, const struct event_row *event, char ret[FEED_ID_MAX])
{
	AUTO_TEXT text = TEXT_EMPTY;

	text_addf(
	        &text, "%s event %" PRId64 " %" PRId64 " %s", feed_id, event->id, event->at_ms, event->kind);
	hash_text(text_string(&text), ret);
}

/* --- the feed's --- */

static bool
is_id(const char *text)
{
	static const char shape[] = "urn:uuid:hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";

	if (strlen(text) != strlen(shape))
		return false;
	for (size_t i = 0; shape[i] != '\0'; i++)
		if (i > 8 && shape[i] == 'h' ? text_hex_digit(text[i]) < 0 : text[i] != shape[i])
			return false;
	return true;
}

static bool
read_id(const char *path, char ret[FEED_ID_MAX])
{
	AUTO_TEXT text = TEXT_EMPTY;
	struct err err = ERR_NONE;

	if (!file_read_path(path, FEED_ID_MAX, &text, &err))
		return false;
	while (text.length > 0 && text.bytes[text.length - 1] == '\n')
		text.bytes[--text.length] = '\0';
	if (!is_id(text_string(&text)))
		return false;
	snprintf(ret, FEED_ID_MAX, "%s", text_string(&text));
	return true;
}

static bool
write_file(const char *path, const char *text, struct err *err)
{
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (!file_write(fd, text, strlen(text), err))
		return false;
	return fsync(fd) == 0 || err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
}

static bool
make_id(const char *path, char ret[FEED_ID_MAX], struct err *err)
{
	AUTO_TEXT fresh = TEXT_EMPTY, line = TEXT_EMPTY;
	uint8_t value[UUID_BYTES];

	if (getrandom(value, sizeof value, 0) != (ssize_t)sizeof value)
		return err_set(err, ERR_IO, "no random numbers: %s", strerror(errno));
	write_uuid(value, 4, ret);
	text_addf(&fresh, "%s.new", path);
	text_addf(&line, "%s\n", ret);
	if (!write_file(text_string(&fresh), text_string(&line), err))
		return false;
	return rename(text_string(&fresh), path) == 0 ||
	       err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
}

void
feed_id_of_store(const char *directory, char ret[FEED_ID_MAX])
{
	AUTO_TEXT path = TEXT_EMPTY;
	struct err err = ERR_NONE;

	text_addf(&path, "%s/%s", directory, FEED_ID_FILE);
	if (read_id(text_string(&path), ret) || make_id(text_string(&path), ret, &err))
		return;
	log_warning(
	        "the name of the feed cannot be kept: %s; it is made of the store's path for now", err.text);
	hash_text(text_string(&path), ret);
}
