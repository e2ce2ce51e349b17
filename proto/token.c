#include "rp/token.h"

#include <sodium.h>
#include <string.h>

#include "rp/bech32.h"
#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/reader.h"
#include "rp/text.h"
#include "rp/writer.h"

#define VERSION 1
#define RAW_MAX 2180 /* eight of the longest addresses and the rest */

static const char prefix[] = "rpinvite";

bool rp_token_address_fits(struct rp_slice address)
{
    return address.len > 0 && address.len <= RP_ADDRESS_LEN_MAX && rp_text_is_line(address);
}

static bool addresses_fit(const struct rp_token *token)
{
    if (token->addresses > RP_ADDRESSES_MAX)
        return false;
    for (uint32_t i = 0; i < token->addresses; i++) {
        size_t len = strnlen(token->address[i], sizeof token->address[i]);

        if (!rp_token_address_fits((struct rp_slice){(const uint8_t *)token->address[i], len}))
            return false;
    }
    return true;
}

int rp_token_write(char *out, const struct rp_token *token)
{
    struct rp_writer w;
    int err;

    if (!addresses_fit(token))
        return RP_ERR_SHAPE;
    rp_writer_init_secret(&w, RAW_MAX);
    rp_writer_array(&w, 5);
    rp_writer_uint(&w, VERSION);
    rp_writer_bin(&w, token->org, RP_ID_LEN);
    rp_writer_bin(&w, token->secret, RP_TOKEN_SECRET_LEN);
    rp_writer_uint(&w, token->expires);
    rp_writer_array(&w, token->addresses);
    for (uint32_t i = 0; i < token->addresses; i++)
        rp_writer_str(&w, token->address[i]);
    err = w.err;
    if (err == RP_OK)
        rp_bech32_encode(out, prefix, w.data, w.len);
    rp_writer_free(&w);
    return err;
}

static void read_addresses(struct rp_reader *r, struct rp_token *out)
{
    out->addresses = rp_reader_array(r);
    if (out->addresses > RP_ADDRESSES_MAX)
        rp_reader_fail(r);
    for (uint32_t i = 0; i < out->addresses && r->err == RP_OK; i++) {
        struct rp_slice address = rp_reader_str(r);

        if (r->err != RP_OK || !rp_token_address_fits(address)) {
            rp_reader_fail(r);
            return;
        }
        memcpy(out->address[i], address.data, address.len);
        out->address[i][address.len] = '\0';
    }
}

static int read_raw(struct rp_token *out, struct rp_slice raw)
{
    struct rp_reader r;

    if (rp_canonical_check(raw.data, raw.len) != RP_OK)
        return RP_ERR_SHAPE;
    rp_reader_init(&r, raw);
    (void)rp_reader_array(&r);
    if (rp_reader_uint(&r) > VERSION && r.err == RP_OK)
        return RP_ERR_VERSION;
    rp_reader_init(&r, raw);
    if (rp_reader_array(&r) != 5 || rp_reader_uint(&r) != VERSION)
        rp_reader_fail(&r);
    rp_reader_bin_into(&r, out->org, RP_ID_LEN);
    rp_reader_bin_into(&r, out->secret, RP_TOKEN_SECRET_LEN);
    out->expires = rp_reader_uint(&r);
    read_addresses(&r, out);
    return rp_reader_end(&r);
}

int rp_token_read(struct rp_token *out, const char *text)
{
    uint8_t raw[RAW_MAX];
    size_t len;
    int err = rp_bech32_decode(raw, sizeof raw, &len, prefix, text);

    *out = (struct rp_token){0};
    if (err == RP_OK)
        err = read_raw(out, (struct rp_slice){raw, len});
    if (err != RP_OK)
        sodium_memzero(out, sizeof *out);
    sodium_memzero(raw, sizeof raw);
    return err;
}

void rp_token_name(uint8_t out[static RP_HASH_LEN],
                   const uint8_t secret[static RP_TOKEN_SECRET_LEN])
{
    rp_hash_one(out, RP_DOMAIN_TOKEN, secret, RP_TOKEN_SECRET_LEN);
}
