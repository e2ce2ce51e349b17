#ifndef WITNESS_H
#define WITNESS_H

#include <stdbool.h>

#include "home.h"

/*
 * Whether the store's file is the one that this home had, or a copy (SPEC 7.5): store/witness says
 * what the file system knows of data.mdb, which no copy has in common with it.
 */

/* Before the store is opened: whether it may be a copy. */
bool witness_is_copy(const char *home);

/* The store is in use from now on, and changes. ${swap}: its file is to be replaced by data.new.
 * Failing means that it will pass for a copy when it should not. */
int witness_open(const char *home, bool swap) __attribute__((warn_unused_result));

/* The store was closed and does not change any more. */
int witness_close(const char *home) __attribute__((warn_unused_result));

#endif
