#ifndef RP_DECODER_H
#define RP_DECODER_H

#include <stdbool.h>
#include <stdint.h>

#include "rp/sketch.h"

/*
 * Reads the difference of two sets back from the XOR of their cells (SPEC 4.2). Cells are fed in
 * order, as many as arrive at a time; after each feeding the decoder has gone as far as it can.
 * Whoever has other things to do adds cells instead, and lets the decoder work on a little at a
 * time. What it finds is to be believed only when it explains the two sets' fingerprints.
 */
struct rp_decoder;

/* ${cells_max} bounds what may be fed. NULL when memory is short. */
struct rp_decoder *rp_decoder_new(const uint8_t key[static RP_SKETCH_KEY_LEN], uint32_t cells_max);
void rp_decoder_free(struct rp_decoder *d);

/*
 * Feeds the next ${n} cells: ${ours} and, as sent, ${theirs}. RP_ERR_LIMIT past cells_max,
 * RP_ERR_NOMEM, RP_ERR_UNDECODED when the cells contradict themselves (made up, not a sketch).
 */
int rp_decoder_feed(struct rp_decoder *d, const struct rp_cell *ours, const uint8_t *theirs,
                    uint32_t n) __attribute__((warn_unused_result));

/*
 * The same in two parts: adds the cells, and goes on until it rests, having gone as far as it can,
 * or for about ${steps}, from which it takes those that it made. A step is a symbol taken out of a
 * cell, or a cell looked at: some twenty nanoseconds. After RP_ERR_UNDECODED it is good for nothing
 * but to be freed.
 */
int rp_decoder_add(struct rp_decoder *d, const struct rp_cell *ours, const uint8_t *theirs,
                   uint32_t n) __attribute__((warn_unused_result));
int rp_decoder_work(struct rp_decoder *d, uint32_t *steps) __attribute__((warn_unused_result));
bool rp_decoder_rests(const struct rp_decoder *d);

/* Cells fed so far. */
uint32_t rp_decoder_cells(const struct rp_decoder *d);

/* Whether every cell is explained; of use while it rests. */
bool rp_decoder_done(const struct rp_decoder *d);

/* The symbols found so far, RP_SYMBOL_LEN bytes each, and their number; borrowed until fed again.
 */
const uint8_t *rp_decoder_symbols(const struct rp_decoder *d, uint32_t *n);

#endif
