#ifndef RP_TOKEN_H
#define RP_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rp/bytes.h"
#include "rp/hash.h"
#include "rp/limits.h"

/*
 * Invite tokens (SPEC 3.6): one line of text, "rpinvite1...", that says whom to call, where, and
 * the secret that opens the door once.
 */
#define RP_TOKEN_SECRET_LEN 16
#define RP_TOKEN_TEXT_MAX 3520

struct rp_token {
    uint8_t org[RP_ID_LEN];
    uint8_t secret[RP_TOKEN_SECRET_LEN];
    uint64_t expires; /* seconds since 1970 UTC */
    uint32_t addresses;
    char address[RP_ADDRESSES_MAX][RP_ADDRESS_LEN_MAX + 1]; /* HOST:PORT */
};

/* Whether ${address}, valid UTF-8 or not, may stand in an invite or a HELLO: a line, 1 to 255
 * bytes. */
bool rp_token_address_fits(struct rp_slice address);

/*
 * Writes at most RP_TOKEN_TEXT_MAX characters and a NUL. RP_ERR_SHAPE for addresses that do not fit
 * or are too many, RP_ERR_NOMEM.
 */
int rp_token_write(char *out, const struct rp_token *token) __attribute__((warn_unused_result));

/*
 * RP_ERR_SHAPE: no invite; RP_ERR_LIMIT: longer than any; RP_ERR_CHECKSUM: mistyped;
 * RP_ERR_VERSION: from a newer version. ${out} is zero on error; it holds a secret otherwise, to be
 * wiped when done.
 */
int rp_token_read(struct rp_token *out, const char *text) __attribute__((warn_unused_result));

/* Under which name an invite is remembered: a hash, so that the store holds no secret. */
void rp_token_name(uint8_t out[static RP_HASH_LEN],
                   const uint8_t secret[static RP_TOKEN_SECRET_LEN]);

#endif
