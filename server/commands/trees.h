/*
 * The files below the paths given to `add`: each file once, loops avoided. Main thread.
 */
#ifndef SERVER_COMMANDS_TREES_H
#define SERVER_COMMANDS_TREES_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/base/err.h"
#include "storage/digest.h"

struct trees;

/*
 * Paths are files or directories. Of a directory in the layout of a download cache (md5/, sha1/, sha256/ or
 * sha512/ in it) only those are walked, of any other all of it. Links to files are followed, links to
 * directories only where they are a path themselves.
 */
struct trees *trees_open(char *const *paths, size_t n_paths, struct err *err) MUST_CHECK;

enum trees_news {
	TREES_FILE,       /* ret_path, borrowed until the next call */
	TREES_UNREADABLE, /* ret_path and err: say so and go on */
	TREES_PASSED, /* ret_path and err: a socket, a device, a link to a directory: nothing is given of it */
	TREES_END,
};
/* The next regular file; a file (device and inode) that was given out before is passed over. */
enum trees_news trees_next(struct trees *trees, const char **ret_path, struct err *err);
void trees_close(struct trees *trees); /* NULL is nothing */

/*
 * The digest a path ends in, as caches lay them out: …/sha256/ab/abcd… or …/sha256/abcd…. False: it names
 * none.
 */
bool trees_path_digest(const char *path, struct digest *ret);

#endif
