#include "sample.h"

#include "rp/limits.h"
#include "rp/rand.h"
#include "rp/session.h"

struct ends {
    struct sample_org org[2];
    struct rp_session *session[2];
    struct rp_bytes heard[2]; /* frames received, one after the other */
    unsigned frames[2];
    struct rp_rand rand;
    int err[2];
};

static struct ends ends_new(const uint8_t *expected_org)
{
    struct ends e = {0};
    uint8_t seed[RP_RAND_SEED_LEN] = {8};

    rp_rand_init(&e.rand, seed);
    for (unsigned i = 0; i < 2; i++) {
        struct rp_dh_key key = sample_noise_key(i);
        uint8_t ephemeral[RP_KEY_LEN];
        struct rp_bytes proof;
        struct rp_session_opts opts = {.initiator = i == 0, .key = &key, .ephemeral = ephemeral};

        e.org[i] = sample_org_new(i);
        unit_fill(ephemeral, 600 + i);
        proof = sample_proof(&e.org[i], &key);
        opts.proof = rp_bytes_slice(&proof);
        opts.expected_org = i == 0 ? expected_org : NULL;
        e.session[i] = rp_session_new(&opts, 1000);
        assert_non_null(e.session[i]);
        rp_bytes_free(&proof);
    }
    return e;
}

static void ends_free(struct ends *e)
{
    for (int i = 0; i < 2; i++) {
        rp_session_free(e->session[i]);
        rp_bytes_free(&e->heard[i]);
        sample_org_free(&e->org[i]);
    }
}

/* One side anew, with ${opts} or (NULL) as it was made. */
static void ends_restart(struct ends *e, int side, const struct rp_session_opts *opts)
{
    struct rp_dh_key key = sample_noise_key((unsigned)side);
    struct rp_bytes proof = sample_proof(&e->org[side], &key);
    uint8_t ephemeral[RP_KEY_LEN];
    struct rp_session_opts usual = {.initiator = side == 0, .key = &key, .ephemeral = ephemeral};

    unit_fill(ephemeral, 600 + (unsigned)side);
    usual.proof = rp_bytes_slice(&proof);
    rp_session_free(e->session[side]);
    e->session[side] = rp_session_new(opts != NULL ? opts : &usual, 1000);
    assert_non_null(e->session[side]);
    e->err[side] = RP_OK;
    rp_bytes_free(&proof);
}

static void hear(struct ends *e, int side, struct rp_slice frame)
{
    struct rp_bytes *heard = &e->heard[side];

    heard->data = realloc(heard->data, heard->len + frame.len);
    assert_non_null(heard->data);
    memcpy(heard->data + heard->len, frame.data, frame.len);
    heard->len += frame.len;
    e->frames[side]++;
}

/* Hands ${bytes} to one side in pieces of random size up to ${piece}. */
static void deliver(struct ends *e, int side, struct rp_slice bytes, size_t piece)
{
    while (bytes.len > 0 && e->err[side] == RP_OK) {
        size_t n = 1 + rp_rand_below(&e->rand, piece);
        struct rp_slice part = {bytes.data, n < bytes.len ? n : bytes.len};
        struct rp_slice frame;

        bytes.data += part.len;
        bytes.len -= part.len;
        do {
            e->err[side] = rp_session_receive(e->session[side], 1000, &part, &frame);
            if (e->err[side] == RP_OK && frame.data != NULL)
                hear(e, side, frame);
        } while (e->err[side] == RP_OK && frame.data != NULL);
    }
}

/* Carries bytes both ways until neither side has any. */
static void pump(struct ends *e, size_t piece)
{
    bool moved = true;

    while (moved) {
        moved = false;
        for (int i = 0; i < 2; i++) {
            struct rp_slice bytes;

            assert_ok(rp_session_transmit(e->session[i], &bytes));
            if (bytes.len > 0) {
                moved = true;
                deliver(e, 1 - i, bytes, piece);
            }
        }
    }
}

