#include "fuzz.h"

/* The cells of some symbols, some of them falsified, fed piece by piece. When the decoder says that
 * it can explain all it was fed, the symbols it found make exactly these cells. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    const struct rp_cell zero[FUZZ_CELLS] = {0};
    struct rp_cell cells[FUZZ_CELLS] = {0};
    uint8_t bytes[FUZZ_CELLS][RP_CELL_LEN];
    uint8_t key[RP_SKETCH_KEY_LEN] = {1};
    struct rp_decoder *d = rp_decoder_new(key, FUZZ_CELLS);

    for (uint8_t i = fuzz_byte(&in), symbol[RP_SYMBOL_LEN]; i > 0; i--) {
        fuzz_fill(&in, symbol, sizeof symbol);
        rp_sketch_toggle(cells, 0, FUZZ_CELLS, key, symbol);
    }
    for (uint8_t i = fuzz_byte(&in); i > 0; i--)
        fuzz_fill(&in, cells[fuzz_byte(&in)].symbol, RP_SYMBOL_LEN);
    for (size_t i = 0; i < FUZZ_CELLS; i++)
        rp_sketch_save(bytes[i], &cells[i]);
    for (uint32_t at = 0, n; at < FUZZ_CELLS && (n = 1u + fuzz_byte(&in)) <= FUZZ_CELLS - at;
         at += n) {
        if (rp_decoder_feed(d, zero, bytes[at], n) != RP_OK)
            break;
        must(!rp_decoder_done(d) || fuzz_explains(d, cells, key));
    }
    rp_decoder_free(d);
    return 0;
}
