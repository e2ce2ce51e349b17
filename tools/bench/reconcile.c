#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "core/core_private.h"
#include "pair.h"
#include "rp/err.h"
#include "rp/rand.h"

/*
 * What it costs two nodes to find out by which records they differ (SPEC 4.3): real sessions, cores
 * and LMDB stores, without TCP. Counted is all from CHECK on until each side knows what to send:
 * the one that asked knows when it has decoded, the other one when it was asked for what it has.
 */

#define DIFFERS_MAX 32
#define SEEDS_MAX 1000

struct plan {
    uint64_t records; /* of each side, of these ... */
    uint64_t common;  /* ... in both */
    uint64_t excluded;
    uint64_t differ[DIFFERS_MAX];
    size_t differs;
    bool newest;
    bool json;
    uint64_t seed;
    uint64_t seeds;
};

/* One comparison, as it went. */
struct run {
    uint64_t bytes[2]; /* sent by the side that asked, and by the other */
    uint64_t messages;
    uint64_t round_trips;
    uint64_t cells;
    uint64_t estimate;
    uint64_t fallback;    /* to LIST after cells had been asked for */
    uint64_t lists;       /* LIST in all */
    uint64_t asked_back;  /* bytes in which the other side asks for what it was offered */
    uint64_t equal_bytes; /* of a comparison that finds no difference */
    double cpu;
    double insert; /* s, each */
};

/* Of ${differ} records the first half is the first side's, the others the second's. */
static struct pair_row *new_rows(const struct plan *plan, uint64_t differ, uint64_t seed)
{
    struct pair_row *rows = malloc((differ > 0 ? differ : 1) * sizeof *rows);
    uint8_t seeds[RP_RAND_SEED_LEN] = {1};
    uint64_t half = (differ + 1) / 2;
    struct rp_rand rand;

    if (rows == NULL)
        bench_fail("out of memory");
    memcpy(seeds + 8, &seed, sizeof seed);
    memcpy(seeds + 16, &differ, sizeof differ);
    rp_rand_init(&rand, seeds);
    for (uint64_t i = 0; i < differ; i++) {
        uint64_t own = i < half ? i : i - half;

        /* the records of both have even numbers: these come between them, or after them */
        rows[i].seq = plan->newest ? 1001 + 2 * (plan->common + plan->excluded + own)
                                   : 1001 + 2 * (own * plan->common / half);
        rp_rand_bytes(&rand, rows[i].symbol, RP_SYMBOL_LEN);
    }
    return rows;
}

/* Answers what ${asker} has asked for with messages that hold no records, so that it asks on. */
static void answer_with_nothing(struct pair *pair, unsigned asker)
{
    struct link *asks = pair->sides[asker].link;
    struct link *answers = pair->sides[1 - asker].link;

    for (uint32_t i = 0; i < asks->requests_n; i++) {
        rp_message_write_records(&answers->writer, asks->requests[i].number, true, 0,
                                 (struct rp_slice){NULL, 0});
        link_send(answers);
    }
    serve_free(answers); /* the answers that it would have given */
    answers->jobs = NULL;
    (void)pair_carry_queued(pair, 1 - asker);
}

/* Has ${asker} ask for all that it has been offered; what answers it is not counted. */
static void ask_all(struct pair *pair, unsigned asker)
{
    const struct pair_side *other = &pair->sides[1 - asker];

    pair->sides[asker].core->full_until = 0;
    while (pair_carry(pair, asker)) {
        uint64_t bytes = other->bytes;
        uint64_t messages = other->messages;

        answer_with_nothing(pair, asker);
        pair->sides[1 - asker].bytes = bytes;
        pair->sides[1 - asker].messages = messages;
    }
}

