#ifndef CALLS_H
#define CALLS_H

#include <stdint.h>

/*
 * Calls into the system that fail on demand. preload.c stands before the C library, linked to or
 * preloaded, and looks here at each of its calls. In another process this lies in the file that
 * the environment variable FAILING_CALLS names; test_calls.py writes it there as it is here.
 */
#define CALLS_NAME_LEN 16

enum calls_kind { CALLS_ANY, CALLS_SOCKETS, CALLS_FILES };

struct calls {
    char name[CALLS_NAME_LEN]; /* of the call; empty: none */
    uint32_t kind;             /* enum calls_kind: only on such descriptors */
    uint32_t error;            /* errno that it fails with; 0: it writes short */
    uint32_t first;            /* which fails, from 1 */
    uint32_t times;            /* and how many from there on; 0: all */
    uint32_t counted;
    uint32_t failed;
};

/* What holds in this process. */
extern struct calls *calls;

/* From now on the ${first}th ${name}, and ${times} in all, fail; NULL: none any more. */
void calls_fail(const char *name, int error, unsigned first, unsigned times);

#endif
