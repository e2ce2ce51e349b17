#ifndef RP_BYTES_H
#define RP_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes: valid as long as whatever they were taken from; never freed through this. */
struct rp_slice {
    const uint8_t *data;
    size_t len;
};

/* Owned bytes: data comes from malloc and belongs to the holder. Zero-initialise before use. */
struct rp_bytes {
    uint8_t *data;
    size_t len;
};

/* Frees data and empties ${bytes}. Harmless on an empty one. */
void rp_bytes_free(struct rp_bytes *bytes);

/* Copies ${len} bytes into a new ${out}. RP_ERR_NOMEM leaves ${out} empty. */
int rp_bytes_copy(struct rp_bytes *out, const uint8_t *data, size_t len)
    __attribute__((warn_unused_result));

/* Copies ${a} and ${b}, one after the other, into a new ${out}. */
int rp_bytes_join(struct rp_bytes *out, struct rp_slice a, struct rp_slice b)
    __attribute__((warn_unused_result));

/* The same bytes, borrowed. */
struct rp_slice rp_bytes_slice(const struct rp_bytes *bytes);

/* A NUL-terminated string as a slice without its NUL. */
struct rp_slice rp_bytes_str(const char *text);

/* Orders bytewise, a prefix before what it begins: <0, 0, >0. Not constant-time. */
int rp_bytes_compare(struct rp_slice a, struct rp_slice b);

#endif
