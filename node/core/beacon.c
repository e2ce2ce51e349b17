#include <stdlib.h>
#include <string.h>

#include "beacons.h"
#include "rp/err.h"
#include "store/erasing.h"

/* Our own beacon: what it says and when it is made (SPEC 3.7). */

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/*
 * Others take no beacon that is far ahead of their clocks, and none that is older than the one they
 * have. When what we said last is far ahead of our own clock, it was wrong then, and others have
 * not taken that; or it is wrong now, and they have. So everything is said twice: as later than the
 * last, and then (${by_clock}) as of our clock.
 */
static bool is_in_doubt(const struct beacons *b, uint64_t now_ms)
{
    return beacons_is_ahead(b->core, b->last_time, now_ms);
}

/* With many nodes each speaks more rarely, so that what all together cost stays about the same. */
static uint64_t scaled(const struct beacons *b, uint64_t base, uint64_t each)
{
    return base + b->n * each;
}

/* When the next one may be made. */
static uint64_t next_allowed(const struct beacons *b)
{
    return b->made_at != 0 ? b->made_at + scaled(b, BEACON_GAP_MS, BEACON_GAP_EACH_MS) : 0;
}

void beacon_touch(struct beacons *b, uint64_t now_ms)
{
    uint64_t spread = scaled(b, 1, BEACON_SPREAD_MS);
    uint64_t at;

    if (b->due == UINT64_MAX)
        return;
    at = now_ms + BEACON_SETTLE_MS + rp_rand_below(&b->core->rand, spread);
    at = later(at, next_allowed(b));
    if (at < b->due)
        b->due = at;
}

void beacons_touched(struct core *core, uint64_t now_ms)
{
    for (struct beacons *b = core->beacons; b != NULL; b = beacons_next(core, b))
        beacon_touch(b, now_ms);
}

/* What our beacon of a scope tells follows from our own records in it and from all withdrawals. */
void beacons_recorded(struct core *core, const struct place *place, bool removed, uint64_t now_ms)
{
    struct beacons *b = beacons_by_number(core, place->scope);

    if (b == NULL)
        return;
    if (place->lane == LANE_LASTING)
        receipts_touched(b, place->org, removed);
    if (place->lane == LANE_LASTING || place->org == ORG_SELF)
        beacon_touch(b, now_ms);
}

void beacon_start(struct beacons *b, uint64_t now_ms)
{
    const struct core *core = b->core;
    const struct beacon *mine = beacons_find(b, core->self->node.public);

    b->due = UINT64_MAX;
    if (core->self->issued.len == 0)
        return;
    if (mine != NULL)
        b->last_time = mine->time;
    b->due = UINT64_MAX - 1;
    b->due_anyway = true;
    beacon_touch(b, now_ms);
}

void beacon_overtake(struct beacons *b, uint64_t time, uint64_t now_ms)
{
    if (time <= b->last_time || b->due == UINT64_MAX)
        return;
    b->last_time = time;
    if (b->overtaken_at != 0 && now_ms < b->overtaken_at + BEACON_OVERTAKE_MS)
        return; /* two nodes with the same key must not answer each other for ever */
    b->overtaken_at = now_ms;
    b->due_anyway = true;
    beacon_touch(b, now_ms);
}

void beacon_renew(struct beacons *b, uint64_t now_ms)
{
    b->due_anyway |= b->due != UINT64_MAX;
    beacon_touch(b, now_ms);
}

bool beacon_is_late(const struct beacons *b, const struct beacon *mine, uint64_t now_ms)
{
    return mine->time + 2 * scaled(b, BEACON_EVERY_MS, BEACON_EVERY_EACH_MS) <
           core_calendar(b->core, now_ms);
}

void core_set_full(struct core *core, bool full, uint64_t now_ms)
{
    if (full == core->beacons->full)
        return;
    core->beacons->full = full;
    beacons_touched(core, now_ms);
}

void core_erased(struct core *core, uint64_t now_ms)
{
    beacons_touched(core, now_ms);
}

/* What is the matter with this node. */
static uint64_t state_of(const struct core *core, struct kv_txn *txn)
{
    struct erasing erasing;
    uint64_t state = core->beacons->full ? RP_BEACON_FULL : 0;

    if (erasing_load(txn, &erasing))
        state |= RP_BEACON_ERASING;
    if (core->restored.why != RESTORED_NOT)
        state |= RP_BEACON_RESTORING;
    return state;
}

/* One organisation whose withdrawals we have. */
struct known {
    struct rp_beacon_withdrawals withdrawals;
    uint64_t newest;
};

static int compare_newest(const void *a, const void *b)
{
    const struct known *x = a;
    const struct known *y = b;

    if (x->newest != y->newest)
        return x->newest > y->newest ? -1 : 1;
    return memcmp(x->withdrawals.org, y->withdrawals.org, RP_ID_LEN);
}

static int compare_org(const void *a, const void *b)
{
    const struct rp_beacon_withdrawals *x = a;
    const struct rp_beacon_withdrawals *y = b;

    return memcmp(x->org, y->org, RP_ID_LEN);
}

