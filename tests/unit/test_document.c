#include "unit.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "document/document.h"
#include "rp/canonical.h"
#include "rp/reader.h"

static struct document document;
static struct document_note problem;

static int read_text(const char *text, bool lenient)
{
    struct document_opts opts = {.kind = rp_kind_find(rp_bytes_str("pattern")), .lenient = lenient};

    document_free(&document);
    return document_read(&document, text, strlen(text), &opts, &problem);
}

static const char *field(const char *name)
{
    const char *text = json_string_value(json_object_get(document.fields, name));

    return text != NULL ? text : "";
}

static void front_matter_gives_fields_by_name_or_under_params(void **state)
{
    (void)state;
    assert_ok(read_text("---\ntitle: Ask\nparams:\n  question: Why?\ntags: [a, b]\n---\n", false));
    assert_string_equal(field("title"), "Ask");
    assert_string_equal(field("question"), "Why?");
    assert_int_equal(json_array_size(json_object_get(document.fields, "tags")), 2);
    assert_int_equal(document_line(&document, "tags"), 5);
    assert_int_equal(document_line(&document, "nowhere"), 1);
}

static void yaml_is_taken_as_text_and_nothing_is_guessed(void **state)
{
    (void)state;
    assert_ok(read_text("---\ntitle: 2026\nquestion: yes\nsummary: ~\n---\n", false));
    assert_string_equal(field("title"), "2026");
    assert_string_equal(field("question"), "yes");
    assert_null(json_object_get(document.fields, "summary"));
}

static void bad_front_matter_is_named_by_line(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
    } cases[] = {
        {"---\ntitle: Ask\n", 1},                      /* never ends */
        {"---\ntitle: 'Ask\n---\n", 2},                /* a quote that is not closed */
        {"---\ntitle: Ask\ntitle: Again\n---\n", 3},   /* twice */
        {"---\ntitle: Ask\ncolour: red\n---\n", 3},    /* no such field */
        {"---\ntitle: &a Ask\nsummary: *a\n---\n", 3}, /* an alias, as bombs are made of */
        {"---\nkind: poem\n---\n", 2},                 /* no such kind */
        {"---\n- a\n- b\n---\n", 2},                   /* no map */
        {"---\n? [a]\n: b\n---\n", 2},                 /* a key that is no word */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_text(cases[i].text, false), RP_ERR_SHAPE);
        assert_int_equal(problem.line, cases[i].line);
        assert_true(problem.text[0] != '\0');
    }
    assert_int_equal(read_text("\xff", false), RP_ERR_SHAPE);
}

/* Who sees a text hangs on these: what is not exactly understood is never passed over. */
static void settings_are_understood_or_refused(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *told;
    } cases[] = {
        {"---\ntitle: T\naudience: local (draft only)\n---\n", 3,
         "must be local, commons or circle:NAME"},
        {"---\naudience: [local]\n---\n", 2, "audience: one word must follow, not a list"},
        {"---\naudience: {a: b}\n---\n", 2, "not a block"},
        {"---\naudience:\n---\n", 2, "not nothing"},
        {"---\naudience: ~\n---\n", 2, "not nothing"},
        {"---\naudience: \"local\\0\"\n---\n", 2, "audience"},
        {"---\nAudience: Local\n---\n", 2,
         "Audience: must be local, commons or circle:NAME, not Local"},
        {"---\naudience: commons\nAUDIENCE: local\n---\n", 3, "twice"},
        {"---\naudience: commons\nparams:\n  audience: local\n---\n", 4, "twice"},
        {"---\nParams:\n  x: y\n  Audience: [local]\n---\n", 4, "not a list"},
        {"---\nparams: [audience, local]\n---\n", 2, "params"},
        {"---\ndraft: yes\n---\n", 2, "draft: must be true or false, not yes"},
        {"---\ndraft: True\n---\n", 2, "must be true or false"},
        {"---\nkind: [story]\n---\n", 2, "kind: one word must follow"},
        {"---\nobject: hello\n---\n", 2, "object: must be the whole id"},
        {"---\n{title: T}\naudience: local\n---\n", 3, "front matter"},
        {"---\n{title: T}\n--- {audience: local}\n---\n", 3, "front matter"},
        {"\n\n---\naudience: loca\n---\n", 4, "must be local, commons or circle:NAME"},
        {"+++\naudience = \"local\"\n+++\n", 1, "TOML"},
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_text(cases[i / 2].text, i % 2 == 0), RP_ERR_SHAPE);
        assert_int_equal(problem.line, cases[i / 2].line);
        assert_non_null(strstr(problem.text, cases[i / 2].told));
    }
    assert_ok(read_text("\n---\nAudience: local\nDraft: true\n---\nText\n", false));
    assert_string_equal(document.audience, "local");
    assert_true(document.is_draft);
    assert_ok(read_text("---\nPARAMS:\n  draft: false\n  audience: commons\n---\n", true));
    assert_string_equal(document.audience, "commons");
    assert_false(document.is_draft);
}

