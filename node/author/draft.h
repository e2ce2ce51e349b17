#ifndef DRAFT_H
#define DRAFT_H

#include <stdbool.h>
#include <stdint.h>

#include "rp/bytes.h"
#include "rp/key.h"
#include "rp/kind.h"

/*
 * From what somebody wrote to what may be signed: text in NFC, what may be left out filled in, the
 * rules of the kind and of consent applied (SPEC 5). The same for rpctl, import and web. Pure.
 */
struct draft_opts {
    const struct rp_kind *kind;
    bool leaves; /* it goes to others: to the commons, or to a circle */
    bool commons;
    const char *today;       /* YYYY-MM-DD */
    const char *language;    /* when none is said */
    const char *attribution; /* when none is said; NULL: none, it must be said (imports) */
    bool own_licence;        /* the kind's licence when none is said; else it must be said */
    const uint8_t *slip;     /* RP_SIG_LEN, of a story with a teller; NULL: it has none. What the
                                content says of a slip goes, whatever it is */
};

/*
 * Makes ${out} of ${content}, a canonical map. RP_ERR_RULE with ${problem} when it must not be
 * published so; RP_ERR_LIMIT when it is too long. Free with rp_bytes_free.
 */
int draft_finish(struct rp_bytes *out, struct rp_slice content, const struct draft_opts *opts,
                 struct rp_problem *problem) __attribute__((warn_unused_result));

/*
 * The content of a story whose consent was asked again: the same, but for these two fields of its
 * consent block. RP_ERR_RULE with ${problem} when it has no such block. Free with rp_bytes_free.
 */
int draft_renew(struct rp_bytes *out, struct rp_slice content, const char *given_on,
                const char *review_on, struct rp_problem *problem)
    __attribute__((warn_unused_result));

/*
 * The seed of the object that a file makes: the same file, published again by the same organisation
 * to the same scope, makes a version of the same object. ${secret} keeps others from guessing it.
 */
void draft_seed(uint8_t out[static RP_SEED_LEN], const uint8_t secret[static RP_KEY_SEED_LEN],
                const uint8_t scope[static RP_ID_LEN], const char *path);

#endif
