#ifndef RP_CERTIFICATE_H
#define RP_CERTIFICATE_H

#include <stdint.h>

#include "rp/bytes.h"
#include "rp/identity.h"
#include "rp/key.h"

/*
 * Node certificates and the proof that each side of a link gives inside the encrypted handshake
 * (SPEC 3.2): an organisation says "this node acts for us" by signing the node's keys.
 */

struct rp_certificate {
    uint8_t org[RP_ID_LEN];
    uint8_t key[RP_KEY_LEN];   /* the organisation's key that signed it */
    uint64_t serial;           /* tells the node's certificates apart */
    uint8_t noise[RP_KEY_LEN]; /* the node's X25519 key */
    uint8_t sign[RP_KEY_LEN];  /* the node's Ed25519 key */
    uint64_t issued;           /* ms since 1970 UTC */
    char name[RP_NAME_LEN_MAX + 1];
};

/*
 * Writes and signs a certificate: [certificate, sig]. RP_ERR_KEY when ${key} is not the one it
 * names, RP_ERR_SHAPE when its name does not fit, RP_ERR_NOMEM.
 */
int rp_certificate_issue(struct rp_bytes *out, const struct rp_certificate *certificate,
                         const struct rp_key *key) __attribute__((warn_unused_result));

/*
 * Reads one and verifies its signature, but not that the key is the organisation's. RP_ERR_LIMIT,
 * RP_ERR_MALFORMED, RP_ERR_SHAPE, RP_ERR_SIGNATURE.
 */
int rp_certificate_open(struct rp_certificate *out, struct rp_slice issued)
    __attribute__((warn_unused_result));

/* What a handshake proved about the other side. */
struct rp_proof {
    struct rp_certificate certificate;
    struct rp_identity identity;                     /* after its successions */
    struct rp_slice inception;                       /* borrowed from the payload, as are */
    struct rp_slice successions[RP_SUCCESSIONS_MAX]; /* identity.number packed records, and ... */
    uint8_t succession_ids[RP_SUCCESSIONS_MAX][RP_ID_LEN]; /* ... their ids */
};

/*
 * Writes a proof from an issued certificate, the organisation's inception and ${n} packed
 * succession records in order. They come in whatever codec they are stored and go in not
 * compressed. Whether the proof holds is not checked. RP_ERR_LIMIT for more than RP_SUCCESSIONS_MAX
 * or one above RP_SUCCESSION_MAX, RP_ERR_NOMEM, or what rp_record_open_trusted says of one that is
 * no record.
 */
int rp_certificate_prove(struct rp_bytes *out, struct rp_slice issued, struct rp_slice inception,
                         const struct rp_slice *successions, size_t n)
    __attribute__((warn_unused_result));

/*
 * Checks a received proof whole: the id is the inception's hash, each succession follows from the
 * one before, the certificate is signed by the last key and is for ${noise}, the X25519 key that
 * the handshake authenticated. What it costs is bounded by the payload's length: nothing is
 * unpacked. RP_ERR_KEY when one of these does not hold, a signature included; RP_ERR_SHAPE: not a
 * proof, or of a later version; RP_ERR_LIMIT: some part of it is too long, or too many;
 * RP_ERR_NOMEM. ${out} is of use only with RP_OK.
 */
int rp_certificate_check_proof(struct rp_proof *out, struct rp_slice payload,
                               const uint8_t noise[static RP_KEY_LEN])
    __attribute__((warn_unused_result));

#endif
