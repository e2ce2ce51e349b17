#include "support/mesh.h"

#include "author/author.h"
#include "store/audit.h"
#include "support/kv_mem.h"

/* What the operator does about others, and what follows from it. */

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

/* How many entries of a node's table have keys that begin with ${prefix}. */
static unsigned count_rows(unsigned node, enum kv_table table, struct kv_key prefix)
{
    struct kv_iter it;
    struct kv_txn *txn;
    unsigned n = 0;
    int err;

    txn = kv_begin(mesh.nodes[node].kv, false, &err);
    assert_non_null(txn);
    for (kv_first(&it, txn, table, kv_key_slice(&prefix)); it.found; kv_next(&it))
        n++;
    kv_abort(txn);
    return n;
}

static void what_is_not_accepted_any_more_is_dropped_after_30_days(void **state)
{
    static const struct act act = {"complaints", 0};
    const uint64_t day = 86400000;
    struct kv_key content;
    struct kv_key lasting;

    (void)state;
    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    for (unsigned i = 0; i < 150; i++)
        mesh_publish(&mesh, 2, i);
    mesh_run(&mesh, 1000);
    content = records_author_key(SCOPE_COMMONS, LANE_CONTENT, number_of(0, 2));
    lasting = records_author_key(SCOPE_COMMONS, LANE_LASTING, number_of(0, 2));
    assert_int_equal(count_rows(0, KV_AUTHOR, content), 150);
    assert_ok(core_block(mesh.nodes[0].core, mesh.nodes[2].org.identity.org, &act, mesh.now));
    mesh_run(&mesh, 1000);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 0);
    assert_int_equal(count_rows(0, KV_AUTHOR, content), 150);
    mesh_stop(&mesh, 0);
    mesh_start(&mesh, 0);
    core_set_calendar(mesh.nodes[0].core, (int64_t)(29 * day));
    mesh_run(&mesh, 5000);
    assert_int_equal(count_rows(0, KV_AUTHOR, content), 150);
    mesh_stop(&mesh, 0);
    mesh_start(&mesh, 0);
    core_set_calendar(mesh.nodes[0].core, (int64_t)(30 * day));
    mesh_run(&mesh, 5000);
    assert_int_equal(count_rows(0, KV_AUTHOR, content), 0);
    assert_int_equal(count_rows(0, KV_AUTHOR, lasting), 1);
    /* unblocked: everything is fetched again */
    assert_ok(core_unblock(mesh.nodes[0].core, mesh.nodes[2].org.identity.org, &act, mesh.now));
    mesh_run(&mesh, 5000);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 150);
    assert_true(mesh_equal(&mesh, 0, 1));
    mesh_free(&mesh);
}

static void a_withdrawal_passes_through_a_node_that_blocks_its_author(void **state)
{
    static const struct act act = {"complaints", 0};
    struct rp_rand rand = {{1}};
    struct rp_bytes withdrawal;
    struct rp_opened opened;
    struct rp_bytes packed;
    struct kv_key content;

    (void)state;
    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    packed = sample_pattern(&mesh.nodes[0].org, 7);
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
    assert_ok(mesh_submit(&mesh, 0, &packed));
    mesh_run(&mesh, 1000);
    assert_int_equal(mesh_count(&mesh, 2, RP_SET_CONTENT), 1);
    content = records_author_key(SCOPE_COMMONS, LANE_CONTENT, number_of(1, 0));
    assert_ok(core_block(mesh.nodes[1].core, mesh.nodes[0].org.identity.org, &act, mesh.now));
    mesh_run(&mesh, 1000);
    assert_int_equal(count_rows(1, KV_AUTHOR, content), 1);
    /* they are no peers while that holds; node 2 is told by another way, and passes it on */
    mesh_join(&mesh, 0, 2);
    assert_ok(author_withdraw(
        &withdrawal,
        &(struct author){&mesh.nodes[0].org.key, mesh.nodes[0].org.identity.org, &rand, mesh.now},
        &opened.record, NULL, 0));
    assert_ok(mesh_submit(&mesh, 0, &withdrawal));
    mesh_run(&mesh, 1000);
    assert_int_equal(mesh_count(&mesh, 2, RP_SET_CONTENT), 0);
    assert_int_equal(count_rows(1, KV_AUTHOR, content), 0);
    rp_record_close(&opened);
    mesh_free(&mesh);
}

