#ifndef KV_MEM_H
#define KV_MEM_H

#include "store/kv.h"

/*
 * The store in memory, for tests and the simulator: sorted arrays, and an undo list that makes an
 * aborted transaction leave no trace. Not for threads.
 */
struct kv *kv_mem_new(void);
void kv_mem_free(struct kv *kv);

/* From now on, the ${n}th commit from here fails with ${err}, once; 0 for never. */
void kv_mem_fail_commit(struct kv *kv, unsigned n, int err);

#endif
