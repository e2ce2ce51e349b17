#include "sample.h"

#include "rp/limits.h"
#include "rp/noise.h"
#include "rp/session.h"

/* A session that was called by a peer made of Noise alone, who says what no session would. */
struct call {
    struct sample_org org[2]; /* of the caller, and of the session */
    struct rp_noise *noise;
    struct rp_noise_cipher send;
    struct rp_noise_cipher receive;
    struct rp_session *session;
    struct rp_slice frame; /* what the session gave last */
    uint64_t now;
};

static struct rp_noise *caller_new(void)
{
    struct rp_dh_key key = sample_noise_key(0);
    uint8_t ephemeral[RP_KEY_LEN];
    struct rp_noise_opts opts = {.initiator = true,
                                 .prologue = rp_bytes_str("rp/1"),
                                 .static_key = &key,
                                 .ephemeral_secret = ephemeral};
    struct rp_noise *noise;

    unit_fill(ephemeral, 600);
    noise = rp_noise_new(&opts);
    assert_non_null(noise);
    return noise;
}

/* Before a word was said. */
static struct call call_new(void)
{
    struct call c = {.org = {sample_org_new(0), sample_org_new(1)}, .noise = caller_new()};
    struct rp_dh_key key = sample_noise_key(1);
    struct rp_bytes proof = sample_proof(&c.org[1], &key);
    uint8_t ephemeral[RP_KEY_LEN];
    struct rp_session_opts opts = {
        .key = &key, .ephemeral = ephemeral, .proof = rp_bytes_slice(&proof)};

    unit_fill(ephemeral, 601);
    c.session = rp_session_new(&opts, 0);
    assert_non_null(c.session);
    rp_bytes_free(&proof);
    return c;
}

static void call_free(struct call *c)
{
    rp_noise_free(c->noise);
    rp_session_free(c->session);
    sample_org_free(&c->org[0]);
    sample_org_free(&c->org[1]);
}

/* Hands the session one Noise message, its length in front. */
static int deliver(struct call *c, const uint8_t *message, size_t len)
{
    static uint8_t bytes[2 + RP_NOISE_MESSAGE_MAX];
    struct rp_slice rest = {bytes, 2 + len};

    bytes[0] = (uint8_t)(len >> 8);
    bytes[1] = (uint8_t)len;
    memcpy(bytes + 2, message, len);
    return rp_session_receive(c->session, c->now, &rest, &c->frame);
}

static int deliver_handshake(struct call *c, struct rp_slice payload)
{
    static uint8_t message[RP_NOISE_MESSAGE_MAX];
    size_t len;

    assert_ok(rp_noise_write(c->noise, payload, message, &len));
    return deliver(c, message, len);
}

static struct call call_open(void)
{
    struct call c = call_new();
    struct rp_dh_key key = sample_noise_key(0);
    struct rp_bytes proof = sample_proof(&c.org[0], &key);
    static uint8_t payload[RP_NOISE_MESSAGE_MAX];
    struct rp_slice answer;
    size_t len;

    assert_ok(deliver_handshake(&c, (struct rp_slice){NULL, 0}));
    assert_ok(rp_session_transmit(c.session, &answer));
    answer = (struct rp_slice){answer.data + 2, answer.len - 2};
    assert_ok(rp_noise_read(c.noise, answer, payload, &len));
    assert_ok(deliver_handshake(&c, rp_bytes_slice(&proof)));
    assert_true(rp_session_is_open(c.session));
    rp_noise_split(c.noise, &c.send, &c.receive);
    rp_bytes_free(&proof);
    return c;
}

/* One Noise message of these bytes, in hex. */
static int say(struct call *c, const char *hex)
{
    struct rp_slice plain = unit_hex(hex);
    uint8_t sealed[256];

    assert_true(plain.len + RP_NOISE_TAG_LEN <= sizeof sealed);
    assert_ok(rp_noise_seal(&c->send, plain, sealed));
    unit_free(plain);
    return deliver(c, sealed, plain.len + RP_NOISE_TAG_LEN);
}

#define assert_frame(c, hex)                                                                       \
    do {                                                                                           \
        struct rp_slice wanted_ = unit_hex(hex);                                                   \
        assert_int_equal(rp_bytes_compare((c)->frame, wanted_), 0);                                \
        unit_free(wanted_);                                                                        \
    } while (0)

static void a_frame_may_be_cut_into_messages_anywhere(void **state)
{
    static const char *const cuts[][4] = {
        {"00", "0000", "04a3616263", NULL},
        {"00000004", "a3616263", NULL}, /* between header and content */
        {"00000004a3", "6162", "63", NULL},
        {"000000", "04a3616263", NULL},
        {"00000004a3616263", NULL},
    };
    struct call c = call_open();

    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        for (size_t part = 0; cuts[i][part] != NULL; part++) {
            assert_ok(say(&c, cuts[i][part]));
            if (cuts[i][part + 1] != NULL)
                assert_null(c.frame.data);
        }
        assert_frame(&c, "a3616263");
    }
    call_free(&c);
}

