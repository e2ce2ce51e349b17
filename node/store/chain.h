#ifndef CHAIN_H
#define CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "kv.h"
#include "orgs.h"
#include "rp/identity.h"
#include "rp/record.h"

/*
 * An organisation's chain of keys as the store knows it (SPEC 2.2). The successions lie with the
 * organisation (SPEC 7.2): those that are followed, in order, and after them, at a fork, two of one
 * number, both by the key that was committed to: then the chain ends before both.
 */
struct chain {
    struct rp_identity identity;                            /* with what is followed */
    uint32_t rivals;                                        /* 2 at a fork, else 0 */
    struct rp_slice packed[RP_SUCCESSIONS_MAX + 2];         /* identity.number, and the rivals */
    uint8_t ids[RP_SUCCESSIONS_MAX + 2][RP_ID_LEN];         /* theirs */
    uint8_t committed[RP_SUCCESSIONS_MAX + 1][RP_HASH_LEN]; /* [n]: the key that signs n + 1 */
};

/* Reads the chain of ${org}, from which the slices are borrowed. RP_ERR_CORRUPT, RP_ERR_NOMEM. */
int chain_read(struct chain *out, const struct org *org) __attribute__((warn_unused_result));

/* The same of the organisation with that number; false when there is none, or with an error in
 * ${txn}. Borrowed from the transaction. */
bool chain_load(struct kv_txn *txn, uint32_t number, struct chain *out);

/* Where a key stands in the chain, or -1. */
int chain_index(const struct chain *chain, const uint8_t key[static RP_KEY_LEN]);

/* Whether the organisation stands by the record ${id}, signed by its key ${index}, now that others
 * may have followed. RP_ERR_DISOWNED when not, RP_ERR_CORRUPT, RP_ERR_NOMEM. */
int chain_stands_by(const struct chain *chain, int index, const uint8_t id[static RP_ID_LEN])
    __attribute__((warn_unused_result));

/* Writes the chain's successions with their organisation. */
void chain_save(struct kv_txn *txn, uint32_t number, const struct chain *chain);

#endif
