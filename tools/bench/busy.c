#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "fill.h"
#include "rp/record.h"
#include "rp/text.h"

/*
 * What a node that takes in much from one peer keeps for the others. Three rpnode processes on
 * loopback: the second, empty, takes in everything that the first holds, while the third publishes
 * records one after the other. Measured is how long each of those takes until the second shows it,
 * and how long the second lets those wait who ask it something; before that the same while it has
 * nothing else to do. The third blocks the first's organisation, so that it has no part in the cold
 * sync, unless told otherwise.
 */

#define IDLE_RECORDS 100
#define LIVE_MAX 100000
#define ASKED_MAX 200000
#define POLL_S 0.0005
#define LIVE_PAUSE_S 0.005 /* between two live records */
#define ASK_PAUSE_S 0.004  /* between two questions */
#define USE_S 0.02         /* between two looks at memory */
#define PAGE_PATH "/kind/pattern"

enum { FIRST, SECOND, THIRD, NODES };

enum question { ASK_STATUS, ASK_SHOW, ASK_NODES, ASK_PAGE, QUESTIONS };

static const char *const question_names[QUESTIONS] = {"status", "show", "nodes", "page"};

struct plan {
    uint64_t records;
    uint64_t size;
    uint64_t idle;
    bool relay; /* the third takes part in the cold sync, by way of the second */
    bool json;
};

/* Times in ms. */
struct times {
    double *values;
    size_t n;
};

/* What is measured while the second node is idle, or busy. */
struct phase {
    struct times live;
    struct times stored; /* the part of that until the third has the record on its disk */
    struct times answers[QUESTIONS];
    uint64_t rss[NODES]; /* of no file, at its highest */
};

struct run {
    struct node nodes[NODES];
    struct client *watcher; /* of the second node, for the live records */
    struct phase idle;
    struct phase busy;
    double wall; /* of the cold sync */
    char web[64];
    char shown[2 * RP_ID_LEN + 1]; /* a record that the second node has */
    _Atomic uint64_t content;      /* records of the second node's content set */
    atomic_bool asking;
    struct phase *asking_for;
};

static void times_new(struct times *times, size_t max)
{
    times->n = 0;
    if ((times->values = malloc(max * sizeof *times->values)) == NULL)
        bench_fail("out of memory");
}

static void times_add(struct times *times, size_t max, double start)
{
    if (times->n < max)
        times->values[times->n++] = (bench_wall() - start) * 1e3;
}

static void phase_new(struct phase *phase)
{
    times_new(&phase->live, LIVE_MAX);
    times_new(&phase->stored, LIVE_MAX);
    for (int i = 0; i < QUESTIONS; i++)
        times_new(&phase->answers[i], ASKED_MAX);
}

static void phase_free(struct phase *phase)
{
    free(phase->live.values);
    free(phase->stored.values);
    for (int i = 0; i < QUESTIONS; i++)
        free(phase->answers[i].values);
}

/* The answers that a running node gives */

/* Whether the node shows the record; unlike client_call it says nothing if not. */
static bool shows(struct client *client, const char *id)
{
    struct reply reply;
    struct rp_writer w;
    bool over = false;
    bool found = false;

    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 2);
    rp_writer_str(&w, "export");
    rp_writer_str(&w, "");
    rp_writer_str(&w, "id");
    rp_writer_str(&w, id);
    if (client_send(client, CONTROL_SHOW, &w) == 0)
        bench_fail("a node does not answer");
    rp_writer_free(&w);
    while (!over) {
        if (!client_next(client, &reply))
            bench_fail("a node does not answer");
        over = reply.type != REPLY_ITEM;
        found = reply.type == REPLY_DONE;
        json_decref(reply.value);
    }
    return found;
}

static void ask_nodes(struct client *client)
{
    struct rp_writer w;

    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 0);
    if (client_call(client, CONTROL_NODES, &w, NULL, NULL, NULL) != EXIT_DONE)
        bench_fail("a node does not say which others there are");
    rp_writer_free(&w);
}

