#include "site.h"

/* Any path and any place to go on at: some page, well-formed, that tells nothing of local records.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    char *path = fuzz_string(fuzz_piece(&in));
    char *after = fuzz_string(fuzz_rest(&in));

    fuzz_site_visit(fuzz_site(), path, after[0] != '\0' ? after : NULL);
    free(path);
    free(after);
    return 0;
}
