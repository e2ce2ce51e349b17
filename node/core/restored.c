#include <stdlib.h>

#include "beacons.h"
#include "core_private.h"
#include "nodes.h"
#include "rp/err.h"

/*
 * After a restore (SPEC 7.5): withdrawals made since the backup are not in the store, so no story
 * of an organisation is shown or served before its control records were found to be the same as
 * with somebody who compares them.
 */

static void store(struct core *core)
{
    struct change *change = core_change_new(CHANGE_RESTORED);

    core->restored_due = change == NULL;
    if (change == NULL) {
        core_retry_at(core, 0);
        return;
    }
    change->restored = core->restored;
    (void)core_store(core, change);
}

void restored_retry(struct core *core)
{
    if (core->restored_due)
        store(core);
}

/* Nothing that the store holds by now is certain. */
static void doubt_all(struct core *core)
{
    for (uint32_t i = 1; i < core->orgs_n; i++)
        core->orgs[i].unsure = true;
    for (struct circle *circle = core->circles; circle != NULL; circle = circle->next)
        circle->unsure = true;
}

/* Compares everything with everybody now. */
static void compare_all(const struct core *core, uint64_t now_ms)
{
    for (struct link *link = core->links; link != NULL; link = link->next) {
        if (link->state != LINK_OPEN)
            continue;
        for (struct shared *shared = &link->commons; shared != NULL; shared = shared->next) {
            shared->content_next = false; /* control, too */
            exchange_plan(shared, now_ms);
        }
    }
}

void core_restored(struct core *core, enum restored_why why, uint64_t now_ms)
{
    bool before = core->restored.why != RESTORED_NOT;

    if (why != RESTORED_NOT)
        doubt_all(core);
    else if (!before)
        return;
    if (why == RESTORED_NOT || !before) {
        core->restored =
            (struct restored){why, why != RESTORED_NOT ? core_calendar(core, now_ms) : 0};
        store(core);
    }
    beacons_touched(core, now_ms);
    compare_all(core, now_ms); /* at the end, so that others get what was withheld */
}

int restored_load(struct core *core)
{
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(core->kv, false, &err)) == NULL)
        return err;
    restored_read(txn, &core->restored);
    err = kv_err(txn);
    kv_abort(txn);
    if (err == RP_OK && core->restored.why != RESTORED_NOT)
        doubt_all(core);
    return err;
}

/* Whether there may be stories of the organisation that wait. */
static bool is_awaited(const struct core *core, uint32_t number)
{
    const struct core_org *o = &core->orgs[number];

    return o->unsure && (number == ORG_SELF || o->sums[LANE_CONTENT] != NULL);
}

static uint32_t count_awaited(const struct core *core)
{
    uint32_t n = 0;

    for (uint32_t i = 1; i < core->orgs_n; i++)
        n += is_awaited(core, i);
    for (const struct circle *circle = core->circles; circle != NULL; circle = circle->next)
        n += circle->unsure && circle->open && circle->scope.sets[RP_SET_CONTENT].count > 0;
    return n;
}

/* Whoever became a peer since then knows what the backup tells, and no more; so does somebody in a
 * circle that was accepted here since then. */
static bool knew_us_before(const struct link *link, const struct shared *shared)
{
    uint64_t since = link->core->restored.since;

    if (link->only_circles)
        return ((const struct circle *)shared->scope)->since < since;
    return link->peer != NULL && link->peer->entry.added < since;
}

void restored_compared(struct link *link, const struct shared *shared, uint64_t now_ms)
{
    struct core *core = link->core;

    core->own_compared |= shared == &link->commons && sets_is_shared(link, ORG_SELF, LANE_LASTING);
    if (core->restored.why == RESTORED_NOT || !knew_us_before(link, shared))
        return;
    if (shared == &link->commons) {
        for (uint32_t i = 1; i < core->orgs_n; i++) {
            if (sets_is_shared(link, i, LANE_LASTING))
                core->orgs[i].unsure = false;
        }
    } else {
        ((struct circle *)shared->scope)->unsure = false;
    }
    if (count_awaited(core) == 0)
        core_restored(core, RESTORED_NOT, now_ms);
}

/*
 * A record of our own organisation came over a link, which we lacked. If it is older than this
 * process, and nothing of ours was lost to a damaged disk, we may have missed withdrawals; unless
 * it is content, and control was compared already; or our organisation has other nodes, from which
 * it can be.
 */
void restored_own_came(struct core *core, const struct outcome *outcome, uint64_t now_ms)
{
    if (core->own_damaged > 0)
        core->own_damaged--;
    else if (!nodes_has_sibling(core) && outcome->made < core->started &&
             (outcome->place.lane == LANE_LASTING || !core->own_compared))
        core_restored(core, RESTORED_FOUND, now_ms);
}

bool core_withholds(const struct core *core, uint32_t org, uint32_t scope)
{
    if (core->restored.why == RESTORED_NOT)
        return false;
    if (scope == SCOPE_COMMONS || scope == SCOPE_LOCAL)
        return org < core->orgs_n && core->orgs[org].unsure;
    for (const struct circle *circle = core->circles; circle != NULL; circle = circle->next) {
        if (circle->scope.number == scope)
            return circle->unsure;
    }
    return false;
}

bool core_is_restored(const struct core *core, struct restored *out, uint32_t *awaited)
{
    *out = core->restored;
    *awaited = core->restored.why != RESTORED_NOT ? count_awaited(core) : 0;
    return core->restored.why != RESTORED_NOT;
}
