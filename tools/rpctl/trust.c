#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "rp/limits.h"
#include "rp/text.h"
#include "rpctl.h"

/* vouch, unvouch, block, unblock, hide, unhide: acts about others, and trust, hidden and audit. */

struct act_options {
    const char *because;
    const char *statement;
};

/* Reads the options of an act, leaving optind at its only operand. EXIT_DONE, or EXIT_USAGE. */
static int read_act(const struct command_args *args, bool with_statement, const char *missing,
                    struct act_options *out)
{
    static const struct option options[] = {{"because", required_argument, NULL, OPTION('b')},
                                            {"statement", required_argument, NULL, OPTION('s')},
                                            {NULL, 0, NULL, 0}};
    int option;

    *out = (struct act_options){"", ""};
    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        if (option == OPTION('s') && !with_statement)
            return usage_error(args, "--statement: unknown");
        if (!rp_text_is_utf8(rp_bytes_str(optarg)) || !rp_text_is_line(rp_bytes_str(optarg)))
            return usage_error(args, "--%s: one line of text",
                               option == OPTION('b') ? "because" : "statement");
        if (option == OPTION('b'))
            out->because = optarg;
        else
            out->statement = optarg;
    }
    if (args->argc - optind < 1)
        return usage_error(args, "%s", missing);
    if (args->argc - optind > 1)
        return usage_error(args, "%s: not expected", args->argv[optind + 1]);
    return EXIT_DONE;
}

/* Sends {"because", ${key}, and "statement" if there is one}. */
static int send_act(const struct command_args *args, enum control_command command, const char *key,
                    const struct act_options *act)
{
    bool has_statement = act->statement[0] != '\0';
    struct rp_writer w;
    int result;

    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, has_statement ? 3 : 2);
    rp_writer_str(&w, "because");
    rp_writer_str(&w, act->because);
    rp_writer_str(&w, key);
    rp_writer_str(&w, args->argv[optind]);
    if (has_statement) {
        rp_writer_str(&w, "statement");
        rp_writer_str(&w, act->statement);
    }
    result = client_ask(args->home, command, &w, NULL);
    rp_writer_free(&w);
    return result;
}

#define WHICH_ORG "which organisation? Give its id, rp1..., or its name"

int command_vouch(const struct command_args *args)
{
    struct act_options act;
    int result = read_act(args, true, WHICH_ORG, &act);

    if (result == EXIT_DONE && act.because[0] == '\0')
        return usage_error(args, "--because TEXT is needed: it stays in the log of this node");
    if (result == EXIT_DONE)
        result = send_act(args, CONTROL_VOUCH, "org", &act);
    if (result == EXIT_DONE)
        printf("vouched for. Whoever accepts this organisation takes its records, too\n");
    return result;
}

int command_unvouch(const struct command_args *args)
{
    struct act_options act;
    int result = read_act(args, false, WHICH_ORG, &act);

    if (result == EXIT_DONE)
        result = send_act(args, CONTROL_UNVOUCH, "org", &act);
    if (result == EXIT_DONE)
        printf("our vouch is withdrawn. How it stands here now: rpctl trust\n");
    return result;
}

int command_block(const struct command_args *args)
{
    struct act_options act;
    int result = read_act(args, false, WHICH_ORG, &act);

    if (result == EXIT_DONE && act.because[0] == '\0')
        return usage_error(args, "--because TEXT is needed: it stays in the log of this node");
    if (result == EXIT_DONE)
        result = send_act(args, CONTROL_BLOCK, "org", &act);
    if (result == EXIT_DONE)
        printf("blocked: nothing of it is taken or shown here. What is stored of it is dropped "
               "after 30 days. A vouch of ours for it still stands: rpctl unvouch\n");
    return result;
}

int command_unblock(const struct command_args *args)
{
    struct act_options act;
    int result = read_act(args, false, WHICH_ORG, &act);

    if (result == EXIT_DONE)
        result = send_act(args, CONTROL_UNBLOCK, "org", &act);
    if (result == EXIT_DONE)
        printf("unblocked. If it is accepted, what is missing of it is fetched: rpctl trust\n");
    return result;
}

