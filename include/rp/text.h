#ifndef RP_TEXT_H
#define RP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rp/bytes.h"

/* Text checks (SPEC 1.2, 5.1) and the hex form of ids. All pure; nothing allocates. */

/* Whether ${text} is UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool rp_text_is_utf8(struct rp_slice text);

/* Whether valid UTF-8 ${text} is one line: no control characters, line or paragraph separators. */
bool rp_text_is_line(struct rp_slice text);

/* Code points in valid UTF-8 ${text}. */
size_t rp_text_chars(struct rp_slice text);

/* Whether ${text} is YYYY-MM-DD and names a day that exists, or YYYY-MM and a month. */
bool rp_text_is_date(struct rp_slice text);
bool rp_text_is_month(struct rp_slice text);

/* Writes 2 x ${len} lower-case digits and a NUL into ${out}. */
void rp_text_hex(char *out, const uint8_t *data, size_t len);

/*
 * Reads ${digits} hex digits (either case) at ${text} into ${out}, the high digit first; an odd
 * last digit fills the upper half of its byte. False when one of them is not a digit.
 */
bool rp_text_unhex(uint8_t *out, const char *text, size_t digits);

#endif
