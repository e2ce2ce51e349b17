#include "repair.h"

#include <string.h>

#include "rp/err.h"
#include "store/records.h"

/* The copy of the withdrawal with that symbol. */
static bool find_copy(struct kv_txn *txn, const uint8_t *symbol, struct rp_slice *packed)
{
    struct kv_iter it;

    for (kv_first(&it, txn, KV_WITHDRAWN, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        if (it.value.len <= RP_SYMBOL_LEN || memcmp(it.value.data, symbol, RP_SYMBOL_LEN) != 0)
            continue;
        *packed = (struct rp_slice){it.value.data + RP_SYMBOL_LEN, it.value.len - RP_SYMBOL_LEN};
        kv_stop(&it);
        return true;
    }
    return false;
}

static void restore(struct batch *batch, struct change *change, struct rp_slice copy)
{
    struct rp_bytes packed; /* of our own: the transaction's are gone after its next change */
    struct rp_opened opened;

    if (rp_bytes_copy(&packed, copy.data, copy.len) != RP_OK) {
        kv_fail(batch_txn(batch), RP_ERR_NOMEM);
        return;
    }
    if (rp_record_open(&opened, rp_bytes_slice(&packed)) == RP_OK) {
        if (memcmp(opened.record.id, change->erased.symbol, RP_SYMBOL_LEN) == 0) {
            change->repaired = change->erased.place;
            change->was_repaired = true;
            records_insert(batch, &opened.record, rp_bytes_slice(&packed), &change->repaired);
        }
        rp_record_close(&opened);
    }
    rp_bytes_free(&packed);
}

void repair_record(struct batch *batch, struct change *change)
{
    struct kv_txn *txn = batch_txn(batch);
    struct rp_slice packed;

    change->was_repaired = false;
    change->was_damaged = records_load(txn, change->seq, &change->erased.place, &packed) &&
                          !records_is_sound(txn, change->seq) && kv_err(txn) == RP_OK;
    if (!change->was_damaged)
        return;
    records_erase(batch, change->seq, change->erased.symbol);
    if (change->erased.place.lane == LANE_LASTING && find_copy(txn, change->erased.symbol, &packed))
        restore(batch, change, packed);
}
