#include "records.h"

#include <sodium.h>
#include <string.h>

#include "due.h"
#include "erasing.h"
#include "quota.h"
#include "references.h"
#include "revoked.h"
#include "rp/err.h"
#include "rp/limits.h"

#define LOG_HEADER_LEN 20 /* first seen 8, organisation 4, scope 4, lane 1, check 3 */
#define LOG_CHECKED_LEN 17
#define LOG_CHECK_LEN 3
#define SYMBOL_VALUE_LEN 17 /* seq 8, organisation 4, scope 4, lane 1 */

enum lane records_lane(const struct rp_record *record)
{
    if (record->set == RP_SET_CONTENT)
        return LANE_CONTENT;
    return rp_record_is_kind(record, "vouch") ? LANE_VOUCH : LANE_LASTING;
}

static struct kv_key seq_key(uint64_t seq)
{
    struct kv_key key = {.len = 0};

    kv_key_number(&key, seq, 8);
    return key;
}

static struct kv_key id_and_seq(const uint8_t *id, size_t len, uint64_t seq)
{
    struct kv_key key = {.len = 0};

    kv_key_bytes(&key, id, len);
    kv_key_number(&key, seq, 8);
    return key;
}

struct kv_key records_author_prefix(uint32_t scope, enum lane lane)
{
    struct kv_key key = {.len = 0};

    kv_key_number(&key, scope, 4);
    kv_key_number(&key, lane, 1);
    return key;
}

struct kv_key records_author_key(uint32_t scope, enum lane lane, uint32_t org)
{
    struct kv_key key = records_author_prefix(scope, lane);

    kv_key_number(&key, org, 4);
    return key;
}

struct kv_key records_head_prefix(uint32_t scope, struct rp_slice kind)
{
    uint8_t padded[RP_KIND_LEN_MAX] = {0};
    struct kv_key key = {.len = 0};

    memcpy(padded, kind.data, kind.len);
    kv_key_number(&key, scope, 4);
    kv_key_bytes(&key, padded, sizeof padded);
    return key;
}

uint64_t records_seq_of_key(struct rp_slice key)
{
    return kv_number(key.data + key.len - 8, 8);
}

bool records_read_place(struct rp_slice value, struct place *out)
{
    if (value.len != SYMBOL_VALUE_LEN || value.data[16] >= LANES)
        return false;
    *out = (struct place){
        .seq = kv_number(value.data, 8),
        .org = (uint32_t)kv_number(value.data + 8, 4),
        .scope = (uint32_t)kv_number(value.data + 12, 4),
        .lane = value.data[16],
    };
    return true;
}

bool records_find(struct kv_txn *txn, const uint8_t symbol[static RP_SYMBOL_LEN], struct place *out)
{
    struct rp_slice value;

    if (!kv_get(txn, KV_SYMBOL, (struct rp_slice){symbol, RP_SYMBOL_LEN}, &value))
        return false;
    if (!records_read_place(value, out)) {
        kv_fail(txn, RP_ERR_CORRUPT);
        return false;
    }
    return true;
}

bool records_load(struct kv_txn *txn, uint64_t seq, struct place *place, struct rp_slice *packed)
{
    struct kv_key key = seq_key(seq);
    struct rp_slice value;

    if (!kv_get(txn, KV_LOG, kv_key_slice(&key), &value))
        return false;
    if (value.len < LOG_HEADER_LEN || value.data[16] >= LANES) {
        kv_fail(txn, RP_ERR_CORRUPT);
        return false;
    }
    *place = (struct place){
        .seq = seq,
        .first_seen = kv_number(value.data, 8),
        .org = (uint32_t)kv_number(value.data + 8, 4),
        .scope = (uint32_t)kv_number(value.data + 12, 4),
        .lane = value.data[16],
    };
    *packed = (struct rp_slice){value.data + LOG_HEADER_LEN, value.len - LOG_HEADER_LEN};
    return true;
}

/*
 * The check of a log entry, ${value}, which has been made or is to be: by it, what the disk has
 * damaged is told from what is whole without unpacking it. It hangs on the symbol, too, so that an
 * entry in another's place is not taken for it.
 */
static void log_check(uint8_t out[static LOG_CHECK_LEN], const uint8_t *symbol,
                      struct rp_slice value)
{
    static const uint8_t unknown[LOG_CHECK_LEN] = {0};
    struct rp_slice packed = {value.data + LOG_HEADER_LEN, value.len - LOG_HEADER_LEN};
    uint8_t sums[crypto_shorthash_BYTES + LOG_CHECKED_LEN];
    uint8_t sum[crypto_shorthash_BYTES];

