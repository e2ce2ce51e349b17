#ifndef AUTHOR_H
#define AUTHOR_H

#include <stdint.h>

#include "rp/bytes.h"
#include "rp/identity.h"
#include "rp/key.h"
#include "rp/rand.h"
#include "rp/record.h"

/*
 * Writing records in the name of this node's organisation. Pure: keys, time and randomness come in.
 * What comes out is packed and signed, to go the same way in as everybody's records. Free with
 * rp_bytes_free.
 */
struct author {
    const struct rp_key *key;
    const uint8_t *org; /* RP_ID_LEN */
    struct rp_rand *rand;
    uint64_t now_ms;
};

/* What is to be published: content of a kind, into a scope, perhaps as a new version. */
struct author_draft {
    const char *kind;
    const uint8_t *scope; /* RP_ID_LEN */
    struct rp_slice content;
    const uint8_t *seed;       /* RP_SEED_LEN; NULL: a random one */
    uint32_t parents;          /* versions it replaces */
    const uint8_t *parent_ids; /* RP_ID_LEN each, in any order */
    const uint8_t *teller;     /* RP_KEY_LEN: whose story it is; content has the slip. NULL: none */
};
int author_write(struct rp_bytes *packed, const struct author *author,
                 const struct author_draft *draft) __attribute__((warn_unused_result));

/* The record that publishes an inception. */
int author_identity(struct rp_bytes *packed, const struct author *author, struct rp_slice inception)
    __attribute__((warn_unused_result));

/* A succession, which ${author} signs with the key that was committed to (SPEC 2.2). */
int author_succession(struct rp_bytes *packed, const struct author *author,
                      const struct rp_succession *succession) __attribute__((warn_unused_result));

int author_vouch(struct rp_bytes *packed, const struct author *author,
                 const uint8_t subject[static RP_ID_LEN], struct rp_slice inception,
                 const char *statement) /* NULL: none */
    __attribute__((warn_unused_result));

/* Revokes the certificates of ${n} nodes, by their Ed25519 keys. */
int author_revoke(struct rp_bytes *packed, const struct author *author,
                  const uint8_t (*nodes)[RP_KEY_LEN], uint32_t n)
    __attribute__((warn_unused_result));

/* Withdraws the object of ${target}, or only the ${n} versions with these ids. Says of what kind it
 * is where that is one of the control set. */
int author_withdraw(struct rp_bytes *packed, const struct author *author,
                    const struct rp_record *target, uint8_t (*versions)[RP_ID_LEN], uint32_t n)
    __attribute__((warn_unused_result));

/* The author's consent to a teller's key, for one object (SPEC 2.5). */
void author_slip(uint8_t slip[static RP_SIG_LEN], const struct author *author,
                 const uint8_t object[static RP_ID_LEN]);

/*
 * Withdraws what was ${told}, on any node: ${key} is the teller's, which need not belong to anybody
 * that this node knows.
 */
struct told;
int author_withdraw_told(struct rp_bytes *packed, const struct told *told, const struct rp_key *key,
                         struct rp_rand *rand, uint64_t now_ms) __attribute__((warn_unused_result));

#endif
