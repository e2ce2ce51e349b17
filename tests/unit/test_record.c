#define _GNU_SOURCE /* RTLD_NEXT */

#include "sample.h"

#include <dlfcn.h>
#include <zstd.h>

#include "rp/limits.h"
#include "rp/reader.h"

static struct sample_org org;
static bool zstd_has_no_memory;

/* The function called ${name} that these here stand in front of. */
static void *the_real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    assert_non_null(found);
    return found;
}

ZSTD_DCtx *ZSTD_createDCtx(void)
{
    ZSTD_DCtx *(*real)(void);

    *(void **)&real = the_real("ZSTD_createDCtx");
    return zstd_has_no_memory ? NULL : real();
}

ZSTD_CCtx *ZSTD_createCCtx(void)
{
    ZSTD_CCtx *(*real)(void);

    *(void **)&real = the_real("ZSTD_createCCtx");
    return zstd_has_no_memory ? NULL : real();
}

static void opens_what_was_packed(void **state)
{
    struct rp_bytes content = sample_content("Saying no kindly");
    struct rp_record fields = sample_fields(&org, 1, rp_bytes_slice(&content));
    struct rp_bytes packed;
    struct rp_opened opened;

    (void)state;
    unit_fill(fields.parent_ids[0], 1);
    unit_fill(fields.parent_ids[1], 2);
    fields.parents = 2;
    fields.has_teller = true;
    unit_fill(fields.teller, 9);
    packed = sample_pack(&fields, &org.key);
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
    assert_int_equal(opened.record.set, RP_SET_CONTENT);
    assert_true(rp_record_is_kind(&opened.record, "pattern"));
    assert_int_equal(opened.record.made, fields.made);
    assert_int_equal(opened.record.parents, 2);
    assert_memory_equal(rp_record_parent(&opened.record, 1), fields.parent_ids[1], RP_ID_LEN);
    assert_true(opened.record.has_teller);
    assert_memory_equal(opened.record.teller, fields.teller, RP_KEY_LEN);
    assert_int_equal(rp_bytes_compare(opened.record.content, rp_bytes_slice(&content)), 0);
    rp_record_close(&opened);
    rp_bytes_free(&packed);
    rp_bytes_free(&content);
}

static void a_parsed_record_is_written_as_it_was(void **state)
{
    struct rp_bytes content = sample_content("With parents");
    struct rp_record fields = sample_fields(&org, 1, rp_bytes_slice(&content));
    struct rp_bytes body;
    struct rp_bytes again;
    struct rp_record parsed;

    (void)state;
    for (fields.parents = 0; fields.parents < RP_PARENTS_MAX; fields.parents++)
        unit_fill(fields.parent_ids[fields.parents], fields.parents);
    assert_ok(rp_record_write(&body, &fields));
    assert_ok(rp_record_parse(&parsed, rp_bytes_slice(&body)));
    assert_int_equal(parsed.body_len, body.len);
    assert_ok(rp_record_write(&again, &parsed));
    assert_int_equal(rp_bytes_compare(rp_bytes_slice(&again), rp_bytes_slice(&body)), 0);
    rp_bytes_free(&again);
    fields.parents = RP_PARENTS_MAX + 1;
    assert_int_equal(rp_record_write(&again, &fields), RP_ERR_SHAPE);
    rp_bytes_free(&body);
    rp_bytes_free(&content);
}

static void an_object_keeps_its_id_over_versions(void **state)
{
    struct rp_bytes content = sample_content("One");
    struct rp_record first = sample_fields(&org, 1, rp_bytes_slice(&content));
    struct rp_record second = sample_fields(&org, 1, rp_bytes_slice(&content));
    struct rp_record other = sample_fields(&org, 2, rp_bytes_slice(&content));
    struct rp_bytes packed[3];
    struct rp_opened opened[3];

    (void)state;
    second.salt[0] ^= 1;
    packed[0] = sample_pack(&first, &org.key);
    packed[1] = sample_pack(&second, &org.key);
    packed[2] = sample_pack(&other, &org.key);
    for (int i = 0; i < 3; i++)
        assert_ok(rp_record_open(&opened[i], rp_bytes_slice(&packed[i])));
    assert_memory_equal(opened[0].record.object, opened[1].record.object, RP_ID_LEN);
    assert_memory_not_equal(opened[0].record.id, opened[1].record.id, RP_ID_LEN);
    assert_memory_not_equal(opened[0].record.object, opened[2].record.object, RP_ID_LEN);
    for (int i = 0; i < 3; i++) {
        rp_record_close(&opened[i]);
        rp_bytes_free(&packed[i]);
    }
    rp_bytes_free(&content);
}

