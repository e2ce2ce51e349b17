#include "revoked.h"

#include <string.h>

#include "rp/err.h"
#include "rp/limits.h"
#include "rp/reader.h"

bool revoked_is_meant(const struct rp_record *record)
{
    return record->set == RP_SET_CONTROL && rp_record_is_kind(record, "revocation") &&
           memcmp(record->scope, rp_record_commons, RP_ID_LEN) == 0;
}

struct kv_key revoked_prefix(uint32_t org)
{
    struct kv_key key = {.len = 0};

    kv_key_number(&key, org, 4);
    return key;
}

const uint8_t *revoked_node(struct rp_slice key)
{
    return key.data + 4;
}

/* The nodes that a revocation names, one after the other in ${nodes}; 0 when it is void. */
static uint32_t nodes_of(const struct rp_record *record, uint8_t (*nodes)[RP_KEY_LEN])
{
    struct rp_reader value;
    uint32_t n;

    if (!rp_reader_find(record->content, "nodes", &value))
        return 0;
    n = rp_reader_array(&value);
    if (n > RP_REVOKED_MAX)
        return 0;
    for (uint32_t i = 0; i < n; i++)
        rp_reader_bin_into(&value, nodes[i], RP_KEY_LEN);
    return value.err == RP_OK ? n : 0;
}

static void change(struct kv_txn *txn, const struct rp_record *record, const struct place *place,
                   bool remove)
{
    uint8_t nodes[RP_REVOKED_MAX][RP_KEY_LEN];
    uint32_t n = revoked_is_meant(record) ? nodes_of(record, nodes) : 0;

    for (uint32_t i = 0; i < n; i++) {
        struct kv_key key = revoked_prefix(place->org);

        kv_key_bytes(&key, nodes[i], RP_KEY_LEN);
        kv_key_number(&key, place->seq, 8);
        if (remove)
            kv_del(txn, KV_REVOKED, kv_key_slice(&key));
        else
            kv_put(txn, KV_REVOKED, kv_key_slice(&key), (struct rp_slice){NULL, 0});
    }
}

void revoked_put(struct kv_txn *txn, const struct rp_record *record, const struct place *place)
{
    change(txn, record, place, false);
}

void revoked_del(struct kv_txn *txn, const struct rp_record *record, const struct place *place)
{
    change(txn, record, place, true);
}

bool revoked_has(struct kv_txn *txn, uint32_t org, const uint8_t node[static RP_KEY_LEN],
                 uint64_t *seq)
{
    struct kv_key prefix = revoked_prefix(org);
    struct kv_iter it;
    bool found;

    kv_key_bytes(&prefix, node, RP_KEY_LEN);
    kv_first(&it, txn, KV_REVOKED, kv_key_slice(&prefix));
    found = it.found;
    if (found && seq != NULL)
        *seq = records_seq_of_key(it.key);
    kv_stop(&it);
    return found;
}
