/*
 * Reading a stored archive again to see whether it is what it was, a piece at a time, so that whoever reads may pause in between. The
 * bytes come from the disk itself and not from the page cache, where the filesystem can do that: what is cached says nothing of the disk,
 * and what nobody asks for has no place there. One thread.
 */
#ifndef STORAGE_REREAD_H
#define STORAGE_REREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/err.h"
#include "storage/blob.h"

#define REREAD_PIECE (256u << 10) /* bytes read at once */

struct reread;

struct reread *reread_create(void);
void reread_destroy(struct reread *reread); /* NULL is nothing */

/* Begins with this one; the one before is closed. Takes the blob's descriptor. */
void reread_begin(struct reread *reread, struct blob *blob);
void reread_close(struct reread *reread);
/* Lets go of the file until it is gone on with, so that what is removed meanwhile does not keep its space. */
void reread_pause(struct reread *reread);
/* Takes the descriptor of the file that is there now. False: it is another or was touched, and nothing is open any more. */
bool reread_resume(struct reread *reread, int fd, const struct stamp *stamp);
bool reread_is_open(const struct reread *reread);
const struct blob *reread_blob(const struct reread *reread); /* the one it began with */
uint64_t reread_offset(const struct reread *reread);         /* bytes of it that were read */

enum reread_news {
	REREAD_MORE,  /* right so far */
	REREAD_RIGHT, /* all of it was read, and is what its name says */
	REREAD_WRONG, /* it is not; err says what is wrong */
	REREAD_GONE,  /* the file was removed or replaced meanwhile */
	REREAD_REFUSED, /* the disk does not give its bytes: they are lost, or the disk is away for a moment; err */
	REREAD_FAILED, /* it cannot be read now, which says nothing of it; err */
};
/* Reads the next piece. After any news but REREAD_MORE there is nothing left to read. */
enum reread_news reread_next(struct reread *reread, struct err *err);

#endif
