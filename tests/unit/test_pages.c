#include "support/mesh.h"

#include <stdio.h>
#include <time.h>

#include "web/html.h"
#include "web/pages.h"

#define TEXT(w) ((const char *)(w).data)
#define OBJECT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct mesh mesh;

static void check_markdown(const char *text, const char *html)
{
    struct rp_writer w;

    rp_writer_init(&w, PAGE_MAX);
    html_markdown(&w, rp_bytes_str(text));
    assert_ok(w.err);
    assert_int_equal(w.len, strlen(html));
    assert_memory_equal(w.data, html, w.len);
    rp_writer_free(&w);
}

static void markdown_becomes_html(void **state)
{
    (void)state;
    check_markdown("# One\n\nA *b* **c** `d<e`\\\nf",
                   "<h3>One</h3><p>A <em>b</em> <strong>c</strong> "
                   "<code>d&lt;e</code><br>\nf</p>\n");
    check_markdown("- a\n- b\n\n3. c", "<ul><li>a</li>\n<li>b</li>\n</ul>\n"
                                       "<ol start=\"3\"><li>c</li>\n</ol>\n");
    check_markdown(
        "[x](https://a.example/?b&c)",
        "<p><a href=\"https://a.example/?b&amp;c\" rel=\"noopener nofollow\">x</a></p>\n");
    check_markdown("[x](/o/" OBJECT ")", "<p><a href=\"/o/" OBJECT "\">x</a></p>\n");
    check_markdown("See https://a.example/b_c?d=e. (http://f.example/) xhttp://g.example",
                   "<p>See <a href=\"https://a.example/b_c?d=e\" rel=\"noopener nofollow\">"
                   "https://a.example/b_c?d=e</a>. (<a href=\"http://f.example/\" "
                   "rel=\"noopener nofollow\">http://f.example/</a>) xhttp://g.example</p>\n");
    check_markdown("| a |\n|---|\n| b |",
                   "<table><thead><tr><th>a</th></tr>\n</thead>\n<tbody><tr><td>b</td></tr>\n"
                   "</tbody>\n</table>\n");
}

static void nothing_in_a_text_becomes_a_script(void **state)
{
    static const char *const plain[] = {
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](java&#115;cript:alert(1))",
        "[x](javascript&colon;alert(1))",
        "[x](data:text/html,x)",
        "[x](vbscript:x)",
        "[x](//evil.example)",
        "[x](\\\\\\\\evil.example)",
        "[x](/\\\\evil.example)",
        "[x](</o/ a>)",
        "![x](javascript:alert(1))",
        "[x](file:///etc/passwd)",
        "[x](https://)",
        "[x](/o/00ff)",
        "[x](/o/../kind/pattern)",
        "[x](/o/" OBJECT "0)",
    };

    (void)state;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        check_markdown(plain[i], "<p>x</p>\n");
    check_markdown("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n");
    check_markdown("a <img src=x onerror=y> b", "<p>a &lt;img src=x onerror=y&gt; b</p>\n");
    check_markdown(
        "[x](https://a/\"onclick=b)",
        "<p><a href=\"https://a/&quot;onclick=b\" rel=\"noopener nofollow\">x</a></p>\n");
    check_markdown("[a ![b](https://c/) d](https://e/)",
                   "<p><a href=\"https://e/\" rel=\"noopener nofollow\">a b d</a></p>\n");
    check_markdown("![b](https://c/d.png)",
                   "<p><a href=\"https://c/d.png\" rel=\"noopener nofollow\">b</a></p>\n");
}

