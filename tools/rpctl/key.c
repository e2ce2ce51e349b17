#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "chain.h"
#include "init.h"
#include "paper.h"
#include "rp/err.h"
#include "rp/text.h"
#include "rpctl.h"

/* rpctl key rotate and key recover: the succession is made here, with the paper key, which the node
 * never sees; then the node reads its keys again. On a new machine the home is made, too, from what
 * a peer knows of the organisation. */

struct key_options {
    bool recover;
    bool stolen;
    bool confirm;
    bool export;
    const char *paper_file;
    const char *passphrase_fd;
    const char *org;  /* to make a home for; NULL: there is one */
    const char *peer; /* whom to ask then: an invite, or HOST:PORT */
    uint32_t stands_by;
    uint8_t ids[RP_STANDS_BY_MAX][RP_ID_LEN];
};

static int add_id(const struct command_args *args, struct key_options *out, const char *text)
{
    if (strlen(text) != 2 * RP_ID_LEN ||
        !rp_text_unhex(out->ids[out->stands_by % RP_STANDS_BY_MAX], text, 2 * RP_ID_LEN))
        return usage_error(args, "--stand-by %s: give the whole id of a version, %d digits", text,
                           2 * RP_ID_LEN);
    if (out->stands_by++ == RP_STANDS_BY_MAX)
        return usage_error(args,
                           "--stand-by: %d ids at most. The rest is published anew: rpctl publish",
                           RP_STANDS_BY_MAX);
    return EXIT_DONE;
}

static int read_options(const struct command_args *args, struct key_options *out)
{
    static const struct option options[] = {{"paper-file", required_argument, NULL, OPTION('f')},
                                            {"passphrase-fd", required_argument, NULL, OPTION('p')},
                                            {"no-confirm", no_argument, NULL, OPTION('c')},
                                            {"no-export", no_argument, NULL, OPTION('e')},
                                            {"stolen", no_argument, NULL, OPTION('s')},
                                            {"stand-by", required_argument, NULL, OPTION('b')},
                                            {"org", required_argument, NULL, OPTION('o')},
                                            {"peer", required_argument, NULL, OPTION('r')},
                                            {NULL, 0, NULL, 0}};
    int status = EXIT_DONE;
    int option;

    *out = (struct key_options){.confirm = true, .export = true};
    opterr = 0;
    while (status == EXIT_DONE &&
           (option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        if (option == OPTION('f'))
            out->paper_file = optarg;
        if (option == OPTION('p'))
            out->passphrase_fd = optarg;
        if (option == OPTION('o'))
            out->org = optarg;
        if (option == OPTION('r'))
            out->peer = optarg;
        if (option == OPTION('b'))
            status = add_id(args, out, optarg);
        out->confirm &= option != OPTION('c');
        out->export &= option != OPTION('e');
        out->stolen |= option == OPTION('s');
    }
    if (status != EXIT_DONE)
        return status;
    if (args->argc - optind != 1)
        return usage_error(args, "%s", optind < args->argc ? "one thing at a time" : "what?");
    out->recover = strcmp(args->argv[optind], "recover") == 0;
    if (!out->recover && strcmp(args->argv[optind], "rotate") != 0)
        return usage_error(args, "%s: not something to do with a key", args->argv[optind]);
    if ((out->stolen || out->org != NULL || out->peer != NULL) && !out->recover)
        return usage_error(args, "--stolen, --org and --peer: that is  rpctl key recover");
    if ((out->org == NULL) != (out->peer == NULL))
        return usage_error(args,
                           "--org and --peer: on a new machine both are needed: the id on the "
                           "sheet with the paper key, and a node that knows it");
    if (out->stands_by > 0 && !out->stolen)
        return usage_error(args, "--stand-by: only with --stolen");
    return EXIT_DONE;
}

/* Before most of what the organisation published leaves the library, also here. */
static int export_before(const char *home, uint32_t number, bool is_running)
{
    char name[64];
    int status;

    if (!is_running) {
        fputs(
            "rpctl: the node is not running, so what it holds cannot be kept first. After a theft\n"
            "everything that is not named with --stand-by goes, here too, and what a thief has\n"
            "withdrawn comes back only from an export. Start the node; or say --no-export\n",
            stderr);
        return EXIT_NOT_RUNNING;
    }
    snprintf(name, sizeof name, "before-succession-%u.ndjson", number);
    if ((status = export_all(home, home, name)) == EXIT_DONE)
        printf("What this node holds is kept in %s/%s\n\n", home, name);
    return status;
}

int keys_reload(const char *home, const struct home_passphrase *passphrase)
{
    struct rp_writer w;
    int status;

    rp_writer_init_secret(&w, 2 * HOME_PASSPHRASE_MAX);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "passphrase");
    rp_writer_bin(&w, passphrase->text, passphrase->len);
    status = client_ask(home, CONTROL_KEYS_RELOAD, &w, NULL);
    rp_writer_free(&w);
    return status;
}

