/*
 * What a trusted but hostile peer, or a disk that fails once, must not be able to do to a core. The
 * hostile side is a session of the test's own; the rest are whole cores in one process.
 */
#include "unit.h"

#include "support/client.h"
#include "support/kv_mem.h"

static struct mesh mesh;

static void random_symbols(uint8_t *out, size_t n, unsigned number)
{
    uint8_t seed[RP_RAND_SEED_LEN];
    struct rp_rand rand;

    unit_fill(seed, number);
    rp_rand_init(&rand, seed);
    rp_rand_bytes(&rand, out, n * RP_SYMBOL_LEN);
}

/* Lets node 0 come to want a call, and takes that from it. */
static void take_dial(void)
{
    struct core *core = mesh.nodes[0].core;
    struct core_effect effect;

    for (;;) {
        while (core_next_effect(core, &effect)) {
            if (effect.type == CORE_DIAL)
                return;
        }
        mesh.now = core_deadline(core);
        core_tick(core, mesh.now);
    }
}

static void check_is_called_again(bool full)
{
    struct link *strangers[LINKS_MAX + 1];
    struct peer_status status;
    struct link *link;
    unsigned n = 0;

    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    mesh.nodes[0].unreachable = true; /* so that only node 0 calls */
    mesh_stop(&mesh, 1);
    mesh_run(&mesh, 10);
    take_dial();
    while (full && n <= LINKS_MAX &&
           (strangers[n] = core_accept(mesh.nodes[0].core, "9.9.9.9:9", mesh.now)) != NULL)
        n++;
    link = core_dialled(mesh.nodes[0].core, mesh.nodes[1].org.identity.org, "1:1", mesh.now);
    assert_non_null(link); /* strangers cannot take the room of those whom we call */
    core_closed(mesh.nodes[0].core, link, mesh.now);
    while (n > 0)
        core_closed(mesh.nodes[0].core, strangers[--n], mesh.now);
    mesh_start(&mesh, 1);
    mesh_run(&mesh, 600000);
    assert_true(core_peer_status(mesh.nodes[0].core, 0, &status));
    assert_int_equal(status.state, PEER_IN_SYNC);
    mesh_free(&mesh);
}

static void a_call_that_breaks_off_in_the_handshake_is_made_again(void **state)
{
    (void)state;
    check_is_called_again(false);
}

static void strangers_do_not_keep_us_from_calling(void **state)
{
    (void)state;
    check_is_called_again(true);
}

static void who_reads_nothing_is_answered_nothing(void **state)
{
    struct rp_check check = {.exchange = 1, .asks = {false, true}, .tally = {{0}, {.count = 1}}};
    struct rp_part more = {.exchange = 1, .set = RP_SET_CONTENT, .n = 1024};
    struct client client;

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    for (unsigned i = 0; i < 300; i++)
        mesh_publish(&mesh, 0, i);
    mesh_run(&mesh, 1000);
    client_call(&client, &mesh, 1, 2, CLIENT_SILENT);
    rp_message_write_check(&client.w, &check);
    client_say(&client);
    client_pump(&client);
    client.deaf = true;
    for (unsigned i = 0; i < RP_REQUESTS_MAX; i++) { /* each asks for 24,576 bytes */
        rp_message_write_part(&client.w, RP_MESSAGE_MORE, &more);
        client_say(&client);
    }
    client_pump(&client);
    assert_int_equal(client.link->state, LINK_OPEN);
    assert_in_range(rp_session_queued(client.link->session), 1, TRANSMIT_LOW + 65536);
    for (unsigned i = 0; i < 32; i++) { /* and now there are more open than may be */
        rp_message_write_part(&client.w, RP_MESSAGE_MORE, &more);
        client_say(&client);
    }
    client_pump(&client);
    assert_int_equal(client.link->state, LINK_ENDING);
    client_close(&client);
    mesh_free(&mesh);
}

