#include "unit.h"

#include <msgpack.h>

#include "rp/canonical.h"
#include "rp/limits.h"
#include "rp/rand.h"
#include "rp/writer.h"

static int check(const char *hex)
{
    struct rp_slice bytes = unit_hex(hex);
    int err = rp_canonical_check(bytes.data, bytes.len);

    unit_free(bytes);
    return err;
}

static void accepts_every_shortest_form(void **state)
{
    static const char *const accepted[] = {
        "00",
        "7f",
        "cc80",
        "ccff",
        "cd0100",
        "cdffff",
        "ce00010000",
        "ceffffffff",
        "cf0000000100000000",
        "cfffffffffffffffff",
        "ff",
        "e0",
        "d0df",
        "d080",
        "d1ff7f",
        "d18000",
        "d2ffff7fff",
        "d280000000",
        "d3ffffffff7fffffff",
        "d38000000000000000",
        "c0",
        "c2",
        "c3",
        "a0",
        "a161",
        "c400",
        "c40100",
        "90",
        "9100",
        "80",
        "81a16101",
        "82a16101a16202",
        "82a16101a2616100",
        "a2c3a9",
    };

    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++)
        assert_int_equal(check(accepted[i]), RP_OK);
}

static void refuses_every_other_form(void **state)
{
    static const char *const refused[] = {
        "",
        "0000",               /* two values */
        "cc7f",               /* not the shortest form */
        "cd00ff",             /* ... */
        "ce0000ffff",         /* ... */
        "cf00000000ffffffff", /* ... */
        "d07f",               /* a signed form of a number above zero */
        "d0ff",               /* -1 in two bytes */
        "d0e0",               /* -32 in two bytes */
        "d1ff80",             /* -128 in three */
        "d2ffff8000",         /* -32768 in five */
        "d3ffffffff80000000", /* -2^31 in nine */
        "d900",               /* strings */
        "d91f61616161616161616161616161616161616161616161616161616161616161",
        "da00ff",
        "db0000ffff",
        "c500ff",       /* binaries */
        "c60000ffff",   /* ... */
        "dc000f",       /* arrays */
        "dd00000001c0", /* array32 */
        "de000f",       /* maps */
        "df00000001a161c0",
        "ca00000000", /* floats */
        "cb0000000000000000",
        "c1",
        "c70000",
        "d400ff",
        "d500ffff",
        "d6ffffffffff",     /* the unused tag, extensions */
        "81c001",           /* a key that is no string */
        "8101c0",           /* ... */
        "82a16201a16101",   /* keys out of order */
        "82a16101a16101",   /* a key twice */
        "82a2616101a16102", /* a longer key before its prefix */
        "a1ff",             /* not UTF-8 */
        "a2c080",           /* overlong */
        "a3eda080",         /* a surrogate */
        "a4f4908080",       /* above U+10FFFF */
        "a261",             /* cut short */
        "91",
        "81",
        "81a161",
        "92c0",
        "c402ff",
        "cd01",
        "d9",
        "c6ffffffff",
        "dbffffffff",
        "dcffff",
        "deffff",
    };

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(check(refused[i]), RP_ERR_MALFORMED);
}

static void limits_depth_and_items(void **state)
{
    static uint8_t many[3 + RP_ITEMS_MAX];
    const unsigned entries = RP_ITEMS_MAX - 1;

    (void)state;
    assert_int_equal(check("9191919191919191c0"), RP_OK);
    assert_int_equal(check("919191919191919191c0"), RP_ERR_LIMIT);
    assert_int_equal(check("919191919191919190"), RP_ERR_LIMIT);
    assert_int_equal(check("81a16181a16181a16181a16181a16181a16181a16181a161c0"), RP_OK);
    many[0] = 0xdc;
    many[1] = (uint8_t)(entries >> 8);
    many[2] = (uint8_t)entries;
    assert_int_equal(rp_canonical_check(many, 3 + entries), RP_OK);
    many[2]++;
    many[1] = (uint8_t)((entries + 1) >> 8);
    many[2] = (uint8_t)(entries + 1);
    assert_int_equal(rp_canonical_check(many, 3 + entries + 1), RP_ERR_LIMIT);
}

