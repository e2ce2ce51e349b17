#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kv_lmdb_private.h"
#include "rp/err.h"

#define FILE_NOW "data.mdb"
#define FILE_NEW "data.new"

static const char *path_of(char out[static LMDB_PATH_MAX + 16], const struct lmdb *lmdb,
                           const char *name)
{
    snprintf(out, LMDB_PATH_MAX + 16, "%s/%s", lmdb->folder, name);
    return out;
}

void lmdb_copy_clear(const struct lmdb *lmdb)
{
    char path[LMDB_PATH_MAX + 16];

    (void)unlink(path_of(path, lmdb, FILE_NEW));
}

/* What is written while a copy is made */

void lmdb_copy_join(struct lmdb_txn *txn)
{
    struct lmdb_copy *copy = &((struct lmdb *)txn->base.kv)->copy;

    if (copy->env != NULL && copy->err == RP_OK)
        copy->err = lmdb_error(mdb_txn_begin(copy->env, NULL, 0, &txn->copy));
}

void lmdb_copy_leave(struct lmdb_txn *txn, bool committed)
{
    struct lmdb_copy *copy = &((struct lmdb *)txn->base.kv)->copy;

    if (txn->copy == NULL)
        return;
    if (!committed || copy->err != RP_OK)
        mdb_txn_abort(txn->copy);
    else
        copy->err = lmdb_error(mdb_txn_commit(txn->copy));
    txn->copy = NULL;
}

/* Whether the copy is past the key already; what is not is copied later. */
static bool is_past(const struct lmdb_txn *txn, enum kv_table table, const MDB_val *key)
{
    const struct lmdb_copy *copy = &((const struct lmdb *)txn->base.kv)->copy;
    struct rp_slice k = {key->mv_data, key->mv_size};

    if (txn->copy == NULL || copy->err != RP_OK)
        return false;
    return (int)table < copy->table || ((int)table == copy->table && copy->last.len > 0 &&
                                        rp_bytes_compare(k, kv_key_slice(&copy->last)) <= 0);
}

void lmdb_copy_put(struct lmdb_txn *txn, enum kv_table table, MDB_val key, MDB_val value)
{
    struct lmdb_copy *copy = &((struct lmdb *)txn->base.kv)->copy;

    if (is_past(txn, table, &key))
        copy->err = lmdb_put(txn->copy, copy->tables[table], table, key, value);
}

void lmdb_copy_del(struct lmdb_txn *txn, enum kv_table table, MDB_val key)
{
    struct lmdb_copy *copy = &((struct lmdb *)txn->base.kv)->copy;
    int err = RP_OK;

    if (is_past(txn, table, &key))
        err = lmdb_error(mdb_del(txn->copy, copy->tables[table], &key, NULL));
    if (err != RP_OK && err != RP_ERR_NOT_FOUND)
        copy->err = err;
}

/* The copy itself */

int kv_lmdb_copy_begin(struct kv *kv)
{
    struct lmdb *lmdb = (struct lmdb *)kv;
    struct lmdb_copy *copy = &lmdb->copy;
    char path[LMDB_PATH_MAX + 16];
    int err;

    if (copy->env != NULL || lmdb->old_fd >= 0 || lmdb->env == NULL)
        return RP_ERR_STATE;
    lmdb_copy_clear(lmdb);
    *copy = (struct lmdb_copy){.env = NULL};
    if ((err = lmdb_error(mdb_env_create(&copy->env))) != RP_OK)
        return err;
    mdb_env_set_maxdbs(copy->env, KV_TABLES);
    if ((err = lmdb_error(mdb_env_set_mapsize(copy->env, lmdb->map_bytes))) == RP_OK)
        /* no lock: nobody else knows of it. No syncing before it is whole */
        err = lmdb_error(mdb_env_open(copy->env, path_of(path, lmdb, FILE_NEW),
                                      MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC, 0600));
    if (err == RP_OK)
        err = lmdb_open_tables(copy->env, true, copy->tables);
    if (err != RP_OK)
        kv_lmdb_copy_end(kv);
    return err;
}

