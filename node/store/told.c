#include "told.h"

#include <string.h>

#include "rp/err.h"

#define VALUE_LEN (RP_ID_LEN + RP_ID_LEN + RP_SEED_LEN + RP_SIG_LEN)

static struct kv_key told_key(const uint8_t teller[static RP_KEY_LEN],
                              const uint8_t object[static RP_ID_LEN])
{
    struct kv_key key = {.len = 0};

    kv_key_bytes(&key, teller, RP_KEY_LEN);
    kv_key_bytes(&key, object, RP_ID_LEN);
    return key;
}

void told_keep(struct kv_txn *txn, const struct rp_record *record,
               const uint8_t slip[static RP_SIG_LEN])
{
    struct kv_key key = told_key(record->teller, record->object);
    uint8_t value[VALUE_LEN];
    uint8_t *at = value;

    memcpy(at, record->scope, RP_ID_LEN);
    memcpy(at += RP_ID_LEN, record->org, RP_ID_LEN);
    memcpy(at += RP_ID_LEN, record->seed, RP_SEED_LEN);
    memcpy(at + RP_SEED_LEN, slip, RP_SIG_LEN);
    kv_put(txn, KV_TELLER, kv_key_slice(&key), (struct rp_slice){value, sizeof value});
}

void told_keep_own(struct kv_txn *txn, const struct rp_record *record)
{
    kv_put(txn, KV_TOLD, (struct rp_slice){record->seed, RP_SEED_LEN},
           (struct rp_slice){record->teller, RP_KEY_LEN});
}

bool told_of_seed(struct kv_txn *txn, const uint8_t seed[static RP_SEED_LEN],
                  uint8_t teller[static RP_KEY_LEN])
{
    struct rp_slice value;

    if (!kv_get(txn, KV_TOLD, (struct rp_slice){seed, RP_SEED_LEN}, &value))
        return false;
    if (value.len != RP_KEY_LEN) {
        kv_fail(txn, RP_ERR_CORRUPT);
        return false;
    }
    memcpy(teller, value.data, RP_KEY_LEN);
    return true;
}

bool told_read(struct kv_txn *txn, struct rp_slice key, struct rp_slice value, struct told *out)
{
    const uint8_t *at = value.data;

    if (key.len != RP_KEY_LEN + RP_ID_LEN || value.len != VALUE_LEN) {
        kv_fail(txn, RP_ERR_CORRUPT);
        return false;
    }
    memcpy(out->teller, key.data, RP_KEY_LEN);
    memcpy(out->object, key.data + RP_KEY_LEN, RP_ID_LEN);
    memcpy(out->scope, at, RP_ID_LEN);
    memcpy(out->org, at += RP_ID_LEN, RP_ID_LEN);
    memcpy(out->seed, at += RP_ID_LEN, RP_SEED_LEN);
    memcpy(out->slip, at + RP_SEED_LEN, RP_SIG_LEN);
    return true;
}

bool told_find(struct kv_txn *txn, const uint8_t teller[static RP_KEY_LEN],
               const uint8_t object[static RP_ID_LEN], struct told *out)
{
    struct kv_key key = told_key(teller, object);
    struct rp_slice value;

    return kv_get(txn, KV_TELLER, kv_key_slice(&key), &value) &&
           told_read(txn, kv_key_slice(&key), value, out);
}
