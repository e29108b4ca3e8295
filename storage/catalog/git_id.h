/* The identity of an object of git: a SHA-1. Repositories with identities of SHA-256 are refused: libgit2 1.5 reads none. */
#ifndef STORAGE_CATALOG_GIT_ID_H
#define STORAGE_CATALOG_GIT_ID_H

#define GIT_ID_SIZE  20                    /* bytes */
#define GIT_HEX_SIZE (2 * GIT_ID_SIZE + 1) /* with the 0 behind it */

#endif
