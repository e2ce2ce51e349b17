/*
 * Who sends what nobody honest sends is shut out: what no key has signed, what was withdrawn long
 * ago, what is of circles of others (SPEC 6.2). And who may be honest is not.
 */
#include "unit.h"

#include "support/circle.h"
#include "support/client.h"

#define COMPARED_MS 90000 /* until something was compared on a new link */
#define LONG_MS 601000    /* more than the ten minutes of SPEC 6.2 */

static struct mesh mesh;

static void begin_three(void)
{
    mesh_begin_three(&mesh);
    for (unsigned i = 0; i < 3; i++) /* hours of looking after sound disks */
        mesh.nodes[i].core->scrub_at = UINT64_MAX;
}

/* Has a client that is let in offer ${n} symbols and answer the WANT with ${n} records. */
static void send(struct client *client, const uint8_t *symbols, const struct rp_slice *packed,
                 unsigned n)
{
    struct rp_have have = {.set = RP_SET_CONTENT, .symbols = {symbols, n * RP_SYMBOL_LEN}};
    struct rp_writer items;

    client->wants_n = 0;
    rp_message_write_have(&client->w, &have);
    client_say(client);
    client_pump(client);
    assert_int_equal(client->wants_n, 1);
    rp_writer_init(&items, RP_FRAME_MAX - 1024);
    for (unsigned i = 0; i < n; i++)
        rp_writer_raw(&items, packed[i]);
    rp_message_write_records(&client->w, client->wants[0], true, n, rp_writer_slice(&items));
    client_say(client);
    client_pump(client);
    mesh_run(&mesh, 1000); /* all of it is taken in */
    rp_writer_free(&items);
}

static void send_garbage(struct client *client, unsigned n)
{
    static const uint8_t garbage[] = {0x93, 0x00, 0xc4, 0x01, 'x', 0xc4, 0x01, 'y'};
    struct rp_slice packed[64];
    uint8_t symbols[64][RP_SYMBOL_LEN];
    uint8_t fill[32];

    for (unsigned i = 0; i < n; i++) {
        unit_fill(fill, 70 + 64 * n + i);
        memcpy(symbols[i], fill, RP_SYMBOL_LEN);
        packed[i] = (struct rp_slice){garbage, sizeof garbage};
    }
    send(client, symbols[0], packed, n);
}

/* Sends records, and frees them. */
static void send_all(struct client *client, struct rp_bytes *records, unsigned n)
{
    struct rp_slice packed[64];
    uint8_t symbols[64][RP_SYMBOL_LEN];

    for (unsigned i = 0; i < n; i++) {
        struct rp_opened opened;

        packed[i] = rp_bytes_slice(&records[i]);
        assert_ok(rp_record_open(&opened, packed[i]));
        memcpy(symbols[i], opened.record.id, RP_SYMBOL_LEN);
        rp_record_close(&opened);
    }
    send(client, symbols[0], packed, n);
    for (unsigned i = 0; i < n; i++)
        rp_bytes_free(&records[i]);
}

/* Sends sample patterns of node 2, from the ${first}th on. */
static void send_patterns(struct client *client, unsigned first, unsigned n)
{
    struct rp_bytes records[64];

    for (unsigned i = 0; i < n; i++)
        records[i] = sample_pattern(&mesh.nodes[2].org, first + i);
    send_all(client, records, n);
}

/* Sends records of a circle by node ${who}. */
static void send_circled(struct client *client, const uint8_t *circle, unsigned who, unsigned n)
{
    struct rp_bytes records[64];

    for (unsigned i = 0; i < n; i++)
        records[i] = pattern_in(&mesh, who, circle, 700 + i);
    send_all(client, records, n);
}

/* Lets ${ms} pass while the client goes on speaking. */
static void go_on(struct client *client, uint64_t ms)
{
    for (uint64_t i = 0; i < ms; i += 10000) {
        mesh_run(&mesh, 10000);
        client_pump(client);
    }
    assert_int_equal(client->link->state, LINK_OPEN);
}

