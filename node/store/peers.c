#include "peers.h"

#include <string.h>

#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/reader.h"
#include "rp/writer.h"

#define ENTRY_VERSION 1
#define ENTRY_MAX 8192

enum peer_flag { FLAG_PAUSED = 1, FLAG_BY_JOIN = 2 };

/* The number of entries of an array: ${n}, or one less in stores of before the last one was. */
static bool read_entries(struct rp_reader *r, uint32_t n)
{
    uint32_t entries = rp_reader_array(r);

    if ((entries != n && entries != n - 1) || rp_reader_uint(r) != ENTRY_VERSION)
        rp_reader_fail(r);
    return entries == n;
}

/* Copies a string into a field of ${size}; too long a one fails the reader. */
static void read_text(struct rp_reader *r, char *out, size_t size)
{
    struct rp_slice text = rp_reader_str(r);

    if (text.len >= size)
        rp_reader_fail(r);
    else if (text.len > 0)
        memcpy(out, text.data, text.len);
}

static void put_entry(struct kv_txn *txn, enum kv_table table, const uint8_t *key,
                      struct rp_writer *w)
{
    if (w->err != RP_OK)
        kv_fail(txn, w->err);
    else
        kv_put(txn, table, (struct rp_slice){key, RP_ID_LEN}, rp_writer_slice(w));
    rp_writer_free(w);
}

bool peers_read(struct rp_slice key, struct rp_slice value, struct peer_entry *out)
{
    struct rp_reader r;
    uint64_t flags = 0;
    bool has_flags;

    *out = (struct peer_entry){0};
    if (key.len != RP_ID_LEN || rp_canonical_check(value.data, value.len) != RP_OK)
        return false;
    memcpy(out->org, key.data, RP_ID_LEN);
    rp_reader_init(&r, value);
    has_flags = read_entries(&r, 7);
    read_text(&r, out->name, sizeof out->name);
    out->added = rp_reader_uint(&r);
    out->last_sync = rp_reader_uint(&r);
    out->joining = !rp_reader_nil(&r);
    if (out->joining)
        rp_reader_bin_into(&r, out->secret, sizeof out->secret);
    out->addresses = rp_reader_array(&r);
    if (out->addresses > RP_ADDRESSES_MAX)
        rp_reader_fail(&r);
    for (uint32_t i = 0; i < out->addresses && r.err == RP_OK; i++) {
        if (rp_reader_array(&r) != 2)
            rp_reader_fail(&r);
        read_text(&r, out->address[i].text, sizeof out->address[i].text);
        out->address[i].learned = rp_reader_bool(&r);
    }
    if (has_flags)
        flags = rp_reader_uint(&r);
    out->paused = flags & FLAG_PAUSED;
    out->by_join = flags & FLAG_BY_JOIN;
    return rp_reader_end(&r) == RP_OK;
}

bool peers_load(struct kv_txn *txn, const uint8_t org[static RP_ID_LEN], struct peer_entry *out)
{
    struct rp_slice key = {org, RP_ID_LEN};
    struct rp_slice value;

    if (!kv_get(txn, KV_PEER, key, &value))
        return false;
    if (!peers_read(key, value, out)) {
        kv_fail(txn, RP_ERR_CORRUPT);
        return false;
    }
    return true;
}

void peers_save(struct kv_txn *txn, const struct peer_entry *peer)
{
    struct rp_writer w;

    rp_writer_init(&w, ENTRY_MAX);
    rp_writer_array(&w, 7);
    rp_writer_uint(&w, ENTRY_VERSION);
    rp_writer_str(&w, peer->name);
    rp_writer_uint(&w, peer->added);
    rp_writer_uint(&w, peer->last_sync);
    if (peer->joining)
        rp_writer_bin(&w, peer->secret, sizeof peer->secret);
    else
        rp_writer_nil(&w);
    rp_writer_array(&w, peer->addresses);
    for (uint32_t i = 0; i < peer->addresses; i++) {
        rp_writer_array(&w, 2);
        rp_writer_str(&w, peer->address[i].text);
        rp_writer_bool(&w, peer->address[i].learned);
    }
    rp_writer_uint(&w, (peer->paused ? FLAG_PAUSED : 0u) | (peer->by_join ? FLAG_BY_JOIN : 0u));
    put_entry(txn, KV_PEER, peer->org, &w);
}

void peers_remove(struct kv_txn *txn, const uint8_t org[static RP_ID_LEN])
{
    kv_del(txn, KV_PEER, (struct rp_slice){org, RP_ID_LEN});
}

bool invites_load(struct kv_txn *txn, const uint8_t name[static RP_HASH_LEN],
                  struct invite_entry *out)
{
    struct rp_slice value;
    struct rp_reader r;
    bool has_revoked;

    *out = (struct invite_entry){0};
    if (!kv_get(txn, KV_INVITE, (struct rp_slice){name, RP_HASH_LEN}, &value))
        return false;
    memcpy(out->name, name, RP_HASH_LEN);
    rp_reader_init(&r, value);
    if (rp_canonical_check(value.data, value.len) != RP_OK)
        rp_reader_fail(&r);
    has_revoked = read_entries(&r, 7);
    out->created = rp_reader_uint(&r);
    out->expires = rp_reader_uint(&r);
    out->vouches = rp_reader_bool(&r);
    out->used = !rp_reader_nil(&r);
    if (out->used)
        rp_reader_bin_into(&r, out->used_by, RP_ID_LEN);
    read_text(&r, out->note, sizeof out->note);
    if (has_revoked)
        out->revoked = rp_reader_uint(&r);
    if (rp_reader_end(&r) != RP_OK) {
        kv_fail(txn, RP_ERR_CORRUPT);
        return false;
    }
    return true;
}

void invites_save(struct kv_txn *txn, const struct invite_entry *invite)
{
    struct rp_writer w;

    rp_writer_init(&w, ENTRY_MAX);
    rp_writer_array(&w, 7);
    rp_writer_uint(&w, ENTRY_VERSION);
    rp_writer_uint(&w, invite->created);
    rp_writer_uint(&w, invite->expires);
    rp_writer_bool(&w, invite->vouches);
    if (invite->used)
        rp_writer_bin(&w, invite->used_by, RP_ID_LEN);
    else
        rp_writer_nil(&w);
    rp_writer_str(&w, invite->note);
    rp_writer_uint(&w, invite->revoked);
    put_entry(txn, KV_INVITE, invite->name, &w);
}
