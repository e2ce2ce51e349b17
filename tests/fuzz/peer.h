#ifndef FUZZ_PEER_H
#define FUZZ_PEER_H

#include "core/core.h"
#include "fuzz.h"
#include "ingest/intake.h"
#include "rp/fingerprint.h"

/*
 * A whole core over a store in memory, and its only peer: a session of the harness's own that has
 * properly shaken hands, so that what the fuzzer says gets past the encryption. What the core says
 * is checked frame by frame.
 */
struct fuzz_peer {
    struct kv *kv;
    struct core *core;
    uint64_t now;
    bool answers_dials;          /* the core dials and is answered; else it is called */
    bool failed;                 /* a commit was made to fail: memory and store may differ */
    struct link *link;           /* NULL: no connection */
    bool ending;                 /* the core wants it closed */
    struct rp_session *session;  /* ours */
    unsigned sessions;           /* so far */
    unsigned frames;             /* that the core has sent on this link */
    bool is_over;                /* it said REFUSE or BYE: nothing may follow */
    uint8_t accept[RP_HASH_LEN]; /* of its latest HELLO */
    struct rp_bytes asked;       /* its latest CHECK, MORE, LIST or WANT */
    uint8_t invite[RP_TOKEN_SECRET_LEN]; /* that it has made */
    unsigned patterns;                   /* in its store from the start */
};

/* Organisations 0, the core's, 1, ours, and 2, which we may vouch for; made once, from fixed seeds.
 */
#define FUZZ_RECORDS 16
#define FUZZ_FEW 3
#define FUZZ_MANY 200
#define FUZZ_LOCAL_TITLE "For us alone" /* of the record that is the core's own business */
struct fuzz_parties {
    struct sample_org orgs[3];
    struct rp_dh_key noise[2];
    struct rp_bytes proofs[2];
    struct rp_bytes issued; /* the core's node certificate */
    struct self self;
    struct rp_bytes records[FUZZ_RECORDS]; /* that the peer may send */
    uint8_t ids[FUZZ_RECORDS][RP_ID_LEN];
    uint8_t local[RP_ID_LEN];          /* of a record that the core must keep to itself */
    uint8_t own[FUZZ_MANY][RP_ID_LEN]; /* of the core's patterns */
    struct rp_fingerprint sums[2];     /* of the first FUZZ_FEW of these, and of all */
    struct kv *stores[2];              /* with FUZZ_FEW of these, and with FUZZ_MANY */
};
const struct fuzz_parties *fuzz_parties(void);

/* Signs any bytes as a certificate of ${org} and makes a proof with it; behind any body, unless it
 * is empty, as its first succession. */
int fuzz_prove(struct rp_bytes *out, struct rp_slice certificate, struct rp_slice succession,
               const struct sample_org *org);

/* A core over a copy of one of the stores. */
void fuzz_peer_init(struct fuzz_peer *peer, bool answers_dials, bool large);

/* Closes, lets the core settle, and checks that a restarted one would hold the same. */
void fuzz_peer_free(struct fuzz_peer *peer);

/* Calls the core, when it is not connected. */
void fuzz_peer_connect(struct fuzz_peer *peer);

/* Sends one frame, if there is a link that takes it, and lets everything happen that follows. */
void fuzz_peer_send(struct fuzz_peer *peer, struct rp_slice frame);

/* Writes what answers the latest question of the core well, but for what ${how} says: see answer.c.
 */
void fuzz_peer_answer(struct rp_writer *w, const struct fuzz_peer *peer, uint8_t how,
                      unsigned which);

/* Does what the core asks for, and reads what it says, until nothing moves. */
void fuzz_peer_settle(struct fuzz_peer *peer);

/* Takes a record in at the core as its operator's; takes ${packed} over. Gives the outcome. */
int fuzz_peer_submit(struct fuzz_peer *peer, struct rp_bytes *packed);

/* Carries out a script of frames, time and acts of the operator. */
void fuzz_talk(const uint8_t *data, size_t size, bool answers_dials);

#endif
