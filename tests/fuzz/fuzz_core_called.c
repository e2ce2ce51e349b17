#include "peer.h"

/* A core that was called, by a peer which may say anything. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_talk(data, size, false);
    return 0;
}
