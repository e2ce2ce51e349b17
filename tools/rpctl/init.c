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

int command_init(const struct command_args *args)
{
    static const struct option options[] = {{"name", required_argument, NULL, OPTION('n')},
                                            {"no-confirm", no_argument, NULL, OPTION('c')},
                                            {"passphrase-fd", required_argument, NULL, OPTION('p')},
                                            {NULL, 0, NULL, 0}};
    static struct home_passphrase passphrase;
    static struct why why;
    const char *passphrase_fd = NULL;
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
        confirm &= option != OPTION('c');
    }
    if (optind < args->argc)
        return usage_error(args, "%s: not expected", args->argv[optind]);
    if (name == NULL)
        return usage_error(args, "--name is needed: what your organisation is called");
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
