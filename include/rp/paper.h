#ifndef RP_PAPER_H
#define RP_PAPER_H

#include <stdint.h>

#include "rp/key.h"
#include "rp/proquint.h"

/*
 * The paper key (SPEC 2.3): the seed of an organisation's next key as 20 pronounceable words
 * (proquints, 16 bits each), with a version, the number of the succession it will sign, and a
 * checksum. People copy it by hand, so reading forgives case and spacing.
 */
#define RP_PAPER_WORDS 20
#define RP_PAPER_HEAD_WORDS 2 /* first: version and number, which tell nothing of the key */
#define RP_PAPER_TEXT_LEN RP_PROQUINT_TEXT_LEN(RP_PAPER_WORDS)

struct rp_paper {
    uint32_t number; /* from 1, the first succession, to 65,535 */
    uint8_t seed[RP_KEY_SEED_LEN];
};

/* RP_PAPER_TEXT_LEN characters and a NUL; RP_ERR_SHAPE, and no text, for a number out of range. */
int rp_paper_write(char out[static RP_PAPER_TEXT_LEN + 1], const struct rp_paper *paper)
    __attribute__((warn_unused_result));

/* RP_ERR_SHAPE: not the words of a paper key; RP_ERR_CHECKSUM: mistyped; RP_ERR_VERSION: newer. */
int rp_paper_read(struct rp_paper *out, const char *text) __attribute__((warn_unused_result));

#endif
