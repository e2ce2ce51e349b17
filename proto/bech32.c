#include "rp/bech32.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "rp/err.h"

#define CHECKSUM_LEN 6
#define TEXT_MAX 3600 /* longer than the longest invite */

static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
static const uint32_t final_constant = 0x2bc830a3; /* what makes it bech32m and not bech32 */

static uint32_t polymod_step(uint32_t sum, uint8_t value)
{
    static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                         0x2a1462b3};
    uint32_t top = sum >> 25;

    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (unsigned i = 0; i < 5; i++)
        sum ^= top >> i & 1 ? generator[i] : 0;
    return sum;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static uint32_t polymod_prefix(const char *hrp, size_t len)
{
    uint32_t sum = 1;

    for (size_t i = 0; i < len; i++)
        sum = polymod_step(sum, (uint8_t)(lower(hrp[i]) >> 5));
    sum = polymod_step(sum, 0);
    for (size_t i = 0; i < len; i++)
        sum = polymod_step(sum, lower(hrp[i]) & 0x1f);
    return sum;
}

size_t rp_bech32_text_len(size_t hrp_len, size_t len)
{
    return hrp_len + 1 + (len * 8 + 4) / 5 + CHECKSUM_LEN;
}

void rp_bech32_encode(char *out, const char *hrp, const uint8_t *data, size_t len)
{
    size_t hrp_len = strlen(hrp);
    uint32_t sum = polymod_prefix(hrp, hrp_len);
    uint32_t bits = 0;
    unsigned have = 0;

    memcpy(out, hrp, hrp_len);
    out += hrp_len;
    *out++ = '1';
    for (size_t i = 0; i < len || have > 0;) {
        uint8_t value;

        if (have < 5 && i < len) {
            bits = (bits << 8 | data[i++]) & 0xfff;
            have += 8;
        } else if (have < 5) { /* the last value is filled with zero bits */
            bits <<= 5 - have;
            have = 5;
        }
        have -= 5;
        value = bits >> have & 0x1f;
        sum = polymod_step(sum, value);
        *out++ = alphabet[value];
    }
    for (int i = 0; i < CHECKSUM_LEN; i++)
        sum = polymod_step(sum, 0);
    sum ^= final_constant;
    for (int i = 0; i < CHECKSUM_LEN; i++)
        *out++ = alphabet[sum >> 5 * (CHECKSUM_LEN - 1 - i) & 0x1f];
    *out = '\0';
}

/* Printable ASCII throughout, and not both cases. */
static bool characters_fit(const char *text, size_t len)
{
    bool lower_seen = false;
    bool upper_seen = false;

    for (size_t i = 0; i < len; i++) {
        if (text[i] < 33 || text[i] > 126)
            return false;
        lower_seen |= text[i] >= 'a' && text[i] <= 'z';
        upper_seen |= text[i] >= 'A' && text[i] <= 'Z';
    }
    return !(lower_seen && upper_seen);
}

int rp_bech32_split(const char *text, size_t max, uint8_t *values, size_t *n, size_t *hrp_len)
{
    size_t len = strnlen(text, max + 1);
    const char *separator = NULL;
    uint32_t sum;

    if (len > max)
        return RP_ERR_LIMIT;
    if (!characters_fit(text, len))
        return RP_ERR_SHAPE;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '1')
            separator = text + i;
    }
    if (separator == NULL || separator == text)
        return RP_ERR_SHAPE;
    *hrp_len = (size_t)(separator - text);
    *n = len - *hrp_len - 1;
    if (*n < CHECKSUM_LEN)
        return RP_ERR_SHAPE;
    sum = polymod_prefix(text, *hrp_len);
    for (size_t i = 0; i < *n; i++) {
        const char *letter = strchr(alphabet, lower(separator[1 + i]));

        if (letter == NULL)
            return RP_ERR_SHAPE;
        values[i] = (uint8_t)(letter - alphabet);
        sum = polymod_step(sum, values[i]);
    }
    if (sum != final_constant)
        return RP_ERR_CHECKSUM;
    *n -= CHECKSUM_LEN;
    return RP_OK;
}

/* Whether ${text} begins with the ${len} characters of prefix ${hrp}, and that is all of it. */
static bool has_prefix(const char *text, size_t len, const char *hrp)
{
    if (len != strlen(hrp))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (lower(text[i]) != hrp[i])
            return false;
    }
    return true;
}

/* Joins ${n} values of 5 bits to bytes. */
static int join_values(uint8_t *out, size_t cap, size_t *len, const uint8_t *values, size_t n)
{
    uint32_t bits = 0;
    unsigned have = 0;

    for (size_t i = 0; i < n; i++) {
        bits = (bits << 5 | values[i]) & 0xfff;
        have += 5;
        if (have < 8)
            continue;
        if (*len == cap)
            return RP_ERR_LIMIT;
        have -= 8;
        out[(*len)++] = (uint8_t)(bits >> have);
    }
    /* what remains is filling: fewer than 5 bits, all zero */
    if (have >= 5 || (bits & ((1u << have) - 1)) != 0)
        return RP_ERR_SHAPE;
    return RP_OK;
}

int rp_bech32_decode(uint8_t *out, size_t cap, size_t *len, const char *hrp, const char *text)
{
    uint8_t values[TEXT_MAX];
    size_t n;
    size_t hrp_len;
    int err = rp_bech32_split(text, sizeof values, values, &n, &hrp_len);

    *len = 0;
    if (err == RP_OK && !has_prefix(text, hrp_len, hrp))
        err = RP_ERR_SHAPE;
    if (err == RP_OK)
        err = join_values(out, cap, len, values, n);
    sodium_memzero(values, sizeof values); /* an invite is a secret */
    return err;
}