static void compare(struct pair *pair, struct run *run)
{
    struct pair_side *first = &pair->sides[0];
    struct pair_side *second = &pair->sides[1];
    const struct exchange *x = &first->link->ours;
    uint64_t lists = first->core->counters.lists;

    pair_reset(pair);
    pair_compare(pair);
    while (x->state != EXCHANGE_NONE) {
        if (!pair_carry(pair, 0) || !pair_carry(pair, 1))
            bench_fail("a comparison stands still");
        run->round_trips++;
    }
    run->cpu = first->cpu + second->cpu;
    run->cells = x->cells;
    run->estimate = x->estimate;
    run->lists = first->core->counters.lists - lists;
    run->fallback = run->cells > RP_SKETCH_FIRST ? run->lists : 0;
    /* as long as it is full it asks for nothing, and so what the first asks for is told apart */
    second->core->full_until = UINT64_MAX;
    ask_all(pair, 0);
    for (unsigned i = 0; i < 2; i++)
        run->bytes[i] = pair->sides[i].bytes;
    run->messages = first->messages + second->messages;
    second->bytes = 0;
    ask_all(pair, 1);
    run->asked_back = second->bytes;
}

static void compare_equal(struct pair *pair, struct run *run)
{
    pair_reset(pair);
    pair_compare(pair);
    pair_settle(pair);
    run->equal_bytes = pair->sides[0].bytes + pair->sides[1].bytes;
}

static struct run run_one(struct pair *pair, const struct plan *plan, uint64_t differ,
                          uint64_t seed)
{
    struct pair_row *rows = new_rows(plan, differ, seed);
    size_t half = (differ + 1) / 2;
    struct run run = {0};

    run.insert = pair_add(pair, 0, rows, half) + pair_add(pair, 1, rows + half, differ - half);
    run.insert /= differ > 0 ? (double)differ : 1.0;
    compare(pair, &run);
    pair_remove(pair, 0, rows, half);
    pair_remove(pair, 1, rows + half, differ - half);
    compare_equal(pair, &run);
    free(rows);
    return run;
}

static void print_json(const struct plan *plan, uint64_t differ, uint64_t seed,
                       const struct run *run)
{
    printf("{\"records\": %llu, \"differ\": %llu, \"seed\": %llu, \"shape\": \"%s\", "
           "\"bytes\": %llu, \"bytes_out\": %llu, \"bytes_in\": %llu, \"messages\": %llu, "
           "\"round_trips\": %llu, \"cpu_ms\": %.3f, \"cells\": %llu, \"estimate\": %llu, "
           "\"fallback\": %llu, \"lists\": %llu, \"asked_back_bytes\": %llu, "
           "\"equal_bytes\": %llu, \"insert_us\": %.3f}\n",
           (unsigned long long)plan->records, (unsigned long long)differ, (unsigned long long)seed,
           plan->newest ? "newest" : "scattered",
           (unsigned long long)(run->bytes[0] + run->bytes[1]), (unsigned long long)run->bytes[0],
           (unsigned long long)run->bytes[1], (unsigned long long)run->messages,
           (unsigned long long)run->round_trips, run->cpu * 1e3, (unsigned long long)run->cells,
           (unsigned long long)run->estimate, (unsigned long long)run->fallback,
           (unsigned long long)run->lists, (unsigned long long)run->asked_back,
           (unsigned long long)run->equal_bytes, run->insert * 1e6);
}

/* What many runs have in common: middle, and the worst of nine in ten or nineteen in twenty. */
static void print_summary(uint64_t differ, const struct run *runs, size_t n)
{
    static double bytes[SEEDS_MAX];
    static double trips[SEEDS_MAX];
    static double cpu[SEEDS_MAX];
    static double cells[SEEDS_MAX];
    static double off[SEEDS_MAX];
    static double insert[SEEDS_MAX];
    unsigned long long fallback = 0;
    unsigned long long lists = 0;

    for (size_t i = 0; i < n; i++) {
        double estimate = (double)runs[i].estimate;

        bytes[i] = (double)(runs[i].bytes[0] + runs[i].bytes[1]);
        trips[i] = (double)runs[i].round_trips;
        cpu[i] = runs[i].cpu * 1e3;
        cells[i] = (double)runs[i].cells;
        insert[i] = runs[i].insert * 1e6;
        off[i] = estimate > 0 ? fabs(estimate / (double)differ - 1.0) * 100.0 : 0;
        fallback += runs[i].fallback;
        lists += runs[i].lists;
    }
    printf("%9llu %9.0f %7.1f %9.0f %7.1f %5.0f %5.0f %9.2f %8.0f %7.1f %5llu %5llu %7.2f\n",
           (unsigned long long)differ, bench_part(bytes, n, 0.5),
           differ > 0 ? (bench_part(bytes, n, 0.5) - 3000) / (double)differ : 0.0,
           bench_part(bytes, n, 0.95),
           differ > 0 ? (bench_part(bytes, n, 0.95) - 3000) / (double)differ : 0.0,
           bench_part(trips, n, 0.9), bench_part(trips, n, 1.0), bench_part(cpu, n, 0.5),
           bench_part(cells, n, 0.5), bench_part(off, n, 0.9), fallback, lists,
           bench_part(insert, n, 0.5));
}

