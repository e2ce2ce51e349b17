#include "home.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/text.h"
#include "store/kv_lmdb.h"

#define KEY_FILE_VERSION 1
#define KEY_FILE_MAX 8192
#define STORE_FORMAT 1
#define STORE_ID_LEN 16

#define ORGANISATION_KEY "organisation.key"
#define NODE_KEY "node.key"
#define STORE "store"
#define STORE_UNFINISHED "store.new"
#define STORE_ID "store/store.id"

__attribute__((format(printf, 3, 4))) static int fail(int err, struct why *why, const char *format,
                                                      ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    return err;
}

void home_random(uint8_t *out, size_t len)
{
    randombytes_buf(out, len);
}

/* The home as messages name it: a node works from within it, as ".", which tells nobody anything.
 */
static const char *shown(const char *home)
{
    static char folder[HOME_PATH_MAX];

    return strcmp(home, ".") == 0 && getcwd(folder, sizeof folder) != NULL ? folder : home;
}

static int path_of(char out[static HOME_PATH_MAX], const char *home, const char *name,
                   struct why *why)
{
    if (snprintf(out, HOME_PATH_MAX, "%s/%s", shown(home), name) >= HOME_PATH_MAX)
        return fail(RP_ERR_LIMIT, why, "the path of the home is too long");
    return RP_OK;
}

int home_default(char out[static HOME_PATH_MAX], struct why *why)
{
    const char *home = getenv("RPNODE_HOME");
    const char *data = getenv("XDG_DATA_HOME");
    const char *user = getenv("HOME");
    int n;

    if (home != NULL && home[0] != '\0')
        n = snprintf(out, HOME_PATH_MAX, "%s", home);
    else if (data != NULL && data[0] == '/')
        n = snprintf(out, HOME_PATH_MAX, "%s/rpnode", data);
    else if (user != NULL && user[0] != '\0')
        n = snprintf(out, HOME_PATH_MAX, "%s/.local/share/rpnode", user);
    else
        return fail(RP_ERR_NOT_FOUND, why, "no home folder is known: give one with --home DIR");
    return n < HOME_PATH_MAX ? RP_OK : fail(RP_ERR_LIMIT, why, "the path of the home is too long");
}

/* Files */

/* Makes ${path} and the folders above it that are missing. */
static int make_folders(const char *path, struct why *why)
{
    char part[HOME_PATH_MAX];

    for (size_t i = 1; i <= strlen(path); i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return fail(RP_ERR_IO, why, "%s: cannot make this folder: %s", part, strerror(errno));
    }
    return RP_OK;
}

/* Makes sure that the names in ${path} are on disk. */
static void sync_folder(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
}

/* Writes a new file, synced to disk with its folder. An existing one is never overwritten. */
static int write_new(const char *home, const char *name, struct rp_slice content, struct why *why)
{
    char path[HOME_PATH_MAX];
    int fd;
    int err = path_of(path, home, name, why);

    if (err != RP_OK)
        return err;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(errno == EEXIST ? RP_ERR_EXISTS : RP_ERR_IO, why, "%s: cannot be made: %s",
                    path, strerror(errno));
    errno = ENOSPC; /* what it means when less is written than was asked for */
    if (write(fd, content.data, content.len) != (ssize_t)content.len || fsync(fd) != 0) {
        err = fail(RP_ERR_IO, why, "%s: cannot be written: %s", path, strerror(errno));
        (void)unlink(path); /* what is half there would pass for a key */
    }
    close(fd);
    sync_folder(home);
    return err;
}

/* Whether only the owner can do anything with ${path}. */
static int check_private(const char *path, struct why *why)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return fail(errno == ENOENT ? RP_ERR_NOT_FOUND : RP_ERR_IO, why, "%s: %s", path,
                    strerror(errno));
    if ((st.st_mode & 077) != 0)
        return fail(RP_ERR_DENIED, why,
                    "%s can be used by others (mode %o): run  chmod go-rwx '%s'", path,
                    (unsigned)(st.st_mode & 0777), path);
    return RP_OK;
}

static int read_private(const char *home, const char *name, uint8_t *out, size_t *len,
                        struct why *why)
{
    char path[HOME_PATH_MAX];
    ssize_t n;
    int fd;
    int err = path_of(path, home, name, why);

    if (err != RP_OK || (err = check_private(path, why)) != RP_OK)
        return err;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? read(fd, out, KEY_FILE_MAX) : -1;
    if (n < 0)
        err = fail(RP_ERR_IO, why, "%s: cannot be read: %s", path, strerror(errno));
    else
        *len = (size_t)n;
    if (fd >= 0)
        close(fd);
    return err;
}

