#include "quota.h"

#include <string.h>

#include "rp/err.h"

#define USAGE_LEN 28
#define QUOTA_LEN 24
#define WAITING_LEN 25
#define LASTING_A_DAY 100
#define DAY_MS UINT64_C(86400000)

static struct kv_key org_key(uint32_t org)
{
    struct kv_key key = {.len = 0};

    kv_key_number(&key, org, 4);
    return key;
}

void usage_load(struct kv_txn *txn, uint32_t org, struct usage *out)
{
    struct kv_key key = org_key(org);
    struct rp_slice value;

    *out = (struct usage){0};
    if (!kv_get(txn, KV_USAGE, kv_key_slice(&key), &value) || value.len != USAGE_LEN)
        return;
    out->bytes = kv_number(value.data, 8);
    out->taken = kv_number(value.data + 8, 8);
    out->lasting = kv_number(value.data + 16, 8);
    out->root = (uint32_t)kv_number(value.data + 24, 4);
}

static void usage_save(struct kv_txn *txn, uint32_t org, const struct usage *usage)
{
    struct kv_key key = org_key(org);
    struct kv_key value = {.len = 0};

    kv_key_number(&value, usage->bytes, 8);
    kv_key_number(&value, usage->taken, 8);
    kv_key_number(&value, usage->lasting, 8);
    kv_key_number(&value, usage->root, 4);
    kv_put(txn, KV_USAGE, kv_key_slice(&key), kv_key_slice(&value));
}

void quota_load(struct kv_txn *txn, uint32_t root, struct quota *out)
{
    struct kv_key key = org_key(root);
    struct rp_slice value;

    *out = (struct quota){.share = QUOTA_UNSHARED, .size = UINT64_MAX};
    if (!kv_get(txn, KV_QUOTA, kv_key_slice(&key), &value) || value.len != QUOTA_LEN)
        return;
    out->bytes = kv_number(value.data, 8);
    out->share = kv_number(value.data + 8, 8);
    out->size = kv_number(value.data + 16, 8);
}

static void quota_save(struct kv_txn *txn, uint32_t root, const struct quota *quota)
{
    struct kv_key key = org_key(root);
    struct kv_key value = {.len = 0};

    kv_key_number(&value, quota->bytes, 8);
    kv_key_number(&value, quota->share, 8);
    kv_key_number(&value, quota->size, 8);
    kv_put(txn, KV_QUOTA, kv_key_slice(&key), kv_key_slice(&value));
}

static uint64_t add(uint64_t sum, uint64_t bytes, bool gone)
{
    if (!gone)
        return sum + bytes;
    return bytes < sum ? sum - bytes : 0;
}

static void count_in(struct kv_txn *txn, uint32_t root, uint64_t bytes, bool gone)
{
    struct quota quota;

    if (root == 0 || bytes == 0)
        return;
    quota_load(txn, root, &quota);
    quota.bytes = add(quota.bytes, bytes, gone);
    quota_save(txn, root, &quota);
}

void usage_set_root(struct kv_txn *txn, uint32_t org, uint32_t root)
{
    struct usage usage;

    usage_load(txn, org, &usage);
    count_in(txn, usage.root, usage.bytes, true);
    count_in(txn, root, usage.bytes, false);
    usage.root = root;
    usage_save(txn, org, &usage);
}

void quota_set(struct kv_txn *txn, uint32_t root, uint64_t share, uint64_t size)
{
    struct quota quota;

    quota_load(txn, root, &quota);
    quota.share = share;
    quota.size = size;
    quota_save(txn, root, &quota);
}

void usage_count(struct kv_txn *txn, const struct place *place, uint64_t bytes, bool gone)
{
    struct usage usage;

    if (place->scope != SCOPE_COMMONS || place->lane == LANE_LASTING)
        return;
    usage_load(txn, place->org, &usage);
    count_in(txn, usage.root, bytes, gone);
    usage.bytes = add(usage.bytes, bytes, gone);
    usage.taken += !gone;
    usage_save(txn, place->org, &usage);
}

void usage_count_lasting(struct kv_txn *txn, uint32_t org)
{
    struct usage usage;

    usage_load(txn, org, &usage);
    usage.lasting++;
    usage_save(txn, org, &usage);
}

