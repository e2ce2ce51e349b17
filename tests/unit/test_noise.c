#define _GNU_SOURCE /* RTLD_NEXT */

#include "unit.h"

#include <dlfcn.h>
#include <jansson.h>
#include <sodium.h>

#include "rp/noise.h"

static bool secrets_make_no_key;

/* Stands in front of libsodium's, which takes every secret. */
int crypto_scalarmult_base(unsigned char *q, const unsigned char *n)
{
    int (*real)(unsigned char *, const unsigned char *);

    *(void **)&real = dlsym(RTLD_NEXT, "crypto_scalarmult_base");
    assert_non_null(real);
    return secrets_make_no_key ? -1 : real(q, n);
}

/*
 * All vectors of tests/vectors/noise_xx*.json, both sides of each; see tests/vectors/README.md for
 * where they come from.
 */

static const char *text_of(json_t *vector, const char *key)
{
    return json_string_value(json_object_get(vector, key));
}

static struct rp_slice hex_of(json_t *vector, const char *key)
{
    const char *text = text_of(vector, key);

    return unit_hex(text != NULL ? text : "");
}

/* Whether the pattern's name, "Noise_XXpsk0+psk2_...", has a psk at ${place}. */
static bool has_psk(json_t *vector, unsigned place)
{
    char name[] = "psk0";

    name[3] = (char)('0' + place);
    return strstr(text_of(vector, "protocol_name"), name) != NULL;
}

struct side {
    struct rp_noise *noise;
    struct rp_noise_cipher send;
    struct rp_noise_cipher receive;
};

static void open_side(struct side *side, json_t *vector, bool initiator)
{
    struct rp_slice prologue = hex_of(vector, initiator ? "init_prologue" : "resp_prologue");
    struct rp_slice secret = hex_of(vector, initiator ? "init_static" : "resp_static");
    struct rp_slice ephemeral = hex_of(vector, initiator ? "init_ephemeral" : "resp_ephemeral");
    json_t *psks = json_object_get(vector, initiator ? "init_psks" : "resp_psks");
    struct rp_slice psk[RP_NOISE_PSKS] = {{NULL, 0}};
    struct rp_dh_key key;
    struct rp_noise_opts opts = {.initiator = initiator,
                                 .prologue = prologue,
                                 .static_key = &key,
                                 .ephemeral_secret = ephemeral.data};
    size_t next = 0;

    assert_ok(rp_key_dh_from_secret(&key, secret.data));
    for (unsigned i = 0; i < RP_NOISE_PSKS; i++) {
        if (!has_psk(vector, i))
            continue;
        psk[i] = unit_hex(json_string_value(json_array_get(psks, next++)));
        opts.psks[i] = psk[i].data;
    }
    side->noise = rp_noise_new(&opts);
    assert_non_null(side->noise);
    for (unsigned i = 0; i < RP_NOISE_PSKS; i++)
        unit_free(psk[i]);
    unit_free(prologue);
    unit_free(secret);
    unit_free(ephemeral);
}

/* One handshake message, written by ${from} and read by ${to}, as in the vector. */
static void pass_handshake(struct side *from, struct side *to, struct rp_slice payload,
                           struct rp_slice ciphertext)
{
    uint8_t out[4096];
    uint8_t back[4096];
    size_t len;

    assert_int_equal(payload.len + rp_noise_overhead(from->noise), ciphertext.len);
    assert_ok(rp_noise_write(from->noise, payload, out, &len));
    assert_int_equal(len, ciphertext.len);
    assert_memory_equal(out, ciphertext.data, len);
    assert_ok(rp_noise_read(to->noise, ciphertext, back, &len));
    assert_int_equal(len, payload.len);
    assert_memory_equal(back, payload.data, len);
}

static void pass_transport(struct side *from, struct side *to, struct rp_slice payload,
                           struct rp_slice ciphertext)
{
    uint8_t out[4096];
    uint8_t back[4096];

