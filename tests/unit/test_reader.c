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

/* One letter for each tag byte 00 to ff, after the msgpack specification; '.' for what canonical
 * items do not hold. */
static void a_tag_announces_its_type(void **state)
{
    static const char letters[] = "uiBsbamn.";
    static const enum rp_type types[] = {RP_TYPE_UINT, RP_TYPE_INT,  RP_TYPE_BIN,
                                         RP_TYPE_STR,  RP_TYPE_BOOL, RP_TYPE_ARRAY,
                                         RP_TYPE_MAP,  RP_TYPE_NIL,  RP_TYPE_END};
    static const char expected[] = "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu"
                                   "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu"
                                   "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu"
                                   "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu"
                                   "mmmmmmmmmmmmmmmmaaaaaaaaaaaaaaaa"
                                   "ssssssssssssssssssssssssssssssss"
                                   "n.bbBBB.....uuuuiiii.....sssa.m."
                                   "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii";
    struct rp_reader r;

    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        uint8_t tag = (uint8_t)i;

        rp_reader_init(&r, (struct rp_slice){&tag, 1});
        if (rp_reader_peek(&r) != types[strchr(letters, expected[i]) - letters])
            fail_msg("tag %02x", i);
    }
    rp_reader_init(&r, (struct rp_slice){NULL, 0});
    assert_int_equal(rp_reader_peek(&r), RP_TYPE_END);
}

/* Reads one item as ${type}; whether what comes out is empty: 0, false, no bytes. */
static bool reads_as_empty(struct rp_reader *r, enum rp_type type)
{
    struct rp_slice bytes;

    switch (type) {
    case RP_TYPE_UINT:
        return rp_reader_uint(r) == 0;
    case RP_TYPE_INT:
        return rp_reader_int(r) == 0;
    case RP_TYPE_BOOL:
        return !rp_reader_bool(r);
    case RP_TYPE_ARRAY:
        return rp_reader_array(r) == 0;
    case RP_TYPE_MAP:
        return rp_reader_map(r) == 0;
    case RP_TYPE_STR:
    case RP_TYPE_BIN:
        bytes = type == RP_TYPE_STR ? rp_reader_str(r) : rp_reader_bin(r);
        return bytes.len == 0;
    default:
        bytes = rp_reader_item(r);
        return bytes.len == 0;
    }
}

static void what_is_of_another_type_or_cut_off_is_empty(void **state)
{
    static const struct {
        enum rp_type as;
        const char *hex;
    } cases[] = {
        {RP_TYPE_UINT, "a161"},
        {RP_TYPE_UINT, "ff"},
        {RP_TYPE_UINT, ""},
        {RP_TYPE_INT, "c3"},
        {RP_TYPE_INT, "c403616263"},
        {RP_TYPE_INT, "cf8000000000000000"}, /* INT64_MAX and one */
        {RP_TYPE_BOOL, "01"},
        {RP_TYPE_ARRAY, "81a16101"},
        {RP_TYPE_MAP, "9101"},
        {RP_TYPE_STR, "c40161"},
        {RP_TYPE_BIN, "a161"},
        {RP_TYPE_UINT, "cd01"}, /* cut off */
        {RP_TYPE_UINT, "cf00000000000000"},
        {RP_TYPE_ARRAY, "dc00"},
        {RP_TYPE_MAP, "de"},
        {RP_TYPE_STR, "a261"},
        {RP_TYPE_STR, "d902"},
        {RP_TYPE_BIN, "c4"},
        {RP_TYPE_BIN, "c50100aa"},
        {RP_TYPE_END, ""}, /* whole items */
        {RP_TYPE_END, "c1"},
        {RP_TYPE_END, "92c0"},
        {RP_TYPE_END, "82a16101a162"},
        {RP_TYPE_END, "9192c0a261"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rp_slice bytes = unit_hex(cases[i].hex);
        struct rp_reader r;

        rp_reader_init(&r, bytes);
        if (!reads_as_empty(&r, cases[i].as) || r.err != RP_ERR_SHAPE || r.left != 0)
            fail_msg("case %zu: %s", i, cases[i].hex);
        unit_free(bytes);
    }
}

static void an_item_is_as_long_as_what_it_holds(void **state)
{
    static const char *const items[] = {
        "c0",       "c2",         "05",   "cd0100",     "e0",         "d1ff00",
        "a3616263", "c403010203", "9302", "83a16101c0", "dc000101ff", "de0001a1617f",
    };
    static const size_t lens[] = {1, 1, 1, 3, 1, 3, 4, 5, 0, 0, 4, 6};

    (void)state;
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        struct rp_slice bytes = unit_hex(items[i]);
        struct rp_reader r;

        rp_reader_init(&r, bytes);
        if (rp_reader_item(&r).len != lens[i])
            fail_msg("%s", items[i]);
        unit_free(bytes);
    }
}

