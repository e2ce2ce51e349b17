#ifndef RP_TELLER_H
#define RP_TELLER_H

#include <stdint.h>

#include "rp/key.h"
#include "rp/proquint.h"

/*
 * The teller's code (SPEC 2.5): a secret as ten pronounceable words, which the person whose story
 * it is keeps. Their key follows from it; its public half stands in the record, and with it they
 * can withdraw the story on any node that has taken it.
 */
#define RP_TELLER_SECRET_LEN 16
#define RP_TELLER_WORDS 10
#define RP_TELLER_TEXT_LEN RP_PROQUINT_TEXT_LEN(RP_TELLER_WORDS)

/* RP_TELLER_TEXT_LEN characters and a NUL. */
void rp_teller_write(char out[static RP_TELLER_TEXT_LEN + 1],
                     const uint8_t secret[static RP_TELLER_SECRET_LEN]);

/* RP_ERR_SHAPE: not the words of a code; RP_ERR_CHECKSUM: mistyped; RP_ERR_VERSION: newer.
 * ${secret} is all zero then. */
int rp_teller_read(uint8_t secret[static RP_TELLER_SECRET_LEN], const char *text)
    __attribute__((warn_unused_result));

/* The teller's key. Wipe it with rp_key_wipe when done. */
void rp_teller_key(struct rp_key *key, const uint8_t secret[static RP_TELLER_SECRET_LEN]);

#endif
