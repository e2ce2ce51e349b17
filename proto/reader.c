#include "rp/reader.h"

#include <string.h>

#include "rp/err.h"

/* The type that the tag byte of an item announces. */
static enum rp_type type_of(uint8_t tag)
{
    if (tag <= 0x7f || (tag >= 0xcc && tag <= 0xcf))
        return RP_TYPE_UINT;
    if (tag <= 0x8f || tag == 0xde)
        return RP_TYPE_MAP;
    if (tag <= 0x9f || tag == 0xdc)
        return RP_TYPE_ARRAY;
    if (tag <= 0xbf || (tag >= 0xd9 && tag <= 0xdb))
        return RP_TYPE_STR;
    if (tag == 0xc0)
        return RP_TYPE_NIL;
    if (tag == 0xc2 || tag == 0xc3)
        return RP_TYPE_BOOL;
    if (tag >= 0xc4 && tag <= 0xc6)
        return RP_TYPE_BIN;
    if (tag >= 0xe0 || (tag >= 0xd0 && tag <= 0xd3))
        return RP_TYPE_INT;
    return RP_TYPE_END;
}

void rp_reader_init(struct rp_reader *r, struct rp_slice bytes)
{
    r->at = bytes.data;
    r->left = bytes.len;
    r->err = RP_OK;
}

void rp_reader_fail(struct rp_reader *r)
{
    if (r->err == RP_OK)
        r->err = RP_ERR_SHAPE;
    r->left = 0;
}

enum rp_type rp_reader_peek(const struct rp_reader *r)
{
    return r->left > 0 ? type_of(r->at[0]) : RP_TYPE_END;
}

/* Takes ${n} bytes; on shortage fails and gives NULL. */
static const uint8_t *take(struct rp_reader *r, size_t n)
{
    const uint8_t *at = r->at;

    if (r->left < n) {
        rp_reader_fail(r);
        return NULL;
    }
    r->at += n;
    r->left -= n;
    return at;
}

static uint64_t number(struct rp_reader *r, size_t n)
{
    const uint8_t *at = take(r, n);
    uint64_t value = 0;

    for (size_t i = 0; at != NULL && i < n; i++)
        value = value << 8 | at[i];
    return value;
}

/* The tag of the next item if it is of type ${type}; else fails and gives 0xc1, which none has. */
static uint8_t take_tag(struct rp_reader *r, enum rp_type type)
{
    if (rp_reader_peek(r) != type) {
        rp_reader_fail(r);
        return 0xc1;
    }
    return *take(r, 1);
}

uint32_t rp_reader_array(struct rp_reader *r)
{
    uint8_t tag = take_tag(r, RP_TYPE_ARRAY);

    if (tag == 0xc1)
        return 0;
    return tag == 0xdc ? (uint32_t)number(r, 2) : tag & 0x0fu;
}

uint32_t rp_reader_map(struct rp_reader *r)
{
    uint8_t tag = take_tag(r, RP_TYPE_MAP);

    if (tag == 0xc1)
        return 0;
    return tag == 0xde ? (uint32_t)number(r, 2) : tag & 0x0fu;
}

uint64_t rp_reader_uint(struct rp_reader *r)
{
    uint8_t tag = take_tag(r, RP_TYPE_UINT);

    if (tag == 0xc1)
        return 0;
    return tag <= 0x7f ? tag : number(r, (size_t)1 << (tag - 0xcc));
}

int64_t rp_reader_int(struct rp_reader *r)
{
    uint8_t tag;
    size_t n;
    uint64_t raw;

    if (rp_reader_peek(r) == RP_TYPE_UINT) {
        raw = rp_reader_uint(r);
        if (raw > INT64_MAX) {
            rp_reader_fail(r);
            return 0;
        }
        return (int64_t)raw;
    }
    tag = take_tag(r, RP_TYPE_INT);
    if (tag == 0xc1)
        return 0;
    if (tag >= 0xe0)
        return (int8_t)tag;
    n = (size_t)1 << (tag - 0xd0);
    raw = number(r, n);
    if (n < 8) /* extend the sign */
        raw |= UINT64_MAX << (8 * n);
    return (int64_t)raw;
}

