#include "support/mesh.h"

#include "author/author.h"
#include "support/kv_mem.h"

static struct mesh mesh;

static void an_invite_makes_two_peers_that_vouch_for_each_other(void **state)
{
    struct peer_status status;

    (void)state;
    mesh_init(&mesh, 2);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTROL), 1); /* its own identity */
    mesh_join(&mesh, 0, 1);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTROL), 4); /* two identities, two vouches */
    assert_true(mesh_equal(&mesh, 0, 1));
    for (unsigned i = 0; i < 2; i++) {
        assert_true(core_peer_status(mesh.nodes[i].core, 0, &status));
        assert_int_equal(status.state, PEER_IN_SYNC);
        assert_true(status.linked);
        assert_false(core_peer_status(mesh.nodes[i].core, 1, &status));
    }
    mesh_free(&mesh);
}

static void a_chain_is_one_commons(void **state)
{
    (void)state;
    mesh_init(&mesh, 3);
    for (unsigned i = 0; i < 20; i++)
        mesh_publish(&mesh, 0, i);
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    assert_true(mesh_equal(&mesh, 0, 1));
    assert_true(mesh_equal(&mesh, 1, 2));
    assert_int_equal(mesh_count(&mesh, 2, RP_SET_CONTENT), 20);
    mesh_publish(&mesh, 2, 500); /* announced through the middle, without waiting */
    mesh_run(&mesh, 10);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 21);
    assert_true(mesh_equal(&mesh, 0, 2));
    mesh_free(&mesh);
}

static void large_differences_are_found_and_mended(void **state)
{
    static const struct {
        unsigned common;
        unsigned only_a;
        unsigned only_b;
    } cases[] = {{0, 300, 0},    {0, 0, 300},     {500, 3, 2}, {500, 100, 100},
                 {1000, 400, 0}, {200, 600, 700}, {10, 5, 120}};

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        unsigned number = 0;
        struct core_counters counters[2];

        mesh_init(&mesh, 2);
        mesh_join(&mesh, 0, 1);
        for (unsigned i = 0; i < cases[c].common; i++)
            mesh_publish(&mesh, i % 2, number++);
        mesh_run(&mesh, 100);
        mesh_stop(&mesh, 1);
        for (unsigned i = 0; i < cases[c].only_a; i++)
            mesh_publish(&mesh, 0, number++);
        mesh_start(&mesh, 1);
        mesh_stop(&mesh, 0);
        for (unsigned i = 0; i < cases[c].only_b; i++)
            mesh_publish(&mesh, 1, number++);
        mesh_start(&mesh, 0);
        mesh_run(&mesh, 8000);
        assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), number);
        assert_true(mesh_equal(&mesh, 0, 1));
        for (unsigned i = 0; i < 2; i++) {
            core_counters(mesh.nodes[i].core, &counters[i]);
            assert_int_equal(counters[i].duplicates_in, 0);
        }
        assert_int_equal(counters[0].records_in, cases[c].only_b);
        mesh_free(&mesh);
    }
}

static void in_step_costs_at_most_160_bytes(void **state)
{
    uint64_t before;

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    for (unsigned i = 0; i < 200; i++)
        mesh_publish(&mesh, 0, i);
    mesh_run(&mesh, 200000);
    before = mesh.bytes;
    assert_ok(core_compare(mesh.nodes[0].core, mesh.nodes[1].org.identity.org, mesh.now));
    mesh_run(&mesh, 100);
    assert_in_range(mesh.bytes - before, 1, 160);
    mesh_free(&mesh);
}