    assert_ok(rp_noise_seal(&from->send, payload, out));
    assert_int_equal(payload.len + RP_NOISE_TAG_LEN, ciphertext.len);
    assert_memory_equal(out, ciphertext.data, ciphertext.len);
    assert_ok(rp_noise_unseal(&to->receive, ciphertext, back));
    assert_memory_equal(back, payload.data, payload.len);
}

static void check_hash(json_t *vector, const struct side *side)
{
    struct rp_slice hash = hex_of(vector, "handshake_hash");

    if (hash.len > 0)
        assert_memory_equal(rp_noise_handshake_hash(side->noise), hash.data, RP_NOISE_HASH_LEN);
    unit_free(hash);
}

static void run_vector(json_t *vector)
{
    struct side sides[2];
    json_t *message;
    size_t i;

    open_side(&sides[0], vector, true);
    open_side(&sides[1], vector, false);
    json_array_foreach(json_object_get(vector, "messages"), i, message)
    {
        struct rp_slice payload = hex_of(message, "payload");
        struct rp_slice ciphertext = hex_of(message, "ciphertext");
        struct side *from = &sides[i % 2];
        struct side *to = &sides[1 - i % 2];

        if (i < 3)
            pass_handshake(from, to, payload, ciphertext);
        else
            pass_transport(from, to, payload, ciphertext);
        if (i == 2) {
            for (int s = 0; s < 2; s++) {
                assert_true(rp_noise_is_done(sides[s].noise));
                rp_noise_split(sides[s].noise, &sides[s].send, &sides[s].receive);
                check_hash(vector, &sides[s]);
            }
        }
        unit_free(payload);
        unit_free(ciphertext);
    }
    assert_true(i > 3);
    rp_noise_free(sides[0].noise);
    rp_noise_free(sides[1].noise);
}

static void run_file(const char *path, size_t expected)
{
    json_t *file = json_load_file(path, 0, NULL);
    json_t *vectors = json_object_get(file, "vectors");
    json_t *vector;
    size_t i;

    assert_int_equal(json_array_size(vectors), expected);
    json_array_foreach(vectors, i, vector) run_vector(vector);
    json_decref(file);
}

static void passes_the_published_vectors(void **state)
{
    (void)state;
    run_file(VECTORS "/noise_xx.json", 9);
}

static void passes_the_derived_vectors(void **state)
{
    (void)state;
    run_file(VECTORS "/noise_xx_derived.json", 4);
}

static void rekeys_as_the_specification_says(void **state)
{
    struct rp_noise_cipher cipher = {.nonce = 3};

    (void)state;
    memset(cipher.key, 1, sizeof cipher.key);
    rp_noise_rekey(&cipher);
    assert_int_equal(cipher.key[0], 0x6c); /* npm noise-protocol 3.0.2: 6cfb2b96...7ad788 */
    assert_int_equal(cipher.key[1], 0xfb);
    assert_int_equal(cipher.key[2], 0x2b);
    assert_int_equal(cipher.key[3], 0x96);
    assert_int_equal(cipher.key[29], 0x7a);
    assert_int_equal(cipher.key[30], 0xd7);
    assert_int_equal(cipher.key[31], 0x88);
    assert_int_equal(cipher.nonce, 3);
}

static void stops_before_the_reserved_nonce(void **state)
{
    struct rp_noise_cipher cipher = {.nonce = UINT64_MAX - 1};
    uint8_t out[RP_NOISE_TAG_LEN];

    (void)state;
    assert_ok(rp_noise_seal(&cipher, (struct rp_slice){NULL, 0}, out));
    assert_int_equal(rp_noise_seal(&cipher, (struct rp_slice){NULL, 0}, out), RP_ERR_LIMIT);
    assert_int_equal(rp_noise_unseal(&cipher, (struct rp_slice){out, sizeof out}, out),
                     RP_ERR_LIMIT);
}

static struct rp_noise *side_new(bool initiator)
{
    uint8_t secret[RP_KEY_LEN];
    struct rp_dh_key key;
    struct rp_noise_opts opts = {
        .initiator = initiator, .static_key = &key, .ephemeral_secret = secret};
    struct rp_noise *noise;

