#include "unit.h"

#include <jansson.h>
#include <stdio.h>

#include "rp/consent.h"
#include "rp/kind.h"
#include "rp/limits.h"
#include "rp/writer.h"

/* Content from JSON: keys sorted, "hex:..." as bytes. */
static void write_json(struct rp_writer *w, json_t *value)
{
    const char *key;
    json_t *entry;
    size_t i;

    if (json_is_object(value)) {
        const char *last = "";

        rp_writer_map(w, (uint32_t)json_object_size(value));
        json_object_foreach(value, key, entry)
        {
            assert_true(strcmp(last, key) < 0); /* written in order in these tests */
            rp_writer_str(w, key);
            write_json(w, entry);
            last = key;
        }
    } else if (json_is_array(value)) {
        rp_writer_array(w, (uint32_t)json_array_size(value));
        json_array_foreach(value, i, entry) write_json(w, entry);
    } else if (json_is_integer(value)) {
        rp_writer_int(w, json_integer_value(value));
    } else if (json_is_boolean(value)) {
        rp_writer_bool(w, json_is_true(value));
    } else if (strncmp(json_string_value(value), "hex:", 4) == 0) {
        struct rp_slice bytes = unit_hex(json_string_value(value) + 4);

        rp_writer_bin(w, bytes.data, bytes.len);
        unit_free(bytes);
    } else {
        rp_writer_str(w, json_string_value(value));
    }
}

static struct rp_bytes content_of(const char *json)
{
    json_t *value = json_loads(json, 0, NULL);
    struct rp_bytes content;
    struct rp_writer w;

    assert_non_null(value);
    rp_writer_init(&w, RP_BODY_MAX);
    write_json(&w, value);
    assert_ok(rp_writer_take(&w, &content));
    json_decref(value);
    return content;
}

static struct rp_problem problem;

static int check(const char *kind, const char *json, bool publish)
{
    struct rp_bytes content = content_of(json);
    int err = rp_kind_check(rp_kind_find(rp_bytes_str(kind)), rp_bytes_slice(&content), publish,
                            &problem);

    rp_bytes_free(&content);
    return err;
}

#define assert_problem(call, name)                                                                 \
    do {                                                                                           \
        assert_int_equal((call), RP_ERR_RULE);                                                     \
        assert_string_equal(problem.field, name);                                                  \
        assert_true(problem.reason[0] != '\0');                                                    \
    } while (0)

static void asks_little_to_save_and_more_to_publish(void **state)
{
    (void)state;
    assert_ok(check("pattern", "{\"lang\":\"en\",\"question\":\"How?\",\"title\":\"T\"}", false));
    assert_problem(check("pattern", "{\"lang\":\"en\",\"title\":\"T\"}", false), "question");
    assert_problem(check("pattern", "{\"lang\":\"en\",\"question\":\"How?\"}", false), "title");
    assert_problem(check("pattern", "{\"question\":\"How?\",\"title\":\"T\"}", false), "lang");
    assert_problem(
        check("pattern", "{\"lang\":\"en\",\"question\":\"How?\",\"title\":\"T\"}", true),
        "summary");
    assert_ok(check("pattern",
                    "{\"attribution\":\"N\",\"lang\":\"en\",\"licence\":\"CC-BY-4.0\","
                    "\"question\":\"How?\",\"review_by\":\"2028-11-01\",\"summary\":\"S\","
                    "\"title\":\"T\"}",
                    true));
    assert_ok(
        check("response",
              "{\"lang\":\"en\",\"target\":{\"object\":\"hex:"
              "0000000000000000000000000000000000000000000000000000000000000000\",\"version\":"
              "\"hex:0000000000000000000000000000000000000000000000000000000000000000\"},"
              "\"type\":\"helped\"}",
              false)); /* one tap: no title, no text */
}

