#ifndef PAPER_H
#define PAPER_H

#include "home.h"

/* Paper keys and passphrases, between people and this program. Says on standard error what is
 * wrong. */

/* How a paper key is to be shown. */
struct paper_show {
    const char *home;
    bool confirm;  /* have some of the words typed back, where there is a terminal to type at */
    bool replaces; /* it is shown since the key was replaced; else in a new home */
};

/* A home_show: prints the paper key to standard output, with what to do with it. ${ctx} is a struct
 * paper_show. */
bool paper_show(void *ctx, const struct rp_paper *paper, const uint8_t org[static RP_ID_LEN]);

/* Reads a paper key from ${file}; from standard input when that is NULL or "-". Wipe it. */
bool paper_read(struct rp_paper *out, const char *file);

/* Reads the passphrase after --passphrase-fd: ${text} as it was given; NULL when it was not, which
 * gives an empty one. EXIT_DONE, EXIT_FAILED, EXIT_USAGE. */
int passphrase_read(struct home_passphrase *out, const char *text);

#endif
