#include "support/kv_mem.h"

#include <stdlib.h>
#include <string.h>

#include "rp/err.h"

struct entry {
    struct rp_bytes key;
    struct rp_bytes value;
};

struct table {
    struct entry **entries; /* sorted by key */
    size_t n;
    size_t cap;
};

/* How to take one change back: the entry as it was; value.data NULL when there was none. */
struct undo {
    enum kv_table table;
    struct rp_bytes key;
    struct rp_bytes value;
    struct undo *before;
};

struct mem {
    struct kv base;
    struct table tables[KV_TABLES];
    unsigned fail_in;
    int fail_with;
    bool writing;
};

struct mem_txn {
    struct kv_txn base;
    bool write;
    struct undo *undo;
};

struct mem_cursor {
    struct kv_cursor base;
    struct table *table;
    size_t at;
};

/* The place of the first entry at or after ${key}. */
static size_t place(const struct table *table, struct rp_slice key)
{
    size_t low = 0;
    size_t high = table->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (rp_bytes_compare(rp_bytes_slice(&table->entries[middle]->key), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct entry *find(const struct table *table, struct rp_slice key)
{
    size_t i = place(table, key);

    if (i == table->n || rp_bytes_compare(rp_bytes_slice(&table->entries[i]->key), key) != 0)
        return NULL;
    return table->entries[i];
}

static void entry_free(struct entry *entry)
{
    rp_bytes_free(&entry->key);
    rp_bytes_free(&entry->value);
    free(entry);
}

static void remove_entry(struct table *table, struct rp_slice key)
{
    size_t i = place(table, key);

    if (i == table->n || rp_bytes_compare(rp_bytes_slice(&table->entries[i]->key), key) != 0)
        return;
    entry_free(table->entries[i]);
    memmove(table->entries + i, table->entries + i + 1,
            (table->n - i - 1) * sizeof *table->entries);
    table->n--;
}

static int set_entry(struct table *table, struct rp_slice key, struct rp_slice value)
{
    struct entry *entry = calloc(1, sizeof *entry);
    size_t i;

    if (entry == NULL)
        return RP_ERR_NOMEM;
    if (rp_bytes_copy(&entry->key, key.data, key.len) != RP_OK ||
        rp_bytes_copy(&entry->value, value.data, value.len) != RP_OK)
        goto err1;
    remove_entry(table, key);
    if (table->n == table->cap) {
        size_t cap = table->cap > 0 ? 2 * table->cap : 64;
        struct entry **entries = realloc(table->entries, cap * sizeof *entries);

        if (entries == NULL)
            goto err1;
        table->entries = entries;
        table->cap = cap;
    }
    i = place(table, key);
    memmove(table->entries + i + 1, table->entries + i, (table->n - i) * sizeof *table->entries);
    table->entries[i] = entry;
    table->n++;
    return RP_OK;

err1:
    entry_free(entry);
    return RP_ERR_NOMEM;
}

static struct kv_txn *begin(struct kv *kv, bool write, int *err)
{
    struct mem *mem = (struct mem *)kv;
    struct mem_txn *txn = calloc(1, sizeof *txn);

    *err = txn != NULL ? RP_OK : RP_ERR_NOMEM;
    if (txn == NULL)
        return NULL;
    if (write && mem->writing) {
        free(txn);
        *err = RP_ERR_STATE;
        return NULL;
    }
    mem->writing |= write;
    txn->base.kv = kv;
    txn->write = write;
    return &txn->base;
}

static void undo_free(struct undo *undo)
{
    rp_bytes_free(&undo->key);
    rp_bytes_free(&undo->value);
    free(undo);
}

static void finish(struct mem_txn *txn)
{
    if (txn->write)
        ((struct mem *)txn->base.kv)->writing = false;
    while (txn->undo != NULL) {
        struct undo *before = txn->undo->before;

        undo_free(txn->undo);
        txn->undo = before;
    }
    free(txn);
}

static void abort_txn(struct kv_txn *base)
{
    struct mem_txn *txn = (struct mem_txn *)base;
    struct mem *mem = (struct mem *)base->kv;

    for (struct undo *undo = txn->undo; undo != NULL; undo = undo->before) {
        struct table *table = &mem->tables[undo->table];

        if (undo->value.data == NULL)
            remove_entry(table, rp_bytes_slice(&undo->key));
        else
            (void)set_entry(table, rp_bytes_slice(&undo->key), rp_bytes_slice(&undo->value));
    }
    finish(txn);
}

static int commit(struct kv_txn *base)
{
    struct mem *mem = (struct mem *)base->kv;

    if (((struct mem_txn *)base)->write && mem->fail_in > 0 && --mem->fail_in == 0) {
        abort_txn(base);
        return mem->fail_with;
    }
    finish((struct mem_txn *)base);
    return RP_OK;
}

static int get(struct kv_txn *base, enum kv_table table, struct rp_slice key,
               struct rp_slice *value)
{
    struct entry *entry = find(&((struct mem *)base->kv)->tables[table], key);

    if (entry == NULL)
        return RP_ERR_NOT_FOUND;
    *value = rp_bytes_slice(&entry->value);
    return RP_OK;
}

/* Notes how the entry is before it changes. */
static int note(struct mem_txn *txn, enum kv_table table, struct rp_slice key)
{
    struct entry *entry = find(&((struct mem *)txn->base.kv)->tables[table], key);
    struct undo *undo = calloc(1, sizeof *undo);

    if (undo == NULL)
        return RP_ERR_NOMEM;
    undo->table = table;
    if (rp_bytes_copy(&undo->key, key.data, key.len) != RP_OK ||
        (entry != NULL &&
         rp_bytes_copy(&undo->value, entry->value.data, entry->value.len) != RP_OK)) {
        undo_free(undo);
        return RP_ERR_NOMEM;
    }
    undo->before = txn->undo;
    txn->undo = undo;
    return RP_OK;
}

static int put(struct kv_txn *base, enum kv_table table, struct rp_slice key, struct rp_slice value)
{
    struct mem *mem = (struct mem *)base->kv;
    int err = note((struct mem_txn *)base, table, key);

    return err != RP_OK ? err : set_entry(&mem->tables[table], key, value);
}

static int del(struct kv_txn *base, enum kv_table table, struct rp_slice key)
{
    struct mem *mem = (struct mem *)base->kv;
    int err;

    if (find(&mem->tables[table], key) == NULL)
        return RP_ERR_NOT_FOUND;
    if ((err = note((struct mem_txn *)base, table, key)) == RP_OK)
        remove_entry(&mem->tables[table], key);
    return err;
}

static struct kv_cursor *open_cursor(struct kv_txn *base, enum kv_table table, int *err)
{
    struct mem_cursor *cursor = calloc(1, sizeof *cursor);

    *err = cursor != NULL ? RP_OK : RP_ERR_NOMEM;
    if (cursor == NULL)
        return NULL;
    cursor->base.txn = base;
    cursor->table = &((struct mem *)base->kv)->tables[table];
    return &cursor->base;
}

static void close_cursor(struct kv_cursor *base)
{
    free(base);
}

static int here(struct mem_cursor *cursor, struct rp_slice *key, struct rp_slice *value)
{
    if (cursor->at >= cursor->table->n)
        return RP_ERR_NOT_FOUND;
    *key = rp_bytes_slice(&cursor->table->entries[cursor->at]->key);
    *value = rp_bytes_slice(&cursor->table->entries[cursor->at]->value);
    return RP_OK;
}

static int seek(struct kv_cursor *base, struct rp_slice at, struct rp_slice *key,
                struct rp_slice *value)
{
    struct mem_cursor *cursor = (struct mem_cursor *)base;

    cursor->at = place(cursor->table, at);
    return here(cursor, key, value);
}

static int step(struct kv_cursor *base, enum kv_step step, struct rp_slice *key,
                struct rp_slice *value)
{
    struct mem_cursor *cursor = (struct mem_cursor *)base;

    if (step == KV_NEXT)
        cursor->at++;
    else
        cursor->at = (step == KV_END ? cursor->table->n : cursor->at) - 1; /* may wrap: no entry */
    return here(cursor, key, value);
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

struct kv *kv_mem_new(void)
{
    struct mem *mem = calloc(1, sizeof *mem);

    if (mem == NULL)
        return NULL;
    mem->base.ops = &ops;
    return &mem->base;
}

void kv_mem_free(struct kv *kv)
{
    struct mem *mem = (struct mem *)kv;

    if (mem == NULL)
        return;
    for (int t = 0; t < KV_TABLES; t++) {
        for (size_t i = 0; i < mem->tables[t].n; i++)
            entry_free(mem->tables[t].entries[i]);
        free(mem->tables[t].entries);
    }
    free(mem);
}

struct kv *kv_mem_copy(const struct kv *kv)
{
    const struct mem *from = (const struct mem *)kv;
    struct kv *copy = kv_mem_new();

    for (int t = 0; t < KV_TABLES && copy != NULL; t++) {
        for (size_t i = 0; i < from->tables[t].n && copy != NULL; i++) {
            const struct entry *entry = from->tables[t].entries[i];

            if (set_entry(&((struct mem *)copy)->tables[t], rp_bytes_slice(&entry->key),
                          rp_bytes_slice(&entry->value)) != RP_OK) {
                kv_mem_free(copy);
                copy = NULL;
            }
        }
    }
    return copy;
}

bool kv_mem_rot(struct kv *kv, enum kv_table table, size_t nth, size_t from, size_t bit)
{
    struct table *t = &((struct mem *)kv)->tables[table];

    if (nth >= t->n || from + bit / 8 >= t->entries[nth]->value.len)
        return false;
    t->entries[nth]->value.data[from + bit / 8] ^= (uint8_t)(1u << bit % 8);
    return true;
}

void kv_mem_fail_commit(struct kv *kv, unsigned n, int err)
{
    struct mem *mem = (struct mem *)kv;

    mem->fail_in = n;
    mem->fail_with = err;
}
