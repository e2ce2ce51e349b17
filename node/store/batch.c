#include "batch.h"

#include <stdlib.h>
#include <string.h>

#include "rp/err.h"
#include "rp/limits.h"

#define SUMS_HELD 32 /* as many organisations as a batch usually touches */
#define SUM_VALUE_LEN (8 + RP_FINGERPRINT_LEN)

struct held_sum {
    bool used;
    struct sum_key key;
    struct sum sum;
};

struct batch {
    struct kv_txn *txn;
    uint64_t next_seq;
    bool seq_moved;
    size_t next_held; /* which to write back when all are in use */
    struct held_sum held[SUMS_HELD];
};

struct kv_key batch_meta_key(enum meta_key key)
{
    struct kv_key k = {.len = 0};

    kv_key_number(&k, (uint64_t)key, 4);
    return k;
}

static struct kv_key sum_key(struct sum_key key)
{
    struct kv_key k = {.len = 0};

    kv_key_number(&k, key.scope, 4);
    kv_key_number(&k, key.lane, 1);
    kv_key_number(&k, key.org, 4);
    return k;
}

void batch_read_sum(struct kv_txn *txn, struct sum_key key, struct sum *out)
{
    struct kv_key k = sum_key(key);
    struct rp_slice value;

    *out = (struct sum){0};
    if (!kv_get(txn, KV_SUM, kv_key_slice(&k), &value))
        return;
    if (value.len != SUM_VALUE_LEN) {
        kv_fail(txn, RP_ERR_CORRUPT);
        return;
    }
    out->count = kv_number(value.data, 8);
    rp_fingerprint_load(&out->fingerprint, value.data + 8);
}

struct batch *batch_begin(struct kv *kv, int *err)
{
    struct batch *batch = calloc(1, sizeof *batch);
    struct kv_key key = batch_meta_key(META_NEXT_SEQ);
    struct rp_slice value;

    if (batch == NULL) {
        *err = RP_ERR_NOMEM;
        return NULL;
    }
    batch->txn = kv_begin(kv, true, err);
    if (batch->txn == NULL) {
        free(batch);
        return NULL;
    }
    if (kv_get(batch->txn, KV_META, kv_key_slice(&key), &value) && value.len == 8)
        batch->next_seq = kv_number(value.data, 8);
    else
        batch->next_seq = 1;
    return batch;
}

static void write_sum(struct batch *batch, struct held_sum *held)
{
    struct kv_key k = sum_key(held->key);
    uint8_t value[SUM_VALUE_LEN];
    struct kv_key count = {.len = 0};

    kv_key_number(&count, held->sum.count, 8);
    memcpy(value, count.bytes, 8);
    rp_fingerprint_save(value + 8, &held->sum.fingerprint);
    kv_put(batch->txn, KV_SUM, kv_key_slice(&k), (struct rp_slice){value, sizeof value});
    held->used = false;
}

int batch_commit(struct batch *batch)
{
    struct kv_key key = batch_meta_key(META_NEXT_SEQ);
    struct kv_key seq = {.len = 0};
    int err;

    for (size_t i = 0; i < SUMS_HELD; i++) {
        if (batch->held[i].used)
            write_sum(batch, &batch->held[i]);
    }
    if (batch->seq_moved) {
        kv_key_number(&seq, batch->next_seq, 8);
        kv_put(batch->txn, KV_META, kv_key_slice(&key), kv_key_slice(&seq));
    }
    err = kv_commit(batch->txn);
    free(batch);
    return err;
}

void batch_abort(struct batch *batch)
{
    kv_abort(batch->txn);
    free(batch);
}

struct kv_txn *batch_txn(struct batch *batch)
{
    return batch->txn;
}

uint64_t batch_next_seq(struct batch *batch)
{
    batch->seq_moved = true;
    return batch->next_seq++;
}

uint64_t batch_peek_seq(const struct batch *batch)
{
    return batch->next_seq;
}

static bool same_key(struct sum_key a, struct sum_key b)
{
    return a.scope == b.scope && a.lane == b.lane && a.org == b.org;
}

/* The held sum for ${key}, read in when it was not held, in place of another if need be. */
static struct held_sum *hold(struct batch *batch, struct sum_key key)
{
    struct held_sum *held = NULL;

    for (size_t i = 0; i < SUMS_HELD; i++) {
        if (batch->held[i].used && same_key(batch->held[i].key, key))
            return &batch->held[i];
        if (!batch->held[i].used && held == NULL)
            held = &batch->held[i];
    }
    if (held == NULL) {
        held = &batch->held[batch->next_held];
        batch->next_held = (batch->next_held + 1) % SUMS_HELD;
        write_sum(batch, held);
    }
    held->used = true;
    held->key = key;
    batch_read_sum(batch->txn, key, &held->sum);
    return held;
}

void batch_sum(struct batch *batch, struct sum_key key, const uint8_t symbol[static RP_SYMBOL_LEN],
               bool remove)
{
    struct held_sum *held = hold(batch, key);

    if (remove) {
        held->sum.count--;
        rp_fingerprint_remove(&held->sum.fingerprint, symbol);
    } else {
        held->sum.count++;
        rp_fingerprint_add(&held->sum.fingerprint, symbol);
    }
}

void batch_count(struct batch *batch, uint32_t scope, struct rp_slice kind, int change)
{
    uint8_t padded[RP_KIND_LEN_MAX] = {0};
    struct kv_key key = {.len = 0};
    struct kv_key value = {.len = 0};
    struct rp_slice old;
    uint64_t count = 0;

    memcpy(padded, kind.data, kind.len);
    kv_key_number(&key, scope, 4);
    kv_key_bytes(&key, padded, sizeof padded);
    if (kv_get(batch->txn, KV_COUNT, kv_key_slice(&key), &old) && old.len == 8)
        count = kv_number(old.data, 8);
    count += change < 0 ? UINT64_MAX : 1;
    kv_key_number(&value, count, 8);
    if (count > 0)
        kv_put(batch->txn, KV_COUNT, kv_key_slice(&key), kv_key_slice(&value));
    else
        kv_del(batch->txn, KV_COUNT, kv_key_slice(&key)); /* no trace that there was one */
}
