#include "rp/paper.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "rp/err.h"

#define VERSION 1
#define CHECKSUM_LEN 4
#define NUMBER_MAX 65535
#define RAW_LEN (2 * RP_PAPER_WORDS) /* version 2, number 2, seed 32, checksum 4 */

static const char consonants[] = "bdfghjklmnprstvz";
static const char vowels[] = "aiou";
static const char filling[] = " -\n\r\t"; /* what people put between the letters */

static void checksum(uint8_t out[static CHECKSUM_LEN], const uint8_t raw[static RAW_LEN])
{
    uint8_t digest[RP_HASH_LEN];

    rp_hash_one(digest, RP_DOMAIN_PAPER, raw, RAW_LEN - CHECKSUM_LEN);
    memcpy(out, digest, CHECKSUM_LEN);
}

int rp_paper_write(char out[static RP_PAPER_TEXT_LEN + 1], const struct rp_paper *paper)
{
    uint8_t raw[RAW_LEN] = {0, VERSION, (uint8_t)(paper->number >> 8), (uint8_t)paper->number};

    if (paper->number == 0 || paper->number > NUMBER_MAX) {
        out[0] = '\0';
        return RP_ERR_SHAPE;
    }
    memcpy(raw + 4, paper->seed, RP_KEY_SEED_LEN);
    checksum(raw + RAW_LEN - CHECKSUM_LEN, raw);
    for (size_t i = 0; i < RAW_LEN; i += 2) {
        unsigned word = (unsigned)raw[i] << 8 | raw[i + 1];

        *out++ = consonants[word >> 12];
        *out++ = vowels[word >> 10 & 3];
        *out++ = consonants[word >> 6 & 15];
        *out++ = vowels[word >> 4 & 3];
        *out++ = consonants[word & 15];
        *out++ = ' ';
    }
    out[-1] = '\0';
    sodium_memzero(raw, sizeof raw);
    return RP_OK;
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

static int read_raw(uint8_t raw[static RAW_LEN], const char *text)
{
    for (size_t i = 0; i < RAW_LEN; i += 2) {
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

int rp_paper_read(struct rp_paper *out, const char *text)
{
    uint8_t raw[RAW_LEN];
    uint8_t sum[CHECKSUM_LEN];
    int err = read_raw(raw, text);

    if (err == RP_OK) {
        checksum(sum, raw);
        if (sodium_memcmp(sum, raw + RAW_LEN - CHECKSUM_LEN, CHECKSUM_LEN) != 0)
            err = RP_ERR_CHECKSUM;
        else if (raw[0] != 0 || raw[1] != VERSION)
            err = RP_ERR_VERSION;
        else if (raw[2] == 0 && raw[3] == 0) /* succession 0 is the inception, which needs none */
            err = RP_ERR_SHAPE;
    }
    if (err == RP_OK) {
        out->number = (uint32_t)raw[2] << 8 | raw[3];
        memcpy(out->seed, raw + 4, RP_KEY_SEED_LEN);
    }
    sodium_memzero(raw, sizeof raw);
    return err;
}
