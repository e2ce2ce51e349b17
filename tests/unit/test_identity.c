#include "sample.h"

#include "rp/bech32.h"
#include "rp/limits.h"

static void an_id_follows_from_the_inception(void **state)
{
    struct sample_org a = sample_org_new(1);
    struct sample_org b = sample_org_new(2);
    char text[RP_ORG_TEXT_LEN + 1];
    uint8_t back[RP_ID_LEN];

    (void)state;
    assert_memory_not_equal(a.identity.org, b.identity.org, RP_ID_LEN);
    assert_string_equal(a.identity.name, "Organisation B");
    rp_identity_text(text, a.identity.org);
    assert_int_equal(strlen(text), RP_ORG_TEXT_LEN);
    assert_memory_equal(text, "rp1", 3);
    assert_ok(rp_identity_from_text(back, text));
    assert_memory_equal(back, a.identity.org, RP_ID_LEN);
    text[10] = text[10] == 'q' ? 'p' : 'q';
    assert_int_equal(rp_identity_from_text(back, text), RP_ERR_CHECKSUM);
    sample_org_free(&a);
    sample_org_free(&b);
}

static void refuses_names_that_are_no_names(void **state)
{
    uint8_t key[32] = {1};
    struct rp_bytes out;
    char name[200];

    (void)state;
    assert_int_equal(rp_identity_incept(&out, key, key, ""), RP_ERR_SHAPE);
    assert_int_equal(rp_identity_incept(&out, key, key, "two\nlines"), RP_ERR_SHAPE);
    memset(name, 'n', sizeof name);
    name[121] = '\0';
    assert_int_equal(rp_identity_incept(&out, key, key, name), RP_ERR_SHAPE);
    name[120] = '\0';
    assert_ok(rp_identity_incept(&out, key, key, name));
    rp_bytes_free(&out);
}

/* [1, key, next, name], with a name of ${len} letters, as it is given. */
static int read_inception(size_t len, const char *more)
{
    static const uint8_t key[RP_KEY_LEN] = {1};
    char name[600];
    struct rp_identity identity;
    struct rp_writer w;
    int err;

    memset(name, 'n', len);
    rp_writer_init(&w, 2000);
    rp_writer_array(&w, 4);
    rp_writer_uint(&w, 1);
    rp_writer_bin(&w, key, RP_KEY_LEN);
    rp_writer_bin(&w, key, RP_HASH_LEN);
    rp_writer_text(&w, (struct rp_slice){(const uint8_t *)name, len});
    rp_writer_raw(&w, rp_bytes_str(more));
    assert_ok(w.err);
    err = rp_identity_read(&identity, rp_writer_slice(&w));
    rp_writer_free(&w);
    return err;
}

static void an_inception_is_short_and_nothing_but_itself(void **state)
{
    (void)state;
    assert_ok(read_inception(120, ""));
    assert_int_equal(read_inception(121, ""), RP_ERR_SHAPE);
    assert_int_equal(read_inception(RP_NAME_LEN_MAX, ""), RP_ERR_SHAPE);
    assert_int_equal(read_inception(RP_NAME_LEN_MAX + 1, ""), RP_ERR_SHAPE);
    assert_int_equal(read_inception(0, ""), RP_ERR_SHAPE);
    assert_int_equal(read_inception(527, ""), RP_ERR_SHAPE); /* 1 + 1 + 2 * 34 + 3 + 527 = 600 */
    assert_int_equal(read_inception(528, ""), RP_ERR_LIMIT);
    assert_int_equal(read_inception(120, "\xc0"), RP_ERR_MALFORMED);
}

static void an_id_in_text_is_whole(void **state)
{
    static const char longer[] =
        "rp1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"
        "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq";
    const uint8_t id[RP_ID_LEN] = {7};
    char text[100];
    uint8_t out[RP_ID_LEN];

    (void)state;
    assert_int_equal(rp_identity_from_text(out, longer), RP_ERR_LIMIT);
    rp_bech32_encode(text, "rp", id, RP_ID_LEN);
    assert_ok(rp_identity_from_text(out, text));
    assert_memory_equal(out, id, RP_ID_LEN);
    rp_bech32_encode(text, "rp", id, RP_ID_LEN - 1);
    assert_int_equal(rp_identity_from_text(out, text), RP_ERR_SHAPE);
}

/*
 * A succession of ${org} with the given number, signed by ${key}, committing to ${next}, standing
 * by
 * ${records} and (${more} > 0) with a field of so many bytes that this version does not know.
 */
