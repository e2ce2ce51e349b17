#ifndef SYMBOLS_H
#define SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rp/bytes.h"

/* A growing list of entries of one size, most often symbols. Zero-initialise. */
struct symbols {
    uint8_t *data;
    size_t n;   /* bytes in use */
    size_t cap; /* bytes */
};

int symbols_append(struct symbols *list, const void *entries, size_t bytes)
    __attribute__((warn_unused_result));

/* Drops ${bytes} from the front. */
void symbols_drop(struct symbols *list, size_t bytes);
void symbols_clear(struct symbols *list);
void symbols_free(struct symbols *list);
struct rp_slice symbols_slice(const struct symbols *list);

/* Of symbols, RP_SYMBOL_LEN each: sorts them, and looks one up among sorted ones. */
void symbols_sort(struct symbols *list);
bool symbols_has(struct rp_slice sorted, const uint8_t *symbol);

#endif