/* To the first entry of the copy's table that is not copied yet. */
static int go_on(MDB_cursor *cursor, const struct lmdb_copy *copy, MDB_val *key, MDB_val *value)
{
    int code;

    if (copy->last.len == 0)
        return mdb_cursor_get(cursor, key, value, MDB_FIRST);
    *key = lmdb_val(kv_key_slice(&copy->last));
    code = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    if (code == 0 && key->mv_size == copy->last.len &&
        memcmp(key->mv_data, copy->last.bytes, copy->last.len) == 0)
        code = mdb_cursor_get(cursor, key, value, MDB_NEXT);
    return code;
}

/* Copies entries of one table; ${left} goes down by their size. MDB_NOTFOUND at the table's end. */
static int copy_some(struct lmdb *lmdb, MDB_txn *from, MDB_txn *to, size_t *left)
{
    struct lmdb_copy *copy = &lmdb->copy;
    MDB_cursor *cursor;
    MDB_val value;
    MDB_val key;
    int code = mdb_cursor_open(from, lmdb->tables[copy->table], &cursor);

    if (code != 0)
        return code;
    code = go_on(cursor, copy, &key, &value);
    while (code == 0 && *left > 0) {
        size_t size = key.mv_size + value.mv_size;

        if ((code = mdb_put(to, copy->tables[copy->table], &key, &value, MDB_APPEND)) != 0)
            break;
        copy->last.len = 0;
        kv_key_bytes(&copy->last, key.mv_data, key.mv_size);
        *left -= size < *left ? size : *left;
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return code;
}

int kv_lmdb_copy_step(struct kv *kv, size_t bytes, bool *done)
{
    struct lmdb *lmdb = (struct lmdb *)kv;
    struct lmdb_copy *copy = &lmdb->copy;
    MDB_txn *from;
    MDB_txn *to;
    int code = 0;

    *done = false;
    if (copy->env == NULL)
        return RP_ERR_STATE;
    if (copy->err != RP_OK)
        return copy->err;
    if ((copy->err = lmdb_error(mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &from))) != RP_OK)
        return copy->err;
    if ((copy->err = lmdb_error(mdb_txn_begin(copy->env, NULL, 0, &to))) != RP_OK) {
        mdb_txn_abort(from);
        return copy->err;
    }
    while (code == 0 && bytes > 0 && copy->table < KV_TABLES) {
        code = copy_some(lmdb, from, to, &bytes);
        if (code == MDB_NOTFOUND) {
            copy->table++;
            copy->last.len = 0;
            code = 0;
        }
    }
    mdb_txn_abort(from);
    if (code != 0)
        mdb_txn_abort(to);
    else
        code = mdb_txn_commit(to);
    copy->err = lmdb_error(code);
    *done = copy->err == RP_OK && copy->table == KV_TABLES;
    return copy->err;
}

/* Whether each table of the copy has as many entries as the store's. */
static int check_copy(struct lmdb *lmdb)
{
    struct lmdb_copy *copy = &lmdb->copy;
    int err = RP_OK;
    MDB_txn *from;
    MDB_txn *to;

    if ((err = lmdb_error(mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &from))) != RP_OK)
        return err;
    if ((err = lmdb_error(mdb_txn_begin(copy->env, NULL, MDB_RDONLY, &to))) != RP_OK) {
        mdb_txn_abort(from);
        return err;
    }
    for (int i = 0; i < KV_TABLES && err == RP_OK; i++) {
        MDB_stat ours;
        MDB_stat theirs;

        if ((err = lmdb_error(mdb_stat(from, lmdb->tables[i], &ours))) == RP_OK &&
            (err = lmdb_error(mdb_stat(to, copy->tables[i], &theirs))) == RP_OK &&
            ours.ms_entries != theirs.ms_entries)
            err = RP_ERR_CORRUPT;
    }
    mdb_txn_abort(to);
    mdb_txn_abort(from);
    return err;
}