static struct rp_bytes succession_with(const struct sample_org *org, unsigned number,
                                       const struct rp_key *key, const struct rp_key *next,
                                       unsigned records, size_t more)
{
    static const uint8_t bytes[RP_SUCCESSION_MAX];
    uint8_t digest[RP_HASH_LEN];
    struct rp_writer w;
    struct rp_record fields;
    struct rp_bytes packed;

    rp_key_next_digest(digest, next->public);
    rp_writer_init(&w, RP_BODY_MAX);
    rp_writer_map(&w, 3u + (records > 0) + (more > 0));
    rp_writer_str(&w, "next");
    rp_writer_bin(&w, digest, sizeof digest);
    rp_writer_str(&w, "number");
    rp_writer_uint(&w, number);
    rp_writer_str(&w, "old");
    rp_writer_str(&w, "all");
    if (records > 0) {
        rp_writer_str(&w, "stands_by");
        rp_writer_array(&w, records);
        for (unsigned i = 0; i < records; i++)
            rp_writer_bin(&w, digest, RP_ID_LEN);
    }
    if (more > 0) {
        rp_writer_str(&w, "zzz");
        rp_writer_bin(&w, bytes, more);
    }
    fields = sample_fields(org, 900 + number, rp_writer_slice(&w));
    fields.set = RP_SET_CONTROL;
    fields.kind = rp_bytes_str("identity");
    memcpy(fields.key, key->public, RP_KEY_LEN);
    packed = sample_pack(&fields, key);
    rp_writer_free(&w);
    return packed;
}

static struct rp_bytes succession(const struct sample_org *org, unsigned number,
                                  const struct rp_key *key, const struct rp_key *next)
{
    return succession_with(org, number, key, next, 0, 0);
}

static int follow(struct rp_identity *identity, const struct rp_bytes *packed)
{
    struct rp_opened opened;
    int err;

    assert_ok(rp_record_open(&opened, rp_bytes_slice(packed)));
    err = rp_identity_succeed(identity, &opened.record);
    rp_record_close(&opened);
    return err;
}

static void only_the_committed_key_succeeds(void **state)
{
    struct sample_org org = sample_org_new(1);
    struct sample_org thief = sample_org_new(2);
    struct rp_identity identity = org.identity;
    struct rp_bytes stolen = succession(&org, 1, &org.key, &thief.key);
    struct rp_bytes foreign = succession(&thief, 1, &thief.paper, &thief.key);
    struct rp_bytes early = succession(&org, 2, &org.paper, &thief.paper);
    struct rp_bytes right = succession(&org, 1, &org.paper, &thief.paper);

    (void)state;
    assert_int_equal(follow(&identity, &stolen), RP_ERR_KEY);
    assert_int_equal(follow(&identity, &foreign), RP_ERR_SHAPE);
    assert_int_equal(follow(&identity, &early), RP_ERR_STATE);
    assert_ok(follow(&identity, &right));
    assert_int_equal(identity.number, 1);
    assert_memory_equal(identity.keys[1], org.paper.public, RP_KEY_LEN);
    assert_true(rp_identity_has_key(&identity, org.key.public));
    assert_true(rp_identity_has_key(&identity, org.paper.public));
    assert_false(rp_identity_has_key(&identity, thief.key.public));
    assert_int_equal(follow(&identity, &right), RP_ERR_STATE); /* not twice */
    rp_bytes_free(&stolen);
    rp_bytes_free(&foreign);
    rp_bytes_free(&early);
    rp_bytes_free(&right);
    sample_org_free(&org);
    sample_org_free(&thief);
}

