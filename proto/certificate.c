#include "rp/certificate.h"

#include <string.h>

#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/reader.h"
#include "rp/writer.h"

#define CERTIFICATE_VERSION 1
#define CERTIFICATE_MAX 1024
#define PROOF_VERSION 1
#define SUCCESSION_PACKED_MAX (RP_SUCCESSION_MAX + 72) /* with codec 0, signature and headers */

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

    if (!rp_identity_name_fits(rp_bytes_str(certificate->name)))
        return RP_ERR_SHAPE;
    if (memcmp(certificate->key, key->public, RP_KEY_LEN) != 0)
        return RP_ERR_KEY;
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

/* Writes one succession as a proof has it: not compressed, whatever it was stored as. */
static int write_succession(struct rp_writer *w, struct rp_slice packed)
{
    struct rp_opened opened;
    struct rp_bytes plain;
    int err = rp_record_open_trusted(&opened, packed);

    if (err != RP_OK)
        return err;
    err = opened.record.body_len > RP_SUCCESSION_MAX
              ? RP_ERR_LIMIT
              : rp_record_repack(&plain, &opened, RP_CODEC_PLAIN);
    rp_record_close(&opened);
    if (err != RP_OK)
        return err;
    rp_writer_bin(w, plain.data, plain.len);
    rp_bytes_free(&plain);
    return RP_OK;
}

int rp_certificate_prove(struct rp_bytes *out, struct rp_slice issued, struct rp_slice inception,
                         const struct rp_slice *successions, size_t n)
{
    struct rp_writer w;
    int err;

    *out = (struct rp_bytes){NULL, 0};
    if (n > RP_SUCCESSIONS_MAX)
        return RP_ERR_LIMIT;
    rp_writer_init(&w, RP_PROOF_MAX);
    rp_writer_array(&w, 5);
    rp_writer_uint(&w, PROOF_VERSION);
    rp_writer_bin(&w, issued.data, issued.len);
    rp_writer_bin(&w, inception.data, inception.len);
    rp_writer_array(&w, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        if ((err = write_succession(&w, successions[i])) != RP_OK) {
            rp_writer_free(&w);
            return err;
        }
    }
    rp_writer_map(&w, 0); /* for what later versions add */
    return rp_writer_take(&w, out);
}

/* Follows one succession. It comes from a stranger, who is not to make us unpack anything. */
static int follow(struct rp_proof *proof, struct rp_slice packed)
{
    uint32_t i = proof->identity.number;
    struct rp_opened opened;
    int err;

    if (packed.len > SUCCESSION_PACKED_MAX)
        return RP_ERR_LIMIT;
    if (rp_record_codec(packed) != RP_CODEC_PLAIN)
        return RP_ERR_SHAPE;
    if ((err = rp_record_open(&opened, packed)) != RP_OK)
        return err;
    err = rp_identity_succeed(&proof->identity, &opened.record);
    if (err == RP_OK) {
        proof->successions[i] = packed;
        memcpy(proof->succession_ids[i], opened.record.id, RP_ID_LEN);
    }
    rp_record_close(&opened);
    return err;
}

/* Whether the certificate is for this organisation, and for the key on the line. */
static bool is_for(const struct rp_proof *proof, const uint8_t noise[static RP_KEY_LEN])
{
    return memcmp(proof->certificate.org, proof->identity.org, RP_ID_LEN) == 0 &&
           memcmp(proof->certificate.noise, noise, RP_KEY_LEN) == 0;
}

/* Whether the organisation's key of today signed the certificate; after the successions. */
static bool is_current(const struct rp_proof *proof)
{
    const struct rp_identity *identity = &proof->identity;

    return memcmp(proof->certificate.key, identity->keys[identity->number], RP_KEY_LEN) == 0;
}

/* Reads the array of successions and follows each. */
static int follow_all(struct rp_proof *proof, struct rp_reader *r)
{
    uint32_t n = rp_reader_array(r);

    for (uint32_t i = 0; i < n; i++) {
        struct rp_slice packed = rp_reader_bin(r);
        int err = r->err == RP_OK ? follow(proof, packed) : r->err;

        if (err != RP_OK)
            return err;
    }
    return r->err;
}

/* Checks a proof, cheap questions first, with whatever error the first that fails has. */
static int check_proof(struct rp_proof *out, struct rp_slice payload,
                       const uint8_t noise[static RP_KEY_LEN])
{
    struct rp_reader r;
    struct rp_slice issued;
    int err;

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
    if (!is_for(out, noise))
        return RP_ERR_KEY;
    if ((err = follow_all(out, &r)) != RP_OK)
        return err;
    if (rp_reader_peek(&r) != RP_TYPE_MAP) /* which later versions may fill */
        rp_reader_fail(&r);
    (void)rp_reader_item(&r);
    if ((err = rp_reader_end(&r)) != RP_OK)
        return err;
    return is_current(out) ? RP_OK : RP_ERR_KEY;
}

int rp_certificate_check_proof(struct rp_proof *out, struct rp_slice payload,
                               const uint8_t noise[static RP_KEY_LEN])
{
    int err;

    *out = (struct rp_proof){0};
    err = check_proof(out, payload, noise);
    switch (err) {
    case RP_OK:
    case RP_ERR_NOMEM:
    case RP_ERR_LIMIT:
        return err;
    case RP_ERR_KEY:
    case RP_ERR_SIGNATURE:
    case RP_ERR_STATE: /* a succession that is not the next one */
        return RP_ERR_KEY;
    default:
        return RP_ERR_SHAPE;
    }
}
