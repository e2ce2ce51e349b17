#include "rp/record.h"

#include <string.h>

#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/limits.h"
#include "rp/reader.h"
#include "rp/writer.h"

#define BODY_VERSION 1
#define BODY_FIELDS 12
#define MADE_MAX ((UINT64_C(1) << 53) - 1) /* what every JSON reader holds exactly */

const uint8_t rp_record_commons[RP_ID_LEN] = {0};
const uint8_t rp_record_local[RP_ID_LEN] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

const uint8_t *rp_record_parent(const struct rp_record *record, uint32_t i)
{
    return record->parent_ids[i];
}

void rp_record_object(uint8_t out[static RP_ID_LEN], const uint8_t org[static RP_ID_LEN],
                      const uint8_t seed[static RP_SEED_LEN], const uint8_t *teller)
{
    static const uint8_t none[RP_KEY_LEN] = {0};
    const struct rp_slice parts[] = {
        {org, RP_ID_LEN},
        {seed, RP_SEED_LEN},
        {teller != NULL ? teller : none, RP_KEY_LEN},
    };

    rp_hash(out, RP_DOMAIN_OBJECT, parts, 3);
}

bool rp_record_is_kind(const struct rp_record *record, const char *kind)
{
    return rp_bytes_compare(record->kind, rp_bytes_str(kind)) == 0;
}

