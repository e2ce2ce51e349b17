#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rp/rand.h"
#include "store/kv_lmdb.h"
#include "support/kv_mem.h"

/* A store whose file is written anew: nothing is lost, and nothing that was erased stays. */

#define MARK "these words were taken back "
#define MARK_LEN (sizeof MARK - 1)
#define KEY_LEN 8
#define VALUE_MAX 9000 /* more than two pages */

static struct kv *kv;
static char folder[64];

static struct kv *open_store(bool create)
{
    struct kv_lmdb_opts opts = {.path = folder, .create = create, .map_bytes = 64u << 20};
    int err;
    struct kv *opened = kv_lmdb_open(&opts, &err);

    assert_non_null(opened);
    return opened;
}

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "test-erasing-XXXXXX");
    assert_non_null(mkdtemp(folder));
    kv = open_store(true);
    return 0;
}

static int teardown(void **state)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "data.new", "link"};

    (void)state;
    kv_lmdb_close(kv);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        (void)unlink(path_of(files[i]));
    return rmdir(folder);
}

static struct kv_key key_of(uint64_t number)
{
    struct kv_key key = {.len = 0};

    kv_key_number(&key, number, KEY_LEN);
    return key;
}

/* A value that follows from its key: of any length, and full of the words if it is to be erased. */
static struct rp_slice value_of(uint64_t number, bool marked, uint8_t out[static VALUE_MAX])
{
    size_t len = number * 2654435761u % VALUE_MAX;

    for (size_t i = 0; i < len; i++)
        out[i] = marked ? (uint8_t)MARK[i % MARK_LEN] : (uint8_t)(number + i);
    return (struct rp_slice){out, len};
}

static void put(struct kv *into, enum kv_table table, uint64_t number, bool marked)
{
    uint8_t value[VALUE_MAX];
    struct kv_key key = key_of(number);
    int err;
    struct kv_txn *txn = kv_begin(into, true, &err);

    assert_non_null(txn);
    kv_put(txn, table, kv_key_slice(&key), value_of(number, marked, value));
    assert_ok(kv_commit(txn));
}

static void del(struct kv *from, enum kv_table table, uint64_t number)
{
    struct kv_key key = key_of(number);
    int err;
    struct kv_txn *txn = kv_begin(from, true, &err);

    assert_non_null(txn);
    kv_del(txn, table, kv_key_slice(&key));
    assert_ok(kv_commit(txn));
}

static void assert_same(struct kv *a, struct kv *b)
{
    int err;
    struct kv_txn *of_a = kv_begin(a, false, &err);
    struct kv_txn *of_b = kv_begin(b, false, &err);

    assert_non_null(of_a);
    assert_non_null(of_b);
    for (int table = 0; table < KV_TABLES; table++) {
        struct rp_slice all = {NULL, 0};
        struct kv_iter in_a;
        struct kv_iter in_b;

        kv_first(&in_b, of_b, (enum kv_table)table, all);
        for (kv_first(&in_a, of_a, (enum kv_table)table, all); in_a.found; kv_next(&in_a)) {
            assert_true(in_b.found);
            assert_int_equal(rp_bytes_compare(in_a.key, in_b.key), 0);
            assert_int_equal(rp_bytes_compare(in_a.value, in_b.value), 0);
            kv_next(&in_b);
        }
        assert_false(in_b.found);
    }
    kv_abort(of_a);
    kv_abort(of_b);
}

/* How often the words stand in a file, by its descriptor. */
static unsigned marks_in(int fd)
{
    struct stat st;
    unsigned n = 0;
    uint8_t *bytes;

    assert_int_equal(fstat(fd, &st), 0);
    bytes = malloc((size_t)st.st_size + 1);
    assert_non_null(bytes);
    assert_int_equal(pread(fd, bytes, (size_t)st.st_size, 0), st.st_size);
    for (size_t i = 0; i + MARK_LEN <= (size_t)st.st_size; i++)
        n += bytes[i] == (uint8_t)MARK[0] && memcmp(bytes + i, MARK, MARK_LEN) == 0;
    free(bytes);
    return n;
}

