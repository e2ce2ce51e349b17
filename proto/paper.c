#include "rp/paper.h"

#include <sodium.h>
#include <string.h>

#include "rp/err.h"
#include "rp/proquint.h"

#define VERSION 1
#define CHECKSUM_LEN 4
#define NUMBER_MAX 65535
#define RAW_LEN (2 * RP_PAPER_WORDS) /* version 2, number 2, seed 32, checksum 4 */

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
    rp_proquint_write(out, raw, sizeof raw);
    sodium_memzero(raw, sizeof raw);
    return RP_OK;
}

int rp_paper_read(struct rp_paper *out, const char *text)
{
    uint8_t raw[RAW_LEN];
    uint8_t sum[CHECKSUM_LEN];
    int err = rp_proquint_read(raw, sizeof raw, text);

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
