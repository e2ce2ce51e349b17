#include "rp/fingerprint.h"

#include <sodium.h>
#include <string.h>

/* Between lanes and bytes in little-endian order, in place: on most machines they are the same. */
static void turn(struct rp_fingerprint *f)
{
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    for (unsigned i = 0; i < RP_FINGERPRINT_LANES; i++)
        f->lanes[i] = (uint16_t)(f->lanes[i] << 8 | f->lanes[i] >> 8);
#else
    (void)f;
#endif
}

/* The lanes of one symbol: ChaCha20 under a key that is the symbol and a constant. */
void rp_fingerprint_of(struct rp_fingerprint *out, const uint8_t symbol[static RP_SYMBOL_LEN])
{
    static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES] = {0};
    static const char constant[] = "rp/1 fingerprint"; /* its 16 characters, without NUL */
    uint8_t key[crypto_stream_chacha20_KEYBYTES];

    memcpy(key, symbol, RP_SYMBOL_LEN);
    memcpy(key + RP_SYMBOL_LEN, constant, sizeof key - RP_SYMBOL_LEN);
    crypto_stream_chacha20((uint8_t *)out->lanes, sizeof out->lanes, nonce, key);
    turn(out);
}

void rp_fingerprint_add(struct rp_fingerprint *sum, const uint8_t symbol[static RP_SYMBOL_LEN])
{
    struct rp_fingerprint one;

    rp_fingerprint_of(&one, symbol);
    rp_fingerprint_join(sum, &one);
}

void rp_fingerprint_remove(struct rp_fingerprint *sum, const uint8_t symbol[static RP_SYMBOL_LEN])
{
    struct rp_fingerprint one;

    rp_fingerprint_of(&one, symbol);
    rp_fingerprint_part(sum, &one);
}

void rp_fingerprint_join(struct rp_fingerprint *sum, const struct rp_fingerprint *other)
{
    for (unsigned i = 0; i < RP_FINGERPRINT_LANES; i++)
        sum->lanes[i] = (uint16_t)(sum->lanes[i] + other->lanes[i]);
}

void rp_fingerprint_part(struct rp_fingerprint *sum, const struct rp_fingerprint *other)
{
    for (unsigned i = 0; i < RP_FINGERPRINT_LANES; i++)
        sum->lanes[i] = (uint16_t)(sum->lanes[i] - other->lanes[i]);
}

void rp_fingerprint_digest(uint8_t out[static RP_HASH_LEN], const struct rp_fingerprint *sum)
{
    uint8_t bytes[RP_FINGERPRINT_LEN];

    rp_fingerprint_save(bytes, sum);
    rp_hash_one(out, RP_DOMAIN_FINGERPRINT, bytes, sizeof bytes);
}

void rp_fingerprint_save(uint8_t out[static RP_FINGERPRINT_LEN], const struct rp_fingerprint *sum)
{
    struct rp_fingerprint turned = *sum;

    turn(&turned);
    memcpy(out, turned.lanes, RP_FINGERPRINT_LEN);
}

void rp_fingerprint_load(struct rp_fingerprint *sum, const uint8_t in[static RP_FINGERPRINT_LEN])
{
    memcpy(sum->lanes, in, RP_FINGERPRINT_LEN);
    turn(sum);
}
