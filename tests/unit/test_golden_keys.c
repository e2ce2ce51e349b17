#include "golden.h"

#include "rp/grant.h"
#include "rp/identity.h"
#include "rp/recover.h"
#include "sample.h"

/* Keys that are replaced (SPEC 2.2, 3.9), as the second implementation writes it. */

static bool is_stood_by(const struct rp_identity *identity, const struct rp_succession *succession,
                        const char *hex)
{
    struct rp_slice packed = unit_hex(hex);
    struct rp_opened opened;
    bool is;

    assert_ok(rp_record_open(&opened, packed));
    is = !rp_succession_is_meant(&opened.record) &&
         rp_identity_has_key(identity, opened.record.key) &&
         (memcmp(opened.record.key, identity->keys[0], RP_KEY_LEN) != 0 ||
          rp_succession_stands_by(succession, opened.record.id));
    rp_record_close(&opened);
    unit_free(packed);
    return is;
}

static void a_succession_says_what_is_stood_by(void **state)
{
    json_t *part = golden_part("stood_by");
    struct rp_slice inception = golden_hex(part, "inception");
    struct rp_succession succession = {0};
    struct rp_identity identity;
    unsigned wrong = 0;
    json_t *v;
    size_t i;

    (void)state;
    assert_ok(rp_identity_read(&identity, inception));
    json_array_foreach(json_object_get(part, "successions"), i, v)
    {
        struct rp_slice packed = unit_hex(json_string_value(v));
        struct rp_opened opened;

        assert_ok(rp_record_open(&opened, packed));
        assert_ok(rp_identity_succeed(&identity, &opened.record));
        if (i == 0)
            assert_ok(rp_succession_read(&succession, &opened.record));
        rp_record_close(&opened);
        unit_free(packed);
    }
    json_array_foreach(json_object_get(part, "keys"), i, v)
        golden_assert_hex((struct rp_slice){identity.keys[i], RP_KEY_LEN}, json_string_value(v));
    json_array_foreach(json_object_get(part, "records"), i, v)
        golden_expect(is_stood_by(&identity, &succession, golden_text(v, "packed")) ==
                          json_is_true(json_object_get(v, "of")),
                      v, &wrong);
    assert_int_equal(wrong, 0);
    unit_free(inception);
}

static void the_paper_key_asks_for_the_chain(void **state)
{
    json_t *part = golden_part("recover");
    struct rp_slice frame = golden_hex(part, "recover");
    struct rp_slice answer = golden_hex(part, "chain");
    uint8_t org[RP_ID_LEN];
    uint8_t caller[RP_KEY_LEN];
    uint8_t called[RP_KEY_LEN];
    uint8_t seed[RP_KEY_SEED_LEN];
    struct rp_recover recover;
    struct rp_chain chain;
    struct rp_writer w;
    struct rp_key paper;

    (void)state;
    golden_into(org, sizeof org, part, "org");
    golden_into(caller, sizeof caller, part, "caller");
    golden_into(called, sizeof called, part, "called");
    golden_into(seed, sizeof seed, part, "paper_seed");
    rp_key_from_seed(&paper, seed);
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_recover_write(&w, org, &paper, caller, called);
    golden_assert(rp_writer_slice(&w), part, "recover");
    assert_ok(rp_recover_read(&recover, frame, caller, called));
    assert_memory_equal(recover.org, org, RP_ID_LEN);
    assert_memory_equal(recover.key, paper.public, RP_KEY_LEN);
    assert_int_equal(rp_recover_read(&recover, frame, called, caller), RP_ERR_SIGNATURE);
    assert_int_equal(rp_recover_read(&recover, answer, caller, called), RP_ERR_SHAPE);
    assert_ok(rp_chain_read(&chain, answer));
    assert_int_equal(chain.n, 2);
    rp_writer_reset(&w);
    rp_chain_write(&w, chain.inception, chain.successions, chain.n);
    golden_assert(rp_writer_slice(&w), part, "chain");
    assert_int_equal(rp_chain_read(&chain, frame), RP_ERR_SHAPE);
    rp_writer_free(&w);
    unit_free(frame);
    unit_free(answer);
}

