#include "golden.h"

#include "rp/certificate.h"
#include "rp/identity.h"
#include "rp/limits.h"
#include "rp/paper.h"
#include "rp/reader.h"
#include "rp/record.h"
#include "rp/teller.h"
#include "rp/token.h"

/* The formats of SPEC 1 and 2 and the proof of 3.2, as the second implementation writes them. */

static bool is_canonical(json_t *vector)
{
    struct rp_slice bytes = golden_hex(vector, "hex");
    int err = rp_canonical_check(bytes.data, bytes.len);

    unit_free(bytes);
    return err == RP_OK;
}

static void canonical_bytes_are_taken_and_no_others(void **state)
{
    unsigned wrong = 0;
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("canonical_valid"), i, v)
        golden_expect(is_canonical(v), v, &wrong);
    json_array_foreach(golden_part("canonical_invalid"), i, v)
        golden_expect(!is_canonical(v), v, &wrong);
    assert_int_equal(wrong, 0);
}

static void hashes_are_over_domain_and_parts(void **state)
{
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("hash"), i, v)
    {
        json_t *list = json_object_get(v, "parts");
        struct rp_slice parts[4];
        uint8_t digest[RP_HASH_LEN];
        size_t n = json_array_size(list);

        assert_in_range(n, 0, 4);
        for (size_t k = 0; k < n; k++)
            parts[k] = unit_hex(json_string_value(json_array_get(list, k)));
        rp_hash(digest, golden_text(v, "domain"), parts, n);
        golden_assert((struct rp_slice){digest, sizeof digest}, v, "digest");
        for (size_t k = 0; k < n; k++)
            unit_free(parts[k]);
    }
}

static void the_accept_digest_says_where_the_accepted_end(void **state)
{
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("accept"), i, v)
    {
        struct rp_slice accepted = golden_joined(json_object_get(v, "accepted"));
        struct rp_slice kept = golden_joined(json_object_get(v, "kept"));
        uint8_t n[4] = {0, 0, 0, (uint8_t)(accepted.len / RP_ID_LEN)};
        const struct rp_slice parts[] = {{n, sizeof n}, accepted, kept};
        uint8_t digest[RP_HASH_LEN];

        rp_hash(digest, RP_DOMAIN_ACCEPT, parts, 3);
        golden_assert((struct rp_slice){digest, sizeof digest}, v, "digest");
        unit_free(accepted);
        unit_free(kept);
    }
}

static void signatures_are_the_same(void **state)
{
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("signature"), i, v)
    {
        const char *domain = golden_text(v, "domain");
        uint8_t seed[RP_KEY_SEED_LEN];
        uint8_t digest[RP_HASH_LEN];
        uint8_t sig[RP_SIG_LEN];
        struct rp_key key;

        golden_into(seed, sizeof seed, v, "seed");
        golden_into(digest, sizeof digest, v, "digest");
        rp_key_from_seed(&key, seed);
        golden_assert((struct rp_slice){key.public, RP_KEY_LEN}, v, "key");
        rp_key_sign(sig, &key, domain, digest);
        golden_assert((struct rp_slice){sig, sizeof sig}, v, "sig");
        assert_ok(rp_key_verify(sig, key.public, domain, digest));
        assert_int_equal(rp_key_verify(sig, key.public, RP_DOMAIN_RECORD, digest),
                         RP_ERR_SIGNATURE);
    }
}

static void key_of_seed(struct rp_key *key, json_t *vector, const char *name)
{
    uint8_t seed[RP_KEY_SEED_LEN];

    golden_into(seed, sizeof seed, vector, name);
    rp_key_from_seed(key, seed);
}

static void check_org_text(json_t *vector, struct rp_slice org)
{
    char text[RP_ORG_TEXT_LEN + 1];
    uint8_t back[RP_ID_LEN];

    rp_identity_text(text, org.data);
    assert_string_equal(text, golden_text(vector, "text"));
    assert_ok(rp_identity_from_text(back, text));
    assert_memory_equal(back, org.data, RP_ID_LEN);
    for (char *c = text; *c != '\0'; c++)
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
    assert_ok(rp_identity_from_text(back, text));
    assert_memory_equal(back, org.data, RP_ID_LEN);
}

