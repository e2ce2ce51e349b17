#include "unit.h"

#include "rp/canonical.h"
#include "rp/message.h"
#include "rp/sketch.h"

static struct rp_writer w;

/* The frame written last; it must be canonical, as a session demands. */
static struct rp_slice frame(void)
{
    assert_ok(w.err);
    assert_ok(rp_canonical_check(w.data, w.len));
    return rp_writer_slice(&w);
}

static int reset(void **state)
{
    (void)state;
    rp_writer_free(&w);
    rp_writer_init(&w, RP_FRAME_MAX);
    return 0;
}

static void hello_says_what_each_can_do(void **state)
{
    struct rp_hello hello = {.time = 1795000000000,
                             .codecs = RP_CODECS_ALL,
                             .has_invite = true,
                             .invite = {1, 2, 3},
                             .software = rp_bytes_str("rpnode 0.1.0"),
                             .addresses = 1,
                             .address = {rp_bytes_str("a.example:7433")}};
    struct rp_hello back;

    (void)state;
    rp_message_write_hello(&w, &hello);
    assert_int_equal(rp_message_type(frame()), RP_MESSAGE_HELLO);
    assert_ok(rp_message_read_hello(&back, frame()));
    assert_true(back.time == hello.time);
    assert_true(back.codecs == RP_CODECS_ALL && back.speaks_this && back.has_invite);
    assert_memory_equal(back.invite, hello.invite, sizeof hello.invite);
    assert_int_equal(back.addresses, 1);
    assert_int_equal(rp_bytes_compare(back.address[0], hello.address[0]), 0);
}

static void hello_may_hold_more_than_we_know(void **state)
{
    struct rp_hello back;
    uint8_t digest[RP_HASH_LEN] = {0};

    (void)state;
    rp_writer_array(&w, 2);
    rp_writer_uint(&w, RP_MESSAGE_HELLO);
    rp_writer_map(&w, 9);
    rp_writer_str(&w, "accept");
    rp_writer_bin(&w, digest, sizeof digest);
    rp_writer_str(&w, "addresses");
    rp_writer_array(&w, 0);
    rp_writer_str(&w, "codecs");
    rp_writer_array(&w, 1);
    rp_writer_uint(&w, 0);
    rp_writer_str(&w, "features");
    rp_writer_array(&w, 1);
    rp_writer_str(&w, "unheard-of");
    rp_writer_str(&w, "frame");
    rp_writer_uint(&w, 16u << 20);
    rp_writer_str(&w, "software");
    rp_writer_str(&w, "x");
    rp_writer_str(&w, "time");
    rp_writer_uint(&w, 0);
    rp_writer_str(&w, "versions");
    rp_writer_array(&w, 2);
    rp_writer_uint(&w, 1);
    rp_writer_uint(&w, 2);
    rp_writer_str(&w, "zzz");
    rp_writer_nil(&w);
    assert_ok(rp_message_read_hello(&back, frame()));
    assert_true(back.speaks_this);
    assert_false(back.codecs != 1 << RP_CODEC_PLAIN || back.has_invite);
}

static void hello_is_not_written_as_nobody_reads_it(void **state)
{
    static char long_text[RP_REASON_LEN_MAX + 2];
    struct rp_hello hello = {.addresses = RP_ADDRESSES_MAX + 1};

    (void)state;
    memset(long_text, 'a', sizeof long_text - 1);
    for (int i = 0; i < 4; i++) {
        rp_message_write_hello(&w, &hello);
        assert_int_equal(w.err, RP_ERR_SHAPE);
        (void)reset(NULL);
        hello.addresses = i < 2;
        hello.address[0] = rp_bytes_str(i == 0 ? "" : "two\nlines");
        hello.software = rp_bytes_str(i == 2 ? long_text : "");
    }
    rp_message_write_hello(&w, &hello);
    assert_ok(rp_message_read_hello(&hello, frame()));
}

