#ifndef KV_H
#define KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rp/bytes.h"

/*
 * The store as ordered tables of keys and values, with transactions: what everything above needs of
 * LMDB, and all that it sees. A second implementation in memory (tests/support/kv_mem.c) lets the
 * simulator run the code above on a disk that fails on demand.
 *
 * Transactions have sticky errors: once a call has failed, later calls do nothing, reads find
 * nothing, and kv_commit reports the error. Values are borrowed until the transaction ends or, in a
 * write transaction, until its next change. Read transactions are short: never kept over a turn of
 * the loop. One write transaction at a time.
 *
 * Within a table all keys have the same length.
 */

enum kv_table {
    KV_META,      /* number -> value */
    KV_LOG,       /* seq -> record */
    KV_SYMBOL,    /* symbol -> where it is */
    KV_OBJECT,    /* object, seq -> id */
    KV_AUTHOR,    /* scope, lane, organisation, seq -> symbol */
    KV_HEAD,      /* scope, kind, made, seq -> object */
    KV_REPLACED,  /* symbol of a parent, seq of the child -> */
    KV_BACKLINK,  /* object, seq of what refers to it -> */
    KV_WITHDRAWN, /* scope, object, version -> symbol of the withdrawal */
    KV_TELLER,    /* teller, object -> what a withdrawal by code needs */
    KV_TOLD,      /* seed of an own object -> its teller */
    KV_DUE,       /* day, seq: own stories by when consent is to be asked again */
    KV_ORG,       /* number -> organisation */
    KV_ORG_ID,    /* id -> number */
    KV_SUM,       /* scope, lane, organisation -> count, fingerprint */
    KV_COUNT,     /* scope, kind -> objects */
    KV_PEER,      /* organisation -> peer */
    KV_INVITE,    /* name -> invite */
    KV_BEACON,    /* scope, node's key -> its beacon */
    KV_LATER,     /* symbol of a record whose version we do not read yet -> when it was met */
    KV_CIRCLE,    /* number of a scope -> circle */
    KV_CIRCLE_ID, /* id -> number */
    KV_REVOKED,   /* organisation, node's key, seq of the revocation -> */
    KV_AUDIT,     /* number -> what the operator did */
    KV_HIDDEN,    /* object -> when it was hidden here */
    KV_USAGE,     /* organisation -> what it takes */
    KV_QUOTA,     /* organisation -> what those reached through it share */
    KV_WAITING,   /* symbol of a record that waits for room -> whose it is */
    KV_TABLES,
};

struct kv;
struct kv_txn;
struct kv_cursor;

/* From a cursor's entry to another; KV_END goes to the table's last from anywhere. */
enum kv_step { KV_NEXT, KV_PREVIOUS, KV_END };

/* What an implementation provides. Not called directly: use the functions below. */
struct kv_ops {
    struct kv_txn *(*begin)(struct kv *kv, bool write, int *err);
    int (*commit)(struct kv_txn *txn);
    void (*abort)(struct kv_txn *txn);
    int (*get)(struct kv_txn *txn, enum kv_table table, struct rp_slice key,
               struct rp_slice *value);
    int (*put)(struct kv_txn *txn, enum kv_table table, struct rp_slice key, struct rp_slice value);
    int (*del)(struct kv_txn *txn, enum kv_table table, struct rp_slice key);
    struct kv_cursor *(*open)(struct kv_txn *txn, enum kv_table table, int *err);
    void (*close)(struct kv_cursor *cursor);
    /* The first entry at or after ${at}, which may be empty. */
    int (*seek)(struct kv_cursor *cursor, struct rp_slice at, struct rp_slice *key,
                struct rp_slice *value);
    int (*step)(struct kv_cursor *cursor, enum kv_step step, struct rp_slice *key,
                struct rp_slice *value);
};

/* First member of every implementation's store, transaction and cursor. */
struct kv {
    const struct kv_ops *ops;
};
struct kv_txn {
    struct kv *kv;
    int err;
};
struct kv_cursor {
    struct kv_txn *txn;
};

/* NULL and the reason in ${err} on failure. */
struct kv_txn *kv_begin(struct kv *kv, bool write, int *err);

/* Both end and free the transaction. kv_commit returns the sticky error, if any, having aborted. */
int kv_commit(struct kv_txn *txn) __attribute__((warn_unused_result));
void kv_abort(struct kv_txn *txn);

/* The sticky error, or RP_OK. kv_fail sets it, if none is set. */
int kv_err(const struct kv_txn *txn);
void kv_fail(struct kv_txn *txn, int err);

/* Whether the key is there; its value in ${value}, which may be NULL. */
bool kv_get(struct kv_txn *txn, enum kv_table table, struct rp_slice key, struct rp_slice *value);

/* Sets or replaces, removes (harmless when absent). */
void kv_put(struct kv_txn *txn, enum kv_table table, struct rp_slice key, struct rp_slice value);
void kv_del(struct kv_txn *txn, enum kv_table table, struct rp_slice key);

/*
 * Walks the entries whose key begins with a prefix:
 *     for (kv_first(&it, txn, table, prefix); it.found; kv_next(&it)) ... it.key, it.value
 * Ends by itself after the last entry; leave earlier with kv_stop. Do not change the table
 * meanwhile.
 */
#define KV_KEY_MAX 64
struct kv_iter {
    bool found;
    struct rp_slice key;
    struct rp_slice value;
    struct kv_cursor *cursor;
    size_t prefix_len;
    uint8_t prefix[KV_KEY_MAX];
};
void kv_first(struct kv_iter *it, struct kv_txn *txn, enum kv_table table, struct rp_slice prefix);

/* The same, beginning at the first key >= ${from}, which begins with the prefix. */
void kv_from(struct kv_iter *it, struct kv_txn *txn, enum kv_table table, struct rp_slice from,
             size_t prefix_len);

/* The same from the last entry on, to be walked with kv_previous. */
void kv_last(struct kv_iter *it, struct kv_txn *txn, enum kv_table table, struct rp_slice prefix);

/* The same from the last key below ${from}, which begins with the prefix. */
void kv_before(struct kv_iter *it, struct kv_txn *txn, enum kv_table table, struct rp_slice from,
               size_t prefix_len);
void kv_next(struct kv_iter *it);
void kv_previous(struct kv_iter *it);
void kv_stop(struct kv_iter *it);

/* Keys are built from parts, numbers big-endian so that they sort. */
struct kv_key {
    uint8_t bytes[KV_KEY_MAX];
    size_t len;
};
void kv_key_number(struct kv_key *key, uint64_t number, size_t width);
void kv_key_bytes(struct kv_key *key, const uint8_t *data, size_t len);
struct rp_slice kv_key_slice(const struct kv_key *key);

/* A big-endian number of ${width} bytes at ${data}. */
uint64_t kv_number(const uint8_t *data, size_t width);

#endif
