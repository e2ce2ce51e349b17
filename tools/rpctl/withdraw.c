#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rp/limits.h"
#include "rpctl.h"
#include "teller.h"

#define VERSIONS_MAX 100

/* What quotes a withdrawn object: nobody but people can tell what has to go of it, too. */
static void print_quotes(const json_t *answer, int indent)
{
    const json_t *quotes = json_object_get(answer, "quoted_by");
    const json_t *quote;
    size_t i;

    json_array_foreach(quotes, i, quote)
    {
        printf("%*s%.12s  %s  ", indent, "", text_of(quote, "object"), text_of(quote, "kind"));
        print_field(quote, "title");
        printf("  (");
        print_field(quote, "author_name");
        printf(")\n");
    }
    if (json_is_true(json_object_get(answer, "quoted_by_more")))
        printf("%*sand perhaps others\n", indent, "");
}

static void print_withdrawn(const json_t *answer)
{
    if (strcmp(text_of(answer, "state"), "withdrawn here") == 0)
        printf("withdrawn; it was local, so nobody else held it\n");
    else
        printf("withdrawn here, and on its way to everybody who holds it\n");
    if (json_array_size(json_object_get(answer, "quoted_by")) == 0)
        return;
    printf("\nThese adapt or translate it, and stay: look whether they may.\n");
    print_quotes(answer, 2);
}

static void write_args(struct rp_writer *w, const char *id, const char *reason,
                       const char *const *versions, uint32_t n)
{
    rp_writer_init(w, RP_FRAME_MAX);
    rp_writer_map(w, 3);
    rp_writer_str(w, "because");
    rp_writer_str(w, reason);
    rp_writer_str(w, "id");
    rp_writer_str(w, id);
    rp_writer_str(w, "versions");
    rp_writer_array(w, n);
    for (uint32_t i = 0; i < n; i++)
        rp_writer_str(w, versions[i]);
}

int command_withdraw(const struct command_args *args)
{
    static const struct option options[] = {{"version", required_argument, NULL, OPTION('v')},
                                            {"reason", required_argument, NULL, OPTION('r')},
                                            {"json", no_argument, NULL, OPTION('j')},
                                            {NULL, 0, NULL, 0}};
    const char *versions[VERSIONS_MAX];
    const char *reason = "";
    uint32_t n = 0;
    struct rp_writer w;
    bool json = false;
    json_t *answer;
    int option;
    int result;

    if (args->argc >= 2 && strcmp(args->argv[1], "--code") == 0)
        return teller_withdraw(args, args->argc - 2, args->argv + 2);
    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        if (option == OPTION('v') && n == VERSIONS_MAX)
            return usage_error(args, "at most %d versions at once", VERSIONS_MAX);
        if (option == OPTION('v'))
            versions[n++] = optarg;
        if (option == OPTION('r'))
            reason = optarg;
        json |= option == OPTION('j');
    }
    if (args->argc - optind != 1)
        return usage_error(args, "the id of an object is needed");
    write_args(&w, args->argv[optind], reason, versions, n);
    result = client_ask(args->home, CONTROL_WITHDRAW, &w, &answer);
    rp_writer_free(&w);
    if (result == EXIT_DONE && json)
        print_json(answer, false);
    else if (result == EXIT_DONE)
        print_withdrawn(answer);
    json_decref(answer);
    return result;
}

static void print_versions(const json_t *versions)
{
    const json_t *version;
    size_t i;

    json_array_foreach(versions, i, version)
        printf("  of it only version %.12s\n", json_string_value(version));
}

/* "honoured by 14 of 15 nodes; not known of: ..." */
static void print_honoured(const json_t *honoured)
{
    const json_t *not_known = json_object_get(honoured, "not_known");
    const json_t *unheard = json_object_get(honoured, "unheard");
    uint64_t count = number_of(honoured, "count");
    uint64_t nodes = number_of(honoured, "nodes");
    const json_t *node;
    char ago[32];
    size_t i;

    if (nodes < 2 && json_array_size(unheard) == 0) { /* no other node was heard of */
        printf("  honoured by others: not known yet\n");
        return;
    }
    printf("  honoured by %" PRIu64 " of %" PRIu64 " nodes", count, nodes);
    json_array_foreach(not_known, i, node)
    {
        printf("%s", i == 0 ? "; not known of: " : ", ");
        print_node_name(node);
        format_ago(ago, sizeof ago, text_of(node, "seen"));
        printf(" (said %s)", ago);
    }
    if (nodes - count > json_array_size(not_known))
        printf(", ...");
    json_array_foreach(unheard, i, node)
    {
        printf("%s", i == 0 ? "; never heard of in the circle: " : ", ");
        print_field(node, "name");
    }
    printf("\n");
}

static void print_withdrawal(void *ctx, const json_t *item)
{
    const bool *json = ctx;
    char ago[32];

    if (*json) {
        print_json(item, true);
        return;
    }
    format_ago(ago, sizeof ago, text_of(item, "made"));
    printf("%.12s  %-11s  by ", text_of(item, "object"), ago);
    if (json_is_true(json_object_get(item, "ours")))
        printf("us");
    else
        print_field(item, "author_name");
    if (strcmp(text_of(item, "by"), "teller") == 0)
        printf(", by the teller's own code");
    if (strcmp(text_of(item, "audience"), "local") == 0)
        printf(", local");
    if (json_is_string(json_object_get(item, "kind"))) { /* else it is a text */
        printf(", of kind ");
        print_field(item, "kind");
    }
    printf("; %s\n", json_is_true(json_object_get(item, "clean"))
                         ? "erased from the files here"
                         : "still being erased from the files here");
    if (strcmp(text_of(item, "audience"), "local") != 0)
        print_honoured(json_object_get(item, "honoured"));
    print_versions(json_object_get(item, "versions"));
    if (json_array_size(json_object_get(item, "quoted_by")) > 0)
        printf("  look at what adapts or translates it:\n");
    print_quotes(item, 4);
}

int command_withdrawals(const struct command_args *args)
{
    bool json;
    int result = read_operands(args, 0, 0, "", &json);

    return result == EXIT_DONE
               ? client_list(args->home, CONTROL_WITHDRAWALS, print_withdrawal, &json)
               : result;
}

int command_restored(const struct command_args *args)
{
    static const struct option options[] = {{"trust-it", no_argument, NULL, OPTION('t')},
                                            {NULL, 0, NULL, 0}};
    bool trust_it = false;
    struct rp_writer w;
    int option;
    int result;

    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        trust_it = true;
    }
    if (optind < args->argc)
        return usage_error(args, "%s: not expected", args->argv[optind]);
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "trust_it");
    rp_writer_bool(&w, trust_it);
    result = client_ask(args->home, CONTROL_RESTORED, &w, NULL);
    rp_writer_free(&w);
    if (result == EXIT_DONE && trust_it)
        printf("trusted as it is: stories are shown and served\n");
    else if (result == EXIT_DONE)
        printf("stories are withheld until withdrawals were compared with a peer: see  rpctl "
               "status\nWhat was withdrawn since the backup and was only local nobody else knows: "
               "withdraw it again\n");
    return result;
}
