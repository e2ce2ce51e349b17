#include "golden.h"

#include "rp/decoder.h"
#include "rp/fingerprint.h"
#include "rp/limits.h"
#include "rp/noise.h"
#include "rp/sketch.h"

/* Sets (SPEC 4.1, 4.2) and the channel (3.1), as the second implementation has them. */

static void fingerprints_are_the_same(void **state)
{
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("fingerprint"), i, v)
    {
        struct rp_slice symbols = golden_joined(json_object_get(v, "symbols"));
        struct rp_fingerprint sum = {{0}};
        uint8_t digest[RP_HASH_LEN];
        json_t *lane;
        size_t k;

        for (k = 0; k < symbols.len; k += RP_SYMBOL_LEN)
            rp_fingerprint_add(&sum, symbols.data + k);
        json_array_foreach(json_object_get(v, "first_lanes"), k, lane)
            assert_int_equal(sum.lanes[k], json_integer_value(lane));
        rp_fingerprint_digest(digest, &sum);
        golden_assert((struct rp_slice){digest, sizeof digest}, v, "digest");
        unit_free(symbols);
    }
}

/* A checksum as the vectors have it, little-endian. */
static uint64_t checksum_of(const char *hex)
{
    uint8_t bytes[8];
    uint64_t checksum = 0;

    golden_hex_into(bytes, sizeof bytes, hex);
    for (unsigned i = 0; i < 8; i++)
        checksum |= (uint64_t)bytes[i] << 8 * i;
    return checksum;
}

/* The walk of ${checksum} goes through ${cells} from its start; gives where it is then. */
static uint64_t walk_through(uint64_t checksum, json_t *cells)
{
    struct rp_sketch_walk walk = rp_sketch_walk(checksum);
    json_t *cell;
    size_t i;

    json_array_foreach(cells, i, cell)
    {
        assert_true(walk.cell == (uint64_t)json_integer_value(cell));
        rp_sketch_step(&walk);
    }
    return walk.cell;
}

static void check_walk(json_t *vector)
{
    uint64_t checksum = checksum_of(golden_text(vector, "checksum"));

    assert_true(walk_through(checksum, json_object_get(vector, "below_65536")) >=
                RP_SKETCH_CELLS_MAX);
}

static void check_checksums(json_t *part, const uint8_t key[static RP_SKETCH_KEY_LEN],
                            struct rp_slice symbols)
{
    json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(part, "checksums"), i, entry)
        assert_true(rp_sketch_checksum(key, symbols.data + i * RP_SYMBOL_LEN) ==
                    checksum_of(json_string_value(entry)));
    assert_int_equal(i * RP_SYMBOL_LEN, symbols.len);
    json_array_foreach(json_object_get(part, "walks"), i, entry)
    {
        (void)walk_through(checksum_of(golden_text(entry, "checksum")),
                           json_object_get(entry, "first_40"));
        check_walk(entry);
    }
}

static void check_cells(json_t *part, const uint8_t key[static RP_SKETCH_KEY_LEN],
                        struct rp_slice symbols)
{
    struct rp_cell *cells = calloc(RP_SKETCH_CELLS_MAX, sizeof *cells);
    uint8_t digests[RP_SKETCH_DIGESTS_LEN];
    json_t *entry;
    size_t i;

    assert_non_null(cells);
    for (i = 0; i < symbols.len; i += RP_SYMBOL_LEN)
        rp_sketch_toggle(cells, 0, RP_SKETCH_CELLS_MAX, key, symbols.data + i);
    json_array_foreach(json_object_get(part, "cells"), i, entry)
    {
        uint8_t saved[RP_CELL_LEN];

        rp_sketch_save(saved, &cells[i]);
        golden_assert_hex((struct rp_slice){saved, sizeof saved}, json_string_value(entry));
    }
    assert_int_equal(i, 64);
    json_array_foreach(json_object_get(part, "digest_cells"), i, entry)
    {
        assert_int_equal(rp_sketch_digest_cell((uint32_t)i), json_integer_value(entry));
    }
    assert_int_equal(i, rp_sketch_digests(RP_SKETCH_CELLS_MAX));
    rp_sketch_save_digests(digests, cells, RP_SKETCH_CELLS_MAX);
    golden_assert((struct rp_slice){digests, sizeof digests}, part, "digests");
    free(cells);
}