static void opens_and_proves_both_sides(void **state)
{
    struct ends e = ends_new(NULL);

    (void)state;
    assert_int_equal(rp_session_send(e.session[0], rp_bytes_str("\xc0")), RP_ERR_STATE);
    assert_int_equal(rp_session_deadline(e.session[1]), 1000 + RP_HANDSHAKE_MS);
    pump(&e, 7);
    for (int i = 0; i < 2; i++) {
        assert_true(rp_session_is_open(e.session[i]));
        assert_memory_equal(rp_session_proof(e.session[i])->identity.org, e.org[1 - i].identity.org,
                            RP_ID_LEN);
        assert_true(rp_session_deadline(e.session[i]) == UINT64_MAX);
    }
    ends_free(&e);
}

static void insists_on_whom_it_expects(void **state)
{
    uint8_t somebody[RP_ID_LEN] = {1};
    struct sample_org right = sample_org_new(1);
    struct ends e = ends_new(somebody);

    (void)state;
    pump(&e, 1000);
    assert_int_equal(e.err[0], RP_ERR_KEY);
    assert_false(rp_session_is_open(e.session[0]));
    assert_false(rp_session_is_open(e.session[1])); /* it never learned who called */
    ends_free(&e);
    e = ends_new(right.identity.org);
    pump(&e, 1000);
    assert_true(rp_session_is_open(e.session[0]));
    ends_free(&e);
    sample_org_free(&right);
}

/* A frame holding one binary of ${len} bytes. */
static struct rp_bytes frame_of(size_t len)
{
    struct rp_bytes frame;
    struct rp_writer w;
    uint8_t *data = malloc(len > 0 ? len : 1);

    assert_non_null(data);
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(len + i + i / 251); /* so that no two pieces are alike */
    rp_writer_init(&w, RP_FRAME_MAX + 100);
    rp_writer_bin(&w, data, len);
    assert_ok(rp_writer_take(&w, &frame));
    free(data);
    return frame;
}

static void carries_frames_of_every_size_in_any_pieces(void **state)
{
    static const size_t sizes[] = {0, 1, 200, 65000, 65519, 65535, 70000, RP_FRAME_MAX - 5, 3};
    static const size_t pieces[] = {3000, 100000};

    (void)state;
    for (size_t p = 0; p < 2; p++) {
        struct ends e = ends_new(NULL);
        struct rp_bytes all = {NULL, 0};

        pump(&e, pieces[p]);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct rp_bytes frame = frame_of(sizes[i]);

            assert_ok(rp_session_send(e.session[0], rp_bytes_slice(&frame)));
            assert_ok(rp_session_send(e.session[1], rp_bytes_slice(&frame)));
            all.data = realloc(all.data, all.len + frame.len);
            assert_non_null(all.data);
            memcpy(all.data + all.len, frame.data, frame.len);
            all.len += frame.len;
            rp_bytes_free(&frame);
        }
        pump(&e, pieces[p]);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(e.frames[i], sizeof sizes / sizeof sizes[0]);
            assert_int_equal(e.heard[i].len, all.len);
            assert_memory_equal(e.heard[i].data, all.data, all.len);
            assert_int_equal(rp_session_queued(e.session[i]), 0);
        }
        rp_bytes_free(&all);
        ends_free(&e);
    }
}

static void goes_on_through_rekeying(void **state)
{
    struct ends e = ends_new(NULL);

    (void)state;
    pump(&e, 100000);
    for (unsigned i = 0; i < RP_REKEY_MESSAGES + 10; i++) {
        struct rp_slice bytes;

        assert_ok(rp_session_send(e.session[0], rp_bytes_str("\xc3")));
        assert_ok(rp_session_transmit(e.session[0], &bytes));
        deliver(&e, 1, bytes, 100);
        assert_ok(e.err[1]);
    }
    assert_int_equal(e.frames[1], RP_REKEY_MESSAGES + 10);
    ends_free(&e);
}

static void refuses_what_is_malformed_or_too_long(void **state)
{
    static const char *const refused[] = {"\x01\x02", "\xc1"};
    struct ends e;
    struct rp_bytes frame = frame_of(RP_FRAME_MAX);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        e = ends_new(NULL);
        pump(&e, 1000);
        assert_ok(rp_session_send(e.session[0], rp_bytes_str(refused[i])));
        pump(&e, 1000);
        assert_int_equal(e.err[1], RP_ERR_MALFORMED);
        ends_free(&e);
    }
    e = ends_new(NULL);
    pump(&e, 1000);
    assert_int_equal(rp_session_send(e.session[0], rp_bytes_slice(&frame)), RP_ERR_LIMIT);
    ends_free(&e);
    rp_bytes_free(&frame);
}

