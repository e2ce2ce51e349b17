#include <string.h>

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
    if (core_circle_create(actor->core, &opts, world->now, ring->id) == RP_OK)
        world->rings_n++;
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
