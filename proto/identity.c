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

int rp_identity_succeed(struct rp_identity *identity, const struct rp_record *succession)
{
    uint8_t digest[RP_HASH_LEN];
    uint8_t next[RP_HASH_LEN];
    struct rp_reader value;

    if (identity->number == RP_SUCCESSIONS_MAX || succession->body_len > RP_SUCCESSION_MAX)
        return RP_ERR_LIMIT;
    if (!rp_record_is_kind(succession, "identity") || succession->set != RP_SET_CONTROL ||
        memcmp(succession->org, identity->org, RP_ID_LEN) != 0 ||
        memcmp(succession->scope, rp_record_commons, RP_ID_LEN) != 0 ||
        !rp_reader_find(succession->content, "number", &value))
        return RP_ERR_SHAPE;
    if (rp_reader_uint(&value) != identity->number + 1) /* 0 when it is no number */
        return RP_ERR_STATE;
    rp_key_next_digest(digest, succession->key);
    if (memcmp(digest, identity->next, sizeof digest) != 0)
        return RP_ERR_KEY;
    (void)rp_reader_find(succession->content, "next", &value);
    rp_reader_bin_into(&value, next, sizeof next);
    if (value.err != RP_OK)
        return RP_ERR_SHAPE;
    identity->number++;
    memcpy(identity->keys[identity->number], succession->key, RP_KEY_LEN);
    memcpy(identity->next, next, sizeof next);
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
