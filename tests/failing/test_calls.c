#include "unit/sample.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"
#include "home.h"
#include "ingest/intake.h"
#include "store/kv_lmdb.h"
#include "store/orgs.h"

/*
 * The store on a disk that fails at the nth call, for all n: making one, opening one, writing, and
 * the keys beside it. Whatever fails: what was acknowledged is there afterwards, what was not is
 * not half there, and once the disk works again so does the store.
 */

#define MAP_BYTES (16u << 20)
#define RECORDS 6

static struct sample_org org;
static struct rp_bytes records[RECORDS];
static char folder[] = "test-calls-XXXXXX";

static const char *const calls_of_store[] = {"open",      "pwrite", "pwritev", "write", "fdatasync",
                                             "fsync",     "mmap",   "pread",   "read",  "close",
                                             "ftruncate", "rename", "mkdir"};
static const int errors[] = {ENOSPC, EIO, EMFILE, EINTR, 0};

/* Runs ${attempt} with the nth of each call failing, once and for good, until none was left. */
static void sweep(const char *what, void (*attempt)(void))
{
    for (size_t c = 0; c < sizeof calls_of_store / sizeof calls_of_store[0]; c++) {
        const char *call = calls_of_store[c];
        bool is_write = strstr(call, "write") != NULL;
        unsigned runs = 0;

        for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++) {
            for (unsigned n = 1; (errors[e] != 0 || is_write); n++, runs++) {
                if (getenv("CALLS_VERBOSE") != NULL)
                    fprintf(stderr, "%s: %s %u, errno %d\n", what, call, n, errors[e]);
                /* once, or from then on; nothing is interrupted for ever */
                calls_fail(call, errors[e], n, errors[e] == EINTR ? 1 : n % 2);
                attempt();
                if (calls->failed == 0)
                    break;
            }
        }
        calls_fail(NULL, 0, 0, 0);
        printf("%s: %s, %u runs\n", what, call, runs);
    }
}

/* What went wrong was ours, and it is over. */
static bool was_failing(void)
{
    bool failed = calls->failed > 0;

    calls->name[0] = '\0';
    return failed;
}

static void path_of(char out[static 128], const char *name)
{
    snprintf(out, 128, "%s/%s", folder, name);
}

static void clear_folder(void)
{
    static const char *const files[] = {
        "store/data.mdb",     "store/lock.mdb",     "store/store.id",     "store",
        "store.new/data.mdb", "store.new/lock.mdb", "store.new/store.id", "store.new",
        "organisation.key",   "node.key",           "node.key.new",       "rpnode.lock"};
    char path[128];

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        path_of(path, files[i]);
        (void)remove(path);
    }
}

static struct kv *open_store(struct why *why)
{
    *why = (struct why){{0}};
    return home_open_store(folder, MAP_BYTES, why);
}

static void create_store(void)
{
    struct org entry = {
        .number = 2, .accepted = true, .ever = true, .inception = rp_bytes_slice(&org.inception)};
    struct kv_txn *txn;
    struct why why;
    struct kv *kv;
    int err;

    clear_folder();
    assert_ok(home_create_store(folder, MAP_BYTES, &why));
    assert_non_null(kv = open_store(&why));
    memcpy(entry.id, org.identity.org, RP_ID_LEN);
    assert_non_null(txn = kv_begin(kv, true, &err));
    orgs_save(txn, &entry);
    assert_ok(kv_commit(txn));
    kv_lmdb_close(kv);
}

/* Takes in one record, alone. */
static int take_in(struct kv *kv, unsigned i)
{
    struct submission submission = {.tag = 1};
    struct intake *intake;
    int err;

    assert_ok(rp_bytes_copy(&submission.packed, records[i].data, records[i].len));
    assert_non_null(intake = intake_record(&submission));
    intake_verify(intake, NULL);
    intake_write(kv, &intake, 1, ROOM_FOR_ALL, 1795000000000);
    err = intake->err;
    intake_free(intake);
    return err;
}

/* Whether the record is there; all of it, when it is. */
static bool holds(struct kv *kv, unsigned i)
{
    struct rp_opened opened;
    struct kv_txn *txn;
    struct place place;
    bool found;
    int err;

    assert_ok(rp_record_open(&opened, rp_bytes_slice(&records[i])));
    assert_non_null(txn = kv_begin(kv, false, &err));
    found = records_find(txn, opened.record.id, &place);
    if (found)
        assert_true(records_is_sound(txn, place.seq));
    assert_ok(kv_err(txn));
    kv_abort(txn);
    rp_record_close(&opened);
    return found;
}

static uint64_t summed(struct kv *kv)
{
    struct kv_txn *txn;
    struct sum sum;
    int err;

    assert_non_null(txn = kv_begin(kv, false, &err));
    batch_read_sum(txn, (struct sum_key){SCOPE_COMMONS, LANE_CONTENT, 2}, &sum);
    assert_ok(kv_err(txn));
    kv_abort(txn);
    return sum.count;
}

/* The store as somebody who comes after finds it: with what was acknowledged, and whole. */
static void check_store(struct kv *kv, const bool *acknowledged)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < RECORDS; i++) {
        bool held = holds(kv, i);

        if (acknowledged[i])
            assert_true(held);
        n += held;
    }
    assert_int_equal(summed(kv), n);
    for (unsigned i = 0; i < RECORDS; i++) {
        int err = take_in(kv, i);

        assert_true(err == RP_OK || err == RP_ERR_EXISTS);
    }
    assert_int_equal(summed(kv), RECORDS);
}

static bool is_of_the_disk(int err)
{
    return err == RP_ERR_FULL || err == RP_ERR_IO || err == RP_ERR_NOMEM;
}

