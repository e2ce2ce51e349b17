#include "rp/grant.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "rp/bech32.h"
#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/reader.h"
#include "rp/token.h"
#include "rp/writer.h"

#define VERSION 1
#define REQUEST_RAW_MAX 600
#define CHECKSUM_LEN 8 /* of a grant's text: what is not signed is told from what was mistyped */
#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING

static const char request_prefix[] = "rpnode";
static const char grant_prefix[] = "rpgrant1";

/* Whether it is an array that begins with a greater version than ours. */
static bool is_newer(struct rp_slice raw)
{
    struct rp_reader r;

    if (rp_canonical_check(raw.data, raw.len) != RP_OK)
        return false;
    rp_reader_init(&r, raw);
    return rp_reader_array(&r) > 0 && rp_reader_uint(&r) > VERSION && r.err == RP_OK;
}

static void read_line(struct rp_reader *r, char *out, size_t size, bool fits(struct rp_slice))
{
    struct rp_slice text = rp_reader_str(r);

    out[0] = '\0';
    if (r->err == RP_OK && (text.len >= size || !fits(text)))
        rp_reader_fail(r);
    if (r->err != RP_OK)
        return;
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
}

/* Requests */

int rp_node_request_write(char *out, const struct rp_node_request *request)
{
    struct rp_writer w;
    int err;

    if (!rp_identity_name_fits(rp_bytes_str(request->name)))
        return RP_ERR_SHAPE;
    rp_writer_init(&w, REQUEST_RAW_MAX);
    rp_writer_array(&w, 5);
    rp_writer_uint(&w, VERSION);
    rp_writer_bin(&w, request->org, RP_ID_LEN);
    rp_writer_bin(&w, request->noise, RP_KEY_LEN);
    rp_writer_bin(&w, request->sign, RP_KEY_LEN);
    rp_writer_str(&w, request->name);
    if ((err = w.err) == RP_OK)
        rp_bech32_encode(out, request_prefix, w.data, w.len);
    rp_writer_free(&w);
    return err;
}

int rp_node_request_read(struct rp_node_request *out, const char *text)
{
    uint8_t raw[REQUEST_RAW_MAX];
    struct rp_reader r;
    size_t len;
    int err = rp_bech32_decode(raw, sizeof raw, &len, request_prefix, text);

    if (err != RP_OK)
        return err;
    if (is_newer((struct rp_slice){raw, len}))
        return RP_ERR_VERSION;
    if (rp_canonical_check(raw, len) != RP_OK)
        return RP_ERR_SHAPE;
    rp_reader_init(&r, (struct rp_slice){raw, len});
    if (rp_reader_array(&r) != 5 || rp_reader_uint(&r) != VERSION)
        rp_reader_fail(&r);
    rp_reader_bin_into(&r, out->org, RP_ID_LEN);
    rp_reader_bin_into(&r, out->noise, RP_KEY_LEN);
    rp_reader_bin_into(&r, out->sign, RP_KEY_LEN);
    read_line(&r, out->name, sizeof out->name, rp_identity_name_fits);
    return rp_reader_end(&r) == RP_OK ? RP_OK : RP_ERR_SHAPE;
}

/* Grants */

static bool may_be_called(struct rp_slice name)
{
    return name.len == 0 || rp_identity_name_fits(name);
}

static int write_peer(struct rp_writer *w, const struct rp_grant_peer *peer)
{
    if (peer->addresses > RP_ADDRESSES_MAX || !may_be_called(rp_bytes_str(peer->name)))
        return RP_ERR_SHAPE;
    rp_writer_array(w, 3);
    rp_writer_bin(w, peer->org, RP_ID_LEN);
    rp_writer_str(w, peer->name);
    rp_writer_array(w, peer->addresses);
    for (uint32_t i = 0; i < peer->addresses; i++) {
        if (!rp_token_address_fits(rp_bytes_str(peer->address[i])))
            return RP_ERR_SHAPE;
        rp_writer_str(w, peer->address[i]);
    }
    return RP_OK;
}

