#ifndef RP_PROQUINT_H
#define RP_PROQUINT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Bytes as pronounceable words of five letters (proquints, SPEC 2.3), 16 bits each: what people
 * copy by hand. Reading forgives case, and spaces, line ends and dashes anywhere.
 */

/* Characters of ${words} words with spaces between, without the NUL. */
#define RP_PROQUINT_TEXT_LEN(words) ((words)*6 - 1)

/* Writes ${len} bytes of ${raw}, an even number that is not 0, and a NUL. */
void rp_proquint_write(char *out, const uint8_t *raw, size_t len);

/*
 * Reads exactly ${len} bytes into ${raw}: RP_ERR_SHAPE when ${text} is anything else; ${raw} then
 * holds a part of it, to be wiped where that is a secret.
 */
int rp_proquint_read(uint8_t *raw, size_t len, const char *text)
    __attribute__((warn_unused_result));

#endif
