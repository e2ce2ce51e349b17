#ifndef RP_WRITER_H
#define RP_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rp/bytes.h"

/*
 * Writes canonical msgpack into a buffer that grows, over msgpack-c's packer, which uses the
 * shortest forms. The first failure (RP_ERR_NOMEM, or RP_ERR_LIMIT past ${max} bytes) sticks, and
 * later calls do nothing. What the writer cannot see is left to the caller: as many items as each
 * header announced, map keys ascending bytewise.
 */
struct rp_writer {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max;
    bool secret; /* wiped where it is given up */
    int err;
};

/* Starts empty; ${max} bounds the length. Free with rp_writer_free, or give away with _take. */
void rp_writer_init(struct rp_writer *w, size_t max);
void rp_writer_free(struct rp_writer *w);

/*
 * The same for what must not stay in freed memory: buffers are wiped as the writer outgrows them
 * and when it is freed. Growing costs a copy each time, which is why it is not always so. What
 * rp_writer_take has given away is for its holder to wipe.
 */
void rp_writer_init_secret(struct rp_writer *w, size_t max);

/* Empties the writer, keeping its buffer. */
void rp_writer_reset(struct rp_writer *w);

void rp_writer_nil(struct rp_writer *w);
void rp_writer_bool(struct rp_writer *w, bool value);
void rp_writer_uint(struct rp_writer *w, uint64_t value);
void rp_writer_int(struct rp_writer *w, int64_t value);
void rp_writer_str(struct rp_writer *w, const char *text);
void rp_writer_text(struct rp_writer *w, struct rp_slice text); /* must be UTF-8 */
void rp_writer_bin(struct rp_writer *w, const uint8_t *data, size_t len);
void rp_writer_array(struct rp_writer *w, uint32_t entries);
void rp_writer_map(struct rp_writer *w, uint32_t entries);

/* Appends one or more items that are canonical already. */
void rp_writer_raw(struct rp_writer *w, struct rp_slice items);

/* What was written so far, borrowed until the next call on the writer. */
struct rp_slice rp_writer_slice(const struct rp_writer *w);

/* Moves the result to ${out} and empties the writer; on an error frees it and returns the error. */
int rp_writer_take(struct rp_writer *w, struct rp_bytes *out) __attribute__((warn_unused_result));

#endif
