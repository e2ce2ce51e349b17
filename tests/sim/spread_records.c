#include "carried.h"
#include "spread.h"

#define EACH 20000 /* ms for each record */

/* Publishes at one node and waits; prints a row. */
static void spread_one(struct spread *spread, struct carriage *carriage, unsigned i)
{
    struct world *world = spread->world;
    unsigned n = world->plan.nodes;
    unsigned from = i * (n / SPREAD_RECORDS);
    unsigned eccentricity = graph_eccentricity(&spread->graph, from);
    const struct carried *carried = &carriage->items[i];
    uint64_t payloads = liar_payloads();
    uint64_t frames = liar_frames();
    uint64_t bytes = world->figures.bytes;
    unsigned holding = 0;

    carriage_publish(carriage, world, i, from);
    world_run(world, world->now + EACH);
    printf("| %u | %u | %u | %llu | %llu | %.3f | %.1f | %.0f |\n", from, eccentricity,
           carried->farthest, (unsigned long long)carried->half_ms,
           (unsigned long long)carried->last_ms, (double)(liar_payloads() - payloads) / (n - 1),
           (double)(liar_frames() - frames) / n, (double)(world->figures.bytes - bytes) / n);
    for (unsigned node = 0; node < n; node++)
        holding += actor_holds(world, &world->actors[node], carried->fact);
    if (holding < n)
        spread_fail(spread, "%u nodes have no record of node %u", n - holding, from);
    /* where messages take longer on some ways than on others, the shortest is not the quickest */
    if (world->plan.uneven == 0 && 2 * carried->farthest > 3 * eccentricity)
        spread_fail(spread, "%u hops, and the farthest node is %u away", carried->farthest,
                    eccentricity);
}

void spread_records(struct spread *spread, const struct plan *plan)
{
    struct carriage carriage;
    uint64_t payloads;

    spread_begin(spread, plan);
    spread_accept_each(spread, plan->nodes / SPREAD_RECORDS);
    printf("%u nodes, %.1f peers each, %s\n\n"
           "| from | farthest, hops | came over, hops | half, ms | all, ms | payloads a node "
           "| messages | bytes |\n|--:|--:|--:|--:|--:|--:|--:|--:|\n",
           plan->nodes, 2.0 * spread->graph.edges_n / plan->nodes, spread_apart(plan));
    carriage_begin(&carriage, spread->world, SPREAD_RECORDS);
    payloads = liar_payloads();
    for (unsigned i = 0; i < SPREAD_RECORDS; i++)
        spread_one(spread, &carriage, i);
    printf("\n%.3f payloads a node and record\n",
           spread_payloads(spread, payloads, SPREAD_RECORDS));
    spread_end(spread);
    carriage_free(&carriage);
}
