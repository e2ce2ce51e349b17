#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "fill.h"
#include "rp/err.h"
#include "rp/key.h"

/*
 * A cold sync: everything that one node holds goes to another that holds nothing; two rpnode
 * processes on loopback. Then a few records more. What the machine could do at best is how many
 * signatures it verifies on all its processors. Its speed changes from one second to the next; so
 * that is measured before, after, and every second in between, with both nodes held meanwhile.
 */

#define POLL_S 0.02
#define LIVE_POLL_S 0.0005
#define LIVE 10
#define RUN_S 1.0    /* the nodes run before they are held, */
#define LIMIT_S 0.25 /* and the limit is measured */

struct verified {
    double until;
    double count;
    double cpu; /* s */
};

static void *verify_for_a_while(void *arg)
{
    static const uint8_t seed[RP_KEY_SEED_LEN] = {3};
    static const uint8_t digest[RP_HASH_LEN] = {5};
    struct verified *out = arg;
    uint8_t sig[RP_SIG_LEN];
    struct rp_key key;
    double cpu = bench_cpu_thread();

    rp_key_from_seed(&key, seed);
    rp_key_sign(sig, &key, "bench", digest);
    while (bench_wall() < out->until) {
        for (int i = 0; i < 100; i++)
            out->count += rp_key_verify(sig, key.public, "bench", digest) == RP_OK;
    }
    out->cpu = bench_cpu_thread() - cpu;
    return NULL;
}

/* What all processors can verify; added up over several goes. */
struct limit {
    double count;
    double cpu; /* s */
    double wall;
};

static void measure_limit(struct limit *limit)
{
    struct verified verified[BENCH_THREADS_MAX] = {0};
    double start = bench_wall();

    for (unsigned i = 0; i < bench_processors(); i++)
        verified[i].until = start + LIMIT_S;
    bench_on_all(verify_for_a_while, verified, sizeof verified[0]);
    limit->wall += bench_wall() - start;
    for (unsigned i = 0; i < bench_processors(); i++) {
        limit->count += verified[i].count;
        limit->cpu += verified[i].cpu;
    }
}

struct plan {
    uint64_t records;
    uint64_t size;
    const char *text; /* a folder of Markdown; NULL: prose of that size */
    bool json;
};

struct run {
    uint64_t plain; /* bytes of all texts */
    struct limit limit;
    double wall; /* s, without those while the nodes are held */
    double cpu[2];
    uint64_t wire;
    uint64_t stores[2];
    uint64_t rss[2];  /* of no file, at its highest */
    uint64_t peak[2]; /* with what is mapped */
    double live;      /* s for a few more records, one after the other, each */
    uint64_t live_wire;
};

/* Whether the second node holds ${n} records; keeps an eye on memory. */
static bool is_through(struct node *nodes, uint64_t n, struct run *run)
{
    struct node_status status;

    for (int i = 0; i < 2; i++) {
        struct node_use use;

        node_use(&nodes[i], &use);
        run->rss[i] = use.anonymous > run->rss[i] ? use.anonymous : run->rss[i];
        run->peak[i] = use.peak;
    }
    node_status(&nodes[1], &status);
    return status.content >= n;
}

/* Measures the limit with both nodes held; s that it took. */
static double hold(struct node *nodes, struct run *run)
{
    double start = bench_wall();

    for (int i = 0; i < 2; i++)
        node_hold(&nodes[i]);
    measure_limit(&run->limit);
    for (int i = 0; i < 2; i++)
        node_go_on(&nodes[i]);
    return bench_wall() - start;
}

/* Joins, and waits until all is there. */
static void sync_all(struct node *nodes, const struct plan *plan, struct run *run)
{
    double start = bench_wall();
    double since = start;

    node_join(&nodes[1], &nodes[0]);
    while (!is_through(nodes, plan->records, run)) {
        if (bench_wall() - since > RUN_S) {
            start += hold(nodes, run);
            since = bench_wall();
        }
        bench_pause(POLL_S);
    }
    run->wall = bench_wall() - start;
}

static void sync_cold(struct node *nodes, const struct plan *plan, struct run *run)
{
    struct node_use before[2];
    struct node_status status;

    for (int i = 0; i < 2; i++) {
        node_start(&nodes[i]);
        if (i == 0)
            node_trust_store(&nodes[i]);
        node_use(&nodes[i], &before[i]);
    }
    measure_limit(&run->limit);
    sync_all(nodes, plan, run);
    measure_limit(&run->limit);
    for (int i = 0; i < 2; i++) {
        struct node_use use;

        node_use(&nodes[i], &use);
        run->cpu[i] = use.cpu - before[i].cpu;
        run->stores[i] = node_store_bytes(&nodes[i]);
    }
    do { /* what is left to say before both know that they are in step */
        bench_pause(POLL_S);
        node_status(&nodes[1], &status);
    } while (!status.in_sync);
    run->wire = status.wire;
}

