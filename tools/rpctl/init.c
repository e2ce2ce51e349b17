#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config.h"
#include "home.h"
#include "rp/err.h"
#include "rp/identity.h"
#include "rpctl.h"

#define MIB (UINT64_C(1) << 20)

/* The words in lines of five, as they are copied by hand. */
static void print_paper_key(const struct rp_paper *paper)
{
    char words[RP_PAPER_TEXT_LEN + 1];
    char *word = words;

    if (rp_paper_write(words, paper) != RP_OK)
        return;
    for (int i = 0; i < RP_PAPER_WORDS; i++) {
        printf("%s%.5s%s", i % 5 == 0 ? "    " : " ", word, i % 5 == 4 ? "\n" : "");
        word += 6;
    }
}

static int write_settings(const char *home)
{
    char path[HOME_PATH_MAX + 16];
    FILE *file;

    snprintf(path, sizeof path, "%s/rpnode.conf", home);
    file = fopen(path, "wx");
    if (file == NULL)
        return RP_OK; /* one is there already, and stays */
    fputs(config_text, file);
    return fclose(file) == 0 ? RP_OK : RP_ERR_IO;
}

static void print_result(const char *home, const uint8_t *org, const struct rp_paper *paper)
{
    char text[RP_ORG_TEXT_LEN + 1];

    rp_identity_text(text, org);
    printf(
        "Made a home in %s\n\n"
        "Organisation  %s\n\n"
        "The paper key (version 1, number %u). It is shown this once and kept nowhere. Write it\n"
        "on paper, with the organisation's id above and the addresses of your peers once you\n"
        "have some, and lock it away: it is the only way back when the key in use is lost or\n"
        "stolen, and whoever has it can take the organisation over.\n\n",
        home, text, paper->number);
    print_paper_key(paper);
    printf("\nNext: rpnode --home '%s'\n", home);
}

int command_init(const struct command_args *args)
{
    static const struct option options[] = {{"name", required_argument, NULL, 'n'},
                                            {NULL, 0, NULL, 0}};
    static struct why why;
    struct config config = config_default;
    const char *name = NULL;
    struct rp_paper paper;
    uint8_t org[RP_ID_LEN];
    int option;

    opterr = 0;
    while ((option = getopt_long(args->argc, args->argv, "", options, NULL)) != -1) {
        if (option != 'n')
            return usage_error(args, "%s: unknown, or its value is missing",
                               args->argv[optind - 1]);
        name = optarg;
    }
    if (optind < args->argc)
        return usage_error(args, "%s: not expected", args->argv[optind]);
    if (name == NULL)
        return usage_error(args, "--name is needed: what your organisation is called");
    if (home_create(args->home, name, (uint64_t)time(NULL) * 1000, &paper, org, &why) != RP_OK ||
        write_settings(args->home) != RP_OK || config_read(&config, args->home, &why) != RP_OK ||
        home_create_store(args->home, config.store_mib * MIB, &why) != RP_OK) {
        fprintf(stderr, "rpctl: %s\n", why.text);
        return EXIT_FAILED;
    }
    print_result(args->home, org, &paper);
    return EXIT_DONE;
}