static void names_the_field_that_is_wrong(void **state)
{
    (void)state;
    assert_problem(check("pattern", "{\"colour\":\"red\",\"lang\":\"en\"}", false), "colour");
    assert_problem(check("pattern", "{\"lang\":\"not a tag\"}", false), "lang");
    assert_problem(check("pattern", "{\"level\":[\"galaxy\"]}", false), "level");
    assert_problem(check("pattern", "{\"level\":\"system\"}", false), "level");
    assert_problem(check("pattern", "{\"confidence\":3}", false), "confidence");
    assert_problem(check("pattern", "{\"confidence\":-1}", false), "confidence");
    assert_problem(check("pattern", "{\"title\":\"\"}", false), "title");
    assert_problem(check("pattern", "{\"title\":\"two\\nlines\"}", false), "title");
    assert_problem(check("pattern", "{\"review_by\":\"2027-02-29\"}", false), "review_by");
    assert_problem(check("pattern", "{\"review_by\":\"2028-2-29\"}", false), "review_by");
    assert_problem(
        check("pattern", "{\"links\":[{\"rel\":\"related\",\"target\":\"hex:00\"}]}", false),
        "links.target");
    assert_problem(check("pattern", "{\"links\":[{\"rel\":\"friend\"}]}", false), "links.rel");
    assert_problem(check("pattern", "{\"contributors\":[{\"role\":\"author\"}]}", false),
                   "contributors.name");
    assert_problem(check("resource", "{\"url\":\"javascript:alert(1)\"}", false), "url");
    assert_problem(check("event", "{\"starts\":\"2026-13-01T10:00\"}", false), "starts");
    assert_problem(check("event", "{\"starts\":\"2026-12-01T24:00\"}", false), "starts");
    assert_problem(check("profile", "{\"place\":{\"lat\":-901}}", false), "place.lat");
    assert_ok(check("profile",
                    "{\"lang\":\"en\",\"on_map\":\"peers\",\"place\":{\"lat\":-899,\"lon\":1800},"
                    "\"subject\":\"group\",\"title\":\"G\"}",
                    false));
}

/* People see these problems, so they are text whatever the name is. */
static void names_that_cannot_be_shown_are_not(void **state)
{
    static const char *const names[] = {"", "two\nlines", "\x1b[31m", "a\xe2\x80\xa8z"};
    static const char accent[] = "\xc3\xa9";
    struct rp_writer w;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        rp_writer_init(&w, 1000);
        rp_writer_map(&w, 1);
        rp_writer_str(&w, names[i]);
        rp_writer_nil(&w);
        assert_problem(rp_kind_check(rp_kind_find(rp_bytes_str("pattern")), rp_writer_slice(&w),
                                     false, &problem),
                       "?");
        rp_writer_free(&w);
    }
    for (size_t lead = 0; lead < 2; lead++) { /* cut before a character, and inside one */
        char name[200] = "x";

        for (size_t i = 0; i < 60; i++)
            memcpy(name + lead + 2 * i, accent, 2);
        rp_writer_init(&w, 1000);
        rp_writer_map(&w, 1);
        rp_writer_str(&w, name);
        rp_writer_nil(&w);
        assert_int_equal(rp_kind_check(rp_kind_find(rp_bytes_str("pattern")), rp_writer_slice(&w),
                                       false, &problem),
                         RP_ERR_RULE);
        assert_true(rp_text_is_line(rp_bytes_str(problem.field)));
        assert_int_equal(strlen(problem.field), 62 + lead);
        rp_writer_free(&w);
    }
}

static void counts_characters_and_entries(void **state)
{
    char json[2000];
    size_t n;

    (void)state;
    n = strlen(strcpy(json, "{\"title\":\""));
    for (int i = 0; i < 120; i++)
        n += strlen(strcpy(json + n, "\xc3\xa9"));
    strcpy(json + n, "\"}");
    assert_problem(check("pattern", json, false), "lang"); /* 120 characters are not too many */
    strcpy(json + n, "e\"}");
    assert_problem(check("pattern", json, false), "title");
    assert_string_equal(problem.reason, "longer than 120 characters");
    assert_problem(check("pattern",
                         "{\"aspect\":[\"condition\",\"condition\",\"condition\","
                         "\"condition\"]}",
                         false),
                   "aspect");
}

static void every_row_of_the_table_can_be_found(void **state)
{
    static const char *const kinds[] = {
        "pattern", "story",      "question", "response", "resource",   "collection", "event",
        "profile", "vocabulary", "identity", "vouch",    "withdrawal", "held"};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct rp_kind *kind = rp_kind_find(rp_bytes_str(kinds[i]));

        assert_non_null(kind);
        assert_int_equal(kind->set, i < 9 ? RP_SET_CONTENT : RP_SET_CONTROL);
        assert_int_equal(kind->authored, i < 9);
    }
    assert_null(rp_kind_find(rp_bytes_str("patterns")));
    assert_true(rp_kind_find(rp_bytes_str("story"))->local_by_default);
    assert_false(rp_kind_find(rp_bytes_str("pattern"))->local_by_default);
}