static struct peer_status status_of(unsigned who)
{
    struct peer_status out;

    for (uint32_t i = 0; core_peer_status(mesh.nodes[0].core, i, &out); i++) {
        if (memcmp(out.entry->org, mesh.nodes[who].org.identity.org, RP_ID_LEN) == 0)
            return out;
    }
    fail();
    return out;
}

static void who_sends_what_nobody_signed_is_shut_out_for_a_while(void **state)
{
    static const struct act act = {"they have mended it", 0};
    const uint8_t *org = mesh.nodes[1].org.identity.org;
    struct client client;

    (void)state;
    begin_three();
    client_call(&client, &mesh, 1, 3, CLIENT_SILENT);
    send_garbage(&client, 63);
    assert_int_equal(client.link->state, LINK_OPEN);
    assert_int_equal(status_of(1).refused, 63);
    client_close(&client);
    mesh_run(&mesh, 1000);
    /* also on another link; then the node itself is not let in, nor called */
    client_call(&client, &mesh, 1, 3, CLIENT_SILENT);
    send_garbage(&client, 1);
    assert_int_equal(client.link->state, LINK_ENDING);
    assert_string_equal(status_of(1).why_code, "misbehaves");
    client_close(&client);
    mesh_start(&mesh, 1);
    mesh_run(&mesh, 590000);
    assert_false(status_of(1).linked);
    assert_string_equal(status_of(1).why_code, "misbehaves");
    mesh_run(&mesh, 600000);
    assert_true(status_of(1).linked);
    assert_null(status_of(1).why_code);
    assert_true(mesh_equal(&mesh, 0, 1));
    /* the second time for a day, or until somebody says otherwise */
    client_call(&client, &mesh, 1, 3, CLIENT_SILENT);
    send_garbage(&client, 64);
    client_close(&client);
    mesh_start(&mesh, 1);
    mesh_run(&mesh, 1200000);
    assert_false(status_of(1).linked);
    assert_ok(core_pause_peer(mesh.nodes[0].core, org, false, &act, mesh.now));
    mesh_run(&mesh, 10000);
    assert_true(status_of(1).linked);
    mesh_free(&mesh);
}

/* Node 2 publishes patterns and withdraws them, and node 0 knows of it. */
static void withdraw_some(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        mesh_publish(&mesh, 2, i);
    mesh_run(&mesh, 2000);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), n);
    for (unsigned i = 0; i < n; i++) {
        struct rp_bytes packed = sample_withdrawal(&mesh.nodes[2].org, i, false);

        assert_ok(mesh_submit(&mesh, 2, &packed));
    }
    mesh_run(&mesh, 1000);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 0);
}

static void begin_with_withdrawn(unsigned n)
{
    begin_three();
    withdraw_some(n);
}

/* A client that calls ${known_ms} after the withdrawals came, and goes on for long. */
static void check_withdrawn_counts(uint64_t known_ms, enum client_claim claim)
{
    struct client client;

    begin_with_withdrawn(128);
    mesh_run(&mesh, known_ms);
    client_call(&client, &mesh, 1, 3, claim);
    go_on(&client, COMPARED_MS);
    send_patterns(&client, 0, 64); /* it may not have heard of it yet */
    go_on(&client, LONG_MS);
    assert_int_equal(status_of(1).refused, 64);
    send_patterns(&client, 64, 63);
    assert_int_equal(client.link->state, LINK_OPEN);
    assert_int_equal(status_of(1).refused, 127);
    send_patterns(&client, 127, 1);
    assert_int_equal(client.link->state, LINK_ENDING);
    assert_string_equal(status_of(1).why_code, "misbehaves");
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 0);
    client_close(&client);
    mesh_free(&mesh);
}

static void who_is_in_step_and_sends_what_was_withdrawn_long_ago_is_shut_out(void **state)
{
    (void)state;
    check_withdrawn_counts(0, CLIENT_IN_STEP); /* what is new at first */
}

