#include "kv_lmdb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kv_lmdb_private.h"
#include "rp/err.h"

#define READERS_MAX 126

struct lmdb_cursor {
    struct kv_cursor base;
    MDB_cursor *cursor;
};

static const char *const table_names[KV_TABLES] = {
    [KV_META] = "meta",
    [KV_LOG] = "log",
    [KV_SYMBOL] = "symbol",
    [KV_OBJECT] = "object",
    [KV_AUTHOR] = "author",
    [KV_HEAD] = "head",
    [KV_REPLACED] = "replaced",
    [KV_BACKLINK] = "backlink",
    [KV_WITHDRAWN] = "withdrawn",
    [KV_TELLER] = "teller",
    [KV_ORG] = "org",
    [KV_ORG_ID] = "org-id",
    [KV_SUM] = "sum",
    [KV_COUNT] = "count",
    [KV_PEER] = "peer",
    [KV_INVITE] = "invite",
    [KV_LATER] = "later",
    [KV_TOLD] = "told",
    [KV_CIRCLE] = "circle",
    [KV_CIRCLE_ID] = "circle-id",
    [KV_REVOKED] = "revoked",
    [KV_AUDIT] = "audit",
    [KV_HIDDEN] = "hidden",
    [KV_USAGE] = "usage",
    [KV_QUOTA] = "quota",
    [KV_WAITING] = "waiting",
    [KV_DUE] = "due",
    [KV_BEACON] = "beacon",
};

/*
 * LMDB reports a full disk as EIO when a write came up short, so these all mean: no room. What is
 * already stored stays readable, and writing works again once there is room.
 */
int lmdb_error(int code)
{
    switch (code) {
    case 0:
        return RP_OK;
    case MDB_NOTFOUND:
        return RP_ERR_NOT_FOUND;
    case MDB_MAP_FULL:
    case ENOSPC:
    case EFBIG:
    case EDQUOT:
    case EIO:
        return RP_ERR_FULL;
    case ENOMEM:
        return RP_ERR_NOMEM;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
        return RP_ERR_CORRUPT;
    case ENOENT:
        return RP_ERR_NOT_FOUND;
    case EACCES:
        return RP_ERR_DENIED;
    default:
        return RP_ERR_IO;
    }
}

/* Nothing is written yet when a store is opened: EIO then is what it says. */
static int map_open(int code)
{
    return code == EIO ? RP_ERR_IO : lmdb_error(code);
}

MDB_val lmdb_val(struct rp_slice slice)
{
    return (MDB_val){slice.len, (void *)(uintptr_t)slice.data};
}

static struct rp_slice slice_of(const MDB_val *val)
{
    return (struct rp_slice){val->mv_data, val->mv_size};
}

static struct kv_txn *begin(struct kv *kv, bool write, int *err)
{
    struct lmdb *lmdb = (struct lmdb *)kv;
    struct lmdb_txn *txn = calloc(1, sizeof *txn);

    if (txn == NULL) {
        *err = RP_ERR_NOMEM;
        return NULL;
    }
    txn->base.kv = kv;
    pthread_rwlock_rdlock(&lmdb->lock);
    *err = lmdb->env == NULL
               ? RP_ERR_IO /* see kv_lmdb_copy_swap */
               : lmdb_error(mdb_txn_begin(lmdb->env, NULL, write ? 0 : MDB_RDONLY, &txn->txn));
    if (*err != RP_OK) {
        pthread_rwlock_unlock(&lmdb->lock);
        free(txn);
        return NULL;
    }
    if (write)
        lmdb_copy_join(txn);
    return &txn->base;
}

static int commit(struct kv_txn *base)
{
    struct lmdb_txn *txn = (struct lmdb_txn *)base;
    int err = lmdb_error(mdb_txn_commit(txn->txn));

    lmdb_copy_leave(txn, err == RP_OK);
    pthread_rwlock_unlock(&((struct lmdb *)base->kv)->lock);
    free(txn);
    return err;
}

static void abort_txn(struct kv_txn *base)
{
    struct lmdb_txn *txn = (struct lmdb_txn *)base;

    mdb_txn_abort(txn->txn);
    lmdb_copy_leave(txn, false);
    pthread_rwlock_unlock(&((struct lmdb *)base->kv)->lock);
    free(txn);
}

static MDB_dbi table_of(const struct kv_txn *txn, enum kv_table table)
{
    return ((const struct lmdb *)txn->kv)->tables[table];
}

static int get(struct kv_txn *base, enum kv_table table, struct rp_slice key,
               struct rp_slice *value)
{
    MDB_val k = lmdb_val(key);
    MDB_val v;
    int code = mdb_get(((struct lmdb_txn *)base)->txn, table_of(base, table), &k, &v);

    if (code == 0)
        *value = slice_of(&v);
    return lmdb_error(code);
}