#define CONSENT(basis, given, review, scope, saw, special, child, more)                            \
    "{\"consent\":{\"basis\":\"" basis "\",\"child\":" child ",\"given_on\":\"" given "\"," more   \
    "\"identify\":\"pseudonym\",\"review_on\":\"" review "\",\"saw_final\":" saw                   \
    ",\"scope\":[" scope "],\"special_data\":" special                                             \
    ",\"third_parties\":\"none\",\"withdraw_via\":\"stories@example.org\"}}"
#define CHECKED(result)                                                                            \
    "\"identifiable_check\":{\"by_role\":\"lead\",\"on\":\"2026-10\",\"result\":\"" result "\"},"

static int consent(const char *json, bool commons)
{
    struct rp_bytes content = content_of(json);
    int err = rp_consent_check(rp_bytes_slice(&content), commons, "2026-11-22", &problem);

    rp_bytes_free(&content);
    return err;
}

static void a_story_leaves_only_with_consent(void **state)
{
    (void)state;
    assert_problem(consent("{}", true), "consent");
    assert_ok(consent(CONSENT("teller-consent", "2026-10", "2027-10-31", "\"public-web\"", "true",
                              "false", "false", ""),
                      true));
    assert_problem(consent(CONSENT("teller-consent", "2026-10", "2027-10-31", "\"named-peers\"",
                                   "true", "false", "false", ""),
                           true),
                   "consent.scope");
    assert_ok(consent(CONSENT("teller-consent", "2026-10", "2027-10-31", "\"named-peers\"", "true",
                              "false", "false", ""),
                      false)); /* a circle is not the public */
    assert_problem(consent(CONSENT("teller-consent", "2026-10", "2026-11-21", "\"public-web\"",
                                   "true", "false", "false", ""),
                           true),
                   "consent.review_on");
    assert_problem(consent(CONSENT("teller-consent", "2026-10", "2028-11-01", "\"public-web\"",
                                   "true", "false", "false", ""),
                           true),
                   "consent.review_on");
    assert_problem(consent(CONSENT("teller-consent", "2026-10", "2027-10-31", "\"public-web\"",
                                   "false", "false", "false", ""),
                           true),
                   "consent.saw_final");
    assert_ok(consent(CONSENT("fictional", "2026-10", "2028-10-31", "\"public-web\"", "false",
                              "false", "false", ""),
                      true));
}

static void delicate_stories_need_a_second_reader(void **state)
{
    (void)state;
    assert_problem(consent(CONSENT("teller-consent", "2026-10", "2027-10-31", "\"public-web\"",
                                   "true", "true", "false", ""),
                           true),
                   "consent.identifiable_check");
    assert_problem(consent(CONSENT("teller-consent", "2026-10", "2027-10-31", "\"public-web\"",
                                   "true", "true", "false", CHECKED("possible")),
                           true),
                   "consent.identifiable_check");
    assert_ok(consent(CONSENT("teller-consent", "2026-10", "2027-10-31", "\"public-web\"", "true",
                              "true", "false", CHECKED("remote")),
                      true));
    assert_ok(consent(CONSENT("fictional", "2026-10", "2027-10-31", "\"public-web\"", "true",
                              "false", "true", CHECKED("remote")),
                      true)); /* there is no such child */
    assert_problem(consent(CONSENT("teller-consent", "2026-10", "2027-10-31", "\"public-web\"",
                                   "true", "false", "true", CHECKED("remote")),
                           true),
                   "consent.basis");
    assert_ok(consent(CONSENT("guardian-consent", "2026-10", "2027-10-31", "\"public-web\"", "true",
                              "false", "true", CHECKED("remote")),
                      true));
}

