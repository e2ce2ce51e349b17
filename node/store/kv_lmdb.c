#include "kv_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rp/err.h"

#define READERS_MAX 126
#define PATH_LEN_MAX 4096

struct lmdb {
    struct kv base;
    MDB_env *env;
    MDB_dbi tables[KV_TABLES];
    size_t page_bytes;
};

struct lmdb_txn {
    struct kv_txn base;
    MDB_txn *txn;
};

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
};

/*
 * LMDB reports a full disk as EIO when a write came up short, so these all mean: no room. What is
 * already stored stays readable, and writing works again once there is room.
 */
static int map_error(int code)
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
    return code == EIO ? RP_ERR_IO : map_error(code);
}

static MDB_val val_of(struct rp_slice slice)
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
    *err = map_error(mdb_txn_begin(lmdb->env, NULL, write ? 0 : MDB_RDONLY, &txn->txn));
    if (*err != RP_OK) {
        free(txn);
        return NULL;
    }
    return &txn->base;
}

static int commit(struct kv_txn *base)
{
    struct lmdb_txn *txn = (struct lmdb_txn *)base;
    int err = map_error(mdb_txn_commit(txn->txn));

    free(txn);
    return err;
}

static void abort_txn(struct kv_txn *base)
{
    struct lmdb_txn *txn = (struct lmdb_txn *)base;

    mdb_txn_abort(txn->txn);
    free(txn);
}

static MDB_dbi table_of(const struct kv_txn *txn, enum kv_table table)
{
    return ((const struct lmdb *)txn->kv)->tables[table];
}

static int get(struct kv_txn *base, enum kv_table table, struct rp_slice key,
               struct rp_slice *value)
{
    MDB_val k = val_of(key);
    MDB_val v;
    int code = mdb_get(((struct lmdb_txn *)base)->txn, table_of(base, table), &k, &v);

    if (code == 0)
        *value = slice_of(&v);
    return map_error(code);
}

static int put(struct kv_txn *base, enum kv_table table, struct rp_slice key, struct rp_slice value)
{
    MDB_val k = val_of(key);
    MDB_val v = val_of(value);

    return map_error(mdb_put(((struct lmdb_txn *)base)->txn, table_of(base, table), &k, &v, 0));
}

static int del(struct kv_txn *base, enum kv_table table, struct rp_slice key)
{
    MDB_val k = val_of(key);

    return map_error(mdb_del(((struct lmdb_txn *)base)->txn, table_of(base, table), &k, NULL));
}

static struct kv_cursor *open_cursor(struct kv_txn *base, enum kv_table table, int *err)
{
    struct lmdb_cursor *cursor = calloc(1, sizeof *cursor);

    if (cursor == NULL) {
        *err = RP_ERR_NOMEM;
        return NULL;
    }
    cursor->base.txn = base;
    *err = map_error(
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
    return map_error(code);
}

static int seek(struct kv_cursor *base, struct rp_slice at, struct rp_slice *key,
                struct rp_slice *value)
{
    MDB_val k = val_of(at);

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
    char path[PATH_LEN_MAX];
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
    return table == KV_TOLD;
}

static int open_tables(struct lmdb *lmdb, bool create)
{
    MDB_txn *txn;
    int err = map_open(mdb_txn_begin(lmdb->env, NULL, 0, &txn));

    if (err != RP_OK)
        return err;
    for (int i = 0; i < KV_TABLES; i++) {
        unsigned flags = create || came_later(i) ? MDB_CREATE : 0;

        err = map_open(mdb_dbi_open(txn, table_names[i], flags, &lmdb->tables[i]));
        if (err != RP_OK) {
            mdb_txn_abort(txn);
            return err == RP_ERR_NOT_FOUND ? RP_ERR_CORRUPT : err;
        }
    }
    return map_open(mdb_txn_commit(txn));
}

static int open_env(struct lmdb *lmdb, const struct kv_lmdb_opts *opts)
{
    uint64_t size = 0;
    int err = data_file_size(opts->path, &size);

    if (err == RP_ERR_NOT_FOUND && opts->create)
        err = RP_OK;
    else if (err == RP_OK && size == 0 && !opts->create)
        err = RP_ERR_CORRUPT; /* LMDB would take it for a new store */
    if (err != RP_OK)
        return err;
    if ((err = map_open(mdb_env_create(&lmdb->env))) != RP_OK)
        return err;
    mdb_env_set_maxdbs(lmdb->env, KV_TABLES);
    mdb_env_set_maxreaders(lmdb->env, READERS_MAX);
    if ((err = map_open(mdb_env_set_mapsize(lmdb->env, opts->map_bytes))) != RP_OK)
        return err;
    if ((err = map_open(mdb_env_open(lmdb->env, opts->path, MDB_NOTLS, 0600))) != RP_OK)
        return err;
    if ((err = check_length(lmdb, opts->path)) != RP_OK)
        return err;
    return open_tables(lmdb, opts->create);
}

struct kv *kv_lmdb_open(const struct kv_lmdb_opts *opts, int *err)
{
    struct lmdb *lmdb = calloc(1, sizeof *lmdb);

    if (lmdb == NULL) {
        *err = RP_ERR_NOMEM;
        return NULL;
    }
    lmdb->base.ops = &ops;
    if ((*err = open_env(lmdb, opts)) != RP_OK) {
        kv_lmdb_close(&lmdb->base);
        return NULL;
    }
    return &lmdb->base;
}

void kv_lmdb_close(struct kv *kv)
{
    struct lmdb *lmdb = (struct lmdb *)kv;

    if (lmdb == NULL)
        return;
    if (lmdb->env != NULL)
        mdb_env_close(lmdb->env);
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
    uint64_t pages;

    mdb_env_info(lmdb->env, &info);
    pages = info.me_last_pgno + 1;
    if (mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &txn) != 0)
        return pages * lmdb->page_bytes;
    pages -= free_pages(txn);
    mdb_txn_abort(txn);
    return pages * lmdb->page_bytes;
}

bool kv_lmdb_has_failed(struct kv *kv)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(((struct lmdb *)kv)->env, NULL, MDB_RDONLY, &txn);

    if (code == 0)
        mdb_txn_abort(txn);
    return code == MDB_PANIC;
}
