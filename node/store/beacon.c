#include "beacon.h"

#include <string.h>

#include "batch.h"
#include "rp/err.h"

#define KEY_LEN (4 + RP_KEY_LEN) /* scope, node */
#define RECEIVED_LEN 8

void beacon_entry_save(struct kv_txn *txn, const struct beacon_entry *entry)
{
    struct kv_key received = {.len = 0};
    struct kv_key key = {.len = 0};
    struct rp_bytes value;

    kv_key_number(&key, entry->scope, 4);
    kv_key_bytes(&key, entry->key, RP_KEY_LEN);
    if (entry->sealed.len == 0) {
        kv_del(txn, KV_BEACON, kv_key_slice(&key));
        return;
    }
    kv_key_number(&received, entry->received, RECEIVED_LEN);
    if (rp_bytes_join(&value, kv_key_slice(&received), entry->sealed) != RP_OK) {
        kv_fail(txn, RP_ERR_NOMEM);
        return;
    }
    kv_put(txn, KV_BEACON, kv_key_slice(&key), rp_bytes_slice(&value));
    rp_bytes_free(&value);
}

bool beacon_entry_read(struct rp_slice key, struct rp_slice value, struct beacon_entry *out)
{
    if (key.len != KEY_LEN || value.len <= RECEIVED_LEN)
        return false;
    out->scope = (uint32_t)kv_number(key.data, 4);
    memcpy(out->key, key.data + 4, RP_KEY_LEN);
    out->received = kv_number(value.data, RECEIVED_LEN);
    out->sealed = (struct rp_slice){value.data + RECEIVED_LEN, value.len - RECEIVED_LEN};
    return true;
}
