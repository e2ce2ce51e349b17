#include "beacons.h"

#include <stdlib.h>
#include <string.h>

#include "circles.h"
#include "nodes.h"
#include "rp/err.h"
#include "store/beacon.h"
#include "store/chain.h"

/* The beacons of all nodes (SPEC 3.7): kept, judged, passed on, shown. */

/* Of which scope */

struct beacons *beacons_of(const struct core *core, const struct scope *scope)
{
    return scope == &core->commons ? core->beacons : ((const struct circle *)scope)->beacons;
}

struct beacons *beacons_next(const struct core *core, const struct beacons *b)
{
    const struct circle *circle = core->circles;

    if (b == NULL)
        return core->beacons;
    if (b->circle != NULL)
        circle = b->circle->next;
    while (circle != NULL && circle->beacons == NULL)
        circle = circle->next;
    return circle != NULL ? circle->beacons : NULL;
}

bool beacons_is_heard(const struct beacons *b, uint32_t org)
{
    return b->circle != NULL ? circles_has_member(b->circle, org) : b->core->orgs[org].accepted;
}

/* Keeping them */

bool beacons_is_too_old(const struct core *core, uint64_t time, uint64_t now_ms)
{
    uint64_t now = core_calendar(core, now_ms);

    return time < now && now - time > BEACON_KEEP_MS;
}

bool beacons_is_ahead(const struct core *core, uint64_t time, uint64_t now_ms)
{
    uint64_t now = core_calendar(core, now_ms);

    return time > now && time - now > BEACON_AHEAD_MS;
}

struct beacon *beacons_find(const struct beacons *b, const uint8_t key[static RP_KEY_LEN])
{
    uint32_t slot;

    return table_get(b->by_key, key, &slot) ? &b->slots[slot] : NULL;
}

static bool is_own(const struct core *core, const struct beacon *beacon)
{
    return memcmp(beacon->key, core->self->node.public, RP_KEY_LEN) == 0;
}

static void slot_free(struct beacon *slot)
{
    rp_bytes_free(&slot->sealed);
    free(slot->name);
}

/* Forgets a node, here and, with ${store}, in the store. */
static void drop(struct beacons *b, struct beacon *beacon, bool store)
{
    struct core *core = b->core;
    struct change *change = store ? core_change_new(CHANGE_BEACON) : NULL;

    if (change != NULL) { /* else it is dropped again after the next start */
        change->beacon.scope = b->scope->number;
        memcpy(change->beacon.key, beacon->key, RP_KEY_LEN);
        (void)core_store(core, change);
    }
    table_del(b->by_key, beacon->key);
    slot_free(beacon);
    *beacon = (struct beacon){0};
    b->n--;
    b->changes++;
}

/* Which of two nodes goes first when there are too many: never we, strangers before peers, and
 * those that were silent for longer. */
static bool goes_before(const struct core *core, const struct beacon *a, const struct beacon *b)
{
    bool a_near = core->orgs[a->org].depth == 0;
    bool b_near = core->orgs[b->org].depth == 0;

    if (is_own(core, a) || is_own(core, b))
        return is_own(core, b);
    return a_near != b_near ? b_near : a->time < b->time;
}

/* Makes room for one more of ${org}. False when all others are worth more. */
static bool make_room(struct beacons *b, uint32_t org, uint64_t time)
{
    const struct beacon wanted = {.org = org, .time = time};
    const struct core *core = b->core;
    struct beacon *first = NULL; /* to go, of all */
    struct beacon *first_of_org = NULL;
    uint32_t of_org = 0;

    for (uint32_t i = 0; b->slots != NULL && i < b->slots_n; i++) {
        struct beacon *slot = &b->slots[i];

        if (!slot->used)
            continue;
        if (first == NULL || goes_before(core, slot, first))
            first = slot;
        if (slot->org != org)
            continue;
        of_org++;
        if (first_of_org == NULL || goes_before(core, slot, first_of_org))
            first_of_org = slot;
    }
    if (of_org >= BEACONS_EACH_MAX)
        first = first_of_org;
    else if (b->n < BEACONS_MAX)
        return true;
    if (first == NULL || !goes_before(core, first, &wanted))
        return false;
    drop(b, first, true);
    return true;
}