int command_hide(const struct command_args *args)
{
    bool hide = strcmp(args->argv[0], "hide") == 0;
    struct act_options act;
    int result = read_act(args, false, "which object? Give its id", &act);

    if (result == EXIT_DONE)
        result = send_act(args, hide ? CONTROL_HIDE : CONTROL_UNHIDE, "id", &act);
    return result;
}

static void print_hidden(void *json, const json_t *item)
{
    if (*(bool *)json)
        print_json(item, true);
    else
        printf("%s  since %s\n", text_of(item, "object"), text_of(item, "since"));
}

static void print_entry(void *json, const json_t *item)
{
    if (*(bool *)json) {
        print_json(item, true);
        return;
    }
    printf("%s  %-12s", text_of(item, "at"), text_of(item, "what"));
    if (text_of(item, "name")[0] != '\0') {
        printf("  ");
        print_field(item, "name");
    }
    if (text_of(item, "organisation")[0] != '\0')
        printf("  %s", text_of(item, "organisation"));
    if (text_of(item, "object")[0] != '\0')
        printf("  %s", text_of(item, "object"));
    if (text_of(item, "because")[0] != '\0') {
        printf("  because: ");
        print_field(item, "because");
    }
    printf("\n");
}

/* A command that prints a list. */
static int print_items(const struct command_args *args, enum control_command command,
                       void (*print)(void *json, const json_t *item))
{
    bool json;
    int result = read_operands(args, 0, 0, "", &json);

    return result == EXIT_DONE ? client_list(args->home, command, print, &json) : result;
}

int command_hidden(const struct command_args *args)
{
    return print_items(args, CONTROL_HIDDEN, print_hidden);
}

int command_audit(const struct command_args *args)
{
    return print_items(args, CONTROL_AUDIT, print_entry);
}

/* trust */

static void print_names(const json_t *orgs)
{
    const json_t *org;
    size_t i;

    json_array_foreach(orgs, i, org)
    {
        printf("%s", i > 0 ? ", " : "");
        print_field(org, "name");
        if (json_is_true(json_object_get(org, "blocked")))
            printf(" (blocked)");
        else if (json_is_false(json_object_get(org, "accepted")))
            printf(" (not accepted)");
    }
}

static void print_path(const json_t *trust)
{
    const json_t *path = json_object_get(trust, "path");
    const json_t *step;
    size_t i;

    if (json_is_true(json_object_get(trust, "self"))) {
        printf("this node's own organisation\n");
        return;
    }
    printf("accepted: ");
    if (json_array_size(path) <= 1) {
        printf("%s\n", json_is_true(json_object_get(trust, "peer"))
                           ? "it is a peer"
                           : "by this node's operator, by hand");
        return;
    }
    json_array_foreach(path, i, step)
    {
        const char *how = i == 0 ? "" : i == 1 ? ", which vouches for " : ", which does for ";

        printf("%s", how);
        print_field(step, "name");
    }
    printf("\n");
}

static void print_trust(const json_t *trust)
{
    const json_t *vouchers = json_object_get(trust, "vouched_by");

    print_field(trust, "name");
    printf("   %s\n", text_of(trust, "organisation"));
    if (json_is_true(json_object_get(trust, "accepted"))) {
        print_path(trust);
    } else {
        printf("not accepted: ");
        print_field(json_object_get(trust, "why"), "text");
        printf("\n");
    }
    if (text_of(trust, "left")[0] != '\0')
        printf("accepted until %s\n", text_of(trust, "left"));
    if (json_array_size(vouchers) > 0) {
        printf("vouched for by ");
        print_names(vouchers);
        printf("\n");
    }
}

int command_trust(const struct command_args *args)
{
    struct rp_writer w;
    json_t *trust;
    bool json;
    int result = read_operands(args, 1, 1, WHICH_ORG, &json);

    if (result != EXIT_DONE)
        return result;
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "org");
    rp_writer_str(&w, args->argv[optind]);
    result = client_ask(args->home, CONTROL_TRUST, &w, &trust);
    rp_writer_free(&w);
    if (result == EXIT_DONE && json)
        print_json(trust, false);
    else if (result == EXIT_DONE)
        print_trust(trust);
    json_decref(trust);
    return result;
}