static void an_act_and_its_entry_are_stored_together(void **state)
{
    static const struct act act = {"complaints", 0};
    const struct kv_key all = {.len = 0};
    const uint8_t *other;
    struct audit_read entry;
    struct kv_iter it;
    struct kv_txn *txn;
    unsigned before;
    int err;

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    other = mesh.nodes[1].org.identity.org;
    before = count_rows(0, KV_AUDIT, all);
    assert_int_equal(before, 3); /* invite, invite-used, vouch */
    kv_mem_fail_commit(mesh.nodes[0].kv, 1, RP_ERR_IO);
    assert_ok(core_block(mesh.nodes[0].core, other, &act, mesh.now));
    mesh_run(&mesh, 10);
    assert_int_equal(count_rows(0, KV_AUDIT, all), before); /* failed, with the act */
    mesh_run(&mesh, 10000);
    assert_int_equal(count_rows(0, KV_AUDIT, all), before + 1); /* and succeeded with it, once */
    txn = kv_begin(mesh.nodes[0].kv, false, &err);
    assert_non_null(txn);
    kv_last(&it, txn, KV_AUDIT, (struct rp_slice){NULL, 0});
    assert_true(audit_read(it.value, &entry));
    assert_int_equal(rp_bytes_compare(entry.what, rp_bytes_str("block")), 0);
    kv_stop(&it);
    kv_abort(txn);
    mesh_stop(&mesh, 0);
    mesh_start(&mesh, 0);
    assert_int_equal(core_block(mesh.nodes[0].core, other, &act, mesh.now), RP_ERR_EXISTS);
    mesh_free(&mesh);
}

/* Uses the invite in ${token} at a node; the code of the refusal, "" when it has joined. */
static const char *join(unsigned node, const struct rp_token *token)
{
    static struct join_refusal refusal;

    assert_ok(core_join(mesh.nodes[node].core, token, mesh.now));
    mesh_run(&mesh, 2000);
    return core_join_refused(mesh.nodes[node].core, token->org, &refusal) ? refusal.code : "";
}

static void make_invite(unsigned node, struct rp_token *token)
{
    struct invite_opts opts = {.note = "", .keep_ms = 600000, .vouches = true};
    char text[RP_TOKEN_TEXT_MAX + 1];

    assert_ok(core_invite(mesh.nodes[node].core, &opts, mesh.now, text));
    assert_ok(rp_token_read(token, text));
    mesh_run(&mesh, 10);
}

static void a_revoked_invite_lets_nobody_in(void **state)
{
    static const struct act act = {NULL, 0};
    struct invite_entry invite;
    struct rp_token token;
    struct peer_status status;

    (void)state;
    mesh_init(&mesh, 2);
    make_invite(0, &token);
    assert_true(core_invite_entry(mesh.nodes[0].core, 0, &invite));
    assert_ok(core_revoke_invite(mesh.nodes[0].core, invite.name, &act, mesh.now));
    assert_int_equal(core_revoke_invite(mesh.nodes[0].core, invite.name, &act, mesh.now),
                     RP_ERR_REVOKED);
    mesh_run(&mesh, 10);
    mesh_stop(&mesh, 0);
    mesh_start(&mesh, 0);
    assert_string_equal(join(1, &token), "invite-revoked");
    assert_false(core_peer_status(mesh.nodes[1].core, 0, &status));
    assert_int_equal(mesh_count(&mesh, 1, RP_SET_CONTROL), 1);
    mesh_stop(&mesh, 1);
    mesh_start(&mesh, 1);
    assert_false(core_peer_status(mesh.nodes[1].core, 0, &status));
    make_invite(0, &token);
    assert_string_equal(join(1, &token), "");
    assert_true(mesh_equal(&mesh, 0, 1));
    assert_true(core_invite_entry(mesh.nodes[0].core, 1, &invite));
    assert_int_equal(core_revoke_invite(mesh.nodes[0].core, invite.name, &act, mesh.now),
                     RP_ERR_USED);
    mesh_free(&mesh);
}

