#include "fuzz.h"

#include <stdio.h>

#include "rp/canonical.h"

_Noreturn void fuzz_fail(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

uint8_t fuzz_byte(struct fuzz_input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->at++;
}

struct rp_slice fuzz_piece(struct fuzz_input *in)
{
    size_t len = (size_t)fuzz_byte(in) << 8;
    struct rp_slice piece;

    len |= fuzz_byte(in);
    piece = (struct rp_slice){in->at, len < in->left ? len : in->left};
    in->at += piece.len;
    in->left -= piece.len;
    return piece;
}

void fuzz_fill(struct fuzz_input *in, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = fuzz_byte(in);
}

struct rp_slice fuzz_rest(struct fuzz_input *in)
{
    struct rp_slice rest = {in->at, in->left};

    in->left = 0;
    return rest;
}

char *fuzz_string(struct rp_slice bytes)
{
    char *text = malloc(bytes.len + 1);

    must(text != NULL);
    if (bytes.len > 0)
        memcpy(text, bytes.data, bytes.len);
    text[bytes.len] = '\0';
    return text;
}

bool fuzz_same(struct rp_slice a, struct rp_slice b)
{
    return rp_bytes_compare(a, b) == 0;
}

bool fuzz_contains(struct rp_slice text, struct rp_slice part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        if (memcmp(text.data + i, part.data, part.len) == 0)
            return true;
    }
    return false;
}

bool fuzz_is_map(struct rp_slice bytes)
{
    struct rp_reader r;

    rp_reader_init(&r, bytes);
    return rp_canonical_check(bytes.data, bytes.len) == RP_OK && rp_reader_peek(&r) == RP_TYPE_MAP;
}

void fuzz_rewrite(struct rp_writer *w, struct rp_reader *r)
{
    struct rp_slice bytes;
    uint32_t n = 0;

    switch (rp_reader_peek(r)) {
    case RP_TYPE_NIL:
        must(rp_reader_nil(r));
        rp_writer_nil(w);
        break;
    case RP_TYPE_BOOL:
        rp_writer_bool(w, rp_reader_bool(r));
        break;
    case RP_TYPE_UINT:
        rp_writer_uint(w, rp_reader_uint(r));
        break;
    case RP_TYPE_INT:
        rp_writer_int(w, rp_reader_int(r));
        break;
    case RP_TYPE_STR:
        rp_writer_text(w, rp_reader_str(r));
        break;
    case RP_TYPE_BIN:
        bytes = rp_reader_bin(r);
        rp_writer_bin(w, bytes.data, bytes.len);
        break;
    case RP_TYPE_ARRAY:
        n = rp_reader_array(r);
        rp_writer_array(w, n);
        break;
    case RP_TYPE_MAP:
        n = rp_reader_map(r);
        rp_writer_map(w, n);
        n *= 2;
        break;
    default:
        fuzz_fail(__FILE__, __LINE__, "an item is there");
    }
    while (n-- > 0)
        fuzz_rewrite(w, r);
}

bool fuzz_explains(const struct rp_decoder *d, const struct rp_cell *cells, const uint8_t *key)
{
    struct rp_cell left[FUZZ_CELLS];
    uint32_t n = rp_decoder_cells(d);
    uint32_t found;
    const uint8_t *symbols = rp_decoder_symbols(d, &found);

    must(found <= n);
    memcpy(left, cells, sizeof left);
    for (uint32_t i = 0; i < found; i++)
        rp_sketch_toggle(left, 0, n, key, symbols + (size_t)i * RP_SYMBOL_LEN);
    for (uint32_t i = 0; i < n; i++) {
        for (size_t k = 0; k < RP_SYMBOL_LEN; k++)
            left[i].checksum |= left[i].symbol[k];
        left[0].checksum |= left[i].checksum;
    }
    return left[0].checksum == 0;
}
