#include "unit.h"

#include <math.h>

#include "rp/decoder.h"
#include "rp/fingerprint.h"
#include "rp/rand.h"
#include "rp/sketch.h"

static void symbol_of(uint8_t out[static RP_SYMBOL_LEN], uint32_t number)
{
    uint8_t id[RP_HASH_LEN];

    rp_hash_one(id, "test symbol", (const uint8_t *)&number, sizeof number);
    memcpy(out, id, RP_SYMBOL_LEN);
}

static void order_does_not_matter_and_removing_undoes(void **state)
{
    struct rp_fingerprint a = {{0}};
    struct rp_fingerprint b = {{0}};
    struct rp_fingerprint both = {{0}};
    uint8_t symbol[RP_SYMBOL_LEN];
    uint8_t saved[RP_FINGERPRINT_LEN];

    (void)state;
    for (uint32_t i = 0; i < 50; i++) {
        symbol_of(symbol, i);
        rp_fingerprint_add(&a, symbol);
        symbol_of(symbol, 49 - i);
        rp_fingerprint_add(&b, symbol);
    }
    assert_memory_equal(&a, &b, sizeof a);
    symbol_of(symbol, 99);
    rp_fingerprint_add(&b, symbol);
    assert_memory_not_equal(&a, &b, sizeof a);
    rp_fingerprint_remove(&b, symbol);
    assert_memory_equal(&a, &b, sizeof a);
    rp_fingerprint_join(&both, &a);
    rp_fingerprint_join(&both, &b);
    rp_fingerprint_part(&both, &a);
    rp_fingerprint_save(saved, &both);
    rp_fingerprint_load(&b, saved);
    assert_memory_equal(&a, &b, sizeof a);
}

/*
 * Linear algebra over the bits of 129 symbols or more always finds some whose XOR is zero
 * (design: an XOR of ids would call two different sets equal). The fingerprint must not be fooled.
 */
static void a_zero_xor_does_not_fool_the_fingerprint(void **state)
{
    enum { N = 200, BITS = 128 };
    static uint8_t rows[N][RP_SYMBOL_LEN];
    static uint8_t chosen[N][N / 8]; /* which symbols each row is the XOR of */
    uint8_t digest[RP_HASH_LEN];
    uint8_t empty[RP_HASH_LEN];
    uint8_t zero[RP_SYMBOL_LEN] = {0};
    struct rp_fingerprint sum = {{0}};
    uint8_t xor [RP_SYMBOL_LEN] = {0};
    unsigned rank = 0;
    unsigned members = 0;

    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        symbol_of(rows[i], i);
        chosen[i][i / 8] |= (uint8_t)(1 << i % 8);
    }
    for (unsigned bit = 0; bit < BITS; bit++) {
        unsigned pivot = rank;

        while (pivot < N && !(rows[pivot][bit / 8] >> bit % 8 & 1))
            pivot++;
        if (pivot == N)
            continue;
        for (unsigned k = 0; k < RP_SYMBOL_LEN; k++) {
            uint8_t t = rows[pivot][k];
            rows[pivot][k] = rows[rank][k];
            rows[rank][k] = t;
        }
        for (unsigned k = 0; k < N / 8; k++) {
            uint8_t t = chosen[pivot][k];
            chosen[pivot][k] = chosen[rank][k];
            chosen[rank][k] = t;
        }
        for (unsigned i = rank + 1; i < N; i++) {
            if (!(rows[i][bit / 8] >> bit % 8 & 1))
                continue;
            for (unsigned k = 0; k < RP_SYMBOL_LEN; k++)
                rows[i][k] ^= rows[rank][k];
            for (unsigned k = 0; k < N / 8; k++)
                chosen[i][k] ^= chosen[rank][k];
        }
        rank++;
    }
    for (uint32_t i = 0; i < N; i++) {
        uint8_t symbol[RP_SYMBOL_LEN];

        if (!(chosen[N - 1][i / 8] >> i % 8 & 1))
            continue;
        symbol_of(symbol, i);
        for (unsigned k = 0; k < RP_SYMBOL_LEN; k++)
            xor[k] ^= symbol[k];
        rp_fingerprint_add(&sum, symbol);
        members++;
    }
    assert_true(members > 20);
    assert_memory_equal(xor, zero, sizeof zero);
    rp_fingerprint_digest(digest, &sum);
    rp_fingerprint_digest(empty, &(struct rp_fingerprint){{0}});
    assert_memory_not_equal(digest, empty, sizeof digest);
}

