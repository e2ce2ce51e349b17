#include "home_private.h"

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

#define STORE_FORMAT 1
#define STORE_ID_LEN 16

#define STORE "store"
#define STORE_UNFINISHED "store.new"
#define STORE_ID "store/store.id"

int home_fail(int err, struct why *why, const char *format, ...)
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
const char *home_shown(const char *home)
{
    static char folder[HOME_PATH_MAX];

    return strcmp(home, ".") == 0 && getcwd(folder, sizeof folder) != NULL ? folder : home;
}

int home_path(char out[static HOME_PATH_MAX], const char *home, const char *name, struct why *why)
{
    if (snprintf(out, HOME_PATH_MAX, "%s/%s", home_shown(home), name) >= HOME_PATH_MAX)
        return home_fail(RP_ERR_LIMIT, why, "the path of the home is too long");
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
        return home_fail(RP_ERR_NOT_FOUND, why,
                         "no home folder is known: give one with --home DIR");
    return n < HOME_PATH_MAX ? RP_OK
                             : home_fail(RP_ERR_LIMIT, why, "the path of the home is too long");
}

/* Files */

/* Makes ${path} and the folders above it that are missing. */
int home_make_folders(const char *path, struct why *why)
{
    char part[HOME_PATH_MAX];

    for (size_t i = 1; i <= strlen(path); i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return home_fail(RP_ERR_IO, why, "%s: cannot make this folder: %s", part,
                             strerror(errno));
    }
    return RP_OK;
}

/* Makes sure that the names in ${path} are on disk. */
void home_sync_folder(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
}

/* Writes a new file, synced to disk with its folder. An existing one is never overwritten. */
int home_write_new(const char *home, const char *name, struct rp_slice content, struct why *why)
{
    char path[HOME_PATH_MAX];
    int fd;
    int err = home_path(path, home, name, why);

    if (err != RP_OK)
        return err;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return home_fail(errno == EEXIST ? RP_ERR_EXISTS : RP_ERR_IO, why, "%s: cannot be made: %s",
                         path, strerror(errno));
    errno = ENOSPC; /* what it means when less is written than was asked for */
    if (write(fd, content.data, content.len) != (ssize_t)content.len || fsync(fd) != 0) {
        err = home_fail(RP_ERR_IO, why, "%s: cannot be written: %s", path, strerror(errno));
        (void)unlink(path); /* what is half there would pass for a key */
    }
    close(fd);
    home_sync_folder(home);
    return err;
}

/* Whether only the owner can do anything with ${path}. */
int home_check_private(const char *path, struct why *why)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return home_fail(errno == ENOENT ? RP_ERR_NOT_FOUND : RP_ERR_IO, why, "%s: %s", path,
                         strerror(errno));
    if ((st.st_mode & 077) != 0)
        return home_fail(RP_ERR_DENIED, why,
                         "%s can be used by others (mode %o): run  chmod go-rwx '%s'", path,
                         (unsigned)(st.st_mode & 0777), path);
    return RP_OK;
}

int home_read_private(const char *home, const char *name, uint8_t *out, size_t *len,
                      struct why *why)
{
    char path[HOME_PATH_MAX];
    ssize_t n;
    int fd;
    int err = home_path(path, home, name, why);

    if (err != RP_OK || (err = home_check_private(path, why)) != RP_OK)
        return err;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? read(fd, out, KEY_FILE_MAX) : -1;
    if (n < 0)
        err = home_fail(RP_ERR_IO, why, "%s: cannot be read: %s", path, strerror(errno));
    else
        *len = (size_t)n;
    if (fd >= 0)
        close(fd);
    return err;
}

int home_replace(const char *home, const char *name, struct rp_slice content, struct why *why)
{
    char fresh[HOME_PATH_MAX];
    char path[HOME_PATH_MAX];
    char fresh_name[64];
    int err;

    snprintf(fresh_name, sizeof fresh_name, "%s.new", name);
    if ((err = home_path(path, home, name, why)) != RP_OK ||
        (err = home_path(fresh, home, fresh_name, why)) != RP_OK)
        return err;
    (void)unlink(fresh); /* of a time when this did not come to its end */
    if ((err = home_write_new(home, fresh_name, content, why)) != RP_OK)
        return err;
    if (rename(fresh, path) != 0) {
        err = home_fail(RP_ERR_IO, why, "%s: cannot be replaced: %s", path, strerror(errno));
        (void)unlink(fresh);
    }
    home_sync_folder(home);
    return err;
}

int home_damaged(const char *home, const char *name, struct why *why)
{
    return home_fail(RP_ERR_CORRUPT, why,
                     "%s/%s is not what rpctl init made: restore it from a backup",
                     home_shown(home), name);
}

