#include <stdlib.h>

#include "carried.h"
#include "spread.h"

/*
 * A tenth of the nodes stops at once, while records are on their way: from just published to there
 * for nearly everybody. Sets are compared so rarely here that it is for announcements to get them
 * to all who are up and not cut off; and when the others are back, to them.
 */
#define BETWEEN 100     /* ms from one publication to the next */
#define RARELY 36000000 /* ms between two comparisons */
#define BOUND 30000     /* ms until all must have a record: after the stop, and after the return */

struct stopped {
    struct spread *spread;
    struct carriage carriage;
    bool *up;
    unsigned down;
    uint64_t at;
};

static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

static void publish_all(struct stopped *stopped)
{
    struct world *world = stopped->spread->world;

    for (unsigned i = 0; i < SPREAD_RECORDS; i++) {
        carriage_publish(&stopped->carriage, world, i, i * (world->plan.nodes / SPREAD_RECORDS));
        world_run(world, world->now + BETWEEN);
    }
}

static void stop_a_tenth(struct stopped *stopped, bool silently)
{
    struct world *world = stopped->spread->world;
    unsigned n = world->plan.nodes;

    while (stopped->down < n / 10) {
        unsigned node = (unsigned)rp_rand_below(&world->fault_rand, n);
        struct actor *actor = &world->actors[node];

        if (!stopped->up[node])
            continue;
        stopped->up[node] = false;
        stopped->down++;
        if (silently)
            actor_vanish(world, actor);
        else
            actor_crash(world, actor);
        carriage_lost(&stopped->carriage, node);
    }
    stopped->at = world->now;
}

/* By node and record: 0 where it is held, by a node that is up; else GRAPH_FAR. Their number. */
static unsigned find_holders(const struct stopped *stopped, unsigned i, unsigned *hops)
{
    const struct world *world = stopped->spread->world;
    const struct fact *fact = stopped->carriage.items[i].fact;
    unsigned n = 0;

    for (unsigned node = 0; node < world->plan.nodes; node++) {
        bool holds = stopped->up[node] && actor_holds(world, &world->actors[node], fact);

        hops[node] = holds ? 0 : GRAPH_FAR;
        n += holds;
    }
    return n;
}

/* Prints what became of a record, which ${held} nodes had at the stop, ${hops} from there. */
static void report_one(struct stopped *stopped, unsigned i, unsigned held, unsigned *hops)
{
    struct world *world = stopped->spread->world;
    const struct carried *carried = &stopped->carriage.items[i];
    uint64_t last = carried->since + carried->last_ms;
    unsigned within_reach = 0;
    unsigned without = 0;

    (void)graph_measure(&stopped->spread->graph, stopped->up, hops);
    for (unsigned node = 0; node < world->plan.nodes; node++) {
        if (hops[node] == GRAPH_FAR)
            continue;
        within_reach++;
        without += !actor_holds(world, &world->actors[node], carried->fact);
    }
    printf("| %u | %llu | %u | %u | %u | %llu |\n", carried->from,
           (unsigned long long)(stopped->at - carried->since), held, within_reach, without,
           (unsigned long long)(last > stopped->at ? last - stopped->at : 0));
    if (without > 0)
        spread_fail(stopped->spread,
                    "%u nodes are without the record of node %u, and somebody "
                    "has it whom a path of running nodes leads to",
                    without, carried->from);
}

static void wait_without(struct stopped *stopped)
{
    struct world *world = stopped->spread->world;
    unsigned n = world->plan.nodes;
    unsigned *hops = must(calloc((size_t)n * SPREAD_RECORDS, sizeof *hops));
    unsigned held[SPREAD_RECORDS];

    for (unsigned i = 0; i < SPREAD_RECORDS; i++)
        held[i] = find_holders(stopped, i, hops + (size_t)i * n);
    world_run(world, world->now + BOUND);
    printf("| from | published before, ms | had it | up and not cut off | of these without it | "
           "last had it after, ms |\n|--:|--:|--:|--:|--:|--:|\n");
    for (unsigned i = 0; i < SPREAD_RECORDS; i++)
        report_one(stopped, i, held[i], hops + (size_t)i * n);
    free(hops);
}

static void return_all(struct stopped *stopped)
{
    struct world *world = stopped->spread->world;
    uint64_t at = world->now;
    uint64_t last = at;
    unsigned without = 0;

    for (unsigned node = 0; node < world->plan.nodes; node++) {
        if (!stopped->up[node])
            actor_start(world, &world->actors[node]);
        stopped->up[node] = true;
    }
    world_run(world, world->now + BOUND);
    for (unsigned i = 0; i < SPREAD_RECORDS; i++) {
        const struct carried *carried = &stopped->carriage.items[i];

        for (unsigned node = 0; node < world->plan.nodes; node++)
            without += !actor_holds(world, &world->actors[node], carried->fact);
        if (carried->since + carried->last_ms > last)
            last = carried->since + carried->last_ms;
    }
    printf("\n%u back: all have all %llu ms later\n", stopped->down,
           (unsigned long long)(last - at));
    if (without > 0)
        spread_fail(stopped->spread, "%u times a node is without a record after all were back",
                    without);
}

void spread_stopped(struct spread *spread, const struct plan *plan, bool silently)
{
    struct stopped stopped = {.spread = spread};
    struct plan rare = *plan;
    struct world *world;
    uint64_t payloads;

    rare.check_ms = RARELY;
    spread_begin(spread, &rare);
    spread_accept_each(spread, plan->nodes / SPREAD_RECORDS);
    world = spread->world;
    carriage_begin(&stopped.carriage, world, SPREAD_RECORDS);
    stopped.up = must(calloc(plan->nodes, sizeof *stopped.up));
    for (unsigned i = 0; i < plan->nodes; i++)
        stopped.up[i] = true;
    payloads = liar_payloads();
    publish_all(&stopped);
    world_run(world, world->now + rp_rand_below(&world->fault_rand, BETWEEN));
    stop_a_tenth(&stopped, silently);
    printf("%u of %u nodes stop, %.1f peers each, %s\n\n", stopped.down, plan->nodes,
           2.0 * spread->graph.edges_n / plan->nodes, spread_apart(plan));
    wait_without(&stopped);
    return_all(&stopped);
    printf("%.3f payloads a node and record\n", spread_payloads(spread, payloads, SPREAD_RECORDS));
    spread_end(spread);
    free(stopped.up);
    carriage_free(&stopped.carriage);
}
