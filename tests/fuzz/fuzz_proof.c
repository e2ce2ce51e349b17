#include "peer.h"

/*
 * A proof as it came, or, past the signatures, one around a certificate and a succession that are
 * signed here. One that holds is for this organisation and this Noise key and is made of nothing
 * but its parts.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fuzz_parties *parties = fuzz_parties();
    struct fuzz_input in = {data, size};
    uint8_t how = fuzz_byte(&in);
    struct rp_slice succession = how & 2 ? fuzz_piece(&in) : (struct rp_slice){NULL, 0};
    struct rp_slice payload = fuzz_rest(&in);
    struct rp_bytes made = {NULL, 0};
    struct rp_proof proof;

    if (how & 1 && fuzz_prove(&made, payload, succession, &parties->orgs[0]) == RP_OK)
        payload = rp_bytes_slice(&made);
    if (rp_certificate_check_proof(&proof, payload, parties->noise[0].public) == RP_OK) {
        must(memcmp(proof.certificate.org, proof.identity.org, RP_ID_LEN) == 0);
        must(memcmp(proof.identity.org, parties->orgs[0].identity.org, RP_ID_LEN) == 0);
        must(fuzz_same(proof.inception, parties->self.inception));
        must(rp_identity_has_key(&proof.identity, proof.certificate.key));
        must(rp_identity_name_fits(rp_bytes_str(proof.certificate.name)));
    }
    rp_bytes_free(&made);
    return 0;
}
