/*
 * Uploads: PUT of an archive under its name, POST under whatever its digests are. The bytes go into an intake as
 * they come; the answer goes out when the archive is durable, as after a fetch.
 */
#ifndef SERVER_ADMIN_UPLOAD_H
#define SERVER_ADMIN_UPLOAD_H

#include "server/http/body.h"
#include "server/http/request.h"

struct uploads;
struct uploads *uploads_create(struct larder *larder); /* borrows */
/* Nothing more is stored (503); returns when what was being stored is, and nobody is parked for it. NULL is nothing. */
void uploads_close(struct uploads *uploads);
void uploads_destroy(struct uploads *uploads); /* none is under way; NULL is nothing */

extern const struct body_kind body_upload;
handler_fn
        upload_put; /* 201 new, 200 there already, 422, 409, 413, 507, 403 (a donation that is not wanted), 429 */
handler_fn upload_post; /* POST /api/v1/archives: the same, and answers JSON */

/*
 * {"result": "stored" | "known", "size": …, "digests": {…}}: what a POST answers. A client that comes through the
 * control socket may say where the file came from.
 */
#define UPLOAD_CAME_FROM "Larder-Came-From" /* header: a path, percent-encoded */

#endif