static void refusals_carry_a_code_and_a_sentence(void **state)
{
    struct rp_refusal back;

    (void)state;
    rp_message_write_refuse(&w, "not-a-peer", "not a peer of this node");
    assert_ok(rp_message_read_refuse(&back, frame()));
    assert_int_equal(rp_bytes_compare(back.code, rp_bytes_str("not-a-peer")), 0);
}

static void a_farewell_has_one_reason(void **state)
{
    struct rp_slice reason;

    (void)state;
    rp_message_write_bye(&w, "duplicate");
    assert_ok(rp_message_read_bye(&reason, frame()));
    assert_int_equal(rp_bytes_compare(reason, rp_bytes_str("duplicate")), 0);
    assert_int_equal(rp_message_read_bye(&reason, rp_bytes_str("\x92\x03\x05")), RP_ERR_SHAPE);
    assert_int_equal(rp_message_read_bye(&reason, rp_bytes_str("\x91\x03")), RP_ERR_SHAPE);
}

static void in_step_costs_few_bytes(void **state)
{
    struct rp_check check = {.exchange = 1000, .asks = {true, true}};
    struct rp_check back;
    size_t bytes;

    (void)state;
    check.tally[0].count = 200;
    check.tally[1].count = 1000000;
    check.tally[1].digest[31] = 7;
    rp_message_write_check(&w, &check);
    assert_ok(rp_message_read_check(&back, frame()));
    assert_memory_equal(back.scope, rp_record_commons, RP_ID_LEN);
    assert_int_equal(back.tally[1].count, 1000000);
    assert_int_equal(back.tally[1].digest[31], 7);
    bytes = frame().len;
    rp_writer_reset(&w);
    rp_message_write_equal(&w, 1000);
    assert_ok(rp_message_read_exchange(&back.exchange, frame()));
    assert_int_equal(back.exchange, 1000);
    bytes += frame().len;
    assert_true(bytes + 2 * (4 + 2 + 16) <= 160); /* frame, Noise length and tag, each way */
}

static void a_circles_scope_is_spelt_out(void **state)
{
    struct rp_check check = {.exchange = 1, .scope = {5}, .asks = {true, false}};
    struct rp_check back;

    (void)state;
    rp_message_write_check(&w, &check);
    assert_ok(rp_message_read_check(&back, frame()));
    assert_int_equal(back.scope[0], 5);
    assert_true(back.asks[0]);
    assert_false(back.asks[1]);
}

static void parts_of_an_exchange_come_back_as_sent(void **state)
{
    uint8_t symbols[3 * RP_SYMBOL_LEN] = {1, [RP_SYMBOL_LEN] = 2, [2 * RP_SYMBOL_LEN] = 3};
    uint8_t cells[2 * RP_CELL_LEN] = {4, 5};
    uint8_t digests[5] = {6};
    struct rp_part part = {.exchange = 9,
                           .set = RP_SET_CONTENT,
                           .first = 300,
                           .n = 12,
                           .has_after = true,
                           .after = {8},
                           .last = true,
                           .symbols = {symbols, sizeof symbols},
                           .cells = {cells, sizeof cells},
                           .digests = {digests, sizeof digests}};
    static const enum rp_message_type types[] = {RP_MESSAGE_IDS,  RP_MESSAGE_SKETCH,
                                                 RP_MESSAGE_MORE, RP_MESSAGE_CELLS,
                                                 RP_MESSAGE_LIST, RP_MESSAGE_PAGE};
    struct rp_part back[6];

    (void)state;
    part.tally.count = 3;
    for (int i = 0; i < 6; i++) {
        rp_writer_reset(&w);
        rp_message_write_part(&w, types[i], &part);
        assert_int_equal(rp_message_type(frame()), types[i]);
        assert_ok(rp_message_read_part(&back[i], types[i], frame()));
        assert_int_equal(back[i].exchange, 9);
        assert_int_equal(back[i].set, RP_SET_CONTENT);
    }
    assert_int_equal(back[0].tally.count, 3);
    assert_int_equal(back[1].tally.count, 3);
    assert_int_equal(back[0].symbols.len, sizeof symbols);
    assert_int_equal(back[1].first, 300);
    assert_int_equal(back[1].cells.len, sizeof cells);
    assert_int_equal(back[1].digests.len, sizeof digests);
    assert_int_equal(back[2].n, 12);
    assert_int_equal(back[3].cells.len, sizeof cells);
    assert_true(back[4].has_after);
    assert_int_equal(back[4].after[0], 8);
    assert_true(back[5].last);
}

