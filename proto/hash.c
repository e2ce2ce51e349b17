#include "rp/hash.h"

#include <sodium.h>
#include <string.h>

void rp_hash(uint8_t out[static RP_HASH_LEN], const char *domain, const struct rp_slice *parts,
             size_t n)
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, RP_HASH_LEN);
    crypto_generichash_update(&state, (const uint8_t *)domain, strlen(domain) + 1);
    for (size_t i = 0; i < n; i++)
        crypto_generichash_update(&state, parts[i].data, parts[i].len);
    crypto_generichash_final(&state, out, RP_HASH_LEN);
}

void rp_hash_one(uint8_t out[static RP_HASH_LEN], const char *domain, const uint8_t *data,
                 size_t len)
{
    struct rp_slice part = {data, len};

    rp_hash(out, domain, &part, 1);
}
