/*
 * Links with members of circles that are no peers: what goes over them and what does not, and that
 * nobody else finds out anything by calling (SPEC 3.8).
 */
#include "core/circles.h"
#include "support/circle.h"

static struct mesh mesh;

/* A chain 0 - 1 - 2 of which the ends are in a circle. */
static void begin_line(uint8_t id[RP_ID_LEN])
{
    static const unsigned c[] = {2};

    mesh_init(&mesh, 3);
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    mesh_run(&mesh, 20000); /* beacons go round */
    found(&mesh, 0, c, 1, id);
    mesh_run(&mesh, 10000);
}

/* How ${node} sees the member ${other}. */
static struct circle_member member_at(unsigned node, const uint8_t *id, unsigned other)
{
    struct circle_member member;

    for (uint32_t i = 0; core_circle_member(mesh.nodes[node].core, id, i, &member); i++) {
        if (memcmp(member.org, mesh.nodes[other].org.identity.org, RP_ID_LEN) == 0)
            return member;
    }
    fail_msg("node %u is no member", other);
    return member;
}

static uint32_t peers_of(unsigned node)
{
    struct peer_status status;
    uint32_t n = 0;

    while (core_peer_status(mesh.nodes[node].core, n, &status))
        n++;
    return n;
}

static void members_who_are_no_peers_find_each_other(void **state)
{
    uint8_t id[RP_ID_LEN];

    (void)state;
    begin_line(id);
    assert_true(member_at(0, id, 2).linked);
    assert_true(member_at(0, id, 2).accepted);
    assert_true(member_at(2, id, 0).linked);
    assert_int_equal(peers_of(0), 1);
    assert_int_equal(peers_of(2), 1);
    mesh_stop(&mesh, 1); /* nobody else can pass anything on */
    mesh_publish(&mesh, 0, 1);
    assert_ok(publish_in(&mesh, 0, id, 2));
    assert_ok(publish_in(&mesh, 2, id, 3));
    mesh_run(&mesh, 200000);
    assert_int_equal(seen(&mesh, 0, 0).records, 2);
    assert_int_equal(seen(&mesh, 2, 0).records, 2);
    assert_int_equal(mesh_count(&mesh, 2, RP_SET_CONTENT), 0); /* nothing of the commons */
    mesh_start(&mesh, 1);
    mesh_run(&mesh, 200000);
    assert_int_equal(mesh_count(&mesh, 2, RP_SET_CONTENT), 1); /* that comes by way of peers */
    assert_false(sees_any(&mesh, 1));
    mesh_free(&mesh);
}

static void they_find_each_other_again_after_a_restart(void **state)
{
    uint8_t id[RP_ID_LEN];

    (void)state;
    begin_line(id);
    mesh_run(&mesh, 100000); /* beacons are stored */
    for (unsigned i = 0; i < 3; i++)
        mesh_stop(&mesh, i);
    mesh_start(&mesh, 0);
    mesh_start(&mesh, 2);
    mesh_run(&mesh, 10000);
    assert_true(member_at(2, id, 0).linked);
    assert_ok(publish_in(&mesh, 0, id, 2));
    mesh_run(&mesh, 1000);
    assert_int_equal(seen(&mesh, 2, 0).records, 1);
    mesh_start(&mesh, 1);
    mesh_free(&mesh);
}

static void who_leaves_has_no_link_any_more(void **state)
{
    uint8_t id[RP_ID_LEN];

    (void)state;
    begin_line(id);
    assert_ok(core_circle_decide(mesh.nodes[2].core, id, false, mesh.now));
    mesh_run(&mesh, 1000);
    assert_null(core_links(mesh.nodes[2].core, core_links(mesh.nodes[2].core, NULL)));
    assert_ok(publish_in(&mesh, 0, id, 1));
    mesh_run(&mesh, 1000000); /* it is called again, in vain */
    assert_int_equal(seen(&mesh, 2, 0).records, 0);
    assert_false(member_at(0, id, 2).linked);
    assert_non_null(member_at(0, id, 2).why);
    assert_ok(core_circle_decide(mesh.nodes[2].core, id, true, mesh.now));
    mesh_run(&mesh, 10000);
    assert_int_equal(seen(&mesh, 2, 0).records, 1);
    mesh_free(&mesh);
}

