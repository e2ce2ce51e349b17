#include "kv.h"

#include <string.h>

#include "rp/err.h"

struct kv_txn *kv_begin(struct kv *kv, bool write, int *err)
{
    return kv->ops->begin(kv, write, err);
}

int kv_commit(struct kv_txn *txn)
{
    int err = txn->err;

    if (err != RP_OK) {
        kv_abort(txn);
        return err;
    }
    return txn->kv->ops->commit(txn);
}

void kv_abort(struct kv_txn *txn)
{
    txn->kv->ops->abort(txn);
}

int kv_err(const struct kv_txn *txn)
{
    return txn->err;
}

void kv_fail(struct kv_txn *txn, int err)
{
    if (txn->err == RP_OK)
        txn->err = err;
}

/* Whether a call that may find nothing found something; anything but that sticks. */
static bool settle(struct kv_txn *txn, int err)
{
    if (err != RP_OK && err != RP_ERR_NOT_FOUND)
        kv_fail(txn, err);
    return err == RP_OK;
}

bool kv_get(struct kv_txn *txn, enum kv_table table, struct rp_slice key, struct rp_slice *value)
{
    struct rp_slice ignored;

    if (value == NULL)
        value = &ignored;
    *value = (struct rp_slice){NULL, 0};
    return txn->err == RP_OK && settle(txn, txn->kv->ops->get(txn, table, key, value));
}

void kv_put(struct kv_txn *txn, enum kv_table table, struct rp_slice key, struct rp_slice value)
{
    if (txn->err == RP_OK)
        kv_fail(txn, txn->kv->ops->put(txn, table, key, value));
}

void kv_del(struct kv_txn *txn, enum kv_table table, struct rp_slice key)
{
    if (txn->err == RP_OK)
        (void)settle(txn, txn->kv->ops->del(txn, table, key));
}

/* Takes what a cursor call gave, ending the walk when it left the prefix. */
static void arrive(struct kv_iter *it, int err)
{
    it->found = settle(it->cursor->txn, err) && it->key.len >= it->prefix_len &&
                memcmp(it->key.data, it->prefix, it->prefix_len) == 0;
    if (!it->found)
        kv_stop(it);
}

static bool open_cursor(struct kv_iter *it, struct kv_txn *txn, enum kv_table table)
{
    int err = RP_OK;

    *it = (struct kv_iter){0};
    if (txn->err != RP_OK)
        return false;
    it->cursor = txn->kv->ops->open(txn, table, &err);
    if (it->cursor == NULL)
        kv_fail(txn, err);
    return it->cursor != NULL;
}

void kv_from(struct kv_iter *it, struct kv_txn *txn, enum kv_table table, struct rp_slice from,
             size_t prefix_len)
{
    if (!open_cursor(it, txn, table))
        return;
    if (prefix_len > 0)
        memcpy(it->prefix, from.data, prefix_len);
    it->prefix_len = prefix_len;
    arrive(it, txn->kv->ops->seek(it->cursor, from, &it->key, &it->value));
}

void kv_first(struct kv_iter *it, struct kv_txn *txn, enum kv_table table, struct rp_slice prefix)
{
    kv_from(it, txn, table, prefix, prefix.len);
}

/* The smallest key after all that begin with ${prefix}; false when there is none. */
static bool key_after(struct kv_key *out, struct rp_slice prefix)
{
    out->len = 0;
    if (prefix.len > 0)
        kv_key_bytes(out, prefix.data, prefix.len);
    while (out->len > 0 && out->bytes[out->len - 1] == 0xff)
        out->len--;
    if (out->len == 0)
        return false;
    out->bytes[out->len - 1]++;
    return true;
}

/* Goes to the last entry below ${from}; from the table's end when ${from} is NULL. */
static void arrive_below(struct kv_iter *it, struct kv_txn *txn, const struct rp_slice *from)
{
    enum kv_step step = KV_END;

    if (from != NULL) {
        int err = txn->kv->ops->seek(it->cursor, *from, &it->key, &it->value);

        if (err != RP_OK && err != RP_ERR_NOT_FOUND) {
            arrive(it, err);
            return;
        }
        step = err == RP_OK ? KV_PREVIOUS : KV_END;
    }
    arrive(it, txn->kv->ops->step(it->cursor, step, &it->key, &it->value));
}

void kv_last(struct kv_iter *it, struct kv_txn *txn, enum kv_table table, struct rp_slice prefix)
{
    struct kv_key after;
    struct rp_slice from;
    bool bounded = key_after(&after, prefix);

    if (!open_cursor(it, txn, table))
        return;
    if (prefix.len > 0)
        memcpy(it->prefix, prefix.data, prefix.len);
    it->prefix_len = prefix.len;
    from = kv_key_slice(&after);
    arrive_below(it, txn, bounded ? &from : NULL);
}

void kv_before(struct kv_iter *it, struct kv_txn *txn, enum kv_table table, struct rp_slice from,
               size_t prefix_len)
{
    if (!open_cursor(it, txn, table))
        return;
    memcpy(it->prefix, from.data, prefix_len);
    it->prefix_len = prefix_len;
    arrive_below(it, txn, &from);
}

void kv_next(struct kv_iter *it)
{
    arrive(it, it->cursor->txn->kv->ops->step(it->cursor, KV_NEXT, &it->key, &it->value));
}

void kv_previous(struct kv_iter *it)
{
    arrive(it, it->cursor->txn->kv->ops->step(it->cursor, KV_PREVIOUS, &it->key, &it->value));
}

void kv_stop(struct kv_iter *it)
{
    if (it->cursor != NULL)
        it->cursor->txn->kv->ops->close(it->cursor);
    it->cursor = NULL;
    it->found = false;
}

void kv_key_number(struct kv_key *key, uint64_t number, size_t width)
{
    for (size_t i = 0; i < width; i++)
        key->bytes[key->len + i] = (uint8_t)(number >> 8 * (width - 1 - i));
    key->len += width;
}

void kv_key_bytes(struct kv_key *key, const uint8_t *data, size_t len)
{
    memcpy(key->bytes + key->len, data, len);
    key->len += len;
}

struct rp_slice kv_key_slice(const struct kv_key *key)
{
    return (struct rp_slice){key->bytes, key->len};
}

uint64_t kv_number(const uint8_t *data, size_t width)
{
    uint64_t number = 0;

    for (size_t i = 0; i < width; i++)
        number = number << 8 | data[i];
    return number;
}
