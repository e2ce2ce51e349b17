#ifndef RPCTL_CHAIN_H
#define RPCTL_CHAIN_H

#include "rp/paper.h"
#include "rp/recover.h"
#include "store/peers.h"

/*
 * Asks a node for an organisation's chain of keys, with nothing but the paper key (SPEC 3.9). The
 * answer is judged by whoever uses it: home_recover. Says on standard error what is wrong.
 */
struct chain_answer {
    struct rp_bytes frame; /* what chain borrows from */
    struct rp_chain chain;
    struct peer_entry peer; /* who answered, and where */
};

/* ${where} is an invite, or HOST:PORT. Free with chain_free. */
bool chain_fetch(struct chain_answer *out, const uint8_t org[static RP_ID_LEN],
                 const struct rp_paper *paper, const char *where);
void chain_free(struct chain_answer *answer);

#endif
