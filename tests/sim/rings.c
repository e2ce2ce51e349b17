#define _GNU_SOURCE /* memmem */
#include <string.h>

#include "core/beacons.h"
#include "core/circles.h"
#include "rp/err.h"
#include "world.h"

/* Circles: people make them, accept those they hear of, speak in them and take it back. */

const struct ring *rings_find(const struct world *world, const uint8_t id[static TRUTH_ID])
{
    for (size_t i = 0; i < world->rings_n; i++) {
        if (memcmp(world->rings[i].id, id, TRUTH_ID) == 0)
            return &world->rings[i];
    }
    return NULL;
}

/* Makes one with some of those that are known here. */
static void found(struct world *world, struct actor *actor)
{
    struct ring *ring = &world->rings[world->rings_n];
    uint8_t members[64][RP_ID_LEN];
    struct circle_opts opts = {.name = "Ring", .member = members[0]};

    if (world->rings_n == RINGS_MAX)
        return;
    ring->members = UINT64_C(1) << actor->number;
    for (unsigned i = 0; i < world->plan.nodes; i++) {
        if (i == actor->number || rp_rand_below(&world->load_rand, 2) == 0)
            continue;
        ring->members |= UINT64_C(1) << i;
        memcpy(members[opts.members++], world->actors[i].self.identity.org, RP_ID_LEN);
    }
    if (core_circle_create(actor->core, &opts, world->now, ring->id) == RP_OK) {
        const struct rp_bytes *issued = &circles_find(actor->core, ring->id)->issued;

        memcpy(ring->tail, issued->data + issued->len - sizeof ring->tail, sizeof ring->tail);
        world->rings_n++;
    }
    actor_settle(world, actor);
}

/* A circle that this node has accepted; false when none was drawn. */
static bool draw(struct world *world, const struct actor *actor, uint8_t id[static RP_ID_LEN])
{
    struct circle_view circle;

    if (world->rings_n == 0)
        return false;
    if (!core_circle(actor->core, (uint32_t)rp_rand_below(&world->load_rand, world->rings_n),
                     &circle) ||
        circle.state != CIRCLE_ACCEPTED)
        return false;
    memcpy(id, circle.id, RP_ID_LEN);
    return true;
}

/* Something that its organisation said in a circle; NULL when none was drawn. */
static const struct fact *draw_own(struct world *world, const struct actor *actor)
{
    const struct fact *fact;

    if (world->circled.n == 0)
        return NULL;
    fact = world->circled.facts[rp_rand_below(&world->load_rand, world->circled.n)];
    return memcmp(fact->org, actor->self.identity.org, TRUTH_ID) == 0 ? fact : NULL;
}

void rings_act(struct world *world, struct actor *actor)
{
    uint64_t choice = rp_rand_below(&world->load_rand, 10);
    const struct fact *own = draw_own(world, actor);
    struct circle_view circle;
    uint8_t id[RP_ID_LEN];

    for (uint32_t i = 0; core_circle(actor->core, i, &circle); i++) {
        if (circle.state == CIRCLE_ACCEPTED)
            continue;
        memcpy(id, circle.id, RP_ID_LEN);
        (void)!core_circle_decide(actor->core, id, true, world->now);
        actor_settle(world, actor);
    }
    if (choice == 0)
        found(world, actor);
    else if (choice == 1 && own != NULL && rings_find(world, own->scope_id) != NULL)
        load_withdraw(world, actor, own);
    else if (choice < 5 && draw(world, actor, id))
        load_write(world, actor, id);
    else if (choice == 5 && draw(world, actor, id)) {
        (void)!core_circle_decide(actor->core, id, false, world->now); /* for a while */
        actor_settle(world, actor);
    }
}

static bool is_in(const struct world *world, const struct ring *ring,
                  const uint8_t org[static TRUTH_ID])
{
    const struct actor *actor = world_actor_of(world, org);

    return actor != NULL && (ring->members >> actor->number & 1) != 0;
}

static bool has(struct rp_slice frame, const uint8_t *what, size_t len)
{
    return memmem(frame.data, frame.len, what, len) != NULL;
}

#define OVERHEARD 16 /* records of circles, the latest, that are looked for in each frame */

void rings_overhear(struct world *world, const uint8_t org[static TRUTH_ID], struct rp_slice frame)
{
    size_t n = world->circled.n < OVERHEARD ? world->circled.n : OVERHEARD;

    for (size_t i = 0; i < world->rings_n; i++) {
        const struct ring *ring = &world->rings[i];

        if (!is_in(world, ring, org) &&
            (has(frame, ring->id, TRUTH_ID) || has(frame, ring->tail, sizeof ring->tail)))
            world_fail(world, "somebody is told of circle %zu that is not in it", i);
    }
    for (size_t i = world->circled.n - n; i < world->circled.n; i++) {
        const struct fact *fact = world->circled.facts[i];
        const struct ring *ring = rings_find(world, fact->scope_id);

        if (ring != NULL && !is_in(world, ring, org) && has(frame, fact->id, TRUTH_SYMBOL))
            world_fail(world, "somebody is told what is said in a circle that is not in it");
    }
}