    crypto_shorthash(sums, packed.data, packed.len, symbol);
    memcpy(sums + crypto_shorthash_BYTES, value.data, LOG_CHECKED_LEN);
    crypto_shorthash(sum, sums, sizeof sums, symbol);
    memcpy(out, sum, LOG_CHECK_LEN);
    if (memcmp(out, unknown, sizeof unknown) == 0)
        out[0] = 1;
}

bool records_load_checked(struct kv_txn *txn, uint64_t seq,
                          const uint8_t symbol[static RP_SYMBOL_LEN], struct place *place,
                          struct rp_slice *packed)
{
    uint8_t check[LOG_CHECK_LEN];
    struct rp_slice value;

    if (!records_load(txn, seq, place, packed))
        return false;
    value = (struct rp_slice){packed->data - LOG_HEADER_LEN, packed->len + LOG_HEADER_LEN};
    log_check(check, symbol, value);
    return memcmp(check, value.data + LOG_CHECKED_LEN, sizeof check) == 0;
}

static struct kv_key author_key(const struct place *place)
{
    struct kv_key key = records_author_key(place->scope, place->lane, place->org);

    kv_key_number(&key, place->seq, 8);
    return key;
}

/* Whether what was opened is what the index says is there. */
static bool is_as_indexed(struct kv_txn *txn, const struct place *place,
                          const struct rp_record *record)
{
    struct kv_key key = author_key(place);
    struct rp_slice symbol;

    return kv_get(txn, KV_AUTHOR, kv_key_slice(&key), &symbol) && symbol.len == RP_SYMBOL_LEN &&
           memcmp(symbol.data, record->id, RP_SYMBOL_LEN) == 0;
}

bool records_open(struct kv_txn *txn, uint64_t seq, struct place *place, struct rp_opened *out)
{
    struct rp_slice packed;
    int err;

    if (!records_load(txn, seq, place, &packed))
        return false;
    err = rp_record_open_trusted(out, packed);
    if (err == RP_ERR_NOMEM)
        kv_fail(txn, err);
    if (err == RP_OK && !is_as_indexed(txn, place, &out->record)) {
        rp_record_close(out);
        return false;
    }
    return err == RP_OK;
}

bool records_is_sound(struct kv_txn *txn, uint64_t seq)
{
    struct rp_opened opened;
    struct rp_slice packed;
    struct place place;
    bool sound;
    int err;

    if (!records_load(txn, seq, &place, &packed))
        return false;
    if ((err = rp_record_open(&opened, packed)) != RP_OK) {
        if (err == RP_ERR_NOMEM) /* which says nothing about the record */
            kv_fail(txn, err);
        return false;
    }
    sound = is_as_indexed(txn, &place, &opened.record);
    rp_record_close(&opened);
    return sound;
}

bool records_is_version(struct kv_txn *txn, uint64_t seq, const uint8_t object[static RP_ID_LEN])
{
    struct kv_key key = id_and_seq(object, RP_ID_LEN, seq);

    return kv_get(txn, KV_OBJECT, kv_key_slice(&key), NULL);
}

static struct kv_key head_key(const struct rp_record *record, const struct place *place)
{
    struct kv_key key = records_head_prefix(place->scope, record->kind);
    uint64_t made = record->made < place->first_seen ? record->made : place->first_seen;

    kv_key_number(&key, made, 8);
    kv_key_number(&key, place->seq, 8);
    return key;
}

static void put_head(struct batch *batch, const struct rp_record *record, const struct place *place)
{
    struct kv_key key = head_key(record, place);

    if (kv_get(batch_txn(batch), KV_HEAD, kv_key_slice(&key), NULL))
        return;
    kv_put(batch_txn(batch), KV_HEAD, kv_key_slice(&key),
           (struct rp_slice){record->object, RP_ID_LEN});
    due_put(batch_txn(batch), record, place);
    batch_count(batch, place->scope, record->kind, 1);
}

static void del_head(struct batch *batch, const struct rp_record *record, const struct place *place)
{
    struct kv_key key = head_key(record, place);

    if (!kv_get(batch_txn(batch), KV_HEAD, kv_key_slice(&key), NULL))
        return;
    kv_del(batch_txn(batch), KV_HEAD, kv_key_slice(&key));
    due_del(batch_txn(batch), record, place);
    batch_count(batch, place->scope, record->kind, -1);
}

