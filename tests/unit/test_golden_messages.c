#include "golden.h"
#include "rp/verify.h"

#include "rp/limits.h"
#include "rp/message.h"
#include "rp/verify.h"

/*
 * The messages of SPEC 3.4 and 3.5, as the second implementation writes them. Each take_ function
 * reads a frame, writes it again to ${w}, and compares what it read with ${fields}, unless these
 * are NULL: then only the reading matters.
 */

static void check_entries(struct rp_slice entries, json_t *fields, const char *name)
{
    struct rp_slice expected = golden_joined(json_object_get(fields, name));

    assert_int_equal(entries.len, expected.len);
    if (entries.len > 0)
        assert_memory_equal(entries.data, expected.data, entries.len);
    unit_free(expected);
}

static void check_scope(const uint8_t scope[static RP_ID_LEN], json_t *fields)
{
    if (json_is_null(json_object_get(fields, "scope")))
        assert_memory_equal(scope, rp_record_commons, RP_ID_LEN);
    else
        golden_assert((struct rp_slice){scope, RP_ID_LEN}, fields, "scope");
}

static void check_truth(bool value, json_t *fields, const char *name)
{
    assert_true(json_is_boolean(json_object_get(fields, name)));
    assert_int_equal(value, json_is_true(json_object_get(fields, name)));
}

static void check_hello(const struct rp_hello *hello, json_t *map)
{
    json_t *addresses = json_object_get(map, "addresses");
    json_t *invite = json_object_get(map, "invite");
    json_t *circle = json_object_get(map, "circle");

    golden_assert((struct rp_slice){hello->accept, RP_HASH_LEN}, map, "accept");
    assert_true(hello->time == golden_number(map, "time"));
    assert_true(hello->codecs == 3 && hello->speaks_this);
    golden_assert_text(hello->software, map, "software");
    assert_int_equal(hello->addresses, json_array_size(addresses));
    for (uint32_t i = 0; i < hello->addresses; i++)
        assert_int_equal(rp_bytes_compare(hello->address[i], rp_bytes_str(json_string_value(
                                                                 json_array_get(addresses, i)))),
                         0);
    assert_int_equal(hello->has_invite, invite != NULL);
    if (invite != NULL)
        golden_assert((struct rp_slice){hello->invite, RP_TOKEN_SECRET_LEN}, map, "invite");
    assert_int_equal(hello->circle.len > 0, circle != NULL);
    if (circle != NULL)
        golden_assert(hello->circle, map, "circle");
}

static int take_hello(struct rp_writer *w, struct rp_slice frame, json_t *fields)
{
    struct rp_hello hello;
    int err = rp_message_read_hello(&hello, frame);

    if (err != RP_OK)
        return err;
    rp_message_write_hello(w, &hello);
    if (fields != NULL)
        check_hello(&hello, json_object_get(fields, "map"));
    return RP_OK;
}

/* A copy with NUL at its end, for free(). */
static char *string_of(struct rp_slice text)
{
    char *copy = calloc(1, text.len + 1);

    assert_non_null(copy);
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    return copy;
}

static int take_refuse(struct rp_writer *w, struct rp_slice frame, json_t *fields)
{
    struct rp_refusal refusal;
    int err = rp_message_read_refuse(&refusal, frame);
    char *code;
    char *text;

    if (err != RP_OK)
        return err;
    code = string_of(refusal.code);
    text = string_of(refusal.text);
    rp_message_write_refuse(w, code, text);
    if (fields != NULL) {
        assert_string_equal(code, golden_text(fields, "code"));
        assert_string_equal(text, golden_text(fields, "text"));
    }
    free(code);
    free(text);
    return RP_OK;
}

static int take_bye(struct rp_writer *w, struct rp_slice frame, json_t *fields)
{
    struct rp_slice reason;
    char *text;
    int err = rp_message_read_bye(&reason, frame);

    if (err != RP_OK)
        return err;
    text = string_of(reason);
    rp_message_write_bye(w, text);
    if (fields != NULL)
        assert_string_equal(text, golden_text(fields, "reason"));
    free(text);
    return RP_OK;
}

static int take_accept(struct rp_writer *w, struct rp_slice frame, json_t *fields)
{
    struct rp_accept accept;
    int err = rp_message_read_accept(&accept, frame);

    if (err != RP_OK)
        return err;
    rp_message_write_accept(w, &accept);
    if (fields != NULL) {
        check_truth(accept.reset, fields, "reset");
        check_truth(accept.more, fields, "more");
        check_entries(accept.accepted, fields, "accepted");
        check_entries(accept.kept, fields, "kept");
    }
    return RP_OK;
}

static void check_tally(const struct rp_tally *tally, bool asks, json_t *pair)
{
    assert_int_equal(asks, json_is_array(pair));
    if (!asks)
        return;
    assert_true(tally->count == (uint64_t)json_integer_value(json_array_get(pair, 0)));
    golden_assert_hex((struct rp_slice){tally->digest, RP_HASH_LEN},
                      json_string_value(json_array_get(pair, 1)));
}

