#include <stdlib.h>
#include <string.h>

#include "author/author.h"
#include "beacons.h"
#include "circles.h"
#include "rp/err.h"
#include "waiting.h"

#define DEPTH_NONE UINT32_MAX

uint32_t trust_find(const struct core *core, const uint8_t id[static RP_ID_LEN])
{
    uint32_t number;

    return table_get(core->org_numbers, id, &number) ? number : 0;
}

static bool reserve_orgs(struct core *core)
{
    struct core_org *orgs;
    uint32_t cap = core->orgs_cap > 0 ? 2 * core->orgs_cap : 16;

    if (core->orgs_n < core->orgs_cap)
        return true;
    orgs = realloc(core->orgs, cap * sizeof *orgs);
    if (orgs == NULL)
        return false;
    core->orgs = orgs;
    core->orgs_cap = cap;
    if (core->orgs_n == 0)
        core->orgs[core->orgs_n++] = (struct core_org){0}; /* number 0 is nobody */
    return true;
}

uint32_t trust_intern(struct core *core, const uint8_t id[static RP_ID_LEN])
{
    uint32_t number = trust_find(core, id);

    if (number != 0)
        return number;
    if (!reserve_orgs(core) || table_put(core->org_numbers, id, core->orgs_n) != RP_OK)
        return 0;
    number = core->orgs_n++;
    core->orgs[number] = (struct core_org){.depth = DEPTH_NONE, .share = QUOTA_UNSHARED};
    memcpy(core->orgs[number].id, id, RP_ID_LEN);
    return number;
}

int trust_learn_inception(struct core *core, uint32_t org, struct rp_slice inception)
{
    struct core_org *o = &core->orgs[org];
    struct rp_identity identity;
    int err;

    if (o->inception.len > 0)
        return RP_OK;
    if ((err = rp_identity_read(&identity, inception)) != RP_OK)
        return err;
    if (memcmp(identity.org, o->id, RP_ID_LEN) != 0)
        return RP_ERR_KEY;
    if ((err = rp_bytes_copy(&o->inception, inception.data, inception.len)) != RP_OK)
        return err;
    free(o->name);
    o->name = strdup(identity.name);
    if (o->stored) /* it was blocked before anything was known of it */
        trust_store_standing(core, org);
    return o->name != NULL ? RP_OK : RP_ERR_NOMEM;
}

/* Takes note of the vouch in ${content}, a vouch's, by ${issuer}, if it is well-formed. */
static int note_vouch(struct core *core, uint32_t issuer, const uint8_t *id, const uint8_t *object,
                      struct rp_slice content)
{
    struct vouch vouch = {.issuer = issuer};
    struct rp_reader value;
    struct rp_slice inception;
    uint8_t subject[RP_ID_LEN];
    struct vouch *grown;
    int err;

    (void)rp_reader_find(content, "subject", &value);
    rp_reader_bin_into(&value, subject, sizeof subject);
    if (value.err != RP_OK)
        return RP_OK;
    (void)rp_reader_find(content, "inception", &value);
    inception = rp_reader_bin(&value);
    vouch.subject = trust_intern(core, subject);
    if (vouch.subject == 0)
        return RP_ERR_NOMEM;
    if ((err = trust_learn_inception(core, vouch.subject, inception)) != RP_OK)
        return err == RP_ERR_NOMEM ? err : RP_OK;
    memcpy(vouch.symbol, id, RP_SYMBOL_LEN);
    memcpy(vouch.object, object, RP_ID_LEN);
    if (core->vouches_n == core->vouches_cap) {
        size_t cap = core->vouches_cap > 0 ? 2 * core->vouches_cap : 16;

        grown = realloc(core->vouches, cap * sizeof *grown);
        if (grown == NULL)
            return RP_ERR_NOMEM;
        core->vouches = grown;
        core->vouches_cap = cap;
    }
    core->vouches[core->vouches_n++] = vouch;
    return RP_OK;
}

void trust_vouch_stored(struct core *core, const struct outcome *outcome)
{
    if (note_vouch(core, outcome->place.org, outcome->id, outcome->object, outcome->vouch) == RP_OK)
        return;
    core->vouches_due = true;
    core_retry_at(core, 0);
}

