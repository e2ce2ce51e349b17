#include "rp/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "rp/err.h"

struct rp_decoder {
    uint8_t key[RP_SKETCH_KEY_LEN];
    uint32_t cells_max;
    uint32_t n;                   /* cells fed */
    uint32_t cap;                 /* entries there is room for in each of the arrays */
    uint32_t open;                /* cells that are not zero yet */
    uint32_t found;               /* symbols */
    uint32_t waiting;             /* entries in queue */
    struct rp_cell *cells;        /* n: ours XOR theirs XOR all symbols found */
    bool *queued;                 /* n: whether the cell is in the queue */
    uint32_t *queue;              /* cells that may be pure, each at most once */
    uint8_t *symbols;             /* found */
    uint64_t *checksums;          /* found */
    struct rp_sketch_walk *walks; /* found: where each symbol goes on past the cells fed */
};

struct rp_decoder *rp_decoder_new(const uint8_t key[static RP_SKETCH_KEY_LEN], uint32_t cells_max)
{
    struct rp_decoder *d = calloc(1, sizeof *d);

    if (d == NULL)
        return NULL;
    memcpy(d->key, key, sizeof d->key);
    d->cells_max = cells_max;
    return d;
}

void rp_decoder_free(struct rp_decoder *d)
{
    if (d == NULL)
        return;
    free(d->cells);
    free(d->queued);
    free(d->queue);
    free(d->symbols);
    free(d->checksums);
    free(d->walks);
    free(d);
}

/*
 * ${array} grown to ${cap} entries of ${size} bytes. When memory is short it comes back as it was,
 * and ${good} is cleared.
 */
static void *grow(void *array, uint32_t cap, size_t size, bool *good)
{
    void *data = realloc(array, (size_t)cap * size);

    if (data == NULL)
        *good = false;
    return data != NULL ? data : array;
}

/* Room for ${cells} cells, and for as many symbols: there are never more in an honest sketch. */
static int reserve(struct rp_decoder *d, uint32_t cells)
{
    uint32_t cap = d->cap > d->cells_max / 2 ? d->cells_max : 2 * d->cap;
    bool good = true;

    if (cells <= d->cap)
        return RP_OK;
    if (cap < cells)
        cap = cells;
    d->cells = grow(d->cells, cap, sizeof *d->cells, &good);
    d->queued = grow(d->queued, cap, sizeof *d->queued, &good);
    d->queue = grow(d->queue, cap, sizeof *d->queue, &good);
    d->symbols = grow(d->symbols, cap, RP_SYMBOL_LEN, &good);
    d->checksums = grow(d->checksums, cap, sizeof *d->checksums, &good);
    d->walks = grow(d->walks, cap, sizeof *d->walks, &good);
    if (good)
        d->cap = cap;
    return good ? RP_OK : RP_ERR_NOMEM;
}

static bool is_zero(const struct rp_cell *cell)
{
    static const uint8_t zero[RP_SYMBOL_LEN] = {0};

    return cell->checksum == 0 && memcmp(cell->symbol, zero, sizeof zero) == 0;
}

/* Whether exactly one symbol is left in ${cell}. */
static bool is_pure(const struct rp_decoder *d, const struct rp_cell *cell)
{
    return !is_zero(cell) && rp_sketch_checksum(d->key, cell->symbol) == cell->checksum;
}

static void enqueue_if_pure(struct rp_decoder *d, uint32_t cell)
{
    if (d->queued[cell] || !is_pure(d, &d->cells[cell]))
        return;
    d->queued[cell] = true;
    d->queue[d->waiting++] = cell;
}

/* XORs a symbol into a cell, keeping count of the open ones. */
static void toggle(struct rp_decoder *d, struct rp_cell *cell, const uint8_t *symbol,
                   uint64_t checksum)
{
    d->open -= !is_zero(cell);
    cell->checksum ^= checksum;
    for (unsigned i = 0; i < RP_SYMBOL_LEN; i++)
        cell->symbol[i] ^= symbol[i];
    d->open += !is_zero(cell);
}

/* Takes symbol ${i} out of all cells fed that its walk has not visited yet. */
static void take_out(struct rp_decoder *d, uint32_t i)
{
    struct rp_sketch_walk *walk = &d->walks[i];

    for (; walk->cell < d->n; rp_sketch_step(walk)) {
        uint32_t cell = (uint32_t)walk->cell;

        toggle(d, &d->cells[cell], d->symbols + (size_t)i * RP_SYMBOL_LEN, d->checksums[i]);
        enqueue_if_pure(d, cell);
    }
}

/* Records the symbol of a pure cell and takes it out everywhere. */
static int find(struct rp_decoder *d, const struct rp_cell *cell)
{
    uint32_t i = d->found;

    if (i == d->n) /* more symbols than cells: these are not the cells of a set */
        return RP_ERR_UNDECODED;
    memcpy(d->symbols + (size_t)i * RP_SYMBOL_LEN, cell->symbol, RP_SYMBOL_LEN);
    d->checksums[i] = cell->checksum;
    d->walks[i] = rp_sketch_walk(cell->checksum);
    d->found++;
    take_out(d, i);
    return RP_OK;
}

static int peel(struct rp_decoder *d)
{
    int err = RP_OK;

    while (d->waiting > 0 && err == RP_OK) {
        uint32_t cell = d->queue[--d->waiting];

        d->queued[cell] = false;
        if (is_pure(d, &d->cells[cell])) /* it may have been emptied while it waited */
            err = find(d, &d->cells[cell]);
    }
    return err;
}

int rp_decoder_feed(struct rp_decoder *d, const struct rp_cell *ours, const uint8_t *theirs,
                    uint32_t n)
{
    uint32_t first = d->n;
    int err;

    if (n > d->cells_max - d->n)
        return RP_ERR_LIMIT;
    if ((err = reserve(d, d->n + n)) != RP_OK)
        return err;
    d->n += n;
    for (uint32_t i = 0; i < n; i++) {
        struct rp_cell *cell = &d->cells[first + i];

        rp_sketch_load(cell, theirs + (size_t)i * RP_CELL_LEN);
        d->queued[first + i] = false;
        d->open += !is_zero(cell);
        toggle(d, cell, ours[i].symbol, ours[i].checksum);
    }
    for (uint32_t i = 0; i < d->found; i++)
        take_out(d, i);
    for (uint32_t i = first; i < d->n; i++)
        enqueue_if_pure(d, i);
    return peel(d);
}

uint32_t rp_decoder_cells(const struct rp_decoder *d)
{
    return d->n;
}

bool rp_decoder_done(const struct rp_decoder *d)
{
    return d->open == 0;
}

const uint8_t *rp_decoder_symbols(const struct rp_decoder *d, uint32_t *n)
{
    *n = d->found;
    return d->symbols;
}
