#include "unit.h"

#include "rp/bech32.h"

/* The test vectors of BIP-350. */

static int split(const char *text)
{
    uint8_t values[RP_BECH32_SHORT];
    size_t n;
    size_t hrp_len;

    return rp_bech32_split(text, RP_BECH32_SHORT, values, &n, &hrp_len);
}

static void accepts_the_standards_vectors(void **state)
{
    static const char *const valid[] = {
        "A1LQFN3A",
        "a1lqfn3a",
        "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg"
        "6",
        "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
        "11llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllludsr"
        "8",
        "split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
        "?1v759aa",
    };

    (void)state;
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++)
        assert_ok(split(valid[i]));
}

static void refuses_the_standards_vectors(void **state)
{
    static const char *const invalid[] = {
        "\x20"
        "1xj0phk",
        "\x7f"
        "1g6xzxy",
        "\x80"
        "1vctc34",
        "an84characterslonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11d6pts"
        "4",
        "qyrz8wqd2c9m",
        "1qyrz8wqd2c9m",
        "y1b0jsk6g",
        "lt1igcx5c0",
        "in1muywd",
        "mm1crxm3i",
        "au1s5cgom",
        "M1VUXWEZ",
        "16plkw9",
        "1p2gdwpf",
    };

    (void)state;
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++)
        assert_true(split(invalid[i]) < 0);
}

static void round_trips_every_length(void **state)
{
    uint8_t data[64];
    uint8_t back[64];
    char text[200];
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 73 + 5);
    for (size_t n = 0; n <= sizeof data; n++) {
        rp_bech32_encode(text, "rp", data, n);
        assert_int_equal(strlen(text), rp_bech32_text_len(2, n));
        assert_ok(rp_bech32_decode(back, sizeof back, &len, "rp", text));
        assert_int_equal(len, n);
        assert_memory_equal(back, data, n);
    }
}

static void finds_every_single_mistake(void **state)
{
    uint8_t data[32] = {7};
    uint8_t back[32];
    char text[100];
    size_t len;

    (void)state;
    rp_bech32_encode(text, "rp", data, sizeof data);
    for (size_t i = 3; text[i] != '\0'; i++) {
        char right = text[i];

        text[i] = right == 'q' ? 'p' : 'q';
        assert_int_equal(rp_bech32_decode(back, sizeof back, &len, "rp", text), RP_ERR_CHECKSUM);
        text[i] = right;
    }
    assert_int_equal(rp_bech32_decode(back, sizeof back, &len, "other", text), RP_ERR_SHAPE);
    assert_int_equal(rp_bech32_decode(back, 31, &len, "rp", text), RP_ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_the_standards_vectors),
        cmocka_unit_test(refuses_the_standards_vectors),
        cmocka_unit_test(round_trips_every_length),
        cmocka_unit_test(finds_every_single_mistake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
