#ifndef NODE_H
#define NODE_H

#include "config.h"
#include "home.h"

/*
 * The node put together: core, store, links, ingest and control on one loop. Runs until SIGINT or
 * SIGTERM, or until it cannot. Returns an exit status; what is wrong goes to the log.
 */
struct node_opts {
    const char *home;
    const struct config *config;
    bool new_store;                     /* begin with an empty store where there is none */
    bool restored;                      /* the home was restored from a backup */
    struct home_passphrase *passphrase; /* that opens the key; wiped when read. NULL: none given */
};

int node_run(const struct node_opts *opts);

#endif
