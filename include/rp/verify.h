#ifndef RP_VERIFY_H
#define RP_VERIFY_H

#include "rp/hash.h"
#include "rp/key.h"
#include "rp/proquint.h"

/*
 * The words by which two people find out, over the telephone, that their nodes really talk to each
 * other and to nobody in between (SPEC 3.7): the same on both sides, from both organisations' ids
 * and both nodes' Noise keys.
 */
#define RP_VERIFY_WORDS 8
#define RP_VERIFY_TEXT_LEN RP_PROQUINT_TEXT_LEN(RP_VERIFY_WORDS)

struct rp_verify_side {
    const uint8_t *org;   /* RP_ID_LEN */
    const uint8_t *noise; /* RP_KEY_LEN */
};

/* RP_VERIFY_TEXT_LEN characters and a NUL, whichever side is which. */
void rp_verify_words(char out[static RP_VERIFY_TEXT_LEN + 1], const struct rp_verify_side *a,
                     const struct rp_verify_side *b);

#endif
