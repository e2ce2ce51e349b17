/* Beacons within circles: who honours a withdrawal there, and that nobody else hears of it (SPEC
 * 3.7). */
#include "author/author.h"
#include "core/core_private.h"
#include "support/circle.h"

static struct mesh mesh;

/* The nodes that ${at} hears in a scope. */
static unsigned heard(unsigned at, uint32_t scope)
{
    struct core_beacon beacon;
    unsigned n = 0;

    for (uint32_t i = 0; core_beacon(mesh.nodes[at].core, scope, &i, &beacon, mesh.now);)
        n++;
    return n;
}

/* How many of the nodes that ${at} hears in the first circle honour all of the withdrawals that
 * ${by} made in it; ${all}: of how many. */
static unsigned honoured(unsigned at, unsigned by, unsigned *all)
{
    struct core *core = mesh.nodes[at].core;
    const struct core_receipt *receipts;
    uint32_t org = trust_find(core, mesh.nodes[by].org.identity.org);
    unsigned honoured = 0;
    uint32_t n;

    assert_ok(core_receipts(core, seen(&mesh, at, 0).number, org, mesh.now, &receipts, &n));
    for (uint32_t i = 0; i < n; i++)
        honoured += receipts[i].up_to > 0;
    *all = n;
    return honoured;
}

/* Beacons that a node has stored of anything but the commons. */
static unsigned stored_of_circles(unsigned at)
{
    struct kv_iter it;
    struct kv_txn *txn;
    unsigned n = 0;
    int err;

    txn = kv_begin(mesh.nodes[at].kv, false, &err);
    assert_non_null(txn);
    for (kv_first(&it, txn, KV_BEACON, (struct rp_slice){NULL, 0}); it.found; kv_next(&it))
        n += kv_number(it.key.data, 4) != SCOPE_COMMONS;
    kv_abort(txn);
    return n;
}

static void withdraw(unsigned node, struct rp_slice packed)
{
    uint8_t seed[RP_RAND_SEED_LEN] = {3};
    struct rp_rand rand;
    struct author author = {&mesh.nodes[node].org.key, mesh.nodes[node].org.identity.org, &rand, 1};
    struct rp_opened opened;
    struct rp_bytes withdrawal;

    rp_rand_init(&rand, seed);
    assert_ok(rp_record_open(&opened, packed));
    assert_ok(author_withdraw(&withdrawal, &author, &opened.record, NULL, 0));
    rp_record_close(&opened);
    assert_ok(mesh_submit(&mesh, node, &withdrawal));
}

static void members_see_who_honours_a_withdrawal(void **state)
{
    static const unsigned others[] = {1, 2};
    struct rp_bytes packed;
    struct rp_bytes copy;
    uint8_t id[RP_ID_LEN];
    unsigned all;

    (void)state;
    mesh_init(&mesh, 4);
    for (unsigned i = 1; i < 4; i++)
        mesh_join(&mesh, i - 1, i);
    mesh_run(&mesh, 20000);
    found(&mesh, 0, others, 2, id);
    packed = pattern_in(&mesh, 0, id, 1);
    assert_ok(rp_bytes_copy(&copy, packed.data, packed.len));
    assert_ok(mesh_submit(&mesh, 0, &packed));
    mesh_run(&mesh, 60000);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(heard(i, seen(&mesh, i, 0).number), 3);
        assert_int_equal(honoured(i, 0, &all), 0);
        assert_int_equal(all, 3);
    }
    mesh_stop(&mesh, 2);
    withdraw(0, rp_bytes_slice(&copy));
    mesh_run(&mesh, 60000);
    assert_int_equal(honoured(1, 0, &all), 0); /* something is left in the files */
    mesh_clean(&mesh, 0);
    mesh_clean(&mesh, 1);
    mesh_run(&mesh, 60000);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(honoured(i, 0, &all), 2);
        assert_int_equal(all, 3); /* one is not known to */
    }
    mesh_start(&mesh, 2);
    mesh_run(&mesh, 60000);
    mesh_clean(&mesh, 2);
    mesh_run(&mesh, 60000);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(honoured(i, 0, &all), 3);
    assert_int_equal(heard(3, SCOPE_COMMONS), 4);
    for (uint32_t scope = SCOPE_LOCAL; scope < 8; scope++)
        assert_int_equal(heard(3, scope), 0);
    core_stop(mesh.nodes[3].core);
    mesh_run(&mesh, 1);
    assert_int_equal(stored_of_circles(3), 0);
    rp_bytes_free(&copy);
    mesh_free(&mesh);
}