static void refuses_fields_that_break_the_shape(void **state)
{
    struct rp_bytes content = sample_content("Two");
    const struct rp_record good = sample_fields(&org, 1, rp_bytes_slice(&content));
    struct rp_record fields;
    struct rp_bytes body;

    (void)state;
    fields = good;
    fields.kind = rp_bytes_str("Pattern");
    assert_int_equal(rp_record_write(&body, &fields), RP_ERR_SHAPE);
    fields.kind = rp_bytes_str("a-kind-with-a-name-of-25b");
    assert_int_equal(rp_record_write(&body, &fields), RP_ERR_SHAPE);
    fields.kind = rp_bytes_str("");
    assert_int_equal(rp_record_write(&body, &fields), RP_ERR_SHAPE);
    fields = good;
    fields.made = UINT64_C(1) << 53;
    assert_int_equal(rp_record_write(&body, &fields), RP_ERR_SHAPE);
    fields = good;
    unit_fill(fields.parent_ids[0], 2);
    unit_fill(fields.parent_ids[1], 1);
    fields.parents = 2;
    assert_int_equal(rp_record_write(&body, &fields), RP_ERR_SHAPE); /* not ascending */
    unit_fill(fields.parent_ids[1], 2);
    assert_int_equal(rp_record_write(&body, &fields), RP_ERR_SHAPE); /* one twice */
    fields = good;
    fields.content = rp_bytes_str("\xc0");
    assert_int_equal(rp_record_write(&body, &fields), RP_ERR_SHAPE);
    assert_ok(rp_record_write(&body, &good));
    rp_bytes_free(&body);
    rp_bytes_free(&content);
}

/* [codec, body, sig] from its parts. */
static struct rp_bytes pack_by_hand(uint64_t codec, struct rp_slice body, const uint8_t *sig)
{
    struct rp_bytes packed;
    struct rp_writer w;

    rp_writer_init(&w, 1 << 20);
    rp_writer_array(&w, 3);
    rp_writer_uint(&w, codec);
    rp_writer_bin(&w, body.data, body.len);
    rp_writer_bin(&w, sig, RP_SIG_LEN);
    assert_ok(rp_writer_take(&w, &packed));
    return packed;
}

static int open_by_hand(uint64_t codec, struct rp_slice body, const uint8_t *sig)
{
    struct rp_bytes packed = pack_by_hand(codec, body, sig);
    struct rp_opened opened;
    int err = rp_record_open(&opened, rp_bytes_slice(&packed));

    if (err == RP_OK)
        rp_record_close(&opened);
    rp_bytes_free(&packed);
    return err;
}

static void refuses_wrong_signatures(void **state)
{
    struct rp_bytes packed = sample_pattern(&org, 3);
    struct rp_opened opened;
    struct rp_slice body;

    (void)state;
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
    body = rp_bytes_slice(&opened.body);
    assert_ok(open_by_hand(0, body, opened.sig));
    opened.sig[0] ^= 1;
    assert_int_equal(open_by_hand(0, body, opened.sig), RP_ERR_SIGNATURE);
    opened.sig[0] ^= 1;
    opened.body.data[opened.body.len - 1] ^= 1; /* the last letter of the title */
    assert_int_equal(open_by_hand(0, body, opened.sig), RP_ERR_SIGNATURE);
    rp_record_close(&opened);
    rp_bytes_free(&packed);
}

