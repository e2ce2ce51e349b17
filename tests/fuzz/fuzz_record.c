#include "peer.h"

/* A packed record, or, past the signature, a body that is signed here. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    bool is_body = fuzz_byte(&in) & 1;
    struct rp_slice rest = fuzz_rest(&in);
    const struct rp_key *key = &fuzz_parties()->orgs[0].key;
    struct rp_bytes packed[4] = {{0}};
    struct rp_opened opened[4] = {{.sig = {0}}};

    if (is_body && rp_record_pack(&packed[0], rest, key, RP_CODEC_ZSTD) == RP_OK)
        rest = rp_bytes_slice(&packed[0]);
    if (rp_record_open(&opened[0], rest) == RP_OK) {
        must(rp_record_codec(rest) >= 0);
        for (int i = 1; i < 4; i++) { /* packed with any codec it is the same record */
            must(rp_record_repack(&packed[i], &opened[0], (enum rp_codec)(i - 1)) == RP_OK);
            must(rp_record_open(&opened[i], rp_bytes_slice(&packed[i])) == RP_OK);
            must(memcmp(opened[0].record.id, opened[i].record.id, RP_ID_LEN) == 0);
            must(memcmp(opened[0].record.object, opened[i].record.object, RP_ID_LEN) == 0);
        }
    }
    for (int i = 0; i < 4; i++) {
        rp_record_close(&opened[i]);
        rp_bytes_free(&packed[i]);
    }
    return 0;
}
