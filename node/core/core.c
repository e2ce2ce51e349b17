#include "core.h"

#include <stdlib.h>
#include <string.h>

#include "beacons.h"
#include "circles.h"
#include "exchange.h"
#include "nodes.h"
#include "rp/err.h"
#include "waiting.h"

#define OWN_TAG (UINT64_C(1) << 63) /* in tags of records that the core itself submits */

struct core *core_new(const struct core_opts *opts, uint64_t now_ms, int *err)
{
    struct core *core = calloc(1, sizeof *core);

    *err = RP_ERR_NOMEM;
    if (core == NULL)
        return NULL;
    core->kv = opts->kv;
    core->self = opts->self;
    core->trust_depth = opts->trust_depth;
    core->check_ms = opts->check_ms;
    core->scrub_ms = opts->scrub_ms;
    core->scrub_at = opts->scrub_ms > 0 ? now_ms + opts->scrub_ms : UINT64_MAX;
    core->vouch = opts->vouch;
    core->quota = opts->quota;
    core->calendar_ahead = core->calendar_seen = opts->calendar_ahead;
    core->calendar_since = now_ms;
    core->retry_at = UINT64_MAX;
    rp_rand_init(&core->rand, opts->seed);
    rp_rand_bytes(&core->rand, core->table_key, sizeof core->table_key);
    core->commons.number = SCOPE_COMMONS;
    memcpy(core->commons.id, rp_record_commons, RP_ID_LEN);
    rp_sketch_key(core->commons.sketch_key, rp_record_commons);
    if ((core->software = strdup(opts->software)) == NULL)
        goto err1;
    core->drop_at = now_ms;
    if ((*err = trust_load(core)) != RP_OK || (*err = standing_load(core)) != RP_OK ||
        (*err = fetch_start(core)) != RP_OK || (*err = waiting_load(core)) != RP_OK ||
        (*err = quotas_load(core)) != RP_OK || (*err = peering_start(core, now_ms)) != RP_OK ||
        (*err = sets_load(core)) != RP_OK || (*err = circles_load_all(core, now_ms)) != RP_OK)
        goto err1;
    core->started = core_calendar(core, now_ms);
    nodes_look(core);
    if ((*err = restored_load(core)) != RP_OK)
        goto err1;
    trust_recompute(core, now_ms);
    quotas_compute(core, now_ms);
    if ((*err = keys_publish(core, now_ms)) != RP_OK ||
        (*err = beacons_load(core, now_ms)) != RP_OK)
        goto err1;
    contacts_review(core, now_ms);
    return core;

err1:
    core_free(core);
    return NULL;
}

void core_change_free(struct change *change)
{
    rp_bytes_free(&change->inception);
    rp_bytes_free(&change->audit);
    free(change->dropped);
    free(change->quotas);
    free(change);
}

void core_submission_free(struct submission *submission)
{
    rp_bytes_free(&submission->packed);
    rp_bytes_free(&submission->audit);
}

static void free_own(struct core *core)
{
    while (core->own != NULL) {
        struct own_record *own = core->own;

        core->own = own->next;
        rp_bytes_free(&own->packed);
        rp_bytes_free(&own->audit);
        if (own->then != NULL)
            core_change_free(own->then);
        free(own);
    }
}

void core_free(struct core *core)
{
    struct core_effect effect;

    if (core == NULL)
        return;
    while (core->links != NULL)
        core_closed(core, core->links, 0);
    while (core_next_effect(core, &effect)) {
        core_submission_free(&effect.submission);
        if (effect.change != NULL)
            core_change_free(effect.change);
    }
    while (core->failed != NULL) {
        struct change *change = core->failed;

        core->failed = change->next;
        core_change_free(change);
    }
    free_own(core);
    free(core->effects.items);
    beacons_free(core);
    circles_free(core);
    sets_free(core);
    trust_free(core);
    standing_free(core);
    contacts_free(core);
    peering_free(core);
    invites_free(core);
    fetch_free(core);
    waiting_free(core);
    free(core->software);
    free(core);
}

/* Effects */

struct core_effect *core_effect_new(struct core *core, enum core_effect_type type)
{
    struct effect_queue *q = &core->effects;
    struct core_effect *effect;

    if (q->n == q->cap) {
        size_t cap = q->cap > 0 ? 2 * q->cap : 64;
        struct core_effect *items = realloc(q->items, cap * sizeof *items);

        if (items == NULL)
            return NULL;
        q->items = items;
        q->cap = cap;
    }
    effect = &q->items[q->n++];
    *effect = (struct core_effect){.type = type};
    return effect;
}

