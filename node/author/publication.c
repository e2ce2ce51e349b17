#include "publication.h"

#include <string.h>

#include "review.h"
#include "rp/err.h"
#include "store/records.h"
#include "store/told.h"

int heads_find(struct heads *out, struct kv *kv, const uint8_t object[static RP_ID_LEN],
               const char *kind, struct rp_slice content)
{
    struct kv_txn *txn;
    struct kv_iter it;
    int err;

    *out = (struct heads){0};
    if ((txn = kv_begin(kv, false, &err)) == NULL)
        return err;
    for (kv_first(&it, txn, KV_OBJECT, (struct rp_slice){object, RP_ID_LEN}); it.found;
         kv_next(&it)) {
        struct rp_opened opened;
        struct place place;

        if (!records_open(txn, records_seq_of_key(it.key), &place, &opened))
            continue;
        if (place.lane == LANE_CONTENT && !records_is_replaced(txn, &opened.record) &&
            out->n < RP_PARENTS_MAX) {
            memcpy(out->ids[out->n++], opened.record.id, RP_ID_LEN);
            memcpy(out->seed, opened.record.seed, RP_SEED_LEN);
            memcpy(out->scope, opened.record.scope, RP_ID_LEN);
            memcpy(out->org, opened.record.org, RP_ID_LEN);
            out->same = out->n == 1 && rp_record_is_kind(&opened.record, kind) &&
                        rp_bytes_compare(opened.record.content, content) == 0;
        }
        rp_record_close(&opened);
    }
    err = kv_err(txn);
    kv_abort(txn);
    return err;
}

/* The teller that a story will have which waits for a second person. */
static int find_held_teller(uint8_t teller[static RP_KEY_LEN], struct kv *kv,
                            const uint8_t scope[static RP_ID_LEN],
                            const uint8_t seed[static RP_SEED_LEN])
{
    struct rp_opened opened;
    struct held held;
    int err = review_find(&opened, kv, scope, seed);

    if (err != RP_OK)
        return err;
    err = review_read(&held, &opened.record) && held.teller.len == RP_KEY_LEN ? RP_OK
                                                                              : RP_ERR_NOT_FOUND;
    if (err == RP_OK)
        memcpy(teller, held.teller.data, RP_KEY_LEN);
    rp_record_close(&opened);
    return err;
}

int publication_find_teller(uint8_t teller[static RP_KEY_LEN], struct kv *kv,
                            const uint8_t scope[static RP_ID_LEN],
                            const uint8_t seed[static RP_SEED_LEN])
{
    struct kv_txn *txn;
    bool found;
    int err;

    if ((txn = kv_begin(kv, false, &err)) == NULL)
        return err;
    found = told_of_seed(txn, seed, teller);
    err = kv_err(txn);
    kv_abort(txn);
    return err != RP_OK || found ? err : find_held_teller(teller, kv, scope, seed);
}

static int complain(int err, struct rp_problem *problem, const char *field, const char *reason)
{
    *problem = (struct rp_problem){0};
    memcpy(problem->field, field, strlen(field));
    memcpy(problem->reason, reason, strlen(reason));
    return err;
}

/* What the store knows of the teller of the object that p->seed makes. */
static int find_told(struct publication *p, const struct publisher *publisher, bool *has_slip)
{
    int err = publication_find_teller(p->teller_key, publisher->kv, p->scope, p->seed);
    struct kv_txn *txn;
    struct told told;

    p->has_teller = err == RP_OK;
    if (err != RP_OK && err != RP_ERR_NOT_FOUND)
        return err;
    rp_record_object(p->object, publisher->author.org, p->seed,
                     p->has_teller ? p->teller_key : NULL);
    if ((txn = kv_begin(publisher->kv, false, &err)) == NULL)
        return err;
    *has_slip = p->has_teller && told_find(txn, p->teller_key, p->object, &told);
    if (*has_slip)
        memcpy(p->slip, told.slip, RP_SIG_LEN);
    err = kv_err(txn);
    kv_abort(txn);
    return err;
}

