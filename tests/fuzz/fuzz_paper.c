#include "fuzz.h"

#include "rp/paper.h"
#include <ctype.h>

/* A paper key as typed, or one that was mangled as people do: it is read, as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct rp_paper paper = {.number = 1u + fuzz_byte(&in)};
    struct rp_paper read;
    char words[RP_PAPER_TEXT_LEN + 1], mangled[8 * RP_PAPER_TEXT_LEN];
    char *typed = fuzz_string((struct rp_slice){data, size});
    char *to = mangled;

    must(rp_paper_read(&read, typed) != RP_OK || rp_paper_write(words, &read) == RP_OK);
    free(typed);
    fuzz_fill(&in, paper.seed, sizeof paper.seed);
    must(rp_paper_write(words, &paper) == RP_OK);
    for (const char *from = words; *from != '\0'; from++) {
        for (unsigned n = fuzz_byte(&in); n >= 250 && n < 256; n++)
            *to++ = " -\n\r\t "[255 - n];
        if (*from != ' ')
            *to++ = (char)(fuzz_byte(&in) & 1 ? toupper(*from) : *from);
    }
    *to = '\0';
    must(rp_paper_read(&read, mangled) == RP_OK && read.number == paper.number);
    must(memcmp(read.seed, paper.seed, sizeof read.seed) == 0);
    return 0;
}