static void refuses_other_compression(void **state)
{
    static uint8_t large[RP_BODY_MAX + 1];
    static uint8_t frame[RP_BODY_MAX];
    uint8_t sig[RP_SIG_LEN] = {0};
    struct rp_bytes packed = sample_pattern(&org, 3);
    struct rp_opened opened;
    struct rp_slice body;
    ZSTD_CCtx *context = ZSTD_createCCtx();
    size_t n;

    (void)state;
    assert_non_null(context);
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
    body = rp_bytes_slice(&opened.body);
    n = ZSTD_compress(frame, sizeof frame, body.data, body.len, 3);
    assert_ok(open_by_hand(1, (struct rp_slice){frame, n}, opened.sig));
    frame[n] = 0; /* something after the frame */
    assert_int_equal(open_by_hand(1, (struct rp_slice){frame, n + 1}, opened.sig), RP_ERR_CODEC);
    assert_int_equal(open_by_hand(1, (struct rp_slice){frame, n - 1}, opened.sig), RP_ERR_CODEC);
    assert_int_equal(open_by_hand(1, body, opened.sig), RP_ERR_CODEC); /* not zstd at all */
    assert_int_equal(open_by_hand(2, body, opened.sig), RP_ERR_CODEC);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    n = ZSTD_compress2(context, frame, sizeof frame, body.data, body.len);
    assert_int_equal(open_by_hand(1, (struct rp_slice){frame, n}, opened.sig), RP_ERR_CODEC);
    n = ZSTD_compress(frame, sizeof frame, large, sizeof large, 1); /* a bomb: 256 KiB of zeroes */
    assert_int_equal(open_by_hand(1, (struct rp_slice){frame, n}, sig), RP_ERR_LIMIT);
    assert_int_equal(open_by_hand(0, (struct rp_slice){large, sizeof large}, sig), RP_ERR_LIMIT);
    ZSTD_freeCCtx(context);
    rp_record_close(&opened);
    rp_bytes_free(&packed);
}

/* What the bytes behind the magic number are, in frames that hold the body as it is. */
struct header_case {
    const char *note;
    uint8_t bytes[3]; /* descriptor and, where there is one, window or dictionary */
    size_t n;
    int expected;
};

/* A frame of one block with ${body}, and ${c} before its size in 4 bytes. */
static size_t frame_by_hand(uint8_t *out, const struct header_case *c, struct rp_slice body)
{
    uint32_t block = (uint32_t)body.len << 3 | 1;
    size_t n = 4 + c->n;

    memcpy(out, "\x28\xb5\x2f\xfd", 4);
    memcpy(out + 4, c->bytes, c->n);
    for (unsigned i = 0; i < 4; i++)
        out[n++] = (uint8_t)(body.len >> 8 * i);
    for (unsigned i = 0; i < 3; i++)
        out[n++] = (uint8_t)(block >> 8 * i);
    memcpy(out + n, body.data, body.len);
    return n + body.len;
}

static void a_zstd_frame_has_the_header_that_everybody_takes(void **state)
{
    static const struct header_case cases[] = {
        {"in one segment", {0xa0}, 1, RP_OK},
        {"a window of 1 MiB", {0x80, 10 << 3}, 2, RP_OK},
        {"a window of 8 MiB", {0x80, 13 << 3}, 2, RP_OK},
        {"a window of 9 MiB", {0x80, 13 << 3 | 1}, 2, RP_ERR_CODEC},
        {"a window of 16 MiB", {0x80, 14 << 3}, 2, RP_ERR_CODEC},
        {"a window of 3.75 TiB", {0x80, 0xff}, 2, RP_ERR_CODEC},
        {"the unused bit", {0xb0}, 1, RP_ERR_CODEC},
        {"the reserved bit", {0xa8}, 1, RP_ERR_CODEC},
        {"dictionary 0", {0xa1, 0}, 2, RP_ERR_CODEC},
        {"dictionary 0 in 2 bytes", {0xa2, 0, 0}, 3, RP_ERR_CODEC},
    };
    struct rp_bytes packed = sample_pattern(&org, 3);
    struct rp_opened opened;
    uint8_t frame[2000];

    (void)state;
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t n = frame_by_hand(frame, &cases[i], rp_bytes_slice(&opened.body));
        int err = open_by_hand(1, (struct rp_slice){frame, n}, opened.sig);

        if (err != cases[i].expected)
            fail_msg("%s: %d", cases[i].note, err);
    }
    for (size_t n = 0; n < 12; n++) /* cut in the header */
        assert_int_equal(open_by_hand(1, (struct rp_slice){frame, n}, opened.sig), RP_ERR_CODEC);
    rp_record_close(&opened);
    rp_bytes_free(&packed);
}

/* What we pack, we and everybody else must take; above all where zstd changes its parameters. */
static void takes_what_it_packs_itself(void **state)
{
    static const size_t sizes[] = {200, 300, 1000, 16384, 65536, 131072, 200000, 262144 - 300};
    static char text[RP_BODY_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct rp_bytes content;
        struct rp_bytes packed;
        struct rp_record fields;
        struct rp_opened opened;

        memset(text, 'a', sizes[i]);
        text[sizes[i]] = '\0';
        content = sample_content(text);
        fields = sample_fields(&org, 1, rp_bytes_slice(&content));
        packed = sample_pack(&fields, &org.key);
        assert_int_equal(rp_record_codec(rp_bytes_slice(&packed)), RP_CODEC_ZSTD);
        assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
        rp_record_close(&opened);
        rp_bytes_free(&packed);
        rp_bytes_free(&content);
    }
}