static void refuses_tampered_and_oversized_bytes(void **state)
{
    struct ends e = ends_new(NULL);
    uint8_t header[] = {0xff, 0xff, 0};
    struct rp_slice bytes;
    uint8_t *copy;

    (void)state;
    deliver(&e, 1, (struct rp_slice){header, sizeof header}, 10);
    assert_int_equal(e.err[1], RP_ERR_LIMIT); /* before any proof, messages are short */
    ends_free(&e);
    e = ends_new(NULL);
    pump(&e, 1000);
    assert_ok(rp_session_send(e.session[0], rp_bytes_str("\xc3")));
    assert_ok(rp_session_transmit(e.session[0], &bytes));
    copy = malloc(bytes.len);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.len);
    copy[bytes.len - 1] ^= 1;
    deliver(&e, 1, (struct rp_slice){copy, bytes.len}, 1000);
    assert_int_equal(e.err[1], RP_ERR_CRYPTO);
    free(copy);
    ends_free(&e);
}

static void a_frame_has_a_deadline(void **state)
{
    struct ends e = ends_new(NULL);
    struct rp_bytes frame = frame_of(200000);
    struct rp_slice bytes;
    struct rp_slice got;

    (void)state;
    pump(&e, 100000);
    assert_ok(rp_session_send(e.session[0], rp_bytes_slice(&frame)));
    assert_ok(rp_session_transmit(e.session[0], &bytes));
    assert_ok(rp_session_receive(e.session[1], 5000, &bytes, &got));
    assert_null(got.data);
    assert_int_equal(rp_session_deadline(e.session[1]), 5000 + RP_FRAME_MS);
    pump(&e, 100000);
    assert_int_equal(e.frames[1], 1);
    assert_true(rp_session_deadline(e.session[1]) == UINT64_MAX);
    rp_bytes_free(&frame);
    ends_free(&e);
}

/* Nobody can hold a link by sending one byte of a message now and then. */
static void the_clock_runs_from_the_first_byte_of_a_message(void **state)
{
    struct ends e = ends_new(NULL);
    struct rp_bytes frame = frame_of(50000);
    struct rp_slice bytes;
    struct rp_slice part;
    struct rp_slice got;

    (void)state;
    pump(&e, 100000);
    assert_ok(rp_session_send(e.session[0], rp_bytes_slice(&frame)));
    assert_ok(rp_session_transmit(e.session[0], &bytes));
    for (size_t i = 0; i < 20; i++) { /* the length alone, then a little of the message */
        part = (struct rp_slice){bytes.data + i, 1};
        assert_ok(rp_session_receive(e.session[1], 5000 + 1000 * i, &part, &got));
        assert_int_equal(rp_session_deadline(e.session[1]), 5000 + RP_FRAME_MS);
    }
    part = (struct rp_slice){bytes.data + 20, bytes.len - 20};
    assert_ok(rp_session_receive(e.session[1], 34000, &part, &got));
    assert_non_null(got.data);
    assert_true(rp_session_deadline(e.session[1]) == UINT64_MAX);
    rp_bytes_free(&frame);
    ends_free(&e);
}

/* The first Noise message of a frame does not start the clock anew when it is whole. */
static void a_frame_has_one_deadline_over_its_messages(void **state)
{
    struct ends e = ends_new(NULL);
    struct rp_bytes frame = frame_of(100000);
    struct rp_slice bytes;
    struct rp_slice part;
    struct rp_slice got;

    (void)state;
    pump(&e, 100000);
    assert_ok(rp_session_send(e.session[0], rp_bytes_slice(&frame)));
    assert_ok(rp_session_transmit(e.session[0], &bytes));
    part = (struct rp_slice){bytes.data, 1};
    assert_ok(rp_session_receive(e.session[1], 5000, &part, &got));
    part = (struct rp_slice){bytes.data + 1, bytes.len - 1};
    assert_ok(rp_session_receive(e.session[1], 20000, &part, &got));
    assert_null(got.data);
    assert_int_equal(rp_session_deadline(e.session[1]), 5000 + RP_FRAME_MS);
    assert_ok(rp_session_transmit(e.session[0], &bytes));
    assert_ok(rp_session_receive(e.session[1], 21000, &bytes, &got));
    assert_int_equal(got.len, frame.len);
    assert_true(rp_session_deadline(e.session[1]) == UINT64_MAX);
    rp_bytes_free(&frame);
    ends_free(&e);
}