/* Those of which nothing is left in our files. */
static int put_withdrawals(const struct beacons *b, uint64_t clean, struct rp_beacon *out)
{
    struct known *all = malloc((receipts_orgs(b) + 1) * sizeof *all);
    const struct core *core = b->core;
    size_t n = 0;

    if (all == NULL)
        return RP_ERR_NOMEM;
    for (uint32_t i = 0; i < receipts_orgs(b); i++) {
        struct known *known = &all[n];
        uint32_t org = receipts_org(b, i);

        if ((b->circle == NULL && !sets_is_member(core, org, LANE_LASTING)) ||
            !receipts_tally(b, i, clean, &known->withdrawals.tally, &known->newest))
            continue;
        memcpy(known->withdrawals.org, core->orgs[org].id, RP_ID_LEN);
        n++;
    }
    if (n > RP_BEACON_WITHDRAWALS_MAX) {
        qsort(all, n, sizeof *all, compare_newest);
        n = RP_BEACON_WITHDRAWALS_MAX;
    }
    for (size_t i = 0; i < n; i++)
        out->withdrawn[i] = all[i].withdrawals;
    out->withdrawals = (uint32_t)n;
    if (n > 0)
        qsort(out->withdrawn, n, sizeof *out->withdrawn, compare_org);
    free(all);
    return RP_OK;
}

/* What there is to say now. */
static int compose(struct beacons *b, struct rp_beacon *out, uint64_t now_ms)
{
    const struct core *core = b->core;
    struct kv_txn *txn;
    uint64_t clean;
    int err;

    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    clean = receipts_clean(txn);
    *out = (struct rp_beacon){
        .time = core_calendar(core, now_ms),
        .software = rp_bytes_str(core->software),
        .addresses = core->addresses_n,
        .state = state_of(core, txn),
    };
    err = receipts_refresh(b, txn);
    kv_abort(txn);
    if (err != RP_OK)
        return err;
    if (!b->by_clock)
        out->time = later(out->time, b->last_time + 1);
    memcpy(out->scope, b->scope->id, RP_ID_LEN);
    memcpy(out->org, core->self->identity.org, RP_ID_LEN);
    memcpy(out->key, core->self->node.public, RP_KEY_LEN);
    for (uint32_t i = 0; i < core->addresses_n; i++)
        out->address[i] = rp_bytes_str(core->addresses[i]);
    for (enum rp_set set = 0; set < RP_SETS; set++)
        beacons_org_tally(b, ORG_SELF, set, &out->own[set]);
    return put_withdrawals(b, clean, out);
}

static bool same_tally(const struct rp_tally *a, const struct rp_tally *b)
{
    return a->count == b->count && memcmp(a->digest, b->digest, RP_HASH_LEN) == 0;
}

/* Whether they differ in nothing but time. */
static bool says_the_same(const struct rp_beacon *a, const struct rp_beacon *b)
{
    bool same = a->state == b->state && rp_bytes_compare(a->software, b->software) == 0 &&
                a->addresses == b->addresses && a->withdrawals == b->withdrawals;

    for (uint32_t i = 0; same && i < a->addresses; i++)
        same = rp_bytes_compare(a->address[i], b->address[i]) == 0;
    for (enum rp_set set = 0; same && set < RP_SETS; set++)
        same = same_tally(&a->own[set], &b->own[set]);
    for (uint32_t i = 0; same && i < a->withdrawals; i++)
        same = memcmp(a->withdrawn[i].org, b->withdrawn[i].org, RP_ID_LEN) == 0 &&
               same_tally(&a->withdrawn[i].tally, &b->withdrawn[i].tally);
    return same;
}

static bool is_news(const struct beacons *b, const struct rp_beacon *beacon)
{
    const struct beacon *before = beacons_find(b, beacon->key);
    struct rp_beacon said;

    return before == NULL || rp_beacon_read(&said, rp_bytes_slice(&before->sealed)) != RP_OK ||
           !says_the_same(&said, beacon);
}

static int make(struct beacons *b, uint64_t now_ms)
{
    struct rp_beacon *beacon = malloc(sizeof *beacon);
    uint64_t every = scaled(b, BEACON_EVERY_MS, BEACON_EVERY_EACH_MS);
    struct core *core = b->core;
    const struct beacon *stored;
    struct rp_certificate certificate;
    struct rp_bytes sealed;
    bool news;
    int err = RP_ERR_NOMEM;

    if (beacon == NULL)
        goto err0;
    *beacon = (struct rp_beacon){0};
    if ((err = compose(b, beacon, now_ms)) != RP_OK)
        goto err1;
    news = is_news(b, beacon);
    if (!b->due_anyway && !news)
        goto err1;
    if ((err = rp_certificate_open(&certificate, core->self->issued)) != RP_OK ||
        (err = rp_beacon_seal(&sealed, beacon, &core->self->node, core->self->issued)) != RP_OK)
        goto err1;
    b->last_time = later(b->last_time, beacon->time);
    b->made_at = now_ms;
    b->due_anyway = is_in_doubt(b, now_ms) && (!b->by_clock || news);
    b->by_clock = is_in_doubt(b, now_ms) && !b->by_clock;
    if (b->due_anyway)
        b->due = next_allowed(b);
    b->renew_at = now_ms + every + (uint64_t)core_random_jitter(core, every);
    if (b->due > b->renew_at)
        b->due = b->renew_at;
    stored = beacons_put(b, beacon, certificate.name, rp_bytes_slice(&sealed), now_ms);
    if (stored != NULL)
        beacons_spread(b, stored, NULL);
    rp_bytes_free(&sealed);
err1:
    free(beacon);
err0:
    return err;
}

void beacon_tick(struct beacons *b, uint64_t now_ms)
{
    if (b->due > now_ms)
        return;
    b->due_anyway |= now_ms >= b->renew_at;
    b->due = b->due_anyway ? UINT64_MAX - 1 : b->renew_at;
    if (make(b, now_ms) != RP_OK)
        b->due = now_ms + RETRY_MS;
}
