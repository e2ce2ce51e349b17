#include "unit.h"

#include "rp/reader.h"
#include "rp/writer.h"

static void reads_back_what_was_written(void **state)
{
    static const uint64_t numbers[] = {0,     127,   128,        255,        256,
                                       65535, 65536, 4294967295, 4294967296, UINT64_MAX};
    static const int64_t signed_numbers[] = {
        -1, -32, -33, -128, -129, -32768, -2147483648, -2147483649, INT64_MIN, INT64_MAX};
    struct rp_writer w;
    struct rp_reader r;

    (void)state;
    rp_writer_init(&w, 1000);
    for (size_t i = 0; i < 10; i++)
        rp_writer_uint(&w, numbers[i]);
    for (size_t i = 0; i < 10; i++)
        rp_writer_int(&w, signed_numbers[i]);
    rp_writer_str(&w, "caf\xc3\xa9");
    rp_writer_bool(&w, true);
    rp_writer_nil(&w);
    assert_ok(w.err);
    rp_reader_init(&r, rp_writer_slice(&w));
    for (size_t i = 0; i < 10; i++)
        assert_true(rp_reader_uint(&r) == numbers[i]);
    for (size_t i = 0; i < 10; i++)
        assert_true(rp_reader_int(&r) == signed_numbers[i]);
    assert_int_equal(rp_bytes_compare(rp_reader_str(&r), rp_bytes_str("caf\xc3\xa9")), 0);
    assert_true(rp_reader_bool(&r));
    assert_true(rp_reader_nil(&r));
    assert_ok(rp_reader_end(&r));
    rp_writer_free(&w);
}

static void keeps_the_first_error(void **state)
{
    struct rp_slice bytes = unit_hex("9201a161");
    struct rp_reader r;
    uint8_t key[4] = {1, 2, 3, 4};

    (void)state;
    rp_reader_init(&r, bytes);
    assert_int_equal(rp_reader_array(&r), 2);
    assert_int_equal(rp_reader_str(&r).len, 0); /* a number is there */
    assert_int_equal(r.err, RP_ERR_SHAPE);
    assert_int_equal(rp_reader_uint(&r), 0);
    rp_reader_bin_into(&r, key, sizeof key);
    assert_int_equal(key[0], 0);
    assert_int_equal(rp_reader_peek(&r), RP_TYPE_END);
    assert_int_equal(rp_reader_end(&r), RP_ERR_SHAPE);
    unit_free(bytes);
}

static void finds_keys_and_skips_the_rest(void **state)
{
    /* {"a": [1, {"z": 2}], "b": "x", "d": nil} */
    struct rp_slice map = unit_hex("83a1619201"
                                   "81a17a02"
                                   "a162a178"
                                   "a164c0");
    struct rp_reader value;

    (void)state;
    assert_true(rp_reader_find(map, "b", &value));
    assert_int_equal(rp_reader_str(&value).data[0], 'x');
    assert_ok(rp_reader_end(&value));
    assert_true(rp_reader_find(map, "d", &value));
    assert_true(rp_reader_nil(&value));
    assert_false(rp_reader_find(map, "c", &value));
    assert_int_equal(rp_reader_uint(&value), 0);
    assert_int_equal(value.err, RP_ERR_SHAPE);
    assert_false(rp_reader_find(map, "z", &value));
    assert_false(rp_reader_find((struct rp_slice){map.data + 4, 1}, "a", &value));
    unit_free(map);
}

static void a_writer_past_its_bound_fails_for_good(void **state)
{
    struct rp_writer w;
    struct rp_bytes out;

    (void)state;
    rp_writer_init(&w, 4);
    rp_writer_str(&w, "abc");
    assert_int_equal(w.len, 4);
    rp_writer_nil(&w);
    assert_int_equal(w.err, RP_ERR_LIMIT);
    assert_int_equal(rp_writer_take(&w, &out), RP_ERR_LIMIT);
    assert_null(out.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_written),
        cmocka_unit_test(keeps_the_first_error),
        cmocka_unit_test(finds_keys_and_skips_the_rest),
        cmocka_unit_test(a_writer_past_its_bound_fails_for_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