struct pair {
    uint8_t key[RP_SKETCH_KEY_LEN];
    struct rp_cell *ours;
    struct rp_cell *theirs;
    uint8_t *wire; /* theirs as sent */
    uint32_t cells;
};

/* Two sets of ${common} symbols and ${d} more, half on each side. */
static struct pair pair_new(uint32_t cells, uint32_t common, uint32_t d, uint32_t salt)
{
    struct pair pair = {.cells = cells};
    uint8_t symbol[RP_SYMBOL_LEN];

    memset(pair.key, 0x33, sizeof pair.key);
    pair.ours = calloc(cells, sizeof *pair.ours);
    pair.theirs = calloc(cells, sizeof *pair.theirs);
    pair.wire = malloc((size_t)cells * RP_CELL_LEN);
    assert_non_null(pair.ours);
    assert_non_null(pair.theirs);
    assert_non_null(pair.wire);
    for (uint32_t i = 0; i < common + d; i++) {
        symbol_of(symbol, salt + i);
        if (i < common || i % 2 == 0)
            rp_sketch_toggle(pair.ours, 0, cells, pair.key, symbol);
        if (i < common || i % 2 == 1)
            rp_sketch_toggle(pair.theirs, 0, cells, pair.key, symbol);
    }
    for (uint32_t i = 0; i < cells; i++)
        rp_sketch_save(pair.wire + (size_t)i * RP_CELL_LEN, &pair.theirs[i]);
    return pair;
}

static void pair_free(struct pair *pair)
{
    free(pair->ours);
    free(pair->theirs);
    free(pair->wire);
}

/* Feeds cells until the difference is found; gives the number of cells it took. */
static uint32_t decode(const struct pair *pair, struct rp_decoder *decoder)
{
    uint32_t at = 0;

    while (at == 0 || !rp_decoder_done(decoder)) {
        uint32_t n = at < 32 ? 1 : at / 16;

        assert_true(at + n <= pair->cells);
        assert_ok(
            rp_decoder_feed(decoder, pair->ours + at, pair->wire + (size_t)at * RP_CELL_LEN, n));
        at += n;
    }
    return at;
}

static void decodes_exactly_the_difference(void **state)
{
    static const uint32_t sizes[] = {0, 1, 2, 3, 7, 20, 100, 333, 1000, 5000};

    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        uint32_t d = sizes[s];
        struct pair pair = pair_new(3 * d + 64, 500, d, (uint32_t)(s * 100000));
        struct rp_decoder *decoder = rp_decoder_new(pair.key, pair.cells);
        struct rp_fingerprint found = {{0}};
        struct rp_fingerprint expected = {{0}};
        uint8_t symbol[RP_SYMBOL_LEN];
        const uint8_t *symbols;
        uint32_t n;

        assert_non_null(decoder);
        (void)decode(&pair, decoder);
        symbols = rp_decoder_symbols(decoder, &n);
        assert_int_equal(n, d);
        for (uint32_t i = 0; i < n; i++) {
            rp_fingerprint_add(&found, symbols + (size_t)i * RP_SYMBOL_LEN);
            symbol_of(symbol, (uint32_t)(s * 100000) + 500 + i);
            rp_fingerprint_add(&expected, symbol);
        }
        assert_memory_equal(&found, &expected, sizeof found);
        rp_decoder_free(decoder);
        pair_free(&pair);
    }
}

