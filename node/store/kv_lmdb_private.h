#ifndef KV_LMDB_PRIVATE_H
#define KV_LMDB_PRIVATE_H

/* Between kv_lmdb.c, the store as it is used, and kv_lmdb_copy.c, which writes its file anew. */

#include <lmdb.h>
#include <pthread.h>

#include "kv_lmdb.h"

#define LMDB_PATH_MAX 4096

/* A second store that takes the place of the first; of the writing thread alone. */
struct lmdb_copy {
    MDB_env *env; /* NULL: none is being made */
    MDB_dbi tables[KV_TABLES];
    int table;          /* being copied; KV_TABLES: all are */
    struct kv_key last; /* copied of it; empty: none yet */
    int err;            /* what it failed with */
};

struct lmdb {
    struct kv base;
    pthread_rwlock_t
        lock;     /* read-locked by each transaction; write-locked to change what follows */
    MDB_env *env; /* NULL: it could not be opened again */
    MDB_dbi tables[KV_TABLES];
    size_t page_bytes;

    uint64_t map_bytes;
    struct lmdb_copy copy;
    int old_fd; /* of the file that was the store, to be overwritten; -1: none */
    uint64_t old_at;
    uint64_t old_bytes;
    char folder[LMDB_PATH_MAX];
};

struct lmdb_txn {
    struct kv_txn base;
    MDB_txn *txn;
    MDB_txn *copy; /* NULL: what is written need not go there, too */
};

/* kv_lmdb.c */
int lmdb_error(int code);
MDB_val lmdb_val(struct rp_slice slice);
int lmdb_put(MDB_txn *txn, MDB_dbi dbi, enum kv_table table, MDB_val key, MDB_val value);
int lmdb_open(struct lmdb *lmdb, bool create);
int lmdb_open_tables(MDB_env *env, bool create, MDB_dbi tables[static KV_TABLES]);

/* kv_lmdb_copy.c: a write transaction and the copy. */
void lmdb_copy_clear(const struct lmdb *lmdb); /* removes what a crash left */
void lmdb_copy_join(struct lmdb_txn *txn);
void lmdb_copy_leave(struct lmdb_txn *txn, bool committed);
void lmdb_copy_put(struct lmdb_txn *txn, enum kv_table table, MDB_val key, MDB_val value);
void lmdb_copy_del(struct lmdb_txn *txn, enum kv_table table, MDB_val key);

#endif
