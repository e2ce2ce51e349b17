#include "rp/codec.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
/* For ZSTD_initStaticCDict: libzstd 1.5.4 crashes in ZSTD_createCDict when memory is short. */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include "dictionary.h"
#include "rp/err.h"
#include "rp/limits.h"

#define ZSTD_LEVEL 19

struct rp_codecs {
    ZSTD_CCtx *packs;
    ZSTD_DCtx *unpacks;
    void *packs_room;
    const ZSTD_CDict *packs_by; /* the dictionary, digested, in packs_room */
    ZSTD_DDict *unpacks_by;     /* the same, for unpacking */
};

struct rp_codecs *rp_codecs_new(void)
{
    return calloc(1, sizeof(struct rp_codecs));
}

static void free_parts(struct rp_codecs *codecs)
{
    ZSTD_freeCCtx(codecs->packs);
    ZSTD_freeDCtx(codecs->unpacks);
    free(codecs->packs_room);
    ZSTD_freeDDict(codecs->unpacks_by);
}

void rp_codecs_free(struct rp_codecs *codecs)
{
    if (codecs != NULL)
        free_parts(codecs);
    free(codecs);
}

/* What a result that is not right means: zstd's shortage of memory is ours, and no fault of what it
 * worked on. */
static int zstd_error(size_t result)
{
    return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? RP_ERR_NOMEM : RP_ERR_CODEC;
}

static bool digest_to_pack(struct rp_codecs *codecs)
{
    ZSTD_compressionParameters how = ZSTD_getCParams(ZSTD_LEVEL, 0, DICTIONARY_LEN);
    size_t size = ZSTD_estimateCDictSize_advanced(DICTIONARY_LEN, how, ZSTD_dlm_byRef);

    if (codecs->packs_room == NULL && (codecs->packs_room = calloc(1, size)) != NULL)
        codecs->packs_by =
            ZSTD_initStaticCDict(codecs->packs_room, size, dictionary_1, DICTIONARY_LEN,
                                 ZSTD_dlm_byRef, ZSTD_dct_fullDict, how);
    return codecs->packs_by != NULL;
}

/* Readies what packing with ${codec} takes. */
static bool ready_to_pack(struct rp_codecs *codecs, enum rp_codec codec)
{
    if (codecs->packs == NULL && (codecs->packs = ZSTD_createCCtx()) == NULL)
        return false;
    return codec != RP_CODEC_DICTIONARY || codecs->packs_by != NULL || digest_to_pack(codecs);
}

static bool ready_to_unpack(struct rp_codecs *codecs, enum rp_codec codec)
{
    if (codecs->unpacks == NULL && (codecs->unpacks = ZSTD_createDCtx()) == NULL)
        return false;
    if (codec == RP_CODEC_DICTIONARY && codecs->unpacks_by == NULL)
        codecs->unpacks_by = ZSTD_createDDict(dictionary_1, DICTIONARY_LEN);
    return codec != RP_CODEC_DICTIONARY || codecs->unpacks_by != NULL;
}

