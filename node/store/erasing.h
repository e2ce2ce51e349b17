#ifndef ERASING_H
#define ERASING_H

#include <stdbool.h>
#include <stdint.h>

#include "batch.h"

/*
 * What has left the store and may still be read in its file, whose free space keeps old bytes until
 * the file is written anew (SPEC 7.2). Noted in the transaction that erases, so that a crash cannot
 * forget it; taken back by whoever has written the file anew.
 */
struct erasing {
    uint64_t first; /* next seq when something was erased first, and */
    uint64_t last;  /* ... last; a withdrawal's own seq is below it */
    uint64_t times; /* how often since */
};

/* False when nothing is to be erased. */
bool erasing_load(struct kv_txn *txn, struct erasing *out);

/* Something leaves the store in this batch. */
void erasing_note(struct batch *batch);

#endif