    unit_fill(secret, initiator ? 1 : 2);
    assert_ok(rp_key_dh_from_secret(&key, secret));
    unit_fill(secret, initiator ? 3 : 4);
    noise = rp_noise_new(&opts);
    assert_non_null(noise);
    return noise;
}

static void refuses_a_key_of_small_order(void **state)
{
    uint8_t out[256] = {0}; /* the point zero as ephemeral key */
    struct rp_noise *responder = side_new(false);
    size_t len;

    (void)state;
    assert_ok(rp_noise_read(responder, (struct rp_slice){out, 32}, out, &len));
    assert_int_equal(rp_noise_write(responder, (struct rp_slice){NULL, 0}, out, &len),
                     RP_ERR_CRYPTO);
    assert_int_equal(rp_noise_write(responder, (struct rp_slice){NULL, 0}, out, &len),
                     RP_ERR_STATE);
    rp_noise_free(responder);
}

static void refuses_short_damaged_and_untimely_messages(void **state)
{
    struct rp_noise *initiator = side_new(true);
    struct rp_noise *responder = side_new(false);
    uint8_t message[256];
    uint8_t out[256];
    size_t len;

    (void)state;
    assert_int_equal(rp_noise_read(initiator, (struct rp_slice){out, 32}, out, &len), RP_ERR_STATE);
    assert_int_equal(rp_noise_read(responder, (struct rp_slice){out, 31}, out, &len),
                     RP_ERR_CRYPTO);
    rp_noise_free(responder);
    responder = side_new(false);
    assert_ok(rp_noise_write(initiator, (struct rp_slice){NULL, 0}, message, &len));
    assert_ok(rp_noise_read(responder, (struct rp_slice){message, len}, out, &len));
    assert_ok(rp_noise_write(responder, (struct rp_slice){NULL, 0}, message, &len));
    message[40] ^= 1;
    assert_int_equal(rp_noise_read(initiator, (struct rp_slice){message, len}, out, &len),
                     RP_ERR_CRYPTO);
    message[40] ^= 1; /* the handshake stays over, even for the right message */
    assert_int_equal(rp_noise_read(initiator, (struct rp_slice){message, 96}, out, &len),
                     RP_ERR_STATE);
    rp_noise_free(initiator);
    rp_noise_free(responder);
}

/* Carries a handshake on to its message ${until}, and gives that in ${message}. */
static size_t handshake_until(struct rp_noise *sides[2], unsigned until, uint8_t message[256])
{
    uint8_t out[256];
    size_t got;
    size_t len;

    for (unsigned i = 0;; i++) {
        assert_ok(rp_noise_write(sides[i % 2], (struct rp_slice){NULL, 0}, message, &len));
        if (i == until)
            return len;
        assert_ok(rp_noise_read(sides[1 - i % 2], (struct rp_slice){message, len}, out, &got));
        assert_int_equal(got, 0);
    }
}

/* Without payloads: e; e, sealed s, tag; sealed s, tag. */
static void refuses_a_message_cut_anywhere(void **state)
{
    static const size_t whole[] = {32, 96, 64};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        for (size_t n = 0; n <= whole[i]; n++) {
            struct rp_noise *sides[] = {side_new(true), side_new(false)};
            struct rp_noise *reader = sides[1 - i % 2];
            uint8_t message[256];
            uint8_t out[256];
            size_t len;

            assert_int_equal(handshake_until(sides, i, message), whole[i]);
            assert_int_equal(rp_noise_read(reader, (struct rp_slice){message, n}, out, &len),
                             n == whole[i] ? RP_OK : RP_ERR_CRYPTO);
            assert_int_equal(len, 0);
            rp_noise_free(sides[0]);
            rp_noise_free(sides[1]);
        }
    }
}

static void an_answer_with_a_key_of_small_order_is_refused(void **state)
{
    struct rp_noise *sides[] = {side_new(true), side_new(false)};
    uint8_t message[256];
    uint8_t out[256];
    size_t len = handshake_until(sides, 1, message);

    (void)state;
    memset(message, 0, 32);
    assert_int_equal(rp_noise_read(sides[0], (struct rp_slice){message, len}, out, &len),
                     RP_ERR_CRYPTO);
    rp_noise_free(sides[0]);
    rp_noise_free(sides[1]);
}

