/*
 * Which archives a request means: the body of POST /api/v1/check and /api/v1/fetch, whatever its form.
 * Any thread; nothing is written, nobody is asked.
 */
#ifndef SERVER_WORK_ASKED_H
#define SERVER_WORK_ASKED_H

#include <jansson.h>

#include "server/http/request.h"
#include "server/jobs/wants.h"
#include "storage/base/err.h"
#include "storage/base/text.h"
#include "storage/catalog/harvest.h"

#define ASKED_ARCHIVES_MAX 20000 /* more: ERR_TOO_LARGE */

struct asked {
	struct wants wants;
	struct harvest *harvest; /* of a lockfile or list, for its problems; NULL: there was none */
};
#define ASKED_EMPTY ((struct asked){0})

/*
 * A body of one of these forms, told apart by how it begins. Content-Type does not matter: clients send what
 * they like.
 *
 *   a lockfile        *.opam.locked
 *   a list            lines of `URL algo=hex [algo=hex ...] [package]`
 *   digests           lines of `algo:hex [algo:hex ...]`, each line an archive; # comments
 *   JSON              {"digests": [["sha256:…", "md5:…"], …]}, each inner list an archive
 *
 * ERR_SYNTAX or ERR_BAD_REQUEST says what is wrong and where. ret is to be finished in any case.
 */
bool asked_read_body(const struct text *body, struct asked *ret, struct err *err) MUST_CHECK;
/* Counts a body that was refused because it is over the limit. False, so that who reads one can `return asked_refused(…)`. */
bool asked_refused(struct request *request, const struct err *err);
/* The body of this request; what is refused is counted. */
bool asked_read_request(struct request *request, struct asked *ret, struct err *err) MUST_CHECK;
/* The JSON form alone, for one who takes other members too: what stands under "digests". */
bool asked_read_digests(const json_t *digests, struct asked *ret, struct err *err) MUST_CHECK;
/* The body is JSON, or means to be. */
bool asked_is_json(const struct text *body);
void asked_finish(struct asked *asked);

#endif