bool core_next_effect(struct core *core, struct core_effect *out)
{
    struct effect_queue *q = &core->effects;

    if (q->at == q->n && core->trust_changed && core->retry_at == UINT64_MAX)
        trust_recompute(core, core->trust_at);
    if (q->at == q->n) {
        q->at = q->n = 0;
        return false;
    }
    *out = q->items[q->at++];
    return true;
}

void core_wake(struct link *link)
{
    struct core_effect *effect;

    if (link->wake_asked)
        return;
    effect = core_effect_new(link->core, CORE_WAKE);
    if (effect != NULL) {
        effect->link = link;
        link->wake_asked = true;
    }
}

struct change *core_change_new(enum change_type type)
{
    struct change *change = calloc(1, sizeof *change);

    if (change != NULL)
        change->type = type;
    return change;
}

void core_retry_at(struct core *core, uint64_t at_ms)
{
    if (at_ms < core->retry_at)
        core->retry_at = at_ms;
}

/* Keeps a change that could not be stored, to be tried again. */
static void keep_failed(struct core *core, struct change *change, uint64_t at_ms)
{
    struct change **last = &core->failed;

    while (*last != NULL)
        last = &(*last)->next;
    change->next = NULL;
    *last = change;
    change->failed = true;
    core_retry_at(core, at_ms);
}

uint64_t core_store(struct core *core, struct change *change)
{
    struct core_effect *effect = core_effect_new(core, CORE_STORE);

    if (change->id == 0)
        change->id = ++core->next_change;
    if (effect == NULL)
        keep_failed(core, change, 0);
    else
        effect->change = change;
    return change->id;
}

struct core_effect *core_submit(struct core *core, struct rp_slice packed)
{
    struct core_effect *effect = core_effect_new(core, CORE_SUBMIT);

    if (effect == NULL ||
        rp_bytes_copy(&effect->submission.packed, packed.data, packed.len) == RP_OK)
        return effect;
    core->effects.n--;
    return NULL;
}

static int submit_copy(struct core *core, const struct own_record *own)
{
    struct core_effect *effect = core_submit(core, rp_bytes_slice(&own->packed));
    int err;

    if (effect == NULL)
        return RP_ERR_NOMEM;
    err = rp_bytes_copy(&effect->submission.audit, own->audit.data, own->audit.len);
    if (err != RP_OK) {
        core_submission_free(&effect->submission);
        core->effects.n--;
        return err;
    }
    effect->submission.tag = own->tag;
    effect->submission.act = own->act;
    return RP_OK;
}

int core_submit_own(struct core *core, struct rp_bytes *packed, struct change **then)
{
    struct rp_bytes audit = {NULL, 0};

    return core_submit_act(core, packed, then, &audit, 0);
}

int core_submit_act(struct core *core, struct rp_bytes *packed, struct change **then,
                    struct rp_bytes *audit, uint64_t act)
{
    struct own_record *own = calloc(1, sizeof *own);

    if (own == NULL) {
        rp_bytes_free(packed);
        rp_bytes_free(audit);
        return RP_ERR_NOMEM;
    }
    own->tag = OWN_TAG | ++core->next_own;
    own->packed = *packed;
    own->audit = *audit;
    own->act = act;
    if (then != NULL) {
        own->then = *then;
        *then = NULL;
    }
    own->next = core->own;
    core->own = own;
    own->failed = submit_copy(core, own) != RP_OK;
    if (own->failed)
        core_retry_at(core, 0);
    return RP_OK;
}

static void hide(struct kv_txn *txn, const struct change *change)
{
    struct rp_slice object = {change->object, RP_ID_LEN};
    struct kv_key at = {.len = 0};

    kv_key_number(&at, change->hidden, 8);
    if (change->hidden != 0)
        kv_put(txn, KV_HIDDEN, object, kv_key_slice(&at));
    else
        kv_del(txn, KV_HIDDEN, object);
}