/* The links of a node: each circle is compared with members, and on those for circles alone there
 * is nothing else. */
static void check_links(struct world *world, const struct actor *actor)
{
    for (const struct link *link = actor->core->links; link != NULL; link = link->next) {
        const uint8_t *org;

        if (link->state != LINK_OPEN)
            continue;
        org = rp_session_proof(link->session)->identity.org;
        world->figures.circle_links += link->only_circles;
        if (link->only_circles && (!link->commons.shut || link->remote_ids != NULL ||
                                   link->commons.announce[RP_SET_CONTENT].n > 0))
            world_fail(world, "node %u: the commons on a link for circles alone", actor->number);
        if (link->only_circles && link->commons.next == NULL)
            world_fail(world, "node %u: a link for circles alone, and no circle", actor->number);
        for (const struct shared *shared = link->commons.next; shared != NULL;
             shared = shared->next) {
            const struct ring *ring = rings_find(world, shared->scope->id);

            if (ring == NULL || !is_in(world, ring, org) ||
                !is_in(world, ring, actor->self.identity.org))
                world_fail(world, "node %u compares a circle with somebody who is not in it",
                           actor->number);
        }
    }
}

static const struct actor *node_of(const struct world *world, const uint8_t key[static RP_KEY_LEN])
{
    for (unsigned i = 0; i < world->plan.nodes; i++) {
        if (memcmp(world->actors[i].self.node.public, key, RP_KEY_LEN) == 0)
            return &world->actors[i];
    }
    return NULL;
}

static bool ever_had(const struct actor *actor, const struct fact *fact)
{
    for (size_t i = 0; i < actor->withdrawals.n; i++) {
        if (actor->withdrawals.facts[i] == fact)
            return true;
    }
    return false;
}

/* The node takes ${other} to honour what ${org} has withdrawn in a circle, as far as that is stored
 * here up to number ${up_to}: it has had all of it. */
static void check_honoured(struct world *world, const struct actor *actor,
                           const struct actor *other, const uint8_t *org, const uint8_t *circle,
                           uint64_t up_to)
{
    struct kv_iter it;
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(actor->disk, false, &err)) == NULL)
        return;
    for (kv_first(&it, txn, KV_LOG, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        const struct fact *fact;

        if (kv_number(it.key.data, 8) <= up_to &&
            truth_is_genuine(world->truth, it.value.data + LOG_HEADER, it.value.len - LOG_HEADER,
                             &fact) &&
            fact->kind == TRUTH_WITHDRAWAL && memcmp(fact->org, org, TRUTH_ID) == 0 &&
            memcmp(fact->scope_id, circle, TRUTH_ID) == 0 && !ever_had(other, fact))
            world_fail(world, "node %u believes that node %u honours what it never had",
                       actor->number, other->number);
    }
    kv_abort(txn);
}

static void check_receipts(struct world *world, const struct actor *actor,
                           const struct circle *circle)
{
    for (uint32_t i = 0; i < circle->members_n; i++) {
        const uint8_t *org = actor->core->orgs[circle->members[i]].id;
        const struct core_receipt *receipts;
        uint32_t n;

        if (core_receipts(actor->core, circle->scope.number, circle->members[i], world->now,
                          &receipts, &n) != RP_OK)
            continue;
        for (uint32_t k = 0; k < n; k++) {
            uint32_t at = receipts[k].node;
            struct core_beacon beacon;
            const struct actor *other = NULL;

            if (receipts[k].up_to > 0 &&
                core_beacon(actor->core, circle->scope.number, &at, &beacon, world->now))
                other = node_of(world, beacon.beacon.key);
            world->figures.circle_receipts += other != NULL && other != actor;
            if (other != NULL)
                check_honoured(world, actor, other, org, circle->scope.id, receipts[k].up_to);
        }
    }
}

void rings_check(struct world *world, const struct actor *actor)
{
    if (actor->core == NULL)
        return;
    check_links(world, actor);
    for (const struct circle *circle = actor->core->circles; circle != NULL;
         circle = circle->next) {
        const struct ring *ring = rings_find(world, circle->scope.id);
        struct core_beacon beacon;

        for (uint32_t at = 0;
             core_beacon(actor->core, circle->scope.number, &at, &beacon, world->now);) {
            world->figures.circle_beacons += !beacon.is_self;
            if (ring == NULL || !is_in(world, ring, beacon.beacon.org) ||
                memcmp(beacon.beacon.scope, ring->id, TRUTH_ID) != 0)
                world_fail(world, "node %u keeps a beacon of a circle from somebody not in it",
                           actor->number);
        }
        check_receipts(world, actor, circle);
    }
}

static bool knows_where(const struct world *world, unsigned a, unsigned b)
{
    const struct peer *contact =
        contacts_find(world->actors[a].core, world->actors[b].self.identity.org);

    return contact != NULL && contact->entry.addresses > 0;
}

bool rings_can_call(const struct world *world, unsigned a, unsigned b)
{
    return knows_where(world, a, b) || knows_where(world, b, a);
}
