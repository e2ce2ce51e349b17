#ifndef RP_READER_H
#define RP_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rp/bytes.h"

/*
 * Reads canonical msgpack in order, without copying or allocating. Feed it only what
 * rp_canonical_check has accepted. The first mismatch sets err to RP_ERR_SHAPE; from then on every
 * call does nothing and gives zeroes or empty slices, so a decoder reads everything and asks once,
 * at the end. Slices live as long as the bytes given to rp_reader_init.
 */
struct rp_reader {
    const uint8_t *at;
    size_t left;
    int err;
};

enum rp_type {
    RP_TYPE_END, /* nothing left, or an earlier error */
    RP_TYPE_NIL,
    RP_TYPE_BOOL,
    RP_TYPE_UINT,
    RP_TYPE_INT, /* negative */
    RP_TYPE_STR,
    RP_TYPE_BIN,
    RP_TYPE_ARRAY,
    RP_TYPE_MAP,
};

void rp_reader_init(struct rp_reader *r, struct rp_slice bytes);

enum rp_type rp_reader_peek(const struct rp_reader *r);

/* Entries of the array or map whose header is read here; its items follow. */
uint32_t rp_reader_array(struct rp_reader *r);
uint32_t rp_reader_map(struct rp_reader *r);

uint64_t rp_reader_uint(struct rp_reader *r);
int64_t rp_reader_int(struct rp_reader *r); /* any integer that fits */
bool rp_reader_bool(struct rp_reader *r);
struct rp_slice rp_reader_str(struct rp_reader *r);
struct rp_slice rp_reader_bin(struct rp_reader *r);

/* Consumes a nil if one is next and says whether it did. */
bool rp_reader_nil(struct rp_reader *r);

/* A binary of exactly ${len} bytes, copied to ${out}, which is zeroed on error. */
void rp_reader_bin_into(struct rp_reader *r, uint8_t *out, size_t len);

/* The whole next item, header and all that is inside, as bytes; also the way to skip one. */
struct rp_slice rp_reader_item(struct rp_reader *r);

/* Refuses what was read so far as being of the wrong shape. */
void rp_reader_fail(struct rp_reader *r);

/* RP_OK when everything was read and nothing is left; else the error. */
int rp_reader_end(struct rp_reader *r) __attribute__((warn_unused_result));

/*
 * Finds ${key} in the map ${map} (one canonical item) and sets ${value} to read what it holds.
 * False, with ${value} empty, when it is not a map or has no such key.
 */
bool rp_reader_find(struct rp_slice map, const char *key, struct rp_reader *value);

#endif