/* Cells are added while it still works on those before; however little it does at a time, it finds
 * the same, and takes about the steps that it was given. */
static void decodes_a_little_at_a_time(void **state)
{
    enum { D = 1000, CELLS = 1700, SLICE = 64 };
    struct pair pair = pair_new(CELLS, 50, D, 77);
    struct rp_decoder *whole = rp_decoder_new(pair.key, CELLS);
    struct rp_decoder *d = rp_decoder_new(pair.key, CELLS);
    struct rp_fingerprint found[2] = {{{0}}, {{0}}};
    unsigned slices = 0;

    (void)state;
    assert_non_null(whole);
    assert_non_null(d);
    assert_ok(rp_decoder_feed(whole, pair.ours, pair.wire, CELLS));
    assert_true(rp_decoder_done(whole));
    assert_true(rp_decoder_rests(whole));
    for (uint32_t at = 0; at < CELLS || !rp_decoder_rests(d); slices++) {
        assert_true(slices < 10000);
        uint32_t n = slices % 5 == 0 && at < CELLS ? CELLS / 10 : 0;
        uint32_t steps = SLICE;
        uint32_t before;
        uint32_t after;

        assert_ok(rp_decoder_add(d, pair.ours + at, pair.wire + (size_t)at * RP_CELL_LEN, n));
        at += n;
        (void)rp_decoder_symbols(d, &before);
        assert_ok(rp_decoder_work(d, &steps));
        (void)rp_decoder_symbols(d, &after);
        assert_in_range(after - before, 0, SLICE);
        assert_true(steps == 0 || rp_decoder_rests(d));
    }
    assert_true(slices > 100);
    assert_true(rp_decoder_done(d));
    for (int i = 0; i < 2; i++) {
        uint32_t n;
        const uint8_t *symbols = rp_decoder_symbols(i == 0 ? d : whole, &n);

        assert_int_equal(n, D);
        for (uint32_t k = 0; k < n; k++)
            rp_fingerprint_add(&found[i], symbols + (size_t)k * RP_SYMBOL_LEN);
    }
    assert_memory_equal(&found[0], &found[1], sizeof found[0]);
    rp_decoder_free(whole);
    rp_decoder_free(d);
    pair_free(&pair);
}

static void takes_few_cells_for_each_difference(void **state)
{
    uint32_t cells = 0;

    (void)state;
    for (uint32_t seed = 0; seed < 20; seed++) {
        struct pair pair = pair_new(4000, 10, 1000, seed * 7777);
        struct rp_decoder *decoder = rp_decoder_new(pair.key, pair.cells);

        cells += decode(&pair, decoder);
        rp_decoder_free(decoder);
        pair_free(&pair);
    }
    assert_in_range(cells, 20 * 1300,
                    20 * 1500); /* 1.38 each in the literature, stepwise a bit more */
}

static void a_window_of_cells_is_the_same_as_the_whole(void **state)
{
    uint8_t key[RP_SKETCH_KEY_LEN] = {1};
    uint8_t symbol[RP_SYMBOL_LEN];
    struct rp_cell whole[300] = {{{0}, 0}};
    struct rp_cell window[100] = {{{0}, 0}};

    (void)state;
    for (uint32_t i = 0; i < 40; i++) {
        symbol_of(symbol, i);
        rp_sketch_toggle(whole, 0, 300, key, symbol);
        rp_sketch_toggle(window, 150, 100, key, symbol);
    }
    assert_memory_equal(window, whole + 150, sizeof window);
}

