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

/* Whether the header could not be written, or the store not opened again after kv_lmdb_copy_swap:
 * then nothing can be read or written any more until the store is opened anew. What was
 * acknowledged is in it. */
bool kv_lmdb_has_failed(struct kv *kv);

/* Bytes of the data file in use: pages allocated and not free. */
uint64_t kv_lmdb_bytes(struct kv *kv);

/*
 * Writing the store anew, so that its file holds what is stored and nothing else: free pages keep
 * old bytes, and so do the gaps in used ones. Entry by entry into data.new beside data.mdb, while
 * others read and between write transactions, which then write to both. All of it in the thread
 * that writes, outside of its transactions. Killed at any moment there is a whole data.mdb, the old
 * or the new; a data.new that was left behind is removed when the store is opened.
 *
 * kv_lmdb_copy_begin, then _step until ${done}, then _swap, after which the new file is the store,
 * then _wipe until ${done}, which overwrites what had been the file. After an error, or to give up,
 * kv_lmdb_copy_end, after which all is as before. RP_ERR_FULL: no room for two.
 */
int kv_lmdb_copy_begin(struct kv *kv) __attribute__((warn_unused_result));

/* Copies entries of ${bytes} or a little more. */
int kv_lmdb_copy_step(struct kv *kv, size_t bytes, bool *done) __attribute__((warn_unused_result));

/* Waits until those who read are done, and lets others wait meanwhile, for as long as it takes to
 * close a file and open another. */
int kv_lmdb_copy_swap(struct kv *kv) __attribute__((warn_unused_result));

int kv_lmdb_copy_wipe(struct kv *kv, size_t bytes, bool *done) __attribute__((warn_unused_result));
void kv_lmdb_copy_end(struct kv *kv);

#endif