static void what_packs_many_packs_each_as_if_it_were_the_first(void **state)
{
    static const enum rp_codec codecs[] = {RP_CODEC_DICTIONARY, RP_CODEC_ZSTD, RP_CODEC_PLAIN,
                                           RP_CODEC_ZSTD, RP_CODEC_DICTIONARY};
    struct rp_codecs *kept = rp_codecs_new();
    struct rp_bytes content = sample_content("When somebody says no, they say yes to something.");
    struct rp_record fields = sample_fields(&org, 1, rp_bytes_slice(&content));
    size_t len[3] = {0};
    struct rp_bytes body;

    (void)state;
    assert_non_null(kept);
    assert_ok(rp_record_write(&body, &fields));
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        struct rp_bytes once;
        struct rp_bytes packed;
        struct rp_opened opened;

        assert_ok(rp_record_pack(&once, rp_bytes_slice(&body), &org.key, codecs[i]));
        assert_ok(rp_record_pack_with(kept, &packed, rp_bytes_slice(&body), &org.key, codecs[i]));
        assert_int_equal(packed.len, once.len);
        assert_memory_equal(packed.data, once.data, once.len);
        assert_int_equal(rp_record_codec(rp_bytes_slice(&packed)), codecs[i]);
        assert_ok(rp_record_open_with(kept, &opened, rp_bytes_slice(&packed)));
        assert_int_equal(opened.body.len, body.len);
        assert_memory_equal(opened.body.data, body.data, body.len);
        rp_record_close(&opened);
        packed.data[packed.len - RP_SIG_LEN - 12] ^= 1; /* and what fails leaves no trace */
        assert_int_not_equal(rp_record_open_with(kept, &opened, rp_bytes_slice(&packed)), RP_OK);
        len[codecs[i]] = packed.len;
        rp_bytes_free(&packed);
        rp_bytes_free(&once);
    }
    assert_true(len[RP_CODEC_DICTIONARY] < len[RP_CODEC_ZSTD]);
    assert_true(len[RP_CODEC_ZSTD] < len[RP_CODEC_PLAIN]);
    rp_codecs_free(kept);
    rp_bytes_free(&body);
    rp_bytes_free(&content);
}