static void a_message_may_hold_many_frames(void **state)
{
    struct call c = call_open();
    struct rp_slice nothing = {NULL, 0};

    (void)state;
    assert_ok(say(&c, "00000001c2"
                      "00000002a161"
                      "000000"));
    assert_frame(&c, "c2");
    assert_ok(rp_session_receive(c.session, c.now, &nothing, &c.frame));
    assert_frame(&c, "a161");
    assert_ok(rp_session_receive(c.session, c.now, &nothing, &c.frame));
    assert_null(c.frame.data);
    assert_ok(say(&c, "01c3"));
    assert_frame(&c, "c3");
    call_free(&c);
}

static void a_frame_is_neither_empty_nor_too_long(void **state)
{
    static const struct {
        const char *header;
        int expected;
    } cases[] = {
        {"00000000", RP_ERR_MALFORMED},
        {"00100000", RP_OK}, /* 1 MiB, to come */
        {"00100001", RP_ERR_LIMIT},
        {"ffffffff", RP_ERR_LIMIT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call c = call_open();

        assert_int_equal(say(&c, cases[i].header), cases[i].expected);
        assert_null(c.frame.data);
        call_free(&c);
    }
}

static void a_message_of_nothing_neither_begins_nor_ends_a_frame(void **state)
{
    struct call c = call_open();

    (void)state;
    c.now = 5000;
    assert_ok(say(&c, ""));
    assert_true(rp_session_deadline(c.session) == UINT64_MAX);
    assert_ok(say(&c, "0000"));
    assert_int_equal(rp_session_deadline(c.session), 5000 + RP_FRAME_MS);
    c.now = 6000;
    assert_ok(say(&c, ""));
    assert_int_equal(rp_session_deadline(c.session), 5000 + RP_FRAME_MS); /* the frame's, still */
    assert_ok(say(&c, "0001c3"));
    assert_frame(&c, "c3");
    assert_true(rp_session_deadline(c.session) == UINT64_MAX);
    call_free(&c);
}

static void messages_without_a_whole_tag_end_it(void **state)
{
    static const uint8_t bytes[RP_NOISE_TAG_LEN - 1] = {1, 2, 3};

    (void)state;
    for (size_t n = 0; n <= sizeof bytes; n += sizeof bytes) {
        struct call c = call_open();

        assert_int_equal(deliver(&c, bytes, n), RP_ERR_CRYPTO);
        call_free(&c);
    }
}

static void a_handshake_that_is_none_ends_it(void **state)
{
    static const uint8_t zeroes[RP_KEY_LEN]; /* a key of small order */

    (void)state;
    for (size_t n = 0; n <= sizeof zeroes; n++) {
        struct call c = call_new();
        struct rp_slice answer;

        assert_int_equal(deliver(&c, zeroes, n), RP_ERR_CRYPTO);
        assert_ok(rp_session_transmit(c.session, &answer));
        assert_int_equal(answer.len, 0);
        assert_false(rp_session_is_open(c.session));
        call_free(&c);
    }
}

static void what_is_sent_is_not_empty_and_comes_with_its_length(void **state)
{
    static const uint8_t expected[] = {0, 0, 0, 2, 0xa1, 'a'};
    struct call c = call_open();
    uint8_t plain[64];
    struct rp_slice bytes;

    (void)state;
    assert_int_equal(rp_session_send(c.session, (struct rp_slice){NULL, 0}), RP_ERR_LIMIT);
    assert_int_equal(rp_session_queued(c.session), 0);
    assert_ok(rp_session_send(c.session, rp_bytes_str("\xa1"
                                                      "a")));
    assert_ok(rp_session_transmit(c.session, &bytes));
    assert_int_equal(bytes.len, 2 + sizeof expected + RP_NOISE_TAG_LEN);
    assert_int_equal(bytes.data[0], 0);
    assert_int_equal(bytes.data[1], sizeof expected + RP_NOISE_TAG_LEN);
    bytes = (struct rp_slice){bytes.data + 2, bytes.len - 2};
    assert_ok(rp_noise_unseal(&c.receive, bytes, plain));
    assert_memory_equal(plain, expected, sizeof expected);
    rp_session_free(NULL);
    call_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_may_be_cut_into_messages_anywhere),
        cmocka_unit_test(a_message_may_hold_many_frames),
        cmocka_unit_test(a_frame_is_neither_empty_nor_too_long),
        cmocka_unit_test(a_message_of_nothing_neither_begins_nor_ends_a_frame),
        cmocka_unit_test(messages_without_a_whole_tag_end_it),
        cmocka_unit_test(a_handshake_that_is_none_ends_it),
        cmocka_unit_test(what_is_sent_is_not_empty_and_comes_with_its_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