static void beacons_of_a_circle_outlast_a_restart_and_go_with_it(void **state)
{
    static const unsigned b[] = {1};
    uint8_t id[RP_ID_LEN];

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    found(&mesh, 0, b, 1, id);
    mesh_run(&mesh, 200000);
    assert_int_equal(stored_of_circles(1), 2);
    mesh_stop(&mesh, 0);
    mesh_stop(&mesh, 1);
    mesh_start(&mesh, 1);
    mesh_run(&mesh, 10);
    assert_int_equal(heard(1, seen(&mesh, 1, 0).number), 2);
    assert_ok(core_circle_decide(mesh.nodes[1].core, id, false, mesh.now));
    mesh_run(&mesh, 1000);
    assert_int_equal(heard(1, seen(&mesh, 1, 0).number), 0);
    assert_int_equal(stored_of_circles(1), 0);
    mesh_start(&mesh, 0);
    mesh_run(&mesh, 200000);
    assert_int_equal(heard(1, seen(&mesh, 1, 0).number), 0); /* nothing is told of it any more */
    assert_ok(core_circle_decide(mesh.nodes[1].core, id, true, mesh.now));
    mesh_run(&mesh, 100000);
    assert_int_equal(heard(1, seen(&mesh, 1, 0).number), 2);
    assert_int_equal(heard(0, seen(&mesh, 0, 0).number), 2);
    for (unsigned i = 0; i < 2; i++) { /* and on the same link, soon */
        assert_ok(core_circle_decide(mesh.nodes[1].core, id, i == 1, mesh.now));
        mesh_run(&mesh, 70000);
    }
    assert_int_equal(heard(1, seen(&mesh, 1, 0).number), 2);
    mesh_free(&mesh);
}

/* Joins node ${b} to ${a}, which does not vouch for it. */
static void join_without_a_word(unsigned a, unsigned b)
{
    struct invite_opts opts = {.note = "guest", .keep_ms = 60000};
    char text[RP_TOKEN_TEXT_MAX + 1];
    struct rp_token token;

    assert_ok(core_invite(mesh.nodes[a].core, &opts, mesh.now, text));
    assert_ok(rp_token_read(&token, text));
    assert_ok(core_join(mesh.nodes[b].core, &token, mesh.now));
    mesh_run(&mesh, 2000);
}

static void members_who_accept_each_other_nowhere_else_find_each_other(void **state)
{
    static const unsigned others[] = {0, 2};
    struct circle_member member;
    uint8_t id[RP_ID_LEN];
    bool found_it = false;

    (void)state;
    mesh_init(&mesh, 3);
    join_without_a_word(1, 0);
    join_without_a_word(1, 2);
    mesh_run(&mesh, 20000);
    assert_int_equal(heard(0, SCOPE_COMMONS), 2);
    found(&mesh, 1, others, 2, id);
    mesh_run(&mesh, 60000);
    assert_int_equal(heard(0, seen(&mesh, 0, 0).number), 3);
    assert_int_equal(heard(0, SCOPE_COMMONS), 2);
    mesh_stop(&mesh, 1);
    assert_ok(publish_in(&mesh, 0, id, 1));
    mesh_run(&mesh, 1000);
    assert_int_equal(seen(&mesh, 2, 0).records, 1);
    for (uint32_t i = 0; core_circle_member(mesh.nodes[0].core, id, i, &member); i++)
        found_it |=
            member.linked && memcmp(member.org, mesh.nodes[2].org.identity.org, RP_ID_LEN) == 0;
    assert_true(found_it);
    mesh_start(&mesh, 1);
    mesh_free(&mesh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_see_who_honours_a_withdrawal),
        cmocka_unit_test(beacons_of_a_circle_outlast_a_restart_and_go_with_it),
        cmocka_unit_test(members_who_accept_each_other_nowhere_else_find_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
