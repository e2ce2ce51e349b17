#ifndef FUZZ_STRANGER_H
#define FUZZ_STRANGER_H

#include "fuzz.h"
#include "rp/noise.h"
#include "rp/session.h"

/* A session, and on its other side somebody who does Noise as they should and nothing else. */
struct fuzz_stranger {
    struct rp_session *session;
    int err; /* the session's */
    struct rp_noise *noise;
    struct rp_noise_cipher send;
    struct rp_noise_cipher receive;
    struct rp_bytes said; /* the plaintext stream */
    size_t cut;           /* bytes of it that came out as frames */
};

/* Shakes hands, the session being the one that ${dials}, and the stranger showing ${proof}. */
void fuzz_stranger_init(struct fuzz_stranger *stranger, bool dials, struct rp_slice proof);

/* Seals ${bytes} as one message and hands it over in pieces of ${step} bytes (0: whole). The frames
 * that come out are those that the stream says. */
void fuzz_stranger_say(struct fuzz_stranger *stranger, struct rp_slice bytes, size_t step);
void fuzz_stranger_free(struct fuzz_stranger *stranger);

#endif