static void a_removed_peer_does_not_come_back(void **state)
{
    struct rp_token token;
    struct peer_status status;
    struct knock knock;

    (void)state;
    mesh_init(&mesh, 2);
    make_invite(0, &token);
    assert_string_equal(join(1, &token), "");
    assert_ok(core_remove_peer(mesh.nodes[0].core, mesh.nodes[1].org.identity.org, NULL, mesh.now));
    mesh_run(&mesh, 400000); /* it calls again and again */
    assert_false(core_peer_status(mesh.nodes[0].core, 0, &status));
    assert_true(core_knock(mesh.nodes[0].core, 0, &knock));
    mesh_stop(&mesh, 0);
    mesh_start(&mesh, 0);
    mesh_run(&mesh, 1000);
    assert_false(core_peer_status(mesh.nodes[0].core, 0, &status));
    /* the invite that let it in once does not do so twice, and its own peer stays what it was */
    assert_string_equal(join(1, &token), "invite-revoked");
    assert_false(core_peer_status(mesh.nodes[0].core, 0, &status));
    assert_true(core_peer_status(mesh.nodes[1].core, 0, &status));
    assert_false(status.entry->joining);
    mesh_free(&mesh);
}

static void a_paused_peer_is_left_alone(void **state)
{
    static const struct act act = {NULL, 0};
    const uint8_t *other;
    struct peer_status status;

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    other = mesh.nodes[1].org.identity.org;
    assert_ok(core_pause_peer(mesh.nodes[0].core, other, true, &act, mesh.now));
    assert_int_equal(core_pause_peer(mesh.nodes[0].core, other, true, &act, mesh.now),
                     RP_ERR_EXISTS);
    mesh_publish(&mesh, 1, 1);
    mesh_run(&mesh, 20000);
    mesh_stop(&mesh, 0);
    mesh_start(&mesh, 0);
    mesh_run(&mesh, 20000);
    assert_true(core_peer_status(mesh.nodes[0].core, 0, &status));
    assert_int_equal(status.state, PEER_PAUSED);
    assert_false(status.linked);
    assert_true(core_peer_status(mesh.nodes[1].core, 0, &status));
    assert_string_equal(status.why_code, "paused");
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 0);
    assert_ok(core_pause_peer(mesh.nodes[0].core, other, false, &act, mesh.now));
    mesh_run(&mesh, 5000);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 1);
    assert_true(mesh_equal(&mesh, 0, 1));
    mesh_free(&mesh);
}

static void both_sides_see_the_same_words(void **state)
{
    char words[3][RP_VERIFY_TEXT_LEN + 1];

    (void)state;
    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 2, 1);
    assert_ok(core_verify_words(mesh.nodes[0].core, mesh.nodes[1].org.identity.org, words[0]));
    assert_ok(core_verify_words(mesh.nodes[1].core, mesh.nodes[0].org.identity.org, words[1]));
    assert_ok(core_verify_words(mesh.nodes[1].core, mesh.nodes[2].org.identity.org, words[2]));
    assert_string_equal(words[0], words[1]);
    assert_string_not_equal(words[1], words[2]);
    assert_int_equal(
        core_verify_words(mesh.nodes[0].core, mesh.nodes[2].org.identity.org, words[0]),
        RP_ERR_NOT_FOUND);
    mesh_stop(&mesh, 1);
    mesh_run(&mesh, 10);
    assert_int_equal(
        core_verify_words(mesh.nodes[0].core, mesh.nodes[1].org.identity.org, words[0]),
        RP_ERR_OFFLINE);
    mesh_free(&mesh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_accepted_any_more_is_dropped_after_30_days),
        cmocka_unit_test(a_withdrawal_passes_through_a_node_that_blocks_its_author),
        cmocka_unit_test(an_act_and_its_entry_are_stored_together),
        cmocka_unit_test(a_revoked_invite_lets_nobody_in),
        cmocka_unit_test(a_removed_peer_does_not_come_back),
        cmocka_unit_test(a_paused_peer_is_left_alone),
        cmocka_unit_test(both_sides_see_the_same_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
