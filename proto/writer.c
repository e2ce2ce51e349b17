#include "rp/writer.h"

#include <msgpack.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "rp/err.h"

/* Frees the buffer; of a secret one nothing stays in freed memory. */
static void drop(struct rp_writer *w)
{
    if (w->secret && w->data != NULL)
        sodium_memzero(w->data, w->cap);
    free(w->data);
}

/* A buffer of ${cap} bytes with what was written. A secret one is not left to realloc, which frees
 * the old bytes as they are. */
static uint8_t *grown(struct rp_writer *w, size_t cap)
{
    uint8_t *data;

    if (!w->secret)
        return realloc(w->data, cap);
    data = malloc(cap);
    if (data == NULL)
        return NULL;
    if (w->len > 0)
        memcpy(data, w->data, w->len);
    drop(w);
    return data;
}

/* Makes room for ${len} more bytes. */
static int reserve(struct rp_writer *w, size_t len)
{
    size_t cap = w->cap > 0 ? w->cap : 256;
    uint8_t *data;

    if (len > w->max - w->len)
        return RP_ERR_LIMIT;
    if (len <= w->cap - w->len)
        return RP_OK;
    while (cap - w->len < len)
        cap *= 2;
    data = grown(w, cap);
    if (data == NULL)
        return RP_ERR_NOMEM;
    w->data = data;
    w->cap = cap;
    return RP_OK;
}

static void append(struct rp_writer *w, const void *data, size_t len)
{
    if (w->err != RP_OK || (w->err = reserve(w, len)) != RP_OK)
        return;
    if (len > 0)
        memcpy(w->data + w->len, data, len);
    w->len += len;
}

/* msgpack-c's way out; always 0, since the error sticks in the writer. */
static int write_packed(void *data, const char *buf, size_t len)
{
    append(data, buf, len);
    return 0;
}

static msgpack_packer packer(struct rp_writer *w)
{
    return (msgpack_packer){.data = w, .callback = write_packed};
}

void rp_writer_init(struct rp_writer *w, size_t max)
{
    *w = (struct rp_writer){.max = max};
}

void rp_writer_init_secret(struct rp_writer *w, size_t max)
{
    *w = (struct rp_writer){.max = max, .secret = true};
}

void rp_writer_free(struct rp_writer *w)
{
    drop(w);
    *w = (struct rp_writer){.max = w->max, .secret = w->secret};
}

void rp_writer_reset(struct rp_writer *w)
{
    w->len = 0;
    w->err = RP_OK;
}

void rp_writer_nil(struct rp_writer *w)
{
    msgpack_packer pk = packer(w);

    msgpack_pack_nil(&pk);
}

void rp_writer_bool(struct rp_writer *w, bool value)
{
    msgpack_packer pk = packer(w);

    if (value)
        msgpack_pack_true(&pk);
    else
        msgpack_pack_false(&pk);
}

void rp_writer_uint(struct rp_writer *w, uint64_t value)
{
    msgpack_packer pk = packer(w);

    msgpack_pack_uint64(&pk, value);
}

void rp_writer_int(struct rp_writer *w, int64_t value)
{
    msgpack_packer pk = packer(w);

    msgpack_pack_int64(&pk, value);
}

void rp_writer_str(struct rp_writer *w, const char *text)
{
    rp_writer_text(w, rp_bytes_str(text));
}

void rp_writer_text(struct rp_writer *w, struct rp_slice text)
{
    msgpack_packer pk = packer(w);

    msgpack_pack_str(&pk, text.len);
    append(w, text.data, text.len);
}

void rp_writer_bin(struct rp_writer *w, const uint8_t *data, size_t len)
{
    msgpack_packer pk = packer(w);

    msgpack_pack_bin(&pk, len);
    append(w, data, len);
}

void rp_writer_array(struct rp_writer *w, uint32_t entries)
{
    msgpack_packer pk = packer(w);

    msgpack_pack_array(&pk, entries);
}

void rp_writer_map(struct rp_writer *w, uint32_t entries)
{
    msgpack_packer pk = packer(w);

    msgpack_pack_map(&pk, entries);
}

void rp_writer_raw(struct rp_writer *w, struct rp_slice items)
{
    append(w, items.data, items.len);
}

struct rp_slice rp_writer_slice(const struct rp_writer *w)
{
    return (struct rp_slice){w->data, w->len};
}

int rp_writer_take(struct rp_writer *w, struct rp_bytes *out)
{
    int err = w->err;

    *out = (struct rp_bytes){NULL, 0};
    if (err == RP_OK) {
        *out = (struct rp_bytes){w->data, w->len};
        w->data = NULL;
    }
    rp_writer_free(w);
    return err;
}
