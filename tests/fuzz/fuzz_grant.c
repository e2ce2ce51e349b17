#include "fuzz.h"

#include <strings.h>

#include "rp/bech32.h"
#include "rp/grant.h"

/* A request as typed, or bytes made one with a good checksum: what is read is written the same. */
static void ask(struct rp_slice given, bool is_raw)
{
    char again[RP_NODE_REQUEST_TEXT_MAX + 1];
    struct rp_node_request request;
    char *text;

    if (is_raw && given.len <= 600) {
        text = malloc(rp_bech32_text_len(6, given.len) + 1);
        must(text != NULL);
        rp_bech32_encode(text, "rpnode", given.data, given.len);
    } else {
        text = fuzz_string(given);
    }
    if (rp_node_request_read(&request, text) == RP_OK) {
        must(rp_node_request_write(again, &request) == RP_OK);
        must(strcasecmp(again, text) == 0);
    }
    free(text);
}

/* A grant as typed, read and given another key. */
static void grant(struct rp_slice given)
{
    static struct rp_grant granted;
    static struct rp_proof proof;
    uint8_t sealed[RP_GRANT_SEALED_LEN] = {0};
    uint8_t noise[RP_KEY_LEN] = {0};
    char *text = fuzz_string(given);
    struct rp_bytes raw;
    char *again;

    if (rp_grant_read(&granted, &proof, &raw, text, noise) == RP_OK)
        rp_bytes_free(&raw);
    if (rp_grant_add_key(&again, text, sealed) == RP_OK)
        free(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    uint8_t what = fuzz_byte(&in);
    struct rp_slice rest = fuzz_rest(&in);

    if (what & 2)
        grant(rest);
    else
        ask(rest, what & 1);
    return 0;
}
