#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "fill.h"

/*
 * How long a record takes from being handed to a node until others show it: rpnode processes in a
 * chain, each a peer of the next. One record at a time; every node has committed it, and synced it
 * to the disk, before it is counted and passed on.
 */

#define NODES_MAX 16
#define COUNT_MAX 100000
#define POLL_S 0.0002

struct plan {
    uint64_t nodes;
    uint64_t count;
    bool json;
};

static void build_chain(struct node *nodes, const struct plan *plan, const char *folder)
{
    for (uint64_t i = 0; i < plan->nodes; i++) {
        char name[32];

        snprintf(name, sizeof name, "node%llu", (unsigned long long)i);
        node_init(&nodes[i], folder, name);
        node_start(&nodes[i]);
        if (i > 0)
            node_join(&nodes[i], &nodes[i - 1]);
    }
}

static void wait_for(struct node *node, uint64_t records)
{
    struct node_status status;

    for (node_status(node, &status); status.content < records; node_status(node, &status))
        bench_pause(POLL_S);
}

/* The first record may have to wait until the chain is one commons. */
static void publish(struct node *nodes, const struct plan *plan, struct prose *prose, uint64_t n,
                    double *first, double *last)
{
    struct rp_bytes packed;
    size_t plain;
    double start;

    node_record(&nodes[0], prose, &packed, &plain);
    start = bench_wall();
    node_publish(&nodes[0], &packed);
    wait_for(&nodes[1], n);
    *first = (bench_wall() - start) * 1e3;
    wait_for(&nodes[plan->nodes - 1], n);
    *last = (bench_wall() - start) * 1e3;
    rp_bytes_free(&packed);
}

static void print_run(const struct plan *plan, double *first, double *last)
{
    size_t n = plan->count;
    double hops = (double)(plan->nodes - 1);

    if (plan->json)
        printf("{\"nodes\": %llu, \"count\": %llu, \"next_p50_ms\": %.2f, \"next_p99_ms\": %.2f, "
               "\"last_p50_ms\": %.2f, \"last_p99_ms\": %.2f, \"hop_p99_ms\": %.2f}\n",
               (unsigned long long)plan->nodes, (unsigned long long)plan->count,
               bench_part(first, n, 0.5), bench_part(first, n, 0.99), bench_part(last, n, 0.5),
               bench_part(last, n, 0.99), bench_part(last, n, 0.99) / hops);
    else
        printf("%llu records, one at a time: at the next node after %.2f ms (p99 %.2f), at the "
               "last of %llu after %.2f ms (p99 %.2f, %.2f a hop)\n",
               (unsigned long long)plan->count, bench_part(first, n, 0.5),
               bench_part(first, n, 0.99), (unsigned long long)plan->nodes,
               bench_part(last, n, 0.5), bench_part(last, n, 0.99),
               bench_part(last, n, 0.99) / hops);
}

int bench_live(struct args *args)
{
    static double first[COUNT_MAX];
    static double last[COUNT_MAX];
    struct plan plan = {.nodes = 5, .count = 200};
    struct node nodes[NODES_MAX];
    struct prose prose;
    char folder[256];
    const char *value;

    while (args->at < args->n) {
        if (args_is(args, "--json", NULL))
            plan.json = true;
        else if (args_is(args, "--nodes", &value))
            plan.nodes = args_number("--nodes", value, NODES_MAX);
        else if (args_is(args, "--count", &value))
            plan.count = args_number("--count", value, COUNT_MAX);
        else
            args_refuse(args);
    }
    if (plan.nodes < 2 || plan.count < 1)
        bench_fail("it takes two nodes, and a record");
    prose_open(&prose, 1200, NULL);
    bench_folder_new(folder, sizeof folder);
    build_chain(nodes, &plan, folder);
    publish(nodes, &plan, &prose, 1, first, last); /* when all are joined */
    for (uint64_t i = 0; i < plan.count; i++)
        publish(nodes, &plan, &prose, i + 2, &first[i], &last[i]);
    for (uint64_t i = plan.nodes; i > 0; i--)
        node_stop(&nodes[i - 1]);
    print_run(&plan, first, last);
    prose_free(&prose);
    bench_folder_remove(folder);
    return 0;
}
