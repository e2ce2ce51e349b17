#include "graph.h"

#include <stdlib.h>

static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

void graph_init(struct graph *graph, unsigned n)
{
    *graph = (struct graph){.n = n};
    graph->degree = must(calloc(n, sizeof *graph->degree));
    graph->peers = must(calloc(n, sizeof *graph->peers));
    graph->edges = must(calloc((size_t)n * GRAPH_DEGREE_MAX, sizeof *graph->edges));
}

void graph_free(struct graph *graph)
{
    free(graph->degree);
    free(graph->peers);
    free(graph->edges);
}

static bool are_peers(const struct graph *graph, unsigned a, unsigned b)
{
    for (unsigned i = 0; i < graph->degree[a]; i++) {
        if (graph->peers[a][i] == b)
            return true;
    }
    return false;
}

static void connect(struct graph *graph, unsigned a, unsigned b)
{
    if (are_peers(graph, a, b) || a == b || graph->degree[a] == GRAPH_DEGREE_MAX ||
        graph->degree[b] == GRAPH_DEGREE_MAX)
        return;
    graph->peers[a][graph->degree[a]++] = b;
    graph->peers[b][graph->degree[b]++] = a;
    graph->edges[graph->edges_n++] = (struct graph_edge){a, b};
}

void graph_draw_towns(struct graph *graph, struct rp_rand *rand)
{
    unsigned n = graph->n;

    for (unsigned i = 0; i < n; i++) {
        unsigned first = i / GRAPH_CLUSTER * GRAPH_CLUSTER;
        unsigned size = n - first < GRAPH_CLUSTER ? n - first : GRAPH_CLUSTER;

        connect(graph, i, first + (i - first + 1) % size);
        connect(graph, i, first + (unsigned)rp_rand_below(rand, size));
        if (i == first)
            connect(graph, i, (first + GRAPH_CLUSTER) % n);
        if (rp_rand_below(rand, 4) == 0)
            connect(graph, i, (unsigned)rp_rand_below(rand, n));
        while (graph->degree[i] < 3)
            connect(graph, i, (unsigned)rp_rand_below(rand, n));
    }
}

/* A ring in which each of ${size} nodes has its GRAPH_DEGREE nearest for peers. */
static void connect_ring(struct graph *graph, unsigned first, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        for (unsigned ahead = 1; ahead <= GRAPH_DEGREE / 2; ahead++)
            connect(graph, first + i, first + (i + ahead) % size);
    }
}

static void replace_peer(struct graph *graph, unsigned of, unsigned old, unsigned peer)
{
    unsigned i = 0;

    while (graph->peers[of][i] != old)
        i++;
    graph->peers[of][i] = peer;
}

/* Two edges, drawn, exchange one end each, so that everybody has as many peers as before. False
 * when those that were drawn cannot. */
static bool exchange_ends(struct graph *graph, struct rp_rand *rand)
{
    struct graph_edge *one = &graph->edges[rp_rand_below(rand, graph->edges_n)];
    struct graph_edge *other = &graph->edges[rp_rand_below(rand, graph->edges_n)];
    unsigned one_end = one->b;
    unsigned other_end = other->b;

    if (rp_rand_below(rand, 2) == 0) { /* which of its ends makes no difference to an edge */
        other_end = other->a;
        other->a = other->b;
        other->b = other_end;
    }
    if (one->a == other_end || other->a == one_end || are_peers(graph, one->a, other_end) ||
        are_peers(graph, other->a, one_end))
        return false;
    replace_peer(graph, one->a, one_end, other_end);
    replace_peer(graph, other_end, other->a, one->a);
    replace_peer(graph, other->a, other_end, one_end);
    replace_peer(graph, one_end, one->a, other->a);
    one->b = other_end;
    other->b = one_end;
    return true;
}

/* That often, and until all are joined. */
static void exchange_often(struct graph *graph, struct rp_rand *rand, unsigned times)
{
    while (times > 0 || graph_eccentricity(graph, 0) == GRAPH_FAR) {
        if (exchange_ends(graph, rand) && times > 0)
            times--;
    }
}

void graph_draw_regular(struct graph *graph, struct rp_rand *rand)
{
    connect_ring(graph, 0, graph->n);
    exchange_often(graph, rand, 10 * graph->edges_n);
}

void graph_draw_clustered(struct graph *graph, struct rp_rand *rand)
{
    unsigned clusters = graph->n / GRAPH_CLUSTER;

    for (unsigned i = 0; i < clusters; i++) {
        unsigned first = i * graph->n / clusters;

        connect_ring(graph, first, (i + 1) * graph->n / clusters - first);
    }
    exchange_often(graph, rand, graph->edges_n / 20);
}

unsigned graph_measure(const struct graph *graph, const bool *up, unsigned *hops)
{
    unsigned *queue = must(calloc((size_t)graph->n + 1, sizeof *queue));
    unsigned farthest = 0;
    unsigned end = 0;

    for (unsigned i = 0; i < graph->n; i++) {
        if (hops[i] == 0)
            queue[end++] = i;
    }
    for (unsigned at = 0; at < end; at++) {
        unsigned node = queue[at];

        farthest = hops[node];
        for (unsigned i = 0; i < graph->degree[node]; i++) {
            unsigned peer = graph->peers[node][i];

            if (hops[peer] != GRAPH_FAR || (up != NULL && !up[peer]))
                continue;
            hops[peer] = hops[node] + 1;
            queue[end++] = peer;
        }
    }
    free(queue);
    return farthest;
}

unsigned graph_eccentricity(const struct graph *graph, unsigned from)
{
    unsigned *hops = must(calloc(graph->n, sizeof *hops));
    unsigned farthest;

    for (unsigned i = 0; i < graph->n; i++)
        hops[i] = i == from ? 0 : GRAPH_FAR;
    farthest = graph_measure(graph, NULL, hops);
    for (unsigned i = 0; i < graph->n; i++)
        farthest = hops[i] > farthest ? hops[i] : farthest;
    free(hops);
    return farthest;
}
