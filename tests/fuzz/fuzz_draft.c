#include "fuzz.h"

#include "author/draft.h"

/* What somebody wrote, made ready to be signed, keeps the rules, and stays so when done again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct draft_opts opts = {.today = "2026-11-22", .language = "en", .kind = rp_kind_table};
    uint8_t how = fuzz_byte(&in);
    struct rp_problem problem;
    struct rp_bytes once, twice;

    for (uint8_t i = fuzz_byte(&in); i > 0 && opts.kind[1].name != NULL; i--)
        opts.kind++;
    opts.leaves = opts.commons = how & 1;
    opts.own_licence = how & 2;
    opts.attribution = how & 4 ? "Somebody" : NULL;
    if (!fuzz_is_map((struct rp_slice){in.at, in.left}) || !opts.kind->authored ||
        draft_finish(&once, fuzz_rest(&in), &opts, &problem) != RP_OK)
        return 0;
    must(fuzz_is_map(rp_bytes_slice(&once)));
    must(rp_kind_check(opts.kind, rp_bytes_slice(&once), opts.commons, &problem) == RP_OK);
    must(draft_finish(&twice, rp_bytes_slice(&once), &opts, &problem) == RP_OK);
    must(fuzz_same(rp_bytes_slice(&once), rp_bytes_slice(&twice)));
    rp_bytes_free(&once);
    rp_bytes_free(&twice);
    return 0;
}