static void lines_under_params_are_counted_and_twins_told(void **state)
{
    (void)state;
    assert_ok(read_text("---\ntitle: T\nparams:\n  lang: en\n  question: Why?\n---\n", false));
    assert_int_equal(document_line(&document, "question"), 5);
    assert_int_equal(read_text("---\nsummary: A\ndescription: B\n---\n", false), RP_ERR_SHAPE);
    assert_int_equal(problem.line, 3);
    assert_non_null(strstr(problem.text, "description: stands there twice"));
    assert_ok(read_text("---\nsummary: A\ndescription: B\n---\n", true));
    assert_string_equal(field("summary"), "A");
    assert_int_equal(document.notes, 1);
}

static void sections_become_fields_by_their_headings(void **state)
{
    (void)state;
    assert_ok(read_text("## Title\n\nThirty days\n\n## Patlet\n\nOne line,\nand another.\n\n"
                        "## Problem\n\nHard.\n\n### Detail\n\nMore.\n\n## Forces\n\n- a\n- b\n\n"
                        "## Solution(s)\n\nDo it.\n\n## Authors\n\n- [Ann Lee](http://x.y/)\n"
                        "- Bo\n\n## Odd one\n\nKept.\n",
                        true));
    assert_string_equal(field("title"), "Thirty days");
    assert_string_equal(field("summary"), "One line, and another.");
    assert_string_equal(field("problem"), "Hard.\n\n### Detail\n\nMore.");
    assert_string_equal(field("forces"), "- a\n- b");
    assert_string_equal(field("guidance"), "Do it.");
    assert_string_equal(field("body"), "## Odd one\n\nKept.");
    assert_int_equal(json_array_size(json_object_get(document.fields, "contributors")), 2);
    assert_int_equal(document_line(&document, "guidance"), 23);
}

static void our_own_labels_are_headings_too(void **state)
{
    (void)state;
    assert_ok(read_text("# Ask first\n\nBefore.\n\n## What helps\n\nAsking.\n\n"
                        "## When to take care:\n\nAlways.\n",
                        false));
    assert_string_equal(field("title"), "Ask first");
    assert_string_equal(field("body"), "Before.");
    assert_string_equal(field("guidance"), "Asking.");
    assert_string_equal(field("caution"), "Always.");
}

static void headings_in_code_are_no_headings(void **state)
{
    (void)state;
    assert_ok(read_text("# T\n\n## Solution\n\n```sh\n# not a heading\n## nor this\n```\n\nEnd.\n",
                        false));
    assert_string_equal(field("guidance"), "```sh\n# not a heading\n## nor this\n```\n\nEnd.");
}

