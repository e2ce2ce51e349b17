#include "orgs.h"

#include <string.h>

#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/reader.h"
#include "rp/writer.h"

#define ORG_VERSION 1
#define ORG_VALUE_MAX 40000 /* as many successions as a proof has, and one */

enum org_flag { FLAG_ACCEPTED = 1, FLAG_EVER = 2, FLAG_BY_HAND = 4, FLAG_BLOCKED = 8 };

static struct kv_key number_key(uint32_t number)
{
    struct kv_key key = {.len = 0};

    kv_key_number(&key, number, 4);
    return key;
}

uint32_t orgs_number(struct kv_txn *txn, const uint8_t id[static RP_ID_LEN])
{
    struct rp_slice value;

    if (!kv_get(txn, KV_ORG_ID, (struct rp_slice){id, RP_ID_LEN}, &value) || value.len != 4)
        return 0;
    return (uint32_t)kv_number(value.data, 4);
}

bool orgs_read(struct rp_slice key, struct rp_slice value, struct org *out)
{
    struct rp_reader r;
    uint64_t flags;
    uint32_t fields;

    *out = (struct org){0};
    if (key.len != 4 || rp_canonical_check(value.data, value.len) != RP_OK)
        return false;
    out->number = (uint32_t)kv_number(key.data, 4);
    rp_reader_init(&r, value);
    fields = rp_reader_array(&r);
    if (fields < 6 || fields > 7 || rp_reader_uint(&r) != ORG_VERSION)
        rp_reader_fail(&r);
    rp_reader_bin_into(&r, out->id, RP_ID_LEN);
    flags = rp_reader_uint(&r);
    out->accepted = flags & FLAG_ACCEPTED;
    out->ever = flags & FLAG_EVER;
    out->by_hand = flags & FLAG_BY_HAND;
    out->blocked = flags & FLAG_BLOCKED;
    out->since = rp_reader_uint(&r);
    out->inception = rp_reader_bin(&r);
    out->successions = rp_reader_item(&r);
    if (fields == 7)
        out->left = rp_reader_uint(&r);
    return rp_reader_end(&r) == RP_OK;
}

bool orgs_load(struct kv_txn *txn, uint32_t number, struct org *out)
{
    struct kv_key key = number_key(number);
    struct rp_slice value;

    if (!kv_get(txn, KV_ORG, kv_key_slice(&key), &value))
        return false;
    if (!orgs_read(kv_key_slice(&key), value, out)) {
        kv_fail(txn, RP_ERR_CORRUPT);
        return false;
    }
    return true;
}

void orgs_save(struct kv_txn *txn, const struct org *org)
{
    struct kv_key key = number_key(org->number);
    struct rp_slice successions = org->successions;
    struct org stored;
    struct rp_writer w;

    if (successions.len == 0 && orgs_load(txn, org->number, &stored))
        successions = stored.successions;
    rp_writer_init(&w, ORG_VALUE_MAX);
    rp_writer_array(&w, 7);
    rp_writer_uint(&w, ORG_VERSION);
    rp_writer_bin(&w, org->id, RP_ID_LEN);
    rp_writer_uint(&w, (org->accepted ? FLAG_ACCEPTED : 0u) | (org->ever ? FLAG_EVER : 0u) |
                           (org->by_hand ? FLAG_BY_HAND : 0u) | (org->blocked ? FLAG_BLOCKED : 0u));
    rp_writer_uint(&w, org->since);
    rp_writer_bin(&w, org->inception.data, org->inception.len);
    if (successions.len > 0)
        rp_writer_raw(&w, successions);
    else
        rp_writer_array(&w, 0);
    rp_writer_uint(&w, org->left);
    if (w.err != RP_OK)
        kv_fail(txn, w.err);
    kv_put(txn, KV_ORG_ID, (struct rp_slice){org->id, RP_ID_LEN}, kv_key_slice(&key));
    kv_put(txn, KV_ORG, kv_key_slice(&key), rp_writer_slice(&w));
    rp_writer_free(&w);
}