void trust_vouch_erased(struct core *core, const uint8_t *symbol, bool disowned)
{
    for (size_t i = 0; i < core->vouches_n; i++) {
        const struct vouch *vouch = &core->vouches[i];
        uint32_t subject = vouch->subject;

        if (memcmp(vouch->symbol, symbol, RP_SYMBOL_LEN) != 0)
            continue;
        /* a new key stands by our peers anew; whom else the old one vouched for is not certain */
        if (disowned && vouch->issuer == ORG_SELF &&
            peering_find(core, core->orgs[subject].id) != NULL)
            core->orgs[subject].vouch_due = true;
        core->vouches[i] = core->vouches[--core->vouches_n];
        return;
    }
}

/* Leaves out the numbers below ${number} that no stored organisation has. */
static bool skip_numbers(struct core *core, uint32_t number)
{
    while (core->orgs_n < number) {
        if (!reserve_orgs(core))
            return false;
        if (core->orgs_n < number)
            core->orgs[core->orgs_n++] =
                (struct core_org){.depth = DEPTH_NONE, .share = QUOTA_UNSHARED};
    }
    return true;
}

static int load_orgs(struct core *core, struct kv_txn *txn)
{
    struct kv_iter it;
    int err = RP_OK;

    for (kv_first(&it, txn, KV_ORG, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        struct org org;
        struct core_org *o;

        if (!orgs_read(it.key, it.value, &org))
            err = RP_ERR_CORRUPT;
        else if (!skip_numbers(core, org.number))
            err = RP_ERR_NOMEM;
        else if (trust_intern(core, org.id) != org.number)
            err = RP_ERR_CORRUPT;
        if (err == RP_OK && org.inception.len > 0)
            err = trust_learn_inception(core, org.number, org.inception);
        if (err == RP_OK)
            err = keys_load(core, &org);
        if (err != RP_OK) {
            kv_stop(&it);
            return err;
        }
        o = &core->orgs[org.number];
        o->stored = true;
        o->accepted = org.accepted;
        o->ever = org.ever;
        o->by_hand = org.by_hand;
        o->blocked = org.blocked;
        o->since = org.since;
        o->left = org.left;
    }
    return kv_err(txn);
}

/* Those in records up to ${up_to}. */
static int load_vouches(struct core *core, struct kv_txn *txn, uint64_t up_to)
{
    struct kv_key prefix = records_author_prefix(SCOPE_COMMONS, LANE_VOUCH);
    struct kv_iter it;
    int err = RP_OK;

    for (kv_first(&it, txn, KV_AUTHOR, kv_key_slice(&prefix)); it.found && err == RP_OK;
         kv_next(&it)) {
        struct rp_opened opened;
        struct place place;

        if (records_seq_of_key(it.key) > up_to ||
            !records_open(txn, records_seq_of_key(it.key), &place, &opened))
            continue;
        err = note_vouch(core, place.org, opened.record.id, opened.record.object,
                         opened.record.content);
        rp_record_close(&opened);
    }
    kv_stop(&it);
    return err != RP_OK ? err : kv_err(txn);
}

int trust_load(struct core *core)
{
    struct kv_txn *txn;
    int err;

    core->org_numbers = table_new(RP_ID_LEN, core->table_key);
    if (core->org_numbers == NULL)
        return RP_ERR_NOMEM;
    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    if ((err = load_orgs(core, txn)) == RP_OK)
        err = load_vouches(core, txn, UINT64_MAX);
    kv_abort(txn);
    if (err != RP_OK)
        return err;
    if (trust_intern(core, core->self->identity.org) != ORG_SELF)
        return RP_ERR_KEY; /* the store of another organisation */
    return trust_learn_inception(core, ORG_SELF, core->self->inception);
}

void trust_free(struct core *core)
{
    for (uint32_t i = 0; i < core->orgs_n; i++) {
        rp_bytes_free(&core->orgs[i].inception);
        free(core->orgs[i].name);
        for (enum lane lane = 0; lane < LANES; lane++)
            free(core->orgs[i].sums[lane]);
    }
    free(core->orgs);
    free(core->vouches);
    table_free(core->org_numbers);
}

bool trust_is_peer(const struct core *core, uint32_t number)
{
    for (uint32_t i = 0; i < core->peers_n; i++) {
        if (core->peers[i]->org == number)
            return true;
    }
    return false;
}

bool trust_vouched_by_us(const struct core *core, uint32_t subject)
{
    for (size_t i = 0; i < core->vouches_n; i++) {
        if (core->vouches[i].issuer == ORG_SELF && core->vouches[i].subject == subject)
            return true;
    }
    return false;
}

void trust_vouch_for(struct core *core, uint32_t subject, uint64_t now_ms)
{
    struct core_org *o = &core->orgs[subject];
    struct author author = {&core->self->key, core->self->identity.org, &core->rand,
                            core_calendar(core, now_ms)};
    struct rp_bytes packed;
    struct rp_bytes audit;

    o->vouch_due = !trust_vouched_by_us(core, subject);
    if (!o->vouch_due || o->inception.len == 0) /* it will be learnt when a link opens */
        return;
    if (!keys_can_sign(core)) /* it will be written with the new key, or not here */
        return;
    o->vouch_due = true;
    if (acts_audit(core, "vouch", subject, "an invite", now_ms, &audit) == RP_OK) {
        if (author_vouch(&packed, &author, o->id, rp_bytes_slice(&o->inception), NULL) == RP_OK)
            o->vouch_due = core_submit_act(core, &packed, NULL, &audit, 0) != RP_OK;
        else
            rp_bytes_free(&audit);
    }
    if (o->vouch_due)
        core_retry_at(core, 0);
}

/* Withdraws the vouch in ${target}. */
static int withdraw_vouch(struct core *core, const struct rp_record *target, uint32_t subject,
                          struct change **then, const struct act *act, uint64_t now_ms)
{
    struct author author = {&core->self->key, core->self->identity.org, &core->rand,
                            core_calendar(core, now_ms)};
    struct rp_bytes packed;
    struct rp_bytes audit;
    int err = acts_audit(core, "unvouch", subject, act->because, now_ms, &audit);

    if (err != RP_OK)
        return err;
    if ((err = author_withdraw(&packed, &author, target, NULL, 0)) != RP_OK) {
        rp_bytes_free(&audit);
        return err;
    }
    return core_submit_act(core, &packed, then, &audit, act->tag);
}

int trust_unvouch(struct core *core, uint32_t subject, struct change **then, const struct act *act,
                  uint64_t now_ms)
{
    int err = RP_OK;

    core->orgs[subject].vouch_due = false;
    for (size_t i = 0; i < core->vouches_n && err == RP_OK; i++) {
        struct rp_opened opened;
        struct place place;
        struct kv_txn *txn;

        if (core->vouches[i].issuer != ORG_SELF || core->vouches[i].subject != subject)
            continue;
        if ((txn = kv_begin(core->kv, false, &err)) == NULL)
            return err;
        if (records_find(txn, core->vouches[i].symbol, &place) &&
            records_open(txn, place.seq, &place, &opened)) {
            err = withdraw_vouch(core, &opened.record, subject, then, act, now_ms);
            rp_record_close(&opened);
        }
        if (err == RP_OK)
            err = kv_err(txn);
        kv_abort(txn);
    }
    return err;
}

static int compare_vouches(const void *a, const void *b)
{
    const struct vouch *x = a;
    const struct vouch *y = b;

    if (x->issuer != y->issuer)
        return x->issuer < y->issuer ? -1 : 1;
    return memcmp(x->symbol, y->symbol, RP_SYMBOL_LEN);
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, RP_ID_LEN);
}

