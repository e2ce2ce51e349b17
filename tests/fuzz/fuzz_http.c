#include "browser.h"

/* Bytes to the pages' server in pieces: what comes is a page for a request that deserves one, or
 * none; and whoever calls next is served. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    size_t step = fuzz_byte(&in) * 8u;
    struct rp_slice said = fuzz_rest(&in);
    struct fuzz_browser browser;

    fuzz_browser_init(&browser);
    for (size_t at = 0, n; at < said.len; at += n) {
        n = step == 0 || step > said.len - at ? said.len - at : step;
        fuzz_browser_say(&browser, (struct rp_slice){said.data + at, n});
    }
    fuzz_browser_free(&browser, said);
    fuzz_browser_next();
    return 0;
}
