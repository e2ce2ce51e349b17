#include "unit.h"

#include "rp/paper.h"
#include "rp/rand.h"
#include "rp/token.h"

static void tells_lines_from_other_text(void **state)
{
    (void)state;
    assert_true(rp_text_is_line(rp_bytes_str("Saying no kindly, \xc3\xa9\xe2\x82\xac")));
    assert_true(rp_text_is_line(rp_bytes_str("")));
    assert_false(rp_text_is_line(rp_bytes_str("two\nlines")));
    assert_false(rp_text_is_line(rp_bytes_str("tab\t")));
    assert_false(rp_text_is_line(rp_bytes_str("\x7f")));
    assert_false(rp_text_is_line(rp_bytes_str("\xc2\x85")));     /* U+0085, next line */
    assert_false(rp_text_is_line(rp_bytes_str("\xe2\x80\xa8"))); /* U+2028 */
    assert_false(rp_text_is_line(rp_bytes_str("\xff")));
}

/* Wherever in a text it comes, and wherever that begins: most of it is looked at by eights. */
static void finds_what_is_not_utf8_anywhere(void **state)
{
    static const char plain[] = "................................";

    (void)state;
    for (size_t start = 0; start < 8; start++) {
        for (size_t at = start; at + 4 < sizeof plain; at++) {
            struct rp_slice text;
            char changed[sizeof plain];

            memcpy(changed, plain, sizeof plain);
            text = (struct rp_slice){(const uint8_t *)changed + start, sizeof plain - 1 - start};
            assert_true(rp_text_is_utf8(text));
            memcpy(changed + at, "\xf0\x9f\x8c\xb1", 4);
            assert_true(rp_text_is_utf8(text));
            changed[at + 3] = '.';
            assert_false(rp_text_is_utf8(text));
            memcpy(changed + at, ".\xc0\xae.", 4); /* a point in more bytes than it needs */
            assert_false(rp_text_is_utf8(text));
        }
    }
}

static void counts_characters_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(rp_text_chars(rp_bytes_str("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\xb1")), 4);
}

static void hex_goes_both_ways(void **state)
{
    uint8_t bytes[4] = {0};
    char text[9];

    (void)state;
    assert_true(rp_text_unhex(bytes, "00fFa5", 6));
    rp_text_hex(text, bytes, 3);
    assert_string_equal(text, "00ffa5");
    assert_true(rp_text_unhex(bytes, "abc", 3)); /* an odd digit fills the upper half */
    assert_int_equal(bytes[1], 0xc0);
    assert_false(rp_text_unhex(bytes, "0g", 2));
}

static void knows_days_and_months_that_exist(void **state)
{
    static const char *const dates[] = {"2024-02-29", "2000-02-29", "0000-01-01", "9999-12-31"};
    static const char *const none[] = {"2023-02-29", "1900-02-29",  "2024-04-31", "2024-00-10",
                                       "2024-13-01", "2024-01-00",  "2024-1-01",  "2024-01-1",
                                       "9999",       "2024-01",     "",           "2024-01-011",
                                       "2024/01/01", "2024-01/01",  "20a4-01-01", "2024-01-0x",
                                       "+024-01-01", "2024-01-01T", "2024-01--1"};

    (void)state;
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++)
        assert_true(rp_text_is_date(rp_bytes_str(dates[i])));
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(rp_text_is_date(rp_bytes_str(none[i])));
    assert_false(rp_text_is_date((struct rp_slice){NULL, 0}));
    assert_true(rp_text_is_month(rp_bytes_str("2024-12")));
    assert_false(rp_text_is_month(rp_bytes_str("2024-13")));
    assert_false(rp_text_is_month(rp_bytes_str("2024-12-01")));
    assert_false(rp_text_is_month((struct rp_slice){NULL, 0}));
}

static void paper_keys_survive_copying_by_hand(void **state)
{
    struct rp_paper paper = {.number = 3};
    struct rp_paper back;
    char text[RP_PAPER_TEXT_LEN + 1];
    char sloppy[2 * RP_PAPER_TEXT_LEN];
    size_t n = 0;

    (void)state;
    unit_fill(paper.seed, 5);
    assert_ok(rp_paper_write(text, &paper));
    assert_int_equal(strlen(text), RP_PAPER_TEXT_LEN);
    for (size_t i = 0; text[i] != '\0'; i++) {
        sloppy[n++] = i % 3 == 0 && text[i] != ' ' ? (char)(text[i] - 'a' + 'A') : text[i];
        if (text[i] == ' ')
            sloppy[n++] = '\n';
    }
    sloppy[n] = '\0';
    assert_ok(rp_paper_read(&back, sloppy));
    assert_int_equal(back.number, 3);
    assert_memory_equal(back.seed, paper.seed, sizeof back.seed);
}