void core_apply(struct batch *batch, struct change *change)
{
    struct kv_txn *txn = batch_txn(batch);

    switch (change->type) {
    case CHANGE_ORG:
        change->org.inception = rp_bytes_slice(&change->inception);
        orgs_save(txn, &change->org);
        break;
    case CHANGE_PEER:
        peers_save(txn, &change->peer);
        break;
    case CHANGE_PEER_REMOVE:
        peers_remove(txn, change->peer.org);
        break;
    case CHANGE_INVITE:
        invites_save(txn, &change->invite);
        break;
    case CHANGE_CIRCLE:
        change->circle.issued = rp_bytes_slice(&change->inception);
        circles_save(txn, &change->circle);
        break;
    case CHANGE_RESTORED:
        restored_write(txn, &change->restored);
        break;
    case CHANGE_BEACON:
        change->beacon.sealed = rp_bytes_slice(&change->inception);
        beacon_entry_save(txn, &change->beacon);
        break;
    case CHANGE_DAMAGED: /* ingest/repair.c */
        break;
    case CHANGE_HIDE:
        hide(txn, change);
        break;
    case CHANGE_DROP:
        standing_drop(batch, change);
        break;
    case CHANGE_QUOTAS:
        quotas_apply(txn, change);
        break;
    }
    audit_append(txn, rp_bytes_slice(&change->audit));
}

/* Makes a change that is tried again say how things are now: others may have come between. */
static void renew(struct core *core, struct change *change, uint64_t now_ms)
{
    const struct core_org *o = &core->orgs[change->org.number];
    const struct peer *peer;

    switch (change->type) {
    case CHANGE_ORG:
        change->org.accepted = o->accepted;
        change->org.ever = o->ever;
        change->org.by_hand = o->by_hand;
        change->org.since = o->since;
        change->org.blocked = o->blocked;
        change->org.left = o->left;
        break;
    case CHANGE_PEER:
    case CHANGE_PEER_REMOVE:
        peer = peering_find(core, change->peer.org);
        change->type = peer != NULL ? CHANGE_PEER : CHANGE_PEER_REMOVE;
        if (peer != NULL)
            change->peer = peer->entry;
        break;
    case CHANGE_INVITE:
        invites_renew(core, &change->invite);
        break;
    case CHANGE_CIRCLE:
        circles_renew(core, &change->circle);
        break;
    case CHANGE_HIDE:
        if ((change->hidden != 0) != core_is_hidden(core, change->object))
            change->hidden = change->hidden != 0 ? 0 : core_calendar(core, now_ms);
        break;
    case CHANGE_RESTORED:
        change->restored = core->restored;
        break;
    case CHANGE_BEACON:
    case CHANGE_DAMAGED:
    case CHANGE_DROP:
    case CHANGE_QUOTAS:
        quotas_renew(core, change);
        break;
        break;
    }
}

static void retry_failed(struct core *core, uint64_t now_ms)
{
    struct change *failed = core->failed;

    core->failed = NULL;
    core->retry_at = UINT64_MAX;
    while (failed != NULL) {
        struct change *change = failed;

        failed = change->next;
        renew(core, change, now_ms);
        (void)core_store(core, change);
    }
    for (struct link *link = core->links; link != NULL; link = link->next) {
        if (link->close_due)
            link_ask_close(link);
    }
    peering_retry(core);
    if (core->keys_due)
        keys_retry(core, now_ms);
    else
        trust_retry(core, now_ms);
    restored_retry(core);
    sets_retry(core, now_ms);
    circles_retry(core);
    contacts_review(core, now_ms);
    for (struct own_record *own = core->own; own != NULL; own = own->next) {
        if (own->failed)
            own->failed = submit_copy(core, own) != RP_OK;
        if (own->failed)
            core_retry_at(core, now_ms + RETRY_MS);
    }
    if (core->trust_changed)
        trust_recompute(core, now_ms);
    if (core->retry_at < now_ms + RETRY_MS) /* what failed again at once is not worth haste */
        core->retry_at = now_ms + RETRY_MS;
}

/* A damaged record is gone: peers have it, if anybody. */
static void forget_damaged(struct core *core, const struct change *change, uint64_t now_ms)
{
    beacons_recorded(core, &change->erased.place, true, now_ms);
    core->counters.damaged++;
    sets_remove(core, change->erased.symbol, &change->erased.place);
    if (change->was_repaired) {
        sets_add(core, change->erased.symbol, &change->repaired);
        return;
    }
    core->own_damaged += change->erased.place.org == ORG_SELF;
    if (change->erased.place.lane == LANE_VOUCH) {
        trust_vouch_erased(core, change->erased.symbol, false);
        core->trust_changed = true;
        core->trust_at = now_ms;
    }
    for (struct link *link = core->links; link != NULL; link = link->next)
        exchange_plan(&link->commons, now_ms + SETTLE_MS);
}

void core_damaged(struct core *core, uint64_t seq)
{
    struct change *change = core_change_new(CHANGE_DAMAGED);

    if (change == NULL)
        return; /* it will be found again */
    change->seq = seq;
    (void)core_store(core, change);
}