static void an_invite_works_once_and_in_time(void **state)
{
    struct invite_opts opts = {.note = "", .vouches = true};
    char text[RP_TOKEN_TEXT_MAX + 1];
    struct rp_token token;
    struct peer_status status;
    struct join_refusal refusal;

    (void)state;
    mesh_init(&mesh, 4);
    opts.keep_ms = 10000;
    assert_ok(core_invite(mesh.nodes[0].core, &opts, mesh.now, text));
    assert_ok(rp_token_read(&token, text));
    assert_ok(core_join(mesh.nodes[1].core, &token, mesh.now));
    mesh_run(&mesh, 1000);
    assert_ok(core_join(mesh.nodes[2].core, &token, mesh.now));
    mesh_run(&mesh, 500);
    assert_true(core_join_refused(mesh.nodes[2].core, token.org, &refusal));
    assert_string_equal(refusal.code, "invite-used");
    assert_false(core_peer_status(mesh.nodes[2].core, 0, &status)); /* as if it had never tried */
    token.secret[0] ^= 1;
    assert_ok(core_join(mesh.nodes[3].core, &token, mesh.now));
    mesh_run(&mesh, 500);
    assert_true(core_join_refused(mesh.nodes[3].core, token.org, &refusal));
    assert_string_equal(refusal.code, "invite-unknown");
    assert_false(core_peer_status(mesh.nodes[3].core, 0, &status));
    mesh_run(&mesh, 20000);
    assert_int_equal(core_join(mesh.nodes[3].core, &token, mesh.now), RP_ERR_EXPIRED);
    assert_false(core_peer_status(mesh.nodes[0].core, 1, &status)); /* one guest only */
    mesh_free(&mesh);
}

static void a_calendar_that_is_set_back_holds_up_nothing(void **state)
{
    struct peer_status status;
    struct core_counters before;
    struct core_counters after;

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    core_set_calendar(mesh.nodes[0].core, -86400000);
    core_set_calendar(mesh.nodes[1].core, -86400000);
    core_counters(mesh.nodes[0].core, &before);
    mesh_run(&mesh, 300000);
    core_counters(mesh.nodes[0].core, &after);
    assert_true(core_peer_status(mesh.nodes[0].core, 0, &status));
    assert_int_equal(status.state, PEER_IN_SYNC);
    assert_true(after.equal + after.checks > before.equal + before.checks);
    assert_in_range(status.last_sync, mesh.now - 86400000 - 300000, mesh.now - 86400000);
    mesh_free(&mesh);
}

static void strangers_wait_until_both_have_approved(void **state)
{
    struct peer_status status;
    struct knock knock;

    (void)state;
    mesh_init(&mesh, 2);
    assert_ok(core_add_peer(mesh.nodes[1].core, mesh.nodes[0].org.identity.org, "0:1", "zero", NULL,
                            mesh.now));
    mesh_run(&mesh, 3000);
    assert_true(core_peer_status(mesh.nodes[1].core, 0, &status));
    assert_int_equal(status.state, PEER_WAITING);
    assert_true(core_knock(mesh.nodes[0].core, 0, &knock));
    assert_memory_equal(knock.org, mesh.nodes[1].org.identity.org, RP_ID_LEN);
    assert_string_equal(knock.name, "Organisation B");
    assert_int_equal(mesh_count(&mesh, 1, RP_SET_CONTROL), 1); /* it was told nothing */
    assert_ok(core_add_peer(mesh.nodes[0].core, knock.org, NULL, NULL, NULL, mesh.now));
    mesh_run(&mesh, 20000);
    assert_true(core_peer_status(mesh.nodes[1].core, 0, &status));
    assert_int_equal(status.state, PEER_IN_SYNC);
    assert_true(mesh_equal(&mesh, 0, 1));
    assert_false(core_knock(mesh.nodes[0].core, 0, &knock));
    mesh_free(&mesh);
}

static void a_withdrawal_goes_everywhere_and_stays(void **state)
{
    struct rp_bytes packed;
    struct rp_bytes again;
    struct rp_bytes withdrawal;
    struct rp_opened opened;
    struct rp_rand rand = {{1}};

    (void)state;
    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    packed = sample_pattern(&mesh.nodes[0].org, 7);
    assert_ok(rp_bytes_copy(&again, packed.data, packed.len));
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
    assert_ok(mesh_submit(&mesh, 0, &packed));
    mesh_run(&mesh, 100);
    assert_int_equal(mesh_count(&mesh, 2, RP_SET_CONTENT), 1);
    assert_ok(author_withdraw(
        &withdrawal,
        &(struct author){&mesh.nodes[0].org.key, mesh.nodes[0].org.identity.org, &rand, mesh.now},
        &opened.record, NULL, 0));
    assert_ok(mesh_submit(&mesh, 0, &withdrawal));
    mesh_run(&mesh, 100);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(mesh_count(&mesh, i, RP_SET_CONTENT), 0);
    assert_true(mesh_equal(&mesh, 0, 2));
    assert_int_equal(mesh_submit(&mesh, 2, &again), RP_ERR_WITHDRAWN);
    rp_record_close(&opened);
    mesh_free(&mesh);
}