static void a_proof_holds_only_whole(void **state)
{
    struct sample_org org = sample_org_new(1);
    struct sample_org other = sample_org_new(2);
    struct rp_dh_key noise = sample_noise_key(1);
    struct rp_dh_key other_noise = sample_noise_key(2);
    struct rp_bytes good = sample_proof(&org, &noise);
    struct sample_org mixed = org;
    struct rp_bytes bad;
    struct rp_proof proof;

    (void)state;
    assert_ok(rp_certificate_check_proof(&proof, rp_bytes_slice(&good), noise.public));
    assert_memory_equal(proof.identity.org, org.identity.org, RP_ID_LEN);
    assert_string_equal(proof.certificate.name, "node");
    assert_int_equal(rp_certificate_check_proof(&proof, rp_bytes_slice(&good), other_noise.public),
                     RP_ERR_KEY);
    mixed.key = other.key; /* a certificate that somebody else signed */
    bad = sample_proof(&mixed, &noise);
    assert_int_equal(rp_certificate_check_proof(&proof, rp_bytes_slice(&bad), noise.public),
                     RP_ERR_KEY);
    rp_bytes_free(&bad);
    mixed = org;
    mixed.inception = other.inception; /* somebody else's inception */
    bad = sample_proof(&mixed, &noise);
    assert_int_equal(rp_certificate_check_proof(&proof, rp_bytes_slice(&bad), noise.public),
                     RP_ERR_KEY);
    rp_bytes_free(&bad);
    for (size_t i = 0; i < good.len; i++) { /* no single byte can be changed */
        good.data[i] ^= 0x01;
        assert_true(rp_certificate_check_proof(&proof, rp_bytes_slice(&good), noise.public) < 0);
        good.data[i] ^= 0x01;
    }
    rp_bytes_free(&good);
    sample_org_free(&org);
    sample_org_free(&other);
}

static void a_succession_in_the_proof_changes_the_key_that_signs(void **state)
{
    struct sample_org org = sample_org_new(1);
    struct sample_org later = org;
    struct rp_dh_key noise = sample_noise_key(1);
    struct rp_bytes step = succession(&org, 1, &org.paper, &org.key);
    struct rp_slice steps = rp_bytes_slice(&step);
    struct rp_certificate certificate = {.serial = 2, .name = "node"};
    struct rp_bytes issued;
    struct rp_bytes payload;
    struct rp_proof proof;

    (void)state;
    later.key = org.paper;
    memcpy(certificate.org, org.identity.org, RP_ID_LEN);
    memcpy(certificate.key, later.key.public, RP_KEY_LEN);
    memcpy(certificate.noise, noise.public, RP_KEY_LEN);
    assert_ok(rp_certificate_issue(&issued, &certificate, &later.key));
    assert_ok(rp_certificate_prove(&payload, rp_bytes_slice(&issued),
                                   rp_bytes_slice(&org.inception), &steps, 1));
    assert_ok(rp_certificate_check_proof(&proof, rp_bytes_slice(&payload), noise.public));
    assert_int_equal(proof.identity.number, 1);
    rp_bytes_free(&payload);
    payload = sample_proof(&org, &noise); /* the old key, without the succession: still a proof */
    assert_ok(rp_certificate_check_proof(&proof, rp_bytes_slice(&payload), noise.public));
    rp_bytes_free(&payload);
    rp_bytes_free(&issued);
    rp_bytes_free(&step);
    sample_org_free(&org);
}

static struct rp_key key_of(unsigned number)
{
    uint8_t seed[RP_KEY_SEED_LEN];
    struct rp_key key;

    unit_fill(seed, 7000 + number);
    rp_key_from_seed(&key, seed);
    return key;
}

/* A certificate that ${key} issued for ${noise}. */
static struct rp_bytes certificate_by(const struct sample_org *org, const struct rp_key *key,
                                      const struct rp_dh_key *noise)
{
    struct rp_certificate certificate = {.serial = UINT64_MAX, .issued = UINT64_MAX};
    struct rp_bytes issued;

    memcpy(certificate.org, org->identity.org, RP_ID_LEN);
    memcpy(certificate.key, key->public, RP_KEY_LEN);
    memcpy(certificate.noise, noise->public, RP_KEY_LEN);
    for (size_t i = 0; i < RP_NAME_CHARS_MAX; i++)
        memcpy(certificate.name + 4 * i, "\xf0\x9f\x8c\xb1", 4);
    assert_ok(rp_certificate_issue(&issued, &certificate, key));
    return issued;
}

/* After the last there is none, whoever signs it. */
static void is_the_last(struct rp_identity *identity, const struct rp_key *key)
{
    struct sample_org org = {.identity = *identity, .key = *key};
    struct rp_bytes step = succession(&org, RP_SUCCESSIONS_MAX + 1, key, key);

    assert_int_equal(follow(identity, &step), RP_ERR_LIMIT);
    assert_int_equal(identity->number, RP_SUCCESSIONS_MAX);
    rp_bytes_free(&step);
}