static int take_check(struct rp_writer *w, struct rp_slice frame, json_t *fields)
{
    struct rp_check check;
    int err = rp_message_read_check(&check, frame);

    if (err != RP_OK)
        return err;
    rp_message_write_check(w, &check);
    if (fields != NULL) {
        assert_true(check.exchange == golden_number(fields, "exchange"));
        check_scope(check.scope, fields);
        check_tally(&check.tally[RP_SET_CONTROL], check.asks[RP_SET_CONTROL],
                    json_object_get(fields, "control"));
        check_tally(&check.tally[RP_SET_CONTENT], check.asks[RP_SET_CONTENT],
                    json_object_get(fields, "content"));
    }
    return RP_OK;
}

static int take_exchange(struct rp_writer *w, int type, struct rp_slice frame, json_t *fields)
{
    uint64_t exchange;
    int err = rp_message_read_exchange(&exchange, frame);

    if (err != RP_OK)
        return err;
    if (type == RP_MESSAGE_EQUAL)
        rp_message_write_equal(w, exchange);
    else
        rp_message_write_done(w, exchange);
    if (fields != NULL)
        assert_true(exchange == golden_number(fields, "exchange"));
    return RP_OK;
}

/* Of each part the fields that its vector names. */
static void check_part(const struct rp_part *part, json_t *fields)
{
    static const char *const numbers[] = {"available", "first"};

    assert_true(part->exchange == golden_number(fields, "exchange"));
    assert_int_equal(part->set, golden_number(fields, "set"));
    if (json_object_get(fields, "count") != NULL) {
        assert_true(part->tally.count == golden_number(fields, "count"));
        golden_assert((struct rp_slice){part->tally.digest, RP_HASH_LEN}, fields, "digest");
    }
    for (size_t i = 0; i < 2; i++) {
        if (json_object_get(fields, numbers[i]) != NULL)
            assert_int_equal(part->first, golden_number(fields, numbers[i]));
    }
    if (json_object_get(fields, "n") != NULL)
        assert_int_equal(part->n, golden_number(fields, "n"));
    assert_int_equal(part->has_after, json_is_string(json_object_get(fields, "after")));
    if (part->has_after)
        golden_assert((struct rp_slice){part->after, RP_SYMBOL_LEN}, fields, "after");
    if (json_object_get(fields, "last") != NULL)
        check_truth(part->last, fields, "last");
    check_entries(part->symbols, fields, "symbols");
    check_entries(part->cells, fields, "cells");
    if (json_object_get(fields, "digests") != NULL)
        golden_assert(part->digests, fields, "digests");
}

static int take_part(struct rp_writer *w, int type, struct rp_slice frame, json_t *fields)
{
    struct rp_part part;
    int err = rp_message_read_part(&part, (enum rp_message_type)type, frame);

    if (err != RP_OK)
        return err;
    rp_message_write_part(w, (enum rp_message_type)type, &part);
    if (fields != NULL)
        check_part(&part, fields);
    return RP_OK;
}

static int take_have(struct rp_writer *w, struct rp_slice frame, json_t *fields)
{
    struct rp_have have;
    int err = rp_message_read_have(&have, frame);

    if (err != RP_OK)
        return err;
    rp_message_write_have(w, &have);
    if (fields != NULL) {
        check_scope(have.scope, fields);
        assert_int_equal(have.set, golden_number(fields, "set"));
        check_entries(have.symbols, fields, "symbols");
    }
    return RP_OK;
}

static int take_want(struct rp_writer *w, struct rp_slice frame, json_t *fields)
{
    struct rp_want want;
    int err = rp_message_read_want(&want, frame);

    if (err != RP_OK)
        return err;
    rp_message_write_want(w, &want);
    if (fields != NULL) {
        assert_true(want.request == golden_number(fields, "request"));
        check_entries(want.prefixes, fields, "prefixes");
    }
    return RP_OK;
}

static int take_records(struct rp_writer *w, struct rp_slice frame, json_t *fields)
{
    struct rp_records records;
    int err = rp_message_read_records(&records, frame);
    struct rp_slice items;

    if (err != RP_OK)
        return err;
    items = (struct rp_slice){records.items.at, records.items.left};
    rp_message_write_records(w, records.request, records.last, records.n, items);
    if (fields == NULL)
        return RP_OK;
    assert_true(records.request == golden_number(fields, "request"));
    check_truth(records.last, fields, "last");
    check_entries(items, fields, "records");
    for (uint32_t i = 0; i < records.n; i++) {
        struct rp_opened opened;

        assert_ok(rp_record_open(&opened, rp_reader_item(&records.items)));
        rp_record_close(&opened);
    }
    return RP_OK;
}

static int take_beacon(struct rp_writer *w, struct rp_slice frame, json_t *fields)
{
    json_t *parts = fields != NULL ? json_object_get(fields, "sealed") : NULL;
    struct rp_slice sealed;
    struct rp_reader r;
    int err = rp_message_read_beacon(&sealed, frame);

    if (err != RP_OK)
        return err;
    rp_message_write_beacon(w, sealed);
    rp_reader_init(&r, sealed);
    assert_int_equal(rp_reader_array(&r), 3);
    for (size_t i = 0; i < 3 && parts != NULL; i++)
        golden_assert_hex(rp_reader_bin(&r), json_string_value(json_array_get(parts, i)));
    return RP_OK;
}

