#include "fuzz.h"

#include "rp/canonical.h"

/* What is accepted can be read to its end, and written anew gives the same bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rp_slice bytes = {data, size};
    struct rp_reader r;
    struct rp_writer w;

    if (rp_canonical_check(data, size) != RP_OK)
        return 0;
    rp_writer_init(&w, size);
    rp_reader_init(&r, bytes);
    fuzz_rewrite(&w, &r);
    must(rp_reader_end(&r) == RP_OK && w.err == RP_OK);
    must(fuzz_same(rp_writer_slice(&w), bytes));
    rp_reader_init(&r, bytes);
    must(fuzz_same(rp_reader_item(&r), bytes));
    rp_writer_free(&w);
    return 0;
}
