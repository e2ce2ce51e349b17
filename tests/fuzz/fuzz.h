#ifndef FUZZ_H
#define FUZZ_H

/*
 * What the fuzz targets share. A target is one file fuzz_NAME.c with LLVMFuzzerTestOneInput, which
 * takes its input apart, hands it to the code in question and checks what must hold of the outcome.
 */

#include "unit/sample.h"

#include "rp/decoder.h"
#include "rp/limits.h"
#include "rp/reader.h"
#include "rp/text.h"
#include "rp/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program loudly: libFuzzer and ctest both take that for a finding. */
#define must(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_fail(const char *file, int line, const char *condition);

/* An input, taken apart from its start. What is no longer there reads as zero, or as nothing. */
struct fuzz_input {
    const uint8_t *at;
    size_t left;
};
uint8_t fuzz_byte(struct fuzz_input *in);
struct rp_slice fuzz_piece(struct fuzz_input *in); /* two bytes of length before it */
void fuzz_fill(struct fuzz_input *in, uint8_t *out, size_t len);
struct rp_slice fuzz_rest(struct fuzz_input *in);

/* The same bytes up to the first NUL, as a string of its own; free with free(). */
char *fuzz_string(struct rp_slice bytes);

bool fuzz_same(struct rp_slice a, struct rp_slice b);
bool fuzz_contains(struct rp_slice text, struct rp_slice part);

/* Whether ${bytes} are one canonical item, and that a map. */
bool fuzz_is_map(struct rp_slice bytes);

/* Reads the next item and writes it anew, through and through. */
void fuzz_rewrite(struct rp_writer *w, struct rp_reader *r);

/* Whether the symbols that a decoder found, taken out of the ${cells} fed to it, leave nothing. */
#define FUZZ_CELLS 256
bool fuzz_explains(const struct rp_decoder *d, const struct rp_cell *cells, const uint8_t *key);

/*
 * Reads a link's message and writes what was read, by its type. RP_ERR_NOT_FOUND when there is no
 * reader for its type.
 */
int fuzz_message_again(struct rp_writer *w, struct rp_slice frame);

/*
 * Fails unless ${html} holds no markup but ours: tags from a list, closed in order, attributes from
 * a list, links only to where pages may lead, everything else escaped.
 */
void fuzz_check_html(struct rp_slice html);

#endif
