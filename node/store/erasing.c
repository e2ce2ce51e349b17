#include "erasing.h"

#define VALUE_LEN 24

bool erasing_load(struct kv_txn *txn, struct erasing *out)
{
    struct kv_key key = batch_meta_key(META_ERASING);
    struct rp_slice value;

    *out = (struct erasing){0};
    if (!kv_get(txn, KV_META, kv_key_slice(&key), &value))
        return false;
    if (value.len == VALUE_LEN) {
        out->first = kv_number(value.data, 8);
        out->last = kv_number(value.data + 8, 8);
        out->times = kv_number(value.data + 16, 8);
    }
    return true;
}

void erasing_note(struct batch *batch)
{
    struct kv_key key = batch_meta_key(META_ERASING);
    struct kv_key value = {.len = 0};
    struct erasing erasing;

    if (!erasing_load(batch_txn(batch), &erasing))
        erasing.first = batch_peek_seq(batch);
    kv_key_number(&value, erasing.first, 8);
    kv_key_number(&value, batch_peek_seq(batch), 8);
    kv_key_number(&value, erasing.times + 1, 8);
    kv_put(batch_txn(batch), KV_META, kv_key_slice(&key), kv_key_slice(&value));
}