static void a_link_for_everything_takes_the_place_of_one_for_circles(void **state)
{
    uint8_t id[RP_ID_LEN];

    (void)state;
    begin_line(id);
    mesh_stop(&mesh, 1);
    mesh_publish(&mesh, 0, 1);
    mesh_join(&mesh, 0, 2);
    mesh_run(&mesh, 60000);
    assert_int_equal(mesh_count(&mesh, 2, RP_SET_CONTENT), 1);
    assert_ok(publish_in(&mesh, 0, id, 2));
    mesh_run(&mesh, 1000);
    assert_int_equal(seen(&mesh, 2, 0).records, 1);
    for (unsigned i = 0; i < 3; i += 2) {
        const struct link *only = core_links(mesh.nodes[i].core, NULL);

        assert_non_null(only);
        assert_null(core_links(mesh.nodes[i].core, only));
        assert_false(only->only_circles);
    }
    /* and back again: who is no peer any more still is in the circle */
    assert_ok(core_remove_peer(mesh.nodes[0].core, mesh.nodes[2].org.identity.org, NULL, mesh.now));
    mesh_run(&mesh, 400000);
    mesh_publish(&mesh, 0, 3);
    assert_ok(publish_in(&mesh, 0, id, 4));
    mesh_run(&mesh, 400000);
    assert_int_equal(seen(&mesh, 2, 0).records, 2);
    assert_int_equal(mesh_count(&mesh, 2, RP_SET_CONTENT), 1);
    mesh_start(&mesh, 1);
    mesh_free(&mesh);
}

static void who_is_blocked_is_not_called(void **state)
{
    static const struct act act = {NULL, 0};
    uint8_t id[RP_ID_LEN];

    (void)state;
    begin_line(id);
    assert_ok(core_block(mesh.nodes[0].core, mesh.nodes[2].org.identity.org, &act, mesh.now));
    mesh_run(&mesh, 400000);
    assert_false(member_at(0, id, 2).linked);
    assert_false(member_at(2, id, 0).linked);
    assert_ok(core_unblock(mesh.nodes[0].core, mesh.nodes[2].org.identity.org, &act, mesh.now));
    mesh_run(&mesh, 400000);
    assert_true(member_at(2, id, 0).linked);
    mesh_free(&mesh);
}

/* Callers that speak for themselves */

struct caller {
    struct link *link;
    struct rp_session *session;
    struct rp_bytes heard; /* all frames one after the other */
    int last;              /* type of the last */
};

/* Moves bytes both ways until there are none. */
static void pump(struct caller *caller)
{
    struct core *core = mesh.nodes[0].core;
    struct rp_slice bytes;
    struct rp_slice frame;
    bool moved = true;

    while (moved) {
        mesh_run(&mesh, 0);
        assert_ok(rp_session_transmit(caller->session, &bytes));
        moved = bytes.len > 0;
        if (moved && caller->link->state != LINK_ENDING)
            (void)!core_receive(core, caller->link, bytes, mesh.now);
        assert_ok(core_transmit(core, caller->link, &bytes, mesh.now));
        moved |= bytes.len > 0;
        while (bytes.len > 0) {
            assert_ok(rp_session_receive(caller->session, mesh.now, &bytes, &frame));
            if (frame.data == NULL)
                break;
            caller->last = rp_message_type(frame);
            caller->heard.data = realloc(caller->heard.data, caller->heard.len + frame.len);
            assert_non_null(caller->heard.data);
            memcpy(caller->heard.data + caller->heard.len, frame.data, frame.len);
            caller->heard.len += frame.len;
        }
    }
}

static void say(struct caller *caller, struct rp_writer *w)
{
    assert_ok(w->err);
    assert_ok(rp_session_send(caller->session, rp_writer_slice(w)));
    rp_writer_free(w);
    pump(caller);
}

/* Node ${who}, which is stopped, calls node 0 and shows ${issued}. */
static void call(struct caller *caller, unsigned who, struct rp_slice issued)
{
    struct mesh_node *node = &mesh.nodes[who];
    uint8_t ephemeral[RP_KEY_LEN];
    struct rp_session_opts opts = {.initiator = true,
                                   .key = &node->noise,
                                   .ephemeral = ephemeral,
                                   .proof = rp_bytes_slice(&node->proof)};
    struct rp_hello hello = {.time = mesh.now, .circle = issued};
    struct rp_writer w;

    unit_fill(ephemeral, 9000);
    *caller = (struct caller){.link = core_accept(mesh.nodes[0].core, "9.9.9.9:9", mesh.now)};
    assert_non_null(caller->link);
    caller->session = rp_session_new(&opts, mesh.now);
    assert_non_null(caller->session);
    pump(caller);
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_message_write_hello(&w, &hello);
    say(caller, &w);
}

static void hang_up(struct caller *caller)
{
    core_closed(mesh.nodes[0].core, caller->link, mesh.now);
    rp_session_free(caller->session);
    rp_bytes_free(&caller->heard);
}

/* Node ${who} is told, when it calls and shows ${issued}, what a stranger is told who shows
 * nothing; nobody is (${knocks}) noted to have called. */
