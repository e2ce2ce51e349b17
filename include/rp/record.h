#ifndef RP_RECORD_H
#define RP_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rp/bytes.h"
#include "rp/codec.h"
#include "rp/hash.h"
#include "rp/key.h"
#include "rp/limits.h"

/*
 * Records (SPEC 2): an immutable signed message. Its body is canonical msgpack, its id the hash of
 * the body, its signature made over the id. On the wire and on disk it is packed as
 * [codec, body, sig], where codec says how the body is compressed.
 */

enum rp_set {
    RP_SET_CONTROL = 0, /* who is who and what holds: identity, vouch, withdrawal */
    RP_SET_CONTENT = 1, /* everything else */
};
#define RP_SETS 2

/* The two scopes that are not a circle's hash (SPEC 2.1). */
extern const uint8_t rp_record_commons[RP_ID_LEN]; /* all zero bits */
extern const uint8_t rp_record_local[RP_ID_LEN];   /* all one bits: never leaves the node */

/* A body's fields. Slices borrow from the body it was parsed from, or from the caller's fields. */
struct rp_record {
    enum rp_set set;
    uint8_t scope[RP_ID_LEN];
    uint8_t org[RP_ID_LEN];
    uint8_t key[RP_KEY_LEN];
    struct rp_slice kind;
    uint64_t made; /* ms since 1970 UTC, as the author claims */
    uint8_t salt[RP_SALT_LEN];
    uint8_t seed[RP_SEED_LEN];
    bool has_teller;
    uint8_t teller[RP_KEY_LEN];
    uint32_t parents;                              /* how many versions this one replaces */
    uint8_t parent_ids[RP_PARENTS_MAX][RP_ID_LEN]; /* their ids, ascending */
    struct rp_slice content;                       /* a canonical map */
    size_t body_len;                               /* of the body it was parsed from */
    uint8_t id[RP_ID_LEN];                         /* computed */
    uint8_t object[RP_ID_LEN];                     /* computed */
};

/* The ${i}th parent. */
const uint8_t *rp_record_parent(const struct rp_record *record, uint32_t i);

/* The object that org, seed and teller (NULL for none) name. */
void rp_record_object(uint8_t out[static RP_ID_LEN], const uint8_t org[static RP_ID_LEN],
                      const uint8_t seed[static RP_SEED_LEN], const uint8_t *teller);

/* Whether ${record} is of the kind called ${kind}. */
bool rp_record_is_kind(const struct rp_record *record, const char *kind);

/*
 * Checks and reads a body, which ${out} then borrows from, and computes id and object.
 * RP_ERR_LIMIT, RP_ERR_MALFORMED, RP_ERR_SHAPE; RP_ERR_VERSION for a body of a later version, whose
 * id alone is then set, since the id follows from the bytes.
 */
int rp_record_parse(struct rp_record *out, struct rp_slice body)
    __attribute__((warn_unused_result));

/*
 * Writes the body that ${fields} describe into ${body}: those of a parsed record give its body
 * again. What is computed is not looked at. What comes out was parsed once more, so that nothing
 * malformed is ever signed: RP_ERR_SHAPE and the other errors of rp_record_parse, RP_ERR_NOMEM.
 */
int rp_record_write(struct rp_bytes *body, const struct rp_record *fields)
    __attribute__((warn_unused_result));

/*
 * Signs ${body} with ${key} and packs it, compressed when ${codec} asks for it and it gets smaller.
 * RP_ERR_NOMEM; RP_ERR_CODEC should zstd fail, RP_ERR_LIMIT for a body longer than RP_BODY_MAX.
 */
int rp_record_pack(struct rp_bytes *packed, struct rp_slice body, const struct rp_key *key,
                   enum rp_codec codec) __attribute__((warn_unused_result));

/* The same, for many of them: see codec.h. */
int rp_record_pack_with(struct rp_codecs *codecs, struct rp_bytes *packed, struct rp_slice body,
                        const struct rp_key *key, enum rp_codec codec)
    __attribute__((warn_unused_result));

/* A record unpacked and checked. The body is its own; record borrows from it. */
struct rp_opened {
    struct rp_record record;
    struct rp_bytes body;
    uint8_t sig[RP_SIG_LEN];
};

/*
 * Unpacks [codec, body, sig] and checks everything that follows from the bytes alone, the signature
 * included. The declared size is believed only up to RP_BODY_MAX. RP_ERR_NOMEM alone says nothing
 * about the record; with RP_ERR_LIMIT, MALFORMED, SHAPE, CODEC and SIGNATURE it is not valid, here
 * or anywhere. RP_ERR_VERSION: of a later version. On error ${out} is empty, but for record.id with
 * RP_ERR_VERSION. Free with rp_record_close.
 */
int rp_record_open(struct rp_opened *out, struct rp_slice packed)
    __attribute__((warn_unused_result));

/* The same, for many of them: see codec.h. */
int rp_record_open_with(struct rp_codecs *codecs, struct rp_opened *out, struct rp_slice packed)
    __attribute__((warn_unused_result));

/* The same without verifying the signature: for records read back from one's own store. */
int rp_record_open_trusted(struct rp_opened *out, struct rp_slice packed)
    __attribute__((warn_unused_result));

void rp_record_close(struct rp_opened *opened);

/* Packs an opened record anew with ${codec}, for a peer that does not read the one it came in. */
int rp_record_repack(struct rp_bytes *packed, const struct rp_opened *opened, enum rp_codec codec)
    __attribute__((warn_unused_result));

/* The codec that ${packed} names; or RP_ERR_LIMIT, MALFORMED, SHAPE, CODEC (not one we read). */
int rp_record_codec(struct rp_slice packed);

#endif
