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
 * Making a home is done in this order: home_prepare, the settings, home_create_store, home_create.
 * It is one once home_create has written the organisation's key, the last of all; whatever fails
 * before can be begun anew.
 *
 * Makes the folder and checks that an organisation called ${name} can be made in it. RP_ERR_EXISTS
 * when one has been: nothing is overwritten.
 */
int home_prepare(const char *home, const char *name, struct why *why)
    __attribute__((warn_unused_result));

/* Shows the paper key, which is kept nowhere else, to whoever has to write it down; false when that
 * cannot be done. */
typedef bool home_show(void *ctx, const struct rp_paper *paper,
                       const uint8_t org[static RP_ID_LEN]);

/* A passphrase that the organisation's key is sealed with. */
#define HOME_PASSPHRASE_MAX 1024
struct home_passphrase {
    size_t len;
    uint8_t text[HOME_PASSPHRASE_MAX];
};

/* Reads one from a file descriptor, to the first line end or the end. RP_ERR_ARGUMENT when there is
 * none, or it is too long; RP_ERR_IO. */
int home_read_passphrase(int fd, struct home_passphrase *out, struct why *why)
    __attribute__((warn_unused_result));

/* The same from the systemd credential rpnode.passphrase; RP_ERR_NOT_FOUND when there is none. */
int home_read_credential(struct home_passphrase *out, struct why *why)
    __attribute__((warn_unused_result));

/* Makes the keys of a new organisation called ${name} and shows the paper key. The key in use is
 * sealed with ${passphrase} unless that is NULL. When anything fails there are no keys. */
int home_create(const char *home, const char *name, uint64_t now_ms,
                const struct home_passphrase *passphrase, home_show *show, void *ctx,
                struct why *why) __attribute__((warn_unused_result));

/* What the organisation's files say of it to anybody who may read them. */
struct home_organisation {
    struct rp_identity identity; /* with its successions */
    bool has_key;
    bool is_sealed;
};
int home_organisation(const char *home, struct home_organisation *out, struct why *why)
    __attribute__((warn_unused_result));

/* A succession that is to be made (SPEC 2.2). */
struct home_succession {
    const struct rp_paper *paper; /* signs it */
    bool listed;                  /* and stands only by these records of the key before: */
    uint32_t stands_by;
    const uint8_t (*ids)[RP_ID_LEN];
    uint64_t now_ms;
    const struct home_passphrase
        *passphrase;  /* of the key in use, and of the new one; NULL: none */
    bool key_is_lost; /* the key in use need not be there, or be opened */
    home_show *show;  /* is shown the next paper key */
    void *ctx;
};

/*
 * Replaces the key in use by a new one. The node publishes that when it starts, or reads its keys
 * again. RP_ERR_KEY when the paper key is not the one that was committed to. When anything fails
 * everything is as before.
 */
int home_succeed(const char *home, const struct home_succession *how, struct why *why)
    __attribute__((warn_unused_result));

/*
 * The same into a home without keys, for an organisation known by its ${inception} and ${n}
 * successions so far, packed. Makes the node's keys, too.
 */
int home_recover(const char *home, struct rp_slice inception, const struct rp_slice *successions,
                 uint32_t n, const struct home_succession *how, struct why *why)
    __attribute__((warn_unused_result));

/*
 * Another node of an organisation (SPEC 3.10). home_ask: makes the keys of a node called ${name}
 * that is to be one of ${org}'s, in a home that is prepared, unless it has asked before; it is no
 * node's home yet. home_request: what such a home asks for, or one whose certificate is to be
 * renewed; RP_ERR_NOT_FOUND when it is neither.
 */
int home_ask(const char *home, const uint8_t org[static RP_ID_LEN], const char *name,
             struct why *why) __attribute__((warn_unused_result));
int home_request(const char *home, struct rp_node_request *out, struct why *why)
    __attribute__((warn_unused_result));

/*
 * Takes over what the organisation has granted to the node of this home: its certificate and, when
 * the organisation's key is in ${text}, that, sealed with ${passphrase} unless that is NULL. What
 * was granted goes to ${grant}, whether the home was one before to ${was_node}. RP_ERR_KEY when it
 * is for another node. When anything fails everything is as before.
 */
int home_accept_grant(const char *home, const char *text, const struct home_passphrase *passphrase,
                      struct rp_grant *grant, bool *was_node, struct why *why)
    __attribute__((warn_unused_result));

/* The organisation's key, sealed for the node with X25519 key ${noise} alone. */
int home_seal_key(const char *home, const struct home_passphrase *passphrase,
                  const uint8_t noise[static RP_KEY_LEN],
                  uint8_t sealed[static RP_GRANT_SEALED_LEN], struct why *why)
    __attribute__((warn_unused_result));

/* What the keys in a home make of a node. Wipe with home_keys_free. */
struct home_keys {
    struct self self; /* borrows from the rest */
    struct rp_bytes inception;
    struct rp_bytes succession[RP_SUCCESSIONS_MAX];
    struct rp_bytes proof;
    struct rp_bytes issued;
    char node_name[RP_NAME_LEN_MAX + 1];
};

/* Checks permissions and reads the keys. A sealed key needs ${passphrase}; NULL: none is given.
 * RP_ERR_DENIED without one, RP_ERR_KEY with a wrong one. */
int home_load(const char *home, const struct home_passphrase *passphrase, struct home_keys *out,
              struct why *why) __attribute__((warn_unused_result));
void home_keys_free(struct home_keys *keys);

/*
 * Takes the home for this process until it ends. RP_ERR_BUSY when another has it.
 */
int home_lock(const char *home, struct why *why) __attribute__((warn_unused_result));

/* Makes an empty store in a home that has none. RP_ERR_EXISTS when it has one. */
int home_create_store(const char *home, uint64_t map_bytes, struct why *why)
    __attribute__((warn_unused_result));

/* The same, or takes the store that is there when nothing was ever written to it. RP_ERR_EXISTS
 * when it is somebody's. */
int home_claim_store(const char *home, uint64_t map_bytes, struct why *why)
    __attribute__((warn_unused_result));

/*
 * Opens the home's store. NULL when it is missing, cut short, or another home's: an absent store is
 * never taken for an empty one.
 */
struct kv *home_open_store(const char *home, uint64_t map_bytes, struct why *why);

/* Fills ${out} with ${len} random bytes from the system. */
void home_random(uint8_t *out, size_t len);

#endif
