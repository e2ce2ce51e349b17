#ifndef PUBLICATION_H
#define PUBLICATION_H

#include "author.h"
#include "draft.h"
#include "rp/consent.h"
#include "rp/kind.h"
#include "rp/limits.h"
#include "store/kv.h"

/*
 * From what somebody wants to publish to the signed record, with what the store already holds of
 * the object: which versions it replaces, whose story it is, whether it says anything new. The one
 * way for all who write: rpctl, imports, the confirmation by a second person, forms. Pure but for
 * reading the store.
 */

/* The current versions of an object, as far as a new version can name them. */
struct heads {
    uint32_t n;
    uint8_t ids[RP_PARENTS_MAX][RP_ID_LEN];
    uint8_t seed[RP_SEED_LEN];
    uint8_t scope[RP_ID_LEN];
    uint8_t org[RP_ID_LEN];
    bool same; /* the only one has the same kind and content */
};
int heads_find(struct heads *out, struct kv *kv, const uint8_t object[static RP_ID_LEN],
               const char *kind, struct rp_slice content) __attribute__((warn_unused_result));

/* Who publishes, where and when. */
struct publisher {
    struct author author;
    struct kv *kv;
    const char *org_name; /* the credit of what does not say */
    const char *language; /* of what does not say */
    const char *today;    /* YYYY-MM-DD */
};

struct publication {
    /* what is asked for */
    const struct rp_kind *kind; /* an authored one */
    uint8_t scope[RP_ID_LEN];
    uint8_t seed[RP_SEED_LEN]; /* of the object that it begins, or is a version of */
    struct rp_slice content;   /* borrowed */
    struct rp_slice teller;    /* RP_KEY_LEN: of a story that is to get a teller; else empty */
    bool imported;             /* somebody else's text: licence and credit must be said */

    /* what publication_prepare finds */
    struct rp_bytes finished; /* the content as it is published */
    uint8_t object[RP_ID_LEN];
    bool has_teller;
    uint8_t teller_key[RP_KEY_LEN];
    uint8_t slip[RP_SIG_LEN];
    struct heads heads;

    /* of a story: what its consent lacks for this audience, or while it is local for the commons
     */
    struct rp_problem consent[RP_CONSENT_PROBLEMS_MAX];
    size_t consent_n;
};

/*
 * Applies all rules, and finds out the rest of ${p}, which publication_free then frees, on errors,
 * too. RP_ERR_RULE, RP_ERR_LIMIT, RP_ERR_EXISTS (it has, or cannot get, a teller) with ${problem};
 * other errors are the store's.
 */
int publication_prepare(struct publication *p, const struct publisher *publisher,
                        struct rp_problem *problem) __attribute__((warn_unused_result));
void publication_free(struct publication *p);

/* Writes the record. To be called unless p->heads.same: then there is nothing to say. */
int publication_write(struct rp_bytes *packed, const struct publication *p,
                      const struct publisher *publisher) __attribute__((warn_unused_result));

/* The teller of the own object that ${scope} and ${seed} make, published or waiting for a second
 * person: RP_ERR_NOT_FOUND when it has none. */
int publication_find_teller(uint8_t teller[static RP_KEY_LEN], struct kv *kv,
                            const uint8_t scope[static RP_ID_LEN],
                            const uint8_t seed[static RP_SEED_LEN])
    __attribute__((warn_unused_result));

#endif