/* All that is wrong is named at once, so that nobody mends one field after the other. */
static void every_problem_of_consent_is_named(void **state)
{
    static const char *const expected[] = {
        "consent.given_on",     "consent.scope",
        "consent.identify",     "consent.identifiable_check",
        "consent.withdraw_via", "consent.review_on",
        "consent.saw_final",    "consent.identifiable_check",
    };
    struct rp_bytes content =
        content_of("{\"consent\":{\"basis\":\"own-story\",\"child\":false,\"identifiable_check\":{"
                   "\"an_entry_that_there_is_not_and_whose_name_is_rather_long_indeed\":true},"
                   "\"identify\":\"hidden\",\"review_on\":\"2020-01-01\",\"saw_final\":false,"
                   "\"special_data\":true,\"third_parties\":\"none\"}}");
    struct rp_problem found[RP_CONSENT_PROBLEMS_MAX];
    size_t n = rp_consent_problems(rp_bytes_slice(&content), true, "2026-11-22", found,
                                   RP_CONSENT_PROBLEMS_MAX);

    (void)state;
    assert_int_equal(n, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(found[i].field, expected[i]);
    assert_int_equal(rp_consent_problems(rp_bytes_slice(&content), true, "2026-11-22", found, 2),
                     2);
    rp_bytes_free(&content);
}

static void consent_lapses_and_covers(void **state)
{
    struct rp_bytes content =
        content_of(CONSENT("own-story", "2026-10", "2027-10-31", "\"print\",\"public-web\"", "true",
                           "false", "false", ""));
    struct rp_slice story = rp_bytes_slice(&content);

    (void)state;
    for (int local = 0; local < 2; local++) {
        assert_false(rp_consent_has_lapsed(story, local, "2027-10-31"));
        assert_true(rp_consent_has_lapsed(story, local, "2027-11-01"));
        assert_true(rp_consent_has_lapsed(story, local, "someday"));
        assert_true(rp_consent_has_lapsed(story, local, ""));
    }
    assert_true(rp_consent_covers(story, "print"));
    assert_false(rp_consent_covers(story, "training"));
    assert_false(rp_consent_covers(rp_bytes_str("\x80"), "print"));
    rp_bytes_free(&content);
    content = content_of("{\"consent\":{\"scope\":[1,\"print\"]}}"); /* none that says anything */
    assert_false(rp_consent_covers(rp_bytes_slice(&content), "print"));
    rp_bytes_free(&content);
}

/* Others write what they like: only a day that can be read, and is not past, shows a story. */
static void without_a_date_consent_has_lapsed(void **state)
{
    static const char *const undated[] = {"{}", "{\"consent\":{}}", "{\"consent\":true}",
                                          "{\"consent\":{\"basis\":\"own-story\"}}"};
    static const char *const misdated[] = {
        "{\"consent\":{\"review_on\":\"9999\"}}",
        "{\"consent\":{\"review_on\":\"2099-01\"}}",
        "{\"consent\":{\"review_on\":\"2099-02-29\"}}",
        "{\"consent\":{\"review_on\":\"2099-01-01 \"}}",
        "{\"consent\":{\"review_on\":\"never\"}}",
        "{\"consent\":{\"review_on\":\"\"}}",
        "{\"consent\":{\"review_on\":20990101}}",
        "{\"consent\":{\"review_on\":[\"2099-01-01\"]}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof undated / sizeof undated[0]; i++) {
        struct rp_bytes content = content_of(undated[i]);

        assert_true(rp_consent_has_lapsed(rp_bytes_slice(&content), false, "2026-11-22"));
        assert_false(rp_consent_has_lapsed(rp_bytes_slice(&content), true, "2026-11-22"));
        rp_bytes_free(&content);
    }
    for (size_t i = 0; i < sizeof misdated / sizeof misdated[0]; i++) {
        struct rp_bytes content = content_of(misdated[i]);

        assert_true(rp_consent_has_lapsed(rp_bytes_slice(&content), false, "2026-11-22"));
        assert_true(rp_consent_has_lapsed(rp_bytes_slice(&content), true, "2026-11-22"));
        rp_bytes_free(&content);
    }
    assert_true(rp_consent_has_lapsed(rp_bytes_str("\x80"), false, "2026-11-22"));
}

/* Whoever asks about consent alone is not told that half a block will do. */
static void consent_is_checked_whole(void **state)
{
    (void)state;
    assert_problem(consent(CONSENT("teller-consent", "2026-10", "9999", "\"public-web\"", "true",
                                   "false", "false", ""),
                           true),
                   "consent.review_on");
    assert_problem(consent(CONSENT("teller-consent", "2026-10", "2027-01", "\"public-web\"", "true",
                                   "false", "false", ""),
                           true),
                   "consent.review_on");
    assert_problem(consent(CONSENT("teller-consent", "2026", "2027-10-31", "\"public-web\"", "true",
                                   "false", "false", ""),
                           true),
                   "consent.given_on");
    assert_problem(consent(CONSENT("teller-consent", "9999", "2027-10-31", "\"public-web\"", "true",
                                   "false", "false", ""),
                           true),
                   "consent.given_on");
    assert_problem(consent("{\"consent\":{}}", true), "consent.basis");
    assert_problem(consent("{\"consent\":\"yes\"}", true), "consent");
    assert_problem(consent("{\"consent\":{\"basis\":\"fictional\",\"review_on\":\"2027-10-31\","
                           "\"saw_final\":true,\"scope\":[\"public-web\"]}}",
                           true),
                   "consent.given_on");
}

/* Whether ${value}, one item in hex or (behind '"') a text, fits the field of the kind. */
static bool fits(const char *kind, const char *name, const char *value)
{
    const struct rp_field *field =
        rp_kind_field(rp_kind_find(rp_bytes_str(kind)), rp_bytes_str(name));
    struct rp_writer w;
    int err;

    assert_non_null(field);
    rp_writer_init(&w, 10000);
    if (value[0] == '"') {
        rp_writer_str(&w, value + 1);
    } else {
        struct rp_slice item = unit_hex(value);

        rp_writer_raw(&w, item);
        unit_free(item);
    }
    err = rp_kind_check_field(field, rp_writer_slice(&w), true, &problem);
    rp_writer_free(&w);
    if (err != RP_OK) {
        assert_int_equal(err, RP_ERR_RULE);
        assert_memory_equal(problem.field, name, strlen(name));
        assert_true(rp_text_is_line(rp_bytes_str(problem.reason)));
    }
    return err == RP_OK;
}

struct value_case {
    const char *kind;
    const char *field;
    const char *const *good; /* NULL-terminated */
    const char *const *bad;
};

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void a_value_has_the_form_of_its_type(void **state)
{
    const struct value_case cases[] = {
        {"event", "starts", LIST("\"2026-12-01T00:00", "\"2028-02-29T23:59"),
         LIST("\"2026-12-01", "\"2026-12-01T10:00:00", "\"2026-02-29T10:00", "\"2026-12-01 10:00",
              "\"2026-12-01T10.00", "\"2026-12-01T24:00", "\"2026-12-01T10:60",
              "\"2026-12-01T/0:00", "\"2026-12-01T:0:00", "\"2026-12-01T1/:00",
              "\"2026-12-01T1::00", "\"2026-12-01T10:5x", "01")},
        {"pattern", "lang",
         LIST("\"en", "\"EN-gb", "\"sr-Latn-RS", "\"de-1996", "\"zh-Hant", "\"x-a", "\"abcdefgh",
              "\"aZ", "\"de-0a9z"),
         LIST("\"e", "\"en-", "\"-en", "\"en--gb", "\"e1", "\"1e", "\"abcdefghi", "\"en_GB", "\"e@",
              "\"e[", "\"e`", "\"e{", "\"de-1/", "\"de-1:", "\"")},
        {"profile", "org_type", LIST("\"a", "\"z9", "\"charity-2", "\"0"),
         LIST("\"-a", "\"A", "\"a b", "\"a/", "\"a:", "\"a`", "\"a{", "\"", "c401aa")},
        {"resource", "url",
         LIST("\"http://a", "\"https://a.example/?q=1#x", "\"https://\xc3\xa9.eu"),
         LIST("\"http://", "\"https://", "\"ftp://a", "\"http:/a", "\"https://a b",
              "\"http://a\x01", "\"http://a|b", "\"http://a\"b",
              "\"http://a\xe2\x80\xa8"
              "b")},
        {"pattern", "confidence", LIST("00", "02"), LIST("03", "ff", "\"1", "c3")},
        {"story", "slip",
         LIST("c440"
              "00000000000000000000000000000000"
              "00000000000000000000000000000000"
              "00000000000000000000000000000000"
              "00000000000000000000000000000000"
              "00000000000000000000000000000000"
              "00000000000000000000000000000000"
              "00000000000000000000000000000000"
              "00000000000000000000000000000000"),
         LIST("c40100", "c400", "c0", "\"slip")},
        {"vouch", "subject",
         LIST("c4200000000000000000000000000000000000000000000000000000000000000000"),
         LIST("c41f00000000000000000000000000000000000000000000000000000000000000",
              "c421000000000000000000000000000000000000000000000000000000000000000000")},
        {"pattern", "problem", LIST("\"one\n\ntwo"), LIST("\"", "c40161")},
        {"vouch", "inception", LIST("c40100"), LIST("c400", "\"a", "00")},
        {"question", "special_data", LIST("c2", "c3"), LIST("00", "c0", "\"true")},
        {"resource", "patterns", LIST("90"), LIST("91c40100", "c0", "80")},
        {"collection", "items",
         LIST("9181a6746172676574c420"
              "0000000000000000000000000000000000000000000000000000000000000000"),
         LIST("90", "9180", "80")}, /* needed to save: not an empty list */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct value_case *c = &cases[i];

        for (const char *const *value = c->good; *value != NULL; value++) {
            if (!fits(c->kind, c->field, *value))
                fail_msg("%s.%s: %s: %s", c->kind, c->field, *value, problem.reason);
        }
        for (const char *const *value = c->bad; *value != NULL; value++) {
            if (fits(c->kind, c->field, *value))
                fail_msg("%s.%s: %s fits", c->kind, c->field, *value);
        }
    }
}

/* Whoever adds a field with a long name, or many values, gets a problem that is cut, not broken. */
static void problems_are_cut_to_their_room(void **state)
{
    char name[64];
    char value[201];
    const char *const values[] = {value, "another", NULL};
    const struct rp_field none = {.name = NULL};
    const struct rp_field block = {.name = name, .type = RP_FIELD_BLOCK, .fields = &none};
    const struct rp_field choice = {.name = "choice", .type = RP_FIELD_ENUM, .values = values};
    struct rp_bytes map = content_of("{\"inner\":1}");

    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(rp_kind_check_field(&block, rp_bytes_slice(&map), false, &problem),
                     RP_ERR_RULE);
    assert_string_equal(problem.field, name);
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    assert_int_equal(rp_kind_check_field(&choice, rp_bytes_slice(&map), false, &problem),
                     RP_ERR_RULE);
    assert_int_equal(strlen(problem.reason), sizeof problem.reason - 1);
    assert_memory_equal(problem.reason, "not one of vvv", 14);
    rp_bytes_free(&map);
}

/* What the software writes has its own fields alone. */
static void control_records_have_no_common_fields(void **state)
{
    static const char subject[] =
        "\"subject\":\"hex:0000000000000000000000000000000000000000000000000000000000000000\"";
    const struct rp_kind *vouch = rp_kind_find(rp_bytes_str("vouch"));
    char json[300];

    (void)state;
    assert_null(rp_kind_field(vouch, rp_bytes_str("title")));
    assert_non_null(rp_kind_field(vouch, rp_bytes_str("subject")));
    assert_non_null(rp_kind_field(rp_kind_find(rp_bytes_str("story")), rp_bytes_str("title")));
    snprintf(json, sizeof json, "{\"inception\":\"hex:00\",%s}", subject);
    assert_ok(check("vouch", json, true));
    snprintf(json, sizeof json, "{%s}", subject);
    assert_problem(check("vouch", json, true), "inception");
    snprintf(json, sizeof json, "{\"inception\":\"hex:00\",%s,\"title\":\"T\"}", subject);
    assert_problem(check("vouch", json, true), "title");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_little_to_save_and_more_to_publish),
        cmocka_unit_test(names_the_field_that_is_wrong),
        cmocka_unit_test(names_that_cannot_be_shown_are_not),
        cmocka_unit_test(counts_characters_and_entries),
        cmocka_unit_test(every_row_of_the_table_can_be_found),
        cmocka_unit_test(a_story_leaves_only_with_consent),
        cmocka_unit_test(delicate_stories_need_a_second_reader),
        cmocka_unit_test(every_problem_of_consent_is_named),
        cmocka_unit_test(consent_lapses_and_covers),
        cmocka_unit_test(without_a_date_consent_has_lapsed),
        cmocka_unit_test(consent_is_checked_whole),
        cmocka_unit_test(a_value_has_the_form_of_its_type),
        cmocka_unit_test(problems_are_cut_to_their_room),
        cmocka_unit_test(control_records_have_no_common_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