/* What is nested without end comes out bounded. */
static void deep_nesting_is_cut_off(void **state)
{
    struct rp_writer w;
    char text[65537];

    (void)state;
    memset(text, '>', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    rp_writer_init(&w, 1 << 20);
    html_markdown(&w, rp_bytes_str(text));
    assert_true(w.err == RP_OK || w.err == RP_ERR_LIMIT);
    rp_writer_free(&w);
}

/* A page is made on the loop, where everybody waits for it. What these took before they were
 * bounded was seconds. */
static void no_text_takes_long(void **state)
{
    static const char *const hostile[][2] = {
        {"", "http://a.b/("}, {"", "["},      {"", "]("},   {"", "*a_ "},        {"", "[a][b] "},
        {"", "`a``"},         {"", "<a b='"}, {"", "> - "}, {"[a]: /", "&amp;"}, {"[a]: /", "\\!"},
    };
    static char text[HTML_MARKDOWN_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        size_t n = strlen(hostile[i][1]);
        size_t at = strlen(hostile[i][0]);
        bool defines = at > 0; /* a definition of half the length, used in the rest */
        clock_t begun = clock();
        struct rp_writer w;

        memcpy(text, hostile[i][0], at);
        while (at < HTML_MARKDOWN_MAX / (defines ? 2 : 1)) {
            text[at] = hostile[i][1][at % n];
            at++;
        }
        if (defines)
            memcpy(text + at, "\n\n", 2);
        for (at += 2; defines && at < HTML_MARKDOWN_MAX; at++)
            text[at] = "[a]"[at % 3];
        rp_writer_init(&w, PAGE_MAX);
        html_markdown(&w, (struct rp_slice){(const uint8_t *)text, HTML_MARKDOWN_MAX});
        assert_true(clock() - begun < CLOCKS_PER_SEC);
        rp_writer_free(&w);
    }
}

static void a_text_longer_than_any_field_is_shown_as_it_is(void **state)
{
    static char text[HTML_MARKDOWN_MAX + 2];
    struct rp_writer w;

    (void)state;
    memset(text, '*', HTML_MARKDOWN_MAX + 1);
    rp_writer_init(&w, PAGE_MAX);
    html_markdown(&w, rp_bytes_str(text));
    assert_memory_equal(w.data, "<pre>***", 8);
    rp_writer_free(&w);
}

static void answer(struct page *page, const char *path, const char *after)
{
    struct view_source source = {
        .kv = mesh.nodes[0].kv,
        .core = mesh.nodes[0].core,
        .self = &mesh.nodes[0].self,
        .web = "off",
        .now_ms = mesh.now,
    };

    page_answer(page, path, after, &source);
    rp_writer_raw(&page->body, (struct rp_slice){(const uint8_t *)"", 1});
}

static void check_page(unsigned status, const char *path, const char *after, const char *holds)
{
    struct page page = {.status = 0};

    answer(&page, path, after);
    assert_int_equal(page.status, status);
    if (holds != NULL)
        assert_non_null(strstr(TEXT(page.body), holds));
    page_free(&page);
}

static void addresses_that_are_nobodys_are_not_found(void **state)
{
    (void)state;
    mesh_init(&mesh, 1);
    check_page(200, "/", NULL, "<h1>The library</h1>");
    check_page(200, "/healthz", NULL, "ok\n");
    check_page(404, "/kind/nothing", NULL, NULL);
    check_page(404, "/kind/vouch", NULL, NULL);
    check_page(404, "/o/", NULL, NULL);
    check_page(404, "/o/zz", NULL, NULL);
    check_page(404, "/o/0000", NULL, NULL);
    check_page(404, "/o/0000000000000000000000000000000000000000000000000000000000000000", NULL,
               NULL);
    check_page(404, "/etc/passwd", NULL, NULL);
    mesh_free(&mesh);
}

/* Ten versions side by side, each with a text as long as a text may be: two of them are rendered.
 */
static void all_versions_on_a_page_share_what_it_may_cost(void **state)
{
    static char text[HTML_MARKDOWN_MAX - 100];
    struct page page = {.status = 0};
    char path[3 + 2 * RP_ID_LEN + 1] = "/o/";
    unsigned plain = 0;

    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text, "**b** ", 6);
    mesh_init(&mesh, 1);
    for (unsigned i = 0; i < 5; i++) {
        struct rp_record fields;
        struct rp_opened opened;
        struct rp_bytes packed;
        struct rp_writer w;

        rp_writer_init(&w, RP_BODY_MAX);
        rp_writer_map(&w, 1);
        rp_writer_str(&w, "body");
        rp_writer_text(&w, (struct rp_slice){(const uint8_t *)text, sizeof text});
        fields = sample_fields(&mesh.nodes[0].org, 5, rp_writer_slice(&w));
        fields.salt[0] = (uint8_t)i;
        packed = sample_pack(&fields, &mesh.nodes[0].org.key);
        rp_writer_free(&w);
        assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
        rp_text_hex(path + 3, opened.record.object, RP_ID_LEN);
        rp_record_close(&opened);
        assert_ok(mesh_submit(&mesh, 0, &packed));
    }
    answer(&page, path, NULL);
    assert_int_equal(page.status, 200);
    for (const char *at = TEXT(page.body); (at = strstr(at, "<pre>**b**")) != NULL; at++)
        plain++;
    assert_int_equal(plain, 3);
    page_free(&page);
    mesh_free(&mesh);
}