/* Writes a random value of at most ${depth} levels. */
static void write_random(struct rp_writer *w, struct rp_rand *rand, int depth)
{
    uint8_t bytes[300];
    uint32_t n = (uint32_t)rp_rand_below(rand, 20);
    uint64_t number;
    char key[8];

    rp_rand_bytes(rand, (uint8_t *)&number, sizeof number);
    number >>= rp_rand_below(rand, 64);
    switch (rp_rand_below(rand, depth > 0 ? 8 : 6)) {
    case 0:
        rp_writer_nil(w);
        break;
    case 1:
        rp_writer_bool(w, number & 1);
        break;
    case 2:
        rp_writer_uint(w, number);
        break;
    case 3:
        rp_writer_int(w, -(int64_t)(number >> 1));
        break;
    case 4:
        rp_rand_bytes(rand, bytes, sizeof bytes);
        rp_writer_bin(w, bytes, rp_rand_below(rand, sizeof bytes));
        break;
    case 5:
        memset(bytes, 'x', sizeof bytes);
        rp_writer_text(w, (struct rp_slice){bytes, rp_rand_below(rand, sizeof bytes)});
        break;
    case 6:
        rp_writer_array(w, n);
        for (uint32_t i = 0; i < n; i++)
            write_random(w, rand, depth - 1);
        break;
    default:
        rp_writer_map(w, n);
        for (uint32_t i = 0; i < n; i++) {
            key[0] = (char)('a' + i);
            key[1] = '\0';
            rp_writer_str(w, key);
            write_random(w, rand, depth - 1);
        }
        break;
    }
}

/* The oracle is msgpack-c: what we accept it accepts, consumes whole and packs to the same bytes.
 */
static void agrees_with_msgpack_c(void **state)
{
    uint8_t seed[RP_RAND_SEED_LEN] = {1};
    struct rp_rand rand;

    (void)state;
    rp_rand_init(&rand, seed);
    for (int round = 0; round < 3000; round++) {
        struct rp_writer w;
        msgpack_unpacked unpacked;
        msgpack_sbuffer repacked;
        msgpack_packer packer;
        size_t used = 0;

        rp_writer_init(&w, 1 << 20);
        write_random(&w, &rand, 2);
        assert_ok(w.err);
        assert_ok(rp_canonical_check(w.data, w.len));
        msgpack_unpacked_init(&unpacked);
        assert_int_equal(msgpack_unpack_next(&unpacked, (const char *)w.data, w.len, &used),
                         MSGPACK_UNPACK_SUCCESS);
        assert_int_equal(used, w.len);
        msgpack_sbuffer_init(&repacked);
        msgpack_packer_init(&packer, &repacked, msgpack_sbuffer_write);
        msgpack_pack_object(&packer, unpacked.data);
        assert_int_equal(repacked.size, w.len);
        assert_memory_equal(repacked.data, w.data, w.len);
        msgpack_sbuffer_destroy(&repacked);
        msgpack_unpacked_destroy(&unpacked);
        rp_writer_free(&w);
    }
}

/* No single changed or missing byte makes the checker read past the end (for the sanitizers). */
static void survives_damage(void **state)
{
    uint8_t seed[RP_RAND_SEED_LEN] = {2};
    struct rp_rand rand;

    (void)state;
    rp_rand_init(&rand, seed);
    for (int round = 0; round < 2000; round++) {
        struct rp_writer w;
        uint8_t *copy;
        size_t len;

        rp_writer_init(&w, 1 << 20);
        write_random(&w, &rand, 2);
        len = rp_rand_below(&rand, w.len + 1);
        copy = malloc(len > 0 ? len : 1);
        assert_non_null(copy);
        memcpy(copy, w.data, len);
        if (len > 0)
            copy[rp_rand_below(&rand, len)] = (uint8_t)rp_rand_below(&rand, 256);
        (void)!rp_canonical_check(copy, len);
        free(copy);
        rp_writer_free(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_every_shortest_form),
        cmocka_unit_test(refuses_every_other_form),
        cmocka_unit_test(limits_depth_and_items),
        cmocka_unit_test(agrees_with_msgpack_c),
        cmocka_unit_test(survives_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
