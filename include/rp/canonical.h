#ifndef RP_CANONICAL_H
#define RP_CANONICAL_H

#include <stddef.h>
#include <stdint.h>

/*
 * Canonical msgpack (SPEC 1.1): one encoding for each value, so that bytes can be hashed and signed
 * as received. Shortest integers and lengths; strings are UTF-8; map keys are strings, unique and
 * in ascending bytewise order; no floats, no extension types, no array32 or map32.
 *
 * Checks that ${buf} of ${len} bytes holds exactly one canonical item within RP_DEPTH_MAX and
 * RP_ITEMS_MAX. Allocates nothing and takes time in proportion to ${len}, few passes over any byte;
 * no length inside the data is believed before it was compared with what remains. RP_ERR_MALFORMED
 * or RP_ERR_LIMIT otherwise.
 * Nothing that this has not accepted may reach msgpack-c or struct rp_reader.
 */
int rp_canonical_check(const uint8_t *buf, size_t len) __attribute__((warn_unused_result));

#endif
