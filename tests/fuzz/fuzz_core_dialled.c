#include "peer.h"

/* A core that has dialled a peer which may say anything. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_talk(data, size, true);
    return 0;
}
