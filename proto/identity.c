#include "rp/identity.h"

#include <string.h>

#include "rp/bech32.h"
#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/reader.h"
#include "rp/text.h"
#include "rp/writer.h"

#define INCEPTION_VERSION 1
#define INCEPTION_MAX 600

static const char org_prefix[] = "rp";

bool rp_identity_name_fits(struct rp_slice name)
{
    return name.len > 0 && name.len <= RP_NAME_LEN_MAX && rp_text_is_line(name) &&
           rp_text_chars(name) <= RP_NAME_CHARS_MAX;
}

int rp_identity_incept(struct rp_bytes *out, const uint8_t key[static RP_KEY_LEN],
                       const uint8_t next[static RP_HASH_LEN], const char *name)
{
    struct rp_writer w;

    if (!rp_identity_name_fits(rp_bytes_str(name)))
        return RP_ERR_SHAPE;
    rp_writer_init(&w, INCEPTION_MAX);
    rp_writer_array(&w, 4);
    rp_writer_uint(&w, INCEPTION_VERSION);
    rp_writer_bin(&w, key, RP_KEY_LEN);
    rp_writer_bin(&w, next, RP_HASH_LEN);
    rp_writer_str(&w, name);
    return rp_writer_take(&w, out);
}

int rp_identity_read(struct rp_identity *out, struct rp_slice inception)
{
    struct rp_reader r;
    struct rp_slice name;
    int err;

    *out = (struct rp_identity){0};
    if (inception.len > INCEPTION_MAX)
        return RP_ERR_LIMIT;
    if ((err = rp_canonical_check(inception.data, inception.len)) != RP_OK)
        return err;
    rp_reader_init(&r, inception);
    if (rp_reader_array(&r) != 4 || rp_reader_uint(&r) != INCEPTION_VERSION)
        rp_reader_fail(&r);
    rp_reader_bin_into(&r, out->keys[0], RP_KEY_LEN);
    rp_reader_bin_into(&r, out->next, RP_HASH_LEN);
    name = rp_reader_str(&r);
    if (!rp_identity_name_fits(name))
        rp_reader_fail(&r);
    if ((err = rp_reader_end(&r)) != RP_OK)
        return err;
    memcpy(out->name, name.data, name.len);
    out->name[name.len] = '\0';
    rp_hash_one(out->org, RP_DOMAIN_ORGANISATION, inception.data, inception.len);
    return RP_OK;
}

bool rp_succession_is_meant(const struct rp_record *record)
{
    struct rp_reader value;

    if (!rp_record_is_kind(record, "identity") || record->set != RP_SET_CONTROL ||
        memcmp(record->scope, rp_record_commons, RP_ID_LEN) != 0)
        return false;
    (void)rp_reader_find(record->content, "number", &value);
    return rp_reader_peek(&value) == RP_TYPE_UINT;
}

/* Reads "old" and, when it says so, the records that are stood by. */
static int read_old(struct rp_succession *out, struct rp_slice content)
{
    struct rp_reader value;
    struct rp_slice old;

    if (!rp_reader_find(content, "old", &value))
        return RP_OK;
    old = rp_reader_str(&value);
    out->listed = rp_bytes_compare(old, rp_bytes_str("listed")) == 0;
    if (value.err != RP_OK || (!out->listed && rp_bytes_compare(old, rp_bytes_str("all")) != 0))
        return RP_ERR_SHAPE;
    if (!out->listed || !rp_reader_find(content, "stands_by", &value))
        return RP_OK;
    out->stands_by = rp_reader_array(&value);
    if (value.err != RP_OK || out->stands_by > RP_STANDS_BY_MAX)
        return RP_ERR_SHAPE;
    for (uint32_t i = 0; i < out->stands_by; i++)
        rp_reader_bin_into(&value, out->ids[i], RP_ID_LEN);
    return value.err == RP_OK ? RP_OK : RP_ERR_SHAPE;
}