/* Creating */

static int write_organisation_key(const char *home, const uint8_t *seed, struct rp_slice inception,
                                  struct why *why)
{
    struct rp_writer w;
    int err;

    rp_writer_init_secret(&w, KEY_FILE_MAX);
    rp_writer_array(&w, 3);
    rp_writer_uint(&w, KEY_FILE_VERSION);
    rp_writer_bin(&w, seed, RP_KEY_SEED_LEN);
    rp_writer_bin(&w, inception.data, inception.len);
    err = w.err != RP_OK ? w.err : write_new(home, ORGANISATION_KEY, rp_writer_slice(&w), why);
    rp_writer_free(&w);
    return err;
}

/* Makes the node's own keys and the certificate by which the organisation stands for it. */
static int write_node_key(const char *home, const struct rp_key *key,
                          const struct rp_identity *identity, uint64_t now_ms, struct why *why)
{
    struct rp_certificate certificate = {.serial = 1, .issued = now_ms};
    uint8_t secrets[2][RP_KEY_LEN];
    struct rp_dh_key noise;
    struct rp_key sign;
    struct rp_bytes issued = {NULL, 0};
    struct rp_writer w;
    int err;

    do {
        home_random(secrets[0], sizeof secrets);
    } while (rp_key_dh_from_secret(&noise, secrets[0]) != RP_OK);
    rp_key_from_seed(&sign, secrets[1]);
    memcpy(certificate.org, identity->org, RP_ID_LEN);
    memcpy(certificate.key, key->public, RP_KEY_LEN);
    memcpy(certificate.noise, noise.public, RP_KEY_LEN);
    memcpy(certificate.sign, sign.public, RP_KEY_LEN);
    memcpy(certificate.name, identity->name, sizeof certificate.name);
    rp_writer_init_secret(&w, KEY_FILE_MAX);
    if ((err = rp_certificate_issue(&issued, &certificate, key)) == RP_OK) {
        rp_writer_array(&w, 4);
        rp_writer_uint(&w, KEY_FILE_VERSION);
        rp_writer_bin(&w, secrets[0], RP_KEY_LEN);
        rp_writer_bin(&w, secrets[1], RP_KEY_LEN);
        rp_writer_bin(&w, issued.data, issued.len);
        err = w.err;
    }
    if (err == RP_OK)
        err = write_new(home, NODE_KEY, rp_writer_slice(&w), why);
    rp_writer_free(&w);
    rp_bytes_free(&issued);
    sodium_memzero(secrets, sizeof secrets);
    rp_key_wipe(&sign);
    rp_key_dh_wipe(&noise);
    return err;
}

/* Takes back what write_keys has written. */
static void remove_keys(const char *home)
{
    static const char *const names[] = {ORGANISATION_KEY, NODE_KEY};
    char path[HOME_PATH_MAX];
    struct why ignored;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (path_of(path, home, names[i], &ignored) == RP_OK)
            (void)unlink(path);
    }
    sync_folder(home);
}

/* The name must be such that rp_identity_incept takes it. */
static int write_keys(const char *home, const char *name, uint64_t now_ms, home_show *show,
                      void *ctx, struct why *why)
{
    struct rp_paper paper = {.number = 1};
    uint8_t seed[RP_KEY_SEED_LEN];
    uint8_t next_digest[RP_HASH_LEN];
    struct rp_identity identity;
    struct rp_bytes inception;
    struct rp_key next;
    struct rp_key key;
    int err;

    home_random(seed, sizeof seed);
    home_random(paper.seed, sizeof paper.seed);
    rp_key_from_seed(&key, seed);
    rp_key_from_seed(&next, paper.seed);
    rp_key_next_digest(next_digest, next.public);
    err = rp_identity_incept(&inception, key.public, next_digest, name);
    if (err != RP_OK) {
        (void)fail(err, why, "the name must be one line of at most %d characters",
                   RP_NAME_CHARS_MAX);
        goto out;
    }
    if ((err = rp_identity_read(&identity, rp_bytes_slice(&inception))) != RP_OK)
        goto out;
    err = write_node_key(home, &key, &identity, now_ms, why);
    if (err == RP_OK && !show(ctx, &paper, identity.org))
        err = fail(RP_ERR_IO, why,
                   "the paper key could not be shown, so nothing was made: make sure that what "
                   "this prints can be read or stored, and try again");
    /* the organisation's key last: a home is one once it has that */
    if (err == RP_OK)
        err = write_organisation_key(home, seed, rp_bytes_slice(&inception), why);
    rp_bytes_free(&inception);
    if (err != RP_OK)
        remove_keys(home);
out:
    sodium_memzero(&paper, sizeof paper);
    sodium_memzero(seed, sizeof seed);
    rp_key_wipe(&key);
    rp_key_wipe(&next);
    return err;
}

