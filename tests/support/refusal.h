/*
 * For the fuzz targets of bodies: what a refusal of one has to be.
 */
#ifndef TESTS_SUPPORT_REFUSAL_H
#define TESTS_SUPPORT_REFUSAL_H

#include <assert.h>

#include "storage/base/err.h"

/* With a sentence, and not as a fault of larder's. */
static inline void
check_refusal(const struct err *err)
{
	assert(err->code == ERR_SYNTAX || err->code == ERR_BAD_REQUEST || err->code == ERR_TOO_LARGE);
	assert(err->text[0] != '\0');
}

#endif
