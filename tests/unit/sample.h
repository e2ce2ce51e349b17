#ifndef SAMPLE_H
#define SAMPLE_H

/* Organisations, nodes and records made up for tests, all following from small numbers. */

#include "unit.h"

#include "rp/certificate.h"
#include "rp/identity.h"
#include "rp/record.h"
#include "rp/writer.h"

struct sample_org {
    struct rp_key key;
    struct rp_key paper;
    struct rp_bytes inception;
    struct rp_identity identity;
};

static inline struct sample_org sample_org_new(unsigned number)
{
    struct sample_org org = {0};
    uint8_t seed[RP_KEY_SEED_LEN];
    uint8_t next[RP_HASH_LEN];
    char name[] = "Organisation ?";

    unit_fill(seed, 1000 + number);
    rp_key_from_seed(&org.key, seed);
    unit_fill(seed, 2000 + number);
    rp_key_from_seed(&org.paper, seed);
    rp_key_next_digest(next, org.paper.public);
    name[13] = (char)('A' + number % 26);
    assert_ok(rp_identity_incept(&org.inception, org.key.public, next, name));
    assert_ok(rp_identity_read(&org.identity, rp_bytes_slice(&org.inception)));
    return org;
}

static inline void sample_org_free(struct sample_org *org)
{
    rp_bytes_free(&org->inception);
}

/* A content map {"title": title}. Free with rp_bytes_free. */
static inline struct rp_bytes sample_content(const char *title)
{
    struct rp_bytes content;
    struct rp_writer w;

    rp_writer_init(&w, RP_BODY_MAX);
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "title");
    rp_writer_str(&w, title);
    assert_ok(rp_writer_take(&w, &content));
    return content;
}

/* Fields of a pattern of ${org}, the ${number}th; borrows ${content}. */
static inline struct rp_record sample_fields(const struct sample_org *org, unsigned number,
                                             struct rp_slice content)
{
    struct rp_record fields = {
        .set = RP_SET_CONTENT,
        .kind = rp_bytes_str("pattern"),
        .made = 1795000000000 + number,
        .content = content,
    };
    uint8_t fill[32];

    memcpy(fields.org, org->identity.org, RP_ID_LEN);
    memcpy(fields.key, org->key.public, RP_KEY_LEN);
    unit_fill(fill, 3000 + number);
    memcpy(fields.salt, fill, RP_SALT_LEN);
    unit_fill(fill, 4000 + number);
    memcpy(fields.seed, fill, RP_SEED_LEN);
    return fields;
}

/* The fields signed and packed. Free with rp_bytes_free. */
static inline struct rp_bytes sample_pack(const struct rp_record *fields, const struct rp_key *key)
{
    struct rp_bytes body;
    struct rp_bytes packed;

    assert_ok(rp_record_write(&body, fields));
    assert_ok(rp_record_pack(&packed, rp_bytes_slice(&body), key, RP_CODEC_ZSTD));
    rp_bytes_free(&body);
    return packed;
}

/* The ${number}th pattern of ${org}, packed. */
static inline struct rp_bytes sample_pattern(const struct sample_org *org, unsigned number)
{
    struct rp_bytes content = sample_content("A pattern");
    struct rp_record fields = sample_fields(org, number, rp_bytes_slice(&content));
    struct rp_bytes packed = sample_pack(&fields, &org->key);

    rp_bytes_free(&content);
    return packed;
}

/* A withdrawal of the ${number}th sample object; with ${versions}, of a version of zeroes. */
static inline struct rp_bytes sample_withdrawal(const struct sample_org *org, unsigned number,
                                                bool versions)
{
    static const uint8_t zeroes[RP_ID_LEN] = {0};
    struct rp_bytes content;
    struct rp_record fields;
    struct rp_bytes packed;
    struct rp_writer w;

    rp_writer_init(&w, 1000);
    rp_writer_map(&w, versions ? 1 : 0);
    if (versions) {
        rp_writer_str(&w, "versions");
        rp_writer_array(&w, 1);
        rp_writer_bin(&w, zeroes, sizeof zeroes);
    }
    assert_ok(rp_writer_take(&w, &content));
    fields = sample_fields(org, number, rp_bytes_slice(&content));
    fields.set = RP_SET_CONTROL;
    fields.kind = rp_bytes_str("withdrawal");
    fields.salt[0] ^= 0x55;
    packed = sample_pack(&fields, &org->key);
    rp_bytes_free(&content);
    return packed;
}

/* The Ed25519 key of the node with Noise key ${noise}. */
static inline struct rp_key sample_node_key(const struct rp_dh_key *noise)
{
    struct rp_key key;

    rp_key_from_seed(&key, noise->secret);
    return key;
}

/* The certificate of the node with Noise key ${noise}, by ${org}. Free with rp_bytes_free. */
static inline struct rp_bytes sample_issued(const struct sample_org *org,
                                            const struct rp_dh_key *noise)
{
    struct rp_certificate certificate = {.serial = 1, .issued = 1795000000000, .name = "node"};
    struct rp_key node = sample_node_key(noise);
    struct rp_bytes issued;

    memcpy(certificate.org, org->identity.org, RP_ID_LEN);
    memcpy(certificate.key, org->key.public, RP_KEY_LEN);
    memcpy(certificate.noise, noise->public, RP_KEY_LEN);
    memcpy(certificate.sign, node.public, RP_KEY_LEN);
    assert_ok(rp_certificate_issue(&issued, &certificate, &org->key));
    return issued;
}

/* A proof that the node with Noise key ${noise} acts for ${org}. */
static inline struct rp_bytes sample_proof(const struct sample_org *org,
                                           const struct rp_dh_key *noise)
{
    struct rp_bytes issued = sample_issued(org, noise);
    struct rp_bytes proof;

    assert_ok(rp_certificate_prove(&proof, rp_bytes_slice(&issued), rp_bytes_slice(&org->inception),
                                   NULL, 0));
    rp_bytes_free(&issued);
    return proof;
}

static inline struct rp_dh_key sample_noise_key(unsigned number)
{
    uint8_t secret[RP_KEY_LEN];
    struct rp_dh_key key;

    unit_fill(secret, 5000 + number);
    assert_ok(rp_key_dh_from_secret(&key, secret));
    return key;
}

#endif
