#include "fuzz.h"

#include "rp/canonical.h"
#include "rp/message.h"

/* A message that is read is written as the same bytes; HELLO, whose map may hold more, as a fixed
 * point: what is written from it reads and is written the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rp_slice frame = {data, size};
    struct rp_writer w[2];

    if (rp_canonical_check(data, size) != RP_OK)
        return 0;
    rp_writer_init(&w[0], RP_FRAME_MAX);
    rp_writer_init(&w[1], RP_FRAME_MAX);
    if (fuzz_message_again(&w[0], frame) == RP_OK) {
        must(w[0].err == RP_OK && rp_canonical_check(w[0].data, w[0].len) == RP_OK);
        if (rp_message_type(frame) == RP_MESSAGE_HELLO) {
            must(fuzz_message_again(&w[1], rp_writer_slice(&w[0])) == RP_OK);
            frame = rp_writer_slice(&w[1]);
        }
        must(fuzz_same(rp_writer_slice(&w[0]), frame));
    }
    rp_writer_free(&w[0]);
    rp_writer_free(&w[1]);
    return 0;
}
