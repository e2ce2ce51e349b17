#include "table.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "rp/err.h"

#define SLOTS_MIN 64

struct table {
    size_t key_len;
    size_t slots; /* a power of two */
    size_t used;
    uint8_t hash_key[crypto_shorthash_KEYBYTES];
    bool *taken;
    uint8_t *keys;
    uint32_t *values;
};

static size_t home(const struct table *table, const uint8_t *key)
{
    uint8_t hash[crypto_shorthash_BYTES];
    size_t slot;

    crypto_shorthash(hash, key, table->key_len, table->hash_key);
    memcpy(&slot, hash, sizeof slot);
    return slot & (table->slots - 1);
}

static uint8_t *key_at(const struct table *table, size_t slot)
{
    return table->keys + slot * table->key_len;
}

/* The slot that holds ${key}, or the free one where it would go. */
static size_t locate(const struct table *table, const uint8_t *key)
{
    size_t slot = home(table, key);

    while (table->taken[slot] && memcmp(key_at(table, slot), key, table->key_len) != 0)
        slot = (slot + 1) & (table->slots - 1);
    return slot;
}

static bool allocate(struct table *table, size_t slots)
{
    table->slots = slots;
    table->used = 0;
    table->taken = calloc(slots, sizeof *table->taken);
    table->keys = malloc(slots * table->key_len);
    table->values = malloc(slots * sizeof *table->values);
    return table->taken != NULL && table->keys != NULL && table->values != NULL;
}

static void release(struct table *table)
{
    free(table->taken);
    free(table->keys);
    free(table->values);
}

struct table *table_new(size_t key_len, const uint8_t hash_key[static TABLE_KEY_LEN])
{
    struct table *table = calloc(1, sizeof *table);

    if (table == NULL)
        return NULL;
    table->key_len = key_len;
    memcpy(table->hash_key, hash_key, sizeof table->hash_key);
    if (!allocate(table, SLOTS_MIN)) {
        table_free(table);
        return NULL;
    }
    return table;
}

void table_free(struct table *table)
{
    if (table == NULL)
        return;
    release(table);
    free(table);
}

bool table_get(const struct table *table, const uint8_t *key, uint32_t *value)
{
    size_t slot = locate(table, key);

    if (!table->taken[slot])
        return false;
    *value = table->values[slot];
    return true;
}

static void set(struct table *table, const uint8_t *key, uint32_t value)
{
    size_t slot = locate(table, key);

    table->used += !table->taken[slot];
    table->taken[slot] = true;
    memcpy(key_at(table, slot), key, table->key_len);
    table->values[slot] = value;
}

/* Moves everything into ${slots} slots. */
static int resize(struct table *table, size_t slots)
{
    struct table old = *table;

    if (!allocate(table, slots)) {
        release(table);
        *table = old;
        return RP_ERR_NOMEM;
    }
    for (size_t i = 0; i < old.slots; i++) {
        if (old.taken[i])
            set(table, key_at(&old, i), old.values[i]);
    }
    release(&old);
    return RP_OK;
}

int table_put(struct table *table, const uint8_t *key, uint32_t value)
{
    if (2 * (table->used + 1) > table->slots) {
        int err = resize(table, 2 * table->slots);

        if (err != RP_OK)
            return err;
    }
    set(table, key, value);
    return RP_OK;
}

void table_del(struct table *table, const uint8_t *key)
{
    size_t hole = locate(table, key);
    size_t slot = hole;

    if (!table->taken[hole])
        return;
    table->used--;
    /* close the gap: move back whatever probing would otherwise no longer reach */
    for (;;) {
        size_t wanted;

        slot = (slot + 1) & (table->slots - 1);
        if (!table->taken[slot])
            break;
        wanted = home(table, key_at(table, slot));
        if (((slot - wanted) & (table->slots - 1)) < ((slot - hole) & (table->slots - 1)))
            continue;
        memcpy(key_at(table, hole), key_at(table, slot), table->key_len);
        table->values[hole] = table->values[slot];
        hole = slot;
    }
    table->taken[hole] = false;
    if (table->slots > SLOTS_MIN && 8 * table->used < table->slots)
        (void)resize(table, table->slots / 2); /* when memory is short it stays as it is */
}

size_t table_size(const struct table *table)
{
    return table->used;
}
