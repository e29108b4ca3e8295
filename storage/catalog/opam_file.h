/*
 * The archives an opam file names: its url section and each extra-source, the older names archive, http and
 * mirrors, whether inside a section or at the top as in the `url` files of opam 1.2. Shared by repositories
 * and lockfiles. One thread.
 */
#ifndef STORAGE_CATALOG_OPAM_FILE_H
#define STORAGE_CATALOG_OPAM_FILE_H

#include "storage/catalog/harvest.h"
#include "storage/catalog/opam_syntax.h"
#include "storage/catalog/section.h"

/* Adds every archive among the items of a file; package is "rosa.0.2.0" or "". */
void opam_file_harvest(
        const struct opam_item *items, const char *package, const char *file, struct harvest *harvest);

/*
 * "name.version" from the fields of these names into ret; just the one where the other is missing, "" without
 * a name.
 */
void opam_file_package(const struct opam_item *items, char ret[HARVEST_PACKAGE_MAX + 1]);

/*
 * Gives a string, or each string of a list, to the section as a checksum; what is neither becomes a problem.
 */
void opam_file_checksums(struct section *section, const struct opam_value *value);
/* The same for URLs. */
void opam_file_urls(struct section *section, const struct opam_value *value);

#endif
