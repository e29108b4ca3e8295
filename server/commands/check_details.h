/*
 * The details of what `check` prints. Main thread.
 */
#ifndef SERVER_COMMANDS_CHECK_DETAILS_H
#define SERVER_COMMANDS_CHECK_DETAILS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* The catalog names other bytes for it than the lockfile. */
bool check_is_corrected(const json_t *archive);
/* Of report_check: each archive that is not stored, with its origins; to a terminal the first CHECK_DETAILS_SHOWN. */
void check_details_print_missing(const json_t *missing);
/* Of those that are stored the so many that were corrected. */
void check_details_print_kept(const json_t *kept, uint64_t corrected);

#endif
