#include "rp/proquint.h"

#include <stdbool.h>
#include <string.h>

#include "rp/err.h"

static const char consonants[] = "bdfghjklmnprstvz";
static const char vowels[] = "aiou";
static const char filling[] = " -\n\r\t"; /* what people put between the letters */

void rp_proquint_write(char *out, const uint8_t *raw, size_t len)
{
    for (size_t i = 0; i < len; i += 2) {
        unsigned word = (unsigned)raw[i] << 8 | raw[i + 1];

        *out++ = consonants[word >> 12];
        *out++ = vowels[word >> 10 & 3];
        *out++ = consonants[word >> 6 & 15];
        *out++ = vowels[word >> 4 & 3];
        *out++ = consonants[word & 15];
        *out++ = ' ';
    }
    out[-1] = '\0';
}

/* The place of ${c} in ${letters}, or -1. */
static int place(const char *letters, char c)
{
    const char *at = strchr(letters, c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);

    return c != '\0' && at != NULL ? (int)(at - letters) : -1;
}

/* Reads the next letter, over spaces and dashes, into ${bits}, ${width} of them. */
static int next_letter(const char **text, const char *letters, unsigned width, unsigned *bits)
{
    int value;

    *text += strspn(*text, filling);
    value = place(letters, **text);
    if (value < 0)
        return RP_ERR_SHAPE;
    (*text)++;
    *bits = *bits << width | (unsigned)value;
    return RP_OK;
}

int rp_proquint_read(uint8_t *raw, size_t len, const char *text)
{
    for (size_t i = 0; i < len; i += 2) {
        unsigned word = 0;

        for (unsigned letter = 0; letter < 5; letter++) {
            bool vowel = letter % 2 == 1;

            if (next_letter(&text, vowel ? vowels : consonants, vowel ? 2 : 4, &word) != RP_OK)
                return RP_ERR_SHAPE;
        }
        raw[i] = (uint8_t)(word >> 8);
        raw[i + 1] = (uint8_t)word;
    }
    text += strspn(text, filling);
    return *text == '\0' ? RP_OK : RP_ERR_SHAPE;
}