static void nobody_speaks_out_of_turn_or_past_the_end(void **state)
{
    struct rp_noise *sides[] = {side_new(true), side_new(false)};
    uint8_t message[256];
    uint8_t out[256];
    size_t len;
    size_t got;

    (void)state;
    assert_int_equal(rp_noise_write(sides[1], (struct rp_slice){NULL, 0}, out, &got), RP_ERR_STATE);
    assert_int_equal(got, 0);
    len = handshake_until(sides, 2, message); /* to speak too early has spoilt nothing */
    assert_ok(rp_noise_read(sides[1], (struct rp_slice){message, len}, out, &got));
    for (int i = 0; i < 2; i++) {
        assert_true(rp_noise_is_done(sides[i]));
        assert_int_equal(rp_noise_overhead(sides[i]), 32); /* two tags, were there a message */
        assert_int_equal(rp_noise_write(sides[i], (struct rp_slice){NULL, 0}, out, &got),
                         RP_ERR_STATE);
        assert_int_equal(rp_noise_read(sides[i], (struct rp_slice){message, len}, out, &got),
                         RP_ERR_STATE);
    }
    rp_noise_free(sides[0]);
    rp_noise_free(sides[1]);
}

static void nothing_shorter_than_a_tag_is_unsealed(void **state)
{
    struct rp_noise_cipher cipher = {.nonce = 0};
    struct rp_noise_cipher same = {.nonce = 0};
    uint8_t sealed[RP_NOISE_TAG_LEN];
    uint8_t out[RP_NOISE_TAG_LEN];

    (void)state;
    assert_ok(rp_noise_seal(&cipher, (struct rp_slice){NULL, 0}, sealed));
    for (size_t n = 0; n < sizeof sealed; n++)
        assert_int_equal(rp_noise_unseal(&same, (struct rp_slice){sealed, n}, out), RP_ERR_CRYPTO);
    assert_int_equal(same.nonce, 0);
    assert_ok(rp_noise_unseal(&same, (struct rp_slice){sealed, sizeof sealed}, out));
}

static void a_secret_that_makes_no_key_begins_no_handshake(void **state)
{
    const uint8_t secret[RP_KEY_LEN] = {1};
    struct rp_dh_key key = {.secret = {2}};
    struct rp_noise_opts opts = {.static_key = &key, .ephemeral_secret = secret};

    (void)state;
    secrets_make_no_key = true;
    assert_int_equal(rp_key_dh_from_secret(&key, secret), RP_ERR_KEY);
    assert_null(rp_noise_new(&opts));
    secrets_make_no_key = false;
    rp_noise_free(NULL);
}

static void a_cipher_that_is_wiped_has_no_key(void **state)
{
    struct rp_noise_cipher cipher = {.key = {1, 2, 3}, .nonce = 4};
    const struct rp_noise_cipher none = {.nonce = 0};

    (void)state;
    rp_noise_cipher_wipe(&cipher);
    assert_memory_equal(&cipher, &none, sizeof none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_the_published_vectors),
        cmocka_unit_test(passes_the_derived_vectors),
        cmocka_unit_test(rekeys_as_the_specification_says),
        cmocka_unit_test(stops_before_the_reserved_nonce),
        cmocka_unit_test(refuses_a_key_of_small_order),
        cmocka_unit_test(refuses_short_damaged_and_untimely_messages),
        cmocka_unit_test(refuses_a_message_cut_anywhere),
        cmocka_unit_test(an_answer_with_a_key_of_small_order_is_refused),
        cmocka_unit_test(nobody_speaks_out_of_turn_or_past_the_end),
        cmocka_unit_test(nothing_shorter_than_a_tag_is_unsealed),
        cmocka_unit_test(a_secret_that_makes_no_key_begins_no_handshake),
        cmocka_unit_test(a_cipher_that_is_wiped_has_no_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
