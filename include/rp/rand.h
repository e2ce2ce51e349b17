#ifndef RP_RAND_H
#define RP_RAND_H

#include <stddef.h>
#include <stdint.h>

#define RP_RAND_SEED_LEN 32

/*
 * The library's only source of chance: a ChaCha20 generator whose seed the caller gives. A node
 * seeds it from the system once; the simulator from its own seed, which makes every run repeatable.
 * The key is replaced after each draw, so that a captured state does not reveal earlier draws.
 */
struct rp_rand {
    uint8_t key[RP_RAND_SEED_LEN];
};

void rp_rand_init(struct rp_rand *rand, const uint8_t seed[static RP_RAND_SEED_LEN]);

/* Fills ${out} with ${len} bytes. */
void rp_rand_bytes(struct rp_rand *rand, uint8_t *out, size_t len);

/* A number from 0 to ${below} - 1, evenly; 0 when ${below} is 0. */
uint64_t rp_rand_below(struct rp_rand *rand, uint64_t below);

#endif