static bool kind_fits(struct rp_slice kind)
{
    if (kind.len == 0 || kind.len > RP_KIND_LEN_MAX)
        return false;
    for (size_t i = 0; i < kind.len; i++) {
        uint8_t c = kind.data[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return kind.data[0] >= 'a';
}

static void read_parents(struct rp_reader *r, struct rp_record *out)
{
    out->parents = rp_reader_array(r);
    if (out->parents > RP_PARENTS_MAX)
        rp_reader_fail(r);
    for (uint32_t i = 0; i < out->parents && r->err == RP_OK; i++) {
        rp_reader_bin_into(r, out->parent_ids[i], RP_ID_LEN);
        if (i > 0 && memcmp(out->parent_ids[i - 1], out->parent_ids[i], RP_ID_LEN) >= 0)
            rp_reader_fail(r);
    }
}

static void read_fields(struct rp_reader *r, struct rp_record *out)
{
    uint64_t set = rp_reader_uint(r);

    out->set = set == RP_SET_CONTENT ? RP_SET_CONTENT : RP_SET_CONTROL;
    rp_reader_bin_into(r, out->scope, sizeof out->scope);
    rp_reader_bin_into(r, out->org, sizeof out->org);
    rp_reader_bin_into(r, out->key, sizeof out->key);
    out->kind = rp_reader_str(r);
    out->made = rp_reader_uint(r);
    rp_reader_bin_into(r, out->salt, sizeof out->salt);
    rp_reader_bin_into(r, out->seed, sizeof out->seed);
    out->has_teller = !rp_reader_nil(r);
    if (out->has_teller)
        rp_reader_bin_into(r, out->teller, sizeof out->teller);
    read_parents(r, out);
    if (rp_reader_peek(r) != RP_TYPE_MAP)
        rp_reader_fail(r);
    out->content = rp_reader_item(r);
    if (set > RP_SET_CONTENT || !kind_fits(out->kind) || out->made > MADE_MAX)
        rp_reader_fail(r);
}

int rp_record_parse(struct rp_record *out, struct rp_slice body)
{
    struct rp_reader r;
    uint32_t fields;
    int err;

    *out = (struct rp_record){.body_len = body.len};
    if (body.len > RP_BODY_MAX)
        return RP_ERR_LIMIT;
    if ((err = rp_canonical_check(body.data, body.len)) != RP_OK)
        return err;
    rp_hash_one(out->id, RP_DOMAIN_RECORD, body.data, body.len);
    rp_reader_init(&r, body);
    fields = rp_reader_array(&r);
    if (fields > 0 && rp_reader_peek(&r) == RP_TYPE_UINT && rp_reader_uint(&r) > BODY_VERSION)
        return RP_ERR_VERSION;
    rp_reader_init(&r, body);
    if (rp_reader_array(&r) != BODY_FIELDS || rp_reader_uint(&r) != BODY_VERSION)
        return RP_ERR_SHAPE;
    read_fields(&r, out);
    if ((err = rp_reader_end(&r)) != RP_OK)
        return err;
    rp_record_object(out->object, out->org, out->seed, out->has_teller ? out->teller : NULL);
    return RP_OK;
}

int rp_record_write(struct rp_bytes *body, const struct rp_record *fields)
{
    struct rp_writer w;
    struct rp_record check;
    int err;

    if (fields->parents > RP_PARENTS_MAX)
        return RP_ERR_SHAPE;
    rp_writer_init(&w, RP_BODY_MAX);
    rp_writer_array(&w, BODY_FIELDS);
    rp_writer_uint(&w, BODY_VERSION);
    rp_writer_uint(&w, fields->set);
    rp_writer_bin(&w, fields->scope, RP_ID_LEN);
    rp_writer_bin(&w, fields->org, RP_ID_LEN);
    rp_writer_bin(&w, fields->key, RP_KEY_LEN);
    rp_writer_text(&w, fields->kind);
    rp_writer_uint(&w, fields->made);
    rp_writer_bin(&w, fields->salt, RP_SALT_LEN);
    rp_writer_bin(&w, fields->seed, RP_SEED_LEN);
    if (fields->has_teller)
        rp_writer_bin(&w, fields->teller, RP_KEY_LEN);
    else
        rp_writer_nil(&w);
    rp_writer_array(&w, fields->parents);
    for (uint32_t i = 0; i < fields->parents; i++)
        rp_writer_bin(&w, fields->parent_ids[i], RP_ID_LEN);
    rp_writer_raw(&w, fields->content);
    if ((err = rp_writer_take(&w, body)) != RP_OK)
        return err;
    if ((err = rp_record_parse(&check, rp_bytes_slice(body))) != RP_OK)
        rp_bytes_free(body);
    return err;
}

static int write_packed(struct rp_codecs *codecs, struct rp_bytes *packed, struct rp_slice body,
                        enum rp_codec codec, const uint8_t sig[static RP_SIG_LEN])
{
    struct rp_bytes compressed = {NULL, 0};
    struct rp_writer w;
    int err;

    if (body.len > RP_BODY_MAX)
        return RP_ERR_LIMIT;
    if ((err = rp_codec_pack(codecs, &compressed, codec, body)) != RP_OK)
        return err;
    rp_writer_init(&w, RP_RECORD_MAX);
    rp_writer_array(&w, 3);
    if (compressed.len > 0) {
        rp_writer_uint(&w, codec);
        rp_writer_bin(&w, compressed.data, compressed.len);
    } else {
        rp_writer_uint(&w, RP_CODEC_PLAIN);
        rp_writer_bin(&w, body.data, body.len);
    }
    rp_writer_bin(&w, sig, RP_SIG_LEN);
    rp_bytes_free(&compressed);
    return rp_writer_take(&w, packed);
}

int rp_record_pack_with(struct rp_codecs *codecs, struct rp_bytes *packed, struct rp_slice body,
                        const struct rp_key *key, enum rp_codec codec)
{
    uint8_t id[RP_ID_LEN];
    uint8_t sig[RP_SIG_LEN];

    rp_hash_one(id, RP_DOMAIN_RECORD, body.data, body.len);
    rp_key_sign(sig, key, RP_DOMAIN_SIGN_RECORD, id);
    return write_packed(codecs, packed, body, codec, sig);
}

int rp_record_pack(struct rp_bytes *packed, struct rp_slice body, const struct rp_key *key,
                   enum rp_codec codec)
{
    return rp_record_pack_with(NULL, packed, body, key, codec);
}

int rp_record_repack(struct rp_bytes *packed, const struct rp_opened *opened, enum rp_codec codec)
{
    return write_packed(NULL, packed, rp_bytes_slice(&opened->body), codec, opened->sig);
}

/* Splits the packed form; body still as it is packed. */
static int split(struct rp_slice packed, uint64_t *codec, struct rp_slice *body,
                 uint8_t sig[static RP_SIG_LEN])
{
    struct rp_reader r;
    int err;

    if (packed.len > RP_RECORD_MAX)
        return RP_ERR_LIMIT;
    if ((err = rp_canonical_check(packed.data, packed.len)) != RP_OK)
        return err;
    rp_reader_init(&r, packed);
    if (rp_reader_array(&r) != 3)
        rp_reader_fail(&r);
    *codec = rp_reader_uint(&r);
    *body = rp_reader_bin(&r);
    rp_reader_bin_into(&r, sig, RP_SIG_LEN);
    return rp_reader_end(&r);
}

int rp_record_codec(struct rp_slice packed)
{
    uint8_t sig[RP_SIG_LEN];
    struct rp_slice body;
    uint64_t codec;
    int err = split(packed, &codec, &body, sig);

    if (err != RP_OK)
        return err;
    return codec <= RP_CODEC_DICTIONARY ? (int)codec : RP_ERR_CODEC;
}

static int open_unverified(struct rp_codecs *codecs, struct rp_opened *out, struct rp_slice packed)
{
    uint8_t id[RP_ID_LEN];
    struct rp_slice body;
    uint64_t codec;
    int err;

    *out = (struct rp_opened){0};
    if ((err = split(packed, &codec, &body, out->sig)) == RP_OK &&
        (err = rp_codec_unpack(codecs, &out->body, codec, body)) == RP_OK)
        err = rp_record_parse(&out->record, rp_bytes_slice(&out->body));
    if (err == RP_OK)
        return RP_OK;
    memcpy(id, out->record.id, sizeof id);
    rp_record_close(out);
    if (err == RP_ERR_VERSION)
        memcpy(out->record.id, id, sizeof id);
    return err;
}

int rp_record_open_trusted(struct rp_opened *out, struct rp_slice packed)
{
    return open_unverified(NULL, out, packed);
}

int rp_record_open_with(struct rp_codecs *codecs, struct rp_opened *out, struct rp_slice packed)
{
    int err = open_unverified(codecs, out, packed);

    if (err != RP_OK)
        return err;
    err = rp_key_verify(out->sig, out->record.key, RP_DOMAIN_SIGN_RECORD, out->record.id);
    if (err != RP_OK)
        rp_record_close(out);
    return err;
}

int rp_record_open(struct rp_opened *out, struct rp_slice packed)
{
    return rp_record_open_with(NULL, out, packed);
}

void rp_record_close(struct rp_opened *opened)
{
    rp_bytes_free(&opened->body);
    *opened = (struct rp_opened){0};
}
