/*
 * Hash tables: uthash, whose memory follows the rule of all memory (text.h). By itself it would end the process without a word, and with
 * the handlers of an orderly exit, from whichever thread it is in.
 */
#ifndef STORAGE_BASE_TABLE_H
#define STORAGE_BASE_TABLE_H

#include "storage/base/text.h"

#define uthash_malloc(size) xmalloc(size)

#include <uthash.h>

#endif
