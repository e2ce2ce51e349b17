#ifndef FUZZ_WIRE_H
#define FUZZ_WIRE_H

#include "fuzz.h"
#include "rp/session.h"

/* Two sessions with a wire between them on which bytes can be held up and changed. */
struct fuzz_wire {
    struct rp_session *sessions[2];
    int err[2];              /* what each has ended with */
    struct rp_bytes way[2];  /* bytes on the way to each */
    struct rp_bytes sent[2]; /* frames sent to each, one after the other */
    size_t received[2];      /* bytes of these that have arrived */
    bool is_changed;         /* something was tampered with */
    bool is_malformed;       /* a frame was sent that is not canonical */
};

void fuzz_wire_init(struct fuzz_wire *wire);

/* Sends a frame from one side, once it may. */
void fuzz_wire_send(struct fuzz_wire *wire, unsigned side, struct rp_slice frame);

/* Changes the byte ${at} of those on the way to a side. */
void fuzz_wire_change(struct fuzz_wire *wire, unsigned side, uint8_t at, uint8_t by);

/* Hands ${n} bytes to a side, and checks what it makes of them. */
void fuzz_wire_carry(struct fuzz_wire *wire, unsigned side, size_t n);

/* Carries what is left, checks that all has arrived if it should have, and frees. */
void fuzz_wire_finish(struct fuzz_wire *wire);

#endif