/* As many successions as there may be, as long as they may be, behind the longest names. */
static void the_longest_chain_can_be_proved(void **state)
{
    struct sample_org org = sample_org_new(1);
    struct rp_dh_key noise = sample_noise_key(1);
    struct rp_bytes steps[RP_SUCCESSIONS_MAX];
    struct rp_slice slices[RP_SUCCESSIONS_MAX + 1];
    struct rp_key key = org.paper;
    struct rp_bytes issued;
    struct rp_bytes payload;
    struct rp_proof proof;

    (void)state;
    for (unsigned i = 0; i < RP_SUCCESSIONS_MAX; i++) {
        struct rp_key next = key_of(i);
        struct rp_opened opened;

        steps[i] = succession_with(&org, i + 1, &key, &next, 20, 108);
        assert_ok(rp_record_open(&opened, rp_bytes_slice(&steps[i])));
        assert_int_equal(opened.record.body_len, RP_SUCCESSION_MAX);
        rp_record_close(&opened);
        slices[i] = rp_bytes_slice(&steps[i]);
        if (i + 1 < RP_SUCCESSIONS_MAX)
            key = next;
    }
    issued = certificate_by(&org, &key, &noise);
    assert_ok(rp_certificate_prove(&payload, rp_bytes_slice(&issued),
                                   rp_bytes_slice(&org.inception), slices, RP_SUCCESSIONS_MAX));
    assert_true(payload.len > RP_SUCCESSIONS_MAX * RP_SUCCESSION_MAX);
    assert_ok(rp_certificate_check_proof(&proof, rp_bytes_slice(&payload), noise.public));
    assert_int_equal(proof.identity.number, RP_SUCCESSIONS_MAX);
    rp_bytes_free(&payload);
    is_the_last(&proof.identity, &key);
    slices[RP_SUCCESSIONS_MAX] = slices[0];
    assert_int_equal(rp_certificate_prove(&payload, rp_bytes_slice(&issued),
                                          rp_bytes_slice(&org.inception), slices,
                                          RP_SUCCESSIONS_MAX + 1),
                     RP_ERR_LIMIT);
    rp_bytes_free(&issued);
    for (unsigned i = 0; i < RP_SUCCESSIONS_MAX; i++)
        rp_bytes_free(&steps[i]);
    sample_org_free(&org);
}

/* A longer one is followed nowhere: its organisation could not prove itself any more. */
static void a_succession_too_long_for_a_proof_is_none(void **state)
{
    struct sample_org org = sample_org_new(1);
    struct rp_identity identity = org.identity;
    struct rp_bytes step = succession_with(&org, 1, &org.paper, &org.key, 20, 109);
    struct rp_slice steps = rp_bytes_slice(&step);
    struct rp_bytes payload;

    (void)state;
    assert_int_equal(follow(&identity, &step), RP_ERR_LIMIT);
    assert_int_equal(identity.number, 0);
    assert_int_equal(
        rp_certificate_prove(&payload, steps, rp_bytes_slice(&org.inception), &steps, 1),
        RP_ERR_LIMIT);
    rp_bytes_free(&step);
    sample_org_free(&org);
}

/* [1, issued, inception, ...] as it is given, which rp_certificate_prove would put right. */
static struct rp_bytes proof_of(struct rp_slice issued, const struct sample_org *org,
                                struct rp_slice rest)
{
    struct rp_bytes payload;
    struct rp_writer w;

    rp_writer_init(&w, 2 * RP_PROOF_MAX);
    rp_writer_array(&w, 5);
    rp_writer_uint(&w, 1);
    rp_writer_bin(&w, issued.data, issued.len);
    rp_writer_bin(&w, org->inception.data, org->inception.len);
    rp_writer_raw(&w, rest);
    assert_ok(rp_writer_take(&w, &payload));
    return payload;
}

/* The same with [step], {} for its rest. */
static struct rp_bytes proof_by_hand(struct rp_slice issued, const struct sample_org *org,
                                     struct rp_slice step)
{
    struct rp_bytes payload;
    struct rp_writer w;

    rp_writer_init(&w, 2 * RP_PROOF_MAX);
    rp_writer_array(&w, 1);
    rp_writer_bin(&w, step.data, step.len);
    rp_writer_map(&w, 0);
    payload = proof_of(issued, org, rp_writer_slice(&w));
    rp_writer_free(&w);
    return payload;
}

