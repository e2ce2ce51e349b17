#include "golden.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_succession_says_what_is_stood_by),
        cmocka_unit_test(the_paper_key_asks_for_the_chain),
    };

    return cmocka_run_group_tests(tests, golden_load, golden_unload);
}