static void ask(struct run *run, enum question question)
{
    struct times *times = &run->asking_for->answers[question];
    struct node *node = &run->nodes[SECOND];
    struct node_status status;
    double start = bench_wall();

    if (question == ASK_STATUS)
        node_status(node, &status);
    else if (question == ASK_SHOW && !shows(node->client, run->shown))
        bench_fail("a record is gone");
    else if (question == ASK_NODES)
        ask_nodes(node->client);
    else if (question == ASK_PAGE)
        node_page(run->web, PAGE_PATH);
    times_add(times, ASKED_MAX, start);
    if (question == ASK_STATUS)
        run->content = status.content;
}

/* In a thread of its own: asks the second node one thing after the other, and looks at memory. */
static void *keep_asking(void *arg)
{
    struct run *run = arg;
    double looked = 0;

    do {
        for (int i = 0; i < QUESTIONS; i++) {
            ask(run, (enum question)i);
            bench_pause(ASK_PAUSE_S);
        }
        for (int i = 0; i < NODES && bench_wall() - looked >= USE_S; i++) {
            struct node_use use;

            node_use(&run->nodes[i], &use);
            if (use.anonymous > run->asking_for->rss[i])
                run->asking_for->rss[i] = use.anonymous;
            looked = i == NODES - 1 ? bench_wall() : looked;
        }
    } while (run->asking);
    return NULL;
}

static void begin_asking(struct run *run, struct phase *phase, pthread_t *thread)
{
    run->asking_for = phase;
    run->asking = true;
    if (pthread_create(thread, NULL, keep_asking, run) != 0)
        bench_fail("no thread can be had");
}

static void end_asking(struct run *run, pthread_t thread)
{
    run->asking = false;
    pthread_join(thread, NULL);
}

/* The third publishes a record, and the second is to show it; ${phase} NULL: it is not counted. */
static void publish(struct run *run, struct prose *prose, struct phase *phase)
{
    struct rp_opened opened;
    struct rp_bytes packed;
    char id[2 * RP_ID_LEN + 1];
    double start;
    size_t plain;

    node_record(&run->nodes[THIRD], prose, &packed, &plain);
    bench_check(rp_record_open_trusted(&opened, rp_bytes_slice(&packed)), "a record");
    rp_text_hex(id, opened.record.id, RP_ID_LEN);
    rp_record_close(&opened);
    start = bench_wall();
    node_publish(&run->nodes[THIRD], &packed);
    if (phase != NULL)
        times_add(&phase->stored, LIVE_MAX, start);
    while (!shows(run->watcher, id))
        bench_pause(POLL_S);
    if (phase != NULL)
        times_add(&phase->live, LIVE_MAX, start);
    rp_bytes_free(&packed);
    memcpy(run->shown, id, sizeof id);
}

static void start_nodes(struct run *run, const struct plan *plan)
{
    struct node_status status;

    run->nodes[SECOND].web = true;
    for (int i = 0; i < NODES; i++)
        node_start(&run->nodes[i]);
    node_trust_store(&run->nodes[FIRST]);
    if (!plan->relay)
        node_block(&run->nodes[THIRD], &run->nodes[FIRST]);
    node_join(&run->nodes[SECOND], &run->nodes[THIRD]);
    if ((run->watcher = client_open(run->nodes[SECOND].home)) == NULL)
        bench_fail("the node in %s does not answer", run->nodes[SECOND].home);
    node_status(&run->nodes[SECOND], &status);
    snprintf(run->web, sizeof run->web, "%s", status.web);
}

static void measure(struct run *run, struct prose *prose, const struct plan *plan)
{
    uint64_t live = 1;
    pthread_t thread;
    double start;

    publish(run, prose, NULL); /* when the two are joined */
    begin_asking(run, &run->idle, &thread);
    for (; live <= plan->idle; live++) {
        publish(run, prose, &run->idle);
        bench_pause(LIVE_PAUSE_S);
    }
    end_asking(run, thread);
    begin_asking(run, &run->busy, &thread);
    start = bench_wall();
    node_join(&run->nodes[SECOND], &run->nodes[FIRST]);
    do {
        publish(run, prose, &run->busy);
        bench_pause(LIVE_PAUSE_S);
        live++;
    } while (run->content < plan->records + live);
    run->wall = bench_wall() - start;
    end_asking(run, thread);
}

