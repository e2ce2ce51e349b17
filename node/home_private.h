#ifndef HOME_PRIVATE_H
#define HOME_PRIVATE_H

/*
 * What the files about the home share:
 *     home.c       folder, lock, store
 *     home_keys.c  making, loading and replacing the keys
 *     keyring.c    organisation.key as a file (SPEC 7.1)
 *     home_nodes.c how another node of the organisation is made (SPEC 3.10)
 */

#include "home.h"
#include "rp/identity.h"

#define ORGANISATION_KEY "organisation.key"
#define NODE_KEY "node.key"
#define KEY_FILE_MAX 40960

/* home.c */
__attribute__((format(printf, 3, 4))) int home_fail(int err, struct why *why, const char *format,
                                                    ...);
const char *home_shown(const char *home); /* as messages name it */
int home_path(char out[static HOME_PATH_MAX], const char *home, const char *name, struct why *why)
    __attribute__((warn_unused_result));
int home_make_folders(const char *path, struct why *why) __attribute__((warn_unused_result));
int home_check_private(const char *path, struct why *why) __attribute__((warn_unused_result));
void home_sync_folder(const char *path);
/* Reads at most KEY_FILE_MAX bytes of a file that nobody else can read. */
int home_read_private(const char *home, const char *name, uint8_t *out, size_t *len,
                      struct why *why) __attribute__((warn_unused_result));
/* Writes a new file, synced to disk with its folder. An existing one is never overwritten. */
int home_write_new(const char *home, const char *name, struct rp_slice content, struct why *why)
    __attribute__((warn_unused_result));
/* Writes a file in place of another, or a new one: there is always one of both. */
int home_replace(const char *home, const char *name, struct rp_slice content, struct why *why)
    __attribute__((warn_unused_result));
int home_damaged(const char *home, const char *name, struct why *why);

/* home_keys.c */

/* What node.key holds. Wipe with node_file_free. */
struct node_file {
    uint8_t secrets[2][RP_KEY_LEN]; /* Noise, signing */
    struct rp_bytes issued;
    struct rp_certificate certificate;
};
void node_file_make_keys(struct node_file *file); /* new ones */
int node_file_read(const char *home, struct node_file *out, struct why *why)
    __attribute__((warn_unused_result));
int node_file_write(const char *home, const struct node_file *file, struct why *why)
    __attribute__((warn_unused_result));
void node_file_free(struct node_file *file);

/* What a key that is closed or not there means for whoever needs it: RP_OK, RP_ERR_DENIED. */
struct keyring;
int home_need_key(const char *home, const struct keyring *keyring, struct why *why)
    __attribute__((warn_unused_result));

/* keyring.c */

/* What organisation.key holds. Wipe with keyring_free. */
struct keyring {
    struct rp_bytes inception;
    uint32_t successions;
    struct rp_bytes succession[RP_SUCCESSIONS_MAX];
    struct rp_identity identity; /* as follows from these */
    bool has_key;                /* else the node has a certificate alone */
    bool is_sealed;
    bool is_open; /* has_key, and the next two are known */
    uint8_t seed[RP_KEY_SEED_LEN];
    uint8_t source[RP_KEY_SEED_LEN]; /* from which the objects that files make follow */
};
#define KEYRING_SECRETS_LEN (RP_KEY_SEED_LEN + RP_KEY_SEED_LEN) /* seed, source */

/*
 * Reads it. Without ${passphrase} (NULL) a sealed key stays closed, which is no error here. With a
 * wrong one: RP_ERR_KEY.
 */
int keyring_read(const char *home, const struct home_passphrase *passphrase, struct keyring *out,
                 struct why *why) __attribute__((warn_unused_result));

/* Writes it, the key sealed with ${passphrase} unless that is NULL. In place of another when
 * ${replace}, else there must be none. */
int keyring_write(const char *home, const struct keyring *keyring,
                  const struct home_passphrase *passphrase, bool replace, struct why *why)
    __attribute__((warn_unused_result));

/* Opens it with these secrets. */
void keyring_set_secrets(struct keyring *keyring,
                         const uint8_t secrets[static KEYRING_SECRETS_LEN]);

/* Whether the key is, if it is open, the one in use by what the keyring says itself. */
bool keyring_belongs_together(const struct keyring *keyring);

/* Takes over what is known of an organisation: its inception, and ${n} successions, packed.
 * RP_ERR_NOMEM, or what following them says. */
int keyring_take_known(struct keyring *out, struct rp_slice inception,
                       const struct rp_slice *successions, uint32_t n)
    __attribute__((warn_unused_result));

void keyring_free(struct keyring *keyring);

#endif