static struct beacon *new_slot(struct beacons *b, const uint8_t *key)
{
    struct beacon *slots;
    uint32_t at = 0;

    while (b->slots != NULL && at < b->slots_n && b->slots[at].used)
        at++;
    if (b->slots == NULL || at == b->slots_n) {
        slots = realloc(b->slots, (b->slots_n + 16) * sizeof *slots);
        if (slots == NULL)
            return NULL;
        memset(slots + b->slots_n, 0, 16 * sizeof *slots);
        b->slots = slots;
        b->slots_n += 16;
    }
    if (table_put(b->by_key, key, at) != RP_OK)
        return NULL;
    b->n++;
    memcpy(b->slots[at].key, key, RP_KEY_LEN);
    b->slots[at].used = true;
    b->slots[at].credit = BEACON_BURST;
    return &b->slots[at];
}

/* Whether we lacked some of what the node said last time, and it has not become less: what was
 * missing then is missing still. */
static bool is_behind(const struct beacons *b, const struct beacon *slot,
                      const struct rp_beacon *now)
{
    struct rp_beacon before;
    bool behind = false;

    if (!slot->used || rp_beacon_read(&before, rp_bytes_slice(&slot->sealed)) != RP_OK)
        return false;
    for (enum rp_set set = 0; set < RP_SETS; set++) {
        struct rp_tally held;

        beacons_org_tally(b, slot->org, set, &held);
        if (now->own[set].count < before.own[set].count)
            return false;
        behind |= held.count < before.own[set].count;
    }
    return behind;
}

struct beacon *beacons_put(struct beacons *b, const struct rp_beacon *beacon, const char *name,
                           struct rp_slice sealed, uint64_t now_ms)
{
    const struct core *core = b->core;
    uint32_t org = trust_find(core, beacon->org);
    struct beacon *slot = beacons_find(b, beacon->key);
    struct rp_bytes copy;
    char *called = strdup(name);

    if (called == NULL || rp_bytes_copy(&copy, sealed.data, sealed.len) != RP_OK)
        goto err0;
    if (slot == NULL && make_room(b, org, beacon->time))
        slot = new_slot(b, beacon->key);
    if (slot == NULL)
        goto err1;
    if (!is_behind(b, slot, beacon))
        slot->since = now_ms;
    slot_free(slot);
    slot->org = org;
    slot->time = beacon->time;
    slot->received = core_calendar(core, now_ms);
    slot->sealed = copy;
    slot->name = called;
    slot->unsaved = true;
    if (b->save_at == UINT64_MAX)
        b->save_at = now_ms + BEACON_SAVE_MS;
    b->changes++;
    return slot;

err1:
    rp_bytes_free(&copy);
err0:
    free(called);
    return NULL;
}

/* In the store */

static void save(struct beacons *b, struct beacon *beacon)
{
    struct change *change = core_change_new(CHANGE_BEACON);

    if (change == NULL)
        return; /* the next one may be */
    change->beacon.scope = b->scope->number;
    memcpy(change->beacon.key, beacon->key, RP_KEY_LEN);
    change->beacon.received = beacon->received;
    if (rp_bytes_copy(&change->inception, beacon->sealed.data, beacon->sealed.len) != RP_OK) {
        free(change);
        return;
    }
    beacon->unsaved = false;
    (void)core_store(b->core, change);
}

static void save_all(struct beacons *b)
{
    for (uint32_t i = 0; i < b->slots_n; i++) {
        if (b->slots[i].used && b->slots[i].unsaved)
            save(b, &b->slots[i]);
    }
    b->save_at = UINT64_MAX;
}

void beacons_save(struct core *core)
{
    for (struct beacons *b = core->beacons; b != NULL; b = beacons_next(core, b))
        save_all(b);
}

