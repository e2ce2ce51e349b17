#include "spread.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/*
 * rpspread: how a record gets to everybody, and what is lost when many nodes stop at once; and what
 * beacons cost. Counted are time, hops, payloads, bytes and memory. The status is 0 only when what
 * must hold did.
 */
#define PAYLOADS_MAX 1.05 /* a node and record */

static const char *const shapes[] = {
    [SHAPE_TOWNS] = "towns",
    [SHAPE_REGULAR] = "regular",
    [SHAPE_CLUSTERED] = "clustered",
};

void spread_begin(struct spread *spread, const struct plan *plan)
{
    struct world *world = spread->world = world_new(plan);

    world->quiet = true;
    graph_init(&spread->graph, plan->nodes);
    if (spread->shape == SHAPE_REGULAR)
        graph_draw_regular(&spread->graph, &world->load_rand);
    else if (spread->shape == SHAPE_CLUSTERED)
        graph_draw_clustered(&spread->graph, &world->load_rand);
    else
        graph_draw_towns(&spread->graph, &world->load_rand);
    for (unsigned i = 0; i < spread->graph.edges_n; i++)
        world_join(world, &world->actors[spread->graph.edges[i].a],
                   &world->actors[spread->graph.edges[i].b]);
}

void spread_end(struct spread *spread)
{
    if (spread->world->failure[0] != '\0')
        spread_fail(spread, "%s", spread->world->failure);
    graph_free(&spread->graph);
    world_free(spread->world);
}

void spread_accept_each(struct spread *spread, unsigned nth)
{
    struct world *world = spread->world;

    for (unsigned i = 0; i < world->plan.nodes; i++) {
        struct actor *actor = &world->actors[i];

        for (unsigned who = 0; who < world->plan.nodes; who += nth)
            (void)!core_accept_org(actor->core, world->actors[who].self.inception, world->now);
        actor_settle(world, actor);
        world_run(world, world->now + 2 * world->plan.write_ms); /* it would not fit into memory */
    }
    world_run(world, world->now + SPREAD_SETTLE);
}

void spread_fail(struct spread *spread, const char *format, ...)
{
    va_list args;

    spread->failed = true;
    fputs("DOES NOT HOLD: ", stdout);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

const char *spread_apart(const struct plan *plan)
{
    return plan->uneven > 0 ? "5 to 150 ms apart" : "30 to 50 ms apart";
}

double spread_payloads(struct spread *spread, uint64_t before, unsigned records)
{
    double payloads =
        (double)(liar_payloads() - before) / (spread->world->plan.nodes - 1) / records;

    if (payloads > PAYLOADS_MAX)
        spread_fail(spread, "%.3f payloads a node and record, and not %.2f at most", payloads,
                    PAYLOADS_MAX);
    return payloads;
}

/* Each connection takes its own time. */
static void set_uneven(struct plan *plan)
{
    plan->latency = 5;
    plan->uneven = 140;
    plan->jitter = 5;
}

static _Noreturn void usage(void)
{
    fputs("usage: rpspread [--graph SHAPE] [--stop HOW] [--uneven] [--plant BUG] "
          "SEED NODES [HOURS]\n"
          "30 to 10,000 nodes: the way of records, or with HOURS, what beacons cost\n"
          "  --graph towns      3 to 12 peers each (this is assumed)\n"
          "          regular    6 peers each, drawn from all\n"
          "          clustered  6 peers each, mostly neighbours\n"
          "  --stop killed      a tenth of the nodes is killed while records are on their way\n"
          "         silent      ... and nobody is told, as when the power fails\n"
          "  --uneven           5 to 150 ms from one to another, and not 30 to 50\n"
          "bugs:",
          stderr);
    for (unsigned i = 0; spread_plant_name(i) != NULL; i++)
        fprintf(stderr, " %s", spread_plant_name(i));
    fputs("\n", stderr);
    exit(2);
}

static enum shape read_shape(const char *name)
{
    for (enum shape shape = SHAPE_TOWNS; shape <= SHAPE_CLUSTERED; shape++) {
        if (strcmp(shapes[shape], name) == 0)
            return shape;
    }
    usage();
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"graph", required_argument, NULL, 'g'},
        {"plant", required_argument, NULL, 'p'},
        {"stop", required_argument, NULL, 's'},
        {"uneven", no_argument, NULL, 'u'},
        {NULL, 0, NULL, 0},
    };
    struct plan plan = {.latency = 30,
                        .jitter = 20,
                        .bytes_per_ms = 1250,
                        .write_ms = 10,
                        .check_ms = 60000,
                        .depth = 0};
    struct spread spread = {.shape = SHAPE_TOWNS};
    const char *stop = NULL;
    uint64_t hours = 0;
    struct rusage used;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'g')
            spread.shape = read_shape(optarg);
        else if (option == 's')
            stop = optarg;
        else if (option == 'u')
            set_uneven(&plan);
        else if (option == 'p' && spread_plant(optarg))
            continue;
        else
            usage();
    }
    argv += optind;
    argc -= optind;
    if (argc < 2 || argc > 3 || (plan.seed = strtoull(argv[0], NULL, 10)) == 0 ||
        (plan.nodes = (unsigned)strtoul(argv[1], NULL, 10)) < 30 || plan.nodes > 10000 ||
        (argc == 3 && ((hours = strtoull(argv[2], NULL, 10)) == 0 || hours > 24)) ||
        (stop != NULL &&
         (hours > 0 || (strcmp(stop, "killed") != 0 && strcmp(stop, "silent") != 0))))
        usage();
    if (sodium_init() < 0)
        return 1;
    plan.silent = hours == 0;
    if (hours > 0)
        spread_beacons(&spread, &plan, hours);
    else if (stop != NULL)
        spread_stopped(&spread, &plan, strcmp(stop, "silent") == 0);
    else
        spread_records(&spread, &plan);
    getrusage(RUSAGE_SELF, &used);
    fprintf(stderr, "%ld KiB of memory a node, %ld s\n", used.ru_maxrss / (long)plan.nodes,
            (long)used.ru_utime.tv_sec);
    return spread.failed ? 1 : 0;
}
