#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "plant.h"
#include "world.h"

/*
 * rpsim: a federation in one process, with everything that goes wrong, all from one seed. What it
 * prints is a function of its options. Ends 0 only when everything that must hold did.
 */
#define MINUTE UINT64_C(60000)
#define HEAL_MAX (60 * MINUTE) /* after the last fault all must agree within */
#define HEAL_STEP 5000
#define HEAR_STEP 30000

struct options {
    struct plan_opts plan;
    bool json;
};

static int usage(void)
{
    fputs("usage: rpsim --seed S [--nodes N] [--hours H] [--records R] [--plant BUG] [--json]\n"
          "bugs:",
          stderr);
    for (unsigned i = 0; plant_name(i) != NULL; i++)
        fprintf(stderr, " %s", plant_name(i));
    fputc('\n', stderr);
    return 2;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *out)
{
    char *end;

    *out = strtoull(text, &end, 10);
    return *text != '\0' && *end == '\0' && *out <= max;
}

static bool parse(int argc, char **argv, struct options *out)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"nodes", required_argument, NULL, 'n'},
                                            {"hours", required_argument, NULL, 'h'},
                                            {"records", required_argument, NULL, 'r'},
                                            {"plant", required_argument, NULL, 'p'},
                                            {"json", no_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    uint64_t value = 0;
    bool seeded = false;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == '?' || (option == 'p' && !plant_choose(optarg)) ||
            (strchr("jp", option) == NULL && !parse_number(optarg, UINT64_MAX, &value)))
            return false;
        if (option == 's')
            out->plan.seed = value;
        else if (option == 'n')
            out->plan.nodes = (unsigned)value;
        else if (option == 'h')
            out->plan.hours = (unsigned)value;
        else if (option == 'r')
            out->plan.records = (unsigned)value;
        seeded |= option == 's';
        out->json |= option == 'j';
    }
    return seeded && optind == argc && out->plan.nodes != 1 && out->plan.nodes <= 10000;
}

static void print_plan(const struct plan *plan)
{
    static const char *const names[FAULTS] = {"crash", "partition", "one-way", "full",   "commit",
                                              "rot",   "calendar",  "backup",  "restore"};

    printf("seed %llu: %u nodes, %u of them lying, %u acts in %llu minutes\n",
           (unsigned long long)plan->seed, plan->nodes, plan->liars, plan->records,
           (unsigned long long)(plan->length / MINUTE));
    printf("odds a node and minute, in millionths:");
    for (int fault = 0; fault < FAULTS; fault++)
        printf(" %s %u", names[fault], plan->fault[fault]);
    printf("\nodds a chunk: cut %u lost %u doubled %u swapped %u flipped %u; a lie %u\n", plan->cut,
           plan->lost, plan->doubled, plan->swapped, plan->flipped,
           plan->liars > 0 ? plan->lies : 0);
    printf("%llu ms away, %llu bytes a ms, compared every %u s, trust to depth %u, "
           "%u %% restless, %u disputes, %s%s%s",
           (unsigned long long)plan->latency, (unsigned long long)plan->bytes_per_ms,
           plan->check_ms / 1000, plan->depth, plan->restless, plan->disputes,
           plan->invites ? "by invites" : "by hand", plan->circles ? ", with circles" : "",
           plan->tellers ? ", with tellers" : "");
    if (plan->rotations > 0)
        printf(", %u new keys", plan->rotations);
    if (plan->quota > 0)
        printf(", quotas of %llu bytes", (unsigned long long)plan->quota);
    printf("\n");
}

