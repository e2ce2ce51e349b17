#include "rp/verify.h"

#include <string.h>

#define SIDE_LEN (RP_ID_LEN + RP_KEY_LEN)

static void put_side(uint8_t out[static SIDE_LEN], const struct rp_verify_side *side)
{
    memcpy(out, side->org, RP_ID_LEN);
    memcpy(out + RP_ID_LEN, side->noise, RP_KEY_LEN);
}

void rp_verify_words(char out[static RP_VERIFY_TEXT_LEN + 1], const struct rp_verify_side *a,
                     const struct rp_verify_side *b)
{
    uint8_t sides[2][SIDE_LEN];
    uint8_t digest[RP_HASH_LEN];
    struct rp_slice parts[2];
    int lower;

    put_side(sides[0], a);
    put_side(sides[1], b);
    lower = memcmp(sides[0], sides[1], SIDE_LEN) <= 0 ? 0 : 1;
    parts[0] = (struct rp_slice){sides[lower], SIDE_LEN};
    parts[1] = (struct rp_slice){sides[1 - lower], SIDE_LEN};
    rp_hash(digest, RP_DOMAIN_VERIFY, parts, 2);
    rp_proquint_write(out, digest, 2 * RP_VERIFY_WORDS);
}
