#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "init.h"
#include "paper.h"
#include "rp/err.h"
#include "rpctl.h"

#define MIB (UINT64_C(1) << 20)

/* Writes the settings with every default, unless there are some. */
static int write_settings(const char *home, struct why *why)
{
    char path[HOME_PATH_MAX + 16];
    FILE *file;
    bool ok;

    snprintf(path, sizeof path, "%s/rpnode.conf", home);
    file = fopen(path, "wx");
    if (file == NULL && errno == EEXIST)
        return RP_OK; /* they stay */
    ok = file != NULL && fputs(config_text, file) >= 0;
    if (file != NULL)
        ok = fclose(file) == 0 && ok;
    if (ok)
        return RP_OK;
    snprintf(why->text, sizeof why->text, "%s: cannot be written: %s", path, strerror(errno));
    if (file != NULL)
        (void)unlink(path);
    return RP_ERR_IO;
}

int home_prepare_all(const char *home, const char *name, uint64_t *map_bytes, struct why *why)
{
    struct config config = config_default;
    int err;

    if ((err = home_prepare(home, name, why)) != RP_OK ||
        (err = write_settings(home, why)) != RP_OK ||
        (err = config_read(&config, home, why)) != RP_OK)
        return err;
    *map_bytes = config.store_mib * MIB;
    return home_claim_store(home, *map_bytes, why);
}

/* The identity, whose paper key is shown once, comes last. */
static int make_home(const char *home, const char *name, const struct home_passphrase *passphrase,
                     bool confirm, struct why *why)
{
    struct paper_show show = {.home = home, .confirm = confirm};
    uint64_t map_bytes;
    int err = home_prepare_all(home, name, &map_bytes, why);

    if (err != RP_OK)
        return err;
    return home_create(home, name, (uint64_t)time(NULL) * 1000,
                       passphrase->len > 0 ? passphrase : NULL, paper_show, &show, why);
}

/* For another node of an organisation: its key stays where it is. */
static int make_node_home(const struct command_args *args, const char *org_text, const char *name)
{
    static struct why why;
    uint8_t org[RP_ID_LEN];
    uint64_t map_bytes;

    if (rp_identity_from_text(org, org_text) != RP_OK)
        return usage_error(args, "--node-of: an organisation's id begins with rp1; rpctl status "
                                 "says it");
    if (home_prepare_all(args->home, name, &map_bytes, &why) != RP_OK ||
        home_ask(args->home, org, name, &why) != RP_OK) {
        fprintf(stderr, "rpctl: %s\n", why.text);
        return EXIT_FAILED;
    }
    fprintf(stderr,
            "A home in %s that is to be a node of\n%s.\n"
            "At the node that has its key:  rpctl node add  and this line, which is no secret:\n",
            args->home, org_text);
    return node_print_request(args->home);
}

int command_init(const struct command_args *args)
{
    static const struct option options[] = {{"name", required_argument, NULL, OPTION('n')},
                                            {"no-confirm", no_argument, NULL, OPTION('c')},
                                            {"passphrase-fd", required_argument, NULL, OPTION('p')},
                                            {"node-of", required_argument, NULL, OPTION('o')},
                                            {NULL, 0, NULL, 0}};
    static struct home_passphrase passphrase;
    static struct why why;
    const char *passphrase_fd = NULL;
    const char *node_of = NULL;
    const char *name = NULL;
    bool confirm = true;
    int option;
    int status;

    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option == '?')
            return option_error(args);
        if (option == OPTION('n'))
            name = optarg;
        if (option == OPTION('p'))
            passphrase_fd = optarg;
        if (option == OPTION('o'))
            node_of = optarg;
        confirm &= option != OPTION('c');
    }
    if (optind < args->argc)
        return usage_error(args, "%s: not expected", args->argv[optind]);
    if (name == NULL)
        return usage_error(args, "--name is needed: what your %s is called",
                           node_of != NULL ? "node" : "organisation");
    if (node_of != NULL && passphrase_fd != NULL)
        return usage_error(args,
                           "--passphrase-fd: there is no key here yet; see  rpctl node accept");
    if (node_of != NULL)
        return make_node_home(args, node_of, name);
    if ((status = passphrase_read(&passphrase, passphrase_fd)) != EXIT_DONE)
        return status;
    if (make_home(args->home, name, &passphrase, confirm, &why) != RP_OK) {
        fprintf(stderr, "rpctl: %s\n", why.text);
        status = EXIT_FAILED;
    } else {
        printf("\nMade. Next: rpnode --home '%s'\n", args->home);
    }
    sodium_memzero(&passphrase, sizeof passphrase);
    return status;
}