/* Whether ${issuer}'s vouch is the one to accept ${o} by: of several, that of the lowest id. */
static bool is_nearer(const struct core *core, uint32_t issuer, const struct core_org *o)
{
    return o->parent == 0 || memcmp(core->orgs[issuer].id, core->orgs[o->parent].id, RP_ID_LEN) < 0;
}

/* Whom those at ${depth} vouch for and nobody nearer did, each once. Of what one of them says, only
 * so much counts: the vouches with the lowest ids, whatever came first. */
static int vouched_from(struct core *core, uint32_t depth, struct symbols *out)
{
    uint32_t issuer = 0;
    uint32_t counted = 0;
    int err = RP_OK;

    for (size_t i = 0; i < core->vouches_n && err == RP_OK; i++) {
        const struct vouch *vouch = &core->vouches[i];
        struct core_org *subject = &core->orgs[vouch->subject];

        counted = vouch->issuer == issuer ? counted + 1 : 0;
        issuer = vouch->issuer;
        if (counted >= VOUCHES_EACH_MAX || core->orgs[issuer].depth != depth ||
            subject->depth != DEPTH_NONE || subject->blocked)
            continue;
        err = symbols_append(out, subject->id, RP_ID_LEN);
        if (is_nearer(core, issuer, subject))
            subject->parent = issuer;
    }
    if (out->n > 0)
        qsort(out->data, out->n / RP_ID_LEN, RP_ID_LEN, compare_ids);
    return err;
}

