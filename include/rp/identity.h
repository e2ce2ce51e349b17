#ifndef RP_IDENTITY_H
#define RP_IDENTITY_H

#include <stdint.h>

#include "rp/bytes.h"
#include "rp/hash.h"
#include "rp/key.h"
#include "rp/limits.h"
#include "rp/record.h"

/*
 * Organisations (SPEC 2.2): an id that outlives its keys. The inception names the first signing key
 * and the digest of the key that may replace it; the id is the hash of the inception. A succession
 * is signed by the key that was committed to, names the key that signs from then on (itself, or
 * another), and commits to the one after. Whoever steals the key in use cannot make one.
 */

#define RP_ORG_TEXT_LEN 61 /* "rp1..." without NUL */

struct rp_identity {
    uint8_t org[RP_ID_LEN];
    char name[RP_NAME_LEN_MAX + 1];
    uint32_t number;                                  /* successions so far */
    uint8_t keys[RP_SUCCESSIONS_MAX + 1][RP_KEY_LEN]; /* every signing key, keys[number] in use */
    uint8_t next[RP_HASH_LEN];                        /* digest of the key after it */
};

/* Whether valid UTF-8 ${name} may name an organisation or node: one line, 1 to RP_NAME_CHARS_MAX.
 */
bool rp_identity_name_fits(struct rp_slice name);

/* Writes an inception. RP_ERR_SHAPE when ${name} does not fit. */
int rp_identity_incept(struct rp_bytes *out, const uint8_t key[static RP_KEY_LEN],
                       const uint8_t next[static RP_HASH_LEN], const char *name)
    __attribute__((warn_unused_result));

/* Reads an inception: an identity without successions. RP_ERR_LIMIT, MALFORMED, SHAPE. */
int rp_identity_read(struct rp_identity *out, struct rp_slice inception)
    __attribute__((warn_unused_result));

/* What a succession says. */
struct rp_succession {
    uint64_t number;
    uint8_t key[RP_KEY_LEN];   /* signs from then on */
    uint8_t next[RP_HASH_LEN]; /* digest of the key that may sign the next succession */
    bool listed;               /* of the records by the key before, only these are stood by: */
    uint32_t stands_by;
    uint8_t ids[RP_STANDS_BY_MAX][RP_ID_LEN];
};

/* Whether ${record} is meant as a succession: it has no other effect, and none unless it follows.
 */
bool rp_succession_is_meant(const struct rp_record *record);

/* Reads one. RP_ERR_LIMIT when its body is too long, RP_ERR_SHAPE when it is none. */
int rp_succession_read(struct rp_succession *out, const struct rp_record *record)
    __attribute__((warn_unused_result));

/* Whether the record ${id}, signed by the key that the succession replaces, is stood by. */
bool rp_succession_stands_by(const struct rp_succession *succession,
                             const uint8_t id[static RP_ID_LEN]);

/*
 * Writes the content of a succession; ${key} is left out when it is the one that will sign the
 * record. Free with rp_bytes_free. RP_ERR_NOMEM.
 */
int rp_succession_write(struct rp_bytes *content, const struct rp_succession *succession,
                        const uint8_t signer[static RP_KEY_LEN])
    __attribute__((warn_unused_result));

/*
 * Follows one succession, a record whose signature was verified. RP_ERR_KEY when it is signed by
 * another key than the committed one or brings back a key that signed before, RP_ERR_STATE when its
 * number is not the next, RP_ERR_LIMIT past RP_SUCCESSIONS_MAX or with a body above
 * RP_SUCCESSION_MAX, RP_ERR_SHAPE when it is none. ${identity} changes only when it follows.
 */
int rp_identity_succeed(struct rp_identity *identity, const struct rp_record *record)
    __attribute__((warn_unused_result));

/* Whether ${key} is or was a signing key of ${identity}. */
bool rp_identity_has_key(const struct rp_identity *identity, const uint8_t key[static RP_KEY_LEN]);

/* The text form of an organisation's id, and back: errors as rp_bech32_decode. */
void rp_identity_text(char out[static RP_ORG_TEXT_LEN + 1], const uint8_t org[static RP_ID_LEN]);
int rp_identity_from_text(uint8_t org[static RP_ID_LEN], const char *text)
    __attribute__((warn_unused_result));

#endif