/* Writes ${part} and reads it again. */
static int passes(enum rp_message_type type, const struct rp_part *part)
{
    struct rp_part back;

    rp_writer_reset(&w);
    rp_message_write_part(&w, type, part);
    return rp_message_read_part(&back, type, frame());
}

static void lists_of_symbols_ascend_and_are_as_many_as_they_say(void **state)
{
    static uint8_t symbols[RP_IDS_BELOW * RP_SYMBOL_LEN];
    struct rp_part part = {.symbols = {symbols, sizeof symbols - RP_SYMBOL_LEN}};

    (void)state;
    for (size_t i = 0; i < RP_IDS_BELOW; i++)
        symbols[i * RP_SYMBOL_LEN] = (uint8_t)i;
    part.tally.count = RP_IDS_BELOW - 1;
    assert_ok(passes(RP_MESSAGE_IDS, &part));
    part.tally.count--;
    assert_int_equal(passes(RP_MESSAGE_IDS, &part), RP_ERR_SHAPE);
    part.tally.count = RP_IDS_BELOW;
    part.symbols.len = sizeof symbols;
    assert_int_equal(passes(RP_MESSAGE_IDS, &part), RP_ERR_SHAPE); /* a sketch is for these */
    assert_ok(passes(RP_MESSAGE_PAGE, &part));
    part.tally.count = 3;
    part.symbols.len = 3 * RP_SYMBOL_LEN;
    symbols[RP_SYMBOL_LEN] = 2; /* as the one after it */
    assert_int_equal(passes(RP_MESSAGE_IDS, &part), RP_ERR_SHAPE);
    assert_int_equal(passes(RP_MESSAGE_PAGE, &part), RP_ERR_SHAPE);
}

static void asks_for_some_cells_and_not_too_many(void **state)
{
    struct rp_part part = {.first = 32};

    (void)state;
    assert_int_equal(passes(RP_MESSAGE_MORE, &part), RP_ERR_SHAPE);
    part.n = RP_CELLS_PER_MESSAGE;
    assert_ok(passes(RP_MESSAGE_MORE, &part));
    part.n++;
    assert_int_equal(passes(RP_MESSAGE_MORE, &part), RP_ERR_SHAPE);
}

static void nobody_asks_about_what_is_local(void **state)
{
    struct rp_check check = {.exchange = 1};
    struct rp_have have = {.set = RP_SET_CONTENT};

    (void)state;
    memcpy(check.scope, rp_record_local, RP_ID_LEN);
    memcpy(have.scope, rp_record_local, RP_ID_LEN);
    rp_message_write_check(&w, &check);
    assert_int_equal(rp_message_read_check(&check, frame()), RP_ERR_SHAPE);
    rp_writer_reset(&w);
    rp_message_write_have(&w, &have);
    assert_int_equal(rp_message_read_have(&have, frame()), RP_ERR_SHAPE);
}