static void organisations_have_these_ids_and_texts(void **state)
{
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("org"), i, v)
    {
        struct rp_bytes inception;
        struct rp_identity identity;
        struct rp_key key;
        struct rp_key paper;
        uint8_t next[RP_HASH_LEN];

        key_of_seed(&key, v, "key_seed");
        key_of_seed(&paper, v, "next_seed");
        golden_assert((struct rp_slice){paper.public, RP_KEY_LEN}, v, "next_key");
        rp_key_next_digest(next, paper.public);
        golden_assert((struct rp_slice){next, sizeof next}, v, "next_digest");
        assert_ok(rp_identity_incept(&inception, key.public, next, golden_text(v, "name")));
        golden_assert(rp_bytes_slice(&inception), v, "inception");
        assert_ok(rp_identity_read(&identity, rp_bytes_slice(&inception)));
        golden_assert((struct rp_slice){identity.org, RP_ID_LEN}, v, "id");
        golden_assert((struct rp_slice){identity.keys[0], RP_KEY_LEN}, v, "key");
        assert_string_equal(identity.name, golden_text(v, "name"));
        check_org_text(v, (struct rp_slice){identity.org, RP_ID_LEN});
        rp_bytes_free(&inception);
    }
}

static void mistyped_ids_and_other_inceptions_are_refused(void **state)
{
    unsigned wrong = 0;
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("org_text_invalid"), i, v)
    {
        uint8_t org[RP_ID_LEN];

        golden_expect(rp_identity_from_text(org, golden_text(v, "text")) < 0, v, &wrong);
    }
    json_array_foreach(golden_part("inceptions_invalid"), i, v)
    {
        struct rp_slice inception = golden_hex(v, "inception");
        struct rp_identity identity;

        golden_expect(rp_identity_read(&identity, inception) < 0, v, &wrong);
        unit_free(inception);
    }
    assert_int_equal(wrong, 0);
}

static bool reads_paper(json_t *vector)
{
    struct rp_paper paper;
    uint8_t seed[RP_KEY_SEED_LEN];

    golden_into(seed, sizeof seed, vector, "seed");
    return rp_paper_read(&paper, golden_text(vector, "text")) == RP_OK &&
           paper.number == golden_number(vector, "number") &&
           memcmp(paper.seed, seed, sizeof seed) == 0;
}

static void paper_keys_are_written_and_read(void **state)
{
    unsigned wrong = 0;
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("paper"), i, v)
    {
        struct rp_paper paper = {.number = (uint32_t)golden_number(v, "number")};
        char text[RP_PAPER_TEXT_LEN + 1];

        golden_into(paper.seed, sizeof paper.seed, v, "seed");
        assert_ok(rp_paper_write(text, &paper));
        assert_string_equal(text, golden_text(v, "text"));
        assert_true(reads_paper(v));
    }
    json_array_foreach(golden_part("paper_forgiven"), i, v)
        golden_expect(reads_paper(v), v, &wrong);
    json_array_foreach(golden_part("paper_invalid"), i, v)
    {
        struct rp_paper paper;

        golden_expect(rp_paper_read(&paper, golden_text(v, "text")) < 0, v, &wrong);
    }
    assert_int_equal(wrong, 0);
}

static void check_token(json_t *vector)
{
    json_t *addresses = json_object_get(vector, "addresses");
    char text[RP_TOKEN_TEXT_MAX + 1];
    uint8_t name[RP_HASH_LEN];
    struct rp_token token;
    json_t *address;
    size_t i;

    assert_ok(rp_token_read(&token, golden_text(vector, "text")));
    golden_assert((struct rp_slice){token.org, RP_ID_LEN}, vector, "org");
    golden_assert((struct rp_slice){token.secret, RP_TOKEN_SECRET_LEN}, vector, "secret");
    assert_true(token.expires == golden_number(vector, "expires"));
    assert_int_equal(token.addresses, json_array_size(addresses));
    json_array_foreach(addresses, i, address)
        assert_string_equal(token.address[i], json_string_value(address));
    assert_ok(rp_token_write(text, &token));
    assert_string_equal(text, golden_text(vector, "text"));
    rp_token_name(name, token.secret);
    golden_assert((struct rp_slice){name, sizeof name}, vector, "name");
}

static bool reads_code(json_t *vector)
{
    uint8_t secret[RP_TELLER_SECRET_LEN];
    uint8_t expected[RP_TELLER_SECRET_LEN];

    golden_into(expected, sizeof expected, vector, "secret");
    return rp_teller_read(secret, golden_text(vector, "text")) == RP_OK &&
           memcmp(secret, expected, sizeof secret) == 0;
}

