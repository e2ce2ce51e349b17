#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "rp/limits.h"
#include "rp/text.h"
#include "rpctl.h"

/* peer: adding, approving, pausing and removing one, and the words to compare with it. */

static int peer_add(const struct command_args *args)
{
    static const struct option options[] = {{"name", required_argument, NULL, OPTION('n')},
                                            {NULL, 0, NULL, 0}};
    const char *address = NULL;
    const char *name = NULL;
    struct rp_writer w;
    int option;
    int result;

    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        name = optarg;
    }
    /* the words that are left: "add", the organisation, and perhaps where to call it */
    if (args->argc - optind < 2)
        return usage_error(args, "which organisation? Give its id, rp1...");
    if (args->argc - optind > 3)
        return usage_error(args, "%s: not expected", args->argv[optind + 3]);
    if (args->argc - optind == 3)
        address = args->argv[optind + 2];
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 3);
    rp_writer_str(&w, "address");
    rp_writer_str(&w, address != NULL ? address : "");
    rp_writer_str(&w, "name");
    rp_writer_str(&w, name != NULL ? name : "");
    rp_writer_str(&w, "org");
    rp_writer_str(&w, args->argv[optind + 1]);
    result = client_ask(args->home, CONTROL_PEER_ADD, &w, NULL);
    rp_writer_free(&w);
    if (result == EXIT_DONE && address == NULL)
        printf("added. No address was given, so it has to call us\n");
    else if (result == EXIT_DONE)
        printf("added. Its maintainer has to add this node, too: see  rpctl status\n");
    return result;
}

/* What is done with a peer, or with one that called: its name is the only operand. */
static const struct {
    const char *word;
    enum control_command command;
    const char *key;
    const char *said;
} acts[] = {
    {"remove", CONTROL_PEER_REMOVE, "peer",
     "removed, and our vouches for it withdrawn. What others vouch for is still taken"},
    {"approve", CONTROL_PEER_APPROVE, "org",
     "approved: it is a peer now. Others take its records when we vouch for it: rpctl vouch"},
    {"pause", CONTROL_PEER_PAUSE, "peer", "paused, until  rpctl peer resume"},
    {"resume", CONTROL_PEER_RESUME, "peer", "resumed"},
};

/* Sends {"because", ${key}} about the peer. */
static int peer_act(const struct command_args *args, size_t act)
{
    static const struct option options[] = {{"because", required_argument, NULL, OPTION('b')},
                                            {NULL, 0, NULL, 0}};
    const char *because = "";
    struct rp_writer w;
    int option;
    int result;

    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        because = optarg;
    }
    if (args->argc - optind < 2)
        return usage_error(args, "which one? Give its name or id");
    if (args->argc - optind > 2)
        return usage_error(args, "%s: not expected", args->argv[optind + 2]);
    if (!rp_text_is_utf8(rp_bytes_str(because)) || !rp_text_is_line(rp_bytes_str(because)))
        return usage_error(args, "--because: one line of text");
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 2);
    rp_writer_str(&w, "because");
    rp_writer_str(&w, because);
    rp_writer_str(&w, acts[act].key);
    rp_writer_str(&w, args->argv[optind + 1]);
    result = client_ask(args->home, acts[act].command, &w, NULL);
    rp_writer_free(&w);
    if (result == EXIT_DONE)
        printf("%s\n", acts[act].said);
    return result;
}

static int peer_show(const struct command_args *args)
{
    struct rp_writer w;
    json_t *answer;
    int result;

    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 0);
    result = client_ask(args->home, CONTROL_PEERS, &w, &answer);
    rp_writer_free(&w);
    if (result == EXIT_DONE)
        result = show_peer(json_object_get(answer, "peers"), args->argv[2]);
    json_decref(answer);
    return result;
}

static int peer_verify(const struct command_args *args)
{
    struct rp_writer w;
    json_t *answer;
    int result;

    rp_writer_init(&w, RP_FRAME_MAX);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "peer");
    rp_writer_str(&w, args->argv[2]);
    result = client_ask(args->home, CONTROL_PEER_VERIFY, &w, &answer);
    rp_writer_free(&w);
    if (result == EXIT_DONE) {
        fprintf(stderr, "Read these words to its maintainer, over the telephone. They see the same "
                        "words, or somebody is between you:\n");
        puts(text_of(answer, "words"));
    }
    json_decref(answer);
    return result;
}

int command_peer(const struct command_args *args)
{
    if (args->argc < 3)
        return usage_error(args, "say what to do, and with which peer");
    if (strcmp(args->argv[1], "add") == 0)
        return peer_add(args);
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        if (strcmp(args->argv[1], acts[i].word) == 0)
            return peer_act(args, i);
    }
    if (args->argc > 3)
        return usage_error(args, "%s: not expected", args->argv[3]);
    if (strcmp(args->argv[1], "show") == 0)
        return peer_show(args);
    if (strcmp(args->argv[1], "verify") == 0)
        return peer_verify(args);
    return usage_error(args, "%s: not something to do with a peer", args->argv[1]);
}
