#include "audit.h"

#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/reader.h"
#include "rp/writer.h"

#define AUDIT_VERSION 1
#define AUDIT_VALUE_MAX 4096

static void put_bin(struct rp_writer *w, const char *key, const uint8_t *id)
{
    if (id == NULL)
        return;
    rp_writer_str(w, key);
    rp_writer_bin(w, id, RP_ID_LEN);
}

static void put_str(struct rp_writer *w, const char *key, const char *text)
{
    if (text == NULL)
        return;
    rp_writer_str(w, key);
    rp_writer_str(w, text);
}

int audit_pack(struct rp_bytes *out, const struct audit_entry *entry)
{
    struct rp_writer w;

    rp_writer_init(&w, AUDIT_VALUE_MAX);
    rp_writer_array(&w, 4);
    rp_writer_uint(&w, AUDIT_VERSION);
    rp_writer_uint(&w, entry->at);
    rp_writer_str(&w, entry->what);
    rp_writer_map(&w, (uint32_t)(entry->because != NULL) + (entry->name != NULL) +
                          (entry->node != NULL) + (entry->object != NULL) + (entry->org != NULL));
    put_str(&w, "because", entry->because);
    put_str(&w, "name", entry->name);
    put_bin(&w, "node", entry->node);
    put_bin(&w, "object", entry->object);
    put_bin(&w, "organisation", entry->org);
    return rp_writer_take(&w, out);
}

void audit_append(struct kv_txn *txn, struct rp_slice packed)
{
    struct kv_key key = {.len = 0};
    struct kv_iter it;
    uint64_t number = 0;

    if (packed.len == 0)
        return;
    kv_last(&it, txn, KV_AUDIT, (struct rp_slice){NULL, 0});
    if (it.found)
        number = kv_number(it.key.data, 8);
    kv_stop(&it);
    kv_key_number(&key, number + 1, 8);
    kv_put(txn, KV_AUDIT, kv_key_slice(&key), packed);
}

bool audit_read(struct rp_slice value, struct audit_read *out)
{
    struct rp_reader r;

    if (rp_canonical_check(value.data, value.len) != RP_OK)
        return false;
    rp_reader_init(&r, value);
    if (rp_reader_array(&r) != 4 || rp_reader_uint(&r) != AUDIT_VERSION)
        rp_reader_fail(&r);
    out->at = rp_reader_uint(&r);
    out->what = rp_reader_str(&r);
    if (rp_reader_peek(&r) != RP_TYPE_MAP)
        rp_reader_fail(&r);
    out->details = rp_reader_item(&r);
    return rp_reader_end(&r) == RP_OK;
}
