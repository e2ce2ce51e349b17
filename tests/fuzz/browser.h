#ifndef FUZZ_BROWSER_H
#define FUZZ_BROWSER_H

#include "fuzz.h"

/* Somebody who is connected to a node's pages, over TCP on this machine. */
struct fuzz_browser {
    int socket;
    char *heard; /* a string */
    size_t len;
};

/* Connects; the server is started with the first one. */
void fuzz_browser_init(struct fuzz_browser *browser);

/* Says it, and hears what comes at once. */
void fuzz_browser_say(struct fuzz_browser *browser, struct rp_slice bytes);

/* Hangs up, having checked what was heard: no library for whoever does not say, as is due, what to
 * do and whom they mean (${said}: all that they said). */
void fuzz_browser_free(struct fuzz_browser *browser, struct rp_slice said);

/* Whatever others do, the next that comes is served. */
void fuzz_browser_next(void);

#endif