static void a_withdrawal_that_comes_first_holds_too(void **state)
{
    struct rp_bytes packed;
    struct rp_bytes withdrawal;
    struct rp_opened opened;
    struct rp_rand rand = {{1}};

    (void)state;
    mesh_init(&mesh, 1);
    packed = sample_pattern(&mesh.nodes[0].org, 7);
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
    assert_ok(author_withdraw(
        &withdrawal,
        &(struct author){&mesh.nodes[0].org.key, mesh.nodes[0].org.identity.org, &rand, mesh.now},
        &opened.record, NULL, 0));
    assert_ok(mesh_submit(&mesh, 0, &withdrawal));
    assert_int_equal(mesh_submit(&mesh, 0, &packed), RP_ERR_WITHDRAWN);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 0);
    rp_record_close(&opened);
    mesh_free(&mesh);
}

static void somebody_elses_withdrawal_is_void(void **state)
{
    struct rp_bytes packed;
    struct rp_bytes forged;
    struct rp_opened opened;
    struct rp_record fields;
    struct rp_bytes content = {NULL, 0};

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    packed = sample_pattern(&mesh.nodes[0].org, 7);
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
    assert_ok(mesh_submit(&mesh, 0, &packed));
    mesh_run(&mesh, 100);
    /* node 1 signs a withdrawal that claims to be of organisation 0 */
    fields = sample_fields(&mesh.nodes[0].org, 7, rp_bytes_str("\x80"));
    fields.set = RP_SET_CONTROL;
    fields.kind = rp_bytes_str("withdrawal");
    memcpy(fields.key, mesh.nodes[1].org.key.public, RP_KEY_LEN);
    forged = sample_pack(&fields, &mesh.nodes[1].org.key);
    assert_int_equal(mesh_submit(&mesh, 1, &forged), RP_ERR_KEY);
    /* and one in its own name, for an object with the same seed: another object */
    fields = sample_fields(&mesh.nodes[1].org, 7, rp_bytes_str("\x80"));
    fields.set = RP_SET_CONTROL;
    fields.kind = rp_bytes_str("withdrawal");
    forged = sample_pack(&fields, &mesh.nodes[1].org.key);
    assert_ok(mesh_submit(&mesh, 1, &forged));
    mesh_run(&mesh, 100);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 1);
    assert_int_equal(mesh_count(&mesh, 1, RP_SET_CONTENT), 1);
    rp_bytes_free(&content);
    rp_record_close(&opened);
    mesh_free(&mesh);
}

