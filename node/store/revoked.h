#ifndef REVOKED_H
#define REVOKED_H

#include <stdbool.h>
#include <stdint.h>

#include "kv.h"
#include "records.h"

/*
 * Which nodes' certificates their organisations have revoked (SPEC 2.4): an index of the stored
 * revocations, kept together with them. Whether one counts was decided where it was taken in.
 */
bool revoked_is_meant(const struct rp_record *record);
void revoked_put(struct kv_txn *txn, const struct rp_record *record, const struct place *place);
void revoked_del(struct kv_txn *txn, const struct rp_record *record, const struct place *place);

/* Whether the organisation with that number has revoked its node with the Ed25519 key ${node}; the
 * record that says so in ${seq}, which may be NULL. */
bool revoked_has(struct kv_txn *txn, uint32_t org, const uint8_t node[static RP_KEY_LEN],
                 uint64_t *seq);

/* For walking an organisation's with kv_first; and the node at a walk's entry. */
struct kv_key revoked_prefix(uint32_t org);
const uint8_t *revoked_node(struct rp_slice key);

#endif