/* Strangers send proofs: what they compress is not unpacked before anything is known of them. */
static void nothing_in_a_proof_is_compressed(void **state)
{
    struct sample_org org = sample_org_new(1);
    struct rp_dh_key noise = sample_noise_key(1);
    struct rp_bytes step = succession_with(&org, 1, &org.paper, &org.key, 20, 108);
    struct rp_slice steps = rp_bytes_slice(&step);
    struct rp_bytes issued = certificate_by(&org, &org.paper, &noise);
    struct rp_bytes payload = proof_by_hand(rp_bytes_slice(&issued), &org, steps);
    struct rp_proof proof;

    (void)state;
    assert_int_equal(rp_record_codec(steps), RP_CODEC_ZSTD);
    assert_int_equal(rp_certificate_check_proof(&proof, rp_bytes_slice(&payload), noise.public),
                     RP_ERR_SHAPE);
    rp_bytes_free(&payload);
    assert_ok(rp_certificate_prove(&payload, rp_bytes_slice(&issued),
                                   rp_bytes_slice(&org.inception), &steps, 1));
    assert_ok(rp_certificate_check_proof(&proof, rp_bytes_slice(&payload), noise.public));
    assert_int_equal(proof.identity.number, 1);
    rp_bytes_free(&payload);
    rp_bytes_free(&issued);
    rp_bytes_free(&step);
    sample_org_free(&org);
}

/* Whose proof it is, and for which node, is seen before the successions are worked through. */
static void a_proof_of_another_node_costs_no_successions(void **state)
{
    struct sample_org org = sample_org_new(1);
    struct rp_dh_key noise = sample_noise_key(1);
    struct rp_dh_key other = sample_noise_key(2);
    struct rp_bytes issued = certificate_by(&org, &org.paper, &noise);
    struct rp_bytes payload =
        proof_by_hand(rp_bytes_slice(&issued), &org, rp_bytes_str("no succession"));
    struct rp_proof proof;

    (void)state;
    assert_int_equal(rp_certificate_check_proof(&proof, rp_bytes_slice(&payload), noise.public),
                     RP_ERR_SHAPE);
    assert_int_equal(rp_certificate_check_proof(&proof, rp_bytes_slice(&payload), other.public),
                     RP_ERR_KEY);
    rp_bytes_free(&payload);
    rp_bytes_free(&issued);
    sample_org_free(&org);
}

static void issues_no_certificate_that_nobody_can_read(void **state)
{
    static const char *const names[] = {"", "two\nlines", "\xff"};
    struct sample_org org = sample_org_new(1);
    struct rp_certificate certificate = {.serial = 1, .name = "node"};
    struct rp_bytes issued;

    (void)state;
    memcpy(certificate.key, org.key.public, RP_KEY_LEN);
    assert_int_equal(rp_certificate_issue(&issued, &certificate, &org.paper), RP_ERR_KEY);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        strcpy(certificate.name, names[i]);
        assert_int_equal(rp_certificate_issue(&issued, &certificate, &org.key), RP_ERR_SHAPE);
    }
    sample_org_free(&org);
}

/* What follows certificate and inception in a proof that is otherwise good. */
static void a_proof_has_successions_and_a_map_after_them(void **state)
{
    static const struct {
        const char *rest;
        int expected;
    } cases[] = {
        {"9080", RP_OK},
        {"9081a17801", RP_OK}, /* what a later version has to say */
        {"90c0", RP_ERR_SHAPE},
        {"9090", RP_ERR_SHAPE},
        {"c080", RP_ERR_SHAPE},
        {"910180", RP_ERR_SHAPE}, /* a number for a succession */
        {"91c4008090", RP_ERR_SHAPE},
        {"91c40080", RP_ERR_SHAPE},
        {"90", RP_ERR_SHAPE},
    };
    struct sample_org org = sample_org_new(1);
    struct rp_dh_key noise = sample_noise_key(1);
    struct rp_bytes issued = certificate_by(&org, &org.key, &noise);
    struct rp_proof proof;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rp_slice rest = unit_hex(cases[i].rest);
        struct rp_bytes payload = proof_of(rp_bytes_slice(&issued), &org, rest);
        int err = rp_certificate_check_proof(&proof, rp_bytes_slice(&payload), noise.public);

        if (err != cases[i].expected)
            fail_msg("%s: %d", cases[i].rest, err);
        rp_bytes_free(&payload);
        unit_free(rest);
    }
    rp_bytes_free(&issued);
    sample_org_free(&org);
}

