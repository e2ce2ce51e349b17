#include "rp/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "rp/err.h"

/*
 * Cells that have changed are looked at by turns, not at once: a cell that holds many symbols is
 * looked at once for all of those that a turn takes out of it.
 *
 * Invariants:
 * 1. Every symbol found below caught_up is out of all n cells: its walk is at n or beyond.
 * 2. Every cell that may be pure is in the present turn from turn_at on, or in the next.
 */
struct rp_decoder {
    uint8_t key[RP_SKETCH_KEY_LEN];
    uint32_t cells_max;
    uint32_t n;                   /* cells fed */
    uint32_t cap;                 /* entries there is room for in each of the arrays */
    uint32_t open;                /* cells that are not zero yet */
    uint32_t found;               /* symbols */
    uint32_t caught_up;           /* symbols that are out of the cells fed last, too */
    uint32_t turn_n;              /* cells of the present turn, of which ... */
    uint32_t turn_at;             /* ... these were looked at */
    uint32_t next_n;              /* cells of the next */
    struct rp_cell *cells;        /* n: ours XOR theirs XOR all symbols found */
    bool *queued;                 /* n: whether the cell is in the next turn */
    uint32_t *turn;               /* cells to look at, each at most once */
    uint32_t *next;               /* the same */
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
    free(d->turn);
    free(d->next);
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
    d->turn = grow(d->turn, cap, sizeof *d->turn, &good);
    d->next = grow(d->next, cap, sizeof *d->next, &good);
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

/* XORs ${by} into a cell, keeping count of the open ones, and has it looked at. */
static void toggle(struct rp_decoder *d, uint32_t cell, const struct rp_cell *by)
{
    d->open -= !is_zero(&d->cells[cell]);
    rp_sketch_xor(&d->cells[cell], by);
    d->open += !is_zero(&d->cells[cell]);
    if (!d->queued[cell])
        d->next[d->next_n++] = cell;
    d->queued[cell] = true;
}

/* Takes symbol ${i} out of all cells fed that its walk has not visited yet; gives their number. */
static uint32_t take_out(struct rp_decoder *d, uint32_t i)
{
    struct rp_sketch_walk walk = d->walks[i];
    struct rp_cell by = {.checksum = d->checksums[i]};
    uint32_t cells = 0;

    memcpy(by.symbol, d->symbols + (size_t)i * RP_SYMBOL_LEN, RP_SYMBOL_LEN);
    for (; walk.cell < d->n; rp_sketch_step(&walk)) {
        toggle(d, (uint32_t)walk.cell, &by);
        cells++;
    }
    d->walks[i] = walk;
    return cells;
}

/* Records the symbol of a pure cell and takes it out everywhere. */
static uint32_t find(struct rp_decoder *d, const struct rp_cell *cell)
{
    uint32_t i = d->found++;

    memcpy(d->symbols + (size_t)i * RP_SYMBOL_LEN, cell->symbol, RP_SYMBOL_LEN);
    d->checksums[i] = cell->checksum;
    d->walks[i] = rp_sketch_walk(cell->checksum);
    d->caught_up = d->found;
    return take_out(d, i);
}

int rp_decoder_add(struct rp_decoder *d, const struct rp_cell *ours, const uint8_t *theirs,
                   uint32_t n)
{
    int err;

    if (n > d->cells_max - d->n)
        return RP_ERR_LIMIT;
    if ((err = reserve(d, d->n + n)) != RP_OK)
        return err;
    for (uint32_t i = 0; i < n; i++) {
        struct rp_cell *cell = &d->cells[d->n];

        rp_sketch_load(cell, theirs + (size_t)i * RP_CELL_LEN);
        d->queued[d->n] = false;
        d->open += !is_zero(cell);
        toggle(d, d->n++, &ours[i]);
    }
    if (n > 0)
        d->caught_up = 0;
    return RP_OK;
}

/* The next cell to be looked at; false when there is none. */
static bool next_cell(struct rp_decoder *d, uint32_t *cell)
{
    if (d->turn_at == d->turn_n) {
        uint32_t *spent = d->turn;

        d->turn = d->next;
        d->turn_n = d->next_n;
        d->next = spent;
        d->turn_at = d->next_n = 0;
    }
    if (d->turn_at == d->turn_n)
        return false;
    *cell = d->turn[d->turn_at++];
    d->queued[*cell] = false;
    return true;
}

int rp_decoder_work(struct rp_decoder *d, uint32_t *steps)
{
    uint32_t done = 0;
    uint32_t cell;
    int err = RP_OK;

    for (; d->caught_up < d->found && done < *steps; d->caught_up++)
        done += 1 + take_out(d, d->caught_up);
    while (err == RP_OK && done < *steps && next_cell(d, &cell)) {
        done++;
        if (!is_pure(d, &d->cells[cell]))
            continue;
        if (d->found < d->n)
            done += find(d, &d->cells[cell]);
        else /* more symbols than cells: these are not the cells of a set */
            err = RP_ERR_UNDECODED;
    }
    *steps -= done < *steps ? done : *steps;
    return err;
}

bool rp_decoder_rests(const struct rp_decoder *d)
{
    return d->caught_up == d->found && d->turn_at == d->turn_n && d->next_n == 0;
}

int rp_decoder_feed(struct rp_decoder *d, const struct rp_cell *ours, const uint8_t *theirs,
                    uint32_t n)
{
    int err = rp_decoder_add(d, ours, theirs, n);

    while (err == RP_OK && !rp_decoder_rests(d)) {
        uint32_t steps = UINT32_MAX;

        err = rp_decoder_work(d, &steps);
    }
    return err;
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
