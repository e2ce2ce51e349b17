#include "sample.h"

#include <sodium.h>

#include "rp/limits.h"
#include "rp/session.h"
#include "rp/teller.h"
#include "rp/token.h"

/*
 * What held a secret is wiped before it is freed. Not run under valgrind: the look at what is wiped
 * reads bytes that were never written.
 */

/* A secret that no chance has made, and how often it was in what was wiped. */
static const uint8_t secret[RP_TOKEN_SECRET_LEN] = "not to be found";
static unsigned wiped;

/* In front of libsodium's: does the same, and looks at what it is given. */
void sodium_memzero(void *const data, const size_t len)
{
    volatile uint8_t *bytes = data;

    for (size_t i = 0; i + sizeof secret <= len; i++)
        wiped += memcmp((const uint8_t *)data + i, secret, sizeof secret) == 0;
    for (size_t i = 0; i < len; i++)
        bytes[i] = 0;
}

static void a_secret_writer_leaves_nothing_behind(void **state)
{
    static const uint8_t more[1000];
    struct rp_writer w;

    (void)state;
    for (int is_secret = 0; is_secret < 2; is_secret++) {
        wiped = 0;
        if (is_secret)
            rp_writer_init_secret(&w, 10000);
        else
            rp_writer_init(&w, 10000);
        rp_writer_bin(&w, secret, sizeof secret);
        rp_writer_bin(&w, more, sizeof more); /* outgrows the first buffer */
        assert_int_equal(wiped, is_secret);
        rp_writer_free(&w);
        assert_int_equal(wiped, 2 * is_secret);
    }
}

static void an_invite_leaves_nothing_behind(void **state)
{
    struct rp_token token = {.expires = 1795000000};
    char text[RP_TOKEN_TEXT_MAX + 1];

    (void)state;
    memcpy(token.secret, secret, sizeof secret);
    wiped = 0;
    assert_ok(rp_token_write(text, &token));
    assert_true(wiped >= 1); /* more where the stack holds a copy still */
    wiped = 0;
    assert_ok(rp_token_read(&token, text));
    assert_true(wiped >= 1);
    assert_memory_equal(token.secret, secret, sizeof secret);
}

static void a_tellers_code_leaves_nothing_behind(void **state)
{
    uint8_t read[RP_TELLER_SECRET_LEN];
    char text[RP_TELLER_TEXT_LEN + 1];

    (void)state;
    wiped = 0;
    rp_teller_write(text, secret);
    assert_true(wiped >= 1); /* more where the hash has held it, too */
    wiped = 0;
    assert_ok(rp_teller_read(read, text));
    assert_true(wiped >= 1);
    assert_memory_equal(read, secret, sizeof read);
}

/* Both sides of a link, from the same small numbers each time. */
static struct rp_session *session_new(bool initiator)
{
    struct sample_org org = sample_org_new(initiator);
    struct rp_dh_key key = sample_noise_key(initiator);
    struct rp_bytes proof = sample_proof(&org, &key);
    uint8_t ephemeral[RP_KEY_LEN];
    struct rp_session_opts opts = {.initiator = initiator, .key = &key, .ephemeral = ephemeral};
    struct rp_session *session;

    unit_fill(ephemeral, 600 + initiator);
    opts.proof = rp_bytes_slice(&proof);
    session = rp_session_new(&opts, 0);
    assert_non_null(session);
    rp_bytes_free(&proof);
    sample_org_free(&org);
    return session;
}

/* Carries all bytes from one session to the other; the number of frames that came of them. */
static unsigned carry(struct rp_session *from, struct rp_session *to)
{
    struct rp_slice bytes;
    struct rp_slice frame;
    unsigned frames = 0;

    do {
        assert_ok(rp_session_transmit(from, &bytes));
        do {
            assert_ok(rp_session_receive(to, 0, &bytes, &frame));
            frames += frame.data != NULL;
        } while (frame.data != NULL);
    } while (bytes.data != NULL && bytes.len > 0);
    return frames;
}

static void a_session_leaves_nothing_behind(void **state)
{
    struct rp_session *caller = session_new(true);
    struct rp_session *called = session_new(false);
    static const uint8_t more[3000];
    struct rp_writer w;

    (void)state;
    (void)carry(caller, called);
    (void)carry(called, caller);
    (void)carry(caller, called);
    assert_true(rp_session_is_open(caller) && rp_session_is_open(called));
    rp_writer_init(&w, 10000);
    rp_writer_bin(&w, secret, sizeof secret);
    wiped = 0;
    assert_ok(rp_session_send(caller, rp_writer_slice(&w)));
    assert_int_equal(carry(caller, called), 1);
    assert_int_equal(wiped, 2); /* where it waited to go, and where it arrived */
    rp_session_free(called);
    assert_int_equal(wiped, 3); /* the message as it was unsealed */
    wiped = 0;
    assert_ok(rp_session_send(caller, rp_writer_slice(&w)));
    rp_writer_reset(&w);
    rp_writer_bin(&w, more, sizeof more);
    assert_ok(rp_session_send(caller, rp_writer_slice(&w))); /* outgrows the queue's buffer */
    assert_int_equal(wiped, 1);
    rp_session_free(caller);
    assert_int_equal(wiped, 2);
    rp_writer_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_writer_leaves_nothing_behind),
        cmocka_unit_test(an_invite_leaves_nothing_behind),
        cmocka_unit_test(a_tellers_code_leaves_nothing_behind),
        cmocka_unit_test(a_session_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
