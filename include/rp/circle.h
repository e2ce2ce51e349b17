#ifndef RP_CIRCLE_H
#define RP_CIRCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "rp/bytes.h"
#include "rp/hash.h"
#include "rp/key.h"
#include "rp/limits.h"

/*
 * Circles (SPEC 3.8): a private scope of a list of organisations that never changes. The hash of
 * its descriptor is the scope. The descriptor is signed by the founder and travels only between
 * members.
 */
struct rp_circle {
    uint8_t id[RP_ID_LEN]; /* the scope */
    char name[RP_NAME_LEN_MAX + 1];
    uint8_t founder[RP_ID_LEN];
    uint8_t key[RP_KEY_LEN]; /* that signed it; whether it is the founder's is for the caller */
    uint32_t members;
    uint8_t member[RP_CIRCLE_MEMBERS_MAX][RP_ID_LEN]; /* ascending */
    struct rp_slice inception[RP_CIRCLE_MEMBERS_MAX]; /* of each; borrowed from what was read */
};

/* What a founder decides. */
struct rp_circle_draft {
    const char *name;
    const uint8_t *salt; /* RP_SALT_LEN random bytes */
    const uint8_t *founder;
    uint32_t members;                  /* the founder among them */
    const struct rp_slice *inceptions; /* of the members, in any order, none twice */
};

/*
 * Writes and signs a descriptor: [descriptor, key, sig]. RP_ERR_SHAPE when the name does not fit,
 * an inception is none or there twice, or the founder is no member; RP_ERR_LIMIT for less than two
 * members or too many.
 */
int rp_circle_issue(struct rp_bytes *out, const struct rp_circle_draft *draft,
                    const struct rp_key *key) __attribute__((warn_unused_result));

/* Reads one and verifies its signature. RP_ERR_LIMIT, MALFORMED, SHAPE, SIGNATURE. */
int rp_circle_open(struct rp_circle *out, struct rp_slice issued)
    __attribute__((warn_unused_result));

/* The same of one that was opened before: the signature is not looked at. */
int rp_circle_open_trusted(struct rp_circle *out, struct rp_slice issued)
    __attribute__((warn_unused_result));

bool rp_circle_has(const struct rp_circle *circle, const uint8_t org[static RP_ID_LEN]);

#endif
