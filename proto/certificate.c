#include "rp/certificate.h"

#include <string.h>

#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/reader.h"
#include "rp/writer.h"

#define CERTIFICATE_VERSION 1
#define CERTIFICATE_MAX 1024
#define PROOF_VERSION 1

static void digest_of(uint8_t out[static RP_HASH_LEN], struct rp_slice certificate)
{
    rp_hash_one(out, RP_DOMAIN_CERTIFICATE, certificate.data, certificate.len);
}

int rp_certificate_issue(struct rp_bytes *out, const struct rp_certificate *certificate,
                         const struct rp_key *key)
{
    uint8_t digest[RP_HASH_LEN];
    uint8_t sig[RP_SIG_LEN];
    struct rp_writer inner;
    struct rp_writer w;
    int err;

    rp_writer_init(&inner, CERTIFICATE_MAX);
    rp_writer_array(&inner, 8);
    rp_writer_uint(&inner, CERTIFICATE_VERSION);
    rp_writer_bin(&inner, certificate->org, RP_ID_LEN);
    rp_writer_bin(&inner, certificate->key, RP_KEY_LEN);
    rp_writer_uint(&inner, certificate->serial);
    rp_writer_bin(&inner, certificate->noise, RP_KEY_LEN);
    rp_writer_bin(&inner, certificate->sign, RP_KEY_LEN);
    rp_writer_uint(&inner, certificate->issued);
    rp_writer_str(&inner, certificate->name);
    if ((err = inner.err) != RP_OK)
        goto out;
    digest_of(digest, rp_writer_slice(&inner));
    rp_key_sign(sig, key, RP_DOMAIN_SIGN_CERTIFICATE, digest);
    rp_writer_init(&w, CERTIFICATE_MAX + 128);
    rp_writer_array(&w, 2);
    rp_writer_bin(&w, inner.data, inner.len);
    rp_writer_bin(&w, sig, sizeof sig);
    err = rp_writer_take(&w, out);
out:
    rp_writer_free(&inner);
    return err;
}

static int read_certificate(struct rp_certificate *out, struct rp_slice bytes)
{
    struct rp_reader r;
    struct rp_slice name;
    int err;

    if ((err = rp_canonical_check(bytes.data, bytes.len)) != RP_OK)
        return err;
    rp_reader_init(&r, bytes);
    if (rp_reader_array(&r) != 8 || rp_reader_uint(&r) != CERTIFICATE_VERSION)
        rp_reader_fail(&r);
    rp_reader_bin_into(&r, out->org, RP_ID_LEN);
    rp_reader_bin_into(&r, out->key, RP_KEY_LEN);
    out->serial = rp_reader_uint(&r);
    rp_reader_bin_into(&r, out->noise, RP_KEY_LEN);
    rp_reader_bin_into(&r, out->sign, RP_KEY_LEN);
    out->issued = rp_reader_uint(&r);
    name = rp_reader_str(&r);
    if (!rp_identity_name_fits(name))
        rp_reader_fail(&r);
    if ((err = rp_reader_end(&r)) != RP_OK)
        return err;
    memcpy(out->name, name.data, name.len);
    out->name[name.len] = '\0';
    return RP_OK;
}

int rp_certificate_open(struct rp_certificate *out, struct rp_slice issued)
{
    uint8_t digest[RP_HASH_LEN];
    uint8_t sig[RP_SIG_LEN];
    struct rp_slice inner;
    struct rp_reader r;
    int err;

    if ((err = rp_canonical_check(issued.data, issued.len)) != RP_OK)
        return err;
    rp_reader_init(&r, issued);
    if (rp_reader_array(&r) != 2)
        rp_reader_fail(&r);
    inner = rp_reader_bin(&r);
    rp_reader_bin_into(&r, sig, sizeof sig);
    if ((err = rp_reader_end(&r)) != RP_OK)
        return err;
    if ((err = read_certificate(out, inner)) != RP_OK)
        return err;
    digest_of(digest, inner);
    return rp_key_verify(sig, out->key, RP_DOMAIN_SIGN_CERTIFICATE, digest);
}

int rp_certificate_prove(struct rp_bytes *out, struct rp_slice issued, struct rp_slice inception,
                         const struct rp_slice *successions, size_t n)
{
    struct rp_writer w;

    rp_writer_init(&w, RP_PROOF_MAX);
    rp_writer_array(&w, 5);
    rp_writer_uint(&w, PROOF_VERSION);
    rp_writer_bin(&w, issued.data, issued.len);
    rp_writer_bin(&w, inception.data, inception.len);
    rp_writer_array(&w, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        rp_writer_bin(&w, successions[i].data, successions[i].len);
    rp_writer_map(&w, 0); /* for what later versions add */
    return rp_writer_take(&w, out);
}

static int follow(struct rp_identity *identity, struct rp_slice packed)
{
    struct rp_opened opened;
    int err = rp_record_open(&opened, packed);

    if (err != RP_OK)
        return err;
    err = rp_identity_succeed(identity, &opened.record);
    rp_record_close(&opened);
    return err;
}

/* Whether the certificate speaks for the organisation, and for the key on the line. */
static bool is_for(const struct rp_proof *proof, const uint8_t noise[static RP_KEY_LEN])
{
    const struct rp_identity *identity = &proof->identity;

    return memcmp(proof->certificate.org, identity->org, RP_ID_LEN) == 0 &&
           memcmp(proof->certificate.key, identity->keys[identity->number], RP_KEY_LEN) == 0 &&
           memcmp(proof->certificate.noise, noise, RP_KEY_LEN) == 0;
}

int rp_certificate_check_proof(struct rp_proof *out, struct rp_slice payload,
                               const uint8_t noise[static RP_KEY_LEN])
{
    struct rp_reader r;
    struct rp_slice issued;
    uint32_t successions;
    int err;

    *out = (struct rp_proof){0};
    if (payload.len > RP_PROOF_MAX)
        return RP_ERR_LIMIT;
    if ((err = rp_canonical_check(payload.data, payload.len)) != RP_OK)
        return err;
    rp_reader_init(&r, payload);
    if (rp_reader_array(&r) != 5 || rp_reader_uint(&r) != PROOF_VERSION)
        rp_reader_fail(&r);
    issued = rp_reader_bin(&r);
    out->inception = rp_reader_bin(&r);
    if (r.err != RP_OK)
        return r.err;
    if ((err = rp_certificate_open(&out->certificate, issued)) != RP_OK)
        return err;
    if ((err = rp_identity_read(&out->identity, out->inception)) != RP_OK)
        return err;
    successions = rp_reader_array(&r);
    for (uint32_t i = 0; i < successions && r.err == RP_OK; i++) {
        struct rp_slice packed = rp_reader_bin(&r);

        if (r.err == RP_OK && (err = follow(&out->identity, packed)) != RP_OK)
            return err;
    }
    if (rp_reader_peek(&r) != RP_TYPE_MAP) /* which later versions may fill */
        rp_reader_fail(&r);
    (void)rp_reader_item(&r);
    if ((err = rp_reader_end(&r)) != RP_OK)
        return err;
    return is_for(out, noise) ? RP_OK : RP_ERR_KEY;
}
