#include "golden.h"

#include "rp/circle.h"
#include "sample.h"

/* Circles (SPEC 3.8), as the second implementation writes them. */

static void circles_are_read_and_issued_alike(void **state)
{
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("circles"), i, v)
    {
        json_t *list = json_object_get(v, "inceptions");
        struct rp_slice inceptions[RP_CIRCLE_MEMBERS_MAX];
        struct rp_slice issued = golden_hex(v, "issued");
        uint8_t salt[RP_SALT_LEN];
        uint8_t seed[RP_KEY_SEED_LEN];
        struct rp_circle circle;
        struct rp_circle_draft draft;
        struct rp_bytes again;
        struct rp_key key;

        assert_ok(rp_circle_open(&circle, issued));
        golden_assert((struct rp_slice){circle.id, RP_ID_LEN}, v, "id");
        golden_assert((struct rp_slice){circle.founder, RP_ID_LEN}, v, "founder");
        assert_string_equal(circle.name, golden_text(v, "name"));
        assert_int_equal(circle.members, json_array_size(list));
        for (uint32_t k = 0; k < circle.members; k++) {
            golden_assert_hex(circle.inception[k], json_string_value(json_array_get(list, k)));
            /* given in any order */
            inceptions[circle.members - 1 - k] = circle.inception[k];
        }
        golden_into(salt, sizeof salt, v, "salt");
        golden_into(seed, sizeof seed, v, "key_seed");
        rp_key_from_seed(&key, seed);
        draft =
            (struct rp_circle_draft){circle.name, salt, circle.founder, circle.members, inceptions};
        assert_ok(rp_circle_issue(&again, &draft, &key));
        golden_assert(rp_bytes_slice(&again), v, "issued");
        rp_bytes_free(&again);
        unit_free(issued);
    }
    assert_int_equal(i, 3);
}

static void others_are_refused(void **state)
{
    unsigned wrong = 0;
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("circles_invalid"), i, v)
    {
        struct rp_slice issued = golden_hex(v, "issued");
        struct rp_circle circle;

        golden_expect(rp_circle_open(&circle, issued) < 0, v, &wrong);
        unit_free(issued);
    }
    assert_int_equal(wrong, 0);
    assert_true(i > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(circles_are_read_and_issued_alike),
        cmocka_unit_test(others_are_refused),
    };

    return cmocka_run_group_tests(tests, golden_load, golden_unload);
}
