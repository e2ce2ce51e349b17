#include "fuzz.h"

#include "rp/record.h"

/* A body that parses is written anew, from what was parsed, as the same bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rp_slice bytes = {data, size};
    struct rp_record record;
    struct rp_bytes body;

    if (rp_record_parse(&record, bytes) != RP_OK)
        return 0;
    must(rp_record_write(&body, &record) == RP_OK);
    must(fuzz_same(rp_bytes_slice(&body), bytes));
    rp_bytes_free(&body);
    return 0;
}
