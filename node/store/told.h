#ifndef TOLD_H
#define TOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "kv.h"
#include "rp/record.h"

/*
 * What is kept of stories that have a teller, also when their text is long gone (SPEC 2.5, 7.2):
 * what turns the teller's code into a withdrawal, and which of the own objects have a teller, so
 * that what is published again from the same source is a version of the same object, or withdrawn.
 * Errors stick in the transaction.
 */
struct told {
    uint8_t teller[RP_KEY_LEN];
    uint8_t object[RP_ID_LEN];
    uint8_t scope[RP_ID_LEN];
    uint8_t org[RP_ID_LEN];
    uint8_t seed[RP_SEED_LEN];
    uint8_t slip[RP_SIG_LEN];
};

/* Keeps what ${record}, which has a teller, and its ${slip}, which holds, say. */
void told_keep(struct kv_txn *txn, const struct rp_record *record,
               const uint8_t slip[static RP_SIG_LEN]);

/* Keeps the teller of ${record}, which is the own organisation's. */
void told_keep_own(struct kv_txn *txn, const struct rp_record *record);

/* The teller of the own objects with this seed; false when they have none. */
bool told_of_seed(struct kv_txn *txn, const uint8_t seed[static RP_SEED_LEN],
                  uint8_t teller[static RP_KEY_LEN]);

/* What is kept of one object of a teller. */
bool told_find(struct kv_txn *txn, const uint8_t teller[static RP_KEY_LEN],
               const uint8_t object[static RP_ID_LEN], struct told *out);

/* Reads an entry of KV_TELLER, whose keys begin with the teller. */
bool told_read(struct kv_txn *txn, struct rp_slice key, struct rp_slice value, struct told *out);

#endif
