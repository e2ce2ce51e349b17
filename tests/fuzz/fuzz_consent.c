#include "fuzz.h"

#include "rp/consent.h"

/* Any content: what may leave has not lapsed, and goes to the commons only with public-web. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const days[] = {"2026-01-31", "2026-11-22", "2027-12-01", "0000-00-00"};
    struct fuzz_input in = {data, size};
    const char *today = days[fuzz_byte(&in) % 4];
    struct rp_slice content = fuzz_rest(&in);
    struct rp_problem problem;
    bool may[2];

    if (!fuzz_is_map(content))
        return 0;
    for (int commons = 0; commons < 2; commons++) {
        int err = rp_consent_check(content, commons, today, &problem);

        may[commons] = err == RP_OK;
        must(err == RP_OK || (err == RP_ERR_RULE && problem.field[0] && problem.reason[0]));
        must(!may[commons] || !rp_consent_has_lapsed(content, false, today));
    }
    must(may[1] == (may[0] && rp_consent_covers(content, "public-web")));
    must(rp_consent_has_lapsed(content, false, today) ||
         !rp_consent_has_lapsed(content, true, today));
    return 0;
}
