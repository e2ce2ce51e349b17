#include "file.h"

/* A Markdown file, read leniently or strictly. What comes of it is content that the kind's rules
 * can be held against; and when they hold, the file written of it says the same again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    bool lenient = fuzz_byte(&in) & 1;
    struct fuzz_file first;
    struct fuzz_file second;

    if (fuzz_file_read(&first, fuzz_rest(&in), NULL, lenient) != RP_OK)
        return 0;
    must(fuzz_is_map(rp_writer_slice(&first.content)));
    if (fuzz_file_holds(&first)) {
        char *again = fuzz_file_write(&first);

        must(again != NULL);
        must(fuzz_file_read(&second, rp_bytes_str(again), first.kind, false) == RP_OK);
        must(fuzz_file_holds(&second));
        free(again);
        fuzz_file_free(&second);
    }
    fuzz_file_free(&first);
    return 0;
}
