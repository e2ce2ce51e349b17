#ifndef REVIEW_H
#define REVIEW_H

#include "publication.h"

/*
 * A second person's look at a story before it leaves (SPEC 5.4): one with special_data, or about a
 * child, is held on this node until somebody else than who published it confirms it. What is held
 * is a record of the local scope, kind "held", which is withdrawn when it was decided: so it is
 * kept, found and erased like everything else. Pure but for reading the store.
 */
#define REVIEW_NAME_MAX 480 /* bytes of a person's name */

/* Whether ${p}, which was prepared, needs a second person. */
bool review_is_needed(const struct publication *p);

/* Whether two names can be one person's: the same but for case and spaces, or one of them empty. */
bool review_is_same_person(const char *a, const char *b);

/* What a record of kind "held" says. Slices are borrowed from it. */
struct held {
    struct rp_slice by; /* who published it */
    const struct rp_kind *kind;
    uint8_t scope[RP_ID_LEN];
    uint8_t seed[RP_SEED_LEN]; /* of the object that it is to be */
    struct rp_slice content;
    struct rp_slice teller; /* RP_KEY_LEN or empty */
    bool imported;
};
bool review_read(struct held *out, const struct rp_record *record);

/* The object that a held record is to be. */
void review_object(uint8_t out[static RP_ID_LEN], const struct held *held,
                   const uint8_t org[static RP_ID_LEN]);

/* The held record whose object begins with the hex digits ${id}, at least 4, opened:
 * RP_ERR_ARGUMENT, RP_ERR_NOT_FOUND, RP_ERR_AMBIGUOUS. Close with rp_record_close. */
int review_find_id(struct rp_opened *out, struct kv *kv, const char *id)
    __attribute__((warn_unused_result));

/* The held record for the object that ${scope} and ${seed} make, opened: RP_ERR_NOT_FOUND when
 * there is none. Close with rp_record_close. */
int review_find(struct rp_opened *out, struct kv *kv, const uint8_t scope[static RP_ID_LEN],
                const uint8_t seed[static RP_SEED_LEN]) __attribute__((warn_unused_result));

/* The same of the held record whose story is to have ${teller}. */
int review_find_teller(struct rp_opened *out, struct kv *kv,
                       const uint8_t teller[static RP_KEY_LEN]) __attribute__((warn_unused_result));

/* Writes the held record for ${p}, published by ${by}, in place of ${before}, which may be NULL. */
int review_hold(struct rp_bytes *packed, const struct publication *p,
                const struct publisher *publisher, const char *by, const struct rp_record *before)
    __attribute__((warn_unused_result));

#endif
