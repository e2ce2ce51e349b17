#include "support/mesh.h"

#include "author/author.h"
#include "core/waiting.h"
#include "ingest/intake.h"
#include "support/kv_mem.h"

/* Quotas: what is held back, for how long, and that nobody else notices (SPEC 6.1). */

#define DAY UINT64_C(86400000)

static struct mesh mesh;

static uint32_t number_of(unsigned node, unsigned other)
{
    struct org_view org;

    for (uint32_t i = 1; core_org(mesh.nodes[node].core, i, &org); i++) {
        if (memcmp(org.id, mesh.nodes[other].org.identity.org, RP_ID_LEN) == 0)
            return i;
    }
    return 0;
}

/* What waits at a node of another's. */
static struct org_waiting waiting(unsigned node, unsigned other)
{
    struct org_waiting out;

    assert_true(core_org_waiting(mesh.nodes[node].core, number_of(node, other), &out));
    return out;
}

/* How a node's first peer stands with it. */
static struct peer_status peer_of(unsigned node)
{
    struct peer_status out;

    assert_true(core_peer_status(mesh.nodes[node].core, 0, &out));
    return out;
}

static struct core_counters counters(unsigned node)
{
    struct core_counters out;

    core_counters(mesh.nodes[node].core, &out);
    return out;
}

/* How many content records of another a node has, and the bytes of these and its vouches. */
static uint64_t stored(unsigned node, unsigned other, uint64_t *bytes)
{
    uint32_t org = number_of(node, other);
    uint64_t n = 0;
    struct kv_iter it;
    struct kv_txn *txn;
    int err;

    *bytes = 0;
    txn = kv_begin(mesh.nodes[node].kv, false, &err);
    assert_non_null(txn);
    for (kv_first(&it, txn, KV_LOG, (struct rp_slice){NULL, 0}); it.found; kv_next(&it)) {
        struct rp_slice packed;
        struct place place;

        assert_true(records_load(txn, kv_number(it.key.data, 8), &place, &packed));
        if (place.org != org || place.lane == LANE_LASTING)
            continue;
        *bytes += packed.len;
        n += place.lane == LANE_CONTENT;
    }
    kv_abort(txn);
    return n;
}

static void set_quota(unsigned node, uint64_t quota)
{
    mesh_stop(&mesh, node);
    mesh.nodes[node].quota = quota;
    mesh_start(&mesh, node);
    mesh_run(&mesh, 5000);
}

/* Publishes patterns of a node at itself, from the ${from}th on. */
static void publish(unsigned node, unsigned from, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        mesh_publish(&mesh, node, from + i);
}

/* Withdraws the ${number}th pattern of a node there. */
static void withdraw(unsigned node, unsigned number)
{
    struct mesh_node *n = &mesh.nodes[node];
    struct rp_bytes pattern = sample_pattern(&n->org, number);
    struct rp_rand rand;
    struct author author = {&n->org.key, n->org.identity.org, &rand, mesh.now};
    struct rp_opened opened;
    struct rp_bytes packed;
    uint8_t seed[RP_RAND_SEED_LEN];

    unit_fill(seed, 7000 + number);
    rp_rand_init(&rand, seed);
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&pattern)));
    assert_ok(author_withdraw(&packed, &author, &opened.record, NULL, 0));
    rp_record_close(&opened);
    rp_bytes_free(&pattern);
    assert_ok(mesh_submit(&mesh, node, &packed));
}

static void assert_in_step(unsigned a, unsigned b)
{
    assert_int_equal(peer_of(a).state, PEER_IN_SYNC);
    assert_int_equal(peer_of(b).state, PEER_IN_SYNC);
}

static void what_is_over_quota_waits_and_both_are_in_step(void **state)
{
    struct core_counters before[2];
    uint64_t bytes;
    uint64_t has;

    (void)state;
    mesh_init(&mesh, 2);
    set_quota(1, 2000);
    mesh_join(&mesh, 0, 1);
    publish(0, 0, 200);
    mesh_run(&mesh, 5000);
    has = stored(1, 0, &bytes);
    assert_in_range(has, 1, 20);
    assert_in_range(bytes, 1500, 2000);
    assert_int_equal(waiting(1, 0).records, 200 - has);
    assert_int_equal(peer_of(1).held_back, 200 - has);
    assert_int_equal(peer_of(0).held_back, 0);
    assert_in_step(0, 1);
    /* a check costs as little as among equals, and nothing is sent twice */
    mesh_run(&mesh, 5000);
    before[0] = counters(0);
    before[1] = counters(1);
    mesh.bytes = 0;
    mesh_run(&mesh, 600000);
    assert_in_range(counters(1).equal - before[1].equal + counters(0).equal - before[0].equal, 8,
                    14);
    assert_int_equal(counters(1).sketches + counters(1).lists,
                     before[1].sketches + before[1].lists);
    assert_int_equal(counters(1).records_in, before[1].records_in);
    assert_in_range(mesh.bytes, 100, 14 * 200);
    /* what waits is remembered: after a restart it is compared, and not fetched */
    set_quota(1, 2000);
    assert_int_equal(waiting(1, 0).records, 200 - has);
    assert_int_equal(counters(1).records_in, 0);
    assert_in_step(0, 1);
    /* and fetched when there is room */
    set_quota(1, 1 << 20);
    assert_true(mesh_equal(&mesh, 0, 1));
    assert_int_equal(waiting(1, 0).records, 0);
    assert_int_equal(counters(1).records_in, 200 - has);
    assert_in_step(0, 1);
    mesh_free(&mesh);
}

