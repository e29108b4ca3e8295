/*
 * Importing: learns from one source where archives live. It goes in whole or not at all; entries of it that
 * cannot be read are named and skipped. The thread that works.
 */
#include <fcntl.h>

#include "server/archive/flights.h"
#include "server/catalogs.h"
#include "server/jobs/harvest_json.h"
#include "server/jobs/json.h"
#include "server/jobs/work.h"
#include "storage/base/file.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"

/* One source, and what it came to. */
struct import {
	struct work *work;
	char *source; /* its name */
	const char *form;
	struct harvest *harvest; /* the work's, or own */
	struct harvest *own;
	struct catalog_learned learned;
};

static json_t *
count_json(uint64_t count, uint64_t fresh)
{
	return json_pack("{s:I, s:I}", "total", (json_int_t)count, "new", (json_int_t)fresh);
}

static json_t *
report_json(const struct import *import)
{
	const struct catalog_learned *learned = &import->learned;
	const struct harvest *harvest = import->harvest;
	json_t *report = json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:I}", "source", json_text(import->source),
	        "form", import->form, "files", (json_int_t)harvest->files, "sections",
	        (json_int_t)harvest->sections, "without_digest", (json_int_t)harvest->without_digest,
	        "not_archives", (json_int_t)harvest->not_archives, "problems_total",
	        (json_int_t)harvest->problems_in_all);

	if (harvest->tip != NULL)
		json_object_set_new(report, "commits", json_integer((json_int_t)harvest->commits));
	json_object_set_new(report, "archives", count_json(learned->archives, learned->new_archives));
	json_object_set_new(report, "digests", count_json(learned->digests, learned->new_digests));
	json_object_set_new(report, "origins", count_json(learned->origins, learned->new_origins));
	json_object_set_new(report, "packages", count_json(learned->packages, learned->new_packages));
	json_object_set_new(report, "problems", json_problems(harvest));
	return report;
}

/* --- reading --- */

/* What was sent: a harvest, which begins like JSON as no other source does, or a source as it is. */
static bool
read_body(struct import *import, enum source_form *ret_form, struct err *err)
{
	int fd = import->work->body_fd;
	char first = '\0';
	char *name;

	if (file_pread(fd, &first, 1, 0, err) < 0)
		return false;
	if (first != '{')
		return source_read_fd(fd, import->source, import->harvest, ret_form, err);
	if (!harvest_json_read(fd, import->harvest, ret_form, &name, err))
		return err_wrap(err, "%s", import->source);
	free(import->source);
	import->source = name;
	return true;
}

/* A path means nothing to a daemon: it would read what only its own user may. */
static bool
read_url(struct import *import, enum source_form *ret_form, struct err *err)
{
	if (!catalogs_is_url(import->source))
		return err_set(err, ERR_USAGE, "%s is no http or https URL", import->source);
	return catalogs_read(import->work->larder, import->source, import->harvest, ret_form, err);
}

static bool
read_source(struct import *import, struct err *err)
{
	struct work *work = import->work;
	enum source_form form;

	if (work->harvest != NULL) {
		import->harvest = work->harvest;
		import->form = json_text_of(work->asked, "form");
		return true;
	}
	import->own = import->harvest = harvest_create();
	if (!(work->body_fd >= 0 ? read_body(import, &form, err) : read_url(import, &form, err)))
		return false;
	import->form = source_form_name(form);
	return true;
}

static bool
learn(struct import *import, struct err *err)
{
	struct larder *larder = import->work->larder;

	if (!read_source(import, err))
		return false;
	if (import->work->is_stopped(import->work))
		return err_set(err, ERR_CANCELLED, "stopped before anything was learned");
	if (!catalog_learn(
	            store_catalog(larder->store), import->harvest, import->source, &import->learned, err))
		return false;
	if (larder->flights != NULL && import->learned.new_origins > 0)
		flights_forget_nowhere(larder->flights);
	return true;
}

json_t *
work_import(struct work *work, struct err *err)
{
	struct import import = {.work = work, .source = xstrdup(json_text_of(work->asked, "source"))};
	json_t *result = NULL;

	work->progress(work, "learned", 0, 0, 0);
	if (learn(&import, err))
		result = report_json(&import);
	else if (err->code != ERR_STOPPING && err->code != ERR_CANCELLED)
		result = json_pack("{s:o, s:o, s:i}", "source", json_text(import.source), "error",
		        json_text(err->text), "exit_status", err_exit_status(err->code));
	harvest_destroy(import.own);
	free(import.source);
	return result;
}
