#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "world.h"

/*
 * rpspread: how a record gets to everybody in a federation that is as large as we hope for. Nothing
 * goes wrong here; what is counted is time, hops, payloads and memory.
 */
#define CLUSTER 25 /* organisations that know each other well: a town, a field of work */
#define SETTLE (3 * UINT64_C(60000))
#define EACH 20000 /* ms for each record */

struct spread {
    struct world *world;
    unsigned **peers; /* by actor; ended by the actor itself */
    unsigned *degree;
    const struct fact *fact; /* the one on its way */
    uint64_t since;
    unsigned reached;
    uint64_t half_ms;
    uint64_t all_ms;
};

static void connect(struct spread *spread, unsigned a, unsigned b)
{
    for (unsigned i = 0; i < spread->degree[a]; i++) {
        if (spread->peers[a][i] == b)
            return;
    }
    if (a == b || spread->degree[a] == 12 || spread->degree[b] == 12)
        return;
    spread->peers[a][spread->degree[a]++] = b;
    spread->peers[b][spread->degree[b]++] = a;
    world_join(spread->world, &spread->world->actors[a], &spread->world->actors[b]);
}

/* Clusters, each a ring and some chords; a ring of clusters; and some who know somebody far away.
 */
static void connect_all(struct spread *spread)
{
    struct rp_rand *rand = &spread->world->load_rand;
    unsigned n = spread->world->plan.nodes;

    for (unsigned i = 0; i < n; i++) {
        unsigned first = i / CLUSTER * CLUSTER;
        unsigned size = n - first < CLUSTER ? n - first : CLUSTER;

        connect(spread, i, first + (i - first + 1) % size);
        connect(spread, i, first + (unsigned)rp_rand_below(rand, size));
        if (i == first)
            connect(spread, i, (first + CLUSTER) % n);
        if (rp_rand_below(rand, 4) == 0)
            connect(spread, i, (unsigned)rp_rand_below(rand, n));
        while (spread->degree[i] < 3)
            connect(spread, i, (unsigned)rp_rand_below(rand, n));
    }
}

/* How many hops the farthest node is from ${from}. */
static unsigned eccentricity(const struct spread *spread, unsigned from)
{
    unsigned n = spread->world->plan.nodes;
    unsigned *queue = calloc(n, sizeof *queue);
    unsigned *hops = calloc(n, sizeof *hops);
    unsigned last = 0;
    unsigned end = 1;

    if (queue == NULL || hops == NULL)
        abort();
    queue[0] = from;
    hops[from] = 1;
    for (unsigned at = 0; at < end; at++) {
        unsigned node = queue[at];

        last = hops[node] - 1;
        for (unsigned i = 0; i < spread->degree[node]; i++) {
            unsigned peer = spread->peers[node][i];

            if (hops[peer] != 0)
                continue;
            hops[peer] = hops[node] + 1;
            queue[end++] = peer;
        }
    }
    free(queue);
    free(hops);
    return end == n ? last : 0;
}

static void note_stored(struct world *world, struct actor *actor, const uint8_t *id)
{
    struct spread *spread = world->watcher;
    unsigned n = world->plan.nodes;

    (void)actor;
    if (spread->fact == NULL || memcmp(spread->fact->id, id, TRUTH_ID) != 0)
        return;
    spread->reached++;
    if (spread->reached == (n + 1) / 2)
        spread->half_ms = world->now - spread->since;
    if (spread->reached == n)
        spread->all_ms = world->now - spread->since;
}

static uint64_t records_received(const struct world *world)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < world->plan.nodes; i++) {
        struct core_counters counters;

        core_counters(world->actors[i].core, &counters);
        n += counters.records_in;
    }
    return n;
}

/* Publishes at one node and waits; prints a row. False when somebody was not reached. */
static bool spread_one(struct spread *spread, unsigned from)
{
    struct world *world = spread->world;
    unsigned n = world->plan.nodes;
    uint64_t payloads = records_received(world);
    uint64_t frames = liar_frames();
    uint64_t bytes = world->figures.bytes;

    spread->reached = 0;
    spread->since = world->now;
    spread->fact = load_publish(world, &world->actors[from]);
    world_run(world, world->now + EACH);
    printf("| %u | %u | %llu | %llu | %.3f | %.1f | %.0f | %s |\n", from,
           eccentricity(spread, from), (unsigned long long)spread->half_ms,
           (unsigned long long)spread->all_ms,
           (double)(records_received(world) - payloads) / (n - 1),
           (double)(liar_frames() - frames) / n, (double)(world->figures.bytes - bytes) / n,
           spread->reached == n ? "all" : "NOT ALL");
    return spread->reached == n;
}

static void begin(struct spread *spread, const struct plan *plan)
{
    struct world *world = spread->world = world_new(plan);
    unsigned author = 0;

    world->quiet = true;
    world->stored = note_stored;
    world->watcher = spread;
    spread->peers = calloc(plan->nodes, sizeof *spread->peers);
    spread->degree = calloc(plan->nodes, sizeof *spread->degree);
    if (spread->peers == NULL || spread->degree == NULL)
        abort();
    for (unsigned i = 0; i < plan->nodes; i++) {
        spread->peers[i] = calloc(12, sizeof **spread->peers);
        if (spread->peers[i] == NULL)
            abort();
    }
    connect_all(spread);
    for (unsigned i = 0; i < plan->nodes;
         i++) { /* all accept the authors, the first of each tenth */
        for (author = 0; author < 10; author++) {
            const struct actor *who = &world->actors[author * (plan->nodes / 10)];

            (void)!core_accept_org(world->actors[i].core, who->self.inception, world->now);
        }
        actor_settle(world, &world->actors[i]);
    }
    world_run(world, world->now + SETTLE);
}

int main(int argc, char **argv)
{
    struct plan plan = {.latency = 30,
                        .jitter = 20,
                        .bytes_per_ms = 1250,
                        .write_ms = 10,
                        .check_ms = 60000,
                        .depth = 0};
    struct spread spread = {.reached = 0};
    unsigned long links = 0;
    struct rusage usage;
    bool good = true;

    if (argc != 3 || (plan.seed = strtoull(argv[1], NULL, 10)) == 0 ||
        (plan.nodes = (unsigned)strtoul(argv[2], NULL, 10)) < 30 || plan.nodes > 10000) {
        fputs("usage: rpspread SEED NODES    30 to 10,000 nodes\n", stderr);
        return 2;
    }
    if (sodium_init() < 0)
        return 1;
    begin(&spread, &plan);
    for (unsigned i = 0; i < plan.nodes; i++)
        links += spread.degree[i];
    printf("%u nodes, %.1f peers each, 30 to 50 ms apart\n\n"
           "| from | farthest, hops | half, ms | all, ms | payloads a node | messages | bytes | "
           "reached |\n|--:|--:|--:|--:|--:|--:|--:|---|\n",
           plan.nodes, (double)links / plan.nodes);
    for (unsigned author = 0; author < 10; author++)
        good &= spread_one(&spread, author * (plan.nodes / 10));
    getrusage(RUSAGE_SELF, &usage);
    fprintf(stderr, "%ld KiB of memory a node, %ld s\n", usage.ru_maxrss / (long)plan.nodes,
            (long)usage.ru_utime.tv_sec);
    return good ? 0 : 1;
}