bool records_is_replaced(struct kv_txn *txn, const struct rp_record *record)
{
    struct kv_iter it;

    for (kv_first(&it, txn, KV_REPLACED, (struct rp_slice){record->id, RP_SYMBOL_LEN}); it.found;
         kv_next(&it)) {
        /* only a version of the same object replaces; others may claim what they like */
        if (it.value.len == RP_ID_LEN && memcmp(it.value.data, record->object, RP_ID_LEN) == 0) {
            kv_stop(&it);
            return true;
        }
    }
    return false;
}

/* Makes the head entry of ${record}'s stored parents, of the same object, what it now should be. */
static void settle_parents(struct batch *batch, const struct rp_record *record)
{
    struct kv_txn *txn = batch_txn(batch);

    for (uint32_t i = 0; i < record->parents; i++) {
        struct place place;
        struct rp_opened parent;

        if (!records_find(txn, rp_record_parent(record, i), &place) ||
            !records_open(txn, place.seq, &place, &parent))
            continue;
        if (memcmp(parent.record.object, record->object, RP_ID_LEN) == 0) {
            if (records_is_replaced(txn, &parent.record))
                del_head(batch, &parent.record, &place);
            else
                put_head(batch, &parent.record, &place);
        }
        rp_record_close(&parent);
    }
}

static void put_log(struct batch *batch, const uint8_t *symbol, struct rp_slice packed,
                    const struct place *place)
{
    struct kv_key header = {.len = 0};
    struct kv_key key = seq_key(place->seq);
    static const uint8_t no_check[LOG_CHECK_LEN] = {0};
    struct rp_bytes value;

    kv_key_number(&header, place->first_seen, 8);
    kv_key_number(&header, place->org, 4);
    kv_key_number(&header, place->scope, 4);
    kv_key_number(&header, place->lane, 1);
    kv_key_bytes(&header, no_check, sizeof no_check);
    if (rp_bytes_join(&value, kv_key_slice(&header), packed) != RP_OK) {
        kv_fail(batch_txn(batch), RP_ERR_NOMEM);
        return;
    }
    log_check(value.data + LOG_CHECKED_LEN, symbol, rp_bytes_slice(&value));
    kv_put(batch_txn(batch), KV_LOG, kv_key_slice(&key), rp_bytes_slice(&value));
    rp_bytes_free(&value);
}

static void put_symbol(struct batch *batch, const uint8_t *symbol, const struct place *place)
{
    struct kv_key value = {.len = 0};

    kv_key_number(&value, place->seq, 8);
    kv_key_number(&value, place->org, 4);
    kv_key_number(&value, place->scope, 4);
    kv_key_number(&value, place->lane, 1);
    kv_put(batch_txn(batch), KV_SYMBOL, (struct rp_slice){symbol, RP_SYMBOL_LEN},
           kv_key_slice(&value));
}

/* Calls ${change} for the backlink key of each object that ${record} refers to. */
static void each_backlink(struct batch *batch, const struct rp_record *record, uint64_t seq,
                          bool remove)
{
    uint8_t objects[REFERENCES_MAX][RP_ID_LEN];
    uint32_t n = references_of(record, objects, REFERENCES_MAX);

    for (uint32_t i = 0; i < n; i++) {
        struct kv_key key = id_and_seq(objects[i], RP_ID_LEN, seq);

        if (remove)
            kv_del(batch_txn(batch), KV_BACKLINK, kv_key_slice(&key));
        else
            kv_put(batch_txn(batch), KV_BACKLINK, kv_key_slice(&key), (struct rp_slice){NULL, 0});
    }
}

void records_insert(struct batch *batch, const struct rp_record *record, struct rp_slice packed,
                    struct place *place)
{
    struct kv_txn *txn = batch_txn(batch);
    struct kv_key key;

    place->seq = batch_next_seq(batch);
    place->lane = records_lane(record);
    put_log(batch, record->id, packed, place);
    put_symbol(batch, record->id, place);
    key = id_and_seq(record->object, RP_ID_LEN, place->seq);
    kv_put(txn, KV_OBJECT, kv_key_slice(&key), (struct rp_slice){record->id, RP_ID_LEN});
    key = author_key(place);
    kv_put(txn, KV_AUTHOR, kv_key_slice(&key), (struct rp_slice){record->id, RP_SYMBOL_LEN});
    for (uint32_t i = 0; i < record->parents; i++) {
        key = id_and_seq(rp_record_parent(record, i), RP_SYMBOL_LEN, place->seq);
        kv_put(txn, KV_REPLACED, kv_key_slice(&key), (struct rp_slice){record->object, RP_ID_LEN});
    }
    if (!records_is_replaced(txn, record))
        put_head(batch, record, place);
    settle_parents(batch, record);
    each_backlink(batch, record, place->seq, false);
    revoked_put(txn, record, place);
    batch_sum(batch, (struct sum_key){place->scope, place->lane, place->org}, record->id, false);
    usage_count(txn, place, packed.len, false);
    waiting_remove(txn, record->id);
}

