#ifndef RP_KEY_H
#define RP_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "rp/hash.h"

#define RP_KEY_LEN 32
#define RP_KEY_SEED_LEN 32

/* An Ed25519 key pair. Wipe it with rp_key_wipe when done. */
struct rp_key {
    uint8_t public[RP_KEY_LEN];
    uint8_t secret[64];
};

/* An X25519 key pair, for Noise. */
struct rp_dh_key {
    uint8_t public[RP_KEY_LEN];
    uint8_t secret[RP_KEY_LEN];
};

void rp_key_from_seed(struct rp_key *key, const uint8_t seed[static RP_KEY_SEED_LEN]);
void rp_key_wipe(struct rp_key *key);

/* The public half follows from the secret. RP_ERR_KEY when that is a key without a proper one. */
int rp_key_dh_from_secret(struct rp_dh_key *key, const uint8_t secret[static RP_KEY_LEN])
    __attribute__((warn_unused_result));
void rp_key_dh_wipe(struct rp_dh_key *key);

/* Signs ${domain}, a NUL and the 32 bytes of ${digest} (SPEC 1.4). */
void rp_key_sign(uint8_t sig[static RP_SIG_LEN], const struct rp_key *key, const char *domain,
                 const uint8_t digest[static RP_HASH_LEN]);

/*
 * RP_OK or RP_ERR_SIGNATURE. libsodium's strict rules: a scalar below the group order, no key or R
 * of small order, canonical encodings, no cofactor.
 */
int rp_key_verify(const uint8_t sig[static RP_SIG_LEN], const uint8_t public[static RP_KEY_LEN],
                  const char *domain, const uint8_t digest[static RP_HASH_LEN])
    __attribute__((warn_unused_result));

/* The same of a message as it is, without domain. */
int rp_key_verify_raw(const uint8_t sig[static RP_SIG_LEN], const uint8_t public[static RP_KEY_LEN],
                      const uint8_t *message, size_t len) __attribute__((warn_unused_result));

/*
 * RP_OK when the libsodium at hand decides as above on signatures for which libraries differ;
 * RP_ERR_SIGNATURE when it does not: a node then would not hold the records that all others hold,
 * and must not start. To be called once, after sodium_init.
 */
int rp_key_self_test(void) __attribute__((warn_unused_result));

/* What an identity commits to before a key is known (SPEC 2.2). */
void rp_key_next_digest(uint8_t out[static RP_HASH_LEN], const uint8_t public[static RP_KEY_LEN]);

#endif