int rp_succession_read(struct rp_succession *out, const struct rp_record *record)
{
    struct rp_reader value;

    *out = (struct rp_succession){0};
    if (record->body_len > RP_SUCCESSION_MAX)
        return RP_ERR_LIMIT;
    if (!rp_succession_is_meant(record))
        return RP_ERR_SHAPE;
    (void)rp_reader_find(record->content, "number", &value);
    out->number = rp_reader_uint(&value);
    (void)rp_reader_find(record->content, "next", &value);
    rp_reader_bin_into(&value, out->next, sizeof out->next);
    if (value.err != RP_OK)
        return RP_ERR_SHAPE;
    memcpy(out->key, record->key, RP_KEY_LEN);
    if (rp_reader_find(record->content, "key", &value)) {
        rp_reader_bin_into(&value, out->key, RP_KEY_LEN);
        if (value.err != RP_OK)
            return RP_ERR_SHAPE;
    }
    return read_old(out, record->content);
}

bool rp_succession_stands_by(const struct rp_succession *succession,
                             const uint8_t id[static RP_ID_LEN])
{
    for (uint32_t i = 0; i < succession->stands_by; i++) {
        if (memcmp(succession->ids[i], id, RP_ID_LEN) == 0)
            return true;
    }
    return !succession->listed;
}

int rp_succession_write(struct rp_bytes *content, const struct rp_succession *succession,
                        const uint8_t signer[static RP_KEY_LEN])
{
    bool is_other = memcmp(succession->key, signer, RP_KEY_LEN) != 0;
    bool has_list = succession->listed && succession->stands_by > 0;
    struct rp_writer w;

    rp_writer_init(&w, RP_SUCCESSION_MAX);
    rp_writer_map(&w, 3u + is_other + has_list);
    if (is_other) {
        rp_writer_str(&w, "key");
        rp_writer_bin(&w, succession->key, RP_KEY_LEN);
    }
    rp_writer_str(&w, "next");
    rp_writer_bin(&w, succession->next, RP_HASH_LEN);
    rp_writer_str(&w, "number");
    rp_writer_uint(&w, succession->number);
    rp_writer_str(&w, "old");
    rp_writer_str(&w, succession->listed ? "listed" : "all");
    if (has_list) {
        rp_writer_str(&w, "stands_by");
        rp_writer_array(&w, succession->stands_by);
        for (uint32_t i = 0; i < succession->stands_by; i++)
            rp_writer_bin(&w, succession->ids[i], RP_ID_LEN);
    }
    return rp_writer_take(&w, content);
}

int rp_identity_succeed(struct rp_identity *identity, const struct rp_record *record)
{
    struct rp_succession succession;
    uint8_t digest[RP_HASH_LEN];
    int err;

    if (identity->number == RP_SUCCESSIONS_MAX)
        return RP_ERR_LIMIT;
    if ((err = rp_succession_read(&succession, record)) != RP_OK)
        return err;
    if (memcmp(record->org, identity->org, RP_ID_LEN) != 0)
        return RP_ERR_SHAPE;
    if (succession.number != identity->number + 1)
        return RP_ERR_STATE;
    rp_key_next_digest(digest, record->key);
    if (memcmp(digest, identity->next, sizeof digest) != 0 ||
        rp_identity_has_key(identity, succession.key))
        return RP_ERR_KEY;
    identity->number++;
    memcpy(identity->keys[identity->number], succession.key, RP_KEY_LEN);
    memcpy(identity->next, succession.next, RP_HASH_LEN);
    return RP_OK;
}

bool rp_identity_has_key(const struct rp_identity *identity, const uint8_t key[static RP_KEY_LEN])
{
    for (uint32_t i = 0; i <= identity->number; i++) {
        if (memcmp(identity->keys[i], key, RP_KEY_LEN) == 0)
            return true;
    }
    return false;
}

void rp_identity_text(char out[static RP_ORG_TEXT_LEN + 1], const uint8_t org[static RP_ID_LEN])
{
    rp_bech32_encode(out, org_prefix, org, RP_ID_LEN);
}

int rp_identity_from_text(uint8_t org[static RP_ID_LEN], const char *text)
{
    size_t len;
    int err = RP_ERR_LIMIT;

    if (strnlen(text, RP_BECH32_SHORT + 1) <= RP_BECH32_SHORT)
        err = rp_bech32_decode(org, RP_ID_LEN, &len, org_prefix, text);
    if (err != RP_OK)
        return err;
    return len == RP_ID_LEN ? RP_OK : RP_ERR_SHAPE;
}