static void tellers_codes_are_written_and_read(void **state)
{
    unsigned wrong = 0;
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("teller"), i, v)
    {
        char text[RP_TELLER_TEXT_LEN + 1];
        uint8_t secret[RP_TELLER_SECRET_LEN];
        struct rp_key key;

        golden_into(secret, sizeof secret, v, "secret");
        rp_teller_write(text, secret);
        assert_string_equal(text, golden_text(v, "text"));
        assert_true(reads_code(v));
        rp_teller_key(&key, secret);
        golden_assert((struct rp_slice){key.public, RP_KEY_LEN}, v, "teller");
    }
    json_array_foreach(golden_part("teller_forgiven"), i, v)
        golden_expect(reads_code(v), v, &wrong);
    json_array_foreach(golden_part("teller_invalid"), i, v)
    {
        uint8_t secret[RP_TELLER_SECRET_LEN];

        golden_expect(rp_teller_read(secret, golden_text(v, "text")) < 0, v, &wrong);
    }
    assert_int_equal(wrong, 0);
}

static void invites_are_written_and_read(void **state)
{
    unsigned wrong = 0;
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("tokens"), i, v) check_token(v);
    json_array_foreach(golden_part("tokens_invalid"), i, v)
    {
        struct rp_token token;

        golden_expect(rp_token_read(&token, golden_text(v, "text")) < 0, v, &wrong);
    }
    assert_int_equal(wrong, 0);
}

/* The body written from its fields is the one that they were read from. */
static void check_body(json_t *vector, const struct rp_record *record)
{
    struct rp_bytes body;

    assert_ok(rp_record_write(&body, record));
    golden_assert(rp_bytes_slice(&body), vector, "body");
    rp_bytes_free(&body);
}

static void check_compressed(json_t *vector, const struct rp_opened *opened)
{
    struct rp_bytes packed;
    struct rp_bytes plain;
    struct rp_opened again;

    assert_ok(rp_record_repack(&packed, opened, RP_CODEC_ZSTD));
    assert_ok(rp_record_open(&again, rp_bytes_slice(&packed)));
    golden_assert((struct rp_slice){again.record.id, RP_ID_LEN}, vector, "id");
    assert_ok(rp_record_repack(&plain, &again, RP_CODEC_PLAIN));
    golden_assert(rp_bytes_slice(&plain), vector, "packed_plain");
    rp_record_close(&again);
    rp_bytes_free(&plain);
    rp_bytes_free(&packed);
}

static void records_are_packed_and_opened(void **state)
{
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("records"), i, v)
    {
        struct rp_slice body = golden_hex(v, "body");
        struct rp_opened opened;
        struct rp_bytes packed;
        struct rp_key key;

        key_of_seed(&key, v, "key_seed");
        assert_ok(rp_record_pack(&packed, body, &key, RP_CODEC_PLAIN));
        golden_assert(rp_bytes_slice(&packed), v, "packed_plain");
        assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
        golden_assert(rp_bytes_slice(&opened.body), v, "body");
        golden_assert((struct rp_slice){opened.record.id, RP_ID_LEN}, v, "id");
        golden_assert((struct rp_slice){opened.record.id, RP_SYMBOL_LEN}, v, "symbol");
        golden_assert((struct rp_slice){opened.record.object, RP_ID_LEN}, v, "object");
        golden_assert((struct rp_slice){opened.sig, RP_SIG_LEN}, v, "sig");
        check_body(v, &opened.record);
        check_compressed(v, &opened);
        rp_record_close(&opened);
        rp_bytes_free(&packed);
        unit_free(body);
    }
}

/* Opens what is packed in ${vector}; gives its id, or zeroes. */
static int open_packed(json_t *vector, uint8_t id[static RP_ID_LEN])
{
    struct rp_slice packed = golden_hex(vector, "packed");
    struct rp_opened opened;
    int err = rp_record_open(&opened, packed);

    memcpy(id, opened.record.id, RP_ID_LEN);
    if (err == RP_OK)
        rp_record_close(&opened);
    unit_free(packed);
    return err;
}

static bool opens_as(json_t *vector, int expected)
{
    uint8_t wanted[RP_ID_LEN];
    uint8_t id[RP_ID_LEN];

    golden_into(wanted, sizeof wanted, vector, "id");
    return open_packed(vector, id) == expected && memcmp(id, wanted, sizeof id) == 0;
}

static void every_form_of_a_compressed_record_is_opened(void **state)
{
    unsigned wrong = 0;
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("records_compressed"), i, v)
        golden_expect(opens_as(v, RP_OK), v, &wrong);
    assert_int_equal(wrong, 0);
}

static void records_of_later_formats_are_known_by_their_ids(void **state)
{
    unsigned wrong = 0;
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("records_later"), i, v)
        golden_expect(opens_as(v, RP_ERR_VERSION), v, &wrong);
    assert_int_equal(wrong, 0);
}

