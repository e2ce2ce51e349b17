#ifndef GOLDEN_H
#define GOLDEN_H

/* tests/vectors/golden.json, which the second implementation made, part by part. */

#include "unit.h"

#include <jansson.h>

#include "rp/canonical.h"
#include "rp/hash.h"

static json_t *golden_file;

/* Group setup and teardown. */
static inline int golden_load(void **state)
{
    (void)state;
    golden_file = json_load_file(VECTORS "/golden.json", 0, NULL);
    return golden_file != NULL ? 0 : -1;
}

static inline int golden_unload(void **state)
{
    (void)state;
    json_decref(golden_file);
    return 0;
}

static inline json_t *golden_part(const char *name)
{
    json_t *part = json_object_get(golden_file, name);

    assert_non_null(part);
    return part;
}

static inline const char *golden_text(json_t *vector, const char *key)
{
    const char *text = json_string_value(json_object_get(vector, key));

    assert_non_null(text);
    return text;
}

static inline uint64_t golden_number(json_t *vector, const char *key)
{
    json_t *number = json_object_get(vector, key);

    assert_true(json_is_integer(number));
    return (uint64_t)json_integer_value(number);
}

/* Bytes under ${key}, for unit_free. */
static inline struct rp_slice golden_hex(json_t *vector, const char *key)
{
    return unit_hex(golden_text(vector, key));
}

/* Bytes that must be as many as ${out} takes. */
static inline void golden_hex_into(uint8_t *out, size_t len, const char *hex)
{
    assert_non_null(hex);
    assert_int_equal(strlen(hex), 2 * len);
    assert_true(rp_text_unhex(out, hex, 2 * len));
}

static inline void golden_into(uint8_t *out, size_t len, json_t *vector, const char *key)
{
    golden_hex_into(out, len, golden_text(vector, key));
}

/* The entries of a list of hex texts, one after the other, for unit_free. */
static inline struct rp_slice golden_joined(json_t *list)
{
    size_t len = 0;
    uint8_t *data;
    json_t *entry;
    size_t i;

    json_array_foreach(list, i, entry) len += json_string_length(entry) / 2;
    data = malloc(len > 0 ? len : 1);
    assert_non_null(data);
    len = 0;
    json_array_foreach(list, i, entry)
    {
        golden_hex_into(data + len, json_string_length(entry) / 2, json_string_value(entry));
        len += json_string_length(entry) / 2;
    }
    return (struct rp_slice){data, len};
}

/* Fails unless ${bytes} are those of hex text ${hex}. */
static inline void golden_assert_hex(struct rp_slice bytes, const char *hex)
{
    struct rp_slice expected = unit_hex(hex);

    assert_int_equal(bytes.len, expected.len);
    if (bytes.len > 0)
        assert_memory_equal(bytes.data, expected.data, bytes.len);
    unit_free(expected);
}

static inline void golden_assert(struct rp_slice bytes, json_t *vector, const char *key)
{
    golden_assert_hex(bytes, golden_text(vector, key));
}

static inline void golden_assert_text(struct rp_slice text, json_t *vector, const char *key)
{
    assert_int_equal(rp_bytes_compare(text, rp_bytes_str(golden_text(vector, key))), 0);
}

/* Says which vector failed and counts it, so that one wrong vector does not hide the others. */
static inline void golden_expect(bool good, json_t *vector, unsigned *wrong)
{
    if (good)
        return;
    print_error("not as expected: %s\n", golden_text(vector, "note"));
    (*wrong)++;
}

#endif
