#include "support/mesh.h"

#include "author/author.h"
#include "ingest/intake.h"
#include "rp/limits.h"
#include "store/restored.h"
#include "support/kv_mem.h"
#include "view/view.h"

/*
 * A store that goes on from a backup: no story is shown or served before withdrawals were compared.
 * Three nodes: 0 and 1 are peers, and 1 and 2. Node 1 is the one restored.
 */

static struct mesh mesh;
static struct kv *backup;

static struct view_source source_of(unsigned node)
{
    return (struct view_source){.kv = mesh.nodes[node].kv,
                                .core = mesh.nodes[node].core,
                                .self = &mesh.nodes[node].self,
                                .now_ms = mesh.now};
}

/* A story of ${node}'s, the ${number}th; its fields in ${fields}, whose content is void then. */
static void tell(unsigned node, unsigned number, struct rp_record *fields)
{
    struct rp_bytes packed;
    struct rp_writer w;

    rp_writer_init(&w, 1000);
    rp_writer_map(&w, 2);
    rp_writer_str(&w, "consent");
    rp_writer_map(&w, 1);
    rp_writer_str(&w, "review_on");
    rp_writer_str(&w, "2099-01-01");
    rp_writer_str(&w, "title");
    rp_writer_str(&w, "A story");
    *fields = sample_fields(&mesh.nodes[node].org, number, rp_writer_slice(&w));
    fields->kind = rp_bytes_str("story");
    fields->made = mesh.now;
    packed = sample_pack(fields, &mesh.nodes[node].org.key);
    assert_ok(mesh_submit(&mesh, node, &packed));
    rp_writer_free(&w);
}

static struct rp_bytes withdrawal(unsigned node, const struct rp_record *fields)
{
    struct rp_bytes packed;
    struct rp_rand rand;
    uint8_t seed[RP_RAND_SEED_LEN];
    struct author author = {&mesh.nodes[node].org.key, mesh.nodes[node].org.identity.org, &rand,
                            mesh.now};

    unit_fill(seed, (unsigned)mesh.now);
    rp_rand_init(&rand, seed);
    assert_ok(author_withdraw(&packed, &author, fields, NULL, 0));
    return packed;
}

static void withdraw(unsigned node, const struct rp_record *fields)
{
    struct rp_bytes packed = withdrawal(node, fields);

    assert_ok(mesh_submit(&mesh, node, &packed));
}

/* The same as if it came over some link that is gone already. */
static void receive(unsigned node, struct rp_bytes *packed)
{
    struct submission submission = {.packed = *packed, .link = 12345};
    struct intake *intake = intake_record(&submission);

    assert_non_null(intake);
    intake_verify(intake, NULL);
    intake_write(mesh.nodes[node].kv, &intake, 1, ROOM_FOR_ALL, mesh.now);
    assert_ok(intake->err);
    intake_report(mesh.nodes[node].core, intake, mesh.now);
    intake_free(intake);
}

/* Stories that the node shows. */
static unsigned shown(unsigned node)
{
    struct view_source source = source_of(node);
    struct view_list list = {.has_kind = true, .kind = "story"};
    struct rp_writer w;
    unsigned n = 0;
    int err;

    rp_writer_init(&w, RP_FRAME_MAX);
    while (view_list_next(&list, &w, &source, &err)) {
        rp_writer_reset(&w);
        n++;
    }
    assert_ok(err);
    rp_writer_free(&w);
    return n;
}

static bool is_restored(unsigned node, uint32_t *awaited)
{
    struct restored restored;

    return core_is_restored(mesh.nodes[node].core, &restored, awaited);
}

static void keep_backup(unsigned node)
{
    backup = kv_mem_copy(mesh.nodes[node].kv);
    assert_non_null(backup);
}

/* Node ${node} goes on from the backup; whether that was noticed when it started. */
static void restore(unsigned node, bool noticed)
{
    struct restored restored = {RESTORED_COPIED, mesh.now};
    struct kv_txn *txn;
    int err;

    mesh_stop(&mesh, node);
    kv_mem_free(mesh.nodes[node].kv);
    mesh.nodes[node].kv = backup;
    if (noticed) {
        txn = kv_begin(backup, true, &err);
        assert_non_null(txn);
        restored_write(txn, &restored);
        assert_ok(kv_commit(txn));
    }
}

static int setup(void **state)
{
    (void)state;
    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 1);
    mesh_run(&mesh, 1000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mesh_free(&mesh);
    return 0;
}

static void reach(unsigned node, bool can)
{
    mesh.nodes[node].unreachable = !can;
}