static int check_name(const char *name, struct why *why)
{
    struct rp_slice text = rp_bytes_str(name);

    if (text.len == 0 || text.len > RP_NAME_LEN_MAX || !rp_text_is_utf8(text) ||
        !rp_text_is_line(text) || rp_text_chars(text) > RP_NAME_CHARS_MAX)
        return fail(RP_ERR_ARGUMENT, why, "the name must be one line of at most %d characters",
                    RP_NAME_CHARS_MAX);
    return RP_OK;
}

int home_prepare(const char *home, const char *name, struct why *why)
{
    char path[HOME_PATH_MAX];
    int err;

    if ((err = path_of(path, home, ORGANISATION_KEY, why)) != RP_OK ||
        (err = check_name(name, why)) != RP_OK)
        return err;
    if (access(path, F_OK) == 0)
        return fail(RP_ERR_EXISTS, why,
                    "%s is the home of an organisation already: nothing was changed", home);
    if ((err = make_folders(home, why)) != RP_OK)
        return err;
    return check_private(home, why);
}

int home_create(const char *home, const char *name, uint64_t now_ms, home_show *show, void *ctx,
                struct why *why)
{
    char path[HOME_PATH_MAX];
    int err = home_prepare(home, name, why);

    if (err != RP_OK || (err = path_of(path, home, NODE_KEY, why)) != RP_OK)
        return err;
    (void)unlink(path); /* of a creation that did not come to its end */
    return write_keys(home, name, now_ms, show, ctx, why);
}

/* Loading */

static int damaged(const char *home, const char *name, struct why *why)
{
    return fail(RP_ERR_CORRUPT, why, "%s/%s is not what rpctl init made: restore it from a backup",
                shown(home), name);
}

static int load_organisation(const char *home, struct home_keys *out, struct why *why)
{
    uint8_t file[KEY_FILE_MAX];
    uint8_t seed[RP_KEY_SEED_LEN];
    struct rp_slice inception;
    struct rp_reader r;
    size_t len = 0;
    int err = read_private(home, ORGANISATION_KEY, file, &len, why);

    if (err != RP_OK)
        return err;
    rp_reader_init(&r, (struct rp_slice){file, len});
    if (rp_canonical_check(file, len) != RP_OK || rp_reader_array(&r) != 3 ||
        rp_reader_uint(&r) != KEY_FILE_VERSION)
        rp_reader_fail(&r);
    rp_reader_bin_into(&r, seed, sizeof seed);
    inception = rp_reader_bin(&r);
    if (rp_reader_end(&r) != RP_OK || rp_identity_read(&out->self.identity, inception) != RP_OK)
        err = damaged(home, ORGANISATION_KEY, why);
    else
        err = rp_bytes_copy(&out->inception, inception.data, inception.len);
    rp_key_from_seed(&out->self.key, seed);
    if (err == RP_OK && !rp_identity_has_key(&out->self.identity, out->self.key.public))
        err = damaged(home, ORGANISATION_KEY, why);
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(file, sizeof file);
    out->self.inception = rp_bytes_slice(&out->inception);
    return err;
}