/* Whether the node's certificate is by the key that is its organisation's today. */
static bool is_certified(const struct core *core, struct kv_txn *txn, uint32_t org,
                         const struct rp_certificate *certificate)
{
    struct rp_slice inception = rp_bytes_slice(&core->orgs[org].inception);
    struct rp_identity identity;
    struct chain chain;

    if (chain_load(txn, org, &chain))
        identity = chain.identity;
    else if (kv_err(txn) != RP_OK || rp_identity_read(&identity, inception) != RP_OK)
        return false; /* it is not even known by its inception */
    else
        chain.rivals = 0; /* its standing is on its way into the store */
    return chain.rivals == 0 &&
           memcmp(identity.keys[identity.number], certificate->key, RP_KEY_LEN) == 0 &&
           !nodes_is_revoked(txn, orgs_number(txn, certificate->org), certificate);
}

bool beacons_hold_today(const struct core *core, uint32_t org,
                        const struct rp_certificate *certificate)
{
    struct kv_txn *txn;
    bool holds;
    int err;

    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return false;
    holds = is_certified(core, txn, org, certificate);
    kv_abort(txn);
    return holds;
}

static void drop_uncertified(struct beacons *b, uint32_t org)
{
    struct core *core = b->core;

    for (uint32_t i = 0; i < b->slots_n; i++) {
        struct rp_certificate certificate;
        struct rp_beacon beacon;

        if (b->slots[i].used && b->slots[i].org == org && !is_own(core, &b->slots[i]) &&
            (rp_beacon_open(&beacon, &certificate, rp_bytes_slice(&b->slots[i].sealed)) != RP_OK ||
             !beacons_hold_today(core, org, &certificate)))
            drop(b, &b->slots[i], true);
    }
}

void beacons_rekeyed(struct core *core, uint32_t org)
{
    for (struct beacons *b = core->beacons; b != NULL; b = beacons_next(core, b))
        drop_uncertified(b, org);
}

void beacons_follow(struct core *core, struct peer *peer, uint64_t now_ms)
{
    for (const struct beacons *b = core->beacons; b != NULL; b = beacons_next(core, b)) {
        for (uint32_t i = 0; i < b->slots_n; i++) {
            struct rp_beacon beacon;

            if (b->slots[i].used && b->slots[i].org == peer->org &&
                rp_beacon_read(&beacon, rp_bytes_slice(&b->slots[i].sealed)) == RP_OK)
                peering_follow(core, peer, &beacon, now_ms);
        }
    }
}

void beacons_others_accepted(struct core *core)
{
    if (core->beacons != NULL)
        core->beacons->changes++;
}

/* Takes one from the store, unless it does not count any more. */
static void load_one(struct beacons *b, struct kv_txn *txn, const struct beacon_entry *entry,
                     uint64_t now_ms)
{
    struct rp_certificate certificate;
    struct rp_beacon beacon;
    struct beacon *slot;
    uint32_t org;

    if (rp_beacon_open(&beacon, &certificate, entry->sealed) != RP_OK ||
        memcmp(beacon.scope, b->scope->id, RP_ID_LEN) != 0 ||
        (org = trust_find(b->core, beacon.org)) == 0 ||
        !is_certified(b->core, txn, org, &certificate))
        return;
    slot = beacons_put(b, &beacon, certificate.name, entry->sealed, now_ms);
    if (slot == NULL) /* it will come again */
        return;
    slot->received = entry->received;
    slot->unsaved = false;
}

static int load(struct beacons *b, uint64_t now_ms)
{
    struct kv_key prefix = {.len = 0};
    struct kv_iter it;
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(b->core->kv, false, &err)) == NULL)
        return err;
    kv_key_number(&prefix, b->scope->number, 4);
    for (kv_first(&it, txn, KV_BEACON, kv_key_slice(&prefix)); it.found; kv_next(&it)) {
        struct beacon_entry entry;

        if (beacon_entry_read(it.key, it.value, &entry))
            load_one(b, txn, &entry, now_ms);
    }
    err = kv_err(txn);
    kv_abort(txn);
    b->save_at = UINT64_MAX;
    return err;
}

static void free_scope(struct beacons *b)
{
    if (b == NULL)
        return;
    for (uint32_t i = 0; i < b->slots_n; i++)
        slot_free(&b->slots[i]);
    free(b->slots);
    table_free(b->by_key);
    receipts_free(b);
    free(b);
}

