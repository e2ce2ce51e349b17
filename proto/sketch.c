#include "rp/sketch.h"

#include <math.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#define ESTIMATE_MAX 4194304.0 /* beyond any sketch */
#define TOGETHER 4             /* symbols that are walked side by side */

void rp_sketch_key(uint8_t key[static RP_SKETCH_KEY_LEN], const uint8_t scope[static RP_ID_LEN])
{
    uint8_t digest[RP_HASH_LEN];

    rp_hash_one(digest, RP_DOMAIN_SKETCH, scope, RP_ID_LEN);
    memcpy(key, digest, RP_SKETCH_KEY_LEN);
}

static uint64_t load64(const uint8_t in[static 8])
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)in[i] << 8 * i;
    return value;
}

uint64_t rp_sketch_checksum(const uint8_t key[static RP_SKETCH_KEY_LEN],
                            const uint8_t symbol[static RP_SYMBOL_LEN])
{
    uint8_t out[crypto_shorthash_BYTES];

    crypto_shorthash(out, symbol, RP_SYMBOL_LEN, key);
    return load64(out);
}

struct rp_sketch_walk rp_sketch_walk(uint64_t checksum)
{
    return (struct rp_sketch_walk){.state = checksum, .cell = 0};
}

/*
 * ${n} as a double, as a cast gives it: both halves and their product are exact, the sum is rounded
 * once. On most processors a cast is a branch on the highest bit, which nothing can foresee.
 */
static inline double rounded(uint64_t n)
{
    return (double)(int64_t)(n >> 32) * 4294967296.0 + (double)(int64_t)(n & 0xffffffff);
}

/*
 * The gap to the next cell is drawn so that a symbol is in cell i with probability 1/(1 + i/2).
 * IEEE double, each operation rounded on its own (SPEC 4.2): the build forbids contraction.
 */
static inline void step(struct rp_sketch_walk *walk)
{
    double root;
    double gap;
    int64_t whole;

    walk->state *= UINT64_C(0xda942042e4dd58b5);
    root = sqrt(rounded(walk->state) + 1.0);
    gap = ((double)(int64_t)walk->cell + 1.5) * (4294967296.0 / root - 1.0);
    whole = (int64_t)gap;
    whole += (double)whole < gap; /* up to the next whole number */
    walk->cell += whole > 0 ? (uint64_t)whole : 1;
}

void rp_sketch_step(struct rp_sketch_walk *walk)
{
    step(walk);
}

/* A symbol on its way through the cells. */
struct walker {
    struct rp_sketch_walk walk;
    struct rp_cell alone; /* a cell that holds nothing else */
};

static inline struct walker begin(const uint8_t key[static RP_SKETCH_KEY_LEN],
                                  const uint8_t symbol[static RP_SYMBOL_LEN])
{
    struct walker walker = {.alone.checksum = rp_sketch_checksum(key, symbol)};

    walker.walk = rp_sketch_walk(walker.alone.checksum);
    memcpy(walker.alone.symbol, symbol, RP_SYMBOL_LEN);
    return walker;
}

void rp_sketch_toggle(struct rp_cell *cells, uint32_t from, uint32_t n,
                      const uint8_t key[static RP_SKETCH_KEY_LEN],
                      const uint8_t symbol[static RP_SYMBOL_LEN])
{
    struct walker walker = begin(key, symbol);

    for (; walker.walk.cell < (uint64_t)from + n; step(&walker.walk)) {
        if (walker.walk.cell >= from)
            rp_sketch_xor(&cells[walker.walk.cell - from], &walker.alone);
    }
}

void rp_sketch_toggle_all(struct rp_cell *cells, uint32_t n,
                          const uint8_t key[static RP_SKETCH_KEY_LEN], const uint8_t *symbols,
                          size_t count)
{
    while (count > 0) {
        struct walker walkers[TOGETHER];
        unsigned lanes = count < TOGETHER ? (unsigned)count : TOGETHER;
        bool any = n > 0;

        for (unsigned k = 0; k < lanes; k++)
            walkers[k] = begin(key, symbols + (size_t)k * RP_SYMBOL_LEN);
        while (any) {
            any = false;
            for (unsigned k = 0; k < lanes; k++) {
                if (walkers[k].walk.cell >= n)
                    continue;
                rp_sketch_xor(&cells[walkers[k].walk.cell], &walkers[k].alone);
                step(&walkers[k].walk);
                any = true;
            }
        }
        symbols += (size_t)lanes * RP_SYMBOL_LEN;
        count -= lanes;
    }
}

void rp_sketch_save(uint8_t out[static RP_CELL_LEN], const struct rp_cell *cell)
{
    memcpy(out, cell->symbol, RP_SYMBOL_LEN);
    for (unsigned i = 0; i < 8; i++)
        out[RP_SYMBOL_LEN + i] = (uint8_t)(cell->checksum >> 8 * i);
}

void rp_sketch_load(struct rp_cell *cell, const uint8_t in[static RP_CELL_LEN])
{
    memcpy(cell->symbol, in, RP_SYMBOL_LEN);
    cell->checksum = load64(in + RP_SYMBOL_LEN);
}