static int write_inner(struct rp_writer *w, const struct rp_grant *grant)
{
    int err = grant->peers <= RP_GRANT_PEERS_MAX ? RP_OK : RP_ERR_SHAPE;

    rp_writer_array(w, 3);
    rp_writer_uint(w, VERSION);
    rp_writer_bin(w, grant->proof.data, grant->proof.len);
    rp_writer_array(w, grant->peers);
    for (uint32_t i = 0; i < grant->peers && err == RP_OK; i++)
        err = write_peer(w, &grant->peer[i]);
    return err == RP_OK ? w->err : err;
}

static void checksum_of(uint8_t out[static CHECKSUM_LEN], const uint8_t *data, size_t len)
{
    uint8_t digest[RP_HASH_LEN];

    rp_hash_one(digest, RP_DOMAIN_GRANT, data, len);
    memcpy(out, digest, CHECKSUM_LEN);
}

/* [inner, sig, sealed or nil] and a checksum, as text. */
static int write_text(char **text, struct rp_slice inner, const uint8_t sig[static RP_SIG_LEN],
                      const uint8_t *sealed)
{
    const size_t head = sizeof grant_prefix - 1;
    uint8_t checksum[CHECKSUM_LEN];
    struct rp_writer w;
    size_t size;
    int err;

    rp_writer_init(&w, RP_GRANT_MAX);
    rp_writer_array(&w, 3);
    rp_writer_bin(&w, inner.data, inner.len);
    rp_writer_bin(&w, sig, RP_SIG_LEN);
    if (sealed != NULL)
        rp_writer_bin(&w, sealed, RP_GRANT_SEALED_LEN);
    else
        rp_writer_nil(&w);
    checksum_of(checksum, w.data, w.len);
    rp_writer_raw(&w, (struct rp_slice){checksum, sizeof checksum});
    if ((err = w.err) != RP_OK)
        goto out;
    size = sodium_base64_ENCODED_LEN(w.len, BASE64);
    err = RP_ERR_NOMEM;
    if ((*text = malloc(head + size)) == NULL)
        goto out;
    memcpy(*text, grant_prefix, head);
    sodium_bin2base64(*text + head, size, w.data, w.len, BASE64);
    err = RP_OK;
out:
    rp_writer_free(&w);
    return err;
}

int rp_grant_write(char **text, const struct rp_grant *grant, const struct rp_key *key)
{
    uint8_t digest[RP_HASH_LEN];
    uint8_t sig[RP_SIG_LEN];
    struct rp_writer w;
    int err;

    rp_writer_init(&w, RP_GRANT_MAX);
    if ((err = write_inner(&w, grant)) == RP_OK) {
        rp_hash_one(digest, RP_DOMAIN_GRANT, w.data, w.len);
        rp_key_sign(sig, key, RP_DOMAIN_SIGN_GRANT, digest);
        err = write_text(text, rp_writer_slice(&w), sig, grant->has_key ? grant->sealed : NULL);
    }
    rp_writer_free(&w);
    return err;
}

/* A grant as it stands in the text, not judged yet; what it borrows is in ${raw}. */
struct opened {
    struct rp_slice inner;
    uint8_t sig[RP_SIG_LEN];
    bool has_key;
    uint8_t sealed[RP_GRANT_SEALED_LEN];
};

/* What the text holds between its prefix and its checksum. */
static int read_raw(struct rp_bytes *raw, const char *text)
{
    const size_t head = sizeof grant_prefix - 1;
    uint8_t checksum[CHECKSUM_LEN];
    size_t len = strlen(text);
    uint8_t *data;
    size_t n;

    *raw = (struct rp_bytes){NULL, 0};
    if (strncmp(text, grant_prefix, head) != 0)
        return RP_ERR_SHAPE;
    text += head;
    len -= head;
    if (len / 4 * 3 > RP_GRANT_MAX)
        return RP_ERR_LIMIT;
    if ((data = malloc(len / 4 * 3 + 3)) == NULL)
        return RP_ERR_NOMEM;
    if (sodium_base642bin(data, len / 4 * 3 + 3, text, len, NULL, &n, NULL, BASE64) == 0 &&
        n > CHECKSUM_LEN) {
        n -= CHECKSUM_LEN;
        checksum_of(checksum, data, n);
        if (memcmp(checksum, data + n, CHECKSUM_LEN) == 0) {
            *raw = (struct rp_bytes){data, n};
            return RP_OK;
        }
    }
    free(data);
    return RP_ERR_CHECKSUM;
}

