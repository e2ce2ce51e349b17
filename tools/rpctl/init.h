#ifndef INIT_H
#define INIT_H

#include "home.h"
#include "store/peers.h"

/*
 * Makes what a home has besides its keys: the folder, the settings, and an empty store. In this
 * order, so that whatever fails can be mended and this be called again. The largest size of the
 * store goes to ${map_bytes}.
 */
int home_prepare_all(const char *home, const char *name, uint64_t *map_bytes, struct why *why)
    __attribute__((warn_unused_result));

/* Prints what the home asks for, as a node of its organisation. An exit status. */
int node_print_request(const char *home);

/* Notes ${n} ${peers} in the store of a home whose node is not running; says when that fails. */
void keep_peers(const char *home, uint64_t map_bytes, const struct peer_entry *peers, uint32_t n);

/* Has a running node go on with the keys in its home. An exit status. */
int keys_reload(const char *home, const struct home_passphrase *passphrase);

/* The words of an operand, or of standard input when it is "-", without the white space that mail
 * programs and people put into them; malloc'd. NULL, with the reason said, when there are none, or
 * more than ${max} characters. */
char *read_words(const char *given, size_t max);

#endif