static void is_refused_like_anybody(unsigned who, struct rp_slice issued, bool knocks)
{
    struct caller plain;
    struct caller caller;
    struct knock knock;

    call(&plain, 4, (struct rp_slice){NULL, 0}); /* of whom node 0 has never heard */
    assert_int_equal(plain.last, RP_MESSAGE_REFUSE);
    assert_true(core_knock(mesh.nodes[0].core, 0, &knock));
    call(&caller, who, issued);
    assert_int_equal(caller.link->state, LINK_ENDING);
    assert_int_equal(caller.heard.len, plain.heard.len);
    assert_memory_equal(caller.heard.data, plain.heard.data, plain.heard.len);
    assert_true(who == 4 || core_knock(mesh.nodes[0].core, 1, &knock) == knocks);
    hang_up(&plain);
    hang_up(&caller);
}

/* The descriptor of the circle ${id} of node 0. */
static struct rp_slice issued_of(const uint8_t *id)
{
    return rp_bytes_slice(&circles_find(mesh.nodes[0].core, id)->issued);
}

static void calling_tells_nobody_who_is_in_a_circle(void **state)
{
    uint8_t id[RP_ID_LEN];
    uint8_t left[RP_ID_LEN];
    static const unsigned c[] = {2};
    struct circle_opts opts = {"Not any more", 1, NULL};
    struct caller caller;

    (void)state;
    mesh_init(&mesh, 5); /* the line, somebody else whom all accept, and somebody beside them */
    mesh_join(&mesh, 0, 1);
    mesh_join(&mesh, 1, 2);
    mesh_join(&mesh, 1, 3);
    mesh_run(&mesh, 20000);
    found(&mesh, 0, c, 1, id);
    opts.member = mesh.nodes[2].org.identity.org;
    assert_ok(core_circle_create(mesh.nodes[0].core, &opts, mesh.now, left));
    mesh_run(&mesh, 1000);
    assert_ok(core_circle_decide(mesh.nodes[0].core, left, false, mesh.now));
    for (unsigned i = 2; i < 5; i++)
        mesh_stop(&mesh, i);
    mesh_run(&mesh, 1000);
    is_refused_like_anybody(4, rp_bytes_str("garbage"), true);
    is_refused_like_anybody(4, issued_of(id), true); /* it has leaked, but is not theirs */
    is_refused_like_anybody(2, issued_of(left), false);
    is_refused_like_anybody(3, issued_of(id), true);
    is_refused_like_anybody(2, (struct rp_slice){NULL, 0}, true);
    call(&caller, 2, issued_of(id));
    assert_int_equal(caller.link->state, LINK_OPEN);
    hang_up(&caller);
    for (unsigned i = 2; i < 5; i++)
        mesh_start(&mesh, i);
    mesh_free(&mesh);
}

static void nothing_else_is_said_on_such_a_link(void **state)
{
    struct rp_accept accept = {.reset = true};
    struct rp_check check = {.exchange = 1, .asks = {true, true}};
    struct rp_have have = {.set = RP_SET_CONTENT};
    static const uint8_t symbol[RP_SYMBOL_LEN] = {1};
    struct caller caller;
    struct rp_writer w;
    uint8_t id[RP_ID_LEN];
    size_t before;

    (void)state;
    begin_line(id);
    mesh_publish(&mesh, 0, 1);
    mesh_stop(&mesh, 2);
    mesh_run(&mesh, 1000);
    call(&caller, 2, issued_of(id));
    assert_int_equal(caller.link->state, LINK_OPEN);
    before = caller.heard.len;
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_message_write_check(&w, &check); /* of the commons */
    say(&caller, &w);
    assert_int_equal(caller.last, RP_MESSAGE_DONE);
    assert_true(caller.heard.len < before + 16);
    before = caller.heard.len;
    have.symbols = (struct rp_slice){symbol, sizeof symbol};
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_message_write_have(&w, &have);
    say(&caller, &w);
    assert_int_equal(caller.heard.len, before); /* it is not asked for */
    mesh_run(&mesh, 20000);
    pump(&caller);
    assert_int_not_equal(caller.link->state, LINK_ENDING);
    rp_writer_init(&w, RP_FRAME_MAX);
    rp_message_write_accept(&w, &accept);
    say(&caller, &w);
    assert_int_equal(caller.link->state, LINK_ENDING);
    hang_up(&caller);
    mesh_start(&mesh, 2);
    mesh_free(&mesh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_who_are_no_peers_find_each_other),
        cmocka_unit_test(they_find_each_other_again_after_a_restart),
        cmocka_unit_test(who_leaves_has_no_link_any_more),
        cmocka_unit_test(a_link_for_everything_takes_the_place_of_one_for_circles),
        cmocka_unit_test(who_is_blocked_is_not_called),
        cmocka_unit_test(calling_tells_nobody_who_is_in_a_circle),
        cmocka_unit_test(nothing_else_is_said_on_such_a_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