static void who_was_told_long_ago_what_was_withdrawn_and_sends_it_is_shut_out(void **state)
{
    (void)state;
    check_withdrawn_counts(LONG_MS, CLIENT_BEHIND); /* what it is only being told at first */
}

static void who_was_not_told_what_was_withdrawn_may_send_it(void **state)
{
    struct client client;

    (void)state;
    begin_with_withdrawn(64);
    mesh_run(&mesh, LONG_MS);
    client_call(&client, &mesh, 1, 3, CLIENT_SILENT);
    go_on(&client, 10000); /* it answers no question */
    send_patterns(&client, 0, 64);
    assert_int_equal(client.link->state, LINK_OPEN);
    assert_int_equal(status_of(1).refused, 64);
    assert_int_equal(mesh_count(&mesh, 0, RP_SET_CONTENT), 0);
    client_close(&client);
    mesh_free(&mesh);
}

/* By the calendar it has been known since yesterday, and the client has not heard of it yet. */
static void what_seems_old_since_the_calendar_was_put_forward_is_no_fault(void **state)
{
    struct client client;

    (void)state;
    begin_three();
    mesh_run(&mesh, LONG_MS);
    withdraw_some(64);
    client_call(&client, &mesh, 1, 3, CLIENT_IN_STEP);
    go_on(&client, COMPARED_MS);
    core_set_calendar(mesh.nodes[0].core, 86400000);
    core_tick(mesh.nodes[0].core, mesh.now);
    go_on(&client, 10000);
    send_patterns(&client, 0, 64);
    assert_int_equal(client.link->state, LINK_OPEN);
    assert_int_equal(status_of(1).refused, 64);
    client_close(&client);
    mesh_free(&mesh);
}

static void who_sends_what_is_of_a_circle_of_others_is_shut_out(void **state)
{
    static const unsigned other = 2;
    uint8_t ours[RP_ID_LEN];
    uint8_t theirs[RP_ID_LEN];
    struct client client;

    (void)state;
    begin_three();
    found(&mesh, 0, &other, 1, ours);
    unit_fill(theirs, 500);
    client_call(&client, &mesh, 1, 3, CLIENT_SILENT);
    send_circled(&client, theirs, 1, 32); /* of one that node 0 is not in */
    assert_int_equal(client.link->state, LINK_OPEN);
    send_circled(&client, ours, 1, 32); /* and of one that the writer is not in */
    assert_int_equal(client.link->state, LINK_ENDING);
    assert_string_equal(status_of(1).why_code, "misbehaves");
    client_close(&client);
    mesh_free(&mesh);
}

static void what_comes_of_a_circle_that_was_just_left_is_no_fault(void **state)
{
    static const unsigned other = 2;
    uint8_t ours[RP_ID_LEN];
    struct client client;

    (void)state;
    begin_three();
    found(&mesh, 0, &other, 1, ours);
    assert_ok(core_circle_decide(mesh.nodes[0].core, ours, false, mesh.now));
    mesh_run(&mesh, 1000);
    client_call(&client, &mesh, 2, 3, CLIENT_SILENT);
    send_circled(&client, ours, 2, 64);
    assert_int_equal(client.link->state, LINK_OPEN);
    assert_int_equal(status_of(2).refused, 64);
    client_close(&client);
    mesh_free(&mesh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_sends_what_nobody_signed_is_shut_out_for_a_while),
        cmocka_unit_test(who_is_in_step_and_sends_what_was_withdrawn_long_ago_is_shut_out),
        cmocka_unit_test(who_was_told_long_ago_what_was_withdrawn_and_sends_it_is_shut_out),
        cmocka_unit_test(who_was_not_told_what_was_withdrawn_may_send_it),
        cmocka_unit_test(what_seems_old_since_the_calendar_was_put_forward_is_no_fault),
        cmocka_unit_test(who_sends_what_is_of_a_circle_of_others_is_shut_out),
        cmocka_unit_test(what_comes_of_a_circle_that_was_just_left_is_no_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
