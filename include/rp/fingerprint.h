#ifndef RP_FINGERPRINT_H
#define RP_FINGERPRINT_H

#include <stdint.h>

#include "rp/hash.h"

/*
 * A collision-resistant sum over a set of symbols (LtHash, SPEC 4.1): each symbol is expanded to
 * 1,024 lanes of 16 bits, and sets are the lane-wise sums of their symbols. Adding and removing are
 * each other's inverse and order does not matter; sums of disjoint sets add up.
 */
#define RP_FINGERPRINT_LANES 1024
#define RP_FINGERPRINT_LEN (2 * RP_FINGERPRINT_LANES) /* as stored */

/* A zeroed one is the empty set. */
struct rp_fingerprint {
    uint16_t lanes[RP_FINGERPRINT_LANES];
};

/* The set of one symbol: what costs most of adding or removing it, and serves all sums it is in. */
void rp_fingerprint_of(struct rp_fingerprint *out, const uint8_t symbol[static RP_SYMBOL_LEN]);

void rp_fingerprint_add(struct rp_fingerprint *sum, const uint8_t symbol[static RP_SYMBOL_LEN]);
void rp_fingerprint_remove(struct rp_fingerprint *sum, const uint8_t symbol[static RP_SYMBOL_LEN]);

/* Adds, or takes away, a whole set. */
void rp_fingerprint_join(struct rp_fingerprint *sum, const struct rp_fingerprint *other);
void rp_fingerprint_part(struct rp_fingerprint *sum, const struct rp_fingerprint *other);

/* What is sent and compared. */
void rp_fingerprint_digest(uint8_t out[static RP_HASH_LEN], const struct rp_fingerprint *sum);

/* The stored form: lanes in order, little-endian. */
void rp_fingerprint_save(uint8_t out[static RP_FINGERPRINT_LEN], const struct rp_fingerprint *sum);
void rp_fingerprint_load(struct rp_fingerprint *sum, const uint8_t in[static RP_FINGERPRINT_LEN]);

#endif
