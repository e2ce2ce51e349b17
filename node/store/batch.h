#ifndef BATCH_H
#define BATCH_H

#include <stdint.h>

#include "kv.h"
#include "rp/fingerprint.h"
#include "rp/record.h"

/*
 * One write transaction together with what is cheaper to write once at its end: the sums of sets,
 * the counts of objects and the next sequence number (SPEC 7.2).
 */
struct batch;

/*
 * What is counted and summed apart: control records that are members for good, vouches, which go
 * with their organisation's acceptance, and content (SPEC 2.4, 4).
 */
enum lane { LANE_LASTING, LANE_VOUCH, LANE_CONTENT, LANES };

/* Scopes by number in the store's keys. Circles get numbers of their own from the first on. */
enum scope_number { SCOPE_COMMONS = 0, SCOPE_LOCAL = 1, SCOPE_FIRST_CIRCLE = 2 };

enum meta_key {
    META_FORMAT = 1,   /* u32: version of the store's format */
    META_STORE_ID = 2, /* 16 bytes, also in the file store.id beside the store */
    META_NEXT_SEQ = 3, /* u64 */
    META_LATER = 4,    /* u64: how many records of later versions are noted */
    META_ERASING = 5,  /* erasing.h */
    META_RESTORED = 6, /* restored.h */
    META_WAITING = 7,  /* u64: rows of waiting */
};

/* NULL and the reason in ${err} on failure. */
struct batch *batch_begin(struct kv *kv, int *err);
int batch_commit(struct batch *batch) __attribute__((warn_unused_result));
void batch_abort(struct batch *batch);

struct kv_txn *batch_txn(struct batch *batch);

/* A sequence number that was never given before; and the one that would be next. */
uint64_t batch_next_seq(struct batch *batch);
uint64_t batch_peek_seq(const struct batch *batch);

/* Adds ${symbol} to, or with ${remove} takes it from, the sum of its scope, lane and organisation.
 */
struct sum_key {
    uint32_t scope;
    enum lane lane;
    uint32_t org;
};
void batch_sum(struct batch *batch, struct sum_key key, const uint8_t symbol[static RP_SYMBOL_LEN],
               bool remove);

/* Adds 1 to, or with a negative ${change} takes 1 from, the objects of a kind. */
void batch_count(struct batch *batch, uint32_t scope, struct rp_slice kind, int change);

/* Reads a sum: zeroes when there is none. */
struct sum {
    uint64_t count;
    struct rp_fingerprint fingerprint;
};
void batch_read_sum(struct kv_txn *txn, struct sum_key key, struct sum *out);

/* The key of a meta value. */
struct kv_key batch_meta_key(enum meta_key key);

#endif
