#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "world.h"

/*
 * rpspread: how a record gets to everybody in a federation that is as large as we hope for, and
 * what it costs that each node hears how all others are. Nothing goes wrong here; what is counted
 * is time, hops, payloads, bytes and memory.
 */
#define CLUSTER 25 /* organisations that know each other well: a town, a field of work */
#define SETTLE (3 * UINT64_C(60000))
#define EACH 20000 /* ms for each record */
#define HOUR (60 * UINT64_C(60000))

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

    world->quiet = true;
    world->stored = note_stored;
    world->watcher = spread;
    spread->fact = NULL;
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
}

static void end(struct spread *spread)
{
    for (unsigned i = 0; i < spread->world->plan.nodes; i++)
        free(spread->peers[i]);
    free(spread->peers);
    free(spread->degree);
    world_free(spread->world);
}

/* All accept every ${nth} node, and all is compared. */
static void accept_each(struct spread *spread, unsigned nth)
{
    struct world *world = spread->world;

    for (unsigned i = 0; i < world->plan.nodes; i++) {
        struct actor *actor = &world->actors[i];

        for (unsigned who = 0; who < world->plan.nodes; who += nth)
            (void)!core_accept_org(actor->core, world->actors[who].self.inception, world->now);
        actor_settle(world, actor);
        world_run(world, world->now + 2 * world->plan.write_ms); /* it would not fit into memory */
    }
    world_run(world, world->now + SETTLE);
}

/* Records */

static bool spread_records(struct spread *spread, const struct plan *plan)
{
    unsigned long links = 0;
    bool good = true;

    begin(spread, plan);
    accept_each(spread, plan->nodes / 10);
    for (unsigned i = 0; i < plan->nodes; i++)
        links += spread->degree[i];
    printf("%u nodes, %.1f peers each, 30 to 50 ms apart\n\n"
           "| from | farthest, hops | half, ms | all, ms | payloads a node | messages | bytes | "
           "reached |\n|--:|--:|--:|--:|--:|--:|--:|---|\n",
           plan->nodes, (double)links / plan->nodes);
    for (unsigned author = 0; author < 10; author++)
        good &= spread_one(spread, author * (plan->nodes / 10));
    end(spread);
    return good;
}

/* Beacons */

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
    begin(spread, &silent);
    world_run(spread->world, spread->world->now + SETTLE);
    before = spread->world->figures.bytes;
    world_run(spread->world, spread->world->now + HOUR);
    bytes = (double)(spread->world->figures.bytes - before) / plan->nodes;
    end(spread);
    return bytes;
}

/* Hours in which nobody has anything new to say, and one in which each has once. */
static bool spread_beacons(struct spread *spread, const struct plan *plan, uint64_t hours)
{
    double otherwise = bytes_without(spread, plan);
    struct world *world;
    struct said before;
    bool good = true;

    begin(spread, plan);
    world = spread->world;
    accept_each(spread, 1);
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
        good &= n == plan->nodes;
    }
    if (!good)
        printf("NOT ALL are known to all\n");
    end(spread);
    return good;
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
    uint64_t hours = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
    struct rusage usage;
    bool good;

    if (argc < 3 || argc > 4 || (plan.seed = strtoull(argv[1], NULL, 10)) == 0 ||
        (plan.nodes = (unsigned)strtoul(argv[2], NULL, 10)) < 30 || plan.nodes > 10000 ||
        (argc == 4 && (hours == 0 || hours > 24))) {
        fputs("usage: rpspread SEED NODES [HOURS]    30 to 10,000 nodes: a record's way, or what "
              "beacons cost\n",
              stderr);
        return 2;
    }
    if (sodium_init() < 0)
        return 1;
    plan.silent = hours == 0;
    good = hours == 0 ? spread_records(&spread, &plan) : spread_beacons(&spread, &plan, hours);
    getrusage(RUSAGE_SELF, &usage);
    fprintf(stderr, "%ld KiB of memory a node, %ld s\n", usage.ru_maxrss / (long)plan.nodes,
            (long)usage.ru_utime.tv_sec);
    return good ? 0 : 1;
}
