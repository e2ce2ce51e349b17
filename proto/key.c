#include "rp/key.h"

#include <sodium.h>
#include <string.h>

#include "rp/err.h"

#define DOMAIN_MAX 32

/* What is really signed: domain, NUL, digest. Returns its length. */
static size_t signed_bytes(uint8_t out[static DOMAIN_MAX + RP_HASH_LEN], const char *domain,
                           const uint8_t digest[static RP_HASH_LEN])
{
    size_t n = strnlen(domain, DOMAIN_MAX - 1);

    memcpy(out, domain, n);
    out[n] = 0;
    memcpy(out + n + 1, digest, RP_HASH_LEN);
    return n + 1 + RP_HASH_LEN;
}

void rp_key_from_seed(struct rp_key *key, const uint8_t seed[static RP_KEY_SEED_LEN])
{
    crypto_sign_seed_keypair(key->public, key->secret, seed);
}

void rp_key_wipe(struct rp_key *key)
{
    sodium_memzero(key, sizeof *key);
}

int rp_key_dh_from_secret(struct rp_dh_key *key, const uint8_t secret[static RP_KEY_LEN])
{
    memcpy(key->secret, secret, RP_KEY_LEN);
    return crypto_scalarmult_base(key->public, secret) == 0 ? RP_OK : RP_ERR_KEY;
}

void rp_key_dh_wipe(struct rp_dh_key *key)
{
    sodium_memzero(key, sizeof *key);
}

void rp_key_sign(uint8_t sig[static RP_SIG_LEN], const struct rp_key *key, const char *domain,
                 const uint8_t digest[static RP_HASH_LEN])
{
    uint8_t message[DOMAIN_MAX + RP_HASH_LEN];
    size_t len = signed_bytes(message, domain, digest);

    crypto_sign_detached(sig, NULL, message, len, key->secret);
}

int rp_key_verify(const uint8_t sig[static RP_SIG_LEN], const uint8_t public[static RP_KEY_LEN],
                  const char *domain, const uint8_t digest[static RP_HASH_LEN])
{
    uint8_t message[DOMAIN_MAX + RP_HASH_LEN];
    size_t len = signed_bytes(message, domain, digest);

    return rp_key_verify_raw(sig, public, message, len);
}

int rp_key_verify_raw(const uint8_t sig[static RP_SIG_LEN], const uint8_t public[static RP_KEY_LEN],
                      const uint8_t *message, size_t len)
{
    return crypto_sign_verify_detached(sig, message, len, public) == 0 ? RP_OK : RP_ERR_SIGNATURE;
}

void rp_key_next_digest(uint8_t out[static RP_HASH_LEN], const uint8_t public[static RP_KEY_LEN])
{
    rp_hash_one(out, RP_DOMAIN_NEXT_KEY, public, RP_KEY_LEN);
}