static void many_symbols_at_once_are_the_same_as_one_by_one(void **state)
{
    static const uint8_t key[RP_SKETCH_KEY_LEN] = {7};
    static struct rp_cell at_once[3001];
    static struct rp_cell one_by_one[3001];
    uint8_t symbols[11 * RP_SYMBOL_LEN];

    (void)state;
    for (uint32_t i = 0; i < 11; i++)
        symbol_of(symbols + (size_t)i * RP_SYMBOL_LEN, i);
    for (uint32_t count = 0; count <= 11; count++) {
        uint32_t n = count == 3 ? 0 : 3000 - 250 * count; /* and the last cell is beyond them */

        rp_sketch_toggle_all(at_once, n, key, symbols, count);
        for (uint32_t i = 0; i < count; i++)
            rp_sketch_toggle(one_by_one, 0, n, key, symbols + (size_t)i * RP_SYMBOL_LEN);
        assert_memory_equal(at_once, one_by_one, sizeof at_once);
    }
    assert_int_not_equal(at_once[0].checksum, 0);
}

static void made_up_cells_never_loop_or_overrun(void **state)
{
    uint8_t seed[RP_RAND_SEED_LEN] = {3};
    uint8_t key[RP_SKETCH_KEY_LEN] = {1};
    struct rp_rand rand;

    (void)state;
    rp_rand_init(&rand, seed);
    for (int round = 0; round < 200; round++) {
        enum { N = 200 };
        struct rp_cell ours[N] = {{{0}, 0}};
        uint8_t wire[N * RP_CELL_LEN] = {0};
        struct rp_decoder *decoder = rp_decoder_new(key, N);
        uint32_t n;

        /* pure cells at random places: what a liar would send */
        for (int i = 0; i < N; i++) {
            struct rp_cell cell;

            rp_rand_bytes(&rand, cell.symbol, sizeof cell.symbol);
            cell.symbol[0] = (uint8_t)rp_rand_below(&rand, 3);
            memset(cell.symbol + 1, 0, sizeof cell.symbol - 1);
            cell.checksum = rp_sketch_checksum(key, cell.symbol);
            rp_sketch_save(wire + (size_t)i * RP_CELL_LEN, &cell);
        }
        assert_non_null(decoder);
        (void)!rp_decoder_feed(decoder, ours, wire, N);
        (void)rp_decoder_symbols(decoder, &n);
        assert_true(n <= N);
        assert_int_equal(rp_decoder_feed(decoder, ours, wire, 1), RP_ERR_LIMIT);
        rp_decoder_free(decoder);
    }
}

/* Symbols whose checksums are each other's inverse leave a cell that is not empty for all that. */
static void a_cell_is_empty_only_as_a_whole(void **state)
{
    const uint8_t key[RP_SKETCH_KEY_LEN] = {1};
    struct rp_cell nothing = {{0}, 0};
    struct rp_cell cell = nothing;
    uint8_t wire[RP_CELL_LEN];
    uint32_t n;

    (void)state;
    for (int part = 0; part < 3; part++) { /* a checksum alone, a symbol alone, neither */
        struct rp_decoder *decoder = rp_decoder_new(key, 1);

        assert_non_null(decoder);
        cell.checksum = part == 0;
        cell.symbol[RP_SYMBOL_LEN - 1] = part == 1;
        rp_sketch_save(wire, &cell);
        assert_ok(rp_decoder_feed(decoder, &nothing, wire, 1));
        assert_int_equal(rp_decoder_done(decoder), part == 2);
        (void)rp_decoder_symbols(decoder, &n);
        assert_int_equal(n, 0);
        rp_decoder_free(decoder);
    }
}