static void sync_live(struct node *nodes, struct prose *prose, const struct plan *plan,
                      struct run *run)
{
    struct node_status before;
    struct node_status after;
    double time = 0;

    node_status(&nodes[1], &before);
    for (int i = 0; i < LIVE; i++) {
        struct rp_bytes packed;
        size_t plain;
        double start;

        node_record(&nodes[0], prose, &packed, &plain);
        start = bench_wall();
        node_publish(&nodes[0], &packed);
        while (!is_through(nodes, plan->records + (uint64_t)i + 1, run))
            bench_pause(LIVE_POLL_S);
        time += bench_wall() - start;
        rp_bytes_free(&packed);
    }
    node_status(&nodes[1], &after);
    run->live = time / LIVE;
    run->live_wire = after.wire - before.wire;
}

static void print_run(const struct plan *plan, const struct run *run)
{
    double n = (double)plan->records;
    double rate = n / run->wall;
    double cpu = run->cpu[0] + run->cpu[1];
    double limit = run->limit.count / run->limit.wall;
    double verify = run->limit.cpu / run->limit.count; /* s of CPU for one */

    if (plan->json) {
        printf(
            "{\"records\": %llu, \"size\": %llu, \"wall_s\": %.3f, \"cpu_s\": %.3f, "
            "\"verify_limit\": %.0f, \"of_limit\": %.3f, \"of_limit_by_cpu\": %.3f, \"bytes_wire\": %llu, "
            "\"store_bytes\": %llu, \"rss_bytes\": %llu, \"plain_bytes\": %llu, "
            "\"cpu_sender_s\": %.3f, \"cpu_receiver_s\": %.3f, \"rss_sender_bytes\": %llu, "
            "\"peak_bytes\": %llu, \"live_s\": %.4f, \"live_bytes_wire\": %llu}\n",
            (unsigned long long)plan->records, (unsigned long long)plan->size, run->wall, cpu,
            limit, rate / limit, verify * n / cpu, (unsigned long long)run->wire,
            (unsigned long long)run->stores[1], (unsigned long long)run->rss[1],
            (unsigned long long)run->plain, run->cpu[0], run->cpu[1],
            (unsigned long long)run->rss[0], (unsigned long long)run->peak[1], run->live,
            (unsigned long long)run->live_wire);
        return;
    }
    printf("records            %llu, texts of %.0f bytes\n", (unsigned long long)plan->records,
           (double)run->plain / n);
    printf("wall               %.2f s, %.0f records a second\n", run->wall, rate);
    printf("verify limit       %.0f a second: the sync runs at %.2f of it\n", limit, rate / limit);
    printf(
        "CPU                %.1f us a record: sender %.1f, receiver %.1f; a signature %.1f: %.2f "
        "of all\n",
        cpu / n * 1e6, run->cpu[0] / n * 1e6, run->cpu[1] / n * 1e6, verify * 1e6,
        verify * n / cpu);
    printf("on the wire        %.0f bytes a record, %.2f of the text\n", (double)run->wire / n,
           (double)run->wire / (double)run->plain);
    printf("on the disk        %.0f bytes a record, %.2f of the text\n", (double)run->stores[1] / n,
           (double)run->stores[1] / (double)run->plain);
    printf("memory             %.1f MiB, sender %.1f; with the mapped store %.1f\n",
           (double)run->rss[1] / 1048576, (double)run->rss[0] / 1048576,
           (double)run->peak[1] / 1048576);
    printf("then %d one by one  %.1f ms and %.0f bytes each\n", LIVE, run->live * 1e3,
           (double)run->live_wire / LIVE);
}

int bench_sync(struct args *args)
{
    struct plan plan = {.records = 10000, .size = 1200};
    struct run run = {0};
    struct node nodes[2];
    struct prose prose;
    char folder[256];
    const char *value;

    while (args->at < args->n) {
        if (args_is(args, "--json", NULL))
            plan.json = true;
        else if (args_is(args, "--records", &value))
            plan.records = args_number("--records", value, 100000000);
        else if (args_is(args, "--size", &value))
            plan.size = args_number("--size", value, 200000);
        else if (args_is(args, "--text", &value))
            plan.text = value;
        else
            args_refuse(args);
    }
    prose_open(&prose, plan.size > 0 ? plan.size : 1, plan.text);
    bench_folder_new(folder, sizeof folder);
    node_init(&nodes[0], folder, "first");
    node_init(&nodes[1], folder, "second");
    run.plain = node_fill(&nodes[0], &prose, plan.records);
    sync_cold(nodes, &plan, &run);
    sync_live(nodes, &prose, &plan, &run);
    node_stop(&nodes[1]);
    node_stop(&nodes[0]);
    print_run(&plan, &run);
    prose_free(&prose);
    bench_folder_remove(folder);
    return 0;
}
