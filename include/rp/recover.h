#ifndef RP_RECOVER_H
#define RP_RECOVER_H

#include "rp/identity.h"
#include "rp/key.h"
#include "rp/message.h"

/*
 * How whoever holds an organisation's paper key, and nothing else of it, learns its chain of keys
 * from any node that knows it (SPEC 3.9): RECOVER, signed with that key for this one link, answered
 * by CHAIN. What comes back proves itself: the id is the inception's hash.
 */
struct rp_recover {
    uint8_t org[RP_ID_LEN];
    uint8_t key[RP_KEY_LEN]; /* the one that was committed to */
    uint8_t sig[RP_SIG_LEN];
};

/* Signs and writes RECOVER, from the node whose Noise key is ${caller} to ${called}. */
void rp_recover_write(struct rp_writer *w, const uint8_t org[static RP_ID_LEN],
                      const struct rp_key *paper, const uint8_t caller[static RP_KEY_LEN],
                      const uint8_t called[static RP_KEY_LEN]);

/* Reads it: RP_ERR_SHAPE; RP_ERR_SIGNATURE when it was not signed for this link. */
int rp_recover_read(struct rp_recover *out, struct rp_slice frame,
                    const uint8_t caller[static RP_KEY_LEN],
                    const uint8_t called[static RP_KEY_LEN]) __attribute__((warn_unused_result));

/* CHAIN: the inception, and the ${n} successions that are followed, packed. */
void rp_chain_write(struct rp_writer *w, struct rp_slice inception,
                    const struct rp_slice *successions, uint32_t n);

struct rp_chain {
    struct rp_slice inception; /* borrowed from the frame */
    uint32_t n;
    struct rp_slice successions[RP_SUCCESSIONS_MAX];
};
int rp_chain_read(struct rp_chain *out, struct rp_slice frame) __attribute__((warn_unused_result));

#endif