/*
 * How many vouches away each organisation is: breadth first from ourselves, our peers and those
 * accepted by hand, never through one that is blocked, as far as the trust depth, and no more than
 * so many. Which these are follows from the vouches alone, not from their order of arrival.
 */
static int compute_depths(struct core *core)
{
    uint32_t accepted = 0;
    int err = RP_OK;

    for (uint32_t i = 1; i < core->orgs_n; i++)
        core->orgs[i].parent = 0;
    for (uint32_t i = 1; i < core->orgs_n; i++)
        core->orgs[i].depth = core->orgs[i].by_hand && !core->orgs[i].blocked ? 0 : DEPTH_NONE;
    core->orgs[ORG_SELF].depth = 0;
    for (uint32_t i = 0; i < core->peers_n; i++) {
        if (!core->orgs[core->peers[i]->org].blocked)
            core->orgs[core->peers[i]->org].depth = 0;
    }
    for (uint32_t i = 1; i < core->orgs_n; i++)
        accepted += core->orgs[i].depth == 0;
    if (core->vouches_n > 0)
        qsort(core->vouches, core->vouches_n, sizeof *core->vouches, compare_vouches);
    for (uint32_t depth = 0; depth < core->trust_depth && err == RP_OK; depth++) {
        struct symbols next = {0};

        err = vouched_from(core, depth, &next);
        for (size_t at = 0; at < next.n && accepted < ACCEPTED_MAX; at += RP_ID_LEN) {
            struct core_org *o = &core->orgs[trust_find(core, next.data + at)];

            accepted += o->depth == DEPTH_NONE;
            o->depth = depth + 1;
        }
        if (next.n == 0)
            depth = core->trust_depth; /* nobody is further away */
        symbols_free(&next);
    }
    return err;
}

/* The change that stores how an organisation stands; NULL without memory. */
static struct change *standing_change(const struct core *core, uint32_t number)
{
    const struct core_org *o = &core->orgs[number];
    struct change *change = core_change_new(CHANGE_ORG);

    if (change == NULL)
        return NULL;
    change->org = (struct org){
        .number = number,
        .accepted = o->accepted,
        .ever = o->ever,
        .by_hand = o->by_hand,
        .blocked = o->blocked,
        .since = o->since,
        .left = o->left,
    };
    memcpy(change->org.id, o->id, RP_ID_LEN);
    if (rp_bytes_copy(&change->inception, o->inception.data, o->inception.len) != RP_OK) {
        core_change_free(change);
        return NULL;
    }
    return change;
}

void trust_store_standing(struct core *core, uint32_t number)
{
    struct core_org *o = &core->orgs[number];
    struct change *change = standing_change(core, number);
    bool late = o->store_due;

    o->store_due = change == NULL;
    if (change == NULL) {
        core_retry_at(core, 0);
        return;
    }
    change->failed = late; /* what came meanwhile was refused: see core_stored */
    o->stored = true;
    (void)core_store(core, change);
}