/* Digests in the octave that begins at cell ${first}. */
static uint32_t octave_digests(uint32_t first)
{
    if (first >= RP_SKETCH_CELLS_MAX / 2)
        return RP_SKETCH_OCTAVE_LAST;
    if (first >= RP_SKETCH_LATE)
        return RP_SKETCH_OCTAVE_LATE;
    return first < RP_SKETCH_OCTAVE ? first : RP_SKETCH_OCTAVE;
}

/* Whether a sketch of ${cells} cells has digests in the octave that begins at cell ${first}. */
static bool has_octave(uint32_t first, uint32_t cells)
{
    return first < RP_SKETCH_CELLS_MAX && 2 * first <= cells;
}

/* The cell of digest ${j} of ${digests} in an octave: both are small enough for 32 bits. */
static uint32_t octave_cell(uint32_t first, uint32_t j, uint32_t digests)
{
    return first + j * first / digests;
}

uint32_t rp_sketch_digests(uint32_t cells)
{
    uint32_t digests = 0;

    for (uint32_t first = RP_SKETCH_FIRST; has_octave(first, cells); first *= 2)
        digests += octave_digests(first);
    return digests;
}

uint32_t rp_sketch_digest_cell(uint32_t i)
{
    for (uint32_t first = RP_SKETCH_FIRST; first < RP_SKETCH_CELLS_MAX; first *= 2) {
        uint32_t digests = octave_digests(first);

        if (i < digests)
            return octave_cell(first, i, digests);
        i -= digests;
    }
    return 0;
}

void rp_sketch_save_digests(uint8_t *out, const struct rp_cell *cells, uint32_t n)
{
    for (uint32_t first = RP_SKETCH_FIRST; has_octave(first, n); first *= 2) {
        uint32_t digests = octave_digests(first);

        for (uint32_t j = 0; j < digests; j += 2) {
            uint64_t low = cells[octave_cell(first, j, digests)].checksum & 15;
            uint64_t high = cells[octave_cell(first, j + 1, digests)].checksum & 15;

            *out++ = (uint8_t)(low | high << 4);
        }
    }
}

/*
 * Digests of neighbouring cells, which each symbol is in with nearly the same probability: they are
 * counted together, so that an estimate takes no more time the more of them there are.
 */
#define BINS_OCTAVE 32 /* of which every octave has a multiple of digests */
#define BINS_MAX (11 * BINS_OCTAVE)

struct bin {
    double out; /* logarithm of the probability that a symbol is not in one of the cells */
    double same;
    double differing;
};

static bool is_same(const uint8_t *ours, const uint8_t *theirs, uint32_t i)
{
    return ((ours[i / 2] ^ theirs[i / 2]) >> 4 * (i % 2) & 15) == 0;
}

/* Counts the digests of ${n} cells into ${bins}; gives their number. */
static uint32_t count_digests(struct bin *bins, const uint8_t *ours, const uint8_t *theirs,
                              uint32_t n)
{
    uint32_t used = 0;
    uint32_t i = 0;

    for (uint32_t first = RP_SKETCH_FIRST; has_octave(first, n); first *= 2) {
        uint32_t digests = octave_digests(first);
        uint32_t each = digests / BINS_OCTAVE;

        for (uint32_t at = 0; at < digests; at += each) {
            uint32_t middle = octave_cell(first, at, digests) / 2 +
                              octave_cell(first, at + each - 1, digests) / 2;
            struct bin *bin = &bins[used++];

            *bin = (struct bin){.out = log1p(-1.0 / (1.0 + 0.5 * middle))};
            for (uint32_t k = 0; k < each; k++, i++) {
                if (is_same(ours, theirs, i))
                    bin->same++;
                else
                    bin->differing++;
            }
        }
    }
    return used;
}

/*
 * How the log-likelihood of a difference of ${d} symbols, given which digests agree, changes with
 * the logarithm of d. A symbol stays out of a cell of bin i with probability exp(${bins}[i].out).
 */
static double slope(double d, const struct bin *bins, uint32_t n)
{
    double sum = 0;

    for (uint32_t i = 0; i < n; i++) {
        double used = -expm1(d * bins[i].out); /* that some symbol is in the cell */
        double change = d * bins[i].out * (1.0 - used);

        /* four bits agree by chance, too: with 1/16 */
        sum += change * (bins[i].same * 15.0 / (16.0 - 15.0 * used) - bins[i].differing / used);
    }
    return sum;
}

double rp_sketch_estimate(const uint8_t *ours, const uint8_t *theirs, uint32_t n)
{
    struct bin bins[BINS_MAX];
    uint32_t used = count_digests(bins, ours, theirs, n);
    double low = log(0.25);
    double high = log(ESTIMATE_MAX);

    if (memcmp(ours, theirs, rp_sketch_digests(n) / 2) == 0)
        return 0;
    while (high - low > 0.005) { /* the likelihood has one peak, where its slope crosses zero */
        double middle = (low + high) / 2;

        if (slope(exp(middle), bins, used) > 0)
            low = middle;
        else
            high = middle;
    }
    return exp((low + high) / 2);
}
