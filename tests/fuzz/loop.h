#ifndef FUZZ_LOOP_H
#define FUZZ_LOOP_H

#include "peer.h"

/*
 * The node's control server without a socket: what it calls of libuv is answered here (loop.c), by
 * a client whose bytes are the fuzzer's, and a loop that does at a later turn what libuv would do
 * then. Replies are checked as they are written.
 */
void fuzz_control_begin(struct fuzz_peer *peer); /* the node whose socket it is */

/* The client sends ${bytes}; what follows from it happens. */
void fuzz_control_say(struct rp_slice bytes);

/* The client sends a request whole: a command by its place in the list, ${args} if they are a map.
 */
void fuzz_control_ask(unsigned command, struct rp_slice args);

/* Lets ${ms} pass. */
void fuzz_control_wait(uint64_t ms);

/* The client goes, the server stops, everything is freed. */
void fuzz_control_end(void);

#endif