static void nothing_in_a_proof_is_too_long(void **state)
{
    static uint8_t bytes[RP_PROOF_MAX + 1];
    struct sample_org org = sample_org_new(1);
    struct rp_dh_key noise = sample_noise_key(1);
    struct rp_bytes issued = certificate_by(&org, &org.key, &noise);
    struct rp_bytes payload;
    struct rp_proof proof;

    (void)state;
    assert_int_equal(
        rp_certificate_check_proof(&proof, (struct rp_slice){bytes, sizeof bytes}, noise.public),
        RP_ERR_LIMIT);
    assert_int_equal(
        rp_certificate_check_proof(&proof, (struct rp_slice){bytes, RP_PROOF_MAX}, noise.public),
        RP_ERR_SHAPE);
    for (size_t more = 0; more < 2; more++) { /* 72 bytes about the body of a succession */
        payload = proof_by_hand(rp_bytes_slice(&issued), &org,
                                (struct rp_slice){bytes, RP_SUCCESSION_MAX + 72 + more});
        assert_int_equal(rp_certificate_check_proof(&proof, rp_bytes_slice(&payload), noise.public),
                         more > 0 ? RP_ERR_LIMIT : RP_ERR_SHAPE);
        rp_bytes_free(&payload);
    }
    rp_bytes_free(&issued);
    sample_org_free(&org);
}

static void a_succession_in_a_proof_is_signed(void **state)
{
    struct sample_org org = sample_org_new(1);
    struct rp_dh_key noise = sample_noise_key(1);
    struct rp_bytes step = succession(&org, 1, &org.paper, &org.key);
    struct rp_bytes issued = certificate_by(&org, &org.paper, &noise);
    struct rp_opened opened;
    struct rp_bytes plain;

    (void)state;
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&step)));
    assert_ok(rp_record_repack(&plain, &opened, RP_CODEC_PLAIN));
    for (int i = 0; i < 2; i++) {
        struct rp_bytes payload =
            proof_by_hand(rp_bytes_slice(&issued), &org, rp_bytes_slice(&plain));
        struct rp_proof proof;

        assert_int_equal(rp_certificate_check_proof(&proof, rp_bytes_slice(&payload), noise.public),
                         i == 0 ? RP_OK : RP_ERR_KEY);
        plain.data[plain.len - 1] ^= 1; /* of the signature */
        rp_bytes_free(&payload);
    }
    rp_bytes_free(&plain);
    rp_record_close(&opened);
    rp_bytes_free(&issued);
    rp_bytes_free(&step);
    sample_org_free(&org);
}

static void proves_nothing_with_what_is_no_succession(void **state)
{
    struct sample_org org = sample_org_new(1);
    struct rp_slice step = rp_bytes_str("no succession");
    struct rp_bytes payload;

    (void)state;
    assert_int_equal(rp_certificate_prove(&payload, step, rp_bytes_slice(&org.inception), &step, 1),
                     RP_ERR_MALFORMED);
    assert_null(payload.data);
    sample_org_free(&org);
}

static void a_certificate_is_two_strings_of_bytes(void **state)
{
    static const struct {
        const char *hex;
        int expected;
    } cases[] = {
        {"c1", RP_ERR_MALFORMED},     {"c0", RP_ERR_SHAPE},     {"91c400", RP_ERR_SHAPE},
        {"92c400c400", RP_ERR_SHAPE}, {"92c001", RP_ERR_SHAPE}, {"93c400c400c0", RP_ERR_SHAPE},
    };
    struct rp_certificate certificate;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rp_slice issued = unit_hex(cases[i].hex);

        assert_int_equal(rp_certificate_open(&certificate, issued), cases[i].expected);
        unit_free(issued);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_follows_from_the_inception),
        cmocka_unit_test(refuses_names_that_are_no_names),
        cmocka_unit_test(an_inception_is_short_and_nothing_but_itself),
        cmocka_unit_test(an_id_in_text_is_whole),
        cmocka_unit_test(only_the_committed_key_succeeds),
        cmocka_unit_test(a_proof_holds_only_whole),
        cmocka_unit_test(a_succession_in_the_proof_changes_the_key_that_signs),
        cmocka_unit_test(the_longest_chain_can_be_proved),
        cmocka_unit_test(a_succession_too_long_for_a_proof_is_none),
        cmocka_unit_test(nothing_in_a_proof_is_compressed),
        cmocka_unit_test(a_proof_of_another_node_costs_no_successions),
        cmocka_unit_test(issues_no_certificate_that_nobody_can_read),
        cmocka_unit_test(a_proof_has_successions_and_a_map_after_them),
        cmocka_unit_test(nothing_in_a_proof_is_too_long),
        cmocka_unit_test(a_succession_in_a_proof_is_signed),
        cmocka_unit_test(proves_nothing_with_what_is_no_succession),
        cmocka_unit_test(a_certificate_is_two_strings_of_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