/* Those of a scope as the store has them. */
static int load_scope(struct core *core, const struct scope *scope, const struct circle *circle,
                      uint64_t now_ms, struct beacons **out)
{
    struct beacons *b = calloc(1, sizeof *b);
    int err = RP_ERR_NOMEM;

    if (b == NULL)
        return err;
    b->core = core;
    b->scope = scope;
    b->circle = circle;
    b->sweep_at = now_ms;
    b->by_key = table_new(RP_KEY_LEN, core->table_key);
    if (b->by_key == NULL || (err = load(b, now_ms)) != RP_OK) {
        free_scope(b);
        return err;
    }
    *out = b;
    return RP_OK;
}

int beacons_load(struct core *core, uint64_t now_ms)
{
    int err = load_scope(core, &core->commons, NULL, now_ms, &core->beacons);

    if (err != RP_OK)
        return err;
    for (struct circle *circle = core->circles; circle != NULL; circle = circle->next) {
        if (circle->open)
            beacons_open(core, circle, now_ms);
    }
    for (uint32_t i = 0; i < core->peers_n; i++)
        beacons_follow(core, core->peers[i], now_ms);
    beacon_start(core->beacons, now_ms);
    return RP_OK;
}

void beacons_open(struct core *core, struct circle *circle, uint64_t now_ms)
{
    if (core->beacons == NULL) /* not started yet: beacons_load does it */
        return;
    /* without memory the circle does without until the next start */
    if (load_scope(core, &circle->scope, circle, now_ms, &circle->beacons) == RP_OK)
        beacon_start(circle->beacons, now_ms);
}

void beacons_close(struct core *core, struct circle *circle)
{
    struct beacons *b = circle->beacons;

    (void)core;
    for (uint32_t i = 0; b != NULL && i < b->slots_n; i++) {
        if (b->slots[i].used)
            drop(b, &b->slots[i], true);
    }
    free_scope(b);
    circle->beacons = NULL;
}

void beacons_free(struct core *core)
{
    for (struct circle *circle = core->circles; circle != NULL; circle = circle->next) {
        free_scope(circle->beacons);
        circle->beacons = NULL;
    }
    free_scope(core->beacons);
    core->beacons = NULL;
}

/* Time */

uint64_t beacons_deadline(const struct core *core)
{
    uint64_t deadline = UINT64_MAX;

    for (const struct beacons *b = core->beacons; b != NULL; b = beacons_next(core, b)) {
        deadline = b->due < deadline ? b->due : deadline;
        deadline = b->save_at < deadline ? b->save_at : deadline;
        deadline = b->sweep_at < deadline ? b->sweep_at : deadline;
    }
    return deadline;
}

/* Forgets nodes that are silent, or whose organisations are not heard any more. It may be our
 * clock that is, or was, wrong: so others are asked. */
static void sweep(struct beacons *b, uint64_t now_ms)
{
    const struct core *core = b->core;
    bool by_time = false;

    for (uint32_t i = 0; i < b->slots_n; i++) {
        struct beacon *slot = &b->slots[i];
        bool out_of_time = beacons_is_too_old(core, slot->time, now_ms) ||
                           beacons_is_ahead(core, slot->time, now_ms);

        if (!slot->used)
            continue;
        by_time |= out_of_time;
        if (is_own(core, slot)) {
            if (out_of_time || beacon_is_late(b, slot, now_ms))
                beacon_renew(b, now_ms);
        } else if (out_of_time || !beacons_is_heard(b, slot->org)) {
            drop(b, slot, true);
        }
    }
    if (by_time)
        beacons_ask_again(b, now_ms);
}

void beacons_tick(struct core *core, uint64_t now_ms)
{
    for (struct beacons *b = core->beacons; b != NULL; b = beacons_next(core, b)) {
        if (b->sweep_at <= now_ms) {
            b->sweep_at = now_ms + BEACON_AGAIN_MS;
            sweep(b, now_ms);
        }
        if (b->save_at <= now_ms)
            save_all(b);
        beacon_tick(b, now_ms);
    }
}

/* What views ask */