static int take_seen(struct rp_writer *w, struct rp_slice frame, json_t *fields)
{
    struct rp_seen seen;
    int err = rp_message_read_seen(&seen, frame);

    if (err != RP_OK)
        return err;
    rp_message_write_seen(w, &seen);
    if (fields != NULL) {
        check_scope(seen.scope, fields);
        check_entries(seen.entries, fields, "entries");
    }
    return RP_OK;
}

static int take(struct rp_writer *w, struct rp_slice frame, json_t *fields)
{
    int type = rp_message_type(frame);

    switch (type) {
    case RP_MESSAGE_HELLO:
        return take_hello(w, frame, fields);
    case RP_MESSAGE_REFUSE:
        return take_refuse(w, frame, fields);
    case RP_MESSAGE_BYE:
        return take_bye(w, frame, fields);
    case RP_MESSAGE_ACCEPT:
        return take_accept(w, frame, fields);
    case RP_MESSAGE_CHECK:
        return take_check(w, frame, fields);
    case RP_MESSAGE_EQUAL:
    case RP_MESSAGE_DONE:
        return take_exchange(w, type, frame, fields);
    case RP_MESSAGE_HAVE:
        return take_have(w, frame, fields);
    case RP_MESSAGE_WANT:
        return take_want(w, frame, fields);
    case RP_MESSAGE_RECORDS:
        return take_records(w, frame, fields);
    case RP_MESSAGE_BEACON:
        return take_beacon(w, frame, fields);
    case RP_MESSAGE_SEEN:
        return take_seen(w, frame, fields);
    default:
        return type < 0 ? type : take_part(w, type, frame, fields);
    }
}

/* What a HELLO says that this library does not know is not written again. */
static bool says_more(json_t *fields)
{
    json_t *map = json_object_get(fields, "map");

    return map != NULL && json_object_get(map, "zzz later") != NULL;
}

static void messages_are_read_and_written_alike(void **state)
{
    uint64_t seen = 0;
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("messages"), i, v)
    {
        json_t *fields = json_object_get(v, "fields");
        struct rp_slice frame = golden_hex(v, "frame");
        struct rp_writer w;

        assert_ok(rp_canonical_check(frame.data, frame.len));
        assert_int_equal(rp_message_type(frame), golden_number(v, "number"));
        seen |= UINT64_C(1) << golden_number(v, "number");
        rp_writer_init(&w, RP_FRAME_MAX);
        assert_ok(take(&w, frame, fields));
        assert_ok(w.err);
        if (!says_more(fields))
            golden_assert(rp_writer_slice(&w), v, "frame");
        rp_writer_free(&w);
        unit_free(frame);
    }
    assert_true(seen == 0x210001fffe); /* 1 to 16, 32 and 37 */
}

static void malformed_messages_are_refused(void **state)
{
    unsigned wrong = 0;
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("messages_invalid"), i, v)
    {
        struct rp_slice frame = golden_hex(v, "frame");
        int err = rp_canonical_check(frame.data, frame.len);
        struct rp_writer w;

        rp_writer_init(&w, RP_FRAME_MAX);
        if (err == RP_OK)
            err = take(&w, frame, NULL);
        golden_expect(err != RP_OK, v, &wrong);
        rp_writer_free(&w);
        unit_free(frame);
    }
    assert_int_equal(wrong, 0);
}

static void unknown_messages_are_no_fault(void **state)
{
    unsigned wrong = 0;
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("messages_ignored"), i, v)
    {
        struct rp_slice frame = golden_hex(v, "frame");
        int type = rp_message_type(frame);

        golden_expect(type == 0 || (type > RP_MESSAGE_RECORDS && type != RP_MESSAGE_BEACON &&
                                    type != RP_MESSAGE_SEEN),
                      v, &wrong);
        unit_free(frame);
    }
    assert_int_equal(wrong, 0);
}

static void words_are_the_same_for_both_sides(void **state)
{
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("verify"), i, v)
    {
        uint8_t bytes[4][32];
        struct rp_verify_side a = {bytes[0], bytes[1]};
        struct rp_verify_side b = {bytes[2], bytes[3]};
        char text[RP_VERIFY_TEXT_LEN + 1];

        golden_into(bytes[0], 32, v, "org_a");
        golden_into(bytes[1], 32, v, "noise_a");
        golden_into(bytes[2], 32, v, "org_b");
        golden_into(bytes[3], 32, v, "noise_b");
        rp_verify_words(text, &a, &b);
        assert_string_equal(text, golden_text(v, "words"));
        rp_verify_words(text, &b, &a);
        assert_string_equal(text, golden_text(v, "words"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_read_and_written_alike),
        cmocka_unit_test(malformed_messages_are_refused),
        cmocka_unit_test(unknown_messages_are_no_fault),
        cmocka_unit_test(words_are_the_same_for_both_sides),
    };

    return cmocka_run_group_tests(tests, golden_load, golden_unload);
}
