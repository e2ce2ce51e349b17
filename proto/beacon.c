#include "rp/beacon.h"

#include <string.h>

#include "rp/canonical.h"
#include "rp/err.h"
#include "rp/reader.h"
#include "rp/text.h"
#include "rp/writer.h"

#define BEACON_VERSION 1
#define BEACON_ENTRIES 12

static void digest_of(uint8_t out[static RP_HASH_LEN], struct rp_slice beacon)
{
    rp_hash_one(out, RP_DOMAIN_BEACON, beacon.data, beacon.len);
}

/* Writing */

static void write_tally(struct rp_writer *w, const struct rp_tally *tally)
{
    rp_writer_uint(w, tally->count);
    rp_writer_bin(w, tally->digest, RP_HASH_LEN);
}

static void write_beacon(struct rp_writer *w, const struct rp_beacon *beacon)
{
    rp_writer_array(w, BEACON_ENTRIES);
    rp_writer_uint(w, BEACON_VERSION);
    rp_message_write_scope(w, beacon->scope);
    rp_writer_bin(w, beacon->org, RP_ID_LEN);
    rp_writer_bin(w, beacon->key, RP_KEY_LEN);
    rp_writer_uint(w, beacon->time);
    rp_writer_text(w, beacon->software);
    rp_writer_array(w, beacon->addresses);
    for (uint32_t i = 0; i < beacon->addresses; i++)
        rp_writer_text(w, beacon->address[i]);
    rp_writer_uint(w, beacon->state);
    for (enum rp_set set = 0; set < RP_SETS; set++) {
        rp_writer_array(w, 2);
        write_tally(w, &beacon->own[set]);
    }
    rp_writer_array(w, beacon->withdrawals);
    for (uint32_t i = 0; i < beacon->withdrawals; i++) {
        rp_writer_array(w, 3);
        rp_writer_bin(w, beacon->withdrawn[i].org, RP_ID_LEN);
        write_tally(w, &beacon->withdrawn[i].tally);
    }
    rp_writer_map(w, 0); /* for what later versions add */
}

int rp_beacon_seal(struct rp_bytes *out, const struct rp_beacon *beacon, const struct rp_key *node,
                   struct rp_slice issued)
{
    struct rp_beacon again;
    uint8_t digest[RP_HASH_LEN];
    uint8_t sig[RP_SIG_LEN];
    struct rp_writer inner;
    struct rp_writer w;
    int err;

    *out = (struct rp_bytes){NULL, 0};
    if (beacon->addresses > RP_ADDRESSES_MAX || beacon->withdrawals > RP_BEACON_WITHDRAWALS_MAX)
        return RP_ERR_SHAPE;
    rp_writer_init(&inner, RP_BEACON_MAX);
    write_beacon(&inner, beacon);
    if ((err = inner.err) != RP_OK)
        goto err0;
    digest_of(digest, rp_writer_slice(&inner));
    rp_key_sign(sig, node, RP_DOMAIN_SIGN_BEACON, digest);
    rp_writer_init(&w, RP_BEACON_MAX);
    rp_writer_array(&w, 3);
    rp_writer_bin(&w, inner.data, inner.len);
    rp_writer_bin(&w, sig, sizeof sig);
    rp_writer_bin(&w, issued.data, issued.len);
    if ((err = rp_writer_take(&w, out)) != RP_OK)
        goto err0;
    if ((err = rp_beacon_read(&again, rp_bytes_slice(out))) != RP_OK)
        rp_bytes_free(out);
err0:
    rp_writer_free(&inner);
    return err;
}

/* Reading */

static void read_tally(struct rp_reader *r, struct rp_tally *tally)
{
    tally->count = rp_reader_uint(r);
    rp_reader_bin_into(r, tally->digest, RP_HASH_LEN);
}

static void read_addresses(struct rp_beacon *out, struct rp_reader *r)
{
    out->addresses = rp_reader_array(r);
    if (out->addresses > RP_ADDRESSES_MAX)
        rp_reader_fail(r);
    for (uint32_t i = 0; i < out->addresses && r->err == RP_OK; i++) {
        out->address[i] = rp_reader_str(r);
        if (!rp_token_address_fits(out->address[i]))
            rp_reader_fail(r);
    }
}