static int load_node(const char *home, struct home_keys *out, struct why *why)
{
    uint8_t file[KEY_FILE_MAX];
    uint8_t secrets[2][RP_KEY_LEN];
    struct rp_certificate certificate;
    struct rp_slice issued;
    struct rp_reader r;
    size_t len = 0;
    int err = read_private(home, NODE_KEY, file, &len, why);

    if (err != RP_OK)
        return err;
    rp_reader_init(&r, (struct rp_slice){file, len});
    if (rp_canonical_check(file, len) != RP_OK || rp_reader_array(&r) != 4 ||
        rp_reader_uint(&r) != KEY_FILE_VERSION)
        rp_reader_fail(&r);
    rp_reader_bin_into(&r, secrets[0], RP_KEY_LEN);
    rp_reader_bin_into(&r, secrets[1], RP_KEY_LEN);
    issued = rp_reader_bin(&r);
    if (rp_reader_end(&r) != RP_OK || rp_certificate_open(&certificate, issued) != RP_OK ||
        rp_key_dh_from_secret(&out->self.noise, secrets[0]) != RP_OK) {
        err = damaged(home, NODE_KEY, why);
    } else if (memcmp(certificate.org, out->self.identity.org, RP_ID_LEN) != 0 ||
               memcmp(certificate.noise, out->self.noise.public, RP_KEY_LEN) != 0) {
        err = fail(RP_ERR_KEY, why,
                   "%s/%s is the key of another node: put back the one that belongs here",
                   shown(home), NODE_KEY);
    } else {
        rp_key_from_seed(&out->node_sign, secrets[1]);
        memcpy(out->node_name, certificate.name, sizeof out->node_name);
        err = rp_certificate_prove(&out->proof, issued, out->self.inception, NULL, 0);
        out->self.proof = rp_bytes_slice(&out->proof);
    }
    sodium_memzero(secrets, sizeof secrets);
    sodium_memzero(file, sizeof file);
    return err;
}

int home_load(const char *home, struct home_keys *out, struct why *why)
{
    char path[HOME_PATH_MAX];
    int err;

    *out = (struct home_keys){0};
    if ((err = path_of(path, home, ORGANISATION_KEY, why)) != RP_OK)
        return err;
    if (access(path, F_OK) != 0)
        return fail(RP_ERR_NOT_FOUND, why,
                    "%s is not the home of a node: make one with  rpctl --home '%s' init --name "
                    "NAME",
                    shown(home), shown(home));
    if ((err = check_private(shown(home), why)) != RP_OK)
        return err;
    if ((err = load_organisation(home, out, why)) != RP_OK ||
        (err = load_node(home, out, why)) != RP_OK)
        home_keys_free(out);
    return err;
}

void home_keys_free(struct home_keys *keys)
{
    rp_bytes_free(&keys->inception);
    rp_bytes_free(&keys->proof);
    sodium_memzero(keys, sizeof *keys);
}

int home_lock(const char *home, struct why *why)
{
    char path[HOME_PATH_MAX];
    int fd;
    int err = path_of(path, home, "rpnode.lock", why);

    if (err != RP_OK)
        return err;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(RP_ERR_IO, why, "%s: cannot be made: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return fail(RP_ERR_BUSY, why,
                    "another rpnode is running with the home %s: stop it first, or give this one a "
                    "home of its own",
                    shown(home));
    }
    return RP_OK; /* held until the process ends */
}

/* The store */

/* Writes format and id into a new store. */
static int write_store_meta(struct kv *kv, const uint8_t id[static STORE_ID_LEN])
{
    struct kv_key id_key = batch_meta_key(META_STORE_ID);
    struct kv_key format_key = batch_meta_key(META_FORMAT);
    struct kv_key format = {.len = 0};
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(kv, true, &err)) == NULL)
        return err;
    kv_key_number(&format, STORE_FORMAT, 4);
    kv_put(txn, KV_META, kv_key_slice(&format_key), kv_key_slice(&format));
    kv_put(txn, KV_META, kv_key_slice(&id_key), (struct rp_slice){id, STORE_ID_LEN});
    return kv_commit(txn);
}

/* Removes what a creation that did not come to its end has left. */
static void remove_unfinished(const char *folder)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "store.id"};
    char path[HOME_PATH_MAX + 16];

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

int home_create_store(const char *home, uint64_t map_bytes, struct why *why)
{
    uint8_t id[STORE_ID_LEN];
    char unfinished[HOME_PATH_MAX];
    char folder[HOME_PATH_MAX];
    struct kv_lmdb_opts opts = {.path = unfinished, .create = true, .map_bytes = map_bytes};
    struct kv *kv;
    int err;

    if ((err = path_of(folder, home, STORE, why)) != RP_OK ||
        (err = path_of(unfinished, home, STORE_UNFINISHED, why)) != RP_OK)
        return err;
    if (access(folder, F_OK) == 0)
        return fail(RP_ERR_EXISTS, why, "%s is there already: nothing was changed", folder);
    remove_unfinished(unfinished);
    if (mkdir(unfinished, 0700) != 0)
        return fail(RP_ERR_IO, why, "%s: cannot be made: %s", unfinished, strerror(errno));
    home_random(id, sizeof id);
    if ((err = write_new(unfinished, "store.id", (struct rp_slice){id, sizeof id}, why)) != RP_OK)
        return err;
    if ((kv = kv_lmdb_open(&opts, &err)) == NULL)
        return fail(err, why, "%s: cannot be made: %s", unfinished, rp_err_text(err));
    err = write_store_meta(kv, id);
    kv_lmdb_close(kv);
    if (err != RP_OK)
        return fail(err, why, "%s: cannot be made: %s", unfinished, rp_err_text(err));
    /* by one rename, so that there is never half a store */
    if (rename(unfinished, folder) != 0)
        return fail(RP_ERR_IO, why, "%s: cannot be made: %s", folder, strerror(errno));
    sync_folder(home);
    return RP_OK;
}

