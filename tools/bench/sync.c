#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "nodes.h"
#include "rp/err.h"
#include "rp/key.h"

/*
 * A cold sync: everything that one node holds goes to another that holds nothing; two rpnode
 * processes on loopback. Then a few records more. What the machine could do at best is how many
 * signatures it verifies on all its processors; that is measured before and after, since others
 * may be using it.
 */

#define VERIFY_S 1.0
#define POLL_S 0.02
#define LIVE 10
#define THREADS_MAX 64

struct verified {
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
    double end = bench_wall() + VERIFY_S;
    double cpu = bench_cpu_thread();

    rp_key_from_seed(&key, seed);
    rp_key_sign(sig, &key, "bench", digest);
    while (bench_wall() < end) {
        for (int i = 0; i < 100; i++)
            out->count += rp_key_verify(sig, key.public, "bench", digest) == RP_OK;
    }
    out->cpu = bench_cpu_thread() - cpu;
    return NULL;
}

/* Signatures a second on all processors, and the CPU of one, added to half of each. */
static void find_limit(double *limit, double *verify)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t threads[THREADS_MAX];
    struct verified verified[THREADS_MAX] = {0};
    double start = bench_wall();
    double count = 0;
    double cpu = 0;

    n = n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : n;
    for (long i = 0; i < n; i++) {
        if (pthread_create(&threads[i], NULL, verify_for_a_while, &verified[i]) != 0)
            bench_fail("no thread can be had");
    }
    for (long i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        count += verified[i].count;
        cpu += verified[i].cpu;
    }
    *limit += count / (bench_wall() - start) / 2;
    *verify += cpu / count / 2;
}

struct plan {
    uint64_t records;
    uint64_t size;
    const char *text; /* a folder of Markdown; NULL: prose of that size */
    bool json;
};

struct run {
    uint64_t plain; /* bytes of all texts */
    double limit;   /* signatures a second */
    double verify;  /* s of CPU for one */
    double wall;
    double cpu[2];
    uint64_t wire;
    uint64_t stores[2];
    uint64_t rss[2];  /* of no file, at its highest */
    uint64_t peak[2]; /* with what is mapped */
    double live;      /* s for a few more records, one after the other, each */
    uint64_t live_wire;
};

/* Waits until the second node holds ${n} records, and keeps an eye on memory. */
static void wait_for(struct node *nodes, uint64_t n, double pause, struct run *run)
{
    struct node_status status;

    do {
        bench_pause(pause);
        for (int i = 0; i < 2; i++) {
            struct node_use use;

            node_use(&nodes[i], &use);
            run->rss[i] = use.anonymous > run->rss[i] ? use.anonymous : run->rss[i];
            run->peak[i] = use.peak;
        }
        node_status(&nodes[1], &status);
    } while (status.content < n);
}

static void sync_cold(struct node *nodes, const struct plan *plan, struct run *run)
{
    struct node_use before[2];
    struct node_status status;
    double start;

    for (int i = 0; i < 2; i++) {
        node_start(&nodes[i]);
        if (i == 0)
            node_trust_store(&nodes[i]);
        node_use(&nodes[i], &before[i]);
    }
    start = bench_wall();
    node_join(&nodes[1], &nodes[0]);
    wait_for(nodes, plan->records, POLL_S, run);
    run->wall = bench_wall() - start;
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
        wait_for(nodes, plan->records + (uint64_t)i + 1, 0.0005, run);
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

    if (plan->json) {
        printf(
            "{\"records\": %llu, \"size\": %llu, \"wall_s\": %.3f, \"cpu_s\": %.3f, "
            "\"verify_limit\": %.0f, \"of_limit\": %.3f, \"of_limit_by_cpu\": %.3f, \"bytes_wire\": %llu, "
            "\"store_bytes\": %llu, \"rss_bytes\": %llu, \"plain_bytes\": %llu, "
            "\"cpu_sender_s\": %.3f, \"cpu_receiver_s\": %.3f, \"rss_sender_bytes\": %llu, "
            "\"peak_bytes\": %llu, \"live_s\": %.4f, \"live_bytes_wire\": %llu}\n",
            (unsigned long long)plan->records, (unsigned long long)plan->size, run->wall, cpu,
            run->limit, rate / run->limit, run->verify * n / cpu, (unsigned long long)run->wire,
            (unsigned long long)run->stores[1], (unsigned long long)run->rss[1],
            (unsigned long long)run->plain, run->cpu[0], run->cpu[1],
            (unsigned long long)run->rss[0], (unsigned long long)run->peak[1], run->live,
            (unsigned long long)run->live_wire);
        return;
    }
    printf("records            %llu, texts of %.0f bytes\n", (unsigned long long)plan->records,
           (double)run->plain / n);
    printf("wall               %.2f s, %.0f records a second\n", run->wall, rate);
    printf("verify limit       %.0f a second: the sync runs at %.2f of it\n", run->limit,
           rate / run->limit);
    printf(
        "CPU                %.1f us a record: sender %.1f, receiver %.1f; a signature %.1f: %.2f "
        "of all\n",
        cpu / n * 1e6, run->cpu[0] / n * 1e6, run->cpu[1] / n * 1e6, run->verify * 1e6,
        run->verify * n / cpu);
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
    find_limit(&run.limit, &run.verify);
    sync_cold(nodes, &plan, &run);
    find_limit(&run.limit, &run.verify);
    sync_live(nodes, &prose, &plan, &run);
    node_stop(&nodes[1]);
    node_stop(&nodes[0]);
    print_run(&plan, &run);
    prose_free(&prose);
    bench_folder_remove(folder);
    return 0;
}
