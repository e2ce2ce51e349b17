#ifndef KV_MEM_H
#define KV_MEM_H

#include "store/kv.h"

/*
 * The store in memory, for tests and the simulator: sorted arrays, and an undo list that makes an
 * aborted transaction leave no trace. Not for threads.
 */
struct kv *kv_mem_new(void);
void kv_mem_free(struct kv *kv);

/* The same entries in a store of their own. NULL when memory is short. */
struct kv *kv_mem_copy(const struct kv *kv);

/* Turns over bit ${bit} of the ${nth} value in ${table}, counted from byte ${from}, as a failing
 * disk would. False when there is no such value or bit. */
bool kv_mem_rot(struct kv *kv, enum kv_table table, size_t nth, size_t from, size_t bit);

/* From now on, the ${n}th commit from here fails with ${err}, once; 0 for never. */
void kv_mem_fail_commit(struct kv *kv, unsigned n, int err);

#endif