int home_claim_store(const char *home, uint64_t map_bytes, struct why *why)
{
    int err = home_create_store(home, map_bytes, why);
    bool is_empty = false;
    struct kv_txn *txn;
    struct kv_iter it;
    struct kv *kv;

    if (err != RP_ERR_EXISTS)
        return err;
    if ((kv = home_open_store(home, map_bytes, why)) == NULL)
        return RP_ERR_CORRUPT;
    if ((txn = kv_begin(kv, false, &err)) != NULL) {
        kv_first(&it, txn, KV_ORG, (struct rp_slice){NULL, 0});
        is_empty = !it.found && kv_err(txn) == RP_OK;
        kv_stop(&it);
        kv_abort(txn);
    }
    kv_lmdb_close(kv);
    if (is_empty)
        return RP_OK;
    return fail(RP_ERR_EXISTS, why,
                "%s/%s is the store of an organisation whose key is not here: put back its %s, or "
                "move the store to another place",
                home, STORE, ORGANISATION_KEY);
}

/* Whether the store is of a format that we read, and the one that belongs to this home. */
static int check_store_meta(struct kv *kv, const uint8_t *id, size_t id_len, struct why *why)
{
    struct kv_key id_key = batch_meta_key(META_STORE_ID);
    struct kv_key format_key = batch_meta_key(META_FORMAT);
    struct rp_slice value;
    struct kv_txn *txn;
    int err;

    if ((txn = kv_begin(kv, false, &err)) == NULL)
        return fail(err, why, "the store cannot be read: %s", rp_err_text(err));
    if (!kv_get(txn, KV_META, kv_key_slice(&format_key), &value) || value.len != 4)
        err = fail(RP_ERR_CORRUPT, why, "the store has no format number: restore it from a backup");
    else if (kv_number(value.data, 4) > STORE_FORMAT)
        err = fail(RP_ERR_VERSION, why,
                   "the store was written by a newer rpnode (format %llu): install that version",
                   (unsigned long long)kv_number(value.data, 4));
    else if (id_len != STORE_ID_LEN || !kv_get(txn, KV_META, kv_key_slice(&id_key), &value) ||
             value.len != STORE_ID_LEN || memcmp(value.data, id, STORE_ID_LEN) != 0)
        err = fail(RP_ERR_KEY, why,
                   "the store is not the one that store.id speaks of: restore both from a backup");
    kv_abort(txn);
    return err;
}

static const char *store_advice(int err)
{
    switch (err) {
    case RP_ERR_NOT_FOUND:
        return "is missing: restore it from a backup, or start once with --new-store to begin "
               "anew and fetch from peers";
    case RP_ERR_CORRUPT:
        return "is cut short or damaged: restore it from a backup, or remove its folder and start "
               "once with --new-store to begin anew and fetch from peers";
    default:
        return rp_err_text(err);
    }
}

struct kv *home_open_store(const char *home, uint64_t map_bytes, struct why *why)
{
    uint8_t id[KEY_FILE_MAX];
    size_t id_len = 0;
    char folder[HOME_PATH_MAX];
    struct kv_lmdb_opts opts = {.path = folder, .map_bytes = map_bytes};
    struct kv *kv;
    int err;

    if (path_of(folder, home, STORE, why) != RP_OK)
        return NULL;
    if (access(folder, F_OK) != 0) {
        (void)fail(RP_ERR_NOT_FOUND, why, "%s %s", folder, store_advice(RP_ERR_NOT_FOUND));
        return NULL;
    }
    if (check_private(folder, why) != RP_OK ||
        read_private(home, STORE_ID, id, &id_len, why) != RP_OK)
        return NULL;
    if ((kv = kv_lmdb_open(&opts, &err)) == NULL) {
        (void)fail(err, why, "%s/data.mdb %s", folder, store_advice(err));
        return NULL;
    }
    if (check_store_meta(kv, id, id_len, why) != RP_OK) {
        kv_lmdb_close(kv);
        return NULL;
    }
    return kv;
}
