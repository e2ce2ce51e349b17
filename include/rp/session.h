#ifndef RP_SESSION_H
#define RP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rp/bytes.h"
#include "rp/certificate.h"
#include "rp/key.h"

/*
 * One side of a link, without the link (SPEC 3.1 to 3.3): bytes from the other side go in, frames
 * come out; frames to send go in, bytes for the other side come out. It runs the Noise handshake,
 * checks the other side's proof, and then carries frames, each one canonical msgpack item of at
 * most RP_FRAME_MAX bytes. It has no clock: each call that needs the time is told it.
 *
 * An error from rp_session_receive is final: send nothing more but what rp_session_transmit still
 * gives, close, and free.
 */
struct rp_session;

struct rp_session_opts {
    bool initiator;
    const struct rp_dh_key *key; /* the node's Noise key; copied */
    const uint8_t *ephemeral;    /* RP_KEY_LEN random bytes for this session only; copied */
    struct rp_slice proof;       /* from rp_certificate_prove; copied */
    const uint8_t *expected_org; /* initiator: whom to insist on, or NULL; copied */
};

/*
 * NULL when memory is short, and for options that cannot serve: a proof above RP_PROOF_MAX, an
 * ephemeral secret that makes no key (random bytes always do). The handshake's time runs from
 * ${now_ms}.
 */
struct rp_session *rp_session_new(const struct rp_session_opts *opts, uint64_t now_ms);

/* Wipes keys and what is queued, and frees. */
void rp_session_free(struct rp_session *s);

/*
 * Takes bytes from ${bytes}, advancing it, until a frame is complete or no bytes are left. ${frame}
 * is that frame, borrowed until the next call, or empty. Call again until it comes back empty: one
 * piece may hold many. Errors: RP_ERR_CRYPTO (a message does not authenticate), RP_ERR_KEY (not who
 * was expected, or a proof that does not hold), RP_ERR_SHAPE (not a proof, or of a later version),
 * RP_ERR_LIMIT (a message, proof or frame too long), RP_ERR_MALFORMED (a frame that is not one
 * canonical item), RP_ERR_NOMEM.
 */
int rp_session_receive(struct rp_session *s, uint64_t now_ms, struct rp_slice *bytes,
                       struct rp_slice *frame) __attribute__((warn_unused_result));

/* Whether the handshake is done and the other side's proof holds: frames may be sent from then on.
 */
bool rp_session_is_open(const struct rp_session *s);

/* What the other side proved; only when open. Lives with ${s}. */
const struct rp_proof *rp_session_proof(const struct rp_session *s);

/*
 * Queues a copy of ${frame}, one canonical item. RP_ERR_STATE before the session is open,
 * RP_ERR_LIMIT for an empty one or one above RP_FRAME_MAX, RP_ERR_NOMEM.
 */
int rp_session_send(struct rp_session *s, struct rp_slice frame)
    __attribute__((warn_unused_result));

/* Bytes of frames queued and not transmitted yet. */
size_t rp_session_queued(const struct rp_session *s);

/*
 * The next bytes for the other side, borrowed until the next call on the session; empty when there
 * are none. At most one Noise message at a time. RP_ERR_LIMIT when 2^64 messages were sent.
 */
int rp_session_transmit(struct rp_session *s, struct rp_slice *bytes)
    __attribute__((warn_unused_result));

/*
 * When the other side's handshake, or the Noise messages of a frame of it, will have taken too
 * long, ms; UINT64_MAX: not waiting.
 */
uint64_t rp_session_deadline(const struct rp_session *s);

#endif