/* Sets the context up for one frame; gives the first error of zstd's, or 0. */
static size_t set_up(struct rp_codecs *codecs, enum rp_codec codec)
{
    ZSTD_CCtx *packs = codecs->packs;
    size_t result = ZSTD_CCtx_reset(packs, ZSTD_reset_session_and_parameters);

    if (!ZSTD_isError(result))
        result = ZSTD_CCtx_setParameter(packs, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    if (!ZSTD_isError(result)) /* there is one dictionary, and the codec names it */
        result = ZSTD_CCtx_setParameter(packs, ZSTD_c_dictIDFlag, 0);
    if (!ZSTD_isError(result))
        result = ZSTD_CCtx_refCDict(packs, codec == RP_CODEC_DICTIONARY ? codecs->packs_by : NULL);
    return result;
}

static int pack(struct rp_codecs *codecs, struct rp_bytes *out, enum rp_codec codec,
                struct rp_slice body)
{
    size_t bound = ZSTD_compressBound(body.len);
    size_t n;

    if (!ready_to_pack(codecs, codec) || (out->data = malloc(bound)) == NULL)
        return RP_ERR_NOMEM;
    n = set_up(codecs, codec);
    if (!ZSTD_isError(n))
        n = ZSTD_compress2(codecs->packs, out->data, bound, body.data, body.len);
    if (!ZSTD_isError(n) && n < body.len)
        out->len = n;
    else
        rp_bytes_free(out);
    return ZSTD_isError(n) ? zstd_error(n) : RP_OK;
}

int rp_codec_pack(struct rp_codecs *codecs, struct rp_bytes *out, enum rp_codec codec,
                  struct rp_slice body)
{
    struct rp_codecs once = {0};
    int err;

    *out = (struct rp_bytes){NULL, 0};
    if (codec == RP_CODEC_PLAIN)
        return RP_OK;
    if (codecs != NULL)
        return pack(codecs, out, codec, body);
    err = pack(&once, out, codec, body);
    free_parts(&once);
    return err;
}

/* What the header of a zstd frame says that matters here. */
struct frame_header {
    uint64_t window; /* bytes */
    uint64_t size;   /* of the content, declared */
};

/*
 * Reads the header of a zstd frame (RFC 8878, 3.1.1.1). Done here, since builds of zstd differ in
 * what else they take: older formats, frames without a size, reserved and unused bits, numbers of
 * dictionaries. A record is valid everywhere or nowhere.
 */
static int read_frame_header(struct frame_header *out, struct rp_slice packed)
{
    static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    const uint8_t *at = packed.data + sizeof magic + 1;
    unsigned descriptor;
    unsigned size_bytes;
    bool single;

    if (packed.len <= sizeof magic || memcmp(packed.data, magic, sizeof magic) != 0)
        return RP_ERR_CODEC;
    descriptor = packed.data[sizeof magic];
    single = descriptor >> 5 & 1;
    size_bytes = descriptor >> 6 == 0 ? single : 1u << (descriptor >> 6);
    if ((descriptor & 0x1b) != 0 || size_bytes == 0) /* unused, reserved, dictionary; no size */
        return RP_ERR_CODEC;
    if (packed.len < sizeof magic + 1 + !single + size_bytes)
        return RP_ERR_CODEC;
    *out = (struct frame_header){.size = size_bytes == 2 ? 256 : 0};
    if (!single) { /* a power of two, and eighths of it */
        out->window = UINT64_C(1024) << (*at >> 3);
        out->window += out->window / 8 * (*at & 7);
        at++;
    }
    for (unsigned i = 0; i < size_bytes; i++)
        out->size += (uint64_t)at[i] << 8 * i;
    return RP_OK;
}

/* The one frame in ${packed}, unpacked to the ${size} bytes that it declares. */
static int unpack_frame(struct rp_codecs *codecs, struct rp_bytes *out, enum rp_codec codec,
                        struct rp_slice packed, size_t size)
{
    size_t n;

    if (!ready_to_unpack(codecs, codec) || (out->data = malloc(size)) == NULL)
        return RP_ERR_NOMEM;
    out->len = size;
    if (codec == RP_CODEC_DICTIONARY)
        n = ZSTD_decompress_usingDDict(codecs->unpacks, out->data, size, packed.data, packed.len,
                                       codecs->unpacks_by);
    else
        n = ZSTD_decompressDCtx(codecs->unpacks, out->data, size, packed.data, packed.len);
    if (n == size)
        return RP_OK;
    rp_bytes_free(out);
    return zstd_error(n); /* also for a number that is another size */
}

static int unpack(struct rp_codecs *codecs, struct rp_bytes *out, enum rp_codec codec,
                  struct rp_slice packed)
{
    struct rp_codecs once = {0};
    struct frame_header header;
    int err = read_frame_header(&header, packed);

    if (err != RP_OK)
        return err;
    if (header.size == 0 || header.window > RP_WINDOW_MAX)
        return RP_ERR_CODEC;
    if (header.size > RP_BODY_MAX)
        return RP_ERR_LIMIT;
    if (ZSTD_findFrameCompressedSize(packed.data, packed.len) != packed.len)
        return RP_ERR_CODEC;
    if (codecs != NULL)
        return unpack_frame(codecs, out, codec, packed, (size_t)header.size);
    err = unpack_frame(&once, out, codec, packed, (size_t)header.size);
    free_parts(&once);
    return err;
}

int rp_codec_unpack(struct rp_codecs *codecs, struct rp_bytes *out, uint64_t codec,
                    struct rp_slice packed)
{
    *out = (struct rp_bytes){NULL, 0};
    if (codec == RP_CODEC_ZSTD || codec == RP_CODEC_DICTIONARY)
        return unpack(codecs, out, (enum rp_codec)codec, packed);
    if (codec != RP_CODEC_PLAIN)
        return RP_ERR_CODEC;
    if (packed.len > RP_BODY_MAX)
        return RP_ERR_LIMIT;
    return rp_bytes_copy(out, packed.data, packed.len);
}