static void print_figures(const struct world *world, const char *hash)
{
    const struct figures *f = &world->figures;

    printf("%llu events, %llu calls, %llu bytes in %llu chunks, %llu lies\n",
           (unsigned long long)f->events, (unsigned long long)f->dials,
           (unsigned long long)f->bytes, (unsigned long long)f->chunks,
           (unsigned long long)f->lies);
    printf("published %llu, withdrawn %llu, of these %llu by codes, stored %llu, came twice %llu, "
           "blocked %llu\n",
           (unsigned long long)f->published, (unsigned long long)f->withdrawn,
           (unsigned long long)f->by_code, (unsigned long long)f->stored,
           (unsigned long long)f->duplicates, (unsigned long long)f->blocks);
    if (world->plan.circles)
        printf(
            "circles: links for them alone %llu, beacons in them %llu, receipts %llu, seen at all "
            "looks\n",
            (unsigned long long)f->circle_links, (unsigned long long)f->circle_beacons,
            (unsigned long long)f->circle_receipts);
    if (f->held_back > 0)
        printf("held back %llu\n", (unsigned long long)f->held_back);
    printf("agreed after %llu s, all had heard after %llu s, trace %s\n",
           (unsigned long long)(f->healed_ms / 1000), (unsigned long long)(f->heard_ms / 1000),
           hash);
    printf("seed %llu: %s\n", (unsigned long long)world->plan.seed,
           world->failure[0] == '\0' ? "ok" : world->failure);
}

static void print_json(const struct world *world, const char *hash)
{
    const struct figures *f = &world->figures;

    printf("{\"seed\": %llu, \"ok\": %s, \"failure\": \"%s\", \"trace\": \"%s\", "
           "\"nodes\": %u, \"liars\": %u, \"events\": %llu, \"bytes\": %llu, \"lies\": %llu, "
           "\"published\": %llu, \"withdrawn\": %llu, \"stored\": %llu, \"duplicates\": %llu, "
           "\"agreed_s\": %llu}\n",
           (unsigned long long)world->plan.seed, world->failure[0] == '\0' ? "true" : "false",
           world->failure, hash, world->plan.nodes, world->plan.liars,
           (unsigned long long)f->events, (unsigned long long)f->bytes, (unsigned long long)f->lies,
           (unsigned long long)f->published, (unsigned long long)f->withdrawn,
           (unsigned long long)f->stored, (unsigned long long)f->duplicates,
           (unsigned long long)(f->healed_ms / 1000));
}

/* Whom everybody knows at first: a ring, so that all are joined, and some more. */
static void introduce(struct world *world)
{
    unsigned n = world->plan.nodes;

    for (unsigned i = 0; i < n; i++) {
        for (unsigned d = 0; d < world->plan.degree; d++) {
            unsigned to = d == 0 ? (i + 1) % n : (unsigned)rp_rand_below(&world->load_rand, n);

            if (to != i)
                world_join(world, &world->actors[i], &world->actors[to]);
        }
    }
}

/* After the last fault everybody must come to agree, in time. */
static void heal(struct world *world)
{
    uint64_t since;
    char why[300] = "";

    faults_end(world);
    quotas_end(world);
    since = world->now;
    while (world->failure[0] == '\0' && !check_converged(world, why, sizeof why)) {
        if (world->now - since > HEAL_MAX)
            world_fail(world, "no agreement after %llu minutes: %s",
                       (unsigned long long)(HEAL_MAX / MINUTE), why);
        world_run(world, world->now + HEAL_STEP);
    }
    world->figures.healed_ms = world->now - since;
    while (world->failure[0] == '\0' && !said_converged(world, why, sizeof why)) {
        if (world->now - since > HEAL_MAX)
            world_fail(world, "after %llu minutes %s", (unsigned long long)(HEAL_MAX / MINUTE),
                       why);
        world_run(world, world->now + HEAR_STEP);
    }
    world->figures.heard_ms = world->now - since;
    if (world->failure[0] == '\0')
        check_all(world);
    if (world->failure[0] == '\0')
        check_orders(world);
}

int main(int argc, char **argv)
{
    struct options options = {.json = false};
    struct world *world;
    struct plan plan;
    char hash[33];
    int status;

    if (!parse(argc, argv, &options))
        return usage();
    if (sodium_init() < 0)
        return 1;
    plan_draw(&plan, &options.plan);
    if (!options.json)
        print_plan(&plan);
    world = world_new(&plan);
    introduce(world);
    load_begin(world);
    disputes_begin(world);
    rotations_begin(world);
    faults_begin(world);
    world_run(world, plan.length);
    heal(world);
    world_trace_hash(world, hash);
    if (options.json)
        print_json(world, hash);
    else
        print_figures(world, hash);
    status = world->failure[0] == '\0' ? 0 : 1;
    world_free(world);
    return status;
}
