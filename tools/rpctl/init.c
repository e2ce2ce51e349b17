#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "home.h"
#include "rp/err.h"
#include "rp/identity.h"
#include "rpctl.h"

#define MIB (UINT64_C(1) << 20)

/* The words in lines of five, as they are copied by hand. */
static bool print_paper_key(const struct rp_paper *paper)
{
    char words[RP_PAPER_TEXT_LEN + 1];
    char *word = words;

    if (rp_paper_write(words, paper) != RP_OK)
        return false;
    for (int i = 0; i < RP_PAPER_WORDS; i++) {
        printf("%s%.5s%s", i % 5 == 0 ? "    " : " ", word, i % 5 == 4 ? "\n" : "");
        word += 6;
    }
    sodium_memzero(words, sizeof words);
    return true;
}

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

/* A home_show. What it prints must have gone out: nothing else knows the key. */
static bool show_paper_key(void *ctx, const struct rp_paper *paper,
                           const uint8_t org[static RP_ID_LEN])
{
    const char *home = ctx;
    char text[RP_ORG_TEXT_LEN + 1];
    bool ok;

    rp_identity_text(text, org);
    printf(
        "A home in %s\n\n"
        "Organisation  %s\n\n"
        "The paper key (version 1, number %u). It is shown this once and kept nowhere. Write it\n"
        "on paper, with the organisation's id above and the addresses of your peers once you\n"
        "have some, and lock it away: it is the only way back when the key in use is lost or\n"
        "stolen, and whoever has it can take the organisation over.\n\n",
        home, text, paper->number);
    ok = print_paper_key(paper) && fflush(stdout) == 0 && !ferror(stdout);
    /* a full disk may show only now; what is no file cannot be synced, and need not be */
    return ok && (fsync(STDOUT_FILENO) == 0 || errno == EINVAL || errno == EROFS);
}

/* In this order, so that whatever fails can be mended and init be called again: the identity, whose
 * paper key is shown once, comes last. */
static int make_home(const char *home, const char *name, struct why *why)
{
    struct config config = config_default;
    int err;

    if ((err = home_prepare(home, name, why)) != RP_OK ||
        (err = write_settings(home, why)) != RP_OK ||
        (err = config_read(&config, home, why)) != RP_OK ||
        (err = home_claim_store(home, config.store_mib * MIB, why)) != RP_OK)
        return err;
    return home_create(home, name, (uint64_t)time(NULL) * 1000, show_paper_key,
                       (void *)(uintptr_t)home, why);
}

int command_init(const struct command_args *args)
{
    static const struct option options[] = {{"name", required_argument, NULL, OPTION('n')},
                                            {NULL, 0, NULL, 0}};
    static struct why why;
    const char *name = NULL;
    int option;

    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option != OPTION('n'))
            return option_error(args);
        name = optarg;
    }
    if (optind < args->argc)
        return usage_error(args, "%s: not expected", args->argv[optind]);
    if (name == NULL)
        return usage_error(args, "--name is needed: what your organisation is called");
    if (make_home(args->home, name, &why) != RP_OK) {
        fprintf(stderr, "rpctl: %s\n", why.text);
        return EXIT_FAILED;
    }
    printf("\nMade. Next: rpnode --home '%s'\n", args->home);
    return EXIT_DONE;
}
