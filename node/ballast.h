#ifndef BALLAST_H
#define BALLAST_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A file that holds nothing but room (SPEC 7.1): when the disk is full it goes, so that what is
 * withdrawn can still be taken in and erased. In the folder of the store, which is that of the home
 * that the process works in. Any thread.
 */

/* Free bytes on the store's disk; UINT64_MAX when that cannot be told. */
uint64_t ballast_disk_free(void);

/* Makes it ${bytes} large, if then ${keep_free} bytes are still free. It never gets smaller so. */
void ballast_keep(uint64_t bytes, uint64_t keep_free);

/* Gives its room away. False when there was none. */
bool ballast_release(void);

#endif