static void records_that_are_not_valid_are_refused(void **state)
{
    unsigned wrong = 0;
    uint8_t id[RP_ID_LEN];
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("records_invalid"), i, v)
    {
        int err = open_packed(v, id);

        golden_expect(err < 0 && err != RP_ERR_VERSION, v, &wrong);
    }
    assert_int_equal(wrong, 0);
}

static int follow(struct rp_identity *identity, const char *hex)
{
    struct rp_slice packed = unit_hex(hex);
    struct rp_opened opened;
    int err = rp_record_open(&opened, packed);

    if (err == RP_OK) {
        err = rp_identity_succeed(identity, &opened.record);
        rp_record_close(&opened);
    }
    unit_free(packed);
    return err;
}

static void keys_follow_one_another_and_nothing_else_does(void **state)
{
    json_t *part = golden_part("succession");
    json_t *keys = json_object_get(part, "keys");
    struct rp_slice inception = golden_hex(part, "inception");
    struct rp_identity after[3];
    unsigned wrong = 0;
    json_t *v;
    size_t i;

    (void)state;
    assert_ok(rp_identity_read(&after[0], inception));
    json_array_foreach(json_object_get(part, "successions"), i, v)
    {
        assert_in_range(i, 0, 1);
        after[i + 1] = after[i];
        assert_ok(follow(&after[i + 1], json_string_value(v)));
    }
    assert_int_equal(after[2].number, 2);
    for (i = 0; i < 3; i++) {
        golden_assert_hex((struct rp_slice){after[2].keys[i], RP_KEY_LEN},
                          json_string_value(json_array_get(keys, i)));
        assert_true(rp_identity_has_key(&after[2], after[2].keys[i]));
    }
    json_array_foreach(json_object_get(part, "bad"), i, v)
    {
        uint64_t place = golden_number(v, "after");
        struct rp_identity identity;

        assert_in_range(place, 0, 2);
        identity = after[place];
        golden_expect(follow(&identity, golden_text(v, "packed")) < 0 &&
                          identity.number == after[place].number &&
                          memcmp(identity.next, after[place].next, RP_HASH_LEN) == 0,
                      v, &wrong);
    }
    assert_int_equal(wrong, 0);
    unit_free(inception);
}

static void certificates_are_issued_and_opened(void **state)
{
    json_t *part = golden_part("certificate");
    json_t *fields = json_object_get(part, "fields");
    struct rp_slice issued = golden_hex(part, "issued");
    struct rp_slice inner = golden_hex(part, "certificate");
    struct rp_certificate certificate;
    uint8_t digest[RP_HASH_LEN];
    struct rp_bytes again;
    struct rp_key key;

    (void)state;
    rp_hash_one(digest, RP_DOMAIN_CERTIFICATE, inner.data, inner.len);
    golden_assert((struct rp_slice){digest, sizeof digest}, part, "digest");
    assert_ok(rp_certificate_open(&certificate, issued));
    golden_assert((struct rp_slice){certificate.org, RP_ID_LEN}, fields, "org");
    golden_assert((struct rp_slice){certificate.key, RP_KEY_LEN}, fields, "key");
    golden_assert((struct rp_slice){certificate.noise, RP_KEY_LEN}, fields, "noise");
    golden_assert((struct rp_slice){certificate.sign, RP_KEY_LEN}, fields, "sign");
    assert_true(certificate.serial == golden_number(fields, "serial"));
    assert_true(certificate.issued == golden_number(fields, "issued"));
    assert_string_equal(certificate.name, golden_text(fields, "name"));
    key_of_seed(&key, part, "key_seed");
    assert_ok(rp_certificate_issue(&again, &certificate, &key));
    golden_assert(rp_bytes_slice(&again), part, "issued");
    rp_bytes_free(&again);
    unit_free(inner);
    unit_free(issued);
}

static void proofs_are_written_from_their_parts(void **state)
{
    json_t *chain = golden_part("succession");
    json_t *list = json_object_get(chain, "successions");
    struct rp_slice issued = golden_hex(golden_part("certificate"), "issued");
    struct rp_slice inception = golden_hex(chain, "inception");
    struct rp_slice successions[2];
    struct rp_bytes proof;

    (void)state;
    assert_int_equal(json_array_size(list), 2);
    for (size_t i = 0; i < 2; i++)
        successions[i] = unit_hex(json_string_value(json_array_get(list, i)));
    assert_ok(rp_certificate_prove(&proof, issued, inception, successions, 2));
    golden_assert(rp_bytes_slice(&proof), golden_part("proof"), "proof");
    rp_bytes_free(&proof);
    unit_free(successions[0]);
    unit_free(successions[1]);
    unit_free(inception);
    unit_free(issued);
}

