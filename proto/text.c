#include "rp/text.h"

#include <string.h>

/*
 * Length of the UTF-8 sequence that starts at ${s} with ${left} bytes to go, its code point in
 * ${out}; 0 when it is not valid.
 */
static size_t decode(const uint8_t *s, size_t left, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t point;
    size_t n;

    if (s[0] < 0x80) {
        *out = s[0];
        return 1;
    }
    if (s[0] >= 0xc2 && s[0] <= 0xdf)
        n = 2;
    else if (s[0] >= 0xe0 && s[0] <= 0xef)
        n = 3;
    else if (s[0] >= 0xf0 && s[0] <= 0xf4)
        n = 4;
    else
        return 0;
    if (left < n)
        return 0;
    point = s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (s[i] & 0x3fu);
    }
    if (point < least[n] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *out = point;
    return n;
}

/* How many bytes from ${i} on are ASCII, by eights: most text is. */
static size_t skip_ascii(struct rp_slice text, size_t i)
{
    size_t start = i;
    uint64_t eight;

    for (; text.len - i >= sizeof eight; i += sizeof eight) {
        memcpy(&eight, text.data + i, sizeof eight);
        if ((eight & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    return i - start;
}

bool rp_text_is_utf8(struct rp_slice text)
{
    uint32_t point;

    for (size_t i = skip_ascii(text, 0); i < text.len; i += skip_ascii(text, i)) {
        size_t n = decode(text.data + i, text.len - i, &point);

        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

bool rp_text_is_line(struct rp_slice text)
{
    uint32_t point;

    for (size_t i = 0; i < text.len;) {
        size_t n = decode(text.data + i, text.len - i, &point);

        if (n == 0 || point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0x2028 ||
            point == 0x2029)
            return false;
        i += n;
    }
    return true;
}

size_t rp_text_chars(struct rp_slice text)
{
    size_t chars = 0;

    for (size_t i = 0; i < text.len; i++)
        chars += (text.data[i] & 0xc0) != 0x80;
    return chars;
}

/* The number that ${n} digits at ${at} are, or -1. */
static int number(struct rp_slice text, size_t at, size_t n)
{
    int value = 0;

    for (size_t i = at; i < at + n; i++) {
        if (i >= text.len || text.data[i] < '0' || text.data[i] > '9')
            return -1;
        value = value * 10 + (text.data[i] - '0');
    }
    return value;
}

bool rp_text_is_month(struct rp_slice text)
{
    int month = number(text, 5, 2);

    return text.len == 7 && number(text, 0, 4) >= 0 && text.data[4] == '-' && month >= 1 &&
           month <= 12;
}

bool rp_text_is_date(struct rp_slice text)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = number(text, 0, 4);
    int month = number(text, 5, 2);
    int day = number(text, 8, 2);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    if (text.len != 10 || year < 0 || text.data[4] != '-' || text.data[7] != '-' || month < 1 ||
        month > 12)
        return false;
    return day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

void rp_text_hex(char *out, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[data[i] >> 4];
        *out++ = digits[data[i] & 0x0f];
    }
    *out = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool rp_text_unhex(uint8_t *out, const char *text, size_t digits)
{
    for (size_t i = 0; i < digits; i++) {
        int value = hex_digit(text[i]);

        if (value < 0)
            return false;
        if (i % 2 == 0)
            out[i / 2] = (uint8_t)(value << 4);
        else
            out[i / 2] |= (uint8_t)value;
    }
    return true;
}