static void stories_wait_until_control_was_compared(void **state)
{
    struct rp_record kept;
    struct rp_record taken_back;
    uint32_t awaited;

    (void)state;
    tell(0, 1, &kept);
    tell(0, 2, &taken_back);
    mesh_publish(&mesh, 0, 3);
    mesh_run(&mesh, 1000);
    assert_int_equal(shown(1), 2);
    keep_backup(1);
    withdraw(0, &taken_back);
    mesh_run(&mesh, 1000);
    assert_int_equal(shown(1), 1);
    mesh_stop(&mesh, 0);
    reach(0, false);
    restore(1, true);
    mesh_run(&mesh, 100);
    mesh_start(&mesh, 1);
    mesh_run(&mesh, 5000);
    assert_true(is_restored(1, &awaited));
    assert_int_equal(awaited, 2); /* its own, and node 0's */
    assert_int_equal(shown(1), 0);
    mesh_join(&mesh, 1, 2); /* who has nothing yet gets nothing but the pattern */
    mesh_run(&mesh, 20000);
    assert_int_equal(mesh_count(&mesh, 2, RP_SET_CONTENT), 1);
    assert_true(is_restored(1, &awaited));
    assert_int_equal(shown(1), 0);
    reach(0, true);
    mesh_start(&mesh, 0);
    mesh_run(&mesh, 400000);
    assert_false(is_restored(1, &awaited));
    assert_int_equal(shown(1), 1);
    assert_int_equal(shown(2), 1);
    assert_true(mesh_equal(&mesh, 0, 1));
    mesh_stop(&mesh, 1); /* and that is so for good */
    mesh_start(&mesh, 1);
    assert_false(is_restored(1, &awaited));
    assert_int_equal(shown(1), 1);
}

static void it_is_remembered_until_then_and_the_operator_may_say_otherwise(void **state)
{
    struct rp_record told;
    uint32_t awaited;

    (void)state;
    tell(1, 1, &told);
    mesh_run(&mesh, 1000);
    mesh_stop(&mesh, 0);
    reach(0, false);
    core_restored(mesh.nodes[1].core, RESTORED_DECLARED, mesh.now);
    mesh_run(&mesh, 100);
    assert_int_equal(shown(1), 0);
    mesh_stop(&mesh, 1);
    mesh_start(&mesh, 1);
    assert_true(is_restored(1, &awaited));
    assert_int_equal(shown(1), 0);
    core_restored(mesh.nodes[1].core, RESTORED_NOT, mesh.now);
    assert_int_equal(shown(1), 1);
    mesh_run(&mesh, 100);
    mesh_stop(&mesh, 1);
    mesh_start(&mesh, 1);
    assert_false(is_restored(1, &awaited));
    assert_int_equal(shown(1), 1);
}

/* Nobody says so, but a peer has a withdrawal of ours that we lack. */
static void a_peer_that_has_what_we_lack_shows_it(void **state)
{
    struct rp_record kept;
    struct rp_record taken_back;
    struct rp_bytes packed;
    uint32_t awaited;

    (void)state;
    tell(1, 1, &kept);
    tell(1, 2, &taken_back);
    mesh_run(&mesh, 1000);
    keep_backup(1);
    packed = withdrawal(1, &taken_back);
    withdraw(1, &taken_back);
    mesh_run(&mesh, 1000);
    assert_int_equal(shown(0), 1);
    mesh_stop(&mesh, 0);
    reach(0, false);
    restore(1, false);
    mesh_run(&mesh, 100);
    mesh_start(&mesh, 1);
    assert_false(is_restored(1, &awaited));
    assert_int_equal(shown(1), 2);
    receive(1, &packed);
    assert_true(is_restored(1, &awaited));
    assert_int_equal(shown(1), 0);
    reach(0, true);
    mesh_start(&mesh, 0);
    mesh_run(&mesh, 400000);
    assert_false(is_restored(1, &awaited));
    assert_int_equal(shown(1), 1);
    assert_int_equal(shown(0), 1);
}

/* What others write meanwhile, and what we did not have because we were away, is no sign. */
static void absence_is_no_restore(void **state)
{
    struct rp_record told;
    uint32_t awaited;

    (void)state;
    mesh_stop(&mesh, 1);
    tell(0, 1, &told);
    mesh_run(&mesh, 1000);
    withdraw(0, &told);
    tell(0, 2, &told);
    mesh_start(&mesh, 1);
    for (int i = 0; i < 1000; i++) {
        mesh_run(&mesh, 20);
        assert_false(is_restored(1, &awaited));
    }
    assert_int_equal(shown(1), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stories_wait_until_control_was_compared),
        TEST(it_is_remembered_until_then_and_the_operator_may_say_otherwise),
        TEST(a_peer_that_has_what_we_lack_shows_it),
        TEST(absence_is_no_restore),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
