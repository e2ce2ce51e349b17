#include "rp/bytes.h"

#include <stdlib.h>
#include <string.h>

#include "rp/err.h"

void rp_bytes_free(struct rp_bytes *bytes)
{
    free(bytes->data);
    bytes->data = NULL;
    bytes->len = 0;
}

int rp_bytes_copy(struct rp_bytes *out, const uint8_t *data, size_t len)
{
    return rp_bytes_join(out, (struct rp_slice){data, len}, (struct rp_slice){NULL, 0});
}

int rp_bytes_join(struct rp_bytes *out, struct rp_slice a, struct rp_slice b)
{
    size_t len = a.len + b.len;

    out->len = 0;
    out->data = malloc(len > 0 ? len : 1);
    if (out->data == NULL)
        return RP_ERR_NOMEM;
    if (a.len > 0)
        memcpy(out->data, a.data, a.len);
    if (b.len > 0)
        memcpy(out->data + a.len, b.data, b.len);
    out->len = len;
    return RP_OK;
}

struct rp_slice rp_bytes_slice(const struct rp_bytes *bytes)
{
    return (struct rp_slice){bytes->data, bytes->len};
}

struct rp_slice rp_bytes_str(const char *text)
{
    return (struct rp_slice){(const uint8_t *)text, strlen(text)};
}

int rp_bytes_compare(struct rp_slice a, struct rp_slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}