static void check_sketch(json_t *part)
{
    struct rp_slice symbols = golden_joined(json_object_get(part, "symbols"));
    uint8_t scope[RP_ID_LEN];
    uint8_t key[RP_SKETCH_KEY_LEN];

    golden_into(scope, sizeof scope, part, "scope");
    rp_sketch_key(key, scope);
    golden_assert((struct rp_slice){key, sizeof key}, part, "key");
    check_checksums(part, key, symbols);
    check_cells(part, key, symbols);
    unit_free(symbols);
}

static void sketches_are_the_same_in_every_scope(void **state)
{
    (void)state;
    check_sketch(golden_part("sketch"));
    check_sketch(golden_part("sketch_circle"));
}

static void walks_are_the_same_where_doubles_round(void **state)
{
    json_t *v;
    size_t i;

    (void)state;
    json_array_foreach(golden_part("sketch_walks"), i, v) check_walk(v);
}

static int by_symbol(const void *a, const void *b)
{
    return memcmp(a, b, RP_SYMBOL_LEN);
}

/* What ${decoder} found is the symbols listed, or not all when there is no list. */
static void check_found(const struct rp_decoder *decoder, json_t *list)
{
    struct rp_slice expected = golden_joined(list);
    const uint8_t *symbols;
    uint8_t *sorted;
    uint32_t n;

    assert_int_equal(rp_decoder_done(decoder), json_is_array(list));
    symbols = rp_decoder_symbols(decoder, &n);
    if (rp_decoder_done(decoder) && n > 0) {
        assert_int_equal((size_t)n * RP_SYMBOL_LEN, expected.len);
        sorted = malloc(expected.len);
        assert_non_null(sorted);
        memcpy(sorted, symbols, expected.len);
        qsort(sorted, n, RP_SYMBOL_LEN, by_symbol);
        assert_memory_equal(sorted, expected.data, expected.len);
        free(sorted);
    } else if (rp_decoder_done(decoder)) {
        assert_int_equal(expected.len, 0);
    }
    unit_free(expected);
}

/* The difference lies on their side, or on ours; fed in pieces of ${step} cells. */
static void check_difference(json_t *vector, const uint8_t key[static RP_SKETCH_KEY_LEN],
                             bool theirs, uint32_t step)
{
    struct rp_slice wire = golden_hex(vector, "cells");
    uint32_t n = (uint32_t)(wire.len / RP_CELL_LEN);
    struct rp_cell *ours = calloc(n, sizeof *ours);
    uint8_t *zeroes = calloc(n, RP_CELL_LEN);
    struct rp_decoder *decoder = rp_decoder_new(key, n);

    assert_non_null(ours);
    assert_non_null(zeroes);
    assert_non_null(decoder);
    for (uint32_t i = 0; i < n && !theirs; i++)
        rp_sketch_load(&ours[i], wire.data + (size_t)i * RP_CELL_LEN);
    for (uint32_t i = 0; i < n; i += step)
        assert_ok(rp_decoder_feed(decoder, ours + i,
                                  (theirs ? wire.data : zeroes) + (size_t)i * RP_CELL_LEN,
                                  n - i < step ? n - i : step));
    check_found(decoder, json_object_get(vector, "found"));
    rp_decoder_free(decoder);
    free(zeroes);
    free(ours);
    unit_free(wire);
}

static void differences_are_decoded_or_not_alike(void **state)
{
    uint8_t key[RP_SKETCH_KEY_LEN];
    json_t *v;
    size_t i;

    (void)state;
    golden_into(key, sizeof key, golden_part("sketch"), "key");
    json_array_foreach(golden_part("sketch_differences"), i, v)
    {
        check_difference(v, key, true, 1000);
        check_difference(v, key, false, 7);
    }
}

struct side {
    struct rp_noise *noise;
    struct rp_noise_cipher send;
    struct rp_noise_cipher receive;
};

static void open_side(struct side *side, json_t *part, bool initiator)
{
    struct rp_slice prologue = golden_hex(part, "prologue");
    uint8_t secret[RP_KEY_LEN];
    uint8_t ephemeral[RP_KEY_LEN];
    struct rp_dh_key key;
    struct rp_noise_opts opts = {.initiator = initiator,
                                 .prologue = prologue,
                                 .static_key = &key,
                                 .ephemeral_secret = ephemeral};

    golden_into(secret, sizeof secret, part, initiator ? "init_static" : "resp_static");
    golden_into(ephemeral, sizeof ephemeral, part, initiator ? "init_ephemeral" : "resp_ephemeral");
    assert_ok(rp_key_dh_from_secret(&key, secret));
    golden_assert((struct rp_slice){key.public, RP_KEY_LEN}, part,
                  initiator ? "init_public" : "resp_public");
    side->noise = rp_noise_new(&opts);
    assert_non_null(side->noise);
    unit_free(prologue);
}

