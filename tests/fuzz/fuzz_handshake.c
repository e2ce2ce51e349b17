#include "stranger.h"

#include "peer.h"

/* A session whose other side has done Noise well and then says anything: as its proof, and, behind
 * an honest one, as the stream that frames are cut from. It opens for proofs that hold alone. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    uint8_t how = fuzz_byte(&in);
    struct rp_slice proof = fuzz_piece(&in);
    struct rp_slice honest = rp_bytes_slice(&fuzz_parties()->proofs[1]);
    struct fuzz_stranger stranger;
    struct rp_proof proved;
    bool holds;

    if (proof.len == 0 || proof.len > RP_PROOF_MAX)
        proof = honest;
    fuzz_stranger_init(&stranger, how & 1, proof);
    holds = rp_certificate_check_proof(&proved, proof, fuzz_parties()->noise[1].public) == RP_OK;
    must(rp_session_is_open(stranger.session) == holds);
    for (size_t cut = 0; holds && in.left > 0 && stranger.err == RP_OK; cut++)
        fuzz_stranger_say(&stranger, cut % 2 ? fuzz_rest(&in) : fuzz_piece(&in), how >> 1);
    fuzz_stranger_free(&stranger);
    return 0;
}
