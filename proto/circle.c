#include "rp/circle.h"

#include <stdlib.h>
#include <string.h>

#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/identity.h"
#include "rp/reader.h"
#include "rp/writer.h"

#define CIRCLE_VERSION 1

/* A member while a descriptor is written. */
struct member {
    uint8_t org[RP_ID_LEN];
    struct rp_slice inception;
};

static int compare_members(const void *a, const void *b)
{
    return memcmp(((const struct member *)a)->org, ((const struct member *)b)->org, RP_ID_LEN);
}

/* The draft's members, ascending; checks that each is there once, the founder too. */
static int sort_members(struct member *out, const struct rp_circle_draft *draft)
{
    bool has_founder = false;

    for (uint32_t i = 0; i < draft->members; i++) {
        struct rp_identity identity;
        int err = rp_identity_read(&identity, draft->inceptions[i]);

        if (err != RP_OK)
            return err;
        memcpy(out[i].org, identity.org, RP_ID_LEN);
        out[i].inception = draft->inceptions[i];
        has_founder |= memcmp(identity.org, draft->founder, RP_ID_LEN) == 0;
    }
    qsort(out, draft->members, sizeof *out, compare_members);
    for (uint32_t i = 1; i < draft->members; i++) {
        if (compare_members(&out[i - 1], &out[i]) == 0)
            return RP_ERR_SHAPE;
    }
    return has_founder ? RP_OK : RP_ERR_SHAPE;
}

static int write_descriptor(struct rp_writer *w, const struct rp_circle_draft *draft)
{
    struct member members[RP_CIRCLE_MEMBERS_MAX];
    int err;

    if (!rp_identity_name_fits(rp_bytes_str(draft->name)))
        return RP_ERR_SHAPE;
    if (draft->members < RP_CIRCLE_MEMBERS_MIN || draft->members > RP_CIRCLE_MEMBERS_MAX)
        return RP_ERR_LIMIT;
    if ((err = sort_members(members, draft)) != RP_OK)
        return err;
    rp_writer_array(w, 5);
    rp_writer_uint(w, CIRCLE_VERSION);
    rp_writer_str(w, draft->name);
    rp_writer_bin(w, draft->salt, RP_SALT_LEN);
    rp_writer_bin(w, draft->founder, RP_ID_LEN);
    rp_writer_array(w, draft->members);
    for (uint32_t i = 0; i < draft->members; i++)
        rp_writer_bin(w, members[i].inception.data, members[i].inception.len);
    return w->err;
}

int rp_circle_issue(struct rp_bytes *out, const struct rp_circle_draft *draft,
                    const struct rp_key *key)
{
    uint8_t id[RP_ID_LEN];
    uint8_t sig[RP_SIG_LEN];
    struct rp_writer inner;
    struct rp_writer w;
    int err;

    rp_writer_init(&inner, RP_CIRCLE_MAX);
    if ((err = write_descriptor(&inner, draft)) != RP_OK)
        goto out;
    rp_hash_one(id, RP_DOMAIN_CIRCLE, inner.data, inner.len);
    rp_key_sign(sig, key, RP_DOMAIN_SIGN_CIRCLE, id);
    rp_writer_init(&w, RP_CIRCLE_MAX);
    rp_writer_array(&w, 3);
    rp_writer_bin(&w, inner.data, inner.len);
    rp_writer_bin(&w, key->public, RP_KEY_LEN);
    rp_writer_bin(&w, sig, sizeof sig);
    err = rp_writer_take(&w, out);
out:
    rp_writer_free(&inner);
    return err;
}

/* Reads the members' inceptions: ascending by organisation, none twice, the founder among them. */
static int read_members(struct rp_circle *out, struct rp_reader *r)
{
    out->members = rp_reader_array(r);
    if (out->members < RP_CIRCLE_MEMBERS_MIN || out->members > RP_CIRCLE_MEMBERS_MAX)
        return RP_ERR_LIMIT;
    for (uint32_t i = 0; i < out->members; i++) {
        struct rp_identity identity;
        int err;

        out->inception[i] = rp_reader_bin(r);
        if ((err = rp_identity_read(&identity, out->inception[i])) != RP_OK)
            return err;
        memcpy(out->member[i], identity.org, RP_ID_LEN);
        if (i > 0 && memcmp(out->member[i - 1], out->member[i], RP_ID_LEN) >= 0)
            return RP_ERR_SHAPE;
    }
    return rp_circle_has(out, out->founder) ? RP_OK : RP_ERR_SHAPE;
}

static int read_descriptor(struct rp_circle *out, struct rp_slice bytes)
{
    uint8_t salt[RP_SALT_LEN];
    struct rp_reader r;
    struct rp_slice name;
    int err;

    if ((err = rp_canonical_check(bytes.data, bytes.len)) != RP_OK)
        return err;
    rp_reader_init(&r, bytes);
    if (rp_reader_array(&r) != 5 || rp_reader_uint(&r) != CIRCLE_VERSION)
        rp_reader_fail(&r);
    name = rp_reader_str(&r);
    if (!rp_identity_name_fits(name))
        rp_reader_fail(&r);
    rp_reader_bin_into(&r, salt, sizeof salt);
    rp_reader_bin_into(&r, out->founder, RP_ID_LEN);
    if (r.err != RP_OK)
        return r.err;
    if ((err = read_members(out, &r)) != RP_OK)
        return err;
    if ((err = rp_reader_end(&r)) != RP_OK)
        return err;
    memcpy(out->name, name.data, name.len);
    out->name[name.len] = '\0';
    rp_hash_one(out->id, RP_DOMAIN_CIRCLE, bytes.data, bytes.len);
    return RP_OK;
}

static int open_issued(struct rp_circle *out, struct rp_slice issued, uint8_t sig[RP_SIG_LEN])
{
    struct rp_slice inner;
    struct rp_reader r;
    int err;

    *out = (struct rp_circle){.members = 0};
    if (issued.len > RP_CIRCLE_MAX)
        return RP_ERR_LIMIT;
    if ((err = rp_canonical_check(issued.data, issued.len)) != RP_OK)
        return err;
    rp_reader_init(&r, issued);
    if (rp_reader_array(&r) != 3)
        rp_reader_fail(&r);
    inner = rp_reader_bin(&r);
    rp_reader_bin_into(&r, out->key, RP_KEY_LEN);
    rp_reader_bin_into(&r, sig, RP_SIG_LEN);
    if ((err = rp_reader_end(&r)) != RP_OK)
        return err;
    return read_descriptor(out, inner);
}

int rp_circle_open_trusted(struct rp_circle *out, struct rp_slice issued)
{
    uint8_t sig[RP_SIG_LEN];

    return open_issued(out, issued, sig);
}

int rp_circle_open(struct rp_circle *out, struct rp_slice issued)
{
    uint8_t sig[RP_SIG_LEN];
    int err = open_issued(out, issued, sig);

    return err != RP_OK ? err : rp_key_verify(sig, out->key, RP_DOMAIN_SIGN_CIRCLE, out->id);
}

bool rp_circle_has(const struct rp_circle *circle, const uint8_t org[static RP_ID_LEN])
{
    for (uint32_t i = 0; i < circle->members; i++) {
        if (memcmp(circle->member[i], org, RP_ID_LEN) == 0)
            return true;
    }
    return false;
}