static void a_node_asks(void **state)
{
    json_t *part = golden_part("node_request");
    char text[RP_NODE_REQUEST_TEXT_MAX + 1];
    struct rp_node_request request;
    char *wrong;

    (void)state;
    assert_ok(rp_node_request_read(&request, golden_text(part, "text")));
    golden_assert((struct rp_slice){request.org, RP_ID_LEN}, part, "org");
    golden_assert((struct rp_slice){request.noise, RP_KEY_LEN}, part, "noise");
    golden_assert((struct rp_slice){request.sign, RP_KEY_LEN}, part, "sign");
    assert_string_equal(request.name, golden_text(part, "name"));
    assert_ok(rp_node_request_write(text, &request));
    assert_string_equal(text, golden_text(part, "text"));
    text[20] = text[20] == 'q' ? 'p' : 'q';
    assert_int_equal(rp_node_request_read(&request, text), RP_ERR_CHECKSUM);
    assert_int_equal(rp_node_request_read(&request, "rpinvite1q"), RP_ERR_SHAPE);
    assert_non_null(wrong = calloc(1, 5000));
    memset(wrong, 'q', 4999);
    assert_int_equal(rp_node_request_read(&request, wrong), RP_ERR_LIMIT);
    free(wrong);
}

static void take_peers(struct rp_grant *grant, json_t *peers)
{
    json_t *peer;
    size_t i;

    json_array_foreach(peers, i, peer)
    {
        struct rp_grant_peer *out = &grant->peer[grant->peers++];
        json_t *address;
        size_t k;

        golden_hex_into(out->org, RP_ID_LEN, json_string_value(json_array_get(peer, 0)));
        snprintf(out->name, sizeof out->name, "%s", json_string_value(json_array_get(peer, 1)));
        json_array_foreach(json_array_get(peer, 2), k, address)
            snprintf(out->address[out->addresses++], sizeof out->address[0], "%s",
                     json_string_value(address));
    }
}

static void assert_peers(const struct rp_grant *got, const struct rp_grant *expected)
{
    assert_int_equal(got->peers, expected->peers);
    for (uint32_t i = 0; i < got->peers; i++) {
        assert_memory_equal(got->peer[i].org, expected->peer[i].org, RP_ID_LEN);
        assert_string_equal(got->peer[i].name, expected->peer[i].name);
        assert_int_equal(got->peer[i].addresses, expected->peer[i].addresses);
        for (uint32_t k = 0; k < got->peer[i].addresses; k++)
            assert_string_equal(got->peer[i].address[k], expected->peer[i].address[k]);
    }
}

static void it_is_granted_what_it_asked_for(void **state)
{
    static struct rp_grant expected;
    static struct rp_grant grant;
    static struct rp_proof proof;
    json_t *part = golden_part("grant");
    struct rp_slice packed = golden_hex(part, "proof");
    uint8_t noise[RP_KEY_LEN];
    uint8_t seed[RP_KEY_SEED_LEN];
    unsigned wrong = 0;
    struct rp_bytes raw;
    struct rp_key key;
    char *with_key;
    char *text;
    json_t *v;
    size_t i;

    (void)state;
    expected = (struct rp_grant){.proof = packed};
    golden_into(noise, sizeof noise, part, "noise_public");
    golden_into(seed, sizeof seed, part, "key_seed");
    golden_into(expected.sealed, sizeof expected.sealed, part, "sealed");
    take_peers(&expected, json_object_get(part, "peers"));
    rp_key_from_seed(&key, seed);
    assert_ok(rp_grant_write(&text, &expected, &key));
    assert_string_equal(text, golden_text(part, "text"));
    assert_ok(rp_grant_add_key(&with_key, text, expected.sealed));
    assert_string_equal(with_key, golden_text(part, "text_with_key"));
    assert_ok(rp_grant_read(&grant, &proof, &raw, text, noise));
    assert_false(grant.has_key);
    assert_int_equal(rp_bytes_compare(grant.proof, packed), 0);
    golden_assert((struct rp_slice){proof.identity.org, RP_ID_LEN}, part, "org");
    assert_peers(&grant, &expected);
    rp_bytes_free(&raw);
    assert_ok(rp_grant_read(&grant, &proof, &raw, with_key, noise));
    assert_true(grant.has_key);
    assert_memory_equal(grant.sealed, expected.sealed, sizeof expected.sealed);
    rp_bytes_free(&raw);
    json_array_foreach(golden_part("grant_invalid"), i, v) golden_expect(
        rp_grant_read(&grant, &proof, &raw, golden_text(v, "text"), noise) != RP_OK, v, &wrong);
    assert_int_equal(wrong, 0);
    noise[0] ^= 1;
    assert_int_equal(rp_grant_read(&grant, &proof, &raw, text, noise), RP_ERR_KEY);
    free(text);
    free(with_key);
    unit_free(packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_succession_says_what_is_stood_by),
        cmocka_unit_test(the_paper_key_asks_for_the_chain),
        cmocka_unit_test(a_node_asks),
        cmocka_unit_test(it_is_granted_what_it_asked_for),
    };

    return cmocka_run_group_tests(tests, golden_load, golden_unload);
}