/* Of a circle only the store knows how much is whose. */
static void sum_of(const struct beacons *b, struct kv_txn *txn, uint32_t org, enum lane lane,
                   struct sum *out)
{
    const struct sum *kept = b->core->orgs[org].sums[lane];

    out->count = 0;
    out->fingerprint = (struct rp_fingerprint){{0}};
    if (b->circle != NULL && txn != NULL)
        batch_read_sum(txn, (struct sum_key){b->scope->number, lane, org}, out);
    else if (b->circle == NULL && kept != NULL)
        *out = *kept;
}

void beacons_org_tally(const struct beacons *b, uint32_t org, enum rp_set set, struct rp_tally *out)
{
    struct rp_fingerprint fingerprint = {{0}};
    struct kv_txn *txn = NULL;
    int err;

    if (b->circle != NULL)
        txn = kv_begin(b->core->kv, false, &err);
    out->count = 0;
    for (enum lane lane = 0; lane < LANES; lane++) {
        struct sum sum;

        if (sets_of_lane(lane) != set)
            continue;
        sum_of(b, txn, org, lane, &sum);
        out->count += sum.count;
        rp_fingerprint_join(&fingerprint, &sum.fingerprint);
    }
    if (txn != NULL)
        kv_abort(txn);
    rp_fingerprint_digest(out->digest, &fingerprint);
}

/* Whether some link works, so that what is missing should have come by now. */
static bool is_in_touch(const struct beacons *b, uint64_t since)
{
    for (struct link *link = b->core->links; link != NULL; link = link->next) {
        const struct shared *shared = shared_by_number(link, b->scope->number);

        if (link->state != LINK_OPEN || link->opened_at > since || shared == NULL)
            continue;
        if (b->circle != NULL ? shared->remote_in && shared->unequal == 0 : link->counts_as_sync)
            return true;
    }
    return false;
}

/* How what we have of an organisation stands to what its node says. */
static enum beacon_standing standing_of(const struct beacons *b, const struct beacon *slot,
                                        const struct core_beacon *view, uint64_t now_ms)
{
    uint64_t patience = 2 * (uint64_t)b->core->check_ms;
    bool same = true;

    for (enum rp_set set = 0; set < RP_SETS; set++) {
        const struct rp_tally *theirs = &view->beacon.own[set];
        const struct rp_tally *held = &view->held[set];

        if (held->count > theirs->count)
            return BEACON_OLDER;
        same &=
            held->count == theirs->count && memcmp(held->digest, theirs->digest, RP_HASH_LEN) == 0;
    }
    if (same)
        return BEACON_SAME;
    return now_ms >= slot->since + patience && is_in_touch(b, now_ms - patience) ? BEACON_WITHHELD
                                                                                 : BEACON_COMING;
}

bool beacons_is_shown(const struct beacons *b, const struct beacon *beacon, uint64_t now_ms)
{
    return beacon->used && beacons_is_heard(b, beacon->org) &&
           !beacons_is_too_old(b->core, beacon->time, now_ms);
}

struct beacons *beacons_by_number(const struct core *core, uint32_t scope)
{
    struct beacons *b = core->beacons;

    while (b != NULL && b->scope->number != scope)
        b = beacons_next(core, b);
    return b;
}

bool core_beacon(const struct core *core, uint32_t scope, uint32_t *at, struct core_beacon *out,
                 uint64_t now_ms)
{
    const struct beacons *b = beacons_by_number(core, scope);

    for (; b != NULL && *at < b->slots_n; (*at)++) {
        const struct beacon *slot = &b->slots[*at];

        if (!beacons_is_shown(b, slot, now_ms) ||
            rp_beacon_read(&out->beacon, rp_bytes_slice(&slot->sealed)) != RP_OK)
            continue;
        out->name = slot->name;
        out->node = (*at)++;
        out->org = slot->org;
        out->is_self = is_own(core, slot);
        out->seen = slot->received < slot->time ? slot->received : slot->time;
        for (enum rp_set set = 0; set < RP_SETS; set++)
            beacons_org_tally(b, slot->org, set, &out->held[set]);
        out->standing = standing_of(b, slot, out, now_ms);
        return true;
    }
    return false;
}