bool rp_reader_bool(struct rp_reader *r)
{
    return take_tag(r, RP_TYPE_BOOL) == 0xc3;
}

bool rp_reader_nil(struct rp_reader *r)
{
    if (rp_reader_peek(r) != RP_TYPE_NIL)
        return false;
    (void)take(r, 1);
    return true;
}

static struct rp_slice content(struct rp_reader *r, size_t len)
{
    const uint8_t *at = take(r, len);

    return at != NULL ? (struct rp_slice){at, len} : (struct rp_slice){NULL, 0};
}

struct rp_slice rp_reader_str(struct rp_reader *r)
{
    uint8_t tag = take_tag(r, RP_TYPE_STR);

    if (tag == 0xc1)
        return (struct rp_slice){NULL, 0};
    return content(r, tag <= 0xbf ? tag & 0x1fu : number(r, (size_t)1 << (tag - 0xd9)));
}

struct rp_slice rp_reader_bin(struct rp_reader *r)
{
    uint8_t tag = take_tag(r, RP_TYPE_BIN);

    if (tag == 0xc1)
        return (struct rp_slice){NULL, 0};
    return content(r, number(r, (size_t)1 << (tag - 0xc4)));
}

void rp_reader_bin_into(struct rp_reader *r, uint8_t *out, size_t len)
{
    struct rp_slice bin = rp_reader_bin(r);

    if (bin.len != len) {
        rp_reader_fail(r);
        memset(out, 0, len);
        return;
    }
    if (len > 0)
        memcpy(out, bin.data, len);
}

struct rp_slice rp_reader_item(struct rp_reader *r)
{
    const uint8_t *start = r->at;
    uint64_t open = 1; /* items still to be read */

    while (open > 0 && r->err == RP_OK) {
        open--;
        switch (rp_reader_peek(r)) {
        case RP_TYPE_ARRAY:
            open += rp_reader_array(r);
            break;
        case RP_TYPE_MAP:
            open += 2 * (uint64_t)rp_reader_map(r);
            break;
        case RP_TYPE_STR:
            (void)rp_reader_str(r);
            break;
        case RP_TYPE_BIN:
            (void)rp_reader_bin(r);
            break;
        case RP_TYPE_UINT:
            (void)rp_reader_uint(r);
            break;
        case RP_TYPE_INT:
            (void)rp_reader_int(r);
            break;
        case RP_TYPE_NIL:
        case RP_TYPE_BOOL:
            (void)take(r, 1);
            break;
        case RP_TYPE_END:
            rp_reader_fail(r);
            break;
        }
    }
    if (r->err != RP_OK)
        return (struct rp_slice){NULL, 0};
    return (struct rp_slice){start, (size_t)(r->at - start)};
}

int rp_reader_end(struct rp_reader *r)
{
    if (r->left > 0)
        rp_reader_fail(r);
    return r->err;
}

bool rp_reader_find(struct rp_slice map, const char *key, struct rp_reader *value)
{
    struct rp_slice wanted = rp_bytes_str(key);
    struct rp_reader r;
    uint32_t entries;

    rp_reader_init(value, (struct rp_slice){NULL, 0});
    rp_reader_init(&r, map);
    if (rp_reader_peek(&r) != RP_TYPE_MAP)
        return false;
    entries = rp_reader_map(&r);
    for (uint32_t i = 0; i < entries && r.err == RP_OK; i++) {
        int order = rp_bytes_compare(rp_reader_str(&r), wanted);
        struct rp_slice item = rp_reader_item(&r);

        if (order > 0) /* keys ascend: it will not come any more */
            return false;
        if (order == 0 && r.err == RP_OK) {
            rp_reader_init(value, item);
            return true;
        }
    }
    return false;
}
