#ifndef PEERS_H
#define PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "kv.h"
#include "rp/hash.h"
#include "rp/limits.h"
#include "rp/token.h"

/* Peers and invites as the store keeps them (SPEC 7.3). */

struct peer_address {
    char text[RP_ADDRESS_LEN_MAX + 1]; /* HOST:PORT */
    bool learned;                      /* from the peer's HELLO; replaced when it says otherwise */
};

struct peer_entry {
    uint8_t org[RP_ID_LEN];
    char name[RP_NAME_LEN_MAX + 1]; /* what the operator calls it; may be empty */
    uint64_t added;                 /* ms */
    uint64_t last_sync;             /* ms; 0: never */
    bool joining;                   /* an invite of theirs is to be used */
    bool by_join;                   /* it is a peer only because of that, and not if they refuse */
    bool paused;                    /* by the operator: no links */
    uint8_t secret[RP_TOKEN_SECRET_LEN];
    uint32_t addresses;
    struct peer_address address[RP_ADDRESSES_MAX];
};

/* Whether ${org} is a peer, and how. */
bool peers_load(struct kv_txn *txn, const uint8_t org[static RP_ID_LEN], struct peer_entry *out);
void peers_save(struct kv_txn *txn, const struct peer_entry *peer);
void peers_remove(struct kv_txn *txn, const uint8_t org[static RP_ID_LEN]);

/* Reads the peer at a walk's entry of KV_PEER. False when it is damaged. */
bool peers_read(struct rp_slice key, struct rp_slice value, struct peer_entry *out);

struct invite_entry {
    uint8_t name[RP_HASH_LEN]; /* rp_token_name of its secret */
    uint64_t created;          /* ms */
    uint64_t expires;          /* ms */
    bool used;
    bool vouches;     /* using it vouches both ways */
    uint64_t revoked; /* ms; 0: not */
    uint8_t used_by[RP_ID_LEN];
    char note[RP_NAME_LEN_MAX + 1]; /* whom it is for */
};

bool invites_load(struct kv_txn *txn, const uint8_t name[static RP_HASH_LEN],
                  struct invite_entry *out);
void invites_save(struct kv_txn *txn, const struct invite_entry *invite);

#endif