static void organisations_that_a_peer_names_are_not_kept(void **state)
{
    uint8_t *ids = malloc((size_t)RP_ACCEPT_ENTRIES_MAX * RP_ID_LEN);
    struct rp_accept accept = {.reset = true};
    struct client client;
    uint32_t before;

    (void)state;
    assert_non_null(ids);
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    client_call(&client, &mesh, 1, 2, CLIENT_SILENT);
    before = mesh.nodes[0].core->orgs_n;
    for (unsigned round = 0; round < 8; round++) {
        random_symbols(ids, RP_ACCEPT_ENTRIES_MAX * 2, round);
        accept.accepted = (struct rp_slice){ids, (size_t)RP_ACCEPT_ENTRIES_MAX * RP_ID_LEN};
        rp_message_write_accept(&client.w, &accept);
        client_say(&client);
        client_pump(&client);
    }
    assert_int_equal(mesh.nodes[0].core->orgs_n, before);
    assert_int_equal(table_size(client.link->remote_ids), RP_ACCEPT_ENTRIES_MAX);
    free(ids);
    client_close(&client);
    mesh_free(&mesh);
}

static void one_peer_cannot_take_all_the_room_for_what_is_wanted(void **state)
{
    uint8_t *symbols = malloc((size_t)RP_SYMBOLS_MAX * RP_SYMBOL_LEN);
    struct rp_have have = {.set = RP_SET_CONTROL};
    struct client client;

    (void)state;
    assert_non_null(symbols);
    mesh_begin_three(&mesh);
    client_call(&client, &mesh, 1, 3, CLIENT_SILENT);
    have.symbols = (struct rp_slice){symbols, (size_t)RP_SYMBOLS_MAX * RP_SYMBOL_LEN};
    for (unsigned i = 0; i < 20; i++) {
        random_symbols(symbols, RP_SYMBOLS_MAX, i);
        rp_message_write_have(&client.w, &have);
        client_say(&client);
        client_pump(&client);
    }
    for (unsigned i = 0; i < 5; i++)
        mesh_publish(&mesh, 2, 700 + i);
    mesh_run(&mesh, 1000);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 5);
    free(symbols);
    client_close(&client);
    mesh_free(&mesh);
}

static void who_offers_first_and_sends_nothing_is_passed_over(void **state)
{
    struct rp_bytes packed;
    struct rp_opened opened;
    struct rp_have have = {.set = RP_SET_CONTENT};
    struct client client;

    (void)state;
    mesh_begin_three(&mesh);
    client_call(&client, &mesh, 1, 3, CLIENT_SILENT);
    packed = sample_pattern(&mesh.nodes[2].org, 700);
    assert_ok(rp_record_open(&opened, rp_bytes_slice(&packed)));
    have.symbols = (struct rp_slice){opened.record.id, RP_SYMBOL_LEN};
    rp_message_write_have(&client.w, &have);
    client_say(&client);
    client_pump(&client);
    assert_int_equal(client.wants_n, 1);
    rp_record_close(&opened);
    assert_ok(mesh_submit(&mesh, 2, &packed));
    for (unsigned i = 0; i < 5; i++) { /* empty answers, one every 3 seconds */
        mesh_run(&mesh, 3000);
        rp_message_write_records(&client.w, client.wants[0], false, 0, (struct rp_slice){NULL, 0});
        client_say(&client);
        client_pump(&client);
    }
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 1);
    client_close(&client);
    mesh_free(&mesh);
}

static void nobody_may_send_what_was_not_asked_for_without_end(void **state)
{
    struct rp_bytes packed;
    struct rp_writer items;
    struct rp_have have = {.set = RP_SET_CONTENT};
    struct client client;
    uint8_t symbol[RP_SYMBOL_LEN] = {1};

    (void)state;
    mesh_begin_three(&mesh);
    client_call(&client, &mesh, 1, 3, CLIENT_SILENT);
    have.symbols = (struct rp_slice){symbol, sizeof symbol};
    rp_message_write_have(&client.w, &have);
    client_say(&client);
    client_pump(&client);
    assert_int_equal(client.wants_n, 1);
    rp_writer_init(&items, RP_FRAME_MAX - 1024);
    packed = sample_pattern(&mesh.nodes[1].org, 1);
    for (unsigned i = 0; i < 19; i++)
        rp_writer_raw(&items, rp_bytes_slice(&packed));
    rp_message_write_records(&client.w, client.wants[0], false, 19, rp_writer_slice(&items));
    client_say(&client);
    client_pump(&client);
    assert_int_equal(client.link->state, LINK_ENDING);
    rp_writer_free(&items);
    rp_bytes_free(&packed);
    client_close(&client);
    mesh_free(&mesh);
}