static void paper_keys_find_mistakes(void **state)
{
    struct rp_paper paper = {.number = 1};
    struct rp_paper back;
    char text[RP_PAPER_TEXT_LEN + 1];

    (void)state;
    assert_ok(rp_paper_write(text, &paper));
    text[20] = text[20] == 'b' ? 'd' : text[20] == 'a' ? 'i' : text[20];
    text[24] = text[24] == 'b' ? 'd' : 'b';
    assert_int_equal(rp_paper_read(&back, text), RP_ERR_CHECKSUM);
    assert_int_equal(rp_paper_read(&back, "lusab babad"), RP_ERR_SHAPE);
    assert_int_equal(rp_paper_read(&back, ""), RP_ERR_SHAPE);
    assert_ok(rp_paper_write(text, &paper));
    text[RP_PAPER_TEXT_LEN - 1] = 'x';
    assert_int_equal(rp_paper_read(&back, text), RP_ERR_SHAPE);
    for (unsigned i = 0; i < 3; i++) { /* a number that no reader would see again */
        static const uint32_t numbers[] = {0, 65536, 65537};

        paper.number = numbers[i];
        assert_int_equal(rp_paper_write(text, &paper), RP_ERR_SHAPE);
        assert_string_equal(text, "");
    }
    paper.number = 65535;
    assert_ok(rp_paper_write(text, &paper));
    assert_ok(rp_paper_read(&back, text));
    assert_int_equal(back.number, 65535);
}

static void invites_carry_what_was_put_in(void **state)
{
    struct rp_token token = {.expires = 1795000000, .addresses = 2};
    struct rp_token back;
    char text[RP_TOKEN_TEXT_MAX + 1];

    (void)state;
    unit_fill(token.org, 1);
    memset(token.secret, 0x5a, sizeof token.secret);
    strcpy(token.address[0], "node.example.org:7433");
    strcpy(token.address[1], "[2001:db8::1]:7433");
    assert_ok(rp_token_write(text, &token));
    assert_memory_equal(text, "rpinvite1", 9);
    assert_ok(rp_token_read(&back, text));
    assert_memory_equal(back.org, token.org, sizeof back.org);
    assert_memory_equal(back.secret, token.secret, sizeof back.secret);
    assert_int_equal(back.expires, token.expires);
    assert_int_equal(back.addresses, 2);
    assert_string_equal(back.address[1], token.address[1]);
    text[40] = text[40] == 'q' ? 'p' : 'q';
    assert_int_equal(rp_token_read(&back, text), RP_ERR_CHECKSUM);
    assert_int_equal(rp_token_read(&back, "rp1qqqq"), RP_ERR_SHAPE);
    assert_int_equal(rp_token_read(&back, ""), RP_ERR_SHAPE);
}

static void the_longest_invite_fits(void **state)
{
    static struct rp_token token;
    static struct rp_token back;
    static char text[RP_TOKEN_TEXT_MAX + 1];

    (void)state;
    token.expires = UINT64_MAX;
    token.addresses = RP_ADDRESSES_MAX;
    for (unsigned i = 0; i < RP_ADDRESSES_MAX; i++)
        memset(token.address[i], 'a', RP_ADDRESS_LEN_MAX);
    assert_ok(rp_token_write(text, &token));
    assert_true(strlen(text) <= RP_TOKEN_TEXT_MAX);
    assert_ok(rp_token_read(&back, text));
    assert_int_equal(strlen(back.address[7]), RP_ADDRESS_LEN_MAX);
}

static void writes_no_invite_that_nobody_can_read(void **state)
{
    static struct rp_token token;
    static char text[RP_TOKEN_TEXT_MAX + 1];

    (void)state;
    token.addresses = RP_ADDRESSES_MAX + 1;
    assert_int_equal(rp_token_write(text, &token), RP_ERR_SHAPE);
    token.addresses = 1;
    assert_int_equal(rp_token_write(text, &token), RP_ERR_SHAPE); /* an empty one */
    strcpy(token.address[0], "two\nlines:1");
    assert_int_equal(rp_token_write(text, &token), RP_ERR_SHAPE);
    strcpy(token.address[0], "\xff:1");
    assert_int_equal(rp_token_write(text, &token), RP_ERR_SHAPE);
    memset(token.address[0], 'a', sizeof token.address[0]); /* without an end */
    assert_int_equal(rp_token_write(text, &token), RP_ERR_SHAPE);
    strcpy(token.address[0], "a:1");
    assert_ok(rp_token_write(text, &token));
}

static void chance_follows_from_its_seed_and_is_even(void **state)
{
    uint8_t seed[RP_RAND_SEED_LEN] = {4};
    uint8_t first[64];
    uint8_t again[64];
    unsigned seen[6] = {0};
    struct rp_rand rand;

    (void)state;
    rp_rand_init(&rand, seed);
    rp_rand_bytes(&rand, first, sizeof first);
    rp_rand_bytes(&rand, again, sizeof again);
    assert_memory_not_equal(first, again, sizeof first);
    rp_rand_init(&rand, seed);
    rp_rand_bytes(&rand, again, sizeof again);
    assert_memory_equal(first, again, sizeof first);
    for (int i = 0; i < 6000; i++)
        seen[rp_rand_below(&rand, 6)]++;
    for (int i = 0; i < 6; i++)
        assert_in_range(seen[i], 800, 1200);
    assert_int_equal(rp_rand_below(&rand, 0), 0);
    assert_int_equal(rp_rand_below(&rand, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_lines_from_other_text),
        cmocka_unit_test(finds_what_is_not_utf8_anywhere),
        cmocka_unit_test(counts_characters_not_bytes),
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(knows_days_and_months_that_exist),
        cmocka_unit_test(paper_keys_survive_copying_by_hand),
        cmocka_unit_test(paper_keys_find_mistakes),
        cmocka_unit_test(invites_carry_what_was_put_in),
        cmocka_unit_test(the_longest_invite_fits),
        cmocka_unit_test(writes_no_invite_that_nobody_can_read),
        cmocka_unit_test(chance_follows_from_its_seed_and_is_even),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
