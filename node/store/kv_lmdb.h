#ifndef KV_LMDB_H
#define KV_LMDB_H

#include <stdbool.h>
#include <stdint.h>

#include "kv.h"

/*
 * The store on disk: LMDB, the only place that knows it. Opened by one process; any thread may
 * read, one at a time may write.
 */

struct kv_lmdb_opts {
    const char *path;   /* folder that holds data.mdb and lock.mdb; must exist */
    bool create;        /* make a new store; else an absent one is an error */
    uint64_t map_bytes; /* address space to reserve: the most the store can ever hold */
};

/*
 * NULL and a reason in ${err}: RP_ERR_NOT_FOUND (no store there), RP_ERR_CORRUPT (cut short, or not
 * a store), RP_ERR_IO, RP_ERR_NOMEM. A file shorter than its pages is found here, before any page
 * is read, since touching what is not there would kill the process.
 */
struct kv *kv_lmdb_open(const struct kv_lmdb_opts *opts, int *err);
void kv_lmdb_close(struct kv *kv);

/* Whether the header could not be written: then nothing can be read or written any more until the
 * store is opened anew. What was acknowledged is in it. */
bool kv_lmdb_has_failed(struct kv *kv);

/* Bytes of the data file in use: pages allocated and not free. */
uint64_t kv_lmdb_bytes(struct kv *kv);

#endif