static int open_text(struct opened *out, struct rp_bytes *raw, const char *text)
{
    struct rp_reader r;
    int err = read_raw(raw, text);

    if (err != RP_OK)
        return err;
    *out = (struct opened){.has_key = false};
    err = RP_ERR_SHAPE;
    if (rp_canonical_check(raw->data, raw->len) != RP_OK)
        goto err0;
    rp_reader_init(&r, rp_bytes_slice(raw));
    if (rp_reader_array(&r) != 3)
        rp_reader_fail(&r);
    out->inner = rp_reader_bin(&r);
    if (r.err == RP_OK && is_newer(out->inner)) {
        err = RP_ERR_VERSION;
        goto err0;
    }
    rp_reader_bin_into(&r, out->sig, RP_SIG_LEN);
    if (!rp_reader_nil(&r)) {
        out->has_key = true;
        rp_reader_bin_into(&r, out->sealed, RP_GRANT_SEALED_LEN);
    }
    if (rp_reader_end(&r) == RP_OK)
        return RP_OK;
err0:
    rp_bytes_free(raw);
    return err;
}

int rp_grant_add_key(char **text, const char *grant,
                     const uint8_t sealed[static RP_GRANT_SEALED_LEN])
{
    struct opened opened;
    struct rp_bytes raw;
    int err = open_text(&opened, &raw, grant);

    if (err != RP_OK)
        return err;
    err = write_text(text, opened.inner, opened.sig, sealed);
    rp_bytes_free(&raw);
    return err;
}

static void read_peer(struct rp_reader *r, struct rp_grant_peer *out)
{
    *out = (struct rp_grant_peer){.addresses = 0};
    if (rp_reader_array(r) != 3)
        rp_reader_fail(r);
    rp_reader_bin_into(r, out->org, RP_ID_LEN);
    read_line(r, out->name, sizeof out->name, may_be_called);
    out->addresses = rp_reader_array(r);
    if (out->addresses > RP_ADDRESSES_MAX)
        rp_reader_fail(r);
    for (uint32_t i = 0; r->err == RP_OK && i < out->addresses; i++)
        read_line(r, out->address[i], sizeof out->address[i], rp_token_address_fits);
}

static int read_inner(struct rp_grant *out, struct rp_slice inner)
{
    struct rp_reader r;

    if (rp_canonical_check(inner.data, inner.len) != RP_OK)
        return RP_ERR_SHAPE;
    rp_reader_init(&r, inner);
    if (rp_reader_array(&r) != 3 || rp_reader_uint(&r) != VERSION)
        rp_reader_fail(&r);
    out->proof = rp_reader_bin(&r);
    out->peers = rp_reader_array(&r);
    if (out->peers > RP_GRANT_PEERS_MAX)
        rp_reader_fail(&r);
    for (uint32_t i = 0; r.err == RP_OK && i < out->peers; i++)
        read_peer(&r, &out->peer[i]);
    return rp_reader_end(&r) == RP_OK ? RP_OK : RP_ERR_SHAPE;
}

int rp_grant_read(struct rp_grant *out, struct rp_proof *proof, struct rp_bytes *raw,
                  const char *text, const uint8_t noise[static RP_KEY_LEN])
{
    uint8_t digest[RP_HASH_LEN];
    struct opened opened;
    int err = open_text(&opened, raw, text);

    if (err != RP_OK)
        return err;
    out->has_key = opened.has_key;
    memcpy(out->sealed, opened.sealed, sizeof out->sealed);
    if ((err = read_inner(out, opened.inner)) != RP_OK ||
        (err = rp_certificate_check_proof(proof, out->proof, noise)) != RP_OK)
        goto err0;
    rp_hash_one(digest, RP_DOMAIN_GRANT, opened.inner.data, opened.inner.len);
    if (rp_key_verify(opened.sig, proof->certificate.key, RP_DOMAIN_SIGN_GRANT, digest) == RP_OK)
        return RP_OK;
    err = RP_ERR_SIGNATURE;
err0:
    rp_bytes_free(raw);
    return err;
}