static void a_tellers_withdrawal_needs_the_slip(void **state)
{
    struct rp_key teller;
    uint8_t seed[RP_KEY_SEED_LEN] = {42};
    uint8_t slip[RP_SIG_LEN];
    struct rp_writer w;
    struct rp_record story;
    struct rp_record withdrawal;
    struct rp_bytes packed;
    struct rp_opened opened;

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    rp_key_from_seed(&teller, seed);
    rp_writer_init(&w, 1000);
    for (int with_slip = 0; with_slip < 2; with_slip++) {
        story = sample_fields(&mesh.nodes[0].org, 9, rp_bytes_str("\x80"));
        story.kind = rp_bytes_str("story");
        story.has_teller = true;
        memcpy(story.teller, teller.public, RP_KEY_LEN);
        packed = sample_pack(&story, &mesh.nodes[0].org.key);
        assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
        if (with_slip == 0) {
            assert_ok(mesh_submit(&mesh, 0, &packed));
            mesh_run(&mesh, 100);
        } else {
            rp_bytes_free(&packed);
        }
        rp_key_sign(slip, &mesh.nodes[0].org.key, RP_DOMAIN_SIGN_SLIP, opened.record.object);
        rp_record_close(&opened);
        rp_writer_reset(&w);
        rp_writer_map(&w, with_slip ? 1 : 0);
        if (with_slip) {
            rp_writer_str(&w, "slip");
            rp_writer_bin(&w, slip, sizeof slip);
        }
        withdrawal = sample_fields(&mesh.nodes[0].org, 9, rp_writer_slice(&w));
        withdrawal.set = RP_SET_CONTROL;
        withdrawal.kind = rp_bytes_str("withdrawal");
        withdrawal.has_teller = true;
        memcpy(withdrawal.teller, teller.public, RP_KEY_LEN);
        memcpy(withdrawal.key, teller.public, RP_KEY_LEN);
        packed = sample_pack(&withdrawal, &teller);
        /* at the other node: the teller's own is not needed */
        assert_int_equal(mesh_submit(&mesh, 1, &packed), with_slip ? RP_OK : RP_ERR_KEY);
        mesh_run(&mesh, 100);
        assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), with_slip ? 0 : 1);
        assert_int_equal(mesh_count(&mesh, 1, RP_SET_CONTENT), with_slip ? 0 : 1);
    }
    rp_writer_free(&w);
    mesh_free(&mesh);
}

static void local_records_never_leave(void **state)
{
    struct rp_bytes content = sample_content("Only for us");
    struct rp_record fields;
    struct rp_bytes packed;

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    fields = sample_fields(&mesh.nodes[0].org, 3, rp_bytes_slice(&content));
    memcpy(fields.scope, rp_record_local, RP_ID_LEN);
    packed = sample_pack(&fields, &mesh.nodes[0].org.key);
    assert_ok(mesh_submit(&mesh, 0, &packed));
    mesh_run(&mesh, 200000);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 0);
    assert_int_equal(mesh_count(&mesh, 1, RP_SET_CONTENT), 0);
    assert_true(mesh_equal(&mesh, 0, 1));
    rp_bytes_free(&content);
    mesh_free(&mesh);
}

static void a_removed_peer_is_no_longer_accepted(void **state)
{
    struct peer_status status;

    (void)state;
    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    mesh_publish(&mesh, 0, 1);
    mesh_publish(&mesh, 2, 2);
    mesh_run(&mesh, 1000);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 2);
    assert_ok(core_remove_peer(mesh.nodes[0].core, mesh.nodes[1].org.identity.org, NULL, mesh.now));
    mesh_run(&mesh, 1000);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 1); /* its own */
    assert_false(core_peer_status(mesh.nodes[0].core, 0, &status));
    mesh_run(&mesh, 100000);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 1);
    mesh_join(&mesh, 0, 1);
    mesh_run(&mesh, 1000);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 2); /* compared and fetched again */
    assert_true(mesh_equal(&mesh, 0, 2));
    mesh_free(&mesh);
}

static void a_ring_gets_each_record_about_once(void **state)
{
    uint64_t received = 0;

    (void)state;
    mesh_init(&mesh, 5);
    for (unsigned i = 0; i < 4; i++)
        mesh_join(&mesh, i, i + 1);
    mesh_join(&mesh, 4, 0);
    for (unsigned i = 0; i < 100; i++) {
        mesh_publish(&mesh, i % 5, i);
        mesh_run(&mesh, 5);
    }
    mesh_run(&mesh, 1000);
    for (unsigned i = 0; i < 5; i++) {
        struct core_counters counters;

        assert_int_equal(mesh_count(&mesh, i, RP_SET_CONTENT), 100);
        assert_true(mesh_equal(&mesh, 0, i));
        core_counters(mesh.nodes[i].core, &counters);
        received += counters.records_in - counters.duplicates_in * 0;
        assert_int_equal(counters.duplicates_in, 0);
    }
    assert_in_range(received, 400, 400 + 5 * 20); /* content, and the control records of joining */
    mesh_free(&mesh);
}