/* Gives the object a teller: not one that has a teller, or was published without. */
static int give_teller(struct publication *p, const struct publisher *publisher,
                       struct rp_problem *problem)
{
    int err;

    if (strcmp(p->kind->name, "story") != 0)
        return complain(RP_ERR_RULE, problem, "kind", "only a story can have a teller's code");
    if (p->has_teller && memcmp(p->teller_key, p->teller.data, RP_KEY_LEN) == 0)
        return RP_OK;
    if (p->has_teller)
        return complain(RP_ERR_EXISTS, problem, "",
                        "this story has a teller's code already, which stays good: publish new "
                        "versions without --teller-code; another story, with --new");
    err = heads_find(&p->heads, publisher->kv, p->object, "", (struct rp_slice){NULL, 0});
    if (err != RP_OK)
        return err;
    if (p->heads.n > 0)
        return complain(RP_ERR_EXISTS, problem, "",
                        "this story was published without a teller's code, and all its versions "
                        "stay so: withdraw it, then publish it with one");
    p->has_teller = true;
    memcpy(p->teller_key, p->teller.data, RP_KEY_LEN);
    rp_record_object(p->object, publisher->author.org, p->seed, p->teller_key);
    return RP_OK;
}

/* Teller, slip and object: a version keeps the teller that the object has, and the slip. */
static int settle_teller(struct publication *p, const struct publisher *publisher,
                         struct rp_problem *problem)
{
    bool has_slip = false;
    int err = find_told(p, publisher, &has_slip);

    if (err == RP_OK && p->teller.len == RP_KEY_LEN)
        err = give_teller(p, publisher, problem);
    if (err == RP_OK && p->has_teller && !has_slip)
        author_slip(p->slip, &publisher->author, p->object);
    return err;
}

int publication_prepare(struct publication *p, const struct publisher *publisher,
                        struct rp_problem *problem)
{
    struct draft_opts draft = {
        .kind = p->kind,
        .leaves = memcmp(p->scope, rp_record_local, RP_ID_LEN) != 0,
        .commons = memcmp(p->scope, rp_record_commons, RP_ID_LEN) == 0,
        .today = publisher->today,
        .language = publisher->language,
        .attribution = p->imported ? NULL : publisher->org_name,
        .own_licence = !p->imported,
    };
    int err;

    *problem = (struct rp_problem){0};
    p->finished = (struct rp_bytes){NULL, 0};
    p->consent_n = 0;
    if (strcmp(p->kind->name, "story") == 0)
        p->consent_n = rp_consent_problems(p->content, draft.commons || !draft.leaves,
                                           publisher->today, p->consent, RP_CONSENT_PROBLEMS_MAX);
    if ((err = settle_teller(p, publisher, problem)) != RP_OK)
        return err;
    draft.slip = p->has_teller ? p->slip : NULL;
    err = draft_finish(&p->finished, p->content, &draft, problem);
    if (err == RP_ERR_LIMIT)
        return complain(err, problem, "", "longer than a record may be (256 KiB)");
    if (err != RP_OK)
        return err;
    return heads_find(&p->heads, publisher->kv, p->object, p->kind->name,
                      rp_bytes_slice(&p->finished));
}

void publication_free(struct publication *p)
{
    rp_bytes_free(&p->finished);
}

int publication_write(struct rp_bytes *packed, const struct publication *p,
                      const struct publisher *publisher)
{
    struct author_draft draft = {
        .kind = p->kind->name,
        .scope = p->scope,
        .content = rp_bytes_slice(&p->finished),
        .seed = p->seed,
        .parents = p->heads.n,
        .parent_ids = p->heads.ids[0],
        .teller = p->has_teller ? p->teller_key : NULL,
    };

    return author_write(packed, &publisher->author, &draft);
}