/* It works again at once: but for LMDB's header, after which it wants to be opened anew. */
static void go_on(struct kv *kv, bool *acknowledged)
{
    int err;
    struct kv_txn *txn = kv_begin(kv, false, &err);

    if (txn == NULL) {
        assert_int_equal(err, RP_ERR_IO);
        return;
    }
    kv_abort(txn);
    for (unsigned i = 0; i < RECORDS; i++) {
        if (!acknowledged[i])
            assert_false(holds(kv, i));
    }
    err = take_in(kv, 0);
    assert_true(err == RP_OK || err == RP_ERR_EXISTS);
    acknowledged[0] = true;
}

static void write_once(void)
{
    bool acknowledged[RECORDS] = {false};
    struct calls set = *calls;
    struct why why;
    struct kv *kv;

    calls_fail(NULL, 0, 0, 0);
    create_store();
    assert_non_null(kv = open_store(&why));
    *calls = set;
    for (unsigned i = 0; i < RECORDS; i++) {
        int err = take_in(kv, i);

        assert_true(err == RP_OK || is_of_the_disk(err));
        acknowledged[i] = err == RP_OK;
    }
    (void)was_failing();
    go_on(kv, acknowledged);
    kv_lmdb_close(kv);
    assert_non_null(kv = open_store(&why));
    check_store(kv, acknowledged);
    kv_lmdb_close(kv);
}

static void open_once(void)
{
    static const bool acknowledged[RECORDS] = {true, true};
    struct calls set = *calls;
    struct why why;
    struct kv *kv;

    calls_fail(NULL, 0, 0, 0);
    create_store();
    assert_non_null(kv = open_store(&why));
    for (unsigned i = 0; i < 2; i++)
        assert_ok(take_in(kv, i));
    kv_lmdb_close(kv);
    *calls = set;
    kv = open_store(&why);
    if (kv == NULL) {
        assert_true(was_failing());
        assert_true(why.text[0] != '\0');
        assert_null(strstr(why.text, "restore")); /* nothing is lost, and nobody is told so */
    } else {
        (void)was_failing();
        check_store(kv, acknowledged);
        kv_lmdb_close(kv);
    }
    assert_non_null(kv = open_store(&why));
    check_store(kv, acknowledged);
    kv_lmdb_close(kv);
}

static void create_once(void)
{
    struct why why = {{0}};
    char path[128];
    struct kv *kv;
    int err;

    clear_folder();
    err = home_create_store(folder, MAP_BYTES, &why);
    assert_true(was_failing() || err == RP_OK);
    path_of(path, "store");
    if (err != RP_OK) {
        assert_true(why.text[0] != '\0');
        assert_int_equal(access(path, F_OK), -1);
        assert_ok(home_create_store(folder, MAP_BYTES, &why));
    }
    assert_non_null(kv = open_store(&why));
    kv_lmdb_close(kv);
}

/* Keeps the organisation's id, as who shows the paper key does. */
static bool show(void *ctx, const struct rp_paper *paper, const uint8_t id[static RP_ID_LEN])
{
    (void)paper;
    memcpy(ctx, id, RP_ID_LEN);
    return true;
}

static int create_home(uint8_t id[static RP_ID_LEN], struct why *why)
{
    int err = home_prepare(folder, "Somebody", why);

    return err != RP_OK ? err : home_create(folder, "Somebody", 1795000000000, NULL, show, id, why);
}

/* Keys that are made, or are not: then making them again is possible, and reading them is not. */
static void create_home_once(void)
{
    uint8_t id[RP_ID_LEN];
    struct home_keys keys;
    struct why why = {{0}};
    int err;

    clear_folder();
    err = create_home(id, &why);
    assert_true(was_failing() || err == RP_OK);
    if (err != RP_OK) {
        assert_true(why.text[0] != '\0');
        assert_ok(create_home(id, &why));
    }
    assert_ok(home_load(folder, NULL, &keys, &why));
    assert_memory_equal(keys.self.identity.org, id, RP_ID_LEN);
    home_keys_free(&keys);
}

static void load_home_once(void)
{
    struct home_keys keys;
    struct why why = {{0}};
    int err = home_load(folder, NULL, &keys, &why);

    if (err == RP_OK) {
        home_keys_free(&keys);
    } else {
        assert_true(calls->failed > 0);
        assert_true(why.text[0] != '\0');
        assert_null(strstr(why.text, "restore"));
    }
}

static void what_was_acknowledged_stays(void **state)
{
    (void)state;
    sweep("writing", write_once);
}

static void a_store_is_opened_or_not(void **state)
{
    (void)state;
    sweep("opening", open_once);
}

static void a_store_is_made_whole_or_not(void **state)
{
    (void)state;
    sweep("making a store", create_once);
}

static void a_home_is_made_whole_or_not(void **state)
{
    (void)state;
    sweep("making a home", create_home_once);
}

static void a_home_is_loaded_or_not(void **state)
{
    uint8_t id[RP_ID_LEN];
    struct why why;

    (void)state;
    clear_folder();
    assert_ok(create_home(id, &why));
    sweep("loading a home", load_home_once);
}

static int setup(void **state)
{
    (void)state;
    org = sample_org_new(1);
    for (unsigned i = 0; i < RECORDS; i++)
        records[i] = sample_pattern(&org, i);
    return mkdtemp(folder) == NULL;
}

static int teardown(void **state)
{
    (void)state;
    clear_folder();
    for (unsigned i = 0; i < RECORDS; i++)
        rp_bytes_free(&records[i]);
    sample_org_free(&org);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_stays),
        cmocka_unit_test(a_store_is_opened_or_not),
        cmocka_unit_test(a_store_is_made_whole_or_not),
        cmocka_unit_test(a_home_is_made_whole_or_not),
        cmocka_unit_test(a_home_is_loaded_or_not),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