static void a_full_store_takes_in_later_what_it_could_not(void **state)
{
    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    kv_mem_fail_commit(mesh.nodes[1].kv, 1, RP_ERR_FULL);
    mesh_publish(&mesh, 0, 1); /* fetched, and there is no room */
    mesh_run(&mesh, 1000);
    mesh_publish(&mesh, 0, 2); /* offered while it is known to be full */
    mesh_run(&mesh, 1000);
    assert_int_equal(mesh_count(&mesh, 1, RP_SET_CONTENT), 0);
    mesh_run(&mesh, 15000);
    assert_int_equal(mesh_count(&mesh, 1, RP_SET_CONTENT), 2);
    assert_true(mesh_equal(&mesh, 0, 1));
    mesh_free(&mesh);
}

static void a_peer_that_could_not_be_stored_is_let_in_later(void **state)
{
    struct invite_opts opts = {.note = "", .vouches = true};
    char text[RP_TOKEN_TEXT_MAX + 1];
    struct rp_token token;
    struct peer_status status;

    (void)state;
    mesh_init(&mesh, 2);
    opts.keep_ms = 600000;
    assert_ok(core_invite(mesh.nodes[0].core, &opts, mesh.now, text));
    assert_ok(rp_token_read(&token, text));
    mesh_run(&mesh, 10);
    kv_mem_fail_commit(mesh.nodes[0].kv, 2, RP_ERR_FULL); /* invite used, then the peer */
    assert_ok(core_join(mesh.nodes[1].core, &token, mesh.now));
    mesh_run(&mesh, 500);
    assert_true(core_peer_status(mesh.nodes[1].core, 0, &status));
    assert_string_equal(status.why_code, "busy");
    mesh_run(&mesh, 20000);
    assert_true(core_peer_status(mesh.nodes[1].core, 0, &status));
    assert_int_equal(status.state, PEER_IN_SYNC);
    assert_true(mesh_equal(&mesh, 0, 1));
    mesh_free(&mesh);
}

static void everything_is_still_there_after_a_restart(void **state)
{
    (void)state;
    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    for (unsigned i = 0; i < 30; i++)
        mesh_publish(&mesh, i % 3, i);
    mesh_run(&mesh, 100);
    for (unsigned i = 0; i < 3; i++)
        mesh_stop(&mesh, i);
    for (unsigned i = 0; i < 3; i++)
        mesh_start(&mesh, i);
    mesh_run(&mesh, 5000);
    for (unsigned i = 0; i < 3; i++) {
        struct peer_status status;

        assert_int_equal(mesh_count(&mesh, i, RP_SET_CONTENT), 30);
        assert_true(mesh_equal(&mesh, 0, i));
        assert_true(core_peer_status(mesh.nodes[i].core, 0, &status));
        assert_int_equal(status.state, PEER_IN_SYNC);
    }
    mesh_free(&mesh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_invite_makes_two_peers_that_vouch_for_each_other),
        cmocka_unit_test(a_chain_is_one_commons),
        cmocka_unit_test(large_differences_are_found_and_mended),
        cmocka_unit_test(in_step_costs_at_most_160_bytes),
        cmocka_unit_test(an_invite_works_once_and_in_time),
        cmocka_unit_test(a_calendar_that_is_set_back_holds_up_nothing),
        cmocka_unit_test(strangers_wait_until_both_have_approved),
        cmocka_unit_test(a_withdrawal_goes_everywhere_and_stays),
        cmocka_unit_test(a_withdrawal_that_comes_first_holds_too),
        cmocka_unit_test(somebody_elses_withdrawal_is_void),
        cmocka_unit_test(a_tellers_withdrawal_needs_the_slip),
        cmocka_unit_test(local_records_never_leave),
        cmocka_unit_test(a_removed_peer_is_no_longer_accepted),
        cmocka_unit_test(a_ring_gets_each_record_about_once),
        cmocka_unit_test(a_full_store_takes_in_later_what_it_could_not),
        cmocka_unit_test(a_peer_that_could_not_be_stored_is_let_in_later),
        cmocka_unit_test(everything_is_still_there_after_a_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
