#include <stdlib.h>
#include <string.h>

#include "core_private.h"
#include "rp/err.h"

/*
 * What follows from the operator's acts as time goes by: what is hidden stays so over a restart,
 * and what stopped being accepted is dropped from the store after a while, some records at a time.
 * It left the sets when it stopped; the lasting control records stay (SPEC 6).
 */

int standing_load(struct core *core)
{
    struct kv_iter it;
    struct kv_txn *txn;
    int err;

    core->hidden = table_new(RP_ID_LEN, core->table_key);
    if (core->hidden == NULL)
        return RP_ERR_NOMEM;
    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    for (kv_first(&it, txn, KV_HIDDEN, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        if (it.key.len != RP_ID_LEN)
            kv_fail(txn, RP_ERR_CORRUPT);
        else
            kv_fail(txn, table_put(core->hidden, it.key.data, 0));
    }
    err = kv_err(txn);
    kv_abort(txn);
    return err;
}

void standing_free(struct core *core)
{
    table_free(core->hidden);
}

uint64_t standing_deadline(const struct core *core)
{
    return core->dropping != 0 ? UINT64_MAX : core->drop_at;
}

/* Whether something is stored of the organisation that was to stay only while it is accepted. */
static bool has_passing(const struct core_org *o)
{
    for (enum lane lane = LANE_LASTING + 1; lane < LANES; lane++) {
        if (o->sums[lane] != NULL && o->sums[lane]->count > 0)
            return true;
    }
    return false;
}

static bool is_due(const struct core *core, uint32_t number, uint64_t now_ms)
{
    const struct core_org *o = &core->orgs[number];
    uint64_t now = core_calendar(core, now_ms);

    return !o->accepted && o->left != 0 && o->left <= now && now - o->left >= DROP_AFTER_MS &&
           has_passing(o);
}

void standing_tick(struct core *core, uint64_t now_ms)
{
    struct change *change;
    uint32_t number = 1;

    if (core->dropping != 0 || core->drop_at > now_ms)
        return;
    core->drop_at = now_ms + DROP_LOOK_MS;
    while (number < core->orgs_n && !is_due(core, number, now_ms))
        number++;
    if (number >= core->orgs_n || (change = core_change_new(CHANGE_DROP)) == NULL)
        return;
    change->org.number = number;
    core->dropping = number;
    (void)core_store(core, change);
}

/* Up to so many records of the organisation, by their numbers. */
static uint32_t find_passing(struct kv_txn *txn, uint32_t org, struct erased out[static DROP_EACH])
{
    uint32_t n = 0;

    for (enum lane lane = LANE_LASTING + 1; lane < LANES; lane++) {
        struct kv_key prefix = records_author_key(SCOPE_COMMONS, lane, org);
        struct kv_iter it;

        for (kv_first(&it, txn, KV_AUTHOR, kv_key_slice(&prefix)); it.found && n < DROP_EACH;
             kv_next(&it)) {
            out[n].place.org = org;
            out[n].place.scope = SCOPE_COMMONS;
            out[n].place.lane = lane;
            out[n++].place.seq = records_seq_of_key(it.key);
        }
        kv_stop(&it);
    }
    return n;
}

void standing_drop(struct batch *batch, struct change *change)
{
    struct kv_txn *txn = batch_txn(batch);
    struct org org;

    free(change->dropped);
    change->dropped_n = 0;
    change->dropped = calloc(DROP_EACH, sizeof *change->dropped);
    if (change->dropped == NULL) {
        kv_fail(txn, RP_ERR_NOMEM);
        return;
    }
    if (!orgs_load(txn, change->org.number, &org) || org.accepted)
        return;
    change->dropped_n = find_passing(txn, change->org.number, change->dropped);
    for (uint32_t i = 0; i < change->dropped_n; i++)
        records_erase(batch, change->dropped[i].place.seq, change->dropped[i].symbol);
}

void standing_dropped(struct core *core, const struct change *change, int err, uint64_t now_ms)
{
    core->dropping = 0;
    if (err != RP_OK) {
        core->drop_at = now_ms + RETRY_MS;
        return;
    }
    for (uint32_t i = 0; i < change->dropped_n; i++) {
        sets_remove(core, change->dropped[i].symbol, &change->dropped[i].place);
        if (change->dropped[i].place.lane == LANE_VOUCH)
            trust_vouch_erased(core, change->dropped[i].symbol, false);
    }
    if (change->dropped_n > 0)
        core->drop_at = now_ms + DROP_NEXT_MS;
}
