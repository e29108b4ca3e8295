/*
 * The details of `check`: each archive with its origins and, where it was corrected, what to paste. Main thread.
 */
#include "server/commands/check_details.h"

#include <stdio.h>
#include <unistd.h>

#include "server/commands/check_text.h"
#include "server/commands/origin_text.h"
#include "server/jobs/json.h"
#include "storage/base/text.h"
#include "storage/catalog/archive_state.h"

bool
check_is_corrected(const json_t *archive)
{
	return json_is_object(json_object_get(archive, "correction"));
}

/* The digests of a lockfile or an opam file, a line each. */
static void
print_checksums(const char *sign, const json_t *digests)
{
	static const enum digest_algo order[] = {DIGEST_SHA256, DIGEST_SHA512, DIGEST_MD5};

	for (size_t i = 0; i < COUNT_OF(order); i++) {
		const char *name = digest_algo_name(order[i]), *hex = json_text_of(digests, name);

		if (hex[0] != '\0')
			printf("    %s\"%s=%s\"\n", sign, name, hex);
	}
}

static void
print_correction(const json_t *missing)
{
	const json_t *correction = json_object_get(missing, "correction");
	const char *package = json_text_of(correction, "package");
	AUTO_TEXT name = TEXT_EMPTY;

	if (!json_is_object(correction))
		return;
	origin_add_safe(&name, package);
	printf("    the catalog names other bytes there now%s%s%s:\n", package[0] != '\0' ? ", as " : "",
	        text_string(&name),
	        json_flag_of(correction, "seen")
	                ? "; in the lockfile or opam file"
	                : ", and nobody has looked at them; in the lockfile or opam file it may have to be");
	print_checksums("- ", json_object_get(missing, "digests"));
	print_checksums("+ ", json_object_get(correction, "digests"));
}

/* Who has it beside; of one that may not be there any more it says nothing. */
static void
add_copies(const json_t *missing, struct text *text)
{
	uint64_t copies = json_count_of(missing, "copies");

	if (copies == 0 || check_is_corrected(missing))
		return;
	text_add(text, "; ");
	text_add_number(text, copies);
	text_add(text, copies == 1 ? " host has it" : " hosts have it");
}

/* "reachable rosa.0.2.0 sha256:…"; false: it has no digest that can be read. */
static bool
add_label(const json_t *archive, const char *state, struct text *text)
{
	char digest[DIGEST_TEXT_MAX];
	struct err err = ERR_NONE;
	struct digests digests;
	size_t before;

	if (!json_digests_read(json_object_get(archive, "digests"), &digests, &err))
		return false;
	digests_best_text(&digests, digest);
	text_addf(text, "%s ", state);
	before = text->length;
	origin_add_safe(text, json_text_of(archive, "package"));
	text_addf(text, "%s %s", text->length > before ? "" : "-", digest);
	return true;
}

static void
print_missing(const json_t *missing)
{
	const json_t *origins = json_object_get(missing, "origins");
	const json_t *removed = json_object_get(missing, "removed");
	AUTO_TEXT line = TEXT_EMPTY, lines = TEXT_EMPTY;

	if (!add_label(missing, json_text_of(missing, "state"), &line))
		return;
	text_addf(&line, ": %s", json_text_of(missing, "advice"));
	add_copies(missing, &line);
	puts(text_string(&line));
	if (json_is_object(removed))
		printf("    removed by %s, %s\n", json_text_of(removed, "who"), json_text_of(removed, "at"));
	for (size_t i = 0; i < json_array_size(origins); i++)
		origin_add_lines(&lines, json_array_get(origins, i), "    ");
	fputs(text_string(&lines), stdout);
	print_correction(missing);
}

static void
print_kept(const json_t *kept)
{
	AUTO_TEXT line = TEXT_EMPTY;

	if (!check_is_corrected(kept) || !add_label(kept, archive_state_name(ARCHIVE_IS_STORED), &line))
		return;
	puts(text_string(&line));
	print_correction(kept);
}

void
check_details_print_missing(const json_t *missing)
{
	size_t count = json_array_size(missing), shown = count;
	AUTO_TEXT more = TEXT_EMPTY;

	if (count > CHECK_DETAILS_SHOWN && isatty(STDOUT_FILENO))
		shown = CHECK_DETAILS_SHOWN;
	if (count > 0)
		puts("");
	for (size_t i = 0; i < shown; i++)
		print_missing(json_array_get(missing, i));
	if (shown == count)
		return;
	text_add_number(&more, count - shown);
	printf("… and %s more; all of them go to a file or a pipe, and with --json\n", text_string(&more));
}

void
check_details_print_kept(const json_t *kept, uint64_t corrected)
{
	if (corrected > 0)
		puts("");
	for (size_t i = 0; i < json_array_size(kept); i++)
		print_kept(json_array_get(kept, i));
}
