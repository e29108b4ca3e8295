/*
 * A place in a text file, for messages: line and column in bytes, both from 1; 0 where it is not known.
 */
#ifndef STORAGE_CATALOG_PLACE_H
#define STORAGE_CATALOG_PLACE_H

struct place {
	unsigned line, column;
};

#endif