/* Makes sure that the names in the folder are on disk. */
static int sync_folder(const struct lmdb *lmdb)
{
    int fd = open(lmdb->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = fd >= 0 && fsync(fd) == 0 ? RP_OK : RP_ERR_IO;

    if (fd >= 0)
        close(fd);
    return err;
}

/*
 * The file of ${fd} is to be overwritten when it is certain that the folder names another instead,
 * and that nobody else has it under some other name.
 */
static void keep_old(struct lmdb *lmdb, int fd)
{
    struct stat st;

    if (fd < 0)
        return;
    if (sync_folder(lmdb) != RP_OK || fstat(fd, &st) != 0 || st.st_nlink > 0) {
        close(fd);
        return;
    }
    lmdb->old_fd = fd;
    lmdb->old_at = 0;
    lmdb->old_bytes = (uint64_t)st.st_size;
}

int kv_lmdb_copy_swap(struct kv *kv)
{
    struct lmdb *lmdb = (struct lmdb *)kv;
    struct lmdb_copy *copy = &lmdb->copy;
    char new[LMDB_PATH_MAX + 16];
    char now[LMDB_PATH_MAX + 16];
    int err = copy->err;
    int reopened;
    int fd;

    if (copy->env == NULL || copy->table < KV_TABLES)
        return RP_ERR_STATE;
    if (err != RP_OK || (err = check_copy(lmdb)) != RP_OK ||
        (err = lmdb_error(mdb_env_sync(copy->env, 1))) != RP_OK)
        return err;
    mdb_env_close(copy->env);
    copy->env = NULL;
    fd = open(path_of(now, lmdb, FILE_NOW), O_WRONLY | O_CLOEXEC);
    pthread_rwlock_wrlock(&lmdb->lock);
    mdb_env_close(lmdb->env);
    lmdb->env = NULL;
    if (rename(path_of(new, lmdb, FILE_NEW), now) != 0)
        err = errno == ENOSPC || errno == EDQUOT ? RP_ERR_FULL : RP_ERR_IO;
    reopened = lmdb_open(lmdb, false);
    if (reopened != RP_OK && lmdb->env != NULL) {
        mdb_env_close(lmdb->env);
        lmdb->env = NULL;
    }
    pthread_rwlock_unlock(&lmdb->lock);
    if (err == RP_OK)
        keep_old(lmdb, fd);
    else if (fd >= 0)
        close(fd);
    return err != RP_OK ? err : reopened;
}

int kv_lmdb_copy_wipe(struct kv *kv, size_t bytes, bool *done)
{
    static const uint8_t zeroes[65536] = {0};
    struct lmdb *lmdb = (struct lmdb *)kv;
    int err = RP_OK;

    for (size_t n = 0; n < bytes && lmdb->old_at < lmdb->old_bytes && err == RP_OK;
         n += sizeof zeroes) {
        uint64_t left = lmdb->old_bytes - lmdb->old_at;
        ssize_t written = pwrite(lmdb->old_fd, zeroes, left < sizeof zeroes ? left : sizeof zeroes,
                                 (off_t)lmdb->old_at);

        if (written > 0)
            lmdb->old_at += (uint64_t)written;
        else
            err = RP_ERR_IO;
    }
    *done = lmdb->old_fd < 0 || lmdb->old_at == lmdb->old_bytes || err != RP_OK;
    if (*done && lmdb->old_fd >= 0) {
        if (fsync(lmdb->old_fd) != 0)
            err = RP_ERR_IO;
        close(lmdb->old_fd);
        lmdb->old_fd = -1;
        lmdb->old_bytes = 0;
    }
    return err;
}

void kv_lmdb_copy_end(struct kv *kv)
{
    struct lmdb *lmdb = (struct lmdb *)kv;
    bool done;

    if (lmdb->copy.env != NULL) {
        mdb_env_close(lmdb->copy.env);
        lmdb->copy.env = NULL;
        lmdb_copy_clear(lmdb);
    }
    if (lmdb->old_fd >= 0)
        (void)!kv_lmdb_copy_wipe(kv, SIZE_MAX, &done);
}