static void check_proof(json_t *vector)
{
    struct rp_slice payload = golden_hex(vector, "proof");
    uint8_t noise[RP_KEY_LEN];
    struct rp_proof proof;

    golden_into(noise, sizeof noise, vector, "noise_public");
    assert_ok(rp_certificate_check_proof(&proof, payload, noise));
    golden_assert((struct rp_slice){proof.identity.org, RP_ID_LEN}, vector, "org");
    assert_string_equal(proof.certificate.name, golden_text(vector, "node_name"));
    unit_free(payload);
}

static void proofs_that_hold_are_believed_and_no_others(void **state)
{
    unsigned wrong = 0;
    json_t *v;
    size_t i;

    (void)state;
    check_proof(golden_part("proof"));
    json_array_foreach(golden_part("proofs_more"), i, v) check_proof(v);
    json_array_foreach(golden_part("proof_invalid"), i, v)
    {
        struct rp_slice payload = golden_hex(v, "proof");
        uint8_t noise[RP_KEY_LEN];
        struct rp_proof proof;

        golden_into(noise, sizeof noise, v, "noise_public");
        golden_expect(rp_certificate_check_proof(&proof, payload, noise) < 0, v, &wrong);
        unit_free(payload);
    }
    assert_int_equal(wrong, 0);
}

/* Whether the content's slip is a signature over the object by one of the ${keys}. */
static bool slip_holds(const struct rp_record *withdrawal, json_t *keys)
{
    uint8_t sig[RP_SIG_LEN];
    struct rp_reader value;
    bool holds = false;
    json_t *entry;
    size_t i;

    (void)rp_reader_find(withdrawal->content, "slip", &value);
    rp_reader_bin_into(&value, sig, sizeof sig);
    if (value.err != RP_OK)
        return false;
    json_array_foreach(keys, i, entry)
    {
        uint8_t key[RP_KEY_LEN];

        golden_hex_into(key, sizeof key, json_string_value(entry));
        holds |= rp_key_verify(sig, key, RP_DOMAIN_SIGN_SLIP, withdrawal->object) == RP_OK;
    }
    return holds;
}

static void slips_hold_by_any_key_of_the_organisation(void **state)
{
    unsigned wrong = 0;
    unsigned seen = 0;
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("withdrawals"), i, v)
    {
        struct rp_slice packed = golden_hex(v, "withdrawal");
        struct rp_opened by;

        assert_ok(rp_record_open(&by, packed));
        if (by.record.set == RP_SET_CONTROL && by.record.has_teller &&
            memcmp(by.record.key, by.record.teller, RP_KEY_LEN) == 0) {
            bool covers = json_is_true(json_object_get(v, "covers"));

            golden_expect(slip_holds(&by.record, json_object_get(v, "keys")) == covers, v, &wrong);
            seen++;
        }
        rp_record_close(&by);
        unit_free(packed);
    }
    assert_true(seen >= 7);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_bytes_are_taken_and_no_others),
        cmocka_unit_test(hashes_are_over_domain_and_parts),
        cmocka_unit_test(the_accept_digest_says_where_the_accepted_end),
        cmocka_unit_test(signatures_are_the_same),
        cmocka_unit_test(organisations_have_these_ids_and_texts),
        cmocka_unit_test(mistyped_ids_and_other_inceptions_are_refused),
        cmocka_unit_test(paper_keys_are_written_and_read),
        cmocka_unit_test(tellers_codes_are_written_and_read),
        cmocka_unit_test(invites_are_written_and_read),
        cmocka_unit_test(records_are_packed_and_opened),
        cmocka_unit_test(every_form_of_a_compressed_record_is_opened),
        cmocka_unit_test(records_of_later_formats_are_known_by_their_ids),
        cmocka_unit_test(records_that_are_not_valid_are_refused),
        cmocka_unit_test(keys_follow_one_another_and_nothing_else_does),
        cmocka_unit_test(certificates_are_issued_and_opened),
        cmocka_unit_test(proofs_are_written_from_their_parts),
        cmocka_unit_test(proofs_that_hold_are_believed_and_no_others),
        cmocka_unit_test(slips_hold_by_any_key_of_the_organisation),
    };

    return cmocka_run_group_tests(tests, golden_load, golden_unload);
}
