#ifndef RP_BECH32_H
#define RP_BECH32_H

#include <stddef.h>
#include <stdint.h>

/*
 * bech32m (BIP-350), the text form of ids and invites: a readable prefix, "1", the data in a
 * 32-letter alphabet, and a checksum that finds typing errors. Text up to RP_BECH32_SHORT
 * characters keeps the guarantees of the standard; longer text (invites) a checksum of 30 bits.
 */
#define RP_BECH32_SHORT 90

/* Characters, without NUL, that ${len} bytes take behind a prefix of ${hrp_len} characters. */
size_t rp_bech32_text_len(size_t hrp_len, size_t len);

/* Writes ${data} as text with prefix ${hrp}; ${out} holds rp_bech32_text_len() + 1 characters. */
void rp_bech32_encode(char *out, const char *hrp, const uint8_t *data, size_t len);

/*
 * Splits ${text} of at most ${max} characters into ${values} (5 bits each; room for ${max} of
 * them), without the checksum, their number in ${n}, the length of the prefix in ${hrp_len}.
 * RP_ERR_SHAPE: not bech32 at all; RP_ERR_LIMIT: too long; RP_ERR_CHECKSUM: mistyped.
 */
int rp_bech32_split(const char *text, size_t max, uint8_t *values, size_t *n, size_t *hrp_len)
    __attribute__((warn_unused_result));

/*
 * Reads text with prefix ${hrp} into ${out} of ${cap} bytes, their number in ${len}. Errors as
 * above, and RP_ERR_LIMIT when the data does not fit.
 */
int rp_bech32_decode(uint8_t *out, size_t cap, size_t *len, const char *hrp, const char *text)
    __attribute__((warn_unused_result));

#endif
