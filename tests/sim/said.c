#include <stdlib.h>
#include <string.h>

#include "core/core_private.h"
#include "rp/err.h"
#include "store/batch.h"
#include "world.h"

/*
 * What nodes say of themselves, held against what lies on their disks: nobody is taken to honour a
 * withdrawal that it never had, or whose text is still in its files; and when all is mended, each
 * has heard how each of the others is.
 */
#define CLEAN_MAX 120000 /* ms until a store's file is written anew */

/* Calls ${look} for each genuine record of the actor's disk, with its number. */
static void each_record(const struct world *world, const struct actor *actor,
                        void (*look)(void *context, const struct fact *fact, uint64_t seq),
                        void *context)
{
    struct kv_txn *txn;
    struct kv_iter it;
    int err;

    if ((txn = kv_begin(actor->disk, false, &err)) == NULL)
        abort();
    for (kv_first(&it, txn, KV_LOG, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        const struct fact *fact;

        if (truth_is_genuine(world->truth, it.value.data + LOG_HEADER, it.value.len - LOG_HEADER,
                             &fact))
            look(context, fact, kv_number(it.key.data, 8));
    }
    kv_abort(txn);
}

/* Erasing */

/* The next number when something was erased first since the file was written anew; UINT64_MAX:
 * nothing was (SPEC 7.2, meta 5). */
static uint64_t erased_first(const struct actor *actor)
{
    struct kv_key key = batch_meta_key(META_ERASING);
    uint64_t first = UINT64_MAX;
    struct rp_slice value;
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(actor->disk, false, &err)) == NULL)
        abort();
    if (kv_get(txn, KV_META, kv_key_slice(&key), &value))
        first = kv_number(value.data, 8);
    kv_abort(txn);
    return first;
}

static void plan_clean(struct world *world, struct actor *actor);

/* The file is written anew: nothing is in it that is not stored. */
static void clean(void *context, void *what, uint64_t epoch)
{
    struct world *world = context;
    struct actor *actor = what;
    struct kv_key key = batch_meta_key(META_ERASING);
    struct kv_txn *txn;
    int err;

    if (epoch != actor->epoch)
        return;
    actor->clean_planned = false;
    liar_speaks(world, actor);
    if ((txn = kv_begin(actor->disk, true, &err)) == NULL)
        abort();
    kv_del(txn, KV_META, kv_key_slice(&key));
    if (kv_commit(txn) != RP_OK) {
        plan_clean(world, actor);
        return;
    }
    world_trace(world, "clean", actor->number, 0, NULL, 0);
    said_note(world, actor);
    core_erased(actor->core, world->now);
    actor_settle(world, actor);
}

static void plan_clean(struct world *world, struct actor *actor)
{
    actor->clean_planned = true;
    world_plan(world, rp_rand_below(&world->clean_rand, CLEAN_MAX), clean, actor, actor->epoch);
}

/* What may be said to be honoured */

struct cleaned {
    struct actor *actor;
    uint64_t first;
};

static bool is_on(const struct shelf *shelf, const struct fact *fact)
{
    for (size_t i = 0; i < shelf->n; i++) {
        if (shelf->facts[i] == fact)
            return true;
    }
    return false;
}

static void note_clean(void *context, const struct fact *fact, uint64_t seq)
{
    struct cleaned *cleaned = context;

    if (fact->kind == TRUTH_WITHDRAWAL && seq + 1 < cleaned->first &&
        !is_on(&cleaned->actor->honoured, fact))
        shelf_put(&cleaned->actor->honoured, fact);
}

void said_note(struct world *world, struct actor *actor)
{
    struct cleaned cleaned = {actor, erased_first(actor)};

    each_record(world, actor, note_clean, &cleaned);
}

void said_written(struct world *world, struct actor *actor)
{
    bool withdrew = false;

    if (!actor->clean_planned && erased_first(actor) != UINT64_MAX)
        plan_clean(world, actor);
    for (size_t i = 0; i < actor->writing_n; i++) {
        const struct intake *intake = actor->writing[i];

        withdrew |= !intake->is_change && intake->err == RP_OK &&
                    rp_record_is_kind(&intake->opened.record, "withdrawal");
    }
    if (withdrew)
        said_note(world, actor);
}

/* What one node believes that another honours: of a scope, those of an organisation up to a number.
 */
struct claim {
    struct world *world;
    const struct actor *believer;
    const struct actor *node;
    const uint8_t *circle; /* NULL: the commons */
    const uint8_t *org;
    uint64_t up_to;
};

static bool is_of_scope(const struct fact *fact, const uint8_t *circle)
{
    if (circle == NULL)
        return fact->scope == TRUTH_COMMONS;
    return fact->scope == TRUTH_OTHER && memcmp(fact->scope_id, circle, TRUTH_ID) == 0;
}

static void check_claimed(void *context, const struct fact *fact, uint64_t seq)
{
    const struct claim *claim = context;

    if (fact->kind == TRUTH_WITHDRAWAL && is_of_scope(fact, claim->circle) && seq <= claim->up_to &&
        memcmp(fact->org, claim->org, TRUTH_ID) == 0 && !is_on(&claim->node->honoured, fact))
        world_fail(claim->world,
                   "node %u believes that node %u honours a withdrawal that it never had, or has "
                   "not erased",
                   claim->believer->number, claim->node->number);
}

