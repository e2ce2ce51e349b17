#include "fuzz.h"

/* An inception that is read gives back its bytes; the id's text gives back the id. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rp_slice bytes = {data, size};
    struct rp_identity identity;
    struct rp_bytes again;
    char text[RP_ORG_TEXT_LEN + 1];
    uint8_t org[RP_ID_LEN];
    char *typed = fuzz_string(bytes);

    if (rp_identity_read(&identity, bytes) == RP_OK) {
        must(rp_identity_has_key(&identity, identity.keys[0]));
        must(rp_identity_incept(&again, identity.keys[0], identity.next, identity.name) == RP_OK);
        must(fuzz_same(rp_bytes_slice(&again), bytes));
        rp_bytes_free(&again);
        rp_identity_text(text, identity.org);
        must(rp_identity_from_text(org, text) == RP_OK);
        must(memcmp(org, identity.org, RP_ID_LEN) == 0);
    }
    if (rp_identity_from_text(org, typed) == RP_OK)
        must(strlen(typed) == RP_ORG_TEXT_LEN);
    free(typed);
    return 0;
}
