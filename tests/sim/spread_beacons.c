#include "spread.h"

/* What it costs that each node hears how all others are. */
#define HOUR (60 * UINT64_C(60000))

struct said {
    uint64_t beacons; /* sent, by all to all */
    uint64_t taken;
    uint64_t bytes;
};

static struct said said_so_far(const struct world *world)
{
    struct said said = {.bytes = world->figures.bytes};

    for (unsigned i = 0; i < world->plan.nodes; i++) {
        struct core_counters counters;

        core_counters(world->actors[i].core, &counters);
        said.beacons += counters.beacons_out;
        said.taken += counters.beacons_in;
    }
    return said;
}

/* What a node has sent in the hours since ${before}, on the average. */
static void print_said(const struct world *world, const char *when, const struct said *before,
                       uint64_t hours, double otherwise)
{
    struct said now = said_so_far(world);
    double n = (double)(world->plan.nodes * hours);

    printf("| %u | %s | %.0f | %.2f | %.0f |\n", world->plan.nodes, when,
           (double)(now.taken - before->taken) / n,
           (double)(now.beacons - before->beacons) / (double)(now.taken - before->taken),
           (double)(now.bytes - before->bytes) / n - otherwise);
}

static void tell(void *context, void *what, uint64_t full)
{
    struct world *world = context;
    struct actor *actor = what;

    core_set_full(actor->core, full, world->now);
    actor_settle(world, actor);
}

/* Bytes that a node sends in an hour, of all but beacons. */
static double bytes_without(struct spread *spread, const struct plan *plan)
{
    struct plan silent = *plan;
    uint64_t before;
    double bytes;

    silent.silent = true;
    spread_begin(spread, &silent);
    world_run(spread->world, spread->world->now + SPREAD_SETTLE);
    before = spread->world->figures.bytes;
    world_run(spread->world, spread->world->now + HOUR);
    bytes = (double)(spread->world->figures.bytes - before) / plan->nodes;
    spread_end(spread);
    return bytes;
}

void spread_beacons(struct spread *spread, const struct plan *plan, uint64_t hours)
{
    double otherwise = bytes_without(spread, plan);
    struct world *world;
    struct said before;
    unsigned unknown = 0;

    spread_begin(spread, plan);
    world = spread->world;
    spread_accept_each(spread, 1);
    printf("%.0f bytes a node and hour without beacons\n\n"
           "| nodes | news | heard a node and hour | copies sent of each | bytes a node and hour "
           "|\n|--:|---|--:|--:|--:|\n",
           otherwise);
    before = said_so_far(world);
    world_run(world, world->now + hours * HOUR);
    print_said(world, "none", &before, hours, otherwise);
    before = said_so_far(world);
    for (unsigned i = 0; i < plan->nodes; i++)
        world_plan(world, rp_rand_below(&world->load_rand, HOUR), tell, &world->actors[i], 1);
    world_run(world, world->now + HOUR);
    print_said(world, "once an hour", &before, 1, otherwise);
    for (unsigned i = 0; i < plan->nodes; i++) {
        uint32_t at = 0;
        unsigned n = 0;
        struct core_beacon node;

        while (core_beacon(world->actors[i].core, SCOPE_COMMONS, &at, &node, world->now))
            n++;
        unknown += n != plan->nodes;
    }
    if (unknown > 0)
        spread_fail(spread, "%u nodes do not know all", unknown);
    spread_end(spread);
}