static int open_file(const char *name)
{
    int fd = open(path_of(name), O_RDONLY);

    assert_true(fd >= 0);
    return fd;
}

static void copy_all(size_t step)
{
    bool done = false;

    assert_ok(kv_lmdb_copy_begin(kv));
    while (!done)
        assert_ok(kv_lmdb_copy_step(kv, step, &done));
}

static void wipe_all(void)
{
    bool done = false;

    while (!done)
        assert_ok(kv_lmdb_copy_wipe(kv, 100000, &done));
}

/* Entries of every length, half of them with the words, which are then deleted. */
static void fill_and_erase(struct kv *model)
{
    for (uint64_t i = 0; i < 300; i++) {
        put(kv, KV_LOG, i, i % 2 == 0);
        put(kv, KV_OBJECT, i * 7 % 300, false);
        if (i % 2 != 0)
            put(model, KV_LOG, i, false);
        put(model, KV_OBJECT, i * 7 % 300, false);
    }
    for (uint64_t i = 0; i < 300; i += 2)
        del(kv, KV_LOG, i);
}

static void what_was_erased_is_in_no_file(void **state)
{
    struct kv *model = kv_mem_new();
    int before = open_file("data.mdb");
    int now;

    (void)state;
    fill_and_erase(model);
    assert_true(marks_in(before) > 1000); /* that is what this is about */
    copy_all(50000);
    assert_ok(kv_lmdb_copy_swap(kv));
    assert_int_equal(access(path_of("data.new"), F_OK), -1);
    now = open_file("data.mdb");
    assert_int_equal(marks_in(now), 0);
    assert_same(kv, model);
    wipe_all();
    assert_int_equal(marks_in(before), 0);
    put(kv, KV_LOG, 1000, false); /* and it goes on */
    put(model, KV_LOG, 1000, false);
    kv_lmdb_close(kv);
    kv = open_store(false);
    assert_same(kv, model);
    close(now);
    close(before);
    kv_mem_free(model);
}

static void a_file_that_somebody_else_has_is_not_overwritten(void **state)
{
    struct kv *model = kv_mem_new();
    char link_path[128];
    int fd;

    (void)state;
    fill_and_erase(model);
    snprintf(link_path, sizeof link_path, "%s", path_of("link"));
    assert_int_equal(link(path_of("data.mdb"), link_path), 0);
    copy_all(SIZE_MAX);
    assert_ok(kv_lmdb_copy_swap(kv));
    wipe_all();
    fd = open_file("link");
    assert_true(marks_in(fd) > 1000);
    close(fd);
    kv_mem_free(model);
}

/* Random writing, in stores and model alike, as often as drawn. */
static void write_something(struct kv *model, struct rp_rand *rand)
{
    for (uint64_t n = rp_rand_below(rand, 6); n > 0; n--) {
        enum kv_table table = (enum kv_table)rp_rand_below(rand, KV_TABLES);
        uint64_t number = rp_rand_below(rand, 60);
        bool marked = rp_rand_below(rand, 2) == 0;
        struct kv_txn *txn;
        int err;

        switch (rp_rand_below(rand, 4)) {
        case 0:
            del(kv, table, number);
            del(model, table, number);
            break;
        case 1: /* what is not committed changes nothing */
            txn = kv_begin(kv, true, &err);
            assert_non_null(txn);
            for (uint64_t i = 0; i < 60; i++) {
                struct kv_key key = key_of(i);

                kv_del(txn, table, kv_key_slice(&key));
            }
            kv_abort(txn);
            break;
        default:
            put(kv, table, number, marked);
            put(model, table, number, marked);
            break;
        }
    }
}

