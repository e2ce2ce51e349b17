#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "fill.h"
#include "rp/identity.h"

/*
 * What it costs that a store is large: starting, memory, and asking. One node holds all the
 * records; another, whose own are few, has given it those, so that there is an author to look for
 * among many.
 */

#define FEW 100
#define TIMES 20 /* each question is asked */
#define POLL_S 0.02
#define PAGE_PATH "/kind/pattern"

enum question { ASK_STATUS, ASK_PAGE, ASK_KIND, ASK_AUTHOR, QUESTIONS };

static const char *const question_names[QUESTIONS] = {"status", "page", "kind", "author"};

struct plan {
    uint64_t records;
    uint64_t size;
    bool json;
};

struct run {
    uint64_t plain; /* bytes of all texts */
    double start;   /* s until the node answers */
    uint64_t store;
    struct node_use use;
    double p50[QUESTIONS]; /* ms */
    double most[QUESTIONS];
    double all; /* s to list everything */
};

static void count_item(void *ctx, const json_t *value)
{
    uint64_t *n = ctx;

    (void)value;
    (*n)++;
}

/* Lists what is of the kind and the author (NULL: of all), and expects ${expected} of it. */
static void list(struct node *node, const char *kind, const char *author, uint64_t expected)
{
    const struct client_listing listing = {.kind = kind, .author = author};
    uint64_t n = 0;

    if (client_list_objects(node->client, &listing, count_item, &n) != EXIT_DONE || n != expected)
        bench_fail("of %s the node lists %llu, not %llu", kind, (unsigned long long)n,
                   (unsigned long long)expected);
}

static void ask(struct node *node, enum question question, const char *web, const char *author)
{
    struct node_status status;

    if (question == ASK_STATUS)
        node_status(node, &status);
    else if (question == ASK_PAGE)
        node_page(web, PAGE_PATH);
    else if (question == ASK_KIND)
        list(node, "story", NULL, 0);
    else
        list(node, "pattern", author, FEW);
}

static void ask_all(struct node *nodes, const struct plan *plan, struct run *run)
{
    struct node_status status;
    char author[RP_ORG_TEXT_LEN + 1];
    double start;

    rp_identity_text(author, nodes[1].keys.self.identity.org);
    node_status(&nodes[0], &status);
    for (enum question question = 0; question < QUESTIONS; question++) {
        double times[TIMES];

        for (int i = 0; i < TIMES; i++) {
            start = bench_wall();
            ask(&nodes[0], question, status.web, author);
            times[i] = (bench_wall() - start) * 1e3;
        }
        run->p50[question] = bench_part(times, TIMES, 0.5);
        run->most[question] = bench_part(times, TIMES, 1);
    }
    start = bench_wall();
    list(&nodes[0], "pattern", NULL, plan->records + FEW);
    run->all = bench_wall() - start;
}

/* Gives the first what the second has; neither runs then. */
static void prepare(struct node *nodes, const struct plan *plan)
{
    struct node_status status;

    for (int i = 0; i < 2; i++) {
        node_start(&nodes[i]);
        node_trust_store(&nodes[i]);
    }
    node_join(&nodes[1], &nodes[0]);
    do {
        bench_pause(POLL_S);
        node_status(&nodes[0], &status);
    } while (status.content < plan->records + FEW);
    for (int i = 0; i < 2; i++)
        node_halt(&nodes[i]);
}

static void print_run(const struct plan *plan, const struct run *run)
{
    double n = (double)plan->records;

    if (plan->json) {
        printf("{\"records\": %llu, \"size\": %llu, \"start_s\": %.3f, \"rss_bytes\": %llu, "
               "\"peak_bytes\": %llu, \"store_bytes\": %llu, \"plain_bytes\": %llu",
               (unsigned long long)plan->records, (unsigned long long)plan->size, run->start,
               (unsigned long long)run->use.anonymous, (unsigned long long)run->use.peak,
               (unsigned long long)run->store, (unsigned long long)run->plain);
        for (int i = 0; i < QUESTIONS; i++)
            printf(", \"%s_p50_ms\": %.3f, \"%s_max_ms\": %.3f", question_names[i], run->p50[i],
                   question_names[i], run->most[i]);
        printf(", \"list_all_s\": %.3f}\n", run->all);
        return;
    }
    printf("records   %llu, texts of %llu bytes; the store %.2f of the text\n",
           (unsigned long long)plan->records, (unsigned long long)plan->size,
           (double)run->store / (double)run->plain);
    printf("start     %.3f s, %.2f us a record\n", run->start, run->start / n * 1e6);
    printf("memory    %.1f MiB, with the mapped store %.1f\n", (double)run->use.anonymous / 1048576,
           (double)run->use.peak / 1048576);
    for (int i = 0; i < QUESTIONS; i++)
        printf("%-9s %.2f ms, at most %.2f\n", question_names[i], run->p50[i], run->most[i]);
    printf("list all  %.2f s, %.1f us a record\n", run->all, run->all / n * 1e6);
}

int bench_scale(struct args *args)
{
    struct plan plan = {.records = 100000, .size = 1200};
    struct run run = {0};
    struct node nodes[2];
    struct prose prose;
    char folder[256];
    const char *value;
    double start;

    while (args->at < args->n) {
        if (args_is(args, "--json", NULL))
            plan.json = true;
        else if (args_is(args, "--records", &value))
            plan.records = args_number("--records", value, 100000000);
        else if (args_is(args, "--size", &value))
            plan.size = args_number("--size", value, 200000);
        else
            args_refuse(args);
    }
    prose_open(&prose, plan.size > 0 ? plan.size : 1, NULL);
    bench_folder_new(folder, sizeof folder);
    node_init(&nodes[0], folder, "many");
    node_init(&nodes[1], folder, "few");
    nodes[0].web = true;
    run.plain = node_fill(&nodes[0], &prose, plan.records);
    (void)node_fill(&nodes[1], &prose, FEW);
    prepare(nodes, &plan);
    start = bench_wall();
    node_start(&nodes[0]);
    run.start = bench_wall() - start;
    node_use(&nodes[0], &run.use);
    run.store = node_store_bytes(&nodes[0]);
    ask_all(nodes, &plan, &run);
    for (int i = 0; i < 2; i++)
        node_stop(&nodes[i]);
    print_run(&plan, &run);
    prose_free(&prose);
    bench_folder_remove(folder);
    return 0;
}
