#ifndef ORGS_H
#define ORGS_H

#include <stdbool.h>
#include <stdint.h>

#include "kv.h"
#include "rp/bytes.h"
#include "rp/identity.h"

/*
 * Organisations as the store knows them (SPEC 7.2). Each has a number, which the other tables use;
 * 1 is the node's own. An organisation that was ever accepted stays here for good.
 */
#define ORG_SELF 1

struct org {
    uint32_t number;
    uint8_t id[RP_ID_LEN];
    bool accepted;  /* now */
    bool ever;      /* ever accepted: its lasting control records are kept */
    bool by_hand;   /* accepted by the operator's own act, with no vouch */
    bool blocked;   /* by the operator: never accepted, and nothing passes through it */
    uint64_t since; /* ms: when it was first accepted */
    uint64_t left;  /* ms: when it stopped being accepted; 0: it is, or never was */
    struct rp_slice inception;
    struct rp_slice successions; /* an array of packed records: see chain.h. Empty: as stored */
};

/* The number of the organisation ${id}, or 0. */
uint32_t orgs_number(struct kv_txn *txn, const uint8_t id[static RP_ID_LEN]);

/* Reads one; inception is borrowed from the transaction. False when there is none. */
bool orgs_load(struct kv_txn *txn, uint32_t number, struct org *out);

/* Writes one under its number, which whoever keeps the organisations in memory gave it. */
void orgs_save(struct kv_txn *txn, const struct org *org);

/* Reads the organisation at a walk's entry of KV_ORG. False when it is damaged. */
bool orgs_read(struct rp_slice key, struct rp_slice value, struct org *out);

#endif
