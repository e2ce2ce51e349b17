#include "frail.h"

#include <stdio.h>
#include <unistd.h>

#include "alloc.h"
#include "author/author.h"
#include "ingest/intake.h"
#include "rp/limits.h"
#include "rp/rand.h"
#include "store/kv_lmdb.h"
#include "support/kv_mem.h"
#include "support/mesh.h"
#include "view/view.h"
#include "web/pages.h"

/*
 * Taking records in, over both stores: all of a batch or nothing. And what is answered from a
 * store: the whole answer, or an error; never a part that looks like the whole.
 */

#define BATCH 4
#define NOW 1795000000000

static struct sample_org org;
static struct rp_bytes records[BATCH]; /* an object, a version of it, another, its withdrawal */
static char folder[] = "test-alloc-XXXXXX";
static bool use_lmdb;

static struct kv *open_lmdb(bool create, int *err)
{
    struct kv_lmdb_opts opts = {.path = folder, .create = create, .map_bytes = 16u << 20};

    return kv_lmdb_open(&opts, err);
}

static void remove_lmdb(void)
{
    static const char *const files[] = {"data.mdb", "lock.mdb"};
    char path[128];

    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        (void)unlink(path);
    }
}

static void close_store(struct kv *kv)
{
    if (!use_lmdb)
        kv_mem_free(kv);
    else
        kv_lmdb_close(kv);
    if (use_lmdb)
        remove_lmdb();
}

/* A store that accepts the one organisation. */
static struct kv *store_new(void)
{
    struct org entry = {
        .number = 2, .accepted = true, .ever = true, .inception = rp_bytes_slice(&org.inception)};
    struct kv_txn *txn;
    struct kv *kv;
    int err;

    kv = use_lmdb ? open_lmdb(true, &err) : frail_kv_new();
    assert_non_null(kv);
    memcpy(entry.id, org.identity.org, RP_ID_LEN);
    assert_non_null(txn = kv_begin(kv, true, &err));
    orgs_save(txn, &entry);
    assert_ok(kv_commit(txn));
    return kv;
}

