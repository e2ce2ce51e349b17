#include "symbols.h"

#include <stdlib.h>
#include <string.h>

#include "rp/err.h"
#include "rp/hash.h"

int symbols_append(struct symbols *list, const void *entries, size_t bytes)
{
    if (bytes > list->cap - list->n) {
        size_t cap = list->cap > 0 ? list->cap : 256;
        uint8_t *data;

        while (cap - list->n < bytes)
            cap *= 2;
        data = realloc(list->data, cap);
        if (data == NULL)
            return RP_ERR_NOMEM;
        list->data = data;
        list->cap = cap;
    }
    if (bytes > 0)
        memcpy(list->data + list->n, entries, bytes);
    list->n += bytes;
    return RP_OK;
}

void symbols_drop(struct symbols *list, size_t bytes)
{
    list->n -= bytes;
    if (bytes > 0 && list->n > 0)
        memmove(list->data, list->data + bytes, list->n);
}

void symbols_clear(struct symbols *list)
{
    list->n = 0;
}

void symbols_free(struct symbols *list)
{
    free(list->data);
    *list = (struct symbols){0};
}

struct rp_slice symbols_slice(const struct symbols *list)
{
    return (struct rp_slice){list->data, list->n};
}

static int compare_symbols(const void *a, const void *b)
{
    return memcmp(a, b, RP_SYMBOL_LEN);
}

void symbols_sort(struct symbols *list)
{
    if (list->n > 0)
        qsort(list->data, list->n / RP_SYMBOL_LEN, RP_SYMBOL_LEN, compare_symbols);
}

bool symbols_has(struct rp_slice sorted, const uint8_t *symbol)
{
    return sorted.len > 0 && bsearch(symbol, sorted.data, sorted.len / RP_SYMBOL_LEN, RP_SYMBOL_LEN,
                                     compare_symbols) != NULL;
}