int trust_store_act(struct core *core, uint32_t number, struct rp_bytes *audit, uint64_t tag)
{
    struct change *change = standing_change(core, number);

    if (change == NULL) {
        rp_bytes_free(audit);
        return RP_ERR_NOMEM;
    }
    change->audit = *audit;
    change->tag = tag;
    core->orgs[number].stored = true;
    (void)core_store(core, change);
    return RP_OK;
}

/* Moves the records of an organisation in or out of the sets as its standing changes. */
static void apply_standing(struct core *core, uint32_t number, bool accepted, uint64_t now_ms)
{
    struct core_org *o = &core->orgs[number];
    bool first = accepted && !o->ever;

    o->left = accepted ? 0 : core_calendar(core, now_ms);
    if (!accepted) {
        sets_toggle_org(core, number, LANE_VOUCH, false);
        sets_toggle_org(core, number, LANE_CONTENT, false);
    }
    o->accepted = accepted;
    if (first) {
        o->ever = true;
        o->since = core_calendar(core, now_ms);
        sets_toggle_org(core, number, LANE_LASTING, true);
    }
    if (accepted) {
        sets_toggle_org(core, number, LANE_VOUCH, true);
        sets_toggle_org(core, number, LANE_CONTENT, true);
    }
    trust_store_standing(core, number);
}

void trust_recompute(struct core *core, uint64_t now_ms)
{
    struct symbols accepted = {0};
    struct symbols kept = {0};
    int err = RP_OK;

    core->trust_changed = core->vouches_due || compute_depths(core) != RP_OK;
    if (core->trust_changed) {
        core_retry_at(core, now_ms + RETRY_MS);
        return;
    }
    for (uint32_t i = 1; i < core->orgs_n; i++) {
        struct core_org *o = &core->orgs[i];
        bool now = o->depth != DEPTH_NONE && o->inception.len > 0;

        if (now == o->accepted && (o->stored || o->store_due || !now))
            continue;
        if (now && i == core->dropping) { /* what is being dropped is no member any more */
            core->trust_changed = true;
            continue;
        }
        apply_standing(core, i, now, now_ms);
        if (err == RP_OK)
            err = symbols_append(now ? &accepted : &kept, o->id, RP_ID_LEN);
    }
    if (accepted.n > 0 || kept.n > 0) {
        quotas_compute(core, now_ms);
        for (struct link *link = core->links; link != NULL; link = link->next)
            waiting_look_again(link);
        fetch_forget_refused(core);
        beacons_others_accepted(core);
        lists_announce(core, symbols_slice(&accepted), symbols_slice(&kept), now_ms);
    } else {
        quotas_due(core); /* through whom they are accepted may have changed */
    }
    symbols_free(&accepted);
    symbols_free(&kept);
    contacts_review(core, now_ms);
}

/* Reads all vouches anew, since one was not noted. */
static int reload_vouches(struct core *core)
{
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    core->vouches_n = 0;
    err = load_vouches(core, txn, core->applied_seq);
    kv_abort(txn);
    return err;
}

void trust_retry(struct core *core, uint64_t now_ms)
{
    for (uint32_t i = 1; i < core->orgs_n; i++) {
        if (core->orgs[i].store_due)
            trust_store_standing(core, i);
        if (core->orgs[i].vouch_due)
            trust_vouch_for(core, i, now_ms);
    }
    if (!core->vouches_due)
        return;
    core->vouches_due = reload_vouches(core) != RP_OK;
    if (core->vouches_due)
        core_retry_at(core, now_ms + RETRY_MS);
    else
        core->trust_changed = true;
}

bool core_org(const struct core *core, uint32_t number, struct org_view *out)
{
    const struct core_org *o = &core->orgs[number];

    if (number == 0 || number >= core->orgs_n)
        return false;
    *out = (struct org_view){
        .id = o->id,
        .name = o->name != NULL ? o->name : "",
        .accepted = o->accepted,
        .blocked = o->blocked,
        .depth = o->depth,
        .successions = o->successions,
        .forked = o->forked,
        .false_successions = o->false_successions,
    };
    return true;
}