static void what_is_left_over_is_an_error(void **state)
{
    struct rp_reader r;

    (void)state;
    rp_reader_init(&r, rp_bytes_str("\x01\x02"));
    assert_int_equal(rp_reader_uint(&r), 1);
    assert_int_equal(rp_reader_end(&r), RP_ERR_SHAPE);
    assert_int_equal(rp_reader_uint(&r), 0);
}

static void reads_bytes_of_one_length_alone(void **state)
{
    struct rp_slice empty = unit_hex("c400");
    struct rp_slice three = unit_hex("c403070809");
    uint8_t out[4] = {1, 1, 1, 1};
    struct rp_reader r;

    (void)state;
    rp_reader_init(&r, empty);
    rp_reader_bin_into(&r, out, 0);
    assert_ok(rp_reader_end(&r));
    assert_int_equal(out[0], 1);
    rp_reader_init(&r, three);
    rp_reader_bin_into(&r, out, 3);
    assert_ok(rp_reader_end(&r));
    assert_memory_equal(out, "\x07\x08\x09\x01", 4);
    for (size_t len = 0; len < 3; len++) {
        rp_reader_init(&r, three);
        rp_reader_bin_into(&r, out, len);
        assert_int_equal(rp_reader_end(&r), RP_ERR_SHAPE);
    }
    rp_reader_init(&r, three);
    rp_reader_bin_into(&r, out, 4);
    assert_int_equal(rp_reader_end(&r), RP_ERR_SHAPE);
    assert_memory_equal(out, "\0\0\0\0", 4);
    unit_free(empty);
    unit_free(three);
}

static void nothing_is_found_in_a_map_that_is_cut_off(void **state)
{
    static const char *const maps[] = {
        "81",               /* no key */
        "82a16101",         /* no second key; "b" is looked for */
        "81a162",           /* the key, but no value */
        "8201a162a16202c0", /* a number for a key: the next is taken for what it is not */
        "a16201",           /* no map */
    };

    (void)state;
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        struct rp_slice map = unit_hex(maps[i]);
        struct rp_reader value;

        assert_false(rp_reader_find(map, "b", &value));
        assert_int_equal(rp_reader_peek(&value), RP_TYPE_END);
        unit_free(map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_written),
        cmocka_unit_test(keeps_the_first_error),
        cmocka_unit_test(finds_keys_and_skips_the_rest),
        cmocka_unit_test(a_writer_past_its_bound_fails_for_good),
        cmocka_unit_test(a_tag_announces_its_type),
        cmocka_unit_test(what_is_of_another_type_or_cut_off_is_empty),
        cmocka_unit_test(an_item_is_as_long_as_what_it_holds),
        cmocka_unit_test(what_is_left_over_is_an_error),
        cmocka_unit_test(reads_bytes_of_one_length_alone),
        cmocka_unit_test(nothing_is_found_in_a_map_that_is_cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