static void what_does_not_fit_a_field_stays_in_the_body(void **state)
{
    static char text[3000];

    (void)state;
    strcpy(text, "# T\n\n## Question\n\n");
    memset(text + strlen(text), 'q', 400); /* longer than a question may be */
    strcat(text, "\n");
    assert_ok(read_text(text, false));
    assert_string_equal(field("question"), "");
    assert_memory_equal(field("body"), "## Question\n\nqqq", 16);
}

static void a_summary_is_taken_from_the_text_only_when_lenient(void **state)
{
    (void)state;
    assert_ok(read_text("# T\n\n## Problem\n\nFirst words. More.\n\nSecond.\n", false));
    assert_string_equal(field("summary"), "");
    assert_ok(read_text("# T\n\n## Problem\n\nFirst words. More.\n\nSecond.\n", true));
    assert_string_equal(field("summary"), "First words. More.");
    assert_int_equal(document.notes, 1);
}

static void other_libraries_names_are_understood(void **state)
{
    (void)state;
    assert_ok(read_text("---\ntitle: T\ndescription: D\nrelated: [one, two]\nnav_order: 1\n"
                        "examples:\n- title: X\n  description: y\n---\nBody\n",
                        true));
    assert_string_equal(field("summary"), "D");
    assert_string_equal(field("instances"), "- **X**: y");
    assert_int_equal(json_array_size(json_object_get(document.fields, "links")), 2);
    assert_int_equal(document.notes, 1); /* nav_order is left out, and that is said */
}

/* "a.md" is object aa..., its version bb...; nothing else is known. */
static bool resolve(void *ctx, const char *name, bool version, uint8_t id[static RP_ID_LEN])
{
    (void)ctx;
    memset(id, version ? 0xbb : 0xaa, RP_ID_LEN);
    return strcmp(name, "a.md") == 0;
}

static struct rp_writer content;

static int pack(bool lenient)
{
    struct document_pack_opts opts = {resolve, NULL, lenient};

    rp_writer_free(&content);
    rp_writer_init(&content, RP_BODY_MAX);
    return document_pack(&document, &opts, &content, &problem);
}

#define AA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void links_between_files_become_links_between_objects(void **state)
{
    struct rp_reader value;
    struct rp_slice text;

    (void)state;
    assert_ok(read_text("---\ntitle: T\nlinks:\n- rel: related\n  target: a.md\n---\n"
                        "See [a](a.md), [b](a.md#part), [c](b.md), [[a.md]], [[a.md|words]],\n"
                        "[d](https://x.y/a.md), ![p](a.md), [e](//a.md), [f](a.md",
                        false));
    assert_ok(pack(false));
    assert_ok(rp_canonical_check(content.data, content.len));
    assert_true(rp_reader_find(rp_writer_slice(&content), "body", &value));
    text = rp_reader_str(&value);
    assert_int_equal(
        rp_bytes_compare(text,
                         rp_bytes_str("See [a](/o/" AA "), [b](/o/" AA "), [c](b.md), [a.md](/o/" AA
                                      "), [words](/o/" AA "),\n[d](https://x.y/a.md), ![p](/o/" AA
                                      "), [e](//a.md), [f](a.md")),
        0);
}

static void names_that_mean_nothing_are_refused_or_left_out(void **state)
{
    struct rp_reader value;

    (void)state;
    assert_ok(read_text("---\ntitle: T\nlinks:\n- rel: related\n  target: nowhere.md\n"
                        "- rel: related\n  target: a.md\n---\n",
                        true));
    assert_int_equal(pack(false), RP_ERR_SHAPE);
    assert_int_equal(problem.line, 3);
    assert_ok(pack(true));
    assert_true(rp_reader_find(rp_writer_slice(&content), "links", &value));
    assert_int_equal(rp_reader_array(&value), 1);
    assert_ok(read_text("---\ntitle: T\nlinks: [nowhere]\n---\n", true));
    assert_ok(pack(true));
    assert_false(rp_reader_find(rp_writer_slice(&content), "links", &value));
}