static void say_stolen(void)
{
    printf("What the old key signed is gone from the library, but for what you named. What a\n"
           "thief has withdrawn of that comes back from an export: rpctl import FILE.ndjson.\n"
           "Publish the rest anew, from its Markdown files: rpctl publish FILE.md\n");
}

static void say_next(const char *home, const struct key_options *options, bool is_running,
                     int reloaded)
{
    printf("\nThe key is replaced.");
    if (!is_running)
        printf(" Start the node to publish that: rpnode --home '%s'\n", home);
    else if (reloaded == EXIT_DONE)
        printf(" The node goes on with the new one, and tells its peers.\n");
    else
        printf(" Restart the node, to go on with the new one.\n");
    if (options->stolen)
        say_stolen();
}

/* The succession that is wanted. */
static struct home_succession describe(const struct key_options *options,
                                       const struct home_passphrase *passphrase,
                                       const struct rp_paper *paper, struct paper_show *show)
{
    return (struct home_succession){
        .paper = paper,
        .listed = options->stolen,
        .stands_by = options->stands_by,
        .ids = options->ids,
        .now_ms = (uint64_t)time(NULL) * 1000,
        .passphrase = passphrase->len > 0 ? passphrase : NULL,
        .key_is_lost = options->recover,
        .show = paper_show,
        .ctx = show,
    };
}

static int replace(const struct command_args *args, const struct key_options *options,
                   struct home_passphrase *passphrase, struct rp_paper *paper)
{
    static struct why why;
    struct home_organisation known;
    struct paper_show show = {args->home, options->confirm, true};
    struct home_succession how = describe(options, passphrase, paper, &show);
    bool is_running = client_can_open(args->home);
    int status;

    if (home_organisation(args->home, &known, &why) != RP_OK) {
        fprintf(stderr, "rpctl: %s\n", why.text);
        return EXIT_FAILED;
    }
    if (options->stolen && options->export &&
        (status = export_before(args->home, known.identity.number + 1, is_running)) != EXIT_DONE)
        return status;
    if (home_succeed(args->home, &how, &why) != RP_OK) {
        fprintf(stderr, "rpctl: %s\n", why.text);
        return EXIT_FAILED;
    }
    status = is_running ? keys_reload(args->home, passphrase) : EXIT_DONE;
    say_next(args->home, options, is_running, status);
    return status;
}

static int recover_anew(const struct command_args *args, const struct home_succession *how,
                        const uint8_t org[static RP_ID_LEN], const struct chain_answer *answer)
{
    static struct why why;
    char peer[RP_ORG_TEXT_LEN + 1];
    struct rp_identity identity;
    uint64_t map_bytes;

    if (rp_identity_read(&identity, answer->chain.inception) != RP_OK ||
        memcmp(identity.org, org, RP_ID_LEN) != 0) {
        fputs("rpctl: that node has answered with another organisation: ask another node\n",
              stderr);
        return EXIT_FAILED;
    }
    if (home_prepare_all(args->home, identity.name, &map_bytes, &why) != RP_OK ||
        home_recover(args->home, answer->chain.inception, answer->chain.successions,
                     answer->chain.n, how, &why) != RP_OK) {
        fprintf(stderr, "rpctl: %s\n", why.text);
        return EXIT_FAILED;
    }
    keep_peers(args->home, map_bytes, &answer->peer, 1);
    rp_identity_text(peer, answer->peer.org);
    printf("\n%s is recovered. Its first peer is who answered at %s:\n%s\n"
           "Next: rpnode --home '%s', and then  rpctl peer verify  with that peer\n",
           identity.name, answer->peer.address[0].text, peer, args->home);
    if (how->listed)
        say_stolen();
    return EXIT_DONE;
}

/* Makes a home for an organisation that a peer knows. */
static int recover(const struct command_args *args, const struct key_options *options,
                   struct home_passphrase *passphrase, struct rp_paper *paper)
{
    struct paper_show show = {args->home, options->confirm, true};
    struct home_succession how = describe(options, passphrase, paper, &show);
    static struct chain_answer answer;
    uint8_t org[RP_ID_LEN];
    int status;

    if (rp_identity_from_text(org, options->org) != RP_OK)
        return usage_error(args, "--org: an organisation's id begins with rp1");
    if (!chain_fetch(&answer, org, paper, options->peer))
        return EXIT_FAILED;
    status = recover_anew(args, &how, org, &answer);
    chain_free(&answer);
    return status;
}

int command_key(const struct command_args *args)
{
    static struct home_passphrase passphrase;
    struct key_options options;
    struct rp_paper paper;
    int status = read_options(args, &options);

    if (status != EXIT_DONE ||
        (status = passphrase_read(&passphrase, options.passphrase_fd)) != EXIT_DONE)
        return status;
    if (!paper_read(&paper, options.paper_file))
        status = EXIT_FAILED;
    else if (options.org != NULL)
        status = recover(args, &options, &passphrase, &paper);
    else
        status = replace(args, &options, &passphrase, &paper);
    sodium_memzero(&paper, sizeof paper);
    sodium_memzero(&passphrase, sizeof passphrase);
    return status;
}
