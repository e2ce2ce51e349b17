#ifndef RP_SKETCH_H
#define RP_SKETCH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "rp/hash.h"
#include "rp/limits.h"

/*
 * Sketches (SPEC 4.2): rateless invertible Bloom lookup tables after Yang, Gilad and Alizadeh
 * (SIGCOMM 2024), in cells of 24 bytes. Each symbol is mapped to cell 0 and to ever sparser cells
 * after it, in the same way by everybody; a cell is the XOR of its symbols and of their checksums.
 * The cells of two sets XORed are the cells of their difference, which can be read back from about
 * 1.4 cells for each symbol in it.
 */

#define RP_CELL_LEN 24 /* as sent: symbol, checksum little-endian */
#define RP_SKETCH_KEY_LEN 16

struct rp_cell {
    uint8_t symbol[RP_SYMBOL_LEN];
    uint64_t checksum;
};

/* The key of a scope's checksums. */
void rp_sketch_key(uint8_t key[static RP_SKETCH_KEY_LEN], const uint8_t scope[static RP_ID_LEN]);

/* Where a symbol goes: the cells it is in, in ascending order. */
struct rp_sketch_walk {
    uint64_t state;
    uint64_t cell; /* the current one; 0 at the start */
};

/* The checksum of ${symbol}, which also starts its walk. */
uint64_t rp_sketch_checksum(const uint8_t key[static RP_SKETCH_KEY_LEN],
                            const uint8_t symbol[static RP_SYMBOL_LEN]);
struct rp_sketch_walk rp_sketch_walk(uint64_t checksum);
void rp_sketch_step(struct rp_sketch_walk *walk);

/*
 * Adds ${symbol} to, or takes it from, ${n} cells that are the cells ${from}, ${from} + 1, ... of a
 * sketch.
 */
void rp_sketch_toggle(struct rp_cell *cells, uint32_t from, uint32_t n,
                      const uint8_t key[static RP_SKETCH_KEY_LEN],
                      const uint8_t symbol[static RP_SYMBOL_LEN]);

/* The same with ${count} symbols, one after the other, and cells from 0 on: faster than one by one,
 * since no step of a walk has to wait for that of another symbol. */
void rp_sketch_toggle_all(struct rp_cell *cells, uint32_t n,
                          const uint8_t key[static RP_SKETCH_KEY_LEN], const uint8_t *symbols,
                          size_t count);

/* XORs one cell into another: a symbol with its checksum, or all that is in a cell. */
static inline void rp_sketch_xor(struct rp_cell *cell, const struct rp_cell *by)
{
    uint64_t sum[RP_CELL_LEN / 8];
    uint64_t words[RP_CELL_LEN / 8];

    memcpy(sum, cell, sizeof sum);
    memcpy(words, by, sizeof words);
    for (unsigned i = 0; i < RP_CELL_LEN / 8; i++)
        sum[i] ^= words[i];
    memcpy(cell, sum, sizeof sum);
}

void rp_sketch_save(uint8_t out[static RP_CELL_LEN], const struct rp_cell *cell);
void rp_sketch_load(struct rp_cell *cell, const uint8_t in[static RP_CELL_LEN]);

/*
 * The digests sent with the first RP_SKETCH_FIRST cells, by which the size of a difference is
 * estimated: four bits for each of up to RP_SKETCH_OCTAVE cells, evenly spread, in each octave
 * [32, 64), [64, 128), ... below ${cells}; of more from RP_SKETCH_LATE on, and of most in the last.
 * Number of digests for a sketch of ${cells} cells: even, and at most RP_SKETCH_DIGESTS_MAX.
 */
#define RP_SKETCH_DIGESTS_MAX 3808
#define RP_SKETCH_DIGESTS_LEN (RP_SKETCH_DIGESTS_MAX / 2) /* as sent, two to a byte */
uint32_t rp_sketch_digests(uint32_t cells);

/* The cell that digest ${i} is of; from RP_SKETCH_DIGESTS_MAX on cell 0, which no digest is of. */
uint32_t rp_sketch_digest_cell(uint32_t i);

/* The digests of a sketch of ${n} cells, as sent: rp_sketch_digests(${n}) / 2 bytes. */
void rp_sketch_save_digests(uint8_t *out, const struct rp_cell *cells, uint32_t n);

/*
 * About how many symbols two sets differ by, from both sides' digests of the first ${n} cells, as
 * sent. A maximum-likelihood estimate, about 4 % off; 0 when all agree.
 */
double rp_sketch_estimate(const uint8_t *ours, const uint8_t *theirs, uint32_t n);

#endif