/* Reads the next stored records: a disk forgets silently. */
static void scrub(struct core *core)
{
    struct kv_key from = {.len = 0};
    struct kv_iter it;
    struct kv_txn *txn;
    unsigned n = 0;
    int err;

    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return;
    kv_key_number(&from, core->scrubbed + 1, 8);
    for (kv_from(&it, txn, KV_LOG, kv_key_slice(&from), 0); it.found && n < SCRUB_EACH;
         kv_next(&it)) {
        core->scrubbed = kv_number(it.key.data, 8);
        n++;
        if (!records_is_sound(txn, core->scrubbed) && kv_err(txn) == RP_OK)
            core_damaged(core, core->scrubbed);
    }
    if (n < SCRUB_EACH)
        core->scrubbed = 0; /* from the start again */
    kv_stop(&it);
    kv_abort(txn);
}

void core_stored(struct core *core, struct change *change, int err, uint64_t now_ms)
{
    peering_stored(core, change, err);
    link_stored(core, change->id, err, now_ms);
    if (err == RP_ERR_FULL)
        core->full_until = now_ms + FULL_MS;
    if (change->type == CHANGE_DROP)
        standing_dropped(core, change, err, now_ms);
    else if (err != RP_OK && change->type != CHANGE_BEACON) { /* the next beacon is tried instead */
        keep_failed(core, change, now_ms + RETRY_MS);
        return;
    }
    if (change->type == CHANGE_ORG && change->failed) {
        /* what came of this organisation meanwhile was refused: look for it again */
        fetch_forget_refused(core);
        for (struct link *link = core->links; link != NULL; link = link->next)
            exchange_plan(&link->commons, now_ms + SETTLE_MS);
    }
    if (change->type == CHANGE_DAMAGED && change->was_damaged)
        forget_damaged(core, change, now_ms);
    if (change->type == CHANGE_CIRCLE)
        circles_stored(core, change, now_ms);
    core_change_free(change);
}

/* A record of our own has been taken in, or is to be tried again. */
static void own_outcome(struct core *core, const struct outcome *outcome, uint64_t now_ms)
{
    struct own_record **at = &core->own;
    struct own_record *own;

    while (*at != NULL && (*at)->tag != outcome->tag)
        at = &(*at)->next;
    if ((own = *at) == NULL)
        return;
    if (outcome->err == RP_ERR_FULL || outcome->err == RP_ERR_IO || outcome->err == RP_ERR_NOMEM) {
        own->failed = true;
        core_retry_at(core, now_ms + RETRY_MS);
        return;
    }
    *at = own->next;
    if (own->then != NULL) {
        renew(core, own->then, now_ms);
        (void)core_store(core, own->then);
    }
    rp_bytes_free(&own->packed);
    rp_bytes_free(&own->audit);
    free(own);
}

/* Outcomes */

/* Tells every link that compares the record and has not shown that it has it. */
static void announce(struct core *core, const struct outcome *outcome)
{
    enum rp_set set = sets_of_lane(outcome->place.lane);

    for (struct link *link = core->links; link != NULL; link = link->next) {
        struct shared *shared = shared_by_number(link, outcome->place.scope);

        if (link->state != LINK_OPEN || link->number == outcome->link ||
            !shared_has(link, &outcome->place) || fetch_link_has(core, outcome->id, link->number) ||
            shared->announce[set].n >= OFFERS_MAX * RP_SYMBOL_LEN) /* comparing finds the rest */
            continue;
        if (symbols_append(&shared->announce[set], outcome->id, RP_SYMBOL_LEN) == RP_OK) {
            link->offered += shared == &link->commons;
            core_wake(link);
        }
    }
}

static void take_in(struct core *core, const struct outcome *outcome, uint64_t now_ms)
{
    bool is_vouch = outcome->place.lane == LANE_VOUCH && outcome->place.scope == SCOPE_COMMONS;

    if (outcome->link != 0 && outcome->place.org == ORG_SELF)
        restored_own_came(core, outcome, now_ms);
    core->trust_changed |= is_vouch;
    beacons_recorded(core, &outcome->place, false, now_ms);
    sets_add(core, outcome->id, &outcome->place);
    if (is_vouch)
        trust_vouch_stored(core, outcome);
    for (uint32_t i = 0; i < outcome->erased_n; i++) {
        const struct erased *erased = &outcome->erased[i];

        sets_remove(core, erased->symbol, &erased->place);
        beacons_recorded(core, &erased->place, true, now_ms);
        if (erased->place.lane == LANE_VOUCH) {
            trust_vouch_erased(core, erased->symbol, outcome->chain_changed);
            core->trust_changed = true;
        }
    }
    if (outcome->chain_changed)
        keys_changed(core, outcome->place.org, now_ms);
    else if (outcome->revokes)
        nodes_revoked(core, outcome->place.org);
    announce(core, outcome);
    core->trust_at = now_ms;
}