static void pass_handshake(struct side *from, struct side *to, const char *payload_hex,
                           const char *message_hex)
{
    struct rp_slice payload = unit_hex(payload_hex);
    uint8_t message[512];
    uint8_t back[512];
    size_t len;

    assert_ok(rp_noise_write(from->noise, payload, message, &len));
    golden_assert_hex((struct rp_slice){message, len}, message_hex);
    assert_ok(rp_noise_read(to->noise, (struct rp_slice){message, len}, back, &len));
    golden_assert_hex((struct rp_slice){back, len}, payload_hex);
    unit_free(payload);
}

static void pass_transport(struct rp_noise_cipher *send, struct rp_noise_cipher *receive,
                           const char *plain_hex, const char *sealed_hex)
{
    struct rp_slice plain = unit_hex(plain_hex);
    uint8_t sealed[256];
    uint8_t back[256];

    assert_ok(rp_noise_seal(send, plain, sealed));
    golden_assert_hex((struct rp_slice){sealed, plain.len + RP_NOISE_TAG_LEN}, sealed_hex);
    assert_ok(
        rp_noise_unseal(receive, (struct rp_slice){sealed, plain.len + RP_NOISE_TAG_LEN}, back));
    golden_assert_hex((struct rp_slice){back, plain.len}, plain_hex);
    unit_free(plain);
}

/* One direction: two messages, the last before the key changes, and the first after. */
static void check_direction(json_t *way, struct rp_noise_cipher *send,
                            struct rp_noise_cipher *receive)
{
    for (size_t i = 0; i < 2; i++)
        pass_transport(send, receive,
                       json_string_value(json_array_get(json_object_get(way, "plain"), i)),
                       json_string_value(json_array_get(json_object_get(way, "sealed"), i)));
    send->nonce = receive->nonce = RP_REKEY_MESSAGES - 1;
    pass_transport(send, receive, golden_text(way, "plain_65535"),
                   golden_text(way, "sealed_65535"));
    rp_noise_rekey(send);
    rp_noise_rekey(receive);
    golden_assert((struct rp_slice){send->key, sizeof send->key}, way, "rekeyed");
    pass_transport(send, receive, golden_text(way, "plain_65536"),
                   golden_text(way, "sealed_65536"));
}

static void the_channel_is_the_same_from_handshake_to_rekeying(void **state)
{
    json_t *part = golden_part("noise");
    json_t *payloads = json_object_get(part, "payloads");
    json_t *messages = json_object_get(part, "messages");
    struct side sides[2];

    (void)state;
    open_side(&sides[0], part, true);
    open_side(&sides[1], part, false);
    for (size_t i = 0; i < 3; i++)
        pass_handshake(&sides[i % 2], &sides[1 - i % 2],
                       json_string_value(json_array_get(payloads, i)),
                       json_string_value(json_array_get(messages, i)));
    golden_assert((struct rp_slice){rp_noise_remote_static(sides[0].noise), RP_KEY_LEN}, part,
                  "resp_public");
    golden_assert((struct rp_slice){rp_noise_remote_static(sides[1].noise), RP_KEY_LEN}, part,
                  "init_public");
    for (int s = 0; s < 2; s++) {
        const uint8_t *hash = rp_noise_handshake_hash(sides[s].noise);

        assert_true(rp_noise_is_done(sides[s].noise));
        golden_assert((struct rp_slice){hash, RP_NOISE_HASH_LEN}, part, "handshake_hash");
        rp_noise_split(sides[s].noise, &sides[s].send, &sides[s].receive);
        rp_noise_free(sides[s].noise);
        golden_assert((struct rp_slice){sides[s].send.key, 32}, part,
                      s == 0 ? "key_from_initiator" : "key_from_responder");
    }
    check_direction(json_object_get(part, "from_initiator"), &sides[0].send, &sides[1].receive);
    check_direction(json_object_get(part, "from_responder"), &sides[1].send, &sides[0].receive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fingerprints_are_the_same),
        cmocka_unit_test(sketches_are_the_same_in_every_scope),
        cmocka_unit_test(walks_are_the_same_where_doubles_round),
        cmocka_unit_test(differences_are_decoded_or_not_alike),
        cmocka_unit_test(the_channel_is_the_same_from_handshake_to_rekeying),
    };

    return cmocka_run_group_tests(tests, golden_load, golden_unload);
}
