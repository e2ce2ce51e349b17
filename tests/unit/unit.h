#ifndef UNIT_H
#define UNIT_H

/* What every unit test includes: cmocka and the headers it wants before it, and a few helpers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rp/bytes.h"
#include "rp/err.h"
#include "rp/text.h"

/* Bytes from hex digits in a string literal; fails the test on anything else. Free with free(). */
static inline struct rp_slice unit_hex(const char *hex)
{
    size_t len = strlen(hex) / 2;
    uint8_t *data = malloc(len > 0 ? len : 1);

    assert_non_null(data);
    assert_true(rp_text_unhex(data, hex, 2 * len));
    return (struct rp_slice){data, len};
}

static inline void unit_free(struct rp_slice bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

/* 32 bytes that follow from a number: keys, seeds and ids for tests. */
static inline void unit_fill(uint8_t out[static 32], unsigned number)
{
    for (unsigned i = 0; i < 32; i++)
        out[i] = (uint8_t)(number * 37 + i * 11 + 1);
    out[0] = (uint8_t)number;
    out[1] = (uint8_t)(number >> 8);
}

#define assert_ok(expression) assert_int_equal((expression), RP_OK)

#endif