static struct kv_txn *cannot_begin(struct kv *kv, bool write, int *err)
{
    (void)kv;
    (void)write;
    *err = RP_ERR_IO;
    return NULL;
}

static void an_unreadable_store_is_no_empty_library(void **state)
{
    const struct kv_ops *ops;
    struct kv_ops failing;

    (void)state;
    mesh_init(&mesh, 1);
    ops = mesh.nodes[0].kv->ops;
    failing = *ops;
    failing.begin = cannot_begin;
    mesh.nodes[0].kv->ops = &failing;
    check_page(500, "/", NULL, "cannot be read");
    check_page(500, "/kind/pattern", NULL, "cannot be read");
    check_page(500, "/o/" OBJECT, NULL, "cannot be read");
    mesh.nodes[0].kv->ops = ops;
    mesh_free(&mesh);
}

/* A listing goes on where it was left, and nowhere else. */
static void a_listing_goes_on(void **state)
{
    struct page page = {.status = 0};
    const char *at;
    char cursor[VIEW_CURSOR_MAX];

    (void)state;
    mesh_init(&mesh, 1);
    for (unsigned i = 0; i < 60; i++)
        mesh_publish(&mesh, 0, i);
    mesh_run(&mesh, 1000);
    answer(&page, "/kind/pattern", NULL);
    assert_int_equal(page.status, 200);
    at = strstr(TEXT(page.body), "?after=");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "?after=%128[0-9a-f]", cursor), 1);
    page_free(&page);

    answer(&page, "/kind/pattern", cursor);
    assert_null(strstr(TEXT(page.body), "?after="));
    assert_non_null(strstr(TEXT(page.body), "<li"));
    page_free(&page);
    check_page(404, "/kind/story", cursor, NULL); /* a place of another listing */
    memcpy(cursor, "00000002", 8);                /* of another scope */
    check_page(404, "/kind/pattern", cursor, NULL);
    check_page(404, "/kind/pattern", "0", NULL);
    check_page(404, "/kind/pattern", "x", NULL);
    check_page(404, "/kind/pattern", "", NULL);
    mesh_free(&mesh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markdown_becomes_html),
        cmocka_unit_test(nothing_in_a_text_becomes_a_script),
        cmocka_unit_test(deep_nesting_is_cut_off),
        cmocka_unit_test(no_text_takes_long),
        cmocka_unit_test(a_text_longer_than_any_field_is_shown_as_it_is),
        cmocka_unit_test(all_versions_on_a_page_share_what_it_may_cost),
        cmocka_unit_test(an_unreadable_store_is_no_empty_library),
        cmocka_unit_test(addresses_that_are_nobodys_are_not_found),
        cmocka_unit_test(a_listing_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