static void digests_cover_each_octave(void **state)
{
    (void)state;
    assert_int_equal(rp_sketch_digests(32), 0);
    assert_int_equal(rp_sketch_digests(64), 32);
    assert_int_equal(rp_sketch_digests(127), 32);
    assert_int_equal(rp_sketch_digests(128), 96);
    assert_int_equal(rp_sketch_digests(8192), 1504);
    assert_int_equal(rp_sketch_digests(16384), 1504 + 448);
    assert_int_equal(rp_sketch_digests(65536), 1504 + 448 + 448 + 1408);
    assert_int_equal(rp_sketch_digest_cell(0), 32);
    assert_int_equal(rp_sketch_digest_cell(31), 63);
    assert_int_equal(rp_sketch_digest_cell(32), 64);
    assert_int_equal(rp_sketch_digest_cell(480), 512);
    assert_int_equal(rp_sketch_digest_cell(481), 514);
    assert_int_equal(rp_sketch_digest_cell(RP_SKETCH_DIGESTS_MAX - 1), 65512);
    assert_int_equal(rp_sketch_digest_cell(RP_SKETCH_DIGESTS_MAX), 0);
    assert_int_equal(rp_sketch_digest_cell(4544), 0);
    assert_int_equal(rp_sketch_digest_cell(UINT32_MAX), 0);
}

/* Digests stand two in a byte, the first in its lower half, in the order of their cells. */
static void digests_are_the_lowest_bits_of_checksums(void **state)
{
    static struct rp_cell cells[128];
    uint8_t digests[49];

    (void)state;
    for (uint32_t i = 0; i < 128; i++)
        cells[i].checksum = 0xabcdef0 + (i < 32 ? 0 : i);
    memset(digests, 0xee, sizeof digests);
    rp_sketch_save_digests(digests, cells, 128);
    assert_int_equal(digests[0], 0x10);  /* cells 32 and 33 */
    assert_int_equal(digests[15], 0xfe); /* 62 and 63 */
    assert_int_equal(digests[17], 0x32); /* 66 and 67 */
    assert_int_equal(digests[47], 0xfe); /* 126 and 127 */
    assert_int_equal(digests[48], 0xee); /* no more than 96 of them */
}

static double estimate_of(const struct rp_cell *ours, const struct rp_cell *theirs)
{
    uint8_t digests[2][RP_SKETCH_DIGESTS_LEN];

    rp_sketch_save_digests(digests[0], ours, RP_SKETCH_CELLS_MAX);
    rp_sketch_save_digests(digests[1], theirs, RP_SKETCH_CELLS_MAX);
    return rp_sketch_estimate(digests[0], digests[1], RP_SKETCH_CELLS_MAX);
}

static void estimates_the_size_of_a_difference(void **state)
{
    static const uint32_t sizes[] = {1, 50, 500, 5000, 40000};
    static const double off[] = {1.5, 0.25, 0.15, 0.12, 0.12};

    (void)state;
    for (size_t s = 0; s < 5; s++) {
        unsigned good = 0;

        for (uint32_t seed = 0; seed < 10; seed++) {
            struct pair pair = pair_new(RP_SKETCH_CELLS_MAX, 0, sizes[s], seed * 1000003);
            double estimate = estimate_of(pair.ours, pair.theirs);

            good += fabs(estimate / sizes[s] - 1.0) < off[s];
            if (seed == 0)
                assert_true(estimate_of(pair.ours, pair.ours) < 0.001);
            pair_free(&pair);
        }
        assert_true(good >= 9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_does_not_matter_and_removing_undoes),
        cmocka_unit_test(a_zero_xor_does_not_fool_the_fingerprint),
        cmocka_unit_test(decodes_exactly_the_difference),
        cmocka_unit_test(decodes_a_little_at_a_time),
        cmocka_unit_test(takes_few_cells_for_each_difference),
        cmocka_unit_test(a_window_of_cells_is_the_same_as_the_whole),
        cmocka_unit_test(many_symbols_at_once_are_the_same_as_one_by_one),
        cmocka_unit_test(made_up_cells_never_loop_or_overrun),
        cmocka_unit_test(a_cell_is_empty_only_as_a_whole),
        cmocka_unit_test(digests_cover_each_octave),
        cmocka_unit_test(digests_are_the_lowest_bits_of_checksums),
        cmocka_unit_test(estimates_the_size_of_a_difference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