uint64_t quota_room(const struct quota *quota, uint64_t bytes)
{
    if (quota->share == QUOTA_UNSHARED)
        return quota_room_in_all(quota);
    return bytes < quota->share ? quota->share - bytes : 0;
}

uint64_t quota_room_in_all(const struct quota *quota)
{
    uint64_t most = quota->size;

    if (quota->share != QUOTA_UNSHARED)
        most = quota->size <= UINT64_MAX / 2 ? 2 * quota->size : UINT64_MAX;
    return quota->bytes < most ? most - quota->bytes : 0;
}

bool usage_has_room(struct kv_txn *txn, const struct usage *usage, uint64_t bytes)
{
    struct quota quota;

    if (usage->root == 0)
        return true;
    quota_load(txn, usage->root, &quota);
    return bytes <= quota_room(&quota, usage->bytes) && bytes <= quota_room_in_all(&quota);
}

uint64_t usage_lasting_max(const struct usage *usage, uint64_t since, uint64_t now)
{
    uint64_t days = now > since ? (now - since) / DAY_MS : 0;

    return usage->taken + LASTING_A_DAY * (days + 1);
}

static uint64_t count_waiting(struct kv_txn *txn)
{
    struct kv_key key = batch_meta_key(META_WAITING);
    struct rp_slice value;

    return kv_get(txn, KV_META, kv_key_slice(&key), &value) && value.len == 8
               ? kv_number(value.data, 8)
               : 0;
}

static void set_waiting(struct kv_txn *txn, uint64_t count)
{
    struct kv_key key = batch_meta_key(META_WAITING);
    struct kv_key value = {.len = 0};

    kv_key_number(&value, count, 8);
    kv_put(txn, KV_META, kv_key_slice(&key), kv_key_slice(&value));
}

static void forget_all(struct kv_txn *txn)
{
    struct kv_iter it;

    do {
        struct kv_key key = {.len = 0};

        kv_first(&it, txn, KV_WAITING, (struct rp_slice){NULL, 0});
        if (!it.found)
            return;
        kv_key_bytes(&key, it.key.data, it.key.len);
        kv_stop(&it);
        kv_del(txn, KV_WAITING, kv_key_slice(&key));
    } while (kv_err(txn) == RP_OK);
}

void waiting_save(struct kv_txn *txn, const struct waiting_entry *entry)
{
    struct rp_slice key = {entry->symbol, RP_SYMBOL_LEN};
    struct kv_key value = {.len = 0};
    uint64_t count;

    if (kv_get(txn, KV_WAITING, key, NULL))
        return;
    if ((count = count_waiting(txn)) >= WAITING_MAX) {
        forget_all(txn);
        count = 0;
    }
    set_waiting(txn, count + 1);
    kv_key_number(&value, entry->org, 4);
    kv_key_number(&value, entry->lane, 1);
    kv_key_number(&value, entry->bytes, 4);
    kv_key_bytes(&value, entry->object, RP_SYMBOL_LEN);
    kv_put(txn, KV_WAITING, key, kv_key_slice(&value));
}

void waiting_remove(struct kv_txn *txn, const uint8_t symbol[static RP_SYMBOL_LEN])
{
    struct rp_slice key = {symbol, RP_SYMBOL_LEN};
    uint64_t count;

    if (!kv_get(txn, KV_WAITING, key, NULL))
        return;
    kv_del(txn, KV_WAITING, key);
    if ((count = count_waiting(txn)) > 0)
        set_waiting(txn, count - 1);
}

bool waiting_read(struct rp_slice key, struct rp_slice value, struct waiting_entry *out)
{
    if (key.len != RP_SYMBOL_LEN || value.len != WAITING_LEN || value.data[4] >= LANES)
        return false;
    memcpy(out->symbol, key.data, RP_SYMBOL_LEN);
    out->org = (uint32_t)kv_number(value.data, 4);
    out->lane = (enum lane)value.data[4];
    out->bytes = (uint32_t)kv_number(value.data + 5, 4);
    memcpy(out->object, value.data + 9, RP_SYMBOL_LEN);
    return true;
}
