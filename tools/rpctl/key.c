#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "paper.h"
#include "rp/err.h"
#include "rp/text.h"
#include "rpctl.h"

/* rpctl key rotate, and key recover in a home that is there: the succession is made here, with the
 * paper key, which the node never sees; then the node reads its keys again. */

struct key_options {
    bool recover;
    bool stolen;
    bool confirm;
    bool export;
    const char *paper_file;
    const char *passphrase_fd;
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
                           "--stand-by: %d ids at most. The rest is published anew: rpctl import "
                           "--renew",
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
    if (out->stolen && !out->recover)
        return usage_error(args, "--stolen: that is  rpctl key recover --stolen");
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
            "everything that is not named with --stand-by goes, here too, and is published anew\n"
            "from an export. Start the node; or say --no-export\n",
            stderr);
        return EXIT_NOT_RUNNING;
    }
    snprintf(name, sizeof name, "before-succession-%u.ndjson", number);
    if ((status = export_all(home, home, name)) == EXIT_DONE)
        printf("What this node holds is kept in %s/%s\n\n", home, name);
    return status;
}

/* Has a running node go on with the new keys. */
static int reload(const char *home, const struct home_passphrase *passphrase)
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
        printf("What the old key signed is gone from the library, but for what you named. Publish\n"
               "it anew from an export: rpctl import --renew FILE\n");
}

static int replace(const struct command_args *args, const struct key_options *options,
                   struct home_passphrase *passphrase, struct rp_paper *paper)
{
    static struct why why;
    struct home_organisation known;
    struct paper_show show = {args->home, options->confirm, true};
    struct home_succession how = {
        .paper = paper,
        .listed = options->stolen,
        .stands_by = options->stands_by,
        .ids = options->ids,
        .now_ms = (uint64_t)time(NULL) * 1000,
        .passphrase = passphrase->len > 0 ? passphrase : NULL,
        .key_is_lost = options->recover,
        .show = paper_show,
        .ctx = &show,
    };
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
    status = is_running ? reload(args->home, passphrase) : EXIT_DONE;
    say_next(args->home, options, is_running, status);
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
    status = paper_read(&paper, options.paper_file) ? replace(args, &options, &passphrase, &paper)
                                                    : EXIT_FAILED;
    sodium_memzero(&paper, sizeof paper);
    sodium_memzero(&passphrase, sizeof passphrase);
    return status;
}