static void a_standing_that_is_stored_late_holds_up_nothing_for_good(void **state)
{
    (void)state;
    for (unsigned commit = 1; commit <= 6; commit++) {
        mesh_init(&mesh, 3);
        mesh_join(&mesh, 0, 1);
        for (unsigned i = 0; i < 5; i++)
            mesh_publish(&mesh, 2, 800 + i);
        mesh_run(&mesh, 1000);
        kv_mem_fail_commit(mesh.nodes[0].kv, commit, RP_ERR_FULL);
        mesh_join(&mesh, 1, 2);
        mesh_run(&mesh, 60000);
        assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 5);
        assert_true(mesh_equal(&mesh, 0, 1));
        mesh_free(&mesh);
    }
}

static void a_removed_peer_stays_removed(void **state)
{
    struct peer_status status;
    struct org_view view;
    uint32_t number;

    (void)state;
    for (unsigned commit = 1; commit <= 3; commit++) {
        mesh_init(&mesh, 2);
        mesh_join(&mesh, 0, 1);
        mesh_run(&mesh, 1000);
        number = trust_find(mesh.nodes[0].core, mesh.nodes[1].org.identity.org);
        kv_mem_fail_commit(mesh.nodes[0].kv, commit, RP_ERR_FULL);
        assert_ok(
            core_remove_peer(mesh.nodes[0].core, mesh.nodes[1].org.identity.org, NULL, mesh.now));
        mesh_run(&mesh, 10000);
        for (unsigned round = 0; round < 2; round++) {
            assert_true(core_org(mesh.nodes[0].core, number, &view));
            assert_false(view.accepted);
            assert_false(core_peer_status(mesh.nodes[0].core, 0, &status));
            mesh_stop(&mesh, 0);
            mesh_start(&mesh, 0);
            mesh_run(&mesh, 1000);
        }
        mesh_free(&mesh);
    }
}

static void a_peer_removed_before_it_could_be_stored_does_not_come_back(void **state)
{
    struct peer_status status;

    (void)state;
    mesh_init(&mesh, 2);
    kv_mem_fail_commit(mesh.nodes[0].kv, 1, RP_ERR_FULL);
    assert_ok(core_add_peer(mesh.nodes[0].core, mesh.nodes[1].org.identity.org, NULL, "x", NULL,
                            mesh.now));
    mesh_run(&mesh, 500);
    assert_ok(core_remove_peer(mesh.nodes[0].core, mesh.nodes[1].org.identity.org, NULL, mesh.now));
    mesh_run(&mesh, 10000);
    mesh_stop(&mesh, 0);
    mesh_start(&mesh, 0);
    mesh_run(&mesh, 10);
    assert_false(core_peer_status(mesh.nodes[0].core, 0, &status));
    mesh_free(&mesh);
}

static void nobody_is_let_in_who_could_be_forgotten(void **state)
{
    struct invite_opts opts = {.note = "", .keep_ms = 6000000, .vouches = true};
    char text[RP_TOKEN_TEXT_MAX + 1];
    struct rp_token token;
    struct peer_status status;

    (void)state;
    mesh_init(&mesh, 2);
    assert_ok(core_invite(mesh.nodes[0].core, &opts, mesh.now, text));
    assert_ok(rp_token_read(&token, text));
    mesh_run(&mesh, 10);
    assert_ok(core_join(mesh.nodes[1].core, &token, mesh.now));
    for (unsigned i = 0; i < 300; i++) { /* nothing can be stored for a minute */
        kv_mem_fail_commit(mesh.nodes[0].kv, 1, RP_ERR_FULL);
        mesh_run(&mesh, 20);
    }
    mesh_stop(&mesh, 0);
    mesh_start(&mesh, 0);
    mesh_run(&mesh, 600000);
    assert_true(core_peer_status(mesh.nodes[1].core, 0, &status));
    assert_int_equal(status.state, PEER_IN_SYNC);
    mesh_free(&mesh);
}