static void what_is_written_meanwhile_is_in_both(void **state)
{
    struct kv *model = kv_mem_new();
    struct rp_rand rand;
    uint8_t seed[RP_RAND_SEED_LEN];

    (void)state;
    unit_fill(seed, 4711);
    rp_rand_init(&rand, seed);
    for (int round = 0; round < 25; round++) {
        bool done = false;

        assert_ok(kv_lmdb_copy_begin(kv));
        assert_int_equal(kv_lmdb_copy_begin(kv), RP_ERR_STATE);
        while (!done) {
            write_something(model, &rand);
            assert_ok(kv_lmdb_copy_step(kv, rp_rand_below(&rand, 60000), &done));
        }
        write_something(model, &rand);
        if (round % 5 == 4) /* given up */
            kv_lmdb_copy_end(kv);
        else
            assert_ok(kv_lmdb_copy_swap(kv));
        write_something(model, &rand);
        wipe_all();
        assert_same(kv, model);
    }
    assert_int_equal(access(path_of("data.new"), F_OK), -1);
    kv_mem_free(model);
}

/* A child does so many steps and is killed. */
static void be_killed_after(int steps)
{
    bool done = false;

    kv = open_store(false);
    if (steps-- == 0 || kv_lmdb_copy_begin(kv) != RP_OK)
        raise(SIGKILL);
    while (!done) {
        if (steps-- == 0 || kv_lmdb_copy_step(kv, 200000, &done) != RP_OK)
            raise(SIGKILL);
    }
    if (steps-- == 0 || kv_lmdb_copy_swap(kv) != RP_OK)
        raise(SIGKILL);
    if (steps-- == 0)
        raise(SIGKILL);
    _exit(0); /* all steps done */
}

static void killed_after_any_step_it_is_whole(void **state)
{
    struct kv *model = kv_mem_new();
    int status = 0;
    int steps = 0;

    (void)state;
    fill_and_erase(model);
    kv_lmdb_close(kv);
    do {
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0)
            be_killed_after(steps);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
        kv = open_store(false);
        assert_int_equal(access(path_of("data.new"), F_OK), -1);
        assert_same(kv, model);
        kv_lmdb_close(kv);
        steps++;
    } while (WIFSIGNALED(status));
    assert_in_range(steps, 5, 30);
    kv = open_store(false);
    kv_mem_free(model);
}

static atomic_bool enough;

static void *read_on(void *arg)
{
    const unsigned *expected = arg;
    uintptr_t wrong = 0;

    while (!atomic_load(&enough)) {
        struct rp_slice all = {NULL, 0};
        struct kv_iter it;
        unsigned n = 0;
        int err;
        struct kv_txn *txn = kv_begin(kv, false, &err);

        if (txn == NULL) {
            wrong++;
            continue;
        }
        for (kv_first(&it, txn, KV_LOG, all); it.found; kv_next(&it))
            n += it.key.len == KEY_LEN;
        wrong += n != *expected || kv_err(txn) != RP_OK;
        kv_abort(txn);
    }
    return (void *)wrong;
}

static void readers_go_on_meanwhile(void **state)
{
    unsigned expected = 100;
    pthread_t reader;
    void *wrong;

    (void)state;
    for (uint64_t i = 0; i < expected; i++)
        put(kv, KV_LOG, i, false);
    atomic_store(&enough, false);
    assert_int_equal(pthread_create(&reader, NULL, read_on, &expected), 0);
    for (int i = 0; i < 20; i++) {
        copy_all(20000);
        assert_ok(kv_lmdb_copy_swap(kv));
        wipe_all();
    }
    atomic_store(&enough, true);
    assert_int_equal(pthread_join(reader, &wrong), 0);
    assert_null(wrong);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_erased_is_in_no_file),
        TEST(a_file_that_somebody_else_has_is_not_overwritten),
        TEST(what_is_written_meanwhile_is_in_both),
        TEST(killed_after_any_step_it_is_whole),
        TEST(readers_go_on_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