static void values_are_packed_as_their_fields_want_them(void **state)
{
    struct rp_reader value;

    (void)state;
    assert_ok(read_text("---\nkind: response\ntarget: {object: a.md, version: a.md}\ntype: helped\n"
                        "my_context: {region: ' North  East '}\n---\n",
                        false));
    assert_true(document.refers_to_versions);
    assert_ok(pack(false));
    assert_ok(rp_canonical_check(content.data, content.len));
    assert_true(rp_reader_find(rp_writer_slice(&content), "my_context", &value));
    assert_ok(read_text("---\ntitle: T\nconfidence: two\n---\n", false));
    assert_int_equal(pack(false), RP_ERR_SHAPE);
    assert_string_equal(problem.text, "confidence: not a whole number: two");
    assert_ok(read_text("---\nkind: question\ntitle: T\nspecial_data: maybe\n---\n", false));
    assert_int_equal(pack(false), RP_ERR_SHAPE);
}

static void an_empty_list_in_a_block_is_told(void **state)
{
    struct rp_reader value;

    (void)state;
    assert_ok(read_text("---\nkind: story\ntitle: T\nconsent: {basis: fictional, scope: []}\n---\n",
                        false));
    assert_int_equal(pack(false), RP_ERR_SHAPE);
    assert_int_equal(problem.line, 4);
    assert_non_null(strstr(problem.text, "scope: an empty list"));
    assert_ok(read_text("---\ntitle: T\ntags: []\n---\n", false));
    assert_ok(pack(false));
    assert_false(rp_reader_find(rp_writer_slice(&content), "tags", &value));
}

/* How long reading and packing ${len} bytes of a repeated pattern takes. */
static clock_t time_of(const char *pattern, size_t len)
{
    static char text[120001];
    clock_t begun = clock();

    for (size_t at = 0; at < len; at++)
        text[at] = pattern[at % strlen(pattern)];
    text[len] = '\0';
    assert_ok(read_text(text, false));
    assert_ok(pack(false));
    return clock() - begun;
}

/* Four times the text may take four times as long; it was sixteen times, and seconds. */
static void links_are_sought_in_bounded_time(void **state)
{
    static const char *const patterns[] = {"[", "[[", "](", "[[a|", "](a"};

    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        clock_t shorter = time_of(patterns[i], 30000);
        clock_t longer = time_of(patterns[i], 120000);

        assert_true(longer < CLOCKS_PER_SEC / 4 || longer < 9 * shorter);
    }
}

static const char *name_of(void *ctx, const char *object)
{
    (void)ctx;
    return strcmp(object, AA) == 0 ? "../pattern/a.md" : NULL;
}

static void what_is_written_reads_back_the_same(void **state)
{
    struct document_write_opts opts = {"pattern", AA, "commons", name_of, NULL};
    json_t *fields = json_pack("{s:s, s:s, s:s, s:s, s:[s,s], s:i, s:[{s:s,s:s,s:s}]}", "title",
                               "Yes: \"no\" #1", "lang", "en", "body", "Before [a](/o/" AA ").",
                               "guidance", "- one\n- two", "tags", "yes", "a, b", "confidence", 1,
                               "links", "rel", "related", "target", AA, "note", "so: it is");
    char *text = document_write(fields, &opts);

    (void)state;
    assert_non_null(text);
    assert_ok(read_text(text, false));
    assert_string_equal(field("title"), "Yes: \"no\" #1");
    assert_string_equal(field("body"), "Before [a](../pattern/a.md).");
    assert_string_equal(field("guidance"), "- one\n- two");
    assert_string_equal(field("confidence"), "1");
    assert_string_equal(document.object, AA);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(document.fields, "tags"), 0)), "yes");
    free(text);
    json_decref(fields);
}

/* A record of somebody whose software, or whose intent, is another: what is written is front matter
 * of the fields' own values and of nothing else. */