static void shortage_of_memory_is_no_fault_of_the_record(void **state)
{
    struct rp_bytes content = sample_content("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    struct rp_record fields = sample_fields(&org, 4, rp_bytes_slice(&content));
    struct rp_bytes packed = sample_pack(&fields, &org.key);
    struct rp_bytes again;
    struct rp_opened opened;

    (void)state;
    zstd_has_no_memory = true;
    assert_int_equal(rp_record_open(&opened, rp_bytes_slice(&packed)), RP_ERR_NOMEM);
    zstd_has_no_memory = false;
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
    zstd_has_no_memory = true;
    assert_int_equal(rp_record_repack(&again, &opened, RP_CODEC_ZSTD), RP_ERR_NOMEM);
    assert_ok(rp_record_repack(&again, &opened, RP_CODEC_PLAIN));
    zstd_has_no_memory = false;
    rp_bytes_free(&again);
    rp_record_close(&opened);
    rp_bytes_free(&packed);
    rp_bytes_free(&content);
}

static void packs_nothing_that_is_too_long_to_open(void **state)
{
    static uint8_t large[RP_RECORD_MAX + 1];
    struct rp_bytes packed;
    struct rp_record record;
    struct rp_opened opened;

    (void)state;
    assert_int_equal(
        rp_record_pack(&packed, (struct rp_slice){large, RP_BODY_MAX + 1}, &org.key, RP_CODEC_ZSTD),
        RP_ERR_LIMIT);
    assert_int_equal(rp_record_parse(&record, (struct rp_slice){large, RP_BODY_MAX + 1}),
                     RP_ERR_LIMIT);
    assert_int_equal(rp_record_parse(&record, (struct rp_slice){large, RP_BODY_MAX}),
                     RP_ERR_MALFORMED); /* zeroes */
    assert_int_equal(rp_record_open(&opened, (struct rp_slice){large, sizeof large}), RP_ERR_LIMIT);
    assert_int_equal(rp_record_open(&opened, (struct rp_slice){large, sizeof large - 1}),
                     RP_ERR_MALFORMED);
}

/* What says that it holds nothing, or ends before it says how much. */
static void a_zstd_frame_holds_something(void **state)
{
    static const char *const frames[] = {
        "28b52ffda000000000010000",                     /* 0 bytes, and one empty block */
        "28b52ffd2000010000",       "28b52ffda0000000", /* 3 of the 4 bytes of its size */
        "28b52ffd8050000000",       "28b52ffde000000000000000", "28b52ffd20", "28b52ffd",
    };
    static const uint8_t sig[RP_SIG_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        struct rp_slice frame = unit_hex(frames[i]);
        int err = open_by_hand(1, frame, sig);

        if (err != RP_ERR_CODEC)
            fail_msg("%s: %d", frames[i], err);
        unit_free(frame);
    }
}

static void names_the_codec_only_of_what_it_can_open(void **state)
{
    static const uint8_t sig[RP_SIG_LEN];
    struct rp_slice body = unit_hex("c0");

    (void)state;
    for (uint64_t codec = 0; codec < 5; codec++) {
        struct rp_bytes packed = pack_by_hand(codec, body, sig);

        assert_int_equal(rp_record_codec(rp_bytes_slice(&packed)),
                         codec < 3 ? (int)codec : RP_ERR_CODEC);
        rp_bytes_free(&packed);
    }
    assert_int_equal(rp_record_codec(body), RP_ERR_SHAPE);
    assert_int_equal(rp_record_codec((struct rp_slice){NULL, 0}), RP_ERR_MALFORMED);
    unit_free(body);
}

static void knows_a_later_version_by_its_id(void **state)
{
    struct rp_slice body = unit_hex("9202a3616263"); /* [2, "abc"] */
    uint8_t sig[RP_SIG_LEN] = {0};
    uint8_t id[RP_ID_LEN];
    struct rp_bytes packed = pack_by_hand(0, body, sig);
    struct rp_opened opened;

    (void)state;
    rp_hash_one(id, RP_DOMAIN_RECORD, body.data, body.len);
    assert_int_equal(rp_record_open(&opened, rp_bytes_slice(&packed)), RP_ERR_VERSION);
    assert_memory_equal(opened.record.id, id, sizeof id);
    assert_null(opened.body.data);
    rp_bytes_free(&packed);
    unit_free(body);
}

static void repacks_for_another_codec(void **state)
{
    struct rp_bytes content = sample_content("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    struct rp_record fields = sample_fields(&org, 4, rp_bytes_slice(&content));
    struct rp_bytes packed = sample_pack(&fields, &org.key);
    struct rp_bytes plain;
    struct rp_opened opened;

    (void)state;
    assert_int_equal(rp_record_codec(rp_bytes_slice(&packed)), RP_CODEC_ZSTD);
    assert_ok(rp_record_open_trusted(&opened, rp_bytes_slice(&packed)));
    assert_ok(rp_record_repack(&plain, &opened, RP_CODEC_PLAIN));
    rp_record_close(&opened);
    assert_int_equal(rp_record_codec(rp_bytes_slice(&plain)), RP_CODEC_PLAIN);
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&plain)));
    rp_record_close(&opened);
    rp_bytes_free(&plain);
    rp_bytes_free(&packed);
    rp_bytes_free(&content);
}

static int setup(void **state)
{
    (void)state;
    org = sample_org_new(1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sample_org_free(&org);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_what_was_packed),
        cmocka_unit_test(a_parsed_record_is_written_as_it_was),
        cmocka_unit_test(an_object_keeps_its_id_over_versions),
        cmocka_unit_test(refuses_fields_that_break_the_shape),
        cmocka_unit_test(refuses_wrong_signatures),
        cmocka_unit_test(refuses_other_compression),
        cmocka_unit_test(a_zstd_frame_has_the_header_that_everybody_takes),
        cmocka_unit_test(takes_what_it_packs_itself),
        cmocka_unit_test(what_packs_many_packs_each_as_if_it_were_the_first),
        cmocka_unit_test(shortage_of_memory_is_no_fault_of_the_record),
        cmocka_unit_test(packs_nothing_that_is_too_long_to_open),
        cmocka_unit_test(a_zstd_frame_holds_something),
        cmocka_unit_test(names_the_codec_only_of_what_it_can_open),
        cmocka_unit_test(knows_a_later_version_by_its_id),
        cmocka_unit_test(repacks_for_another_codec),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
