#ifndef RP_BEACON_H
#define RP_BEACON_H

#include <stdint.h>

#include "rp/bytes.h"
#include "rp/certificate.h"
#include "rp/key.h"
#include "rp/limits.h"
#include "rp/message.h"

/*
 * Beacons (SPEC 3.7): what a node says of itself, signed by its own key, to be passed on by others.
 * A sealed beacon is [beacon, sig, certificate], so that whoever knows the organisation can judge
 * one of a node never met.
 */

/* What is the matter with a node, added up. Other bits may come. */
#define RP_BEACON_FULL 1      /* it can store nothing */
#define RP_BEACON_ERASING 2   /* withdrawn text may be left in its files */
#define RP_BEACON_RESTORING 4 /* it begins from a backup and has not caught up on withdrawals */

/* An organisation's withdrawals that the node has: how many, and their fingerprint's digest. */
struct rp_beacon_withdrawals {
    uint8_t org[RP_ID_LEN];
    struct rp_tally tally;
};

struct rp_beacon {
    uint8_t scope[RP_ID_LEN];
    uint8_t org[RP_ID_LEN];
    uint8_t key[RP_KEY_LEN]; /* the node's, of its certificate */
    uint64_t time;           /* ms; of two of one node and scope the later one holds */
    struct rp_slice software;
    uint32_t addresses; /* where it can be called */
    struct rp_slice address[RP_ADDRESSES_MAX];
    uint64_t state;
    struct rp_tally own[RP_SETS]; /* its organisation's records that it has */
    uint32_t withdrawals;
    struct rp_beacon_withdrawals withdrawn[RP_BEACON_WITHDRAWALS_MAX]; /* org ascending */
};

/*
 * Writes a beacon, signs it with the node's key and adds its issued certificate. RP_ERR_SHAPE for
 * what no reader would take, RP_ERR_LIMIT, RP_ERR_NOMEM.
 */
int rp_beacon_seal(struct rp_bytes *out, const struct rp_beacon *beacon, const struct rp_key *node,
                   struct rp_slice issued) __attribute__((warn_unused_result));

/*
 * Reads a sealed one without verifying anything; slices are borrowed from it. RP_ERR_LIMIT,
 * RP_ERR_MALFORMED, RP_ERR_SHAPE; RP_ERR_VERSION: of a later version.
 */
int rp_beacon_read(struct rp_beacon *out, struct rp_slice sealed)
    __attribute__((warn_unused_result));

/*
 * The same, and both signatures: that the node of the certificate says so, and that
 * ${certificate}.key says that this node is ${certificate}.org's; not that this key is the
 * organisation's. RP_ERR_SIGNATURE, or RP_ERR_KEY when the certificate is of another node.
 */
int rp_beacon_open(struct rp_beacon *out, struct rp_certificate *certificate,
                   struct rp_slice sealed) __attribute__((warn_unused_result));

#endif
