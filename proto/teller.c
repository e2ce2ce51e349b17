#include "rp/teller.h"

#include <sodium.h>
#include <string.h>

#include "rp/err.h"

#define VERSION 1
#define CHECKSUM_LEN 3
#define RAW_LEN (2 * RP_TELLER_WORDS) /* version 1, secret 16, checksum 3 */

static void checksum(uint8_t out[static CHECKSUM_LEN], const uint8_t raw[static RAW_LEN])
{
    uint8_t digest[RP_HASH_LEN];

    rp_hash_one(digest, RP_DOMAIN_TELLER_CODE, raw, RAW_LEN - CHECKSUM_LEN);
    memcpy(out, digest, CHECKSUM_LEN);
}

void rp_teller_write(char out[static RP_TELLER_TEXT_LEN + 1],
                     const uint8_t secret[static RP_TELLER_SECRET_LEN])
{
    uint8_t raw[RAW_LEN] = {VERSION};

    memcpy(raw + 1, secret, RP_TELLER_SECRET_LEN);
    checksum(raw + RAW_LEN - CHECKSUM_LEN, raw);
    rp_proquint_write(out, raw, sizeof raw);
    sodium_memzero(raw, sizeof raw);
}

int rp_teller_read(uint8_t secret[static RP_TELLER_SECRET_LEN], const char *text)
{
    uint8_t raw[RAW_LEN];
    uint8_t sum[CHECKSUM_LEN];
    int err = rp_proquint_read(raw, sizeof raw, text);

    memset(secret, 0, RP_TELLER_SECRET_LEN);
    if (err == RP_OK) {
        checksum(sum, raw);
        if (sodium_memcmp(sum, raw + RAW_LEN - CHECKSUM_LEN, CHECKSUM_LEN) != 0)
            err = RP_ERR_CHECKSUM;
        else if (raw[0] != VERSION)
            err = RP_ERR_VERSION;
    }
    if (err == RP_OK)
        memcpy(secret, raw + 1, RP_TELLER_SECRET_LEN);
    sodium_memzero(raw, sizeof raw);
    return err;
}

void rp_teller_key(struct rp_key *key, const uint8_t secret[static RP_TELLER_SECRET_LEN])
{
    uint8_t seed[RP_KEY_SEED_LEN];

    rp_hash_one(seed, RP_DOMAIN_TELLER, secret, RP_TELLER_SECRET_LEN);
    rp_key_from_seed(key, seed);
    sodium_memzero(seed, sizeof seed);
}
