#ifndef RP_CODEC_H
#define RP_CODEC_H

#include <stdint.h>

#include "rp/bytes.h"

/* How the bodies of records are packed (SPEC 2.1). Any thread. */

enum rp_codec {
    RP_CODEC_PLAIN = 0,
    RP_CODEC_ZSTD = 1,       /* one zstd frame and nothing after it */
    RP_CODEC_DICTIONARY = 2, /* the same, by the dictionary that is part of the format */
};

#define RP_CODECS_ALL 7 /* a bit for each: 1 << codec */

/*
 * What zstd works with, for many bodies one after the other; each part is made when it is needed
 * first. For one thread at a time.
 */
struct rp_codecs;

struct rp_codecs *rp_codecs_new(void); /* NULL when memory is short */
void rp_codecs_free(struct rp_codecs *codecs);

/*
 * Packs ${body}; leaves ${out} empty when it does not get smaller. ${codecs} may be NULL: made for
 * this once, which takes milliseconds with the dictionary. RP_ERR_NOMEM, RP_ERR_CODEC should zstd
 * fail. Free with rp_bytes_free.
 */
int rp_codec_pack(struct rp_codecs *codecs, struct rp_bytes *out, enum rp_codec codec,
                  struct rp_slice body) __attribute__((warn_unused_result));

/*
 * Unpacks a body. The size it declares is believed only up to RP_BODY_MAX. ${codecs} may be NULL.
 * RP_ERR_CODEC (also for a codec that is none), RP_ERR_LIMIT; RP_ERR_NOMEM says nothing about the
 * body. Free with rp_bytes_free.
 */
int rp_codec_unpack(struct rp_codecs *codecs, struct rp_bytes *out, uint64_t codec,
                    struct rp_slice packed) __attribute__((warn_unused_result));

#endif
