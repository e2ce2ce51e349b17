#include "site.h"

#include "rp/kind.h"

/* A record of any kind with any content: stored, and shown on the pages that it is on. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    const struct rp_kind *kind = rp_kind_table;
    char path[64 + 2 * RP_ID_LEN];
    uint8_t id[RP_ID_LEN];
    struct fuzz_peer site;

    for (uint8_t i = fuzz_byte(&in); i > 0 && kind[1].name != NULL; i--)
        kind++;
    if (!fuzz_is_map((struct rp_slice){in.at, in.left}) ||
        fuzz_contains((struct rp_slice){data, size}, rp_bytes_str(FUZZ_LOCAL_TITLE)))
        return 0;
    fuzz_peer_init(&site, true, false);
    if (fuzz_site_publish(&site, kind, fuzz_rest(&in), id)) {
        rp_text_hex(strcpy(path, "/o/") + 3, id, sizeof id);
        fuzz_site_visit(&site, path, NULL);
        strcat(strcpy(path, "/kind/"), kind->name);
        fuzz_site_visit(&site, path, NULL);
        fuzz_site_visit(&site, "/", NULL);
    }
    fuzz_peer_free(&site);
    return 0;
}
