#include "loop.h"

/* The control socket: bytes as they come in, or a request's number and command with arguments of
 * the fuzzer's. Each reply is a frame as SPEC 8.1 has them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct fuzz_peer peer;

    fuzz_peer_init(&peer, true, false);
    fuzz_control_begin(&peer);
    while (in.left > 0) {
        uint8_t how = fuzz_byte(&in);

        if (how == 0)
            fuzz_control_wait((uint64_t)fuzz_byte(&in) << 8);
        else if (how == 1)
            fuzz_control_say(fuzz_piece(&in));
        else
            fuzz_control_ask(how, fuzz_piece(&in));
    }
    fuzz_control_end();
    fuzz_peer_free(&peer);
    return 0;
}