static void room_that_is_freed_is_used(void **state)
{
    uint64_t bytes;
    uint64_t has;

    (void)state;
    mesh_init(&mesh, 2);
    set_quota(1, 2000);
    mesh_join(&mesh, 0, 1);
    publish(0, 0, 30);
    mesh_run(&mesh, 5000);
    has = stored(1, 0, &bytes);
    for (unsigned i = 0; i < 30 - has; i++) {
        withdraw(0, i);
        mesh_run(&mesh, 3000);
        assert_in_step(0, 1);
    }
    /* what waited and was withdrawn waits no more; the rest has room */
    assert_int_equal(stored(1, 0, &bytes), has);
    assert_int_equal(waiting(1, 0).records, 0);
    assert_true(mesh_equal(&mesh, 0, 1));
    mesh_free(&mesh);
}

static void a_quota_is_shared_fairly(void **state)
{
    uint64_t bytes[3];

    (void)state;
    mesh_init(&mesh, 4);
    set_quota(3, 6000);
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 0, 2);
    mesh_join(&mesh, 0, 3);
    mesh_run(&mesh, 3000);
    publish(0, 0, 100);
    mesh_run(&mesh, 10000);
    (void)stored(3, 0, &bytes[0]);
    assert_in_range(bytes[0], 5000, 6000); /* nobody else needed it */
    publish(2, 200, 2);
    for (unsigned i = 0; i < 25; i++) { /* shares are computed once a second */
        publish(1, 100 + 4 * i, 4);
        mesh_run(&mesh, 1100);
    }
    mesh_run(&mesh, 20000);
    /* the third has what it needs, the second its share, the first what it had */
    assert_int_equal(stored(3, 2, &bytes[2]), 2);
    (void)stored(3, 1, &bytes[1]);
    assert_in_range(bytes[1], 2300, 3000);
    assert_in_range(bytes[0] + bytes[1] + bytes[2], 8000, 12000);
    (void)stored(3, 0, &bytes[0]);
    assert_in_range(bytes[0], 5000, 6000);
    assert_in_step(3, 0);
    set_quota(3, 0);
    assert_true(mesh_equal(&mesh, 0, 3));
    mesh_free(&mesh);
}

static void withdrawals_are_taken_up_to_a_bound(void **state)
{
    (void)state;
    mesh_init(&mesh, 2);
    publish(0, 0, 260);
    for (unsigned i = 10; i < 260; i++)
        withdraw(0, i);
    mesh_join(&mesh, 0, 1);
    mesh_run(&mesh, 30000);
    /* 11 records were taken, the vouch one of them; and 100 a day, the inception one of these */
    assert_int_equal(mesh_count(&mesh, 1, RP_SET_CONTENT), 10);
    assert_int_equal(waiting(1, 0).lasting, 250 + 1 - 11 - 100);
    assert_in_step(0, 1);
    /* one of what is here is taken at once */
    withdraw(0, 3);
    mesh_run(&mesh, 1000);
    assert_int_equal(mesh_count(&mesh, 1, RP_SET_CONTENT), 9);
    assert_int_equal(waiting(1, 0).lasting, 250 + 1 - 11 - 100);
    mesh.now += DAY;
    mesh_run(&mesh, 60000);
    assert_int_equal(waiting(1, 0).lasting, 250 + 1 - 11 - 200);
    mesh.now += DAY;
    mesh_run(&mesh, 60000);
    assert_int_equal(waiting(1, 0).lasting, 0);
    assert_true(mesh_equal(&mesh, 0, 1));
    mesh_free(&mesh);
}

static void a_withdrawal_that_waits_comes_with_what_it_withdraws(void **state)
{
    (void)state;
    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 2);
    publish(0, 0, 250);
    mesh_run(&mesh, 5000);
    assert_int_equal(mesh_count(&mesh, 2, RP_SET_CONTENT), 250);
    mesh_stop(&mesh, 2);
    for (unsigned i = 0; i < 250; i++)
        withdraw(0, i);
    mesh_join(&mesh, 0, 1);
    mesh_run(&mesh, 5000);
    assert_in_range(waiting(1, 0).lasting, 140, 150);
    /* a third, who knows of none of these, has all that was withdrawn */
    mesh.nodes[0].unreachable = true;
    mesh_start(&mesh, 2);
    mesh_join(&mesh, 1, 2);
    mesh_run(&mesh, 60000);
    assert_int_equal(mesh_count(&mesh, 1, RP_SET_CONTENT), 0);
    assert_int_equal(mesh_count(&mesh, 2, RP_SET_CONTENT), 0);
    mesh_free(&mesh);
}

static void vouches_wait_too_and_identities_do_not(void **state)
{
    (void)state;
    mesh_init(&mesh, 3);
    set_quota(2, 300);
    mesh_join(&mesh, 0, 2);
    publish(0, 0, 5);
    mesh_run(&mesh, 3000);
    mesh_join(&mesh, 0, 1); /* now 0 vouches for 1, too */
    mesh_run(&mesh, 5000);
    assert_int_equal(waiting(2, 0).lasting, 0);
    assert_in_range(waiting(2, 0).records, 1, 7);
    assert_int_equal(peer_of(2).state, PEER_IN_SYNC);
    set_quota(2, 0);
    assert_true(mesh_equal(&mesh, 0, 2));
    mesh_free(&mesh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_over_quota_waits_and_both_are_in_step),
        cmocka_unit_test(room_that_is_freed_is_used),
        cmocka_unit_test(a_quota_is_shared_fairly),
        cmocka_unit_test(withdrawals_are_taken_up_to_a_bound),
        cmocka_unit_test(a_withdrawal_that_waits_comes_with_what_it_withdraws),
        cmocka_unit_test(vouches_wait_too_and_identities_do_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