/* Removes the first entry of a table whose key ends in ${seq}; its key in ${key}. */
static bool del_one_of(struct kv_txn *txn, enum kv_table table, uint64_t seq, struct kv_key *key)
{
    struct kv_iter it;

    for (kv_first(&it, txn, table, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        if (records_seq_of_key(it.key) != seq)
            continue;
        *key = (struct kv_key){.len = 0};
        kv_key_bytes(key, it.key.data, it.key.len);
        kv_stop(&it);
        kv_del(txn, table, kv_key_slice(key));
        return true;
    }
    return false;
}

/*
 * What records_erase does for a record that cannot be read: its entries are looked for in the whole
 * of each index. That is slow, and rare. Versions that it replaced stay replaced: a sound copy will
 * come from a peer.
 */
static void erase_damaged(struct batch *batch, const struct place *place,
                          uint8_t symbol[static RP_SYMBOL_LEN])
{
    static const enum kv_table indexes[] = {KV_OBJECT, KV_REPLACED, KV_BACKLINK, KV_DUE,
                                            KV_REVOKED};
    struct kv_txn *txn = batch_txn(batch);
    struct kv_key key = author_key(place);
    struct rp_slice value;

    if (!kv_get(txn, KV_AUTHOR, kv_key_slice(&key), &value) || value.len != RP_SYMBOL_LEN) {
        kv_fail(txn, RP_ERR_CORRUPT);
        return;
    }
    memcpy(symbol, value.data, RP_SYMBOL_LEN);
    kv_del(txn, KV_AUTHOR, kv_key_slice(&key));
    kv_del(txn, KV_SYMBOL, (struct rp_slice){symbol, RP_SYMBOL_LEN});
    key = seq_key(place->seq);
    kv_del(txn, KV_LOG, kv_key_slice(&key));
    for (size_t i = 0; i < sizeof indexes / sizeof indexes[0]; i++) {
        while (del_one_of(txn, indexes[i], place->seq, &key))
            ;
    }
    while (del_one_of(txn, KV_HEAD, place->seq, &key)) {
        struct rp_slice kind = {key.bytes + 4, RP_KIND_LEN_MAX};

        while (kind.len > 0 && kind.data[kind.len - 1] == 0)
            kind.len--;
        batch_count(batch, place->scope, kind, -1);
    }
    batch_sum(batch, (struct sum_key){place->scope, place->lane, place->org}, symbol, true);
}

void records_erase(struct batch *batch, uint64_t seq, uint8_t symbol[static RP_SYMBOL_LEN])
{
    struct kv_txn *txn = batch_txn(batch);
    struct rp_opened opened;
    const struct rp_record *record = &opened.record;
    struct rp_slice packed;
    struct place place;
    struct kv_key key;

    erasing_note(batch);
    if (records_load(txn, seq, &place, &packed))
        usage_count(txn, &place, packed.len, true);
    if (!records_open(txn, seq, &place, &opened)) {
        if (kv_err(txn) == RP_OK && records_load(txn, seq, &place, &packed))
            erase_damaged(batch, &place, symbol);
        return;
    }
    memcpy(symbol, record->id, RP_SYMBOL_LEN);
    key = seq_key(seq);
    kv_del(txn, KV_LOG, kv_key_slice(&key));
    kv_del(txn, KV_SYMBOL, (struct rp_slice){record->id, RP_SYMBOL_LEN});
    key = id_and_seq(record->object, RP_ID_LEN, seq);
    kv_del(txn, KV_OBJECT, kv_key_slice(&key));
    key = author_key(&place);
    kv_del(txn, KV_AUTHOR, kv_key_slice(&key));
    for (uint32_t i = 0; i < record->parents; i++) {
        key = id_and_seq(rp_record_parent(record, i), RP_SYMBOL_LEN, seq);
        kv_del(txn, KV_REPLACED, kv_key_slice(&key));
    }
    del_head(batch, record, &place);
    settle_parents(batch, record);
    each_backlink(batch, record, seq, true);
    revoked_del(txn, record, &place);
    batch_sum(batch, (struct sum_key){place.scope, place.lane, place.org}, record->id, true);
    rp_record_close(&opened);
}