/*
 * Sets an entry. Those of the log come in ascending order: said to LMDB, it fills each page, where
 * otherwise it moves one entry of each on, of which there are three or four.
 */
int lmdb_put(MDB_txn *txn, MDB_dbi dbi, enum kv_table table, MDB_val key, MDB_val value)
{
    int code = MDB_KEYEXIST;

    if (table == KV_LOG)
        code = mdb_put(txn, dbi, &key, &value, MDB_APPEND);
    if (code == MDB_KEYEXIST) /* there are later ones */
        code = mdb_put(txn, dbi, &key, &value, 0);
    return lmdb_error(code);
}

static int put(struct kv_txn *base, enum kv_table table, struct rp_slice key, struct rp_slice value)
{
    MDB_val k = lmdb_val(key);
    MDB_val v = lmdb_val(value);

    lmdb_copy_put((struct lmdb_txn *)base, table, k, v); /* first: it may be borrowed from here */
    return lmdb_put(((struct lmdb_txn *)base)->txn, table_of(base, table), table, k, v);
}

static int del(struct kv_txn *base, enum kv_table table, struct rp_slice key)
{
    MDB_val k = lmdb_val(key);

    lmdb_copy_del((struct lmdb_txn *)base, table, k);
    return lmdb_error(mdb_del(((struct lmdb_txn *)base)->txn, table_of(base, table), &k, NULL));
}

static struct kv_cursor *open_cursor(struct kv_txn *base, enum kv_table table, int *err)
{
    struct lmdb_cursor *cursor = calloc(1, sizeof *cursor);

    if (cursor == NULL) {
        *err = RP_ERR_NOMEM;
        return NULL;
    }
    cursor->base.txn = base;
    *err = lmdb_error(
        mdb_cursor_open(((struct lmdb_txn *)base)->txn, table_of(base, table), &cursor->cursor));
    if (*err != RP_OK) {
        free(cursor);
        return NULL;
    }
    return &cursor->base;
}

static void close_cursor(struct kv_cursor *base)
{
    struct lmdb_cursor *cursor = (struct lmdb_cursor *)base;

    mdb_cursor_close(cursor->cursor);
    free(cursor);
}

static int move(struct kv_cursor *base, MDB_val *k, MDB_cursor_op op, struct rp_slice *key,
                struct rp_slice *value)
{
    MDB_val v;
    int code = mdb_cursor_get(((struct lmdb_cursor *)base)->cursor, k, &v, op);

    if (code == 0) {
        *key = slice_of(k);
        *value = slice_of(&v);
    }
    return lmdb_error(code);
}

static int seek(struct kv_cursor *base, struct rp_slice at, struct rp_slice *key,
                struct rp_slice *value)
{
    MDB_val k = lmdb_val(at);

    if (at.len == 0)
        return move(base, &k, MDB_FIRST, key, value);
    return move(base, &k, MDB_SET_RANGE, key, value);
}

static int step(struct kv_cursor *base, enum kv_step step, struct rp_slice *key,
                struct rp_slice *value)
{
    static const MDB_cursor_op moves[] = {
        [KV_NEXT] = MDB_NEXT, [KV_PREVIOUS] = MDB_PREV, [KV_END] = MDB_LAST};
    MDB_val k;

    return move(base, &k, moves[step], key, value);
}

static const struct kv_ops ops = {
    .begin = begin,
    .commit = commit,
    .abort = abort_txn,
    .get = get,
    .put = put,
    .del = del,
    .open = open_cursor,
    .close = close_cursor,
    .seek = seek,
    .step = step,
};

/* "${folder}/data.mdb" and its size; RP_ERR_NOT_FOUND when there is none. */
static int data_file_size(const char *folder, uint64_t *size)
{
    char path[LMDB_PATH_MAX];
    struct stat st;

    if (snprintf(path, sizeof path, "%s/data.mdb", folder) >= (int)sizeof path)
        return RP_ERR_ARGUMENT;
    if (stat(path, &st) != 0)
        return errno == ENOENT ? RP_ERR_NOT_FOUND : RP_ERR_IO;
    *size = (uint64_t)st.st_size;
    return RP_OK;
}

/* Whether the file holds all the pages that its header speaks of. */
static int check_length(struct lmdb *lmdb, const char *folder)
{
    MDB_envinfo info;
    MDB_stat stat_;
    uint64_t size;
    int err = data_file_size(folder, &size);

    if (err != RP_OK)
        return err;
    mdb_env_info(lmdb->env, &info);
    mdb_env_stat(lmdb->env, &stat_);
    lmdb->page_bytes = stat_.ms_psize;
    return size >= (info.me_last_pgno + 1) * (uint64_t)stat_.ms_psize ? RP_OK : RP_ERR_CORRUPT;
}

/* A table that the first stores did not have: one from then gets it, empty. */
static bool came_later(int table)
{
    return table == KV_TOLD || table == KV_DUE || table > KV_LATER;
}

