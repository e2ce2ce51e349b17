#include "world.h"

#include <string.h>

#include "rp/err.h"

/* What people do about each other: they vouch and take that back, block and unblock, pause and
 * resume. All of it has to be in force at once, survive everything, and be undone without a trace.
 */

static const struct act act = {"so it is", 0};

static void one_act(struct world *world, struct actor *actor, const uint8_t *org)
{
    switch (rp_rand_below(&world->dispute_rand, 8)) {
    case 0:
    case 1:
        (void)!core_vouch(actor->core, org, NULL, &act, world->now);
        break;
    case 2:
        (void)!core_unvouch(actor->core, org, &act, world->now);
        break;
    case 3:
    case 4:
        world->figures.blocks += core_block(actor->core, org, &act, world->now) == RP_OK;
        break;
    case 5:
    case 6:
        (void)!core_unblock(actor->core, org, &act, world->now);
        break;
    default:
        (void)!core_pause_peer(actor->core, org, rp_rand_below(&world->dispute_rand, 3) == 0, &act,
                               world->now);
        break;
    }
}

static void dispute(void *context, void *what, uint64_t left)
{
    struct world *world = context;
    struct actor *actor = &world->actors[rp_rand_below(&world->dispute_rand, world->plan.nodes)];
    struct actor *other = &world->actors[rp_rand_below(&world->dispute_rand, world->plan.nodes)];

    (void)what;
    if (actor->core != NULL && actor != other) {
        one_act(world, actor, other->self.identity.org);
        actor_settle(world, actor);
    }
    if (left > 1 && !world->quiet)
        world_plan(
            world,
            rp_rand_below(&world->dispute_rand, 2 * world->plan.length / world->plan.disputes + 1),
            dispute, NULL, left - 1);
}

void disputes_begin(struct world *world)
{
    if (world->plan.disputes > 0)
        world_plan(world, rp_rand_below(&world->dispute_rand, 60000), dispute, NULL,
                   world->plan.disputes);
}