void core_outcome(struct core *core, const struct outcome *outcome, uint64_t now_ms)
{
    if (outcome->err == RP_OK) {
        take_in(core, outcome, now_ms);
        quotas_outcome(core, outcome, now_ms);
    }
    if (outcome->false_succession)
        keys_count_false(core, outcome->org);
    if (outcome->err == RP_ERR_FULL)
        core->full_until = now_ms + FULL_MS;
    if (outcome->tag & OWN_TAG)
        own_outcome(core, outcome, now_ms);
    fetch_outcome(core, outcome, now_ms);
}

/* Time */

void core_set_calendar(struct core *core, int64_t ahead_ms)
{
    core->calendar_ahead = ahead_ms;
}

/* What came shortly before the calendar was put forward seems to have been here for long. */
static void look_at_calendar(struct core *core, uint64_t now_ms)
{
    if (core->calendar_ahead > core->calendar_seen + CALENDAR_STEP_MS)
        core->calendar_since = now_ms;
    core->calendar_seen = core->calendar_ahead;
}

uint64_t core_calendar(const struct core *core, uint64_t now_ms)
{
    return now_ms + (uint64_t)core->calendar_ahead;
}

int64_t core_random_jitter(struct core *core, uint64_t ms)
{
    return (int64_t)rp_rand_below(&core->rand, ms * 2 / 5 + 1) - (int64_t)(ms / 5);
}

uint64_t core_deadline(const struct core *core)
{
    uint64_t deadline = peering_deadline(core);

    if (contacts_deadline(core) < deadline)
        deadline = contacts_deadline(core);
    if (core->retry_at < deadline)
        deadline = core->retry_at;
    if (beacons_deadline(core) < deadline)
        deadline = beacons_deadline(core);
    if (core->scrub_at < deadline)
        deadline = core->scrub_at;
    if (core->full_until != 0 && core->full_until < deadline)
        deadline = core->full_until;
    if (core->quota_at < deadline)
        deadline = core->quota_at;
    if (standing_deadline(core) < deadline)
        deadline = standing_deadline(core);
    for (const struct link *link = core->links; link != NULL; link = link->next) {
        uint64_t at = link_deadline(link);

        if (at < deadline)
            deadline = at;
    }
    return deadline;
}

void core_tick(struct core *core, uint64_t now_ms)
{
    struct link *next;

    look_at_calendar(core, now_ms);
    if (core->retry_at <= now_ms)
        retry_failed(core, now_ms);
    if (core->full_until != 0 && core->full_until <= now_ms) {
        core->full_until = 0; /* there may be room again: what was offered meanwhile is asked for */
        for (struct link *link = core->links; link != NULL; link = link->next) {
            fetch_ask(link, now_ms);
            exchange_plan(&link->commons, now_ms);
        }
    }
    if (core->scrub_at <= now_ms) {
        core->scrub_at = now_ms + core->scrub_ms;
        scrub(core);
    }
    if (core->quota_at <= now_ms)
        quotas_compute(core, now_ms);
    standing_tick(core, now_ms);
    peering_tick(core, now_ms);
    contacts_tick(core, now_ms);
    beacons_tick(core, now_ms);
    cells_tick(core, now_ms);
    for (struct link *link = core->links; link != NULL; link = next) {
        next = link->next;
        link_tick(link, now_ms);
    }
}

void core_stop(struct core *core)
{
    peering_stop(core);
    beacons_save(core);
    for (struct link *link = core->links; link != NULL; link = link->next)
        link_end(link, "stopping");
}

/* What views ask */

void core_tally(const struct core *core, enum rp_set set, struct rp_tally *out)
{
    out->count = core->commons.sets[set].count;
    rp_fingerprint_digest(out->digest, &core->commons.sets[set].fingerprint);
}

void core_counters(const struct core *core, struct core_counters *out)
{
    *out = core->counters;
}

void core_set_addresses(struct core *core, const char *const *addresses, uint32_t n)
{
    core->addresses_n = n < RP_ADDRESSES_MAX ? n : RP_ADDRESSES_MAX;
    for (uint32_t i = 0; i < core->addresses_n; i++) {
        size_t len = strnlen(addresses[i], RP_ADDRESS_LEN_MAX);

        memcpy(core->addresses[i], addresses[i], len);
        core->addresses[i][len] = '\0';
    }
}
