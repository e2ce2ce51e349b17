#include "rp/canonical.h"

#include <stdbool.h>

#include "rp/bytes.h"
#include "rp/err.h"
#include "rp/limits.h"
#include "rp/text.h"

/* One open array or map. */
struct level {
    uint32_t left; /* values still to come; a map's entry counts once, at its key */
    bool is_map;
    bool value_next;          /* in a map: the next item is a value, not a key */
    struct rp_slice last_key; /* in a map: the key before, to keep them ascending */
};

struct checker {
    const uint8_t *at;
    size_t left;
    uint32_t items;
    int depth;
    struct level levels[RP_DEPTH_MAX];
};

/* What one item header says. */
struct header {
    enum { SCALAR, STRING, BINARY, ARRAY, MAP } type;
    uint32_t count; /* bytes of a string or binary, entries of an array or map */
};

/* Reads a big-endian number of ${n} bytes; fails when fewer remain. */
static bool take_number(struct checker *c, unsigned n, uint64_t *out)
{
    uint64_t value = 0;

    if (c->left < n)
        return false;
    for (unsigned i = 0; i < n; i++)
        value = value << 8 | c->at[i];
    c->at += n;
    c->left -= n;
    *out = value;
    return true;
}

/* A length of ${n} bytes that must be too large for the next shorter form, hence >= ${least}. */
static bool take_length(struct checker *c, unsigned n, uint64_t least, struct header *h)
{
    uint64_t value;

    if (!take_number(c, n, &value) || value < least)
        return false;
    h->count = (uint32_t)value;
    return true;
}

/* An unsigned integer in ${n} bytes, in its shortest form. */
static bool take_unsigned(struct checker *c, unsigned n, uint64_t least)
{
    uint64_t value;

    return take_number(c, n, &value) && value >= least;
}

/* A negative integer in ${n} bytes, in its shortest form: below ${above}, in two's complement. */
static bool take_negative(struct checker *c, unsigned n, int64_t above)
{
    uint64_t raw;

    if (!take_number(c, n, &raw) || raw >> (8 * n - 1) == 0)
        return false;
    if (n < 8) /* extend the sign */
        raw |= UINT64_MAX << (8 * n);
    return (int64_t)raw < above;
}

static bool take_header(struct checker *c, struct header *h)
{
    uint8_t tag;

    if (c->left == 0)
        return false;
    tag = *c->at++;
    c->left--;
    h->type = SCALAR;
    h->count = 0;
    if (tag <= 0x7f || tag >= 0xe0) /* small integers */
        return true;
    if (tag <= 0x8f) {
        h->type = MAP;
        h->count = tag & 0x0f;
        return true;
    }
    if (tag <= 0x9f) {
        h->type = ARRAY;
        h->count = tag & 0x0f;
        return true;
    }
    if (tag <= 0xbf) {
        h->type = STRING;
        h->count = tag & 0x1f;
        return true;
    }
    switch (tag) {
    case 0xc0: /* nil */
    case 0xc2: /* false */
    case 0xc3: /* true */
        return true;
    case 0xc4:
        h->type = BINARY;
        return take_length(c, 1, 0, h);
    case 0xc5:
        h->type = BINARY;
        return take_length(c, 2, 0x100, h);
    case 0xc6:
        h->type = BINARY;
        return take_length(c, 4, 0x10000, h);
    case 0xcc:
        return take_unsigned(c, 1, 0x80);
    case 0xcd:
        return take_unsigned(c, 2, 0x100);
    case 0xce:
        return take_unsigned(c, 4, 0x10000);
    case 0xcf:
        return take_unsigned(c, 8, 0x100000000);
    case 0xd0:
        return take_negative(c, 1, -32);
    case 0xd1:
        return take_negative(c, 2, INT8_MIN);
    case 0xd2:
        return take_negative(c, 4, INT16_MIN);
    case 0xd3:
        return take_negative(c, 8, INT32_MIN);
    case 0xd9:
        h->type = STRING;
        return take_length(c, 1, 32, h);
    case 0xda:
        h->type = STRING;
        return take_length(c, 2, 0x100, h);
    case 0xdb:
        h->type = STRING;
        return take_length(c, 4, 0x10000, h);
    case 0xdc:
        h->type = ARRAY;
        return take_length(c, 2, 16, h);
    case 0xde:
        h->type = MAP;
        return take_length(c, 2, 16, h);
    default: /* floats, extension types, array32, map32, the unused tag */
        return false;
    }
}

/* Consumes the bytes of a string or binary; a string's must be UTF-8. */
static bool take_content(struct checker *c, const struct header *h, struct rp_slice *out)
{
    if (h->count > c->left)
        return false;
    *out = (struct rp_slice){c->at, h->count};
    c->at += h->count;
    c->left -= h->count;
    return h->type == BINARY || rp_text_is_utf8(*out);
}

/* Books the item just read with its parent. */
static bool settle_in_parent(struct checker *c, const struct header *h, struct rp_slice content)
{
    struct level *level;

    if (c->depth == 0)
        return true;
    level = &c->levels[c->depth - 1];
    if (!level->is_map) {
        level->left--;
        return true;
    }
    if (level->value_next) {
        level->value_next = false;
        return true;
    }
    if (h->type != STRING)
        return false;
    if (level->last_key.data != NULL && rp_bytes_compare(level->last_key, content) >= 0)
        return false;
    level->last_key = content;
    level->value_next = true;
    level->left--;
    return true;
}

static void close_finished(struct checker *c)
{
    while (c->depth > 0 && c->levels[c->depth - 1].left == 0 && !c->levels[c->depth - 1].value_next)
        c->depth--;
}

static int check_item(struct checker *c)
{
    struct header h;
    struct rp_slice content = {NULL, 0};

    if (++c->items > RP_ITEMS_MAX)
        return RP_ERR_LIMIT;
    if (!take_header(c, &h))
        return RP_ERR_MALFORMED;
    if ((h.type == STRING || h.type == BINARY) && !take_content(c, &h, &content))
        return RP_ERR_MALFORMED;
    if (!settle_in_parent(c, &h, content))
        return RP_ERR_MALFORMED;
    if (h.type == ARRAY || h.type == MAP) {
        uint64_t least = h.type == MAP ? 2 * (uint64_t)h.count : h.count;

        if (least > c->left)
            return RP_ERR_MALFORMED;
        if (c->depth == RP_DEPTH_MAX)
            return RP_ERR_LIMIT;
        c->levels[c->depth++] = (struct level){.left = h.count, .is_map = h.type == MAP};
    }
    close_finished(c);
    return RP_OK;
}

int rp_canonical_check(const uint8_t *buf, size_t len)
{
    struct checker c = {.at = buf, .left = len};
    int err;

    do {
        if ((err = check_item(&c)) != RP_OK)
            return err;
    } while (c.depth > 0);
    return c.left == 0 ? RP_OK : RP_ERR_MALFORMED;
}