static int check_name(const char *name, struct why *why)
{
    struct rp_slice text = rp_bytes_str(name);

    if (text.len == 0 || text.len > RP_NAME_LEN_MAX || !rp_text_is_utf8(text) ||
        !rp_text_is_line(text) || rp_text_chars(text) > RP_NAME_CHARS_MAX)
        return home_fail(RP_ERR_ARGUMENT, why, "the name must be one line of at most %d characters",
                         RP_NAME_CHARS_MAX);
    return RP_OK;
}

int home_prepare(const char *home, const char *name, struct why *why)
{
    char path[HOME_PATH_MAX];
    int err;

    if ((err = home_path(path, home, ORGANISATION_KEY, why)) != RP_OK ||
        (err = check_name(name, why)) != RP_OK)
        return err;
    if (access(path, F_OK) == 0)
        return home_fail(RP_ERR_EXISTS, why,
                         "%s is the home of an organisation already: nothing was changed", home);
    if ((err = home_make_folders(home, why)) != RP_OK)
        return err;
    return home_check_private(home, why);
}

int home_lock(const char *home, struct why *why)
{
    char path[HOME_PATH_MAX];
    int fd;
    int err = home_path(path, home, "rpnode.lock", why);

    if (err != RP_OK)
        return err;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return home_fail(RP_ERR_IO, why, "%s: cannot be made: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return home_fail(
            RP_ERR_BUSY, why,
            "another rpnode is running with the home %s: stop it first, or give this one a "
            "home of its own",
            home_shown(home));
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

    if ((err = home_path(folder, home, STORE, why)) != RP_OK ||
        (err = home_path(unfinished, home, STORE_UNFINISHED, why)) != RP_OK)
        return err;
    if (access(folder, F_OK) == 0)
        return home_fail(RP_ERR_EXISTS, why, "%s is there already: nothing was changed", folder);
    remove_unfinished(unfinished);
    if (mkdir(unfinished, 0700) != 0)
        return home_fail(RP_ERR_IO, why, "%s: cannot be made: %s", unfinished, strerror(errno));
    home_random(id, sizeof id);
    if ((err = home_write_new(unfinished, "store.id", (struct rp_slice){id, sizeof id}, why)) !=
        RP_OK)
        return err;
    if ((kv = kv_lmdb_open(&opts, &err)) == NULL)
        return home_fail(err, why, "%s: cannot be made: %s", unfinished, rp_err_text(err));
    err = write_store_meta(kv, id);
    kv_lmdb_close(kv);
    if (err != RP_OK)
        return home_fail(err, why, "%s: cannot be made: %s", unfinished, rp_err_text(err));
    /* by one rename, so that there is never half a store */
    if (rename(unfinished, folder) != 0)
        return home_fail(RP_ERR_IO, why, "%s: cannot be made: %s", folder, strerror(errno));
    home_sync_folder(home);
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
    return home_fail(
        RP_ERR_EXISTS, why,
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
        return home_fail(err, why, "the store cannot be read: %s", rp_err_text(err));
    if (!kv_get(txn, KV_META, kv_key_slice(&format_key), &value) || value.len != 4)
        err = home_fail(RP_ERR_CORRUPT, why,
                        "the store has no format number: restore it from a backup");
    else if (kv_number(value.data, 4) > STORE_FORMAT)
        err =
            home_fail(RP_ERR_VERSION, why,
                      "the store was written by a newer rpnode (format %llu): install that version",
                      (unsigned long long)kv_number(value.data, 4));
    else if (id_len != STORE_ID_LEN || !kv_get(txn, KV_META, kv_key_slice(&id_key), &value) ||
             value.len != STORE_ID_LEN || memcmp(value.data, id, STORE_ID_LEN) != 0)
        err = home_fail(
            RP_ERR_KEY, why,
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

    if (home_path(folder, home, STORE, why) != RP_OK)
        return NULL;
    if (access(folder, F_OK) != 0) {
        (void)home_fail(RP_ERR_NOT_FOUND, why, "%s %s", folder, store_advice(RP_ERR_NOT_FOUND));
        return NULL;
    }
    if (home_check_private(folder, why) != RP_OK ||
        home_read_private(home, STORE_ID, id, &id_len, why) != RP_OK)
        return NULL;
    if ((kv = kv_lmdb_open(&opts, &err)) == NULL) {
        (void)home_fail(err, why, "%s/data.mdb %s", folder, store_advice(err));
        return NULL;
    }
    if (check_store_meta(kv, id, id_len, why) != RP_OK) {
        kv_lmdb_close(kv);
        return NULL;
    }
    return kv;
}