static void print_times(const char *name, struct times *idle, struct times *busy, bool json)
{
    double parts[2][3];
    struct times *both[2] = {idle, busy};

    for (int i = 0; i < 2; i++) {
        parts[i][0] = bench_part(both[i]->values, both[i]->n, 0.5);
        parts[i][1] = bench_part(both[i]->values, both[i]->n, 0.99);
        parts[i][2] = bench_part(both[i]->values, both[i]->n, 1);
    }
    if (json)
        printf(", \"%s\": {\"n\": %zu, \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"max_ms\": %.2f, "
               "\"idle_n\": %zu, \"idle_p50_ms\": %.2f, \"idle_p99_ms\": %.2f, "
               "\"idle_max_ms\": %.2f}",
               name, busy->n, parts[1][0], parts[1][1], parts[1][2], idle->n, parts[0][0],
               parts[0][1], parts[0][2]);
    else
        printf("%-8s %7zu  %8.1f %8.1f %8.1f   idle %7zu  %8.1f %8.1f %8.1f\n", name, busy->n,
               parts[1][0], parts[1][1], parts[1][2], idle->n, parts[0][0], parts[0][1],
               parts[0][2]);
}

static void print_run(const struct plan *plan, struct run *run)
{
    static const char *const names[NODES] = {"sender", "receiver", "live"};

    if (plan->json)
        printf("{\"records\": %llu, \"size\": %llu, \"relay\": %s, \"wall_s\": %.3f",
               (unsigned long long)plan->records, (unsigned long long)plan->size,
               plan->relay ? "true" : "false", run->wall);
    else
        printf("cold sync of %llu in %.2f s, %.0f records a second; ms meanwhile:\n"
               "               n       p50      p99      max                   p50      p99      "
               "max\n",
               (unsigned long long)plan->records, run->wall, (double)plan->records / run->wall);
    print_times("live", &run->idle.live, &run->busy.live, plan->json);
    print_times("stored", &run->idle.stored, &run->busy.stored, plan->json);
    for (int i = 0; i < QUESTIONS; i++)
        print_times(question_names[i], &run->idle.answers[i], &run->busy.answers[i], plan->json);
    for (int i = 0; i < NODES; i++)
        printf(plan->json ? ", \"rss_%s_bytes\": %llu, \"rss_%s_idle_bytes\": %llu"
                          : "memory of the %s at most %llu bytes, %s idle %llu\n",
               names[i], (unsigned long long)run->busy.rss[i], names[i],
               (unsigned long long)run->idle.rss[i]);
    if (plan->json)
        printf("}\n");
}

int bench_busy(struct args *args)
{
    static const char *const names[NODES] = {"first", "second", "third"};
    struct plan plan = {.records = 20000, .size = 1200, .idle = IDLE_RECORDS};
    static struct run run;
    struct prose prose;
    char folder[256];
    const char *value;

    while (args->at < args->n) {
        if (args_is(args, "--json", NULL))
            plan.json = true;
        else if (args_is(args, "--relay", NULL))
            plan.relay = true;
        else if (args_is(args, "--records", &value))
            plan.records = args_number("--records", value, 100000000);
        else if (args_is(args, "--size", &value))
            plan.size = args_number("--size", value, 200000);
        else if (args_is(args, "--idle", &value))
            plan.idle = args_number("--idle", value, LIVE_MAX);
        else
            args_refuse(args);
    }
    prose_open(&prose, plan.size > 0 ? plan.size : 1, NULL);
    bench_folder_new(folder, sizeof folder);
    for (int i = 0; i < NODES; i++)
        node_init(&run.nodes[i], folder, names[i]);
    (void)node_fill(&run.nodes[FIRST], &prose, plan.records);
    phase_new(&run.idle);
    phase_new(&run.busy);
    start_nodes(&run, &plan);
    measure(&run, &prose, &plan);
    client_close(run.watcher);
    for (int i = NODES; i > 0; i--)
        node_stop(&run.nodes[i - 1]);
    print_run(&plan, &run);
    phase_free(&run.idle);
    phase_free(&run.busy);
    prose_free(&prose);
    bench_folder_remove(folder);
    return 0;
}
