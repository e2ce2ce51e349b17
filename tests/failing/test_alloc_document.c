#include "unit/unit.h"

#include <jansson.h>

#include "alloc.h"
#include "document/document.h"

/* Files read, packed as records and written again: as they are, or not at all. */

static const char text[] =
    "---\ntitle: Ask\nquestion: Why?\nsummary: >-\n  In\n  short\ntags: [a, b]\n"
    "links:\n- rel: related\n  target: a.md\n  note: so\n---\n\nBefore [a](a.md), [[a.md|words]].\n\n"
    "## What helps\n\n- one\n- two\n\n## Forces\n\nOf a kind.\n\n## Odd one\n\nKept.\n\n"
    "## Authors\n\n- Ann Lee\n- Bo\n";

static char *read_reference; /* what was read, as JSON */
static struct rp_writer packed_reference;
static char *written_reference;

static bool resolve(void *ctx, const char *name, bool version, uint8_t id[static RP_ID_LEN])
{
    (void)ctx;
    memset(id, version ? 0xbb : 0xaa, RP_ID_LEN);
    return strcmp(name, "a.md") == 0;
}

static int read_document(struct document *document)
{
    struct document_opts opts = {.kind = rp_kind_find(rp_bytes_str("pattern")), .lenient = true};
    struct document_note problem;

    return document_read(document, text, sizeof text - 1, &opts, &problem);
}

static int pack(struct document *document, struct rp_writer *w)
{
    struct document_pack_opts opts = {resolve, NULL, true};
    struct document_note problem;
    int err;

    rp_writer_init(w, RP_BODY_MAX);
    err = document_pack(document, &opts, w, &problem);
    return err != RP_OK ? err : w->err;
}

static void check_read(const struct document *document)
{
    char *read = json_dumps(document->fields, JSON_SORT_KEYS);

    assert_string_equal(read, read_reference);
    free(read);
}

static void read_once(void)
{
    struct document document = {.kind = NULL};
    int err;

    FRAIL(err = read_document(&document));
    if (err == RP_OK) {
        alloc_hold();
        check_read(&document);
        alloc_release();
    } else {
        assert_int_equal(err, RP_ERR_NOMEM);
    }
    document_free(&document);
}

static void pack_once(void)
{
    struct document document = {.kind = NULL};
    struct rp_writer w;
    int err;

    assert_ok(read_document(&document));
    FRAIL(err = pack(&document, &w));
    if (err == RP_OK) {
        assert_int_equal(w.len, packed_reference.len);
        assert_memory_equal(w.data, packed_reference.data, w.len);
    } else {
        assert_int_equal(err, RP_ERR_NOMEM);
    }
    rp_writer_free(&w);
    document_free(&document);
}

static json_t *content(void)
{
    return json_pack("{s:s, s:s, s:s, s:[s,s], s:i, s:[{s:s,s:s}]}", "title", "Yes: \"no\" #1",
                     "body", "Before.\n\nAfter.", "guidance", "- one\n- two", "tags", "yes", "a, b",
                     "confidence", 1, "links", "rel", "related", "target",
                     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

static const char *name_of(void *ctx, const char *object)
{
    (void)ctx;
    (void)object;
    return "../pattern/a.md";
}

static char *write_document(const json_t *fields)
{
    struct document_write_opts opts = {"pattern", "aa", "commons", name_of, NULL};

    return document_write(fields, &opts);
}

static void write_once(void)
{
    json_t *fields = content();
    char *written;

    FRAIL(written = write_document(fields));
    if (written == NULL)
        assert_true(alloc_failed() > 0);
    else
        assert_string_equal(written, written_reference);
    free(written);
    json_decref(fields);
}

static void a_file_is_read_whole_or_not(void **state)
{
    (void)state;
    alloc_sweep("reading a file", read_once);
}

static void a_file_is_packed_whole_or_not(void **state)
{
    (void)state;
    alloc_sweep("packing a file", pack_once);
}

static void a_file_is_written_whole_or_not(void **state)
{
    (void)state;
    alloc_sweep("writing a file", write_once);
}

static int setup(void **state)
{
    struct document document = {.kind = NULL};
    json_t *fields = content();

    (void)state;
    json_object_seed(1); /* once, or the first of the tests would do it */
    assert_ok(read_document(&document));
    read_reference = json_dumps(document.fields, JSON_SORT_KEYS);
    assert_ok(pack(&document, &packed_reference));
    assert_non_null(written_reference = write_document(fields));
    json_decref(fields);
    document_free(&document);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(read_reference);
    free(written_reference);
    rp_writer_free(&packed_reference);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_whole_or_not),
        cmocka_unit_test(a_file_is_packed_whole_or_not),
        cmocka_unit_test(a_file_is_written_whole_or_not),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