static const struct actor *actor_of_key(const struct world *world, const uint8_t *key)
{
    for (unsigned i = 0; i < world->plan.nodes; i++) {
        if (memcmp(world->actors[i].self.node.public, key, RP_KEY_LEN) == 0)
            return &world->actors[i];
    }
    return NULL;
}

/* Looks at what ${claim}'s believer believes of all in a scope, by its number. */
static void check_scope(struct claim *claim, uint32_t scope)
{
    struct core *core = claim->believer->core;
    uint64_t now = claim->world->now;
    struct org_view org;

    for (uint32_t number = 1; core_org(core, number, &org); number++) {
        const struct core_receipt *receipts;
        uint32_t n;

        claim->org = org.id;
        if (core_receipts(core, scope, number, now, &receipts, &n) != RP_OK)
            abort();
        for (uint32_t i = 0; i < n; i++) {
            uint32_t at = receipts[i].node;
            struct core_beacon node;

            claim->up_to = receipts[i].up_to;
            if (claim->up_to == 0 || !core_beacon(core, scope, &at, &node, now))
                continue;
            claim->node = actor_of_key(claim->world, node.beacon.key);
            if (claim->node == NULL)
                world_fail(claim->world, "node %u knows a node that there is not",
                           claim->believer->number);
            else
                each_record(claim->world, claim->believer, check_claimed, claim);
        }
    }
}

void said_check(struct world *world)
{
    for (unsigned i = 0; i < world->plan.nodes; i++)
        said_note(world, &world->actors[i]);
    for (unsigned i = 0; i < world->plan.nodes; i++) {
        struct claim claim = {.world = world, .believer = &world->actors[i]};
        struct circle_view circle;

        if (claim.believer->core == NULL || claim.believer->liar)
            continue;
        check_scope(&claim, SCOPE_COMMONS);
        for (uint32_t k = 0; core_circle(claim.believer->core, k, &circle); k++) {
            claim.circle = circle.id;
            if (circle.state == CIRCLE_ACCEPTED)
                check_scope(&claim, circle.number);
        }
    }
}

/* What all have heard in the end */

struct own {
    const struct actor *actor;
    struct truth_sum sums[RP_SETS];
};

static void add_own(void *context, const struct fact *fact, uint64_t seq)
{
    struct own *own = context;

    (void)seq;
    if (fact->scope == TRUTH_COMMONS &&
        memcmp(fact->org, own->actor->self.identity.org, TRUTH_ID) == 0)
        truth_add(&own->sums[fact->kind == TRUTH_CONTENT], fact->id);
}

/* Whether ${at} knows a beacon of the node that says what is so now. */
static bool has_heard(const struct world *world, const struct actor *at, const struct own *own)
{
    struct core_beacon node;
    uint32_t slot = 0;

    while (core_beacon(at->core, SCOPE_COMMONS, &slot, &node, world->now)) {
        bool right = (node.beacon.state & (RP_BEACON_FULL | RP_BEACON_ERASING)) == 0;

        if (memcmp(node.beacon.key, own->actor->self.node.public, RP_KEY_LEN) != 0)
            continue;
        for (enum rp_set set = 0; set < RP_SETS; set++) {
            uint8_t digest[RP_HASH_LEN];

            truth_digest(digest, &own->sums[set]);
            right &= node.beacon.own[set].count == own->sums[set].count &&
                     memcmp(node.beacon.own[set].digest, digest, sizeof digest) == 0;
        }
        return right;
    }
    return false;
}

static bool accepts(const struct actor *actor, const struct actor *other)
{
    uint32_t number = trust_find(actor->core, other->self.identity.org);

    return actor == other || (number != 0 && actor->core->orgs[number].accepted);
}

static bool is_linked(const struct actor *a, const struct actor *b)
{
    struct peer_status peer;

    for (uint32_t i = 0; core_peer_status(a->core, i, &peer); i++) {
        if (memcmp(peer.entry->org, b->self.identity.org, RP_ID_LEN) == 0)
            return peer.linked;
    }
    return false;
}

/* Whether what is known of ${of} is known to all who accept it and are linked with who knows. */
static bool all_have_heard(const struct world *world, const struct actor *of, const struct own *own,
                           char *why, size_t why_len)
{
    for (unsigned a = 0; a < world->plan.nodes; a++) {
        const struct actor *at = &world->actors[a];

        if (at->liar || !accepts(at, of) || has_heard(world, at, own))
            continue;
        for (unsigned b = 0; b < world->plan.nodes; b++) {
            const struct actor *by = &world->actors[b];

            if (a != b && !by->liar && accepts(by, of) && is_linked(at, by) &&
                (by == of || has_heard(world, by, own))) {
                snprintf(why, why_len, "node %u has not heard how node %u is, as node %u has", a,
                         of->number, b);
                return false;
            }
        }
    }
    return true;
}

bool said_converged(struct world *world, char *why, size_t why_len)
{
    bool converged = true;

    for (unsigned i = 0; i < world->plan.nodes && converged; i++) {
        const struct actor *of = &world->actors[i];
        struct own own = {.actor = of};

        if (of->liar)
            continue;
        each_record(world, of, add_own, &own);
        converged = all_have_heard(world, of, &own, why, why_len);
    }
    return converged;
}
