#ifndef HOME_H
#define HOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/core.h"
#include "rp/paper.h"

/*
 * A node's home folder (SPEC 7.1): keys, settings and the store. The folder is 0700 and its files
 * 0600; anything more open is refused. Functions here say what is wrong, and what to do, in a
 * sentence for people.
 */

#define HOME_PATH_MAX 4096
#define HOME_WHY_MAX (HOME_PATH_MAX + 512)
#define HOME_SOCKET "rpnode.sock"

struct why {
    char text[HOME_WHY_MAX];
};

/* $RPNODE_HOME, else $XDG_DATA_HOME/rpnode, else ~/.local/share/rpnode. */
int home_default(char out[static HOME_PATH_MAX], struct why *why)
    __attribute__((warn_unused_result));

/*
 * Makes a home for a new organisation called ${name}. The paper key, which is kept nowhere else,
 * goes to ${paper}. RP_ERR_EXISTS when there is one already: nothing is overwritten.
 */
int home_create(const char *home, const char *name, uint64_t now_ms, struct rp_paper *paper,
                uint8_t org[static RP_ID_LEN], struct why *why) __attribute__((warn_unused_result));

/* What the keys in a home make of a node. Wipe with home_keys_free. */
struct home_keys {
    struct self self; /* borrows from the rest */
    struct rp_key node_sign;
    struct rp_bytes inception;
    struct rp_bytes proof;
    char node_name[RP_NAME_LEN_MAX + 1];
};

/* Checks permissions and reads the keys. */
int home_load(const char *home, struct home_keys *out, struct why *why)
    __attribute__((warn_unused_result));
void home_keys_free(struct home_keys *keys);

/*
 * Takes the home for this process until it ends. RP_ERR_BUSY when another has it.
 */
int home_lock(const char *home, struct why *why) __attribute__((warn_unused_result));

/* Makes an empty store in a home that has none. RP_ERR_EXISTS when it has one. */
int home_create_store(const char *home, uint64_t map_bytes, struct why *why)
    __attribute__((warn_unused_result));

/*
 * Opens the home's store. NULL when it is missing, cut short, or another home's: an absent store is
 * never taken for an empty one.
 */
struct kv *home_open_store(const char *home, uint64_t map_bytes, struct why *why);

/* Fills ${out} with ${len} random bytes from the system. */
void home_random(uint8_t *out, size_t len);

#endif
