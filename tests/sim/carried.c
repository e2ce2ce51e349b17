#include "carried.h"

#include <stdlib.h>
#include <string.h>

static struct carried *find(struct carriage *carriage, const uint8_t *id)
{
    for (unsigned i = 0; i < carriage->n; i++) {
        struct carried *carried = &carriage->items[i];

        if (carried->fact != NULL && memcmp(carried->fact->id, id, TRUTH_ID) == 0)
            return carried;
    }
    return NULL;
}

static void came(struct world *world, struct actor *actor, const struct actor *from,
                 const struct rp_bytes *packed)
{
    const struct fact *fact;
    struct carried *carried;

    if (!truth_is_genuine(world->truth, packed->data, packed->len, &fact) ||
        (carried = find(world->watcher, fact->id)) == NULL)
        return;
    if (carried->via[actor->number] == CARRIED_NOBODY)
        carried->via[actor->number] = from->number;
}

static void stored(struct world *world, struct actor *actor, const uint8_t *id)
{
    struct carried *carried = find(world->watcher, id);
    unsigned via;

    if (carried == NULL)
        return;
    via = carried->via[actor->number];
    carried->hops[actor->number] = via == CARRIED_NOBODY ? 0 : carried->hops[via] + 1;
    if (carried->hops[actor->number] > carried->farthest)
        carried->farthest = carried->hops[actor->number];
    carried->reached++;
    carried->last_ms = world->now - carried->since;
    if (carried->reached == (carried->n + 1) / 2)
        carried->half_ms = carried->last_ms;
}

void carriage_begin(struct carriage *carriage, struct world *world, unsigned n)
{
    unsigned nodes = world->plan.nodes;

    carriage->n = n;
    if ((carriage->items = calloc(n, sizeof *carriage->items)) == NULL)
        abort();
    for (unsigned i = 0; i < n; i++) {
        struct carried *carried = &carriage->items[i];

        carried->n = nodes;
        carried->via = calloc(nodes, sizeof *carried->via);
        carried->hops = calloc(nodes, sizeof *carried->hops);
        if (carried->via == NULL || carried->hops == NULL)
            abort();
        for (unsigned node = 0; node < nodes; node++) {
            carried->via[node] = CARRIED_NOBODY;
            carried->hops[node] = GRAPH_FAR;
        }
    }
    world->came = came;
    world->stored = stored;
    world->watcher = carriage;
}

void carriage_free(struct carriage *carriage)
{
    for (unsigned i = 0; i < carriage->n; i++) {
        free(carriage->items[i].via);
        free(carriage->items[i].hops);
    }
    free(carriage->items);
}

void carriage_publish(struct carriage *carriage, struct world *world, unsigned i, unsigned from)
{
    struct carried *carried = &carriage->items[i];

    carried->from = from;
    carried->since = world->now;
    carried->fact = load_publish(world, &world->actors[from]);
}

void carriage_lost(struct carriage *carriage, unsigned node)
{
    for (unsigned i = 0; i < carriage->n; i++) {
        if (carriage->items[i].hops[node] == GRAPH_FAR)
            carriage->items[i].via[node] = CARRIED_NOBODY;
    }
}
