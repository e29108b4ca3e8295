/*
 * What `repair` prints. Main thread; the report says everything, this only chooses the words. Nothing here may look like a part of
 * a diff, so that all of the output can be given to patch(1).
 */
#include "server/commands/repair_text.h"

#include <stdio.h>
#include <string.h>

#include "server/commands/origin_text.h"
#include "server/jobs/json.h"
#include "server/jobs/wants.h"
#include "storage/catalog/opam_edit.h"

/* The digests of this member; the empty set where there are none. */
static struct digests
digests_in(const json_t *repair, const char *name)
{
	struct digests digests;
	struct err err = ERR_NONE;

	if (!json_digests_read(json_object_get(repair, name), &digests, &err))
		digests = (struct digests){0};
	return digests;
}

/* Where the archive is to be had; of a rescue where it will be. */
static void
add_url(const json_t *repair, struct text *text)
{
	const char *url = json_text_of(repair, "url");
	AUTO_TEXT rescue = TEXT_EMPTY;

	text_addf(&rescue, "%s%s", REPAIR_RESCUE, json_text_of(repair, "file"));
	opam_add_string(text, url[0] != '\0' ? url : text_string(&rescue));
}

void
repair_section(const json_t *repair, struct text *ret)
{
	const char *title = json_text_of(repair, "extra_source");
	struct digests checksums = digests_in(repair, "checksums");

	text_add(ret, title[0] != '\0' ? "extra-source " : "url");
	if (title[0] != '\0')
		opam_add_string(ret, title);
	text_add(ret, " {\n  src: ");
	add_url(repair, ret);
	if (opam_count_checksums(&checksums) == 1) {
		opam_add_checksums(ret, &checksums, "\n  checksum: ", "\n}\n");
		return;
	}
	text_add(ret, "\n  checksum: [\n");
	opam_add_checksums(ret, &checksums, "    ", "\n");
	text_add(ret, "  ]\n}\n");
}

void
repair_lock_lines(const json_t *repair, struct text *ret)
{
	const char *package = json_text_of(repair, "package");
	struct digests checksums = digests_in(repair, "checksums");
	AUTO_FREE char *name = xstrndup(package, strcspn(package, "."));

	if (package[0] == '\0')
		return;
	text_add(ret, "  [\n    ");
	add_url(repair, ret);
	text_add(ret, "\n    ");
	opam_add_string(ret, name);
	text_add(ret, "\n    [\n");
	opam_add_checksums(ret, &checksums, "      ", "\n");
	text_add(ret, "    ]\n  ]\n  [");
	opam_add_string(ret, package);
	text_add(ret, " ");
	add_url(repair, ret);
	text_add(ret, "]\n");
}

/* --- the lines for people --- */

static void
add_serving(const json_t *repair, const char *words, struct text *text)
{
	const json_t *serving = json_object_get(repair, "serving");

	text_addf(text, "# %s:\n#   ", words);
	origin_add_safe(text, json_text_of(serving, "url"));
	text_add(text, ": ");
	origin_text(serving, text);
	text_add(text, "\n");
}

static void
add_correction(const json_t *repair, struct text *text)
{
	const json_t *correction = json_object_get(repair, "correction");
	const char *package = json_text_of(correction, "package");

	text_add(text, "# a source names other bytes there now");
	if (package[0] != '\0')
		text_add(text, ", as ");
	origin_add_safe(text, package);
	if (!json_flag_of(correction, "seen"))
		text_add(text, ", and nobody has looked at them: it may have been corrected");
	text_add(text, "; these are their checksums\n");
}

/* Who could still be asked. */
static void
add_untried(const json_t *repair, struct text *text)
{
	const json_t *urls = json_object_get(repair, "untried");
	const json_t *mirrors = json_object_get(repair, "mirrors_untried");

	for (size_t i = 0; i < json_array_size(urls); i++) {
		text_add(text, "#   not asked yet, larder fetch does: ");
		origin_add_safe(text, json_string_value(json_array_get(urls, i)));
		text_add(text, "\n");
	}
	for (size_t i = 0; i < json_array_size(mirrors); i++) {
		text_add(text, "#   not asked yet, larder fetch does: the mirror ");
		origin_add_safe(text, json_string_value(json_array_get(mirrors, i)));
		text_add(text, "\n");
	}
}

static void
add_rescue(const json_t *repair, struct text *text)
{
	struct digests digests = digests_in(repair, "digests");
	const char *file = json_text_of(repair, "file");
	char best[DIGEST_TEXT_MAX];

	digests_best_text(&digests, best);
	text_add(text, "# nobody is known to serve it");
	if (json_flag_of(repair, "stored")) {
		text_addf(text, "; it is stored here:\n#   larder get %s -o %s\n", best, file);
	} else {
		text_addf(text, ", and it is not stored here; ask around for %s\n", best);
		add_untried(repair, text);
	}
	text_addf(text,
	        "# publish it (a rescue repository would call it %s), and put its address in place of %s%s\n",
	        file, REPAIR_RESCUE, file);
}

static void
add_reason(const json_t *repair, struct text *text)
{
	const char *how = json_text_of(repair, "how");

	if (strcmp(how, "named") == 0)
		add_serving(repair, "it is served where it is named", text);
	else if (strcmp(how, "elsewhere") == 0)
		add_serving(repair, "it is served by", text);
	else if (strcmp(how, "corrected") == 0)
		add_correction(repair, text);
	else
		add_rescue(repair, text);
}

static void
add_title(const json_t *repair, struct text *text)
{
	struct digests digests = digests_in(repair, "digests");
	const char *package = json_text_of(repair, "package");
	char best[DIGEST_TEXT_MAX];

	digests_best_text(&digests, best);
	text_add(text, "# ");
	origin_add_safe(text, package[0] != '\0' ? package : best);
	text_add(text, "\n");
}

void
repair_print(const json_t *repair, enum repair_lines lines)
{
	const json_t *named = json_object_get(repair, "named");
	AUTO_TEXT text = TEXT_EMPTY, lock = TEXT_EMPTY;

	add_title(repair, &text);
	for (size_t i = 0; i < json_array_size(named); i++)
		origin_add_lines(&text, json_array_get(named, i), "#   ");
	add_reason(repair, &text);
	repair_section(repair, &text);
	if (lines == REPAIR_SECTION_AND_LOCK)
		repair_lock_lines(repair, &lock);
	if (lock.length > 0)
		text_addf(&text,
		        "# in a lockfile of opam-monorepo, where its directory may be called otherwise; and "
		        "its "
		        "pin:\n%s",
		        text_string(&lock));
	puts(text_string(&text));
}
