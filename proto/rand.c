#include "rp/rand.h"

#include <sodium.h>
#include <string.h>

void rp_rand_init(struct rp_rand *rand, const uint8_t seed[static RP_RAND_SEED_LEN])
{
    memcpy(rand->key, seed, sizeof rand->key);
}

void rp_rand_bytes(struct rp_rand *rand, uint8_t *out, size_t len)
{
    static const uint8_t for_key[crypto_stream_chacha20_NONCEBYTES] = {0};
    static const uint8_t for_output[crypto_stream_chacha20_NONCEBYTES] = {1};
    uint8_t next[RP_RAND_SEED_LEN];

    crypto_stream_chacha20(out, len, for_output, rand->key);
    crypto_stream_chacha20(next, sizeof next, for_key, rand->key);
    memcpy(rand->key, next, sizeof next);
    sodium_memzero(next, sizeof next);
}

uint64_t rp_rand_below(struct rp_rand *rand, uint64_t below)
{
    uint64_t value;
    uint64_t fair;

    if (below == 0)
        return 0;
    fair = UINT64_MAX - UINT64_MAX % below; /* draws from here on would favour small numbers */
    do {
        rp_rand_bytes(rand, (uint8_t *)&value, sizeof value);
    } while (value >= fair);
    return value % below;
}