static void read_differs(struct plan *plan, const char *text)
{
    char copy[256];
    char *rest = copy;
    char *word;

    snprintf(copy, sizeof copy, "%s", text);
    plan->differs = 0;
    while ((word = strtok_r(rest, ",", &rest)) != NULL && plan->differs < DIFFERS_MAX)
        plan->differ[plan->differs++] = args_number("--differ", word, 1000000);
}

static void read_args(struct args *args, struct plan *plan)
{
    const char *value;

    while (args->at < args->n) {
        if (args_is(args, "--json", NULL))
            plan->json = true;
        else if (args_is(args, "--records", &value))
            plan->records = args_number("--records", value, 100000000);
        else if (args_is(args, "--excluded", &value))
            plan->excluded = args_number("--excluded", value, 100000000);
        else if (args_is(args, "--differ", &value))
            read_differs(plan, value);
        else if (args_is(args, "--seed", &value))
            plan->seed = args_number("--seed", value, UINT64_MAX);
        else if (args_is(args, "--seeds", &value))
            plan->seeds = args_number("--seeds", value, SEEDS_MAX);
        else if (args_is(args, "--shape", &value) &&
                 (strcmp(value, "newest") == 0 || strcmp(value, "scattered") == 0))
            plan->newest = strcmp(value, "newest") == 0;
        else
            args_refuse(args);
    }
    for (size_t i = 0; i < plan->differs; i++) {
        if (plan->differ[i] > plan->records)
            bench_fail("--differ is at most --records");
    }
}

static void run_all(struct pair *pair, const struct plan *plan, uint64_t differ)
{
    static struct run runs[SEEDS_MAX];

    for (uint64_t i = 0; i < plan->seeds; i++) {
        runs[i] = run_one(pair, plan, differ, plan->seed + i);
        if (plan->json)
            print_json(plan, differ, plan->seed + i, &runs[i]);
    }
    if (!plan->json)
        print_summary(differ, runs, plan->seeds);
}

int bench_reconcile(struct args *args)
{
    struct plan plan = {.records = 100000, .differ = {100}, .differs = 1, .seed = 1, .seeds = 1};
    struct pair pair;
    uint64_t own = 0;
    double start;

    read_args(args, &plan);
    for (size_t i = 0; i < plan.differs; i++) /* half of it each side has for itself */
        own = plan.differ[i] / 2 > own ? plan.differ[i] / 2 : own;
    plan.common = plan.records - own;
    pair_open(&pair, plan.common, plan.excluded, plan.seed);
    start = (pair.sides[0].start_cpu + pair.sides[1].start_cpu) /
            (double)(2 * plan.common + plan.excluded);
    if (!plan.json) {
        printf("records %llu, excluded %llu, %s, seeds %llu; start %.3f us a record\n",
               (unsigned long long)plan.records, (unsigned long long)plan.excluded,
               plan.newest ? "newest" : "scattered", (unsigned long long)plan.seeds, start * 1e6);
        puts("   differ    bytes (-3k)/d   p95     (-3k)/d trips  max    cpu ms    cells off%p90 "
             "fallb lists   in us");
    }
    for (size_t i = 0; i < plan.differs; i++)
        run_all(&pair, &plan, plan.differ[i]);
    pair_close(&pair);
    return 0;
}
