#include "restored.h"

#define VALUE_LEN 9

void restored_read(struct kv_txn *txn, struct restored *out)
{
    struct kv_key key = batch_meta_key(META_RESTORED);
    struct rp_slice value;

    *out = (struct restored){RESTORED_NOT, 0};
    if (!kv_get(txn, KV_META, kv_key_slice(&key), &value) || value.len != VALUE_LEN)
        return;
    out->since = kv_number(value.data, 8);
    out->why = value.data[8] < RESTORED_WHYS ? (enum restored_why)value.data[8] : RESTORED_DECLARED;
}

void restored_write(struct kv_txn *txn, const struct restored *restored)
{
    struct kv_key key = batch_meta_key(META_RESTORED);
    struct kv_key value = {.len = 0};

    if (restored->why == RESTORED_NOT) {
        kv_del(txn, KV_META, kv_key_slice(&key));
        return;
    }
    kv_key_number(&value, restored->since, 8);
    kv_key_number(&value, (uint64_t)restored->why, 1);
    kv_put(txn, KV_META, kv_key_slice(&key), kv_key_slice(&value));
}