static void hostile_records_are_written_as_what_they_are(void **state)
{
    struct document_write_opts opts = {"pattern", AA, "local", name_of, NULL};
    static const char weird[] =
        "a\nobject: b\r\xc2\x85\xe2\x80\xa8\xe2\x80\xae\"\\\x7f\xef\xbb\xbf";
    json_t *fields = json_pack(
        "{s:s, s:[s], s:s, s:{}, s:[], s:[{s:s, s:s}, {}, s, {s:[]}], s:[s,[s],{}], s:{s:s}, s:n}",
        "title", weird, "lang", "en", "summary", "x\n---\naudience: commons\n", "translation_of",
        "aliases", "links", "rel", weird, "target", "x\naudience: commons", "not a block", "note",
        "tags", "- a: b", "c", "question", "a", "b", "licence");
    char *text = document_write(fields, &opts);
    const json_t *links;

    (void)state;
    assert_non_null(fields);
    assert_non_null(text);
    assert_ok(read_text(text, false));
    assert_string_equal(document.audience, "local");
    assert_string_equal(document.object, AA);
    assert_string_equal(field("title"), weird);
    assert_string_equal(field("summary"), "x\n---\naudience: commons\n");
    links = json_object_get(document.fields, "links");
    assert_int_equal(json_array_size(links), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(links, 0), "target")),
                        "x\naudience: commons");
    assert_int_equal(json_array_size(json_object_get(document.fields, "tags")), 1);
    for (size_t i = 0; i < 5; i++) {
        static const char *const gone[] = {"lang", "translation_of", "aliases", "question",
                                           "licence"};
        char remark[80];

        assert_null(json_object_get(document.fields, gone[i]));
        snprintf(remark, sizeof remark, "# left out, being no value of this field: %s\n", gone[i]);
        assert_non_null(strstr(text, remark));
    }
    free(text);
    json_decref(fields);
}

static void slugs_are_made_of_titles(void **state)
{
    char slug[64];

    (void)state;
    document_slug(slug, sizeof slug, "  Saying no, kindly! (2) ");
    assert_string_equal(slug, "saying-no-kindly-2");
    document_slug(slug, sizeof slug, "\xe6\x97\xa5\xe6\x9c\xac");
    assert_string_equal(slug, "untitled");
    document_slug(slug, sizeof slug, "");
    assert_string_equal(slug, "untitled");
}

static int cleanup(void **state)
{
    (void)state;
    document_free(&document);
    rp_writer_free(&content);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(front_matter_gives_fields_by_name_or_under_params),
        cmocka_unit_test(yaml_is_taken_as_text_and_nothing_is_guessed),
        cmocka_unit_test(bad_front_matter_is_named_by_line),
        cmocka_unit_test(settings_are_understood_or_refused),
        cmocka_unit_test(lines_under_params_are_counted_and_twins_told),
        cmocka_unit_test(an_empty_list_in_a_block_is_told),
        cmocka_unit_test(links_are_sought_in_bounded_time),
        cmocka_unit_test(hostile_records_are_written_as_what_they_are),
        cmocka_unit_test(sections_become_fields_by_their_headings),
        cmocka_unit_test(our_own_labels_are_headings_too),
        cmocka_unit_test(headings_in_code_are_no_headings),
        cmocka_unit_test(what_does_not_fit_a_field_stays_in_the_body),
        cmocka_unit_test(a_summary_is_taken_from_the_text_only_when_lenient),
        cmocka_unit_test(other_libraries_names_are_understood),
        cmocka_unit_test(links_between_files_become_links_between_objects),
        cmocka_unit_test(names_that_mean_nothing_are_refused_or_left_out),
        cmocka_unit_test(values_are_packed_as_their_fields_want_them),
        cmocka_unit_test(what_is_written_reads_back_the_same),
        cmocka_unit_test(slugs_are_made_of_titles),
    };

    return cmocka_run_group_tests(tests, NULL, cleanup);
}
