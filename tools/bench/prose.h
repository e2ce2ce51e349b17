#ifndef PROSE_H
#define PROSE_H

#include <stddef.h>
#include <stdint.h>

#include "rp/bytes.h"
#include "rp/rand.h"

/*
 * Texts to fill libraries with: either sentences of the starter library in any order, as many as
 * make a text of some size, or the Markdown files of a folder, and of those in it, as they are.
 */
struct prose {
    char **pieces;
    size_t *lens;
    size_t n;
    size_t size; /* of a text made of pieces; 0: each piece is a text */
    struct rp_rand rand;
};

/* Texts of ${size} bytes; or, if ${folder} is not NULL, the files in it. Ends when there are none.
 */
void prose_open(struct prose *prose, size_t size, const char *folder);
void prose_free(struct prose *prose);

/* The ${i}th text, in ${out}, which is made longer as need be. */
void prose_text(struct prose *prose, uint64_t i, struct rp_bytes *out);

#endif