static void refuses_parts_of_entries_and_too_many(void **state)
{
    static uint8_t many[(RP_SYMBOLS_MAX + 1) * RP_SYMBOL_LEN];
    struct rp_have have = {.set = RP_SET_CONTENT, .symbols = {many, RP_SYMBOL_LEN + 1}};
    struct rp_have back;
    struct rp_want want = {.prefixes = {many, RP_PREFIX_LEN * RP_SYMBOLS_MAX}};
    struct rp_want want_back;

    (void)state;
    rp_message_write_have(&w, &have);
    assert_int_equal(rp_message_read_have(&back, frame()), RP_ERR_SHAPE);
    rp_writer_reset(&w);
    have.symbols.len = sizeof many;
    rp_message_write_have(&w, &have);
    assert_int_equal(rp_message_read_have(&back, frame()), RP_ERR_SHAPE);
    rp_writer_reset(&w);
    rp_message_write_want(&w, &want);
    assert_ok(rp_message_read_want(&want_back, frame()));
    assert_int_equal(want_back.prefixes.len, want.prefixes.len);
}

static void records_are_handed_on_as_they_are(void **state)
{
    struct rp_records back;
    struct rp_slice items = unit_hex("9307c401aac401bb"
                                     "9300c400c400");
    struct rp_slice wrong = unit_hex("9207c401aa");

    (void)state;
    rp_message_write_records(&w, 3, true, 2, items);
    assert_ok(rp_message_read_records(&back, frame()));
    assert_int_equal(back.request, 3);
    assert_true(back.last);
    assert_int_equal(back.n, 2);
    assert_int_equal(rp_reader_item(&back.items).len, 8);
    assert_int_equal(rp_reader_item(&back.items).len, 6);
    rp_writer_reset(&w);
    rp_message_write_records(&w, 3, true, 1, wrong);
    assert_int_equal(rp_message_read_records(&back, frame()), RP_ERR_SHAPE);
    unit_free(items);
    unit_free(wrong);
}

static void accept_lists_come_back(void **state)
{
    uint8_t ids[3 * RP_ID_LEN] = {1};
    struct rp_accept accept = {true, true, {ids, 2 * RP_ID_LEN}, {ids, RP_ID_LEN}};
    struct rp_accept back;

    (void)state;
    rp_message_write_accept(&w, &accept);
    assert_ok(rp_message_read_accept(&back, frame()));
    assert_true(back.reset && back.more);
    assert_int_equal(back.accepted.len, 2 * RP_ID_LEN);
    assert_int_equal(back.kept.len, RP_ID_LEN);
}

static void a_frame_that_is_no_message_has_no_type(void **state)
{
    (void)state;
    assert_int_equal(rp_message_type(rp_bytes_str("\x90")), RP_ERR_SHAPE);
    assert_int_equal(rp_message_type(rp_bytes_str("\x91\xa1x")), RP_ERR_SHAPE);
    assert_int_equal(rp_message_type(rp_bytes_str("\x91\xcd\x03\xe8")),
                     1000); /* unknown: ignored */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(hello_says_what_each_can_do, reset),
        cmocka_unit_test_setup(hello_may_hold_more_than_we_know, reset),
        cmocka_unit_test_setup(hello_is_not_written_as_nobody_reads_it, reset),
        cmocka_unit_test_setup(refusals_carry_a_code_and_a_sentence, reset),
        cmocka_unit_test_setup(a_farewell_has_one_reason, reset),
        cmocka_unit_test_setup(in_step_costs_few_bytes, reset),
        cmocka_unit_test_setup(a_circles_scope_is_spelt_out, reset),
        cmocka_unit_test_setup(parts_of_an_exchange_come_back_as_sent, reset),
        cmocka_unit_test_setup(lists_of_symbols_ascend_and_are_as_many_as_they_say, reset),
        cmocka_unit_test_setup(asks_for_some_cells_and_not_too_many, reset),
        cmocka_unit_test_setup(nobody_asks_about_what_is_local, reset),
        cmocka_unit_test_setup(refuses_parts_of_entries_and_too_many, reset),
        cmocka_unit_test_setup(records_are_handed_on_as_they_are, reset),
        cmocka_unit_test_setup(accept_lists_come_back, reset),
        cmocka_unit_test_setup(a_frame_that_is_no_message_has_no_type, reset),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    rp_writer_free(&w);
    return failed;
}