/* A hash of everything in the store. */
static void digest(struct kv *kv, uint8_t out[static RP_HASH_LEN])
{
    struct kv_txn *txn;
    int err;

    assert_non_null(txn = kv_begin(kv, false, &err));
    memset(out, 0, RP_HASH_LEN);
    for (enum kv_table table = 0; table < KV_TABLES; table++) {
        struct kv_iter it;

        for (kv_first(&it, txn, table, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
            const struct rp_slice parts[] = {{out, RP_HASH_LEN}, it.key, it.value};
            uint8_t next[RP_HASH_LEN];

            rp_hash(next, "a test", parts, 3);
            memcpy(out, next, RP_HASH_LEN);
        }
    }
    assert_ok(kv_err(txn));
    kv_abort(txn);
}

/* Takes all in, in one transaction. The first error, if there is one. */
static int take_in(struct kv *kv)
{
    struct intake *items[BATCH];
    int err = RP_OK;
    size_t n = 0;

    for (; n < BATCH; n++) {
        struct submission submission = {.tag = 1};

        assert_ok(rp_bytes_copy(&submission.packed, records[n].data, records[n].len));
        FRAIL(items[n] = intake_record(&submission));
        if (items[n] == NULL) {
            rp_bytes_free(&submission.packed);
            break;
        }
    }
    if (n == BATCH) {
        alloc_on();
        for (size_t i = 0; i < n; i++)
            intake_verify(items[i], NULL);
        intake_write(kv, items, n, ROOM_FOR_ALL, NOW);
        alloc_off();
    } else {
        err = RP_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        if (err == RP_OK)
            err = items[i]->err;
        intake_free(items[i]);
    }
    return err;
}

static uint8_t before[RP_HASH_LEN];
static uint8_t after[RP_HASH_LEN];

/* What must hold whatever failed: the error is the one of memory, and the batch is whole. */
static void take_in_once(void)
{
    struct kv *kv = store_new();
    uint8_t now[RP_HASH_LEN];
    int err = take_in(kv);

    alloc_hold();
    digest(kv, now);
    if (err == RP_OK) {
        assert_memory_equal(now, after, RP_HASH_LEN);
    } else {
        assert_int_equal(err, RP_ERR_NOMEM);
        if (memcmp(now, before, RP_HASH_LEN) != 0)
            assert_true(alloc_failed() > 0); /* one was not verified, and the others came in */
        err = take_in(kv);
        assert_true(err == RP_OK || err == RP_ERR_EXISTS);
        digest(kv, now);
    }
    close_store(kv);
}

static void reference(void)
{
    struct kv *kv = store_new();

    digest(kv, before);
    assert_ok(take_in(kv));
    digest(kv, after);
    close_store(kv);
}

static void a_batch_is_taken_in_whole_or_not_in_memory(void **state)
{
    (void)state;
    use_lmdb = false;
    reference();
    alloc_sweep("taking in, store in memory", take_in_once);
}

static void a_batch_is_taken_in_whole_or_not_on_disk(void **state)
{
    (void)state;
    use_lmdb = true;
    reference();
    alloc_sweep("taking in, LMDB", take_in_once);
}

static void open_once(void)
{
    uint8_t now[RP_HASH_LEN];
    struct kv *kv;
    int err = RP_OK;

    FRAIL(kv = open_lmdb(false, &err));
    if (kv == NULL) {
        assert_int_equal(err, RP_ERR_NOMEM);
        assert_non_null(kv = open_lmdb(false, &err));
    }
    digest(kv, now);
    assert_memory_equal(now, after, RP_HASH_LEN);
    kv_lmdb_close(kv);
}

static void a_store_is_opened_or_not(void **state)
{
    struct kv *kv;

    (void)state;
    use_lmdb = true;
    kv = store_new();
    assert_ok(take_in(kv));
    digest(kv, after);
    kv_lmdb_close(kv);
    alloc_sweep("opening LMDB", open_once);
    remove_lmdb();
}

/* Answers */

static struct mesh mesh;
static char object[2 * RP_ID_LEN + 1];

static struct view_source source_of_node(void)
{
    return (struct view_source){
        .kv = mesh.nodes[0].kv,
        .core = mesh.nodes[0].core,
        .self = &mesh.nodes[0].self,
        .software = "test",
        .listen = "127.0.0.1:1",
        .web = "off",
        .now_ms = mesh.now,
    };
}

static int ask_list(struct rp_writer *w)
{
    struct view_source source = source_of_node();
    struct view_list list = {.scope = 0};
    int err = RP_OK;

    for (;;) {
        if (!view_list_next(&list, w, &source, &err) && !list.more)
            break;
    }
    return err;
}

static int ask_export(struct rp_writer *w)
{
    struct view_source source = source_of_node();
    struct view_export export = {.local = true};
    int err = RP_OK;

    for (;;) {
        if (!view_export_next(&export, w, &source, &err) && !export.more)
            break;
    }
    return err;
}

static int ask_object(struct rp_writer *w)
{
    struct view_source source = source_of_node();
    struct view_object view = {.versions = 0};
    int err = view_find_object(view.object, object, &source);

    while (err == RP_OK && view_object_next(&view, w, &source, &err)) {
    }
    return err != RP_OK ? err : view_object_finish(&view, w, &source);
}

static int ask_status(struct rp_writer *w)
{
    struct view_source source = source_of_node();

    view_status(w, &source);
    return RP_OK;
}

static int ask_peers(struct rp_writer *w)
{
    struct view_source source = source_of_node();

    view_peers(w, &source);
    return RP_OK;
}

static int ask_page(struct rp_writer *w, const char *path)
{
    struct view_source source = source_of_node();
    struct page page = {.status = 0};
    int err = RP_OK;

    page_answer(&page, path, NULL, &source);
    if (page.status == 200)
        rp_writer_raw(w, rp_writer_slice(&page.body));
    else
        err = page.status == 500 ? RP_ERR_NOMEM : RP_ERR_NOT_FOUND;
    if (err == RP_OK && page.body.err != RP_OK)
        err = page.body.err;
    page_free(&page);
    return err;
}

static int ask_first_page(struct rp_writer *w)
{
    return ask_page(w, "/");
}

static int ask_kind_page(struct rp_writer *w)
{
    return ask_page(w, "/kind/pattern");
}

static int ask_object_page(struct rp_writer *w)
{
    char path[4 + 2 * RP_ID_LEN];

    snprintf(path, sizeof path, "/o/%s", object);
    return ask_page(w, path);
}

typedef int asks(struct rp_writer *w);
static asks *asking;
static struct rp_writer answer;

static void ask_once(void)
{
    struct rp_writer w;
    int err;

    rp_writer_init(&w, PAGE_MAX);
    FRAIL(err = asking(&w));
    if (err == RP_OK)
        err = w.err;
    if (err == RP_OK) {
        assert_int_equal(w.len, answer.len);
        assert_memory_equal(w.data, answer.data, w.len);
    } else {
        assert_int_equal(err, RP_ERR_NOMEM);
    }
    rp_writer_free(&w);
}

static void sweep_answer(const char *what, asks *how)
{
    alloc_fail(0, ALLOC_ONE);
    asking = how;
    rp_writer_init(&answer, PAGE_MAX);
    assert_ok(how(&answer));
    assert_ok(answer.err);
    alloc_sweep(what, ask_once);
    rp_writer_free(&answer);
}

/* A pattern that says much, so that its page does. */
static void publish_long(void)
{
    const struct sample_org *author = &mesh.nodes[0].org;
    struct rp_record fields;
    struct rp_bytes packed;
    struct rp_opened opened;
    struct rp_writer w;

    rp_writer_init(&w, RP_BODY_MAX);
    rp_writer_map(&w, 3);
    rp_writer_str(&w, "body");
    rp_writer_str(&w, "# One\n\n- *two* [three](https://a.example/)\n\n| a |\n|---|\n| b |\n");
    rp_writer_str(&w, "summary");
    rp_writer_str(&w, "In short");
    rp_writer_str(&w, "title");
    rp_writer_str(&w, "All there is");
    fields = sample_fields(author, 50, rp_writer_slice(&w));
    packed = sample_pack(&fields, &author->key);
    rp_writer_free(&w);
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
    rp_text_hex(object, opened.record.object, RP_ID_LEN);
    rp_record_close(&opened);
    assert_ok(mesh_submit(&mesh, 0, &packed));
}

static void answers_are_whole_or_errors(void **state)
{
    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    for (unsigned i = 0; i < 3; i++)
        mesh_publish(&mesh, i % 2, i);
    publish_long();
    mesh_run(&mesh, 1000);
    sweep_answer("view of the status", ask_status);
    sweep_answer("view of the peers", ask_peers);
    sweep_answer("view of a list", ask_list);
    sweep_answer("view of an object", ask_object);
    sweep_answer("an export", ask_export);
    sweep_answer("the first page", ask_first_page);
    sweep_answer("the page of a kind", ask_kind_page);
    sweep_answer("the page of an object", ask_object_page);
    mesh_free(&mesh);
}

static struct rp_bytes version(unsigned number, uint8_t salt, const struct rp_record *parent)
{
    struct rp_bytes content = sample_content("A version");
    struct rp_record fields = sample_fields(&org, number, rp_bytes_slice(&content));
    struct rp_bytes packed;

    fields.salt[0] = salt;
    if (parent != NULL) {
        fields.parents = 1;
        memcpy(fields.parent_ids[0], parent->id, RP_ID_LEN);
    }
    packed = sample_pack(&fields, &org.key);
    rp_bytes_free(&content);
    return packed;
}

static int setup(void **state)
{
    struct rp_rand rand = {{1}};
    struct rp_opened opened;

    (void)state;
    org = sample_org_new(1);
    records[0] = version(1, 1, NULL);
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&records[0])));
    records[1] = version(1, 2, &opened.record);
    rp_record_close(&opened);
    records[2] = version(2, 1, NULL);
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&records[2])));
    assert_ok(author_withdraw(&records[3], &(struct author){&org.key, org.identity.org, &rand, NOW},
                              &opened.record, NULL, 0));
    rp_record_close(&opened);
    return mkdtemp(folder) == NULL;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < BATCH; i++)
        rp_bytes_free(&records[i]);
    sample_org_free(&org);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_taken_in_whole_or_not_in_memory),
        cmocka_unit_test(a_batch_is_taken_in_whole_or_not_on_disk),
        cmocka_unit_test(a_store_is_opened_or_not),
        cmocka_unit_test(answers_are_whole_or_errors),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
