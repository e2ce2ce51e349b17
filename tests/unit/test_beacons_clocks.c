#include "core/beacons.h"
#include "support/mesh.h"

/* Beacons of nodes whose clocks are wrong, or were. */

#define DAY_MS 86400000

static struct mesh mesh;

/* What node ${at} knows of node ${of}; false when it knows nothing. */
static bool find(unsigned at, unsigned of, struct core_beacon *out)
{
    struct rp_key key = sample_node_key(&mesh.nodes[of].noise);
    uint32_t i = 0;

    while (core_beacon(mesh.nodes[at].core, SCOPE_COMMONS, &i, out, mesh.now)) {
        if (memcmp(out->beacon.key, key.public, RP_KEY_LEN) == 0)
            return true;
    }
    return false;
}

/* What node ${at} knows of node ${of}. */
static struct core_beacon get(unsigned at, unsigned of)
{
    struct core_beacon beacon;

    assert_true(find(at, of, &beacon));
    beacon.beacon.software = rp_bytes_str("");
    beacon.beacon.addresses = 0;
    return beacon;
}

static unsigned count(unsigned at)
{
    struct core_beacon beacon;
    uint32_t i = 0;
    unsigned n = 0;

    while (core_beacon(mesh.nodes[at].core, SCOPE_COMMONS, &i, &beacon, mesh.now))
        n++;
    return n;
}

/* A chain 0 - 1 - 2 that has settled. */
static void begin_chain(void)
{
    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    for (unsigned i = 0; i < 3; i++)
        mesh.nodes[i].core->scrub_at = UINT64_MAX; /* it would take most of the time */
    mesh_run(&mesh, 20000);
}

/* A node that begins from a backup, with its clock set back, is heard all the same. */
static void a_node_is_heard_though_its_clock_went_back(void **state)
{
    struct kv_key key = {.len = 0};
    struct rp_key node;
    struct kv_txn *txn;
    uint64_t before;
    int err;

    (void)state;
    begin_chain();
    before = get(2, 0).beacon.time;
    mesh_stop(&mesh, 0);
    node = sample_node_key(&mesh.nodes[0].noise);
    kv_key_number(&key, SCOPE_COMMONS, 4);
    kv_key_bytes(&key, node.public, RP_KEY_LEN);
    assert_non_null(txn = kv_begin(mesh.nodes[0].kv, true, &err));
    kv_del(txn, KV_BEACON, kv_key_slice(&key));
    assert_ok(kv_commit(txn));
    mesh_start(&mesh, 0);
    core_set_calendar(mesh.nodes[0].core, -DAY_MS);
    core_set_full(mesh.nodes[0].core, true, mesh.now);
    mesh_run(&mesh, 400000);
    assert_true(get(2, 0).beacon.time > before);
    assert_int_equal(get(2, 0).beacon.state, RP_BEACON_FULL);
    mesh_free(&mesh);
}

/* Node 0 has news, ${full} or not: whether node 2 has heard in half a minute. */
static bool is_heard(bool full)
{
    core_set_full(mesh.nodes[0].core, full, mesh.now);
    mesh_run(&mesh, 30000);
    return (get(2, 0).beacon.state == RP_BEACON_FULL) == full;
}

static void a_node_is_heard_again_whose_clock_was_ahead(void **state)
{
    (void)state;
    begin_chain();
    core_set_calendar(mesh.nodes[0].core, (int64_t)100 * DAY_MS);
    assert_false(is_heard(true)); /* else nobody would ever believe it again */
    core_set_calendar(mesh.nodes[0].core, 0);
    mesh_run(&mesh, 620000);
    assert_int_equal(get(2, 0).beacon.state, RP_BEACON_FULL); /* it has noticed by itself */
    assert_true(is_heard(false));
    assert_true(is_heard(true));
    mesh_free(&mesh);
}

static void a_node_is_heard_whose_clock_is_far_behind(void **state)
{
    (void)state;
    begin_chain();
    core_set_calendar(mesh.nodes[0].core, -(int64_t)100 * DAY_MS);
    assert_true(is_heard(true));
    mesh_run(&mesh, 20000);
    core_set_full(mesh.nodes[0].core, false, mesh.now);
    mesh_run(&mesh, 4000);
    assert_true(is_heard(true)); /* news between the two times that it says everything */
    assert_true(is_heard(false));
    mesh_stop(&mesh, 0);
    mesh_start(&mesh, 0);
    core_set_calendar(mesh.nodes[0].core, -(int64_t)100 * DAY_MS);
    mesh_run(&mesh, 400000);
    assert_true(is_heard(true));
    assert_true(is_heard(false));
    mesh_free(&mesh);
}

static void who_had_a_wrong_clock_hears_of_all_again(void **state)
{
    static const int64_t wrong[] = {100, -100};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        begin_chain();
        core_set_calendar(mesh.nodes[2].core, wrong[i] * DAY_MS);
        mesh_run(&mesh, 620000);
        assert_int_equal(count(2), 1); /* what it says itself */
        core_set_calendar(mesh.nodes[2].core, 0);
        mesh_run(&mesh, 620000);
        assert_int_equal(count(2), 3);
        mesh_free(&mesh);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_is_heard_though_its_clock_went_back),
        cmocka_unit_test(a_node_is_heard_again_whose_clock_was_ahead),
        cmocka_unit_test(a_node_is_heard_whose_clock_is_far_behind),
        cmocka_unit_test(who_had_a_wrong_clock_hears_of_all_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
