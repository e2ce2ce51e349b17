#ifndef STORE_BEACON_H
#define STORE_BEACON_H

#include <stdbool.h>
#include <stdint.h>

#include "kv.h"
#include "rp/key.h"

/* Beacons as the store keeps them (SPEC 7.2): one of each scope and node. */
struct beacon_entry {
    uint32_t scope;
    uint8_t key[RP_KEY_LEN]; /* the node's */
    uint64_t received;       /* ms */
    struct rp_slice sealed;  /* empty: none is kept */
};

/* Writes one, or removes it. */
void beacon_entry_save(struct kv_txn *txn, const struct beacon_entry *entry);

/* Reads the entry of a walk over KV_BEACON, from which it borrows. False when it is none. */
bool beacon_entry_read(struct rp_slice key, struct rp_slice value, struct beacon_entry *out);

#endif