/* Organisations ascend, so that none is there twice. */
static void read_withdrawals(struct rp_beacon *out, struct rp_reader *r)
{
    out->withdrawals = rp_reader_array(r);
    if (out->withdrawals > RP_BEACON_WITHDRAWALS_MAX)
        rp_reader_fail(r);
    for (uint32_t i = 0; i < out->withdrawals && r->err == RP_OK; i++) {
        if (rp_reader_array(r) != 3)
            rp_reader_fail(r);
        rp_reader_bin_into(r, out->withdrawn[i].org, RP_ID_LEN);
        read_tally(r, &out->withdrawn[i].tally);
        if (i > 0 && memcmp(out->withdrawn[i - 1].org, out->withdrawn[i].org, RP_ID_LEN) >= 0)
            rp_reader_fail(r);
    }
}

static int read_beacon(struct rp_beacon *out, struct rp_slice bytes)
{
    struct rp_reader r;
    int err = rp_canonical_check(bytes.data, bytes.len);

    if (err != RP_OK)
        return err;
    rp_reader_init(&r, bytes);
    if (rp_reader_array(&r) == 0)
        rp_reader_fail(&r);
    if (rp_reader_uint(&r) > BEACON_VERSION && r.err == RP_OK)
        return RP_ERR_VERSION;
    rp_reader_init(&r, bytes);
    if (rp_reader_array(&r) != BEACON_ENTRIES || rp_reader_uint(&r) != BEACON_VERSION)
        rp_reader_fail(&r);
    rp_message_read_scope(&r, out->scope);
    rp_reader_bin_into(&r, out->org, RP_ID_LEN);
    rp_reader_bin_into(&r, out->key, RP_KEY_LEN);
    out->time = rp_reader_uint(&r);
    out->software = rp_reader_str(&r);
    if (out->software.len > RP_REASON_LEN_MAX || !rp_text_is_line(out->software))
        rp_reader_fail(&r);
    read_addresses(out, &r);
    out->state = rp_reader_uint(&r);
    for (enum rp_set set = 0; set < RP_SETS; set++) {
        if (rp_reader_array(&r) != 2)
            rp_reader_fail(&r);
        read_tally(&r, &out->own[set]);
    }
    read_withdrawals(out, &r);
    if (rp_reader_peek(&r) != RP_TYPE_MAP) /* which later versions may fill */
        rp_reader_fail(&r);
    (void)rp_reader_item(&r);
    return rp_reader_end(&r);
}

/* The three parts of a sealed beacon. */
struct parts {
    struct rp_slice beacon;
    uint8_t sig[RP_SIG_LEN];
    struct rp_slice issued;
};

static int take_apart(struct parts *out, struct rp_slice sealed)
{
    struct rp_reader r;
    int err;

    if (sealed.len > RP_BEACON_MAX)
        return RP_ERR_LIMIT;
    if ((err = rp_canonical_check(sealed.data, sealed.len)) != RP_OK)
        return err;
    rp_reader_init(&r, sealed);
    if (rp_reader_array(&r) != 3)
        rp_reader_fail(&r);
    out->beacon = rp_reader_bin(&r);
    rp_reader_bin_into(&r, out->sig, RP_SIG_LEN);
    out->issued = rp_reader_bin(&r);
    return rp_reader_end(&r);
}

int rp_beacon_read(struct rp_beacon *out, struct rp_slice sealed)
{
    struct parts parts;
    int err;

    out->withdrawals = 0;
    out->addresses = 0;
    err = take_apart(&parts, sealed);
    return err != RP_OK ? err : read_beacon(out, parts.beacon);
}

int rp_beacon_open(struct rp_beacon *out, struct rp_certificate *certificate,
                   struct rp_slice sealed)
{
    uint8_t digest[RP_HASH_LEN];
    struct parts parts;
    int err;

    if ((err = take_apart(&parts, sealed)) != RP_OK)
        return err;
    if ((err = read_beacon(out, parts.beacon)) != RP_OK)
        return err;
    digest_of(digest, parts.beacon);
    if ((err = rp_key_verify(parts.sig, out->key, RP_DOMAIN_SIGN_BEACON, digest)) != RP_OK)
        return err;
    if ((err = rp_certificate_open(certificate, parts.issued)) != RP_OK)
        return err;
    return memcmp(certificate->org, out->org, RP_ID_LEN) == 0 &&
                   memcmp(certificate->sign, out->key, RP_KEY_LEN) == 0
               ? RP_OK
               : RP_ERR_KEY;
}
