#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A map from keys of one length to numbers, by open addressing. Keys come from other organisations,
 * which could choose them to collide under any fixed hash: the hash is SipHash under a random key.
 */
struct table;

#define TABLE_KEY_LEN 16 /* of the hash */

/* NULL when memory is short. */
struct table *table_new(size_t key_len, const uint8_t hash_key[static TABLE_KEY_LEN]);
void table_free(struct table *table);

/* Whether ${key} is there; its number in ${value}. */
bool table_get(const struct table *table, const uint8_t *key, uint32_t *value);

/* Sets or replaces. RP_ERR_NOMEM leaves the table as it was. */
int table_put(struct table *table, const uint8_t *key, uint32_t value)
    __attribute__((warn_unused_result));

/* Removes; harmless when absent. */
void table_del(struct table *table, const uint8_t *key);

size_t table_size(const struct table *table);

#endif