static void a_proof_that_does_not_hold_has_few_errors(void **state)
{
    static const uint8_t ephemeral[RP_KEY_LEN] = {7};
    struct rp_dh_key keys[] = {sample_noise_key(0), sample_noise_key(1)};
    struct sample_org org = sample_org_new(0);
    struct rp_bytes proof = sample_proof(&org, &keys[1]); /* of another node */
    struct rp_session_opts opts = {.initiator = true, .key = &keys[0], .ephemeral = ephemeral};
    struct ends e = ends_new(NULL);

    (void)state;
    for (int i = 0; i < 3; i++) {
        static const int expected[] = {RP_ERR_KEY, RP_ERR_KEY, RP_ERR_SHAPE};

        if (i == 1)
            proof.data[20] ^= 1; /* inside what is signed */
        opts.proof = i < 2 ? rp_bytes_slice(&proof) : rp_bytes_str("\xc1");
        for (int side = 0; side < 2; side++)
            ends_restart(&e, side, side == 0 ? &opts : NULL);
        pump(&e, 1000);
        assert_int_equal(e.err[1], expected[i]);
    }
    rp_bytes_free(&proof);
    sample_org_free(&org);
    ends_free(&e);
}

static void takes_no_proof_that_no_message_can_carry(void **state)
{
    static uint8_t proof[RP_PROOF_MAX + 1];
    uint8_t ephemeral[RP_KEY_LEN] = {7};
    struct rp_dh_key key = sample_noise_key(0);
    struct rp_session_opts opts = {.key = &key, .ephemeral = ephemeral, .proof = {proof, 1}};
    struct rp_session *session = rp_session_new(&opts, 0);

    (void)state;
    assert_non_null(session);
    rp_session_free(session);
    opts.proof.len = sizeof proof;
    assert_null(rp_session_new(&opts, 0));
}

/* What is queued moves to the front of its buffer when that makes room. */
static void what_is_sent_while_half_is_on_the_way_follows_whole(void **state)
{
    static const size_t sizes[] = {99995, 49997, 30000}; /* the second fits only at the front */
    struct ends e = ends_new(NULL);
    struct rp_slice bytes;
    size_t at = 0;

    (void)state;
    pump(&e, 100000);
    for (size_t i = 0; i < 3; i++) {
        struct rp_bytes frame = frame_of(sizes[i]);

        assert_ok(rp_session_send(e.session[0], rp_bytes_slice(&frame)));
        rp_bytes_free(&frame);
        if (i == 0) {
            assert_ok(rp_session_transmit(e.session[0], &bytes));
            deliver(&e, 1, bytes, 100000);
            assert_int_equal(e.frames[1], 0);
        }
    }
    pump(&e, 100000);
    assert_int_equal(e.frames[1], 3);
    for (size_t i = 0; i < 3; i++) {
        struct rp_bytes frame = frame_of(sizes[i]);

        assert_true(at + frame.len <= e.heard[1].len);
        assert_memory_equal(e.heard[1].data + at, frame.data, frame.len);
        at += frame.len;
        rp_bytes_free(&frame);
    }
    assert_int_equal(at, e.heard[1].len);
    ends_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_and_proves_both_sides),
        cmocka_unit_test(insists_on_whom_it_expects),
        cmocka_unit_test(carries_frames_of_every_size_in_any_pieces),
        cmocka_unit_test(goes_on_through_rekeying),
        cmocka_unit_test(refuses_what_is_malformed_or_too_long),
        cmocka_unit_test(refuses_tampered_and_oversized_bytes),
        cmocka_unit_test(a_frame_has_a_deadline),
        cmocka_unit_test(the_clock_runs_from_the_first_byte_of_a_message),
        cmocka_unit_test(a_frame_has_one_deadline_over_its_messages),
        cmocka_unit_test(a_proof_that_does_not_hold_has_few_errors),
        cmocka_unit_test(takes_no_proof_that_no_message_can_carry),
        cmocka_unit_test(what_is_sent_while_half_is_on_the_way_follows_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