int lmdb_open_tables(MDB_env *env, bool create, MDB_dbi tables[static KV_TABLES])
{
    MDB_txn *txn;
    int err = map_open(mdb_txn_begin(env, NULL, 0, &txn));

    if (err != RP_OK)
        return err;
    for (int i = 0; i < KV_TABLES; i++) {
        unsigned flags = create || came_later(i) ? MDB_CREATE : 0;

        err = map_open(mdb_dbi_open(txn, table_names[i], flags, &tables[i]));
        if (err != RP_OK) {
            mdb_txn_abort(txn);
            return err == RP_ERR_NOT_FOUND ? RP_ERR_CORRUPT : err;
        }
    }
    return map_open(mdb_txn_commit(txn));
}

int lmdb_open(struct lmdb *lmdb, bool create)
{
    uint64_t size = 0;
    int err = data_file_size(lmdb->folder, &size);

    if (err == RP_ERR_NOT_FOUND && create)
        err = RP_OK;
    else if (err == RP_OK && size == 0 && !create)
        err = RP_ERR_CORRUPT; /* LMDB would take it for a new store */
    if (err != RP_OK)
        return err;
    if ((err = map_open(mdb_env_create(&lmdb->env))) != RP_OK)
        return err;
    mdb_env_set_maxdbs(lmdb->env, KV_TABLES);
    mdb_env_set_maxreaders(lmdb->env, READERS_MAX);
    if ((err = map_open(mdb_env_set_mapsize(lmdb->env, lmdb->map_bytes))) != RP_OK)
        return err;
    if ((err = map_open(mdb_env_open(lmdb->env, lmdb->folder, MDB_NOTLS, 0600))) != RP_OK)
        return err;
    if ((err = check_length(lmdb, lmdb->folder)) != RP_OK)
        return err;
    return lmdb_open_tables(lmdb->env, create, lmdb->tables);
}

struct kv *kv_lmdb_open(const struct kv_lmdb_opts *opts, int *err)
{
    struct lmdb *lmdb = calloc(1, sizeof *lmdb);

    if (lmdb == NULL) {
        *err = RP_ERR_NOMEM;
        return NULL;
    }
    lmdb->base.ops = &ops;
    lmdb->map_bytes = opts->map_bytes;
    lmdb->old_fd = -1;
    pthread_rwlock_init(&lmdb->lock, NULL);
    if (strlen(opts->path) >= sizeof lmdb->folder) {
        *err = RP_ERR_ARGUMENT;
        goto err1;
    }
    memcpy(lmdb->folder, opts->path, strlen(opts->path) + 1);
    lmdb_copy_clear(lmdb);
    if ((*err = lmdb_open(lmdb, opts->create)) != RP_OK)
        goto err1;
    return &lmdb->base;

err1:
    kv_lmdb_close(&lmdb->base);
    return NULL;
}

void kv_lmdb_close(struct kv *kv)
{
    struct lmdb *lmdb = (struct lmdb *)kv;

    if (lmdb == NULL)
        return;
    kv_lmdb_copy_end(kv);
    if (lmdb->env != NULL)
        mdb_env_close(lmdb->env);
    pthread_rwlock_destroy(&lmdb->lock);
    free(lmdb);
}

/* Pages on the free list, which LMDB keeps as counted lists in its own first table. */
static uint64_t free_pages(MDB_txn *txn)
{
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val value;
    uint64_t pages = 0;

    if (mdb_cursor_open(txn, 0, &cursor) != 0)
        return 0;
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        size_t n;

        memcpy(&n, value.mv_data, sizeof n);
        pages += n;
    }
    mdb_cursor_close(cursor);
    return pages;
}

uint64_t kv_lmdb_bytes(struct kv *kv)
{
    struct lmdb *lmdb = (struct lmdb *)kv;
    MDB_envinfo info;
    MDB_txn *txn;
    uint64_t pages = 0;

    pthread_rwlock_rdlock(&lmdb->lock);
    if (lmdb->env != NULL) {
        mdb_env_info(lmdb->env, &info);
        pages = info.me_last_pgno + 1;
        if (mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &txn) == 0) {
            pages -= free_pages(txn);
            mdb_txn_abort(txn);
        }
    }
    pthread_rwlock_unlock(&lmdb->lock);
    return pages * lmdb->page_bytes;
}

bool kv_lmdb_has_failed(struct kv *kv)
{
    struct lmdb *lmdb = (struct lmdb *)kv;
    int code = MDB_PANIC;
    MDB_txn *txn;

    pthread_rwlock_rdlock(&lmdb->lock);
    if (lmdb->env != NULL)
        code = mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &txn);
    if (code == 0)
        mdb_txn_abort(txn);
    pthread_rwlock_unlock(&lmdb->lock);
    return code == MDB_PANIC;
}