static void a_withdrawal_of_a_version_of_zeroes_covers_nothing(void **state)
{
    struct rp_bytes packed;

    (void)state;
    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 1);
    mesh_publish(&mesh, 0, 5);
    packed = sample_withdrawal(&mesh.nodes[0].org, 5, true);
    assert_ok(mesh_submit(&mesh, 0, &packed));
    mesh_run(&mesh, 2000);
    mesh_join(&mesh, 0, 2); /* gets both, in whatever order */
    mesh_run(&mesh, 60000);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(mesh_count(&mesh, i, RP_SET_CONTENT), 1);
    mesh_free(&mesh);
}

static void what_is_called_control_can_be_withdrawn_too(void **state)
{
    struct rp_bytes content = sample_content("Told to nobody in particular");
    struct rp_record fields;
    struct rp_bytes packed;
    uint64_t before;

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    fields = sample_fields(&mesh.nodes[1].org, 9, rp_bytes_slice(&content));
    fields.set = RP_SET_CONTROL;
    fields.kind = rp_bytes_str("story");
    packed = sample_pack(&fields, &mesh.nodes[1].org.key);
    assert_ok(mesh_submit(&mesh, 1, &packed));
    mesh_run(&mesh, 1000);
    before = mesh_count(&mesh, 0, RP_SET_CONTROL);
    packed = sample_withdrawal(&mesh.nodes[1].org, 9, false);
    assert_ok(mesh_submit(&mesh, 1, &packed));
    mesh_run(&mesh, 1000);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTROL), before); /* one came, one went */
    assert_true(mesh_equal(&mesh, 0, 1));
    rp_bytes_free(&content);
    mesh_free(&mesh);
}

static void a_damaged_record_is_mended_from_a_peer(void **state)
{
    struct core_counters counters;

    (void)state;
    mesh_init(&mesh, 2);
    mesh_join(&mesh, 0, 1);
    for (unsigned i = 0; i < 200; i++)
        mesh_publish(&mesh, 0, i);
    mesh_run(&mesh, 3000);
    assert_int_equal(mesh_count(&mesh, 1, RP_SET_CONTENT), 200);
    for (unsigned i = 0; i < 10; i++)
        assert_true(kv_mem_rot(mesh.nodes[1].kv, KV_LOG, 11 * i + 8, 20, 300 + 7 * i));
    mesh_run(&mesh, 60000);
    core_counters(mesh.nodes[1].core, &counters);
    assert_int_equal(counters.damaged, 10);
    assert_int_equal(mesh_count(&mesh, 1, RP_SET_CONTENT), 200);
    assert_true(mesh_equal(&mesh, 0, 1));
    mesh_free(&mesh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_breaks_off_in_the_handshake_is_made_again),
        cmocka_unit_test(strangers_do_not_keep_us_from_calling),
        cmocka_unit_test(who_reads_nothing_is_answered_nothing),
        cmocka_unit_test(organisations_that_a_peer_names_are_not_kept),
        cmocka_unit_test(one_peer_cannot_take_all_the_room_for_what_is_wanted),
        cmocka_unit_test(who_offers_first_and_sends_nothing_is_passed_over),
        cmocka_unit_test(nobody_may_send_what_was_not_asked_for_without_end),
        cmocka_unit_test(a_standing_that_is_stored_late_holds_up_nothing_for_good),
        cmocka_unit_test(a_removed_peer_stays_removed),
        cmocka_unit_test(a_peer_removed_before_it_could_be_stored_does_not_come_back),
        cmocka_unit_test(nobody_is_let_in_who_could_be_forgotten),
        cmocka_unit_test(a_withdrawal_of_a_version_of_zeroes_covers_nothing),
        cmocka_unit_test(what_is_called_control_can_be_withdrawn_too),
        cmocka_unit_test(a_damaged_record_is_mended_from_a_peer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
