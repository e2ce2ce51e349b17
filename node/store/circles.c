#include "circles.h"

#include <string.h>

#include "batch.h"
#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/reader.h"
#include "rp/writer.h"

#define CIRCLE_VERSION 1
#define CIRCLE_VALUE_MAX (RP_CIRCLE_MAX + 256)

static struct kv_key number_key(uint32_t number)
{
    struct kv_key key = {.len = 0};

    kv_key_number(&key, number, 4);
    return key;
}

uint32_t circles_number(struct kv_txn *txn, const uint8_t id[static RP_ID_LEN])
{
    struct rp_slice value;

    if (!kv_get(txn, KV_CIRCLE_ID, (struct rp_slice){id, RP_ID_LEN}, &value) || value.len != 4)
        return 0;
    return (uint32_t)kv_number(value.data, 4);
}

bool circles_read(struct rp_slice key, struct rp_slice value, struct circle_entry *out)
{
    struct rp_reader r;
    uint64_t state;

    *out = (struct circle_entry){.number = 0};
    if (key.len != 4 || rp_canonical_check(value.data, value.len) != RP_OK)
        return false;
    out->number = (uint32_t)kv_number(key.data, 4);
    rp_reader_init(&r, value);
    if (rp_reader_array(&r) != 5 || rp_reader_uint(&r) != CIRCLE_VERSION)
        rp_reader_fail(&r);
    rp_reader_bin_into(&r, out->id, RP_ID_LEN);
    state = rp_reader_uint(&r);
    if (state < CIRCLE_INVITED || state > CIRCLE_LEFT)
        rp_reader_fail(&r);
    out->state = (enum circle_state)state;
    out->since = rp_reader_uint(&r);
    out->issued = rp_reader_bin(&r);
    return rp_reader_end(&r) == RP_OK;
}

bool circles_scope_number(struct kv_txn *txn, const uint8_t scope[static RP_ID_LEN], uint32_t *out)
{
    if (memcmp(scope, rp_record_commons, RP_ID_LEN) == 0)
        *out = SCOPE_COMMONS;
    else if (memcmp(scope, rp_record_local, RP_ID_LEN) == 0)
        *out = SCOPE_LOCAL;
    else
        return (*out = circles_number(txn, scope)) != 0;
    return true;
}

bool circles_load(struct kv_txn *txn, uint32_t number, struct circle_entry *out)
{
    struct kv_key key = number_key(number);
    struct rp_slice value;

    if (!kv_get(txn, KV_CIRCLE, kv_key_slice(&key), &value))
        return false;
    if (!circles_read(kv_key_slice(&key), value, out)) {
        kv_fail(txn, RP_ERR_CORRUPT);
        return false;
    }
    return true;
}

void circles_save(struct kv_txn *txn, const struct circle_entry *entry)
{
    struct kv_key key = number_key(entry->number);
    struct rp_writer w;

    kv_put(txn, KV_CIRCLE_ID, (struct rp_slice){entry->id, RP_ID_LEN}, kv_key_slice(&key));
    rp_writer_init(&w, CIRCLE_VALUE_MAX);
    rp_writer_array(&w, 5);
    rp_writer_uint(&w, CIRCLE_VERSION);
    rp_writer_bin(&w, entry->id, RP_ID_LEN);
    rp_writer_uint(&w, entry->state);
    rp_writer_uint(&w, entry->since);
    rp_writer_bin(&w, entry->issued.data, entry->issued.len);
    if (w.err != RP_OK)
        kv_fail(txn, w.err);
    else
        kv_put(txn, KV_CIRCLE, kv_key_slice(&key), rp_writer_slice(&w));
    rp_writer_free(&w);
}
