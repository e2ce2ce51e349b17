#include "fuzz.h"

#include <strings.h>

#include "rp/bech32.h"
#include "rp/token.h"

/* An invite as typed, or bytes made one with a good checksum. What is read is written the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    bool is_raw = fuzz_byte(&in) & 1;
    char again[RP_TOKEN_TEXT_MAX + 1];
    struct rp_token token;
    char *text;

    if (is_raw && in.left <= 2000) {
        text = malloc(rp_bech32_text_len(8, in.left) + 1);
        must(text != NULL);
        rp_bech32_encode(text, "rpinvite", in.at, in.left);
    } else {
        text = fuzz_string(fuzz_rest(&in));
    }
    if (rp_token_read(&token, text) == RP_OK) {
        must(rp_token_write(again, &token) == RP_OK);
        must(strcasecmp(again, text) == 0); /* capitals are as good */
    }
    free(text);
    return 0;
}
