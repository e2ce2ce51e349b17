#include "wire.h"

/* Two sessions; bytes between them are carried in pieces, and may be changed. What arrives is what
 * was sent, in order, whatever is done on the way; untouched, all of it arrives. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct fuzz_wire wire;

    fuzz_wire_init(&wire);
    while (in.left > 0) {
        unsigned side = fuzz_byte(&in);

        if (side & 2)
            fuzz_wire_send(&wire, side & 1, fuzz_piece(&in));
        else if (side & 4)
            fuzz_wire_change(&wire, side & 1, fuzz_byte(&in), fuzz_byte(&in));
        else
            fuzz_wire_carry(&wire, side & 1, 1u + fuzz_byte(&in) * (side >> 3));
    }
    fuzz_wire_finish(&wire);
    return 0;
}
