#include "rp/recover.h"

#include "rp/err.h"

static void digest_of(uint8_t out[static RP_HASH_LEN], const uint8_t *org, const uint8_t *caller,
                      const uint8_t *called)
{
    const struct rp_slice parts[] = {{org, RP_ID_LEN}, {caller, RP_KEY_LEN}, {called, RP_KEY_LEN}};

    rp_hash(out, RP_DOMAIN_RECOVER, parts, 3);
}

void rp_recover_write(struct rp_writer *w, const uint8_t org[static RP_ID_LEN],
                      const struct rp_key *paper, const uint8_t caller[static RP_KEY_LEN],
                      const uint8_t called[static RP_KEY_LEN])
{
    uint8_t digest[RP_HASH_LEN];
    uint8_t sig[RP_SIG_LEN];

    digest_of(digest, org, caller, called);
    rp_key_sign(sig, paper, RP_DOMAIN_SIGN_RECOVER, digest);
    rp_writer_array(w, 4);
    rp_writer_uint(w, RP_MESSAGE_RECOVER);
    rp_writer_bin(w, org, RP_ID_LEN);
    rp_writer_bin(w, paper->public, RP_KEY_LEN);
    rp_writer_bin(w, sig, sizeof sig);
}

int rp_recover_read(struct rp_recover *out, struct rp_slice frame,
                    const uint8_t caller[static RP_KEY_LEN],
                    const uint8_t called[static RP_KEY_LEN])
{
    uint8_t digest[RP_HASH_LEN];
    struct rp_reader r;
    int err;

    rp_reader_init(&r, frame);
    if (rp_reader_array(&r) != 4 || rp_reader_uint(&r) != RP_MESSAGE_RECOVER)
        rp_reader_fail(&r);
    rp_reader_bin_into(&r, out->org, RP_ID_LEN);
    rp_reader_bin_into(&r, out->key, RP_KEY_LEN);
    rp_reader_bin_into(&r, out->sig, RP_SIG_LEN);
    if ((err = rp_reader_end(&r)) != RP_OK)
        return err;
    digest_of(digest, out->org, caller, called);
    return rp_key_verify(out->sig, out->key, RP_DOMAIN_SIGN_RECOVER, digest);
}

void rp_chain_write(struct rp_writer *w, struct rp_slice inception,
                    const struct rp_slice *successions, uint32_t n)
{
    rp_writer_array(w, 3);
    rp_writer_uint(w, RP_MESSAGE_CHAIN);
    rp_writer_bin(w, inception.data, inception.len);
    rp_writer_array(w, n);
    for (uint32_t i = 0; i < n; i++)
        rp_writer_bin(w, successions[i].data, successions[i].len);
}

int rp_chain_read(struct rp_chain *out, struct rp_slice frame)
{
    struct rp_reader r;

    *out = (struct rp_chain){0};
    rp_reader_init(&r, frame);
    if (rp_reader_array(&r) != 3 || rp_reader_uint(&r) != RP_MESSAGE_CHAIN)
        rp_reader_fail(&r);
    out->inception = rp_reader_bin(&r);
    out->n = rp_reader_array(&r);
    if (r.err == RP_OK && out->n > RP_SUCCESSIONS_MAX)
        return RP_ERR_LIMIT;
    for (uint32_t i = 0; i < out->n; i++)
        out->successions[i] = rp_reader_bin(&r);
    return rp_reader_end(&r);
}
